//! The credential API: HTTP/1.1 and HTTP/2, JSON, problem details.
//!
//! Request functions take a [`Caller`], which only authentication gives; there is no middleware to forget.

mod associations;
mod body;
pub mod caller;
mod deposits;
mod enrolee;
mod fetch;
mod naf;
mod openapi;
mod operation;
pub mod problem;
mod push;
mod subscribers;
mod ue;
pub mod zn;

use caller::{Caller, Tokens, authenticate};
use problem::Problem;

use crate::config::{ApiConfig, NafPolicy};
use crate::credential::enrolment::Enrolment;
use crate::credential::provisioned::Provisioned;
use crate::http::server::{Handler, Peer, host_is_valid};
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use crate::ue::Device;
use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post, put};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use ksnaf_proto::gba::NafId;
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::secret::Secret;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tower_service::Service as _;

/// What the API needs of the rest.
pub struct ApiState {
    /// Associations and subscribers; none on a pure device side.
    pub store: Option<Arc<dyn Store>>,
    /// The device side, where there is a card.
    pub device: Option<Arc<Device>>,
    /// Who may have which NAF's keys.
    pub policy: NafPolicy,
    /// Which subscribers may enrol with which targets, and as what.
    pub enrolment: Arc<Enrolment>,
    /// What service providers have deposited, where there is a network side.
    pub provisioned: Option<Arc<Provisioned>>,
    /// Who goes by which token.
    pub tokens: Tokens,
    /// The process's user.
    pub own_uid: u32,
    /// Further settings.
    pub config: ApiConfig,
    /// This BSF's name.
    pub bsf: Fqdn,
    /// Makes pseudonyms of subscribers, one per NAF.
    pub pseudonym_key: Secret<32>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// False while starting and from SIGTERM on.
    pub ready: Arc<AtomicBool>,
}

impl ApiState {
    fn store(&self) -> Result<&dyn Store, Problem> {
        self.store.as_deref().ok_or_else(|| Problem::unavailable("this process has no network side"))
    }

    fn is_admin(&self, caller: &Caller) -> bool {
        caller.owner || caller.is_among(&self.config.admins)
    }

    /// A name for a subscriber that no two NAFs share (SER-025): stable for one NAF, no use to another.
    fn pseudonym(&self, impi: &Impi, naf: &NafId) -> String {
        crate::credential::pseudonym(&self.pseudonym_key, impi.as_str(), &naf.fqdn)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store failed");
        Self::unavailable("the store does not answer")
    }
}

/// The API as a handler of the HTTP server.
#[derive(Clone)]
pub struct Api {
    router: Router,
    bound: Duration,
}

impl Api {
    /// Lays out the routes.
    #[must_use]
    pub fn new(state: Arc<ApiState>) -> Self {
        let bound = state.config.request_timeout.0;
        let router = Router::new()
            .route("/v1/capabilities", get(ue::capabilities))
            .route("/v1/ue/bootstrap", post(ue::bootstrap))
            .route("/v1/ue/credentials", post(ue::credentials))
            .route("/v1/ue/push", post(push::take))
            .route("/v1/naf/credentials", post(naf::credentials))
            .route("/fetchCredentials/{ke_id}/{suid}", get(fetch::fetch_credentials))
            .route("/v1/associations", get(associations::list))
            .route("/v1/associations/{b_tid}", delete(associations::revoke))
            .route("/v1/provisioned/{target}", get(deposits::list))
            .route("/v1/provisioned/{target}/{credential_id}", put(deposits::put).delete(deposits::remove))
            .route("/v1/subscribers", get(subscribers::list).post(subscribers::add))
            .route("/v1/subscribers/{imsi}", get(subscribers::show).delete(subscribers::remove))
            .route("/healthz", get(operation::healthz))
            .route("/readyz", get(operation::readyz))
            .route("/metrics", get(operation::metrics))
            .route("/openapi.json", get(operation::openapi))
            .fallback(operation::not_found)
            .method_not_allowed_fallback(operation::method_not_allowed)
            .with_state(state);
        Self { router, bound }
    }
}

impl Handler for Api {
    type Body = Body;

    async fn handle(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Response<Body> {
        if !host_is_valid(&request) {
            return Problem::bad_request("a request names one host").into_response();
        }
        self.answer(request.map(Body::new), peer).await
    }
}

impl Api {
    /// Answers one request, wherever it comes from.
    pub async fn answer(&self, mut request: Request<Body>, peer: Arc<Peer>) -> Response<Body> {
        request.extensions_mut().insert(peer);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let mut router = self.router.clone();
        let response = match tokio::time::timeout(self.bound, router.call(request)).await {
            Ok(Ok(response)) => response,
            Err(_) => Problem::unavailable("the request took too long").into_response(),
        };
        // A path may hold a B-TID, which is no secret, but names a subscriber's session: debug only.
        tracing::debug!(%method, path, status = response.status().as_u16(), "api");
        response
    }
}

impl FromRequestParts<Arc<ApiState>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ApiState>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Arc<Peer>>().cloned().unwrap_or_default();
        authenticate(&peer, &parts.headers, &state.tokens, state.own_uid)
    }
}

fn mark_ready(ready: &AtomicBool) -> StatusCode {
    if ready.load(Ordering::Relaxed) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
