//! Liveness, readiness, metrics, the API's own description, and the answers to what is not there.

use super::{ApiState, Problem, mark_ready};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri, header};
use std::sync::Arc;

/// `GET /healthz`
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`
pub(super) async fn readyz(State(state): State<Arc<ApiState>>) -> Response {
    match mark_ready(&state.ready) {
        StatusCode::OK => "ready\n".into_response(),
        status => (status, "not ready\n").into_response(),
    }
}

/// `GET /metrics`
pub(super) async fn metrics(State(state): State<Arc<ApiState>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], state.metrics.text()).into_response()
}

/// `GET /openapi.json`
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], super::openapi::document()).into_response()
}

/// Any other path.
pub(super) async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("no such resource: {}", uri.path()))
}

/// A path with another method. The router adds Allow.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this resource has other methods, see Allow")
}
