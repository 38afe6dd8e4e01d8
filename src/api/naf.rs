//! Network side: the credential for whoever received a B-TID over Ua.

use super::body::Json;
use super::enrolee::Told;
use super::{ApiState, Caller, Problem};
use crate::config::{GbaTypes, NafConfig};
use crate::credential::{Credential, Form};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use ksnaf_proto::gba::{BTid, GbaType, NafId, UaSecurityProtocolId};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::EnrolmentTarget;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::SystemTime;

/// Which credential.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialRequest {
    /// The B-TID that came over Ua.
    #[serde(default)]
    b_tid: Option<String>,
    /// The NAF's name as the UE addressed it.
    naf_fqdn: String,
    /// Ten hex digits or a name such as `http-digest` or `tls-psk:TLS_PSK_WITH_AES_128_CBC_SHA256`.
    ua_sec_prot_id: String,
    /// `raw`, `tls-psk`, `http-digest` or `onem2m`.
    #[serde(default)]
    form: Option<String>,
}

impl CredentialRequest {
    /// The NAF and form it names, or which member is wrong.
    fn parse(&self) -> Result<(NafId, Form), Problem> {
        let naf_id = NafId::new(naf_fqdn(&self.naf_fqdn)?, ua_sec_prot_id(&self.ua_sec_prot_id)?);
        Ok((naf_id, form(self.form.as_deref())?))
    }
}

pub(super) fn naf_fqdn(text: &str) -> Result<Fqdn, Problem> {
    Fqdn::parse(text).map_err(|e| Problem::bad_request(format!("naf_fqdn: {e}")))
}

pub(super) fn ua_sec_prot_id(text: &str) -> Result<UaSecurityProtocolId, Problem> {
    text.parse().map_err(|e| Problem::bad_request(format!("ua_sec_prot_id: {e}")))
}

/// `raw` where none is named.
pub(super) fn form(text: Option<&str>) -> Result<Form, Problem> {
    let form = text.map_or(Ok(Form::Raw), str::parse);
    form.map_err(|e| Problem::bad_request(format!("form: {e}")))
}

/// `POST /v1/naf/credentials`
pub(super) async fn credentials(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Json(request): Json<CredentialRequest>,
) -> Result<Response, Problem> {
    let (naf_id, form) = request.parse()?;
    let b_tid = request.b_tid.as_deref().ok_or_else(|| Problem::bad_request("b_tid: missing"))?;
    let b_tid = BTid::parse(b_tid).map_err(|e| Problem::bad_request(format!("b_tid: {e}")))?;
    let grant = permit(&state, &caller, &naf_id, form, "naf")?;
    let (credential, told) = derive(&state, &b_tid, naf_id, &grant).await?;
    let mut body = credential.danger_json(form);
    if form == Form::Onem2m {
        told.add_to(&mut body);
    }
    Ok(answer(body))
}

/// What an entry of `[[naf]]`, or owning the process, allows.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) ks_int: bool,
    /// Whether it may hear who a subscriber is that consents.
    pub(super) private_identity: bool,
    /// What may stand behind the key.
    pub(super) gba_types: GbaTypes,
    pub(super) target: EnrolmentTarget,
}

impl From<&NafConfig> for Grant {
    fn from(naf: &NafConfig) -> Self {
        Self {
            ks_int: naf.ks_int,
            private_identity: naf.private_identity,
            gba_types: naf.gba_types.clone(),
            target: naf.enrolment_target.into(),
        }
    }
}

impl Grant {
    /// The process's own user, for a NAF that has no entry.
    fn of_owner() -> Self {
        Self {
            ks_int: false,
            private_identity: false,
            gba_types: GbaTypes::all(),
            target: EnrolmentTarget::default(),
        }
    }

    /// Whether a bootstrap of that type will do. One that will not is as good as not allowed.
    pub(super) fn demand(
        &self,
        gba_type: GbaType,
        state: &ApiState,
        side: &'static str,
    ) -> Result<(), Problem> {
        if self.gba_types.allow(gba_type) {
            return Ok(());
        }
        state.metrics.count_credential(side, "forbidden");
        tracing::info!(%gba_type, side, "credential refused: the NAF does not take this bootstrap");
        Err(Problem::forbidden())
    }
}

/// Asks the policy, before anything is looked up.
pub(super) fn permit(
    state: &ApiState,
    caller: &Caller,
    naf_id: &NafId,
    form: Form,
    side: &'static str,
) -> Result<Grant, Problem> {
    grant(state, caller, naf_id, form).ok_or_else(|| {
        state.metrics.count_credential(side, "forbidden");
        tracing::info!(caller = ?caller.names, naf = %naf_id, %form, side, "credential refused by policy");
        Problem::forbidden()
    })
}

/// What the policy allows, without a word about what it does not.
pub(super) fn grant(state: &ApiState, caller: &Caller, naf_id: &NafId, form: Form) -> Option<Grant> {
    let entry = state.policy.permit(&caller.names, naf_id, form.as_str()).map(Grant::from);
    let by_owner = || {
        caller.owner.then(|| state.policy.entry_of(&naf_id.fqdn).map_or_else(Grant::of_owner, Grant::from))
    };
    entry.or_else(by_owner)
}

/// Finds the association and derives, and says whose it is; 404 where there is none.
pub(super) async fn derive(
    state: &ApiState,
    b_tid: &BTid,
    naf_id: NafId,
    grant: &Grant,
) -> Result<(Credential, Told), Problem> {
    let association = state.store()?.association(b_tid, SystemTime::now()).await?;
    let Some(association) = association else {
        state.metrics.count_credential("naf", "unknown");
        return Err(Problem::no_context());
    };
    grant.demand(association.gba_type, state, "naf")?;
    let told = Told::of(state, &association.impi, &naf_id, grant).await?;
    state.metrics.count_credential("naf", "given");
    tracing::info!(naf = %naf_id, mode = %association.gba_mode, "credential given to the network side");
    Ok((Credential::of_association(&association, naf_id, grant.ks_int, grant.target), told))
}

/// 200 that nobody may keep.
pub(super) fn answer(body: Value) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}
