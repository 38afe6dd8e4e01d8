//! What stands before a service-based HSS: a proxy that speaks only some HTTP, wants certificates or tokens, redirects, or
//! fails for some.

use crate::certificates::Ca;
use crate::lab::any_port;
use crate::people::random;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ksnaf::http::pool::{Call, Pool};
use ksnaf::http::tls;
use ksnaf_proto::hex;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Which HTTP is spoken.
#[derive(Clone)]
pub(crate) enum Speaks {
    Both,
    Http1,
    /// Over TLS, with a client's certificate; these protocols by ALPN.
    Tls(Arc<Ca>, &'static [&'static [u8]]),
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) version: Version,
    /// `generate-auth-data`, `subscriber-data`, `generate-av`, `token`: the path's last segment.
    pub(crate) what: String,
}

/// How requests are treated.
#[derive(Default)]
pub(crate) struct Rules {
    /// Client credentials, `id:secret`: then every request needs a token.
    pub(crate) client: Option<String>,
    /// Requests are sent there, with 307.
    pub(crate) redirect: Option<String>,
    /// These are answered with 500: a path's last segment.
    pub(crate) down: Option<&'static str>,
    /// Requests whose path holds this get an answer that is none, or no answer at all.
    pub(crate) nonsense_for: Option<String>,
    pub(crate) silence_for: Option<String>,
}

/// See the module.
pub(crate) struct Front {
    state: Arc<State>,
    address: SocketAddr,
    scheme: &'static str,
    task: JoinHandle<()>,
}

struct State {
    upstream: String,
    pool: Pool,
    rules: Mutex<Rules>,
    seen: Mutex<Vec<Seen>>,
    tokens: Mutex<Vec<String>>,
    connections: Mutex<JoinSet<()>>,
    accepted: Mutex<usize>,
}

impl Front {
    /// Before the HSS at this address.
    pub(crate) async fn start(upstream: SocketAddr, speaks: Speaks) -> Self {
        let listener = TcpListener::bind(any_port()).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            upstream: format!("http://{upstream}"),
            pool: Pool::new(None, false, Duration::from_secs(20)),
            rules: Mutex::default(),
            seen: Mutex::default(),
            tokens: Mutex::default(),
            connections: Mutex::default(),
            accepted: Mutex::default(),
        });
        let scheme = if matches!(speaks, Speaks::Tls(..)) { "https" } else { "http" };
        let task = tokio::spawn(accept(listener, Arc::clone(&state), speaks));
        Self { state, address, scheme, task }
    }

    /// For `zh.base_url`.
    pub(crate) fn url(&self) -> String {
        match self.scheme {
            "https" => format!("https://localhost:{}", self.address.port()),
            _ => format!("http://{}", self.address),
        }
    }

    pub(crate) fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.state.rules)
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.state.seen).clone()
    }

    /// Requests for this so far.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.seen().iter().filter(|seen| seen.what == what).count()
    }

    /// Connections so far.
    pub(crate) fn accepted(&self) -> usize {
        *lock(&self.state.accepted)
    }

    /// The tokens that were given.
    pub(crate) fn tokens(&self) -> Vec<String> {
        lock(&self.state.tokens).clone()
    }

    /// No token that was given will do from here on.
    pub(crate) fn revoke_tokens(&self) {
        lock(&self.state.tokens).clear();
    }

    /// Closes all connections, however busy.
    pub(crate) fn hang_up(&self) {
        lock(&self.state.connections).abort_all();
    }

    pub(crate) async fn stop(self) {
        self.task.abort();
        self.hang_up();
        let _ = self.task.await;
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, speaks: Speaks) {
    while let Ok((stream, _)) = listener.accept().await {
        *lock(&state.accepted) += 1;
        let connection = serve(stream, Arc::clone(&state), speaks.clone());
        lock(&state.connections).spawn(connection);
    }
}

async fn serve(stream: TcpStream, state: Arc<State>, speaks: Speaks) {
    match speaks {
        Speaks::Both => http(stream, state, false).await,
        Speaks::Http1 => http(stream, state, true).await,
        Speaks::Tls(ca, protocols) => {
            let files = ca.server();
            let config =
                tls::server(&files.certificate, &files.key, Some(&ca.file()), protocols).expect("TLS");
            let acceptor = tokio_rustls::TlsAcceptor::from(config);
            if let Ok(stream) = acceptor.accept(stream).await {
                http(stream, state, false).await;
            }
        }
    }
}

async fn http<S>(stream: S, state: Arc<State>, only_http1: bool)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(state.answer(request).await) }
    });
    let stream = TokioIo::new(stream);
    if only_http1 {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
    } else {
        let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(stream, service).await;
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let path = parts.uri.path().to_owned();
        let what = path.rsplit('/').next().unwrap_or_default().to_owned();
        lock(&self.seen).push(Seen { version: parts.version, what: what.clone() });
        let authorization =
            parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if what == "token" {
            return self.token(authorization.as_deref(), &body);
        }
        let (refused, redirect, down, nonsense, silence) = {
            let rules = lock(&self.rules);
            let bearer = authorization.as_deref().and_then(|value| value.strip_prefix("Bearer "));
            let known = bearer.is_some_and(|token| lock(&self.tokens).iter().any(|given| given == token));
            let about = |whom: &Option<String>| whom.as_ref().is_some_and(|whom| path.contains(whom));
            (
                rules.client.is_some() && !known,
                rules.redirect.clone(),
                rules.down == Some(what.as_str()),
                about(&rules.nonsense_for),
                about(&rules.silence_for),
            )
        };
        if silence {
            std::future::pending::<()>().await;
        }
        if refused {
            return status(StatusCode::UNAUTHORIZED);
        }
        if let Some(to) = redirect {
            let mut response = status(StatusCode::TEMPORARY_REDIRECT);
            let location = format!("{to}{path}").parse().expect("a header");
            response.headers_mut().insert(LOCATION, location);
            return response;
        }
        if down {
            return status(StatusCode::INTERNAL_SERVER_ERROR);
        }
        if nonsense {
            return Response::new(Full::new(Bytes::from_static(b"{\"3gAkaAv\":{\"rand\":\"00\"}}")));
        }
        self.forward(parts.method, &path, body).await
    }

    async fn forward(&self, method: Method, path: &str, body: Bytes) -> Response<Full<Bytes>> {
        let uri = format!("{}{path}", self.upstream).parse().expect("a URL");
        let call = Call { method, uri, headers: Vec::new(), body };
        let Ok(answer) = self.pool.send(&call).await else { return status(StatusCode::BAD_GATEWAY) };
        let mut response = Response::new(Full::new(answer.body));
        *response.status_mut() = answer.status;
        if let Some(kind) = answer.headers.get(CONTENT_TYPE) {
            response.headers_mut().insert(CONTENT_TYPE, kind.clone());
        }
        response
    }

    /// A token endpoint: RFC 6749 clause 4.4.
    fn token(&self, authorization: Option<&str>, body: &[u8]) -> Response<Full<Bytes>> {
        use base64::Engine as _;
        let form = String::from_utf8_lossy(body).into_owned();
        let client = lock(&self.rules).client.clone().unwrap_or_default();
        let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(client));
        let right = authorization == Some(expected.as_str())
            && form.contains("grant_type=client_credentials")
            && form.contains("scope=nhss-gba-")
            && form.contains("targetNfType=HSS");
        if !right {
            return status(StatusCode::UNAUTHORIZED);
        }
        let token = hex::encode(&random::<16>());
        lock(&self.tokens).push(token.clone());
        let body = format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\",\"expires_in\":3600}}");
        Response::new(Full::new(Bytes::from(body)))
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
