//! Device side: the key of an association that a NAF has pushed.

use super::body::Json;
use super::naf::{answer, permit};
use super::ue::device;
use super::{ApiState, Caller, Problem};
use crate::credential::Form;
use crate::ue::{PushError, Pushed};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::hex;
use ksnaf_proto::zpn::GbaPushInfo;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// What came over Upa.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushRequest {
    /// GBA-Push-Info, in hex or base64.
    gpi: String,
}

impl PushRequest {
    /// Whatever is hex throughout is hex: as base64 it would be no push either.
    fn octets(&self) -> Result<GbaPushInfo, Problem> {
        let text = self.gpi.trim();
        let octets = hex::decode(text).or_else(|| STANDARD.decode(text).ok());
        octets.map(GbaPushInfo).ok_or_else(|| Problem::bad_request("gpi: neither hex nor base64"))
    }
}

/// `POST /v1/ue/push`
pub(super) async fn take(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Json(request): Json<PushRequest>,
) -> Result<Response, Response> {
    let refused = |problem: Problem| problem.into_response();
    let octets = request.octets().map_err(refused)?;
    let device = device(&state).map_err(refused)?;
    let gpi = device.read_push(&octets).map_err(|error| refusal(&error))?;
    permit(&state, &caller, gpi.naf_id(), Form::Raw, "push").map_err(refused)?;
    let pushed = device.take_push(gpi).await.map_err(|error| {
        state.metrics.count_credential("push", "failed");
        tracing::info!(%error, "a push gives no key");
        match error {
            PushError::Ue(error) => Problem::from(error).into_response(),
            error => refusal(&error),
        }
    })?;
    state.metrics.count_credential("push", "given");
    Ok(answer(danger_json(&pushed)))
}

fn danger_json(pushed: &Pushed) -> serde_json::Value {
    json!({
        "p_tid": pushed.p_tid.as_str(),
        "naf_fqdn": pushed.naf_id.fqdn.as_str(),
        "ua_sec_prot_id": pushed.naf_id.ua.to_string(),
        "gba_mode": pushed.gba_mode.as_str(),
        "expires_at": to_xs_date_time(pushed.expires_at),
        "key": hex::encode(pushed.key.danger_expose()),
    })
}

fn refusal(error: &PushError) -> Response {
    let problem = |status, cause| Problem::new(status, error.to_string()).cause(cause);
    match error {
        PushError::NoLayout => {
            problem(StatusCode::NOT_IMPLEMENTED, "GBA_PUSH_INFO_UNAVAILABLE").into_response()
        }
        PushError::SyncFailure { rand, auts } => problem(StatusCode::CONFLICT, "SYNCHRONISATION_FAILURE")
            .with("rand", hex::encode(&rand.0))
            .with("auts", hex::encode(&auts.0))
            .into_response(),
        _ => problem(StatusCode::BAD_REQUEST, "GBA_PUSH_INFO_REJECTED").into_response(),
    }
}
