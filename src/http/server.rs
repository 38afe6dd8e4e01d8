//! One server skeleton: bound listener in, bounded connections, graceful end.

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Response, Version};
use hyper::body::{Body, Incoming};
use hyper::service::{HttpService, Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use ksnaf_proto::secret::Secret;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bounds of one listener.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait in the listen queue.
    pub max_connections: usize,
    /// For a TLS handshake, and for a request's header: idle connections end after it too.
    pub header_timeout: Duration,
    /// Whether HTTP/2 with prior knowledge or by ALPN is spoken beside HTTP/1.1.
    pub http2: bool,
}

/// Header lines of one request. Real UEs send about ten.
const MAX_HEADERS: usize = 64;

/// Octets of one request's header section: an Authorization with a long opaque has 2 KiB.
const MAX_HEADER_OCTETS: usize = 16 * 1024;

/// After a failed accept (no file descriptors left) the listener rests this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where connections come from.
pub enum Listener {
    /// Plain TCP.
    Tcp(TcpListener),
    /// TLS over TCP.
    Tls(TcpListener, TlsAcceptor),
    /// TLS over TCP whose connections export a key by this label (RFC 5705).
    TlsExporting(TcpListener, TlsAcceptor, Arc<str>),
    /// Unix socket.
    Unix(UnixListener),
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Address of a TCP peer.
    pub address: Option<SocketAddr>,
    /// Whether TLS protects the connection.
    pub tls: bool,
    /// DNS names and URIs of a verified client certificate.
    pub certificate_names: Vec<String>,
    /// What TLS exports by the listener's label, if it has one: whatever is bound to it holds on this connection only.
    pub exported: Option<Secret<48>>,
    /// User of a Unix socket peer.
    pub uid: Option<u32>,
}

/// Answers requests; cloned per connection.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The answer's body.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;

    /// Answers one request.
    fn handle(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Whether a request names its host as HTTP/1.1 demands: one Host field, a host and perhaps a port (RFC 9112 clause
/// 3.2). HTTP/1.0 may leave it out; HTTP/2 has it in the target.
#[must_use]
pub fn host_is_valid<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(http::header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() != Version::HTTP_11,
        (Some(host), None) => {
            host.is_empty() || host.to_str().is_ok_and(|text| text.parse::<Authority>().is_ok())
        }
        (Some(_), Some(_)) => false,
    }
}

/// Serves until `shutdown`, then lets open requests finish. Connections run on `tracker`, which the caller waits for
/// as long as it likes; `abort` ends those that are left.
pub async fn serve<H: Handler>(
    listener: Listener,
    limits: Limits,
    handler: H,
    shutdown: CancellationToken,
    tracker: TaskTracker,
    abort: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    loop {
        let slot = tokio::select! {
            () = shutdown.cancelled() => return,
            slot = Arc::clone(&slots).acquire_owned() => match slot {
                Ok(slot) => slot,
                Err(_) => return,
            },
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(raw) => {
                let context = Context { limits, shutdown: shutdown.clone(), slot };
                let (handler, abort) = (handler.clone(), abort.clone());
                tracker.spawn(async move {
                    tokio::select! {
                        () = abort.cancelled() => {}
                        () = context.run(raw, handler) => {}
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

enum Raw {
    Tcp(tokio::net::TcpStream, SocketAddr),
    Tls(tokio::net::TcpStream, SocketAddr, TlsAcceptor, Option<Arc<str>>),
    Unix(tokio::net::UnixStream),
}

impl Listener {
    async fn accept(&self) -> std::io::Result<Raw> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, address)| Raw::Tcp(stream, address)),
            Self::Tls(listener, acceptor) => {
                let accepted = listener.accept().await;
                accepted.map(|(stream, address)| Raw::Tls(stream, address, acceptor.clone(), None))
            }
            Self::TlsExporting(listener, acceptor, label) => {
                let (stream, address) = listener.accept().await?;
                Ok(Raw::Tls(stream, address, acceptor.clone(), Some(Arc::clone(label))))
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Raw::Unix(stream)),
        }
    }
}

struct Context {
    limits: Limits,
    shutdown: CancellationToken,
    slot: OwnedSemaphorePermit,
}

impl Context {
    async fn run<H: Handler>(self, raw: Raw, handler: H) {
        match raw {
            Raw::Tcp(stream, address) => {
                let _ = stream.set_nodelay(true);
                let peer = Peer { address: Some(address), ..Peer::default() };
                self.connection(stream, peer, handler).await;
            }
            Raw::Tls(stream, address, acceptor, label) => {
                let _ = stream.set_nodelay(true);
                match tokio::time::timeout(self.limits.header_timeout, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
                        let certificate_names = super::tls::names_of(certificates);
                        let exported =
                            label.and_then(|label| super::tls::exported(stream.get_ref().1, &label));
                        let peer = Peer {
                            address: Some(address),
                            tls: true,
                            certificate_names,
                            exported,
                            uid: None,
                        };
                        self.connection(stream, peer, handler).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
                    Err(_) => tracing::debug!(%address, "TLS handshake timed out"),
                }
            }
            Raw::Unix(stream) => {
                let uid = stream.peer_cred().ok().map(|credentials| credentials.uid());
                self.connection(stream, Peer { uid, ..Peer::default() }, handler).await;
            }
        }
    }

    /// A client that closes its sending half after its request, as `nc -N` does, still gets its answer.
    async fn connection<S, H>(self, stream: S, peer: Peer, handler: H)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        H: Handler,
    {
        let peer = Arc::new(peer);
        let address = peer.address;
        let asked = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&asked);
        let service = service_fn(move |request| {
            seen.store(true, Ordering::Relaxed);
            let (handler, peer) = (handler.clone(), Arc::clone(&peer));
            async move { Ok::<_, Infallible>(handler.handle(request, peer).await) }
        });
        let ended = if self.limits.http2 {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http1()
                .timer(TokioTimer::new())
                .half_close(true)
                .header_read_timeout(self.limits.header_timeout)
                .max_headers(MAX_HEADERS)
                .max_buf_size(MAX_HEADER_OCTETS);
            builder
                .http2()
                .timer(TokioTimer::new())
                .max_concurrent_streams(100)
                .max_header_list_size(MAX_HEADER_OCTETS as u32)
                .keep_alive_interval(self.limits.header_timeout)
                .keep_alive_timeout(self.limits.header_timeout);
            self.drive(builder.serve_connection(TokioIo::new(stream), service), &asked).await
        } else {
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .half_close(true)
                .header_read_timeout(self.limits.header_timeout)
                .max_headers(MAX_HEADERS)
                .max_buf_size(MAX_HEADER_OCTETS);
            let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
            self.drive(connection, &asked).await
        };
        if let Err(error) = ended {
            tracing::debug!(?address, error, "connection ended early");
        }
        drop(self.slot);
    }

    /// Serves a connection to its end; from the shutdown on, to the end of the request it is at. A connection on which
    /// nothing is asked at first is let go after the header's time: until a client has said which HTTP it speaks, none
    /// of hyper's own bounds holds.
    async fn drive<C>(&self, connection: C, asked: &AtomicBool) -> Result<(), String>
    where
        C: Draining,
    {
        tokio::pin!(connection);
        let silence = async {
            tokio::time::sleep(self.limits.header_timeout).await;
            if asked.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = silence => return Err("nothing was asked in time".to_owned()),
            () = self.shutdown.cancelled() => {
                connection.as_mut().end_with_this_request();
                connection.await
            }
        };
        ended.map_err(|error| error.to_string())
    }
}

/// A connection that can be told to end with the request that it is at.
trait Draining: Future<Output = Result<(), Self::Error>> {
    type Error: std::fmt::Display;

    fn end_with_this_request(self: Pin<&mut Self>);
}

impl<I, S, B> Draining for hyper::server::conn::http1::UpgradeableConnection<I, S>
where
    S: HttpService<Incoming, ResBody = B, Error = Infallible>,
    B: Body<Error: Into<BoxError>> + 'static,
    I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    type Error = hyper::Error;

    fn end_with_this_request(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<I, S, B> Draining for auto::Connection<'_, I, S, TokioExecutor>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    type Error = BoxError;

    fn end_with_this_request(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_one_host() {
        let valid = |hosts: &[&str], version| {
            let mut request = Request::builder().version(version);
            for host in hosts {
                request = request.header("Host", *host);
            }
            host_is_valid(&request.body(()).unwrap())
        };
        for host in ["bsf.example", "bsf.example:80", "127.0.0.1:8080", "[::1]:80", ""] {
            assert!(valid(&[host], Version::HTTP_11), "{host}");
        }
        for hosts in [&[][..], &["a", "a"], &["a b"], &["a/b"]] {
            assert!(!valid(hosts, Version::HTTP_11), "{hosts:?}");
        }
        assert!(valid(&[], Version::HTTP_10) && valid(&[], Version::HTTP_2));
    }
}
