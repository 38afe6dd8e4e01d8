//! The service-based interfaces on HTTP.

use crate::behaviour::Behaviour;
use crate::sbi::Answer;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};

impl Behaviour {
    /// Answers one request, or never does.
    pub(crate) async fn respond(&self, request: Request<Bytes>) -> Response<Bytes> {
        let answered = self.http(request.method(), request.uri().path(), request.body()).await;
        let Ok(Answer { status, media_type, body }) = answered else {
            return std::future::pending().await;
        };
        let (method, version) = (request.method(), request.version());
        tracing::info!(%method, ?version, status = status.as_u16(), "request answered");
        let mut response = Response::new(Bytes::copy_from_slice(body.danger_expose()));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        response
    }
}
