//! Nbsp_GBA (TS 29.309): Zn as a service-based interface. Another face of the network side's fetch, for the same callers;
//! `ksnaf_proto::zn` decides.

use super::caller::authenticate;
use super::{ApiState, associations, body};
use crate::http::server::{Handler, Peer, host_is_valid};
use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use ksnaf_proto::sbi::ProblemDetails;
use ksnaf_proto::sbi::problem::{PROBLEM_JSON, cause};
use ksnaf_proto::zn::{self, NafQuery, Principal, ZnError, ZnPolicy, nbsp_gba};
use std::sync::Arc;
use std::time::SystemTime;

/// Octets of a request's body; the largest has some hundred.
const MAX_BODY: usize = 64 * 1024;

/// The service as a handler of the HTTP server.
#[derive(Clone)]
pub struct NbspGba {
    state: Arc<ApiState>,
    policy: Arc<ZnPolicy>,
}

impl NbspGba {
    /// The service over the API's state.
    #[must_use]
    pub fn new(state: Arc<ApiState>) -> Self {
        let policy = Arc::new(state.policy.on_zn());
        Self { state, policy }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Result<Response<Body>, ProblemDetails> {
        if !host_is_valid(&request) {
            return Err(ProblemDetails::new(400, cause::INVALID_MSG_FORMAT));
        }
        if request.uri().path() != format!("/{}{}", nbsp_gba::API, nbsp_gba::PATH) {
            return Err(ProblemDetails::new(404, cause::RESOURCE_URI_STRUCTURE_NOT_FOUND));
        }
        if request.method() != Method::POST {
            return Err(ProblemDetails { status: Some(405), ..ProblemDetails::default() });
        }
        let caller = authenticate(peer, request.headers(), &self.state.tokens, self.state.own_uid).map_err(
            |problem| ProblemDetails { status: Some(problem.status.as_u16()), ..ProblemDetails::default() },
        )?;
        if !is_json(&request) {
            return Err(ProblemDetails { status: Some(415), ..ProblemDetails::default() });
        }
        let body = body::read(Body::new(request.into_body()), MAX_BODY).await;
        let body = body.map_err(|problem| ProblemDetails {
            status: Some(problem.status.as_u16()),
            detail: Some(problem.detail),
            ..ProblemDetails::default()
        })?;
        let query = NafQuery::parse_json(&body).map_err(nbsp_gba::RequestError::problem)?;
        let host = |name: &String| Principal::Host(name.clone());
        let names = caller.names.iter().cloned().map(Principal::Name);
        let proved: Vec<Principal> = names.chain(peer.certificate_names.iter().map(host)).collect();
        let naf = query.naf_id.clone();
        match self.keys(&proved, query).await {
            Ok(keys) => {
                self.state.metrics.count_credential("zn", "given");
                tracing::info!(%naf, "key given on Zn");
                let body = Body::from(nbsp_gba::answer(&keys).danger_expose().to_vec());
                Ok(json(StatusCode::OK, "application/json", body))
            }
            Err(error) => {
                let outcome = match error {
                    ZnError::NotAuthorized => "forbidden",
                    ZnError::UnknownTransaction => "unknown",
                    _ => "failed",
                };
                self.state.metrics.count_credential("zn", outcome);
                tracing::info!(%naf, %error, caller = ?caller.names, "no key on Zn");
                Err(error.problem())
            }
        }
    }

    async fn keys(&self, caller: &[Principal], query: NafQuery) -> Result<zn::NafAnswer, ZnError> {
        let authorized = self.policy.authorize(caller, query)?;
        let now = SystemTime::now();
        let store = self.state.store.as_deref().ok_or(ZnError::Unavailable)?;
        let association = store.association(&authorized.query().b_tid, now).await.map_err(|error| {
            tracing::error!(%error, "store failed");
            ZnError::Unavailable
        })?;
        let mut answer = zn::answer(&authorized, association.as_ref(), now)?;
        // The policy lets this NAF know; the subscriber decides too (SER-015).
        if let Some(impi) = &answer.impi {
            let consents = associations::consents(&self.state, impi).await.unwrap_or(false);
            if !consents {
                answer.impi = None;
            }
        }
        Ok(answer)
    }
}

impl Handler for NbspGba {
    type Body = Body;

    async fn handle(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Response<Body> {
        let bound = self.state.config.request_timeout.0;
        let answered = tokio::time::timeout(bound, self.answer(request, &peer)).await;
        let late = || Err(ProblemDetails::new(503, cause::NF_CONGESTION));
        answered.unwrap_or_else(|_| late()).unwrap_or_else(|problem| refused(&problem))
    }
}

fn is_json(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

fn refused(problem: &ProblemDetails) -> Response<Body> {
    let status = problem.status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, PROBLEM_JSON, Body::from(problem.to_json()));
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ksnaf\""));
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
