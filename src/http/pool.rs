//! A client that keeps its connections: HTTP/2 with prior knowledge, or by ALPN over TLS, and HTTP/1.1 where it is
//! asked for or where the peer speaks nothing else. For the service-based interfaces (TS 29.500 clause 5.2).

use super::client::{self, Answer, Ask, ClientError, Target};
use super::joint::Joint;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Octets of an answer's body that are read at the most: settings have some KiB.
const MAX_BODY: usize = 1024 * 1024;

/// Peers whose connections are kept: the configured one and those that it redirects to.
const MAX_PEERS: usize = 8;

/// A connection on which nothing came for so long is asked whether it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A peer that does not seem to speak HTTP/2 is not asked to for so long.
const HTTP1_FOR: Duration = Duration::from_secs(60);

/// A request to any peer.
#[derive(Debug, Clone)]
pub struct Call {
    /// Method.
    pub method: Method,
    /// Absolute.
    pub uri: Uri,
    /// Headers but Host and Content-Length.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Bytes,
}

/// See the module.
pub struct Pool {
    trust: Option<Trust>,
    http1: bool,
    /// For connecting, and for a keep-alive's answer.
    bound: Duration,
    peers: Mutex<HashMap<String, Arc<Peer>>>,
}

#[derive(Clone)]
struct Trust {
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

/// What is known of one scheme, host and port.
#[derive(Default)]
struct Peer {
    connection: Joint<Result<Connection, Failed>>,
    /// HTTP/2 has failed, and this version works.
    http1_until: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Whether the peer has answered on it, so that it speaks HTTP/2.
    proved: Arc<AtomicBool>,
}

/// Why there is no HTTP/2.
#[derive(Clone)]
enum Failed {
    /// The peer has chosen HTTP/1.1, or does not understand.
    NotSpoken,
    /// No connection.
    NoConnection(Arc<ClientError>),
}

impl Peer {
    fn speaks_http1(&self) -> bool {
        self.http1_until().is_some_and(|until| Instant::now() < until)
    }

    fn note_http1(&self, works: bool) {
        let mut until = self.http1_until();
        match (works, *until) {
            (false, _) => *until = None,
            (true, Some(former)) if Instant::now() < former => {}
            (true, _) => *until = Some(Instant::now() + HTTP1_FOR),
        }
    }

    fn http1_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.http1_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// A client that trusts by `trust` for HTTPS; its protocols by ALPN are set here. `http1`: never HTTP/2.
    #[must_use]
    pub fn new(trust: Option<ClientConfig>, http1: bool, bound: Duration) -> Self {
        let trust = trust.map(|config| {
            let with = |protocols: &[&[u8]]| {
                let mut config = config.clone();
                config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
                Arc::new(config)
            };
            Trust { both: with(&[b"h2", b"http/1.1"]), http1: with(&[b"http/1.1"]) }
        });
        Self { trust, http1, bound, peers: Mutex::default() }
    }

    /// Sends a request and reads the answer, whatever its status. The caller bounds the time.
    pub async fn send(&self, call: &Call) -> Result<Answer, ClientError> {
        let target = Target::of(&call.uri, self.trust.as_ref().map(|trust| &trust.http1))?;
        let peer = self.peer(&call.uri);
        if self.http1 || peer.speaks_http1() {
            return self.over_http1(&target, &peer, call).await;
        }
        match self.over_http2(&target, &peer, call).await? {
            Some(answer) => Ok(answer),
            None => self.over_http1(&target, &peer, call).await,
        }
    }

    /// `None`: the peer does not speak HTTP/2.
    async fn over_http2(
        &self,
        target: &Target,
        peer: &Peer,
        call: &Call,
    ) -> Result<Option<Answer>, ClientError> {
        loop {
            let reused = peer.connection.is_there(alive);
            let mut connection = match peer.connection.join(alive, || self.connect(target)).await {
                Ok(connection) => connection,
                Err(Failed::NotSpoken) => return Ok(None),
                Err(Failed::NoConnection(error)) => return Err(again(&error)),
            };
            match talk(&mut connection, target, call).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(_) if !connection.proved.load(Ordering::Relaxed) => return Ok(None),
                // A peer may close a connection that lies idle just when it is wanted: that is no answer.
                Err(_) if reused && connection.sender.is_closed() => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn over_http1(&self, target: &Target, peer: &Peer, call: &Call) -> Result<Answer, ClientError> {
        let path = call.uri.path_and_query().map_or("/", |path| path.as_str());
        let headers = call.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let host = call.uri.authority().map(|authority| authority.as_str());
        let (method, body) = (call.method.clone(), call.body.clone());
        let ask = Ask { method, path, host, headers: headers.collect(), body };
        let answered = client::send(target, ask, self.bound).await;
        // A connection may also have ended before its first answer by chance, so the conclusion holds for a while only.
        peer.note_http1(answered.is_ok());
        answered
    }

    fn connect(
        &self,
        target: &Target,
    ) -> impl Future<Output = Result<Connection, Failed>> + Send + 'static + use<> {
        let (target, bound) = (target.clone(), self.bound);
        let config = self.trust.as_ref().map(|trust| Arc::clone(&trust.both));
        async move {
            let connected = tokio::time::timeout(bound, connect(&target, config, bound)).await;
            let late = || ClientError::Timeout { peer: target.name(), seconds: bound.as_secs() };
            connected.unwrap_or_else(|_| Err(Failed::NoConnection(Arc::new(late()))))
        }
    }

    fn peer(&self, uri: &Uri) -> Arc<Peer> {
        let name = format!("{:?} {:?}", uri.scheme_str(), uri.authority());
        let mut peers = self.peers();
        if peers.len() >= MAX_PEERS && !peers.contains_key(&name) {
            peers.clear();
        }
        Arc::clone(peers.entry(name).or_default())
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<String, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn alive(connection: &Result<Connection, Failed>) -> bool {
    connection.as_ref().is_ok_and(|connection| !connection.sender.is_closed())
}

/// The same error for one more of those who waited for it.
fn again(error: &ClientError) -> ClientError {
    match error {
        ClientError::Connect { peer, source } => {
            let source = std::io::Error::new(source.kind(), source.to_string());
            ClientError::Connect { peer: peer.clone(), source }
        }
        ClientError::Timeout { peer, seconds } => {
            ClientError::Timeout { peer: peer.clone(), seconds: *seconds }
        }
        ClientError::Broken { peer, reason } => {
            ClientError::Broken { peer: peer.clone(), reason: reason.clone() }
        }
        ClientError::Address(what) => ClientError::Address(what),
    }
}

async fn connect(
    target: &Target,
    config: Option<Arc<ClientConfig>>,
    bound: Duration,
) -> Result<Connection, Failed> {
    let none = |source| Failed::NoConnection(Arc::new(ClientError::Connect { peer: target.name(), source }));
    match (target, config) {
        (Target::Tcp { host, port }, _) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(none)?;
            let _ = stream.set_nodelay(true);
            begin(stream, bound).await
        }
        (Target::Tls { host, port, .. }, Some(config)) => {
            let name = ServerName::try_from(host.clone());
            let no_name = || Failed::NoConnection(Arc::new(ClientError::Address("not a host name")));
            let name = name.map_err(|_| no_name())?;
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(none)?;
            let _ = stream.set_nodelay(true);
            let connector = tokio_rustls::TlsConnector::from(config);
            let stream = connector.connect(name, stream).await.map_err(none)?;
            // Over TLS, HTTP/2 is what ALPN chose, never a guess (RFC 9113 clause 3.2).
            if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                return Err(Failed::NotSpoken);
            }
            begin(stream, bound).await
        }
        _ => Err(Failed::NotSpoken),
    }
}

async fn begin<S>(stream: S, bound: Duration) -> Result<Connection, Failed>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(bound)
        .keep_alive_while_idle(true);
    let (sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|_| Failed::NotSpoken)?;
    // Ends with its last sender.
    tokio::spawn(connection);
    Ok(Connection { sender, proved: Arc::default() })
}

async fn talk(connection: &mut Connection, target: &Target, call: &Call) -> Result<Answer, ClientError> {
    let broken = |error: &dyn std::fmt::Display| ClientError::Broken {
        peer: target.name(),
        reason: error.to_string(),
    };
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = call.uri.clone();
    request.headers_mut().extend(call.headers.iter().cloned());
    connection.sender.ready().await.map_err(|error| broken(&error))?;
    let response = connection.sender.send_request(request).await.map_err(|error| broken(&error))?;
    connection.proved.store(true, Ordering::Relaxed);
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| broken(&error))?;
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
}
