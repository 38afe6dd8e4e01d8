//! What stands behind the proxy: one connection to it for each of a client's, kept as long as both like.

use super::refusal::{Body, Refusal};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Where requests go.
#[derive(Clone)]
pub(super) struct Upstream {
    host: String,
    port: u16,
    prefix: String,
    patience: Duration,
}

/// A client's connection to it, where there is one.
pub(super) type Line = tokio::sync::Mutex<Option<SendRequest<Body>>>;

impl Upstream {
    /// By its URL; it has `patience` to begin an answer, counted from the last octet of the request.
    pub(super) fn new(url: &Uri, patience: Duration) -> Self {
        let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let prefix = url.path().trim_end_matches('/').to_owned();
        Self { host, port: url.port_u16().unwrap_or(80), prefix, patience }
    }

    /// The request target there.
    pub(super) fn target(&self, asked: &Uri) -> Option<Uri> {
        let target = asked.path_and_query().map_or("/", |target| target.as_str());
        format!("{}{target}", self.prefix).parse().ok()
    }

    /// Sends a request and gives the answer's head, its body to follow.
    pub(super) async fn send(
        &self,
        line: &Line,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, Refusal> {
        let active = Arc::new(Mutex::new(Instant::now()));
        let (parts, body) = request.into_parts();
        let body = http_body_util::BodyExt::boxed_unsync(Watched { body, active: Arc::clone(&active) });
        let exchange = self.exchange(line, Request::from_parts(parts, body));
        tokio::pin!(exchange);
        loop {
            let since = active.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
            let left = self.patience.saturating_sub(since);
            if left.is_zero() {
                tracing::warn!(upstream = %self.host, "no answer in time");
                return Err(Refusal::Status(StatusCode::GATEWAY_TIMEOUT, "no answer in time"));
            }
            tokio::select! {
                answer = &mut exchange => return answer.map_err(|error| {
                    tracing::warn!(upstream = %self.host, error, "no answer");
                    Refusal::Status(StatusCode::BAD_GATEWAY, "no answer")
                }),
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// A connection that the other end has closed since is replaced, where nothing of the request has gone out on it.
    async fn exchange(&self, line: &Line, mut request: Request<Body>) -> Result<Response<Incoming>, String> {
        let mut line = line.lock().await;
        if let Some(mut kept) = line.take()
            && kept.ready().await.is_ok()
        {
            match kept.try_send_request(request).await {
                Ok(answer) => {
                    *line = Some(kept);
                    return Ok(answer);
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().to_string()),
                },
            }
        }
        let mut fresh = self.connect().await.map_err(|error| error.to_string())?;
        let answer = fresh.send_request(request).await.map_err(|error| error.to_string())?;
        *line = Some(fresh);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Body>, Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = Builder::new().handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }
}

/// A body that tells when it last moved.
struct Watched {
    body: Body,
    active: Arc<Mutex<Instant>>,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
