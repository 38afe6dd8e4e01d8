//! Device side: what this card and its network can bootstrap, a bootstrap, a credential.

use super::associations::consents;
use super::body::Json;
use super::naf::{CredentialRequest, answer, permit};
use super::{ApiState, Caller, Problem};
use crate::credential::Form;
use crate::ue::{Capability, Device, UeError};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// What can be bootstrapped here, and what of it this caller may have.
#[derive(Debug, Serialize)]
pub(super) struct Capabilities {
    #[serde(flatten)]
    capability: Capability,
    /// Forms of a credential.
    forms: Vec<&'static str>,
    /// The NAFs whose credentials this caller may have.
    nafs: Vec<NafCapability>,
}

/// One NAF that the caller may ask for.
#[derive(Debug, Serialize)]
pub(super) struct NafCapability {
    fqdn: String,
    /// Ten hex digits each, or `*`.
    ua_protocols: Vec<String>,
}

/// `GET /v1/capabilities`
pub(super) async fn capabilities(State(state): State<Arc<ApiState>>, caller: Caller) -> Response {
    let capability = Capability::of(state.device.as_deref(), state.store.is_some(), &state.bsf).await;
    let nafs = state
        .policy
        .of(&caller.names)
        .map(|naf| NafCapability { fqdn: naf.fqdn.to_string(), ua_protocols: naf.ua_protocols.names() })
        .collect();
    answer(json!(Capabilities { capability, forms: Form::ALL.map(Form::as_str).to_vec(), nafs }))
}

/// Whether a valid Ks will do.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BootstrapRequest {
    /// Bootstrap even where a valid Ks is at hand.
    #[serde(default)]
    force: bool,
}

/// The bootstrap that credentials come from.
#[derive(Debug, Serialize)]
pub(super) struct BootstrapAnswer {
    b_tid: String,
    /// UTC.
    expires_at: String,
    /// `GBA_ME` or `GBA_U`.
    gba_mode: &'static str,
    /// Only for callers in `api.identity_readers`, of a subscriber who consents.
    #[serde(skip_serializing_if = "Option::is_none")]
    impi: Option<String>,
}

/// `POST /v1/ue/bootstrap`
pub(super) async fn bootstrap(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Json(request): Json<BootstrapRequest>,
) -> Result<Response, Problem> {
    let run = device(&state)?.bootstrap(request.force).await?;
    let tell = caller.is_among(&state.config.identity_readers) && consents(&state, &run.impi).await?;
    Ok(answer(json!(BootstrapAnswer {
        b_tid: run.b_tid.to_string(),
        expires_at: to_xs_date_time(run.expires_at),
        gba_mode: run.gba_mode.as_str(),
        impi: tell.then(|| run.impi.as_str().to_owned()),
    })))
}

/// `POST /v1/ue/credentials`
pub(super) async fn credentials(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Json(request): Json<CredentialRequest>,
) -> Result<Response, Problem> {
    let (naf_id, form) = request.parse()?;
    if request.b_tid.is_some() {
        return Err(Problem::bad_request("b_tid: the device side derives from its own card"));
    }
    let grant = permit(&state, &caller, &naf_id, form, "ue")?;
    let mut credential = device(&state)?.credential(naf_id).await.inspect_err(|_| {
        state.metrics.count_credential("ue", "failed");
    })?;
    grant.demand(credential.gba_type, &state, "ue")?;
    credential.target = grant.target;
    state.metrics.count_credential("ue", "given");
    Ok(answer(credential.danger_json(form)))
}

fn device(state: &ApiState) -> Result<&Device, Problem> {
    state
        .device
        .as_deref()
        .ok_or_else(|| Problem::unavailable("this process has no device side: set card.use"))
}

impl From<UeError> for Problem {
    fn from(error: UeError) -> Self {
        let (status, cause) = match error.kind() {
            crate::ue::UeErrorKind::Card => (StatusCode::SERVICE_UNAVAILABLE, "CARD_UNAVAILABLE"),
            crate::ue::UeErrorKind::Refused => (StatusCode::BAD_GATEWAY, "AUTHENTICATION_REJECTED"),
            crate::ue::UeErrorKind::Unreachable => (StatusCode::SERVICE_UNAVAILABLE, "BSF_UNREACHABLE"),
            crate::ue::UeErrorKind::Protocol => (StatusCode::BAD_GATEWAY, "BSF_PROTOCOL_ERROR"),
        };
        Self::new(status, error.to_string()).cause(cause)
    }
}
