//! The listener of the service-based interfaces: HTTP/2 with prior knowledge and HTTP/1.1 on one port.

use crate::behaviour::Behaviour;
use crate::sbi::Answer;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use ksnaf_proto::sbi::MAX_BODY;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// After a failed accept (no file descriptors left) the listener rests this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// For a request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until the token is cancelled; what is not answered by then never is.
pub(crate) async fn serve(
    listener: TcpListener,
    behaviour: Arc<Behaviour>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (behaviour, stop) = (Arc::clone(&behaviour), stop.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = connection(stream, behaviour) => {}
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

async fn connection(stream: TcpStream, behaviour: Arc<Behaviour>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let behaviour = Arc::clone(&behaviour);
        async move { Ok::<_, Infallible>(respond(request, &behaviour).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn respond(request: Request<Incoming>, behaviour: &Behaviour) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let answered = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => behaviour.http(&head.method, head.uri.path(), &body.to_bytes()).await,
        Err(_) => return status(StatusCode::PAYLOAD_TOO_LARGE),
    };
    let Ok(Answer { status: code, media_type, body }) = answered else {
        return std::future::pending().await;
    };
    tracing::info!(method = %head.method, version = ?head.version, status = code.as_u16(), "request answered");
    let mut response = status(code);
    *response.body_mut() = Full::new(Bytes::copy_from_slice(body.danger_expose()));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
