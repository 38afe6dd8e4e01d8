//! The built-in AuC's subscribers, for the command line: over the Unix socket, to the process's own user only.

use super::naf::answer;
use super::{ApiState, Caller, Problem, body};
use crate::store::{Added, Subscriber};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use ksnaf_proto::aka::AkaKey;
use ksnaf_proto::hex;
use ksnaf_proto::identity::{Imsi, mask_digits};
use ksnaf_proto::subscriber::file::{self, Format};
use ksnaf_proto::zh::CardAka;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Octets of an import: a million subscribers have some 150 MB.
const MAX_IMPORT: usize = 512 * 1024 * 1024;

/// Subscribers in one answer.
const PAGE: usize = 1000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SubscriberQuery {
    after: Option<String>,
    replace: bool,
    danger_show: bool,
}

fn query(
    query: Result<Query<SubscriberQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<SubscriberQuery, Problem> {
    query.map(|Query(query)| query).map_err(|error| Problem::bad_request(error.body_text()))
}

type QueryResult = Result<Query<SubscriberQuery>, axum::extract::rejection::QueryRejection>;

fn owner(caller: &Caller) -> Result<(), Problem> {
    if caller.owner { Ok(()) } else { Err(Problem::forbidden()) }
}

/// `GET /v1/subscribers`
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    parameters: QueryResult,
) -> Result<Response, Problem> {
    owner(&caller)?;
    let parameters = query(parameters)?;
    let after = parameters.after.as_deref().map(imsi).transpose()?;
    let found = state.store()?.subscribers(after.as_ref(), PAGE).await?;
    let next =
        if found.len() == PAGE { found.last().map(|last| last.imsi.as_str().to_owned()) } else { None };
    let subscribers: Vec<Value> = found.iter().map(|one| describe(one, parameters.danger_show)).collect();
    Ok(answer(json!({ "subscribers": subscribers, "next": next })))
}

/// `POST /v1/subscribers`: all of it or nothing.
pub(super) async fn add(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    parameters: QueryResult,
    request: Request,
) -> Result<Response, Problem> {
    owner(&caller)?;
    let parameters = query(parameters)?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let format = match kind.unwrap_or_default().split(';').next().unwrap_or_default().trim() {
        "text/csv" => Format::Csv,
        "application/jsonl" | "application/json" => Format::JsonLines,
        _ => {
            let detail = "the body must be text/csv or application/jsonl";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
    };
    let content = zeroize::Zeroizing::new(body::read(request.into_body(), MAX_IMPORT).await?);
    let subscribers = match file::parse(&content, format) {
        Ok(subscribers) => subscribers,
        Err(bad) => {
            let errors: Vec<String> = bad.iter().map(ToString::to_string).collect();
            let detail = format!("nothing was imported: {} bad lines", errors.len());
            return Ok(refused(StatusCode::BAD_REQUEST, &detail, &errors));
        }
    };
    let added = subscribers.len();
    match state.store()?.add_subscribers(subscribers, parameters.replace).await? {
        Added::All { replaced } => Ok(answer(json!({ "added": added, "replaced": replaced }))),
        Added::Taken(taken) => {
            let errors: Vec<String> = taken.iter().map(|imsi| imsi.as_str().to_owned()).collect();
            let detail =
                "nothing was imported: these IMSIs, or their IMPIs, are taken (replace to overwrite)";
            Ok(refused(StatusCode::CONFLICT, detail, &errors))
        }
    }
}

/// A problem with a list of what is wrong.
fn refused(status: StatusCode, detail: &str, errors: &[String]) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({ "status": status.as_u16(), "title": title, "detail": detail, "errors": errors });
    let mut response = answer(body);
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// `GET /v1/subscribers/{imsi}`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Path(text): Path<String>,
    parameters: QueryResult,
) -> Result<Response, Problem> {
    owner(&caller)?;
    let found = state.store()?.subscriber_by_imsi(&imsi(&text)?).await?.ok_or_else(unknown)?;
    Ok(answer(describe(&found, query(parameters)?.danger_show)))
}

/// `DELETE /v1/subscribers/{imsi}`
pub(super) async fn remove(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    owner(&caller)?;
    if state.store()?.remove_subscriber(&imsi(&text)?).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(unknown())
    }
}

fn imsi(text: &str) -> Result<Imsi, Problem> {
    Imsi::parse(text).map_err(|error| Problem::bad_request(error.to_string()))
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such subscriber").cause("USER_NOT_FOUND")
}

/// A subscriber as an import file would have it; keys and identities masked unless asked for.
fn describe(subscriber: &Subscriber, danger_show: bool) -> Value {
    let secret = |octets: &[u8]| if danger_show { json!(hex::encode(octets)) } else { json!("(hidden)") };
    let identity = |text: &str| json!(if danger_show { text.to_owned() } else { mask_digits(text) });
    let impi =
        if danger_show { subscriber.impi.as_str().to_owned() } else { format!("{:?}", subscriber.impi) };
    let mut whole = json!({
        "imsi": identity(subscriber.imsi.as_str()),
        "impi": impi,
        "amf": hex::encode(&subscriber.amf.0),
        "sqn": hex::encode(&subscriber.sqn.octets()),
        "uicc": match subscriber.card {
            CardAka::Umts => subscriber.gba_mode.uicc_type(),
            CardAka::Gsm => "SIM",
        },
        "consent": subscriber.consent,
    });
    if let Some(members) = whole.as_object_mut() {
        match &subscriber.key {
            None => {
                members.insert("algorithm".into(), json!("none"));
            }
            Some(AkaKey::Milenage { k, opc }) => {
                members.insert("algorithm".into(), json!("milenage"));
                members.insert("k".into(), secret(k.danger_expose()));
                members.insert("opc".into(), secret(opc.danger_expose()));
            }
            Some(AkaKey::Tuak { k, topc, res_octets, iterations }) => {
                members.insert("algorithm".into(), json!("tuak"));
                members.insert("k".into(), secret(k.danger_expose()));
                members.insert("topc".into(), secret(topc.danger_expose()));
                members.insert("res_bits".into(), json!(u16::from(*res_octets) * 8));
                members.insert("keccak_iterations".into(), json!(iterations));
            }
        }
        if let Some(digest) = &subscriber.digest {
            members.insert("ha1".into(), secret(digest.ha1.danger_expose()));
            members.insert("realm".into(), json!(digest.realm));
        }
        if let Some(msisdn) = &subscriber.msisdn {
            members.insert("msisdn".into(), identity(msisdn));
        }
        if !subscriber.impus.is_empty() {
            let impus: Vec<Value> = subscriber.impus.iter().map(|impu| identity(impu)).collect();
            members.insert("impu".into(), Value::Array(impus));
        }
        if let Some(lifetime) = subscriber.key_lifetime {
            members.insert("key_lifetime".into(), json!(lifetime.as_secs()));
        }
        if let Some(guss) = &subscriber.guss {
            let text = String::from_utf8_lossy(guss);
            members.insert("guss".into(), if danger_show { json!(text) } else { json!("(hidden)") });
        }
    }
    whole
}
