//! The listener.

use crate::MAX_BODY;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// After a failed accept (no file descriptors left) the listener rests this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// For a request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers with `respond` until `stop` is cancelled; what is not answered by then never is. Connections run on `tasks`.
pub async fn serve<F, R>(listener: TcpListener, respond: F, stop: CancellationToken, tasks: TaskTracker)
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Bytes>> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (respond, stop) = (respond.clone(), stop.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = connection(stream, respond) => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<F, R>(stream: TcpStream, respond: F)
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Bytes>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let respond = respond.clone();
        async move { Ok::<_, Infallible>(whole(request, respond).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn whole<F, R>(request: Request<Incoming>, respond: F) -> Response<Full<Bytes>>
where
    F: Fn(Request<Bytes>) -> R,
    R: Future<Output = Response<Bytes>>,
{
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => respond(Request::from_parts(head, body.to_bytes())).await.map(Full::new),
        Err(_) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
    }
}
