//! Device side: what this card and its network can bootstrap, a bootstrap, a credential.

use super::associations::consents;
use super::body::Json;
use super::naf::{Grant, answer, form, grant, naf_fqdn, permit, ua_sec_prot_id};
use super::{ApiState, Caller, Problem};
use crate::credential::Form;
use crate::ue::{Capability, Device, UeError};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::gba::{NafId, UaSecurityProtocolId};
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

/// Which credential.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialRequest {
    /// Network side only, and so refused.
    #[serde(default)]
    b_tid: Option<String>,
    /// The NAF's name as the UE addresses it. For form `onem2m`, by default the enrolment target that the card names.
    #[serde(default)]
    naf_fqdn: Option<String>,
    /// Ten hex digits or a name such as `http-digest` or `tls-psk:TLS_PSK_WITH_AES_128_CBC_SHA256`.
    ua_sec_prot_id: String,
    /// `raw`, `tls-psk`, `http-digest` or `onem2m`.
    #[serde(default)]
    form: Option<String>,
}

/// `POST /v1/ue/credentials`
pub(super) async fn credentials(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Json(request): Json<CredentialRequest>,
) -> Result<Response, Problem> {
    if request.b_tid.is_some() {
        return Err(Problem::bad_request("b_tid: the device side derives from its own card"));
    }
    let named = request.naf_fqdn.as_deref().map(naf_fqdn).transpose()?;
    let (ua, form) = (ua_sec_prot_id(&request.ua_sec_prot_id)?, form(request.form.as_deref())?);
    let (naf_id, grant) = match named {
        Some(fqdn) => {
            let naf_id = NafId::new(fqdn, ua);
            let grant = permit(&state, &caller, &naf_id, form, "ue")?;
            (naf_id, grant)
        }
        None if form == Form::Onem2m => target_of_card(&state, &caller, ua).await?,
        None => {
            return Err(Problem::bad_request("naf_fqdn: missing; the card may name it for form onem2m only"));
        }
    };
    let mut credential = device(&state)?.credential(naf_id).await.inspect_err(|_| {
        state.metrics.count_credential("ue", "failed");
    })?;
    grant.demand(credential.gba_type, &state, "ue")?;
    credential.target = grant.target;
    state.metrics.count_credential("ue", "given");
    Ok(answer(credential.danger_json(form)))
}

/// The first enrolment target of the card that GBA may serve and this caller may ask for, called as the card calls it.
async fn target_of_card(
    state: &ApiState,
    caller: &Caller,
    ua: UaSecurityProtocolId,
) -> Result<(NafId, Grant), Problem> {
    let card = device(state)?.card().await?;
    let targets = || card.enrolment.allowed().map(|it| (it.role, NafId::new(it.naf_fqdn.clone(), ua)));
    let granted = targets().find_map(|(role, naf_id)| {
        let grant = grant(state, caller, &naf_id, Form::Onem2m)?;
        Some((naf_id, Grant { target: role.target(), ..grant }))
    });
    if let Some(granted) = granted {
        return Ok(granted);
    }
    let none = || Problem::bad_request("naf_fqdn: missing, and the card names no enrolment target for GBA");
    let (_, first) = targets().next().ok_or_else(none)?;
    permit(state, caller, &first, Form::Onem2m, "ue").map(|grant| (first, grant))
}

pub(super) fn device(state: &ApiState) -> Result<&Device, Problem> {
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
            crate::ue::UeErrorKind::NotAllowed => (StatusCode::FORBIDDEN, "GBA_SERVICE_NOT_AVAILABLE"),
        };
        Self::new(status, error.to_string()).cause(cause)
    }
}
