//! The client: one request on a connection of its own.

use crate::MAX_BODY;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge; inside TLS by ALPN.
    #[default]
    Http2,
}

/// Who is asked.
#[derive(Clone)]
pub struct Peer {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    version: Version,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The URL does not begin with `http://` or `https://` and a host, or is HTTPS without trusted certificates.
    #[error("{0}")]
    Url(&'static str),
    /// No connection.
    #[error("cannot reach {peer}: {source}")]
    Connect {
        /// Host and port.
        peer: String,
        /// What the system says.
        source: io::Error,
    },
    /// No answer in time.
    #[error("{peer} did not answer within {} s", .bound.as_secs())]
    Timeout {
        /// Host and port.
        peer: String,
        /// The bound.
        bound: Duration,
    },
    /// The connection broke, or the answer is no HTTP of the version that was spoken.
    #[error("no usable answer from {peer}: {reason}")]
    Broken {
        /// Host and port.
        peer: String,
        /// What went wrong.
        reason: String,
    },
}

impl Peer {
    /// The peer of a URL; `https` needs `trust`.
    ///
    /// # Errors
    /// [`AskError::Url`].
    pub fn of(url: &Uri, version: Version, trust: Option<&ClientConfig>) -> Result<Self, AskError> {
        let host = url.host().ok_or(AskError::Url("a URL with a host is needed"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (default_port, tls) = match url.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let mut config = trust.cloned().ok_or(AskError::Url("https needs trusted certificates"))?;
                let name: &[u8] = if version == Version::Http2 { b"h2" } else { b"http/1.1" };
                config.alpn_protocols = vec![name.to_vec()];
                (443, Some(Arc::new(config)))
            }
            _ => return Err(AskError::Url("a URL begins with http:// or https://")),
        };
        Ok(Self { host, port: url.port_u16().unwrap_or(default_port), tls, version })
    }

    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn authority(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { self.name() }
    }

    fn broken(&self, reason: impl ToString) -> AskError {
        AskError::Broken { peer: self.name(), reason: reason.to_string() }
    }
}

/// Sends a request and reads its answer, all within `bound`. Its URI is a path with a query; its Host is the peer's unless
/// it has one.
///
/// # Errors
/// [`AskError`].
pub async fn ask(peer: &Peer, request: Request<Bytes>, bound: Duration) -> Result<Response<Bytes>, AskError> {
    let timed_out = |_| AskError::Timeout { peer: peer.name(), bound };
    tokio::time::timeout(bound, exchange(peer, request)).await.map_err(timed_out)?
}

async fn exchange(peer: &Peer, request: Request<Bytes>) -> Result<Response<Bytes>, AskError> {
    let failed = |source| AskError::Connect { peer: peer.name(), source };
    let stream = TcpStream::connect((peer.host.as_str(), peer.port)).await.map_err(failed)?;
    let _ = stream.set_nodelay(true);
    match &peer.tls {
        None => talk(peer, stream, request).await,
        Some(config) => {
            let name =
                ServerName::try_from(peer.host.clone()).map_err(|_| AskError::Url("not a host name"))?;
            let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
            talk(peer, connector.connect(name, stream).await.map_err(failed)?, request).await
        }
    }
}

async fn talk<S>(peer: &Peer, stream: S, mut request: Request<Bytes>) -> Result<Response<Bytes>, AskError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(stream);
    let response = match peer.version {
        Version::Http1 => {
            if !request.headers().contains_key(header::HOST) {
                let host = HeaderValue::from_str(&peer.authority()).map_err(|error| peer.broken(error))?;
                request.headers_mut().insert(header::HOST, host);
            }
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(stream).await.map_err(|error| peer.broken(error))?;
            let connection = tokio::spawn(connection);
            let response = sender.send_request(request.map(Full::new)).await;
            (response, connection.abort_handle())
        }
        Version::Http2 => {
            absolute(peer, &mut request)?;
            let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
            let (mut sender, connection) = handshake.await.map_err(|error| peer.broken(error))?;
            let connection = tokio::spawn(connection);
            let response = sender.send_request(request.map(Full::new)).await;
            (response, connection.abort_handle())
        }
    };
    let (response, connection) = response;
    let whole = async {
        let (head, body) = response.map_err(|error| peer.broken(error))?.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| peer.broken(error))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    let whole = whole.await;
    connection.abort();
    whole
}

/// HTTP/2 names the authority in the target; a Host that the caller set goes there.
fn absolute(peer: &Peer, request: &mut Request<Bytes>) -> Result<(), AskError> {
    let host = request.headers_mut().remove(header::HOST);
    let host =
        host.and_then(|host| host.to_str().ok().map(str::to_owned)).unwrap_or_else(|| peer.authority());
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(if peer.tls.is_some() { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP });
    parts.authority = Some(host.parse().map_err(|error| peer.broken(error))?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| peer.broken(error))?;
    Ok(())
}
