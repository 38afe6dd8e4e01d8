//! Live associations, without keys.

use super::naf::answer;
use super::{ApiState, Caller, Problem};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use ksnaf_proto::gba::BTid;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::identity::Impi;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use std::time::SystemTime;

/// Associations in one answer unless `limit` says less.
const PAGE: usize = 1000;

/// One live association.
#[derive(Debug, Serialize)]
pub(super) struct Association {
    b_tid: String,
    /// `GBA_ME` or `GBA_U`.
    gba_mode: &'static str,
    /// UTC.
    created_at: String,
    /// UTC.
    expires_at: String,
    /// Only for callers in `api.identity_readers`, of subscribers who consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    impi: Option<String>,
}

/// A page of them.
#[derive(Debug, Serialize)]
pub(super) struct AssociationList {
    associations: Vec<Association>,
    /// Ask again with `after` set to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /v1/associations`
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    query: Result<Query<PageQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    if !state.is_admin(&caller) {
        return Err(Problem::forbidden());
    }
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let after = query.after.as_deref().map(parse).transpose()?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let found = state.store()?.associations(after.as_ref(), limit, SystemTime::now()).await?;
    let next = if found.len() == limit { found.last().map(|last| last.b_tid.to_string()) } else { None };
    let tell = caller.is_among(&state.config.identity_readers);
    let mut associations = Vec::with_capacity(found.len());
    for association in &found {
        associations.push(describe(&state, association, tell).await?);
    }
    Ok(answer(json!(AssociationList { associations, next })))
}

async fn describe(
    state: &ApiState,
    association: &ksnaf_proto::gba::Association,
    tell: bool,
) -> Result<Association, Problem> {
    let consents = tell && consents(state, &association.impi).await?;
    Ok(Association {
        b_tid: association.b_tid.to_string(),
        gba_mode: association.gba_mode.as_str(),
        created_at: to_xs_date_time(association.created_at),
        expires_at: to_xs_date_time(association.expires_at),
        impi: consents.then(|| association.impi.as_str().to_owned()),
    })
}

/// Whether the subscriber lets its identity be told (SER-015). One that this process does not know does not.
pub(super) async fn consents(state: &ApiState, impi: &Impi) -> Result<bool, Problem> {
    let Some(store) = &state.store else {
        return Ok(false);
    };
    Ok(store.subscriber(impi).await?.is_some_and(|subscriber| subscriber.consent))
}

/// `DELETE /v1/associations/{b_tid}`
pub(super) async fn revoke(
    State(state): State<Arc<ApiState>>,
    caller: Caller,
    Path(b_tid): Path<String>,
) -> Result<Response, Problem> {
    if !state.is_admin(&caller) {
        return Err(Problem::forbidden());
    }
    if state.store()?.revoke(&parse(&b_tid)?).await? {
        tracing::info!(caller = ?caller.names, "association revoked");
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(Problem::no_context())
    }
}

fn parse(b_tid: &str) -> Result<BTid, Problem> {
    BTid::parse(b_tid).map_err(|error| Problem::bad_request(format!("b_tid: {error}")))
}
