//! A caller of the credential API. What secrets it is told go to its lab's watch.

use crate::leaks::Watch;
use http::{HeaderMap, Method, StatusCode};
use ksnaf::http::client::{self, Ask, Target};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The lab's NAF.
pub(crate) const NAF: &str = "naf.lab.example";

/// HTTP Digest, the Ua security protocol that the lab's NAF has.
pub(crate) const DIGEST: &str = "0100000002";

/// Members of an answer that open something.
const SECRETS: [&str; 4] = ["key", "key_int", "password", "Credential"];

/// For one request.
const BOUND: Duration = Duration::from_secs(30);

/// Where the API is, as whom to ask, and who keeps the secrets.
#[derive(Clone)]
pub(crate) struct Api {
    target: Target,
    token: Option<String>,
    watch: Arc<Mutex<Watch>>,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Api {
    pub(crate) fn new(target: Target, token: Option<String>, watch: Arc<Mutex<Watch>>) -> Self {
        Self { target, token, watch }
    }

    /// Over TCP, with a bearer token.
    pub(crate) fn tcp(address: SocketAddr, token: &str, watch: Arc<Mutex<Watch>>) -> Self {
        Self::new(tcp(address), Some(token.to_owned()), watch)
    }

    /// The same place, as somebody else.
    pub(crate) fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// The same caller, another way in.
    pub(crate) fn by(&self, target: Target) -> Self {
        Self { target, ..self.clone() }
    }

    /// One request with a body as it is.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.try_send(method, path, headers, body).await.expect("an answer of the API")
    }

    /// As [`Self::send`], where there may be no answer.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, client::ClientError> {
        let mut headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if let Some(token) = &self.token {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        let ask = Ask { method, path, headers, body: body.to_vec().into(), ..Ask::default() };
        let answer = client::send(&self.target, ask, BOUND).await?;
        let answer = Answer { status: answer.status, headers: answer.headers, body: answer.body.to_vec() };
        self.keep_secrets(&answer);
        Ok(answer)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], b"").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let kind = [("content-type", "application/json")];
        self.send(Method::POST, path, &kind, body.to_string().as_bytes()).await
    }

    /// `POST /v1/ue/bootstrap`
    pub(crate) async fn bootstrap(&self, force: bool) -> Answer {
        self.post("/v1/ue/bootstrap", &json!({ "force": force })).await
    }

    /// A bootstrap that must succeed: its B-TID.
    pub(crate) async fn b_tid(&self, force: bool) -> String {
        self.bootstrap(force).await.ok()["b_tid"].as_str().expect("a B-TID").to_owned()
    }

    /// `POST /v1/ue/credentials` for the lab's NAF.
    pub(crate) async fn device_side(&self, form: &str) -> Answer {
        self.post("/v1/ue/credentials", &question(None, NAF, DIGEST, form)).await
    }

    /// `POST /v1/naf/credentials` for the lab's NAF.
    pub(crate) async fn network_side(&self, b_tid: &str, form: &str) -> Answer {
        self.post("/v1/naf/credentials", &question(Some(b_tid), NAF, DIGEST, form)).await
    }

    /// The counters, as text.
    pub(crate) async fn metrics(&self) -> String {
        self.get("/metrics").await.text()
    }

    /// One counter of `ksnaf_ub_requests_total` or `ksnaf_ue_bootstraps_total`; 0 if it never counted.
    pub(crate) async fn counter(&self, name: &str, outcome: &str) -> u64 {
        let start = format!("{name}_total{{outcome=\"{outcome}\"}} ");
        let text = self.metrics().await;
        let value = text.lines().find_map(|line| line.strip_prefix(&start));
        value.map_or(0, |value| value.parse().expect("a number"))
    }

    fn keep_secrets(&self, answer: &Answer) {
        let Ok(Value::Object(members)) = serde_json::from_slice(&answer.body) else { return };
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        for name in SECRETS {
            if let Some(text) = members.get(name).and_then(Value::as_str) {
                match ksnaf_proto::hex::decode(text) {
                    Some(octets) if octets.len() == 32 => watch.secret(name, octets),
                    _ => watch.secret(name, text),
                }
            }
        }
    }
}

impl Answer {
    /// The body of a 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        self.json()
    }

    /// The body of an answer with this status.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status, "RFC 9457 repeats the status");
        problem
    }

    /// The detail of a problem with this status and 3GPP cause.
    pub(crate) fn refused(&self, status: u16, cause: &str) -> String {
        let problem = self.problem(status);
        assert_eq!(problem["cause"], cause, "{problem}");
        problem["detail"].as_str().expect("a detail").to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a text"))
    }
}

/// A question for a credential.
pub(crate) fn question(b_tid: Option<&str>, naf: &str, ua: &str, form: &str) -> Value {
    let mut question = json!({ "naf_fqdn": naf, "ua_sec_prot_id": ua, "form": form });
    if let Some(b_tid) = b_tid {
        question["b_tid"] = json!(b_tid);
    }
    question
}

/// A target by address.
pub(crate) fn tcp(address: SocketAddr) -> Target {
    Target::Tcp { host: address.ip().to_string(), port: address.port() }
}

/// A path segment, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
