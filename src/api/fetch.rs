//! The oneM2M spelling of the network side's fetch (TS-0003 clause 8.3.2.1).

use super::naf::{answer, derive, grant, permit};
use super::{ApiState, Caller, Problem};
use crate::config::UaProtocols;
use crate::credential::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::gba::{BTid, CipherSuite, NafId, UaSecurityProtocolId};
use ksnaf_proto::hex;
use ksnaf_proto::onem2m::{EnrolmentTarget, Suid};
use serde_json::json;
use std::sync::Arc;

/// `GET /fetchCredentials/{KeID}/{SUID}` with `X-M2M-Origin` naming the target.
pub(super) async fn fetch_credentials(
    state: State<Arc<ApiState>>,
    caller: Result<Caller, Problem>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    headers: HeaderMap,
) -> Response {
    let path = path.map_err(|error| Problem::bad_request(error.body_text()));
    match fetch(&state, caller, path, &headers).await {
        Ok(response) => response,
        Err(problem) => {
            let body = json!({ "Status": false, "ErrorString": problem.detail });
            let mut response = answer(body);
            *response.status_mut() = problem.status;
            if problem.status == StatusCode::UNAUTHORIZED {
                return problem.into_response();
            }
            response
        }
    }
}

async fn fetch(
    state: &ApiState,
    caller: Result<Caller, Problem>,
    path: Result<Path<(String, String)>, Problem>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let caller = caller?;
    let Path((ke_id, suid)) = path?;
    let suid = suid.parse().map(Suid).map_err(|_| Problem::bad_request("SUID: not a number"))?;
    let target = EnrolmentTarget::of_suid(suid)
        .ok_or_else(|| Problem::bad_request("SUID: a bootstrap by GBA gives 21 (MAF) and 22 (CSE)"))?;
    let b_tid = BTid::parse(&ke_id).map_err(|error| Problem::bad_request(format!("KeID: {error}")))?;
    let mut origins = headers.get_all("x-m2m-origin").iter();
    let origin = match (origins.next().and_then(|value| value.to_str().ok()), origins.next()) {
        (Some(origin), None) => origin.trim(),
        _ => {
            return Err(Problem::bad_request(
                "X-M2M-Origin: one header with the target's AE-ID, CSE-ID or MAF-ID",
            ));
        }
    };
    // A target that no entry knows gets the answer of one that is not allowed.
    let candidates = state.policy.entries_of_origin(origin);
    let mut ids = candidates.map(|naf| NafId::new(naf.fqdn.clone(), ua_of(&naf.ua_protocols)));
    let first = ids.next().ok_or_else(Problem::forbidden)?;
    // Of two service providers with the same CSE-ID, the caller's is meant.
    let is_callers = |id: &NafId| grant(state, &caller, id, Form::Onem2m).is_some();
    let naf_id = if is_callers(&first) { first } else { ids.find(is_callers).unwrap_or(first) };
    let mut grant = permit(state, &caller, &naf_id, Form::Onem2m, "naf")?;
    grant.target = target;
    let (credential, told) = derive(state, &b_tid, naf_id, &grant).await?;
    Ok(answer(json!({
        "Status": true,
        "Credential": hex::encode(credential.key.danger_expose()),
        "EnroleeID": told.enrolee_id,
        "Lifetime": to_xs_date_time(credential.expires_at),
    })))
}

/// TS-0003 names no Ua identifier, but the key depends on it: the entry's first, or the one of the suite that clause
/// 10.2.2 demands of TLS where the entry allows any.
fn ua_of(allowed: &UaProtocols) -> UaSecurityProtocolId {
    let demanded = UaSecurityProtocolId::tls(CipherSuite::PSK_AES_128_CBC_SHA256);
    match allowed {
        UaProtocols::Any => demanded,
        UaProtocols::Listed(listed) if listed.contains(&demanded) => demanded,
        UaProtocols::Listed(listed) => listed.first().copied().unwrap_or(demanded),
    }
}
