//! A lab whose proxy stands before an HTTP server of the test's own, which writes down what reaches it.

use crate::api::question;
use crate::lab::{Lab, Setup, any_port};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ksnaf::config::{Config, EnroleeConfig, NafConfig, UaProtocols};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::onem2m::rules::Pattern;
use serde_json::Value;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// The name of what stands behind the proxy.
pub(crate) const CSE: &str = "id-in.cse.example";

/// A request as it reached the server behind the proxy.
#[derive(Debug, Clone)]
pub(crate) struct Reached {
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reached {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().expect("a text"));
        assert!(values.next().is_none(), "{name} stands twice");
        value
    }
}

/// What the server answers.
pub(crate) type Answerer = Arc<dyn Fn(Request<Bytes>) -> Response<BoxBody<Bytes, Infallible>> + Send + Sync>;

/// The server behind the proxy.
#[derive(Clone)]
pub(crate) struct Behind {
    pub(crate) address: SocketAddr,
    reached: Arc<Mutex<Vec<Reached>>>,
}

impl Behind {
    /// Answers everything with 200 and `hello`.
    pub(crate) async fn start() -> Self {
        Self::answering(|_| plain(StatusCode::OK, "hello")).await
    }

    pub(crate) async fn answering(
        answer: impl Fn(Request<Bytes>) -> Response<BoxBody<Bytes, Infallible>> + Send + Sync + 'static,
    ) -> Self {
        let answer: Answerer = Arc::new(answer);
        let behind = Self::listening(move |request, reached| {
            let answer = Arc::clone(&answer);
            Box::pin(async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                reached.lock().unwrap_or_else(PoisonError::into_inner).push(Reached {
                    target: parts.uri.to_string(),
                    headers: parts.headers.clone(),
                    body: body.clone(),
                });
                answer(Request::from_parts(parts, body))
            })
        });
        behind.await
    }

    /// With a body that may still be on its way.
    pub(crate) async fn listening(
        handle: impl Fn(
            Request<Incoming>,
            Arc<Mutex<Vec<Reached>>>,
        ) -> BoxFuture<'static, Response<BoxBody<Bytes, Infallible>>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let listener = TcpListener::bind(any_port()).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let behind = Self { address, reached: Arc::default() };
        let (handle, reached) = (Arc::new(handle), Arc::clone(&behind.reached));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (handle, reached) = (Arc::clone(&handle), Arc::clone(&reached));
                let service = service_fn(move |request| {
                    let answer = handle(request, Arc::clone(&reached));
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service).with_upgrades());
            }
        });
        behind
    }

    /// What has come so far.
    pub(crate) fn reached(&self) -> Vec<Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one request that has come.
    pub(crate) fn only(&self) -> Reached {
        let reached = self.reached();
        assert_eq!(reached.len(), 1, "{reached:?}");
        reached[0].clone()
    }
}

/// An answer with a text.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())).boxed());
    *response.status_mut() = status;
    response
}

/// A lab with the proxy before `behind`.
pub(crate) fn setup(behind: &Behind) -> Setup {
    let setup = Setup::new(GbaMode::U);
    let enrolee = enrolee(&setup, &["Cdevice1"]);
    let upstream = format!("http://{}", behind.address).parse().expect("a URL");
    setup.config(move |config| {
        config
            .naf
            .push(NafConfig { ua_protocols: UaProtocols::Any, ..NafConfig::for_lab(crate::lab::fqdn(CSE)) });
        config.enrolee.push(enrolee);
        let ua = &mut config.ua_proxy;
        (ua.listen, ua.http_listen) = (any_port(), Some(any_port()));
        ua.naf_fqdn = Some(crate::lab::fqdn(CSE));
        ua.upstream = Some(upstream);
    })
}

/// The setup's subscriber with these originators.
pub(crate) fn enrolee(setup: &Setup, origins: &[&str]) -> EnroleeConfig {
    EnroleeConfig {
        impi: setup.person.impi.clone(),
        origins: origins.iter().map(|origin| Pattern::parse(origin).expect("a pattern")).collect(),
        targets: None,
        consent: false,
    }
}

/// Gives the proxy a certificate for its name, and says where it is.
pub(crate) fn with_certificate(config: &mut Config, folder: &std::path::Path) -> std::path::PathBuf {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec![CSE.to_owned()])
        .expect("names")
        .self_signed(&key)
        .expect("a certificate");
    let (certificate_file, key_file) = (folder.join("cse.pem"), folder.join("cse.key"));
    std::fs::write(&certificate_file, certificate.pem()).expect("a file");
    std::fs::write(&key_file, key.serialize_pem()).expect("a file");
    config.ua_proxy.certificate = Some(certificate_file.clone());
    config.ua_proxy.key = Some(key_file);
    certificate_file
}

impl Lab {
    pub(crate) fn ua(&self) -> SocketAddr {
        self.service().addresses.ua_proxy.expect("Ua is served")
    }

    pub(crate) fn ua_http(&self) -> SocketAddr {
        self.service().addresses.ua_proxy_http.expect("Ua is served without TLS")
    }

    /// The device's credential for a Ua security protocol.
    pub(crate) async fn ua_credential(&self, ua: &str, form: &str) -> Value {
        self.api().post("/v1/ue/credentials", &question(None, CSE, ua, form)).await.ok()
    }
}

/// A credential's member.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

/// What a program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program with this on its input, not in the way of this thread's other tasks.
pub(crate) async fn run(program: &str, arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (program, input) = (program.to_owned(), input.to_owned());
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut stdin = child.stdin.take().expect("an input");
        let _ = stdin.write_all(input.as_bytes());
        // s_client ends with its input, so it stays open until the server has closed.
        let output = child.wait_with_output().expect("its output");
        drop(stdin);
        output
    });
    let output = ran.await.expect("a program that ran");
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    Said { succeeded: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// One request with `openssl s_client`, closed by the server after its answer.
pub(crate) async fn s_client(lab: &Lab, arguments: &[&str], request: &str) -> Said {
    let address = lab.ua().to_string();
    let arguments = [&["s_client", "-connect", &address, "-ign_eof"][..], arguments].concat();
    run("openssl", &arguments, request).await
}

/// A GET that asks the server to close.
pub(crate) fn get(target: &str, headers: &[&str]) -> String {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("GET {target} HTTP/1.1\r\nHost: {CSE}\r\nConnection: close\r\n{lines}\r\n")
}
