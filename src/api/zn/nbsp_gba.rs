//! Nbsp_GBA (TS 29.309): Zn and Zpn as a service-based interface, over HTTP/2 and HTTP/1.1.

use super::oauth::{Oauth, TokenError};
use super::{Face, Zn};
use crate::api::body;
use crate::api::caller::{Caller, Tokens, authenticate};
use crate::http::server::{Handler, Peer, host_is_valid};
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use ksnaf_proto::sbi::ProblemDetails;
use ksnaf_proto::sbi::problem::{PROBLEM_JSON, cause};
use ksnaf_proto::secret::SecretBytes;
use ksnaf_proto::zn::{NafQuery, Principal, ZnError, nbsp_gba};
use ksnaf_proto::zpn::{PushQuery, nbsp_gba as push};
use std::sync::Arc;
use std::time::Duration;

/// Octets of a request's body; the largest has some hundred.
const MAX_BODY: usize = 64 * 1024;

/// What a caller without a token, or with one that nobody knows, is told.
const CHALLENGE: &str = "Bearer realm=\"ksnaf\"";

/// The service as a handler of the HTTP server.
#[derive(Clone)]
pub struct NbspGba {
    inner: Arc<Inner>,
}

struct Inner {
    zn: Arc<Zn>,
    access: Access,
    bound: Duration,
}

/// How callers prove who they are.
pub struct Access {
    /// The API's tokens. Not asked where `oauth` is set.
    pub tokens: Tokens,
    /// Access tokens of an authorisation server.
    pub oauth: Option<Oauth>,
    /// The process's user.
    pub own_uid: u32,
}

/// An operation of the service.
#[derive(Debug, Clone, Copy)]
enum Operation {
    BootstrappingInfoRetrieval,
    PushInfoRetrieval,
}

impl Operation {
    fn of(path: &str) -> Option<Self> {
        match path.strip_prefix('/')?.strip_prefix(nbsp_gba::API)? {
            nbsp_gba::PATH => Some(Self::BootstrappingInfoRetrieval),
            push::PATH => Some(Self::PushInfoRetrieval),
            _ => None,
        }
    }

    const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::BootstrappingInfoRetrieval => &nbsp_gba::SCOPES,
            Self::PushInfoRetrieval => &push::SCOPES,
        }
    }
}

/// A problem, and what WWW-Authenticate says of it.
struct Refusal(Box<(ProblemDetails, Option<String>)>);

impl Refusal {
    fn with_challenge(problem: ProblemDetails, challenge: String) -> Self {
        Self(Box::new((problem, Some(challenge))))
    }
}

impl From<ProblemDetails> for Refusal {
    fn from(problem: ProblemDetails) -> Self {
        let challenge = (problem.status == Some(401)).then(|| CHALLENGE.to_owned());
        Self(Box::new((problem, challenge)))
    }
}

impl NbspGba {
    /// The service; a request is answered within `bound`.
    #[must_use]
    pub fn new(zn: Arc<Zn>, access: Access, bound: Duration) -> Self {
        Self { inner: Arc::new(Inner { zn, access, bound }) }
    }

    async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Result<Response<Body>, Refusal> {
        if !host_is_valid(&request) {
            return Err(ProblemDetails::new(400, cause::INVALID_MSG_FORMAT).into());
        }
        let operation = Operation::of(request.uri().path())
            .ok_or_else(|| ProblemDetails::new(404, cause::RESOURCE_URI_STRUCTURE_NOT_FOUND))?;
        if request.method() != Method::POST {
            return Err(bare(405).into());
        }
        let caller = self.inner.access.principals(peer, request.headers(), operation)?;
        if !is_json(&request) {
            return Err(bare(415).into());
        }
        let body = body::read(Body::new(request.into_body()), MAX_BODY).await;
        let body = body.map_err(|problem| ProblemDetails {
            detail: Some(problem.detail),
            ..bare(problem.status.as_u16())
        })?;
        let given = match operation {
            Operation::BootstrappingInfoRetrieval => self.keys(&caller, &body).await?,
            Operation::PushInfoRetrieval => self.push(&caller, &body).await?,
        };
        Ok(json(StatusCode::OK, "application/json", Body::from(given.danger_expose().to_vec())))
    }

    async fn keys(&self, caller: &[Principal], body: &[u8]) -> Result<SecretBytes, ProblemDetails> {
        let query = NafQuery::parse_json(body).map_err(nbsp_gba::RequestError::problem)?;
        let answer = self.inner.zn.keys(Face::Sbi, caller, query).await;
        answer.map(|answer| nbsp_gba::answer(&answer)).map_err(problem_of)
    }

    async fn push(&self, caller: &[Principal], body: &[u8]) -> Result<SecretBytes, ProblemDetails> {
        let query = PushQuery::parse_json(body).map_err(nbsp_gba::RequestError::problem)?;
        let answer = self.inner.zn.push(Face::Sbi, caller, query).await;
        answer.map(|answer| push::answer(&answer)).map_err(problem_of)
    }
}

fn problem_of(error: ZnError) -> ProblemDetails {
    // A NAF's developer has to know that no repetition helps.
    let detail = (error == ZnError::NoPushInfo).then(|| error.to_string());
    ProblemDetails { detail, ..error.problem() }
}

impl Access {
    /// Every name that the caller proves to have, or why it has none.
    fn principals(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        operation: Operation,
    ) -> Result<Vec<Principal>, Refusal> {
        let names = match &self.oauth {
            Some(oauth) => vec![bearer(oauth, headers, operation)?],
            None => {
                let caller = authenticate(peer, headers, &self.tokens, self.own_uid);
                let Caller { names, .. } = caller.map_err(|problem| bare(problem.status.as_u16()))?;
                names
            }
        };
        let hosts = peer.certificate_names.iter().cloned().map(Principal::Host);
        Ok(names.into_iter().map(Principal::Name).chain(hosts).collect())
    }
}

fn bearer(oauth: &Oauth, headers: &HeaderMap, operation: Operation) -> Result<String, Refusal> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| bare(401))?;
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .ok_or_else(|| bare(401))?
        .1
        .trim();
    oauth.principal(token, operation.scopes()).map_err(|error| {
        tracing::info!(%error, "access token refused");
        match error {
            TokenError::Invalid(_) => {
                Refusal::with_challenge(bare(401), format!("{CHALLENGE}, error=\"invalid_token\""))
            }
            TokenError::Scope => {
                let wanted = operation.scopes().join(" ");
                let challenge = format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{wanted}\"");
                Refusal::with_challenge(bare(403), challenge)
            }
        }
    })
}

/// A status that says everything.
fn bare(status: u16) -> ProblemDetails {
    ProblemDetails { status: Some(status), ..ProblemDetails::default() }
}

impl Handler for NbspGba {
    type Body = Body;

    async fn handle(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Response<Body> {
        let answered = tokio::time::timeout(self.inner.bound, self.answer(request, &peer)).await;
        let late = || Err(ProblemDetails::new(503, cause::NF_CONGESTION).into());
        answered.unwrap_or_else(|_| late()).unwrap_or_else(refused)
    }
}

fn is_json(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

fn refused(refusal: Refusal) -> Response<Body> {
    let (problem, challenge) = *refusal.0;
    let status = problem.status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, PROBLEM_JSON, Body::from(problem.to_json()));
    if let Some(challenge) = challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn json(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
