//! A small HTTP/1.1 client: one connection, one request, bounded in time and size. The device side uses it on Ub, the
//! command line towards a running service.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use ksnaf_proto::secret::Secret;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// Octets of an answer's body that are read at the most.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Why there is no answer. Every variant but the last means "peer unreachable", exit status 5.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection.
    #[error("cannot reach {peer}: {source}")]
    Connect {
        /// Host and port, or the socket's path.
        peer: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// No answer in time.
    #[error("{peer} did not answer within {seconds} s")]
    Timeout {
        /// Host and port, or the socket's path.
        peer: String,
        /// The bound.
        seconds: u64,
    },
    /// The connection broke, or the answer is no HTTP.
    #[error("no usable answer from {peer}: {reason}")]
    Broken {
        /// Host and port, or the socket's path.
        peer: String,
        /// What went wrong.
        reason: String,
    },
    /// The address is no `http://` or `https://` URL with a host, or HTTPS without trusted certificates.
    #[error("{0}")]
    Address(&'static str),
}

/// Where to connect.
#[derive(Clone)]
pub enum Target {
    /// Host and port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Host and port over TLS.
    Tls {
        /// Name or address, checked against the certificate.
        host: String,
        /// Port.
        port: u16,
        /// Trust.
        config: Arc<ClientConfig>,
    },
    /// A Unix socket.
    Unix(std::path::PathBuf),
}

impl Target {
    /// The target of a URL; `https` needs `trust`.
    pub fn of(url: &Uri, trust: Option<&Arc<ClientConfig>>) -> Result<Self, ClientError> {
        let host = url.host().ok_or(ClientError::Address("a URL needs a host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        match url.scheme_str() {
            Some("http") => Ok(Self::Tcp { host, port: url.port_u16().unwrap_or(80) }),
            Some("https") => {
                let config = trust.cloned();
                let config =
                    config.ok_or(ClientError::Address("https needs trusted certificates: set ue.bsf_ca"))?;
                Ok(Self::Tls { host, port: url.port_u16().unwrap_or(443), config })
            }
            _ => Err(ClientError::Address("a URL begins with http:// or https://")),
        }
    }

    /// Whether somebody listens there, within `bound`.
    pub async fn takes_a_connection(&self, bound: Duration) -> bool {
        let connected = async {
            match self {
                Self::Tcp { host, port } | Self::Tls { host, port, .. } => {
                    TcpStream::connect((host.as_str(), *port)).await.is_ok()
                }
                Self::Unix(path) => UnixStream::connect(path).await.is_ok(),
            }
        };
        tokio::time::timeout(bound, connected).await.unwrap_or(false)
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => format!("{host}:{port}"),
            Self::Unix(path) => path.display().to_string(),
        }
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// A request before it is sent.
#[derive(Debug, Default)]
pub struct Ask<'a> {
    /// GET unless set.
    pub method: Method,
    /// Path and query.
    pub path: &'a str,
    /// Host header; the target's host and port unless set.
    pub host: Option<&'a str>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

/// Sends one request on a connection of its own and reads the answer, all within `bound`.
pub async fn send(target: &Target, ask: Ask<'_>, bound: Duration) -> Result<Answer, ClientError> {
    let timed_out = || ClientError::Timeout { peer: target.name(), seconds: bound.as_secs() };
    tokio::time::timeout(bound, exchange(target, ask)).await.map_err(|_| timed_out())?
}

async fn exchange(target: &Target, ask: Ask<'_>) -> Result<Answer, ClientError> {
    let connect = |source| ClientError::Connect { peer: target.name(), source };
    match target {
        Target::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(connect)?;
            let _ = stream.set_nodelay(true);
            talk(stream, target, ask).await
        }
        Target::Tls { host, port, config } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(connect)?;
            let name =
                ServerName::try_from(host.clone()).map_err(|_| ClientError::Address("not a host name"))?;
            let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
            talk(connector.connect(name, stream).await.map_err(connect)?, target, ask).await
        }
        Target::Unix(path) => {
            let short = crate::data_dir::ShortPath::of(path).map_err(connect)?;
            let stream = UnixStream::connect(short.path()).await.map_err(connect)?;
            talk(stream, target, ask).await
        }
    }
}

async fn talk<S>(stream: S, target: &Target, ask: Ask<'_>) -> Result<Answer, ClientError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |reason: String| ClientError::Broken { peer: target.name(), reason };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(error.to_string()))?;
    let driver = tokio::spawn(connection);
    let default_host = match target {
        Target::Unix(_) => "localhost".to_owned(),
        _ => target.name(),
    };
    let answer = request(&mut sender, &default_host, ask).await.map_err(broken);
    driver.abort();
    answer
}

/// One request and its answer; a text says what went wrong.
async fn request(
    sender: &mut SendRequest<Full<Bytes>>,
    default_host: &str,
    ask: Ask<'_>,
) -> Result<Answer, String> {
    let mut request = Request::builder()
        .method(ask.method)
        .uri(ask.path)
        .header(http::header::HOST, ask.host.unwrap_or(default_host));
    for (name, value) in &ask.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    let request = request.body(Full::new(ask.body)).map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| error.to_string())?;
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
}

/// A TLS connection that stays for several requests, and the key that it exports: what is bound to that key holds on
/// this connection only.
pub struct TlsSession {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<Result<(), hyper::Error>>,
    exported: Secret<48>,
    peer: String,
}

impl TlsSession {
    /// Connects to a TLS target whose certificate must be `name`'s, whatever host is connected to.
    pub async fn open(target: &Target, name: &str, label: &str) -> Result<Self, ClientError> {
        let Target::Tls { host, port, config } = target else {
            return Err(ClientError::Address("an https:// URL is needed"));
        };
        let peer = target.name();
        let connect = |source| ClientError::Connect { peer: peer.clone(), source };
        let broken = |reason: String| ClientError::Broken { peer: peer.clone(), reason };
        let name =
            ServerName::try_from(name.to_owned()).map_err(|_| ClientError::Address("not a host name"))?;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(connect)?;
        let _ = stream.set_nodelay(true);
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, stream).await.map_err(connect)?;
        let exported = super::tls::exported(stream.get_ref().1, label)
            .ok_or_else(|| broken("TLS exports no key".to_owned()))?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { sender, driver: tokio::spawn(connection), exported, peer })
    }

    /// What the connection exports.
    #[must_use]
    pub const fn exported(&self) -> &Secret<48> {
        &self.exported
    }

    /// One request and its answer. The caller bounds the time.
    pub async fn send(&mut self, ask: Ask<'_>) -> Result<Answer, ClientError> {
        let broken = |reason: String| ClientError::Broken { peer: self.peer.clone(), reason };
        let ready = self.sender.ready().await;
        ready.map_err(|error| broken(error.to_string()))?;
        request(&mut self.sender, &self.peer, ask).await.map_err(broken)
    }
}

impl Drop for TlsSession {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
