//! Errors on the wire: RFC 9457 problem details, with 3GPP's `cause` where it has a name for it (TS 29.571).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::collections::BTreeMap;

/// `application/problem+json`. The detail is for the caller: nothing of another subscriber, no secret.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// HTTP status.
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    /// The status's own words.
    pub title: String,
    /// What is wrong, and where.
    pub detail: String,
    /// 3GPP's name of the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// Members beyond RFC 9457's own.
    #[serde(flatten, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<&'static str, String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem with a status and a sentence.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { status, title, detail: detail.into(), cause: None, members: BTreeMap::new() }
    }

    /// With 3GPP's cause.
    #[must_use]
    pub const fn cause(mut self, cause: &'static str) -> Self {
        self.cause = Some(cause);
        self
    }

    /// With a member of its own, for programs.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.members.insert(name, value);
        self
    }

    /// 400.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401, for a caller whom no credential names.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "a bearer token, a client certificate or the Unix socket is needed",
        )
    }

    /// 403, with one body for every reason: what exists is not told to a caller who may not ask.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "this caller may not have that")
    }

    /// 404 for a B-TID that is unknown, expired or revoked.
    #[must_use]
    pub fn no_context() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no valid bootstrap has this B-TID").cause("CONTEXT_NOT_FOUND")
    }

    /// 503.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ksnaf\""));
        }
        response
    }
}
