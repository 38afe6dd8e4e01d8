//! Takes the CSE's notifications. One is no more than a ring: what it is about is read from the CSE, which knows who
//! wrote it, so that a forged one costs a look and nothing else.

use crate::http::server::{Handler, Peer, host_is_valid};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use std::sync::Arc;
use tokio::sync::Notify;

/// Octets of a notification.
const MAX_BODY: usize = 64 * 1024;

const RSC: HeaderName = HeaderName::from_static("x-m2m-rsc");
const RI: HeaderName = HeaderName::from_static("x-m2m-ri");
const RVI: HeaderName = HeaderName::from_static("x-m2m-rvi");

/// The handler of `cse.listen`.
#[derive(Clone)]
pub struct Doorbell {
    bell: Arc<Notify>,
}

impl Doorbell {
    pub(super) const fn new(bell: Arc<Notify>) -> Self {
        Self { bell }
    }
}

impl Handler for Doorbell {
    type Body = Full<Bytes>;

    async fn handle(&self, request: Request<Incoming>, _: Arc<Peer>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let whole = Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes);
        let is_notification = whole.is_ok_and(|body| {
            serde_json::from_slice::<serde_json::Value>(&body)
                .is_ok_and(|content| content.get("m2m:sgn").is_some())
        });
        let good = is_notification
            && parts.method == Method::POST
            && host_is_valid(&Request::from_parts(parts.clone(), ()));
        let (status, rsc) = if good { (StatusCode::OK, "2000") } else { (StatusCode::BAD_REQUEST, "4000") };
        if good {
            self.bell.notify_one();
        }
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        response.headers_mut().insert(RSC, HeaderValue::from_static(rsc));
        for name in [RI, RVI] {
            if let Some(value) = parts.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}
