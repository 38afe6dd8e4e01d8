//! Device side: the key of an association that a NAF has pushed.

use super::body::Json;
use super::naf::{answer, permit};
use super::ue::device;
use super::{ApiState, Caller, Problem};
use crate::credential::Form;
use crate::ue::{PushError, push_of_text};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use ksnaf_proto::hex;
use serde::Deserialize;
use std::sync::Arc;

/// What came over Upa.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushRequest {
    /// GBA-Push-Info, in hex or base64.
    gpi: String,
}

/// `POST /v1/ue/push`
pub(super) async fn take(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Json(request): Json<PushRequest>,
) -> Result<Response, Response> {
    let refused = |problem: Problem| problem.into_response();
    let octets = push_of_text(&request.gpi)
        .ok_or_else(|| refused(Problem::bad_request("gpi: neither hex nor base64")))?;
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
    Ok(answer(pushed.danger_json()))
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
