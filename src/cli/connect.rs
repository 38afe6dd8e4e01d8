//! How a command reaches the network side's state: through the API in every case, over the Unix socket of the service
//! that runs on the data directory, or in this process where none does.

use super::Failure;
use crate::api::caller::Tokens;
use crate::api::{Api, ApiState};
use crate::config::{Config, NafPolicy};
use crate::credential::enrolment::Enrolment;
use crate::data_dir;
use crate::http::client::{self, Ask, Target};
use crate::http::server::Peer;
use crate::service;
use crate::store::{Store as _, StoreError};
use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// For one request to a running service.
const BOUND: Duration = Duration::from_secs(60);

/// The API, wherever it runs.
pub(super) enum Network {
    /// In this process, on the store itself.
    Here(Box<Api>),
    /// In a running service.
    There(Target, Vec<(String, String)>),
}

impl Network {
    /// The state of the configuration's data directory.
    pub(super) async fn of(config: &Config) -> Result<Self, Failure> {
        data_dir::create(&config.data_dir)?;
        match service::open_store(config) {
            Ok(store) => {
                let mut fresh = [0; 32];
                getrandom::fill(&mut fresh).map_err(|error| Failure::failed(error.to_string()))?;
                let state = Arc::new(ApiState {
                    pseudonym_key: store.shared_secret("pseudonym", fresh).await?,
                    store: Some(store.clone()),
                    device: None,
                    policy: NafPolicy::new(config.naf.clone()),
                    enrolment: Arc::new(Enrolment::of(config)),
                    provisioned: None,
                    tokens: Tokens::default(),
                    own_uid: own_uid(),
                    config: config.api.clone(),
                    bsf: config.bsf.fqdn.clone(),
                    metrics: Arc::default(),
                    ready: Arc::new(AtomicBool::new(true)),
                });
                Ok(Self::Here(Box::new(Api::new(state))))
            }
            Err(StoreError::InUse(path)) => {
                let socket = data_dir::running(&config.data_dir).and_then(|addresses| addresses.api_unix);
                let socket = socket.ok_or_else(|| Failure::failed(StoreError::InUse(path).to_string()))?;
                Ok(Self::There(Target::Unix(socket), Vec::new()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A service elsewhere, by URL and bearer token.
    pub(super) fn at(url: &str, token: &str) -> Result<Self, Failure> {
        let url = url.parse().map_err(|_| Failure::usage(format!("--api {url}: not a URL")))?;
        let authorization = ("authorization".to_owned(), format!("Bearer {}", token.trim()));
        Ok(Self::There(Target::of(&url, None)?, vec![authorization]))
    }

    /// One request; anything but 2xx is a failure that carries the problem's detail.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Value, Failure> {
        let (status, body) = match self {
            Self::Here(api) => {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(header::CONTENT_TYPE, content_type)
                    .body(Body::from(body))
                    .map_err(|error| Failure::failed(error.to_string()))?;
                let peer = Peer { uid: Some(own_uid()), ..Peer::default() };
                let answer = api.answer(request, Arc::new(peer)).await;
                let status = answer.status();
                let whole = answer.into_body().collect().await;
                (status, whole.map_err(|error| Failure::failed(error.to_string()))?.to_bytes())
            }
            Self::There(target, headers) => {
                let mut headers = headers.clone();
                headers.push(("content-type".to_owned(), content_type.to_owned()));
                let ask = Ask { method, path, headers, body: Bytes::from(body), ..Ask::default() };
                let answer = client::send(target, ask, BOUND).await?;
                (answer.status, answer.body)
            }
        };
        let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status.is_success() { Ok(value) } else { Err(failure(status, &value)) }
    }

    /// GET.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, "application/json", Vec::new()).await
    }

    /// POST of JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::POST, path, "application/json", body.to_string().into_bytes()).await
    }
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A problem's detail with the exit status that fits.
pub(super) fn failure(status: StatusCode, problem: &Value) -> Failure {
    let detail = problem.get("detail").and_then(Value::as_str);
    let mut message = detail.map_or_else(|| status.to_string(), str::to_owned);
    for line in
        problem.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    {
        message.push_str("\n  ");
        message.push_str(line);
    }
    let member = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    match (status, problem.get("cause").and_then(Value::as_str)) {
        (_, Some("SYNCHRONISATION_FAILURE")) => {
            Failure::refused(super::push::for_the_naf(&message, member("rand"), member("auts")))
        }
        (_, Some("GBA_PUSH_INFO_REJECTED")) => Failure::refused(message),
        (_, Some("GBA_PUSH_INFO_UNAVAILABLE")) => Failure::usage(message),
        (_, Some("CARD_UNAVAILABLE")) => Failure::no_card(message),
        (_, Some("AUTHENTICATION_REJECTED")) | (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
            Failure::refused(message)
        }
        (_, Some("BSF_UNREACHABLE")) => Failure::unreachable(message),
        (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE, _) => Failure::usage(message),
        _ => Failure::failed(message),
    }
}

/// One path segment, percent-encoded.
pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
