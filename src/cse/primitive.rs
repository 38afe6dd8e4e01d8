//! One oneM2M request and its response over the HTTP binding, JSON (TS-0009 clause 6).

use crate::config::CseConfig;
use crate::http::client::{Answer, Ask, ClientError, Target, send};
use crate::http::tls::{self, TlsError};
use http::{Method, Uri};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use zeroize::Zeroizing;

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// A child of this type.
    Create(u8),
    Retrieve,
    Update,
    Delete,
}

/// Types of resources (TS-0004 clause 6.3.4.2.1).
pub(super) mod resource_type {
    pub(crate) const ACP: u8 = 1;
    pub(crate) const AE: u8 = 2;
    pub(crate) const CONTAINER: u8 = 3;
    pub(crate) const CONTENT_INSTANCE: u8 = 4;
    pub(crate) const SUBSCRIPTION: u8 = 23;
}

/// Response status codes (TS-0004 clause 6.6.3).
pub(super) mod rsc {
    pub(crate) const OK: u16 = 2000;
    pub(crate) const CREATED: u16 = 2001;
    pub(crate) const DELETED: u16 = 2002;
    pub(crate) const UPDATED: u16 = 2004;
    pub(crate) const NOT_FOUND: u16 = 4004;
    pub(crate) const CONFLICT: u16 = 4105;
    pub(crate) const ALREADY_REGISTERED: u16 = 4117;
}

/// Why a CSE is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CseError {
    /// It does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What answers is no CSE.
    #[error("{path}: HTTP {status} without X-M2M-RSC: no oneM2M CSE")]
    NoCse {
        /// What was asked for.
        path: String,
        /// What came.
        status: u16,
    },
    /// It says no.
    #[error("{path}: the CSE answers {rsc}")]
    Refused {
        /// What was asked for.
        path: String,
        /// Its response status code.
        rsc: u16,
    },
    /// A setting of `[cse]`.
    #[error("{0}")]
    Setting(String),
    /// The trusted certificates are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The token file cannot be read.
    #[error("cse.token_file {path}: {source}")]
    Token {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// What the CSE answers.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) rsc: u16,
    pub(super) content: Value,
}

/// A CSE and who speaks to it.
pub(super) struct Cse {
    target: Target,
    /// Before every path: the URL may have one of its own.
    prefix: String,
    release: String,
    bearer: Option<Zeroizing<String>>,
    bound: Duration,
    sent: AtomicU64,
}

impl Cse {
    pub(super) fn new(settings: &CseConfig, url: &str) -> Result<Self, CseError> {
        let wrong = |error: &dyn std::fmt::Display| CseError::Setting(format!("cse.url = {url:?}: {error}"));
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| wrong(&error))?;
        let trust = settings.ca.as_deref().map(tls::client).transpose()?;
        if uri.scheme_str() == Some("https") && trust.is_none() {
            return Err(CseError::Setting("an https CSE needs cse.ca".to_owned()));
        }
        let target = Target::of(&uri, trust.as_ref()).map_err(|error| wrong(&error))?;
        let bearer = settings.token_file.as_deref().map(|path| {
            let text = std::fs::read_to_string(path).map(Zeroizing::new);
            let text = text.map_err(|source| CseError::Token { path: path.to_owned(), source })?;
            Ok::<_, CseError>(Zeroizing::new(format!(
                "Bearer {}",
                text.lines().next().unwrap_or_default().trim()
            )))
        });
        Ok(Self {
            target,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            release: settings.release.clone(),
            bearer: bearer.transpose()?,
            bound: settings.timeout.0,
            sent: AtomicU64::new(0),
        })
    }

    /// Sends one request as `origin`. Any answer of a CSE is one, refusals too.
    pub(super) async fn request(
        &self,
        origin: &str,
        operation: Operation,
        path: &str,
        content: &Value,
    ) -> Result<Response, CseError> {
        let method = match operation {
            Operation::Create(_) => Method::POST,
            Operation::Retrieve => Method::GET,
            Operation::Update => Method::PUT,
            Operation::Delete => Method::DELETE,
        };
        let kind = match operation {
            Operation::Create(kind) => format!("application/json;ty={kind}"),
            _ => "application/json".to_owned(),
        };
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let identifier = format!("ksnaf-{}-{number}", std::process::id());
        let mut headers = vec![
            ("X-M2M-Origin".to_owned(), origin.to_owned()),
            ("X-M2M-RI".to_owned(), identifier),
            ("X-M2M-RVI".to_owned(), self.release.clone()),
            ("Accept".to_owned(), "application/json".to_owned()),
            ("Content-Type".to_owned(), kind),
        ];
        headers.extend(self.bearer.as_ref().map(|bearer| ("Authorization".to_owned(), bearer.to_string())));
        let body = if content.is_null() { Vec::new() } else { content.to_string().into_bytes() };
        let whole = format!("{}/{path}", self.prefix);
        let ask = Ask { method, path: &whole, host: None, headers, body: body.into() };
        read(path, &send(&self.target, ask, self.bound).await?)
    }
}

impl Response {
    /// The content, where the status is one of `expected`.
    pub(super) fn expect(self, path: &str, expected: &[u16]) -> Result<Value, CseError> {
        if expected.contains(&self.rsc) {
            Ok(self.content)
        } else {
            Err(CseError::Refused { path: path.to_owned(), rsc: self.rsc })
        }
    }
}

fn read(path: &str, answer: &Answer) -> Result<Response, CseError> {
    let rsc = answer.headers.get("x-m2m-rsc").and_then(|value| value.to_str().ok()?.parse().ok());
    let status = answer.status.as_u16();
    let rsc = rsc.ok_or_else(|| CseError::NoCse { path: path.to_owned(), status })?;
    // What a CSE says beside a refusal may be anything: it is not repeated.
    Ok(Response { rsc, content: serde_json::from_slice(&answer.body).unwrap_or_default() })
}
