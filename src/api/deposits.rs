//! Deposits: a service provider's own credentials for its Enrolees (SER-020, SER-021). What goes in comes out at the
//! Enrolee's end only, over Ua.

use super::body::Json;
use super::naf::answer;
use super::{ApiState, Caller, Problem};
use crate::config::Lifetime;
use crate::credential::provisioned::{Deposit, DepositError, Provisioned};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::hex;
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::{CredentialId, CredentialType, KeyId, Suid};
use ksnaf_proto::secret::Secret;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::json;
use std::sync::Arc;
use std::time::SystemTime;

/// Hex digits of a pseudonym.
const PSEUDONYM: usize = 32;

/// What is deposited.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DepositRequest {
    /// As the target knows it: AE-ID, CSE-ID or pseudonym.
    enrolee_id: String,
    suid: u16,
    /// 64 hex digits.
    #[serde(deserialize_with = "key")]
    key: Secret<32>,
    lifetime: Lifetime,
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<32>, D::Error> {
    let text = zeroize::Zeroizing::new(String::deserialize(deserializer)?);
    let octets = hex::decode_secret(&text);
    let key = octets.and_then(|octets| Secret::try_from(octets.danger_expose()).ok());
    key.ok_or_else(|| D::Error::custom("not 64 hex digits"))
}

/// `GET /v1/provisioned/{target}`
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Path(target): Path<String>,
) -> Result<Response, Problem> {
    let target = permit(&state, &caller, &target)?;
    let found = deposits(&state)?.of_target(&target, SystemTime::now());
    let described = found.iter().map(|deposit| {
        json!({
            "credential_id": deposit.credential_id.to_string(),
            "suid": deposit.suid.0,
            "enrolee": deposit.enrolee,
            "deposited_at": to_xs_date_time(deposit.deposited_at),
            "expires_at": to_xs_date_time(deposit.expires_at),
        })
    });
    Ok(answer(json!({ "credentials": described.collect::<Vec<_>>() })))
}

/// `PUT /v1/provisioned/{target}/{credential_id}`
pub(super) async fn put(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Path((target, credential_id)): Path<(String, String)>,
    Json(request): Json<DepositRequest>,
) -> Result<Response, Problem> {
    let target = permit(&state, &caller, &target)?;
    let now = SystemTime::now();
    let deposits = deposits(&state)?;
    let suid = Suid(request.suid);
    let credential_id = usable(&state, &credential_id, suid)?;
    let key = request.key;
    let enrolee = enrolee(&state, &deposits, &request.enrolee_id, &target)?;
    let expires_at = now + request.lifetime.0;
    let deposit =
        Deposit { target: target.clone(), credential_id, suid, enrolee, key, deposited_at: now, expires_at };
    let taken = tokio::task::spawn_blocking(move || deposits.put(deposit, now)).await;
    match taken.map_err(|_| unwritten())? {
        Ok(()) => {}
        Err(DepositError::Full) => return Err(Problem::unavailable("the target has too many credentials")),
        Err(DepositError::File(error)) => {
            tracing::error!(%error, "a deposit cannot be written");
            return Err(unwritten());
        }
    }
    tracing::info!(caller = ?caller.names, %target, %suid, "a credential is deposited");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /v1/provisioned/{target}/{credential_id}`
pub(super) async fn remove(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Path((target, credential_id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let target = permit(&state, &caller, &target)?;
    let deposits = deposits(&state)?;
    let id = CredentialId::parse(&credential_id)
        .map_err(|error| Problem::bad_request(format!("credential_id: {error}")))?;
    let name = target.clone();
    let removed = tokio::task::spawn_blocking(move || deposits.remove(&name, &id, SystemTime::now())).await;
    let removed = removed.map_err(|_| unwritten())?.map_err(|error| {
        tracing::error!(%error, "a deposit cannot be taken away");
        unwritten()
    })?;
    if !removed {
        return Err(Problem::new(StatusCode::NOT_FOUND, "the target has no such credential"));
    }
    tracing::info!(caller = ?caller.names, %target, "a deposited credential is taken away");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The target, for one of its principals that may deposit, or for an admin. Targets that no entry has are refused alike.
fn permit(state: &ApiState, caller: &Caller, target: &str) -> Result<Fqdn, Problem> {
    let refused = || {
        tracing::info!(caller = ?caller.names, "a caller may not deposit for this target");
        Problem::forbidden()
    };
    let target = Fqdn::parse(target).map_err(|_| refused())?;
    let own = state.policy.of(&caller.names).any(|naf| naf.fqdn == target && naf.provision);
    let by_admin = || state.is_admin(caller) && state.policy.entry_of(&target).is_some();
    if own || by_admin() { Ok(target) } else { Err(refused()) }
}

fn deposits(state: &ApiState) -> Result<Arc<Provisioned>, Problem> {
    state.provisioned.clone().ok_or_else(|| Problem::unavailable("this process has no network side"))
}

fn unwritten() -> Problem {
    Problem::unavailable("the deposit cannot be written")
}

/// A Credential-ID that goes with the usage. A bootstrap's own name is none: it is the BSF's to give.
fn usable(state: &ApiState, text: &str, suid: Suid) -> Result<CredentialId, Problem> {
    let id =
        CredentialId::parse(text).map_err(|error| Problem::bad_request(format!("credential_id: {error}")))?;
    let kind = CredentialType::of_suid(suid)
        .ok_or_else(|| Problem::bad_request("suid: a deposited key has 11 to 15 or 21 to 25"))?;
    if id.kind != kind {
        let detail = format!("credential_id: with suid {suid} its type is {}", kind.0);
        return Err(Problem::bad_request(detail));
    }
    let issuer = KeyId::parse(id.value()).map(|key| key.issuer().clone());
    if issuer.is_ok_and(|issuer| issuer == state.bsf) {
        return Err(Problem::bad_request("credential_id: the BSF issues keys of this name itself"));
    }
    Ok(id)
}

/// What is kept of an Enrolee is bound to its subscriber, whoever gets its AE-ID later.
fn enrolee(
    state: &ApiState,
    deposits: &Provisioned,
    enrolee_id: &str,
    target: &Fqdn,
) -> Result<String, Problem> {
    if let Some(impi) = state.enrolment.impi_of(enrolee_id, target) {
        return Ok(deposits.name_of(impi, target));
    }
    let is_digit = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    if enrolee_id.len() == PSEUDONYM && enrolee_id.bytes().all(is_digit) {
        return Ok(enrolee_id.to_owned());
    }
    Err(Problem::bad_request("enrolee_id: no Enrolee of this target"))
}
