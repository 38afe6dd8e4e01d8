//! Access tokens for service-based interfaces: client credentials (RFC 6749 clause 4.4, TS 29.510 clause 5.4.2),
//! kept until shortly before they expire.

use crate::http::joint::Joint;
use crate::http::pool::{Call, Pool};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Where the server does not say how long a token lives.
const LIFETIME: Duration = Duration::from_secs(60);

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which peers a token is for, in the words of TS 29.510.
#[derive(Debug, Clone, Copy)]
pub(super) enum TargetType {
    Hss,
    Udm,
}

/// A client of a token endpoint.
pub(super) struct Tokens {
    client: Arc<Client>,
    /// By scope.
    kept: Mutex<HashMap<String, Arc<Joint<Answer>>>>,
}

struct Client {
    pool: Arc<Pool>,
    endpoint: Uri,
    id: String,
    secret: Option<Zeroizing<String>>,
    scope: Option<String>,
    target: TargetType,
}

/// A token as a header value that Debug does not show, or why there is none.
type Answer = Result<Token, String>;

#[derive(Clone)]
pub(super) struct Token {
    header: HeaderValue,
    until: Instant,
}

impl Token {
    /// For Authorization.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

impl Tokens {
    /// `scope` goes in place of the services' own scopes.
    pub(super) fn new(
        pool: Arc<Pool>,
        endpoint: Uri,
        id: String,
        secret: Option<Zeroizing<String>>,
        scope: Option<String>,
        target: TargetType,
    ) -> Self {
        let client = Client { pool, endpoint, id, secret, scope, target };
        Self { client: Arc::new(client), kept: Mutex::default() }
    }

    /// A token for this scope; `refused` is one that does not do although it should.
    pub(super) async fn token(&self, scope: &str, refused: Option<&Token>) -> Answer {
        let scope = self.client.scope.as_deref().unwrap_or(scope).to_owned();
        let joint = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kept.entry(scope.clone()).or_default())
        };
        let good = |answer: &Answer| {
            answer.as_ref().is_ok_and(|token| {
                token.until > Instant::now() && refused.is_none_or(|refused| refused.header != token.header)
            })
        };
        joint
            .join(good, || {
                let client = Arc::clone(&self.client);
                async move { client.fetch(&scope).await }
            })
            .await
    }
}

impl Client {
    async fn fetch(&self, scope: &str) -> Answer {
        let target = match self.target {
            TargetType::Hss => "HSS",
            TargetType::Udm => "UDM",
        };
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("scope", scope),
            // An NRF wants these; others ignore them (RFC 6749 clause 3.2).
            ("nfInstanceId", &self.id),
            ("nfType", "GBA_BSF"),
            ("targetNfType", target),
        ];
        let mut headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ];
        match &self.secret {
            // RFC 6749 clause 2.3.1: both are encoded as in a form before they are joined.
            Some(secret) => {
                let pair = Zeroizing::new(format!("{}:{}", encode(&self.id), encode(secret)));
                headers.push((AUTHORIZATION, secret_header("Basic", &STANDARD.encode(pair.as_bytes()))?));
            }
            None => form.push(("client_id", &self.id)),
        }
        let form: Vec<String> =
            form.into_iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let call = Call {
            method: Method::POST,
            uri: self.endpoint.clone(),
            headers,
            body: Bytes::from(form.join("&")),
        };
        let began = Instant::now();
        let answer = self.pool.send(&call).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("the token endpoint answers {}", answer.status.as_u16()));
        }
        read(&answer.body, began)
    }
}

fn read(body: &[u8], began: Instant) -> Answer {
    let response: TokenResponse =
        serde_json::from_slice(body).map_err(|_| "the token endpoint's answer cannot be read".to_owned())?;
    if response.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err("the token endpoint gives no bearer token".to_owned());
    }
    let token = Zeroizing::new(response.access_token);
    let lifetime = response.expires_in.map_or(LIFETIME, Duration::from_secs);
    // The tenth that is left bears a slow request, and a clock that is a little off.
    let lifetime = (lifetime - lifetime / 10).min(Duration::from_secs(86_400));
    Ok(Token { header: secret_header("Bearer", &token)?, until: began + lifetime })
}

fn secret_header(scheme: &str, value: &str) -> Result<HeaderValue, String> {
    let text = Zeroizing::new(format!("{scheme} {value}"));
    let mut header =
        HeaderValue::from_str(&text).map_err(|_| "a token that no header can carry".to_owned())?;
    header.set_sensitive(true);
    Ok(header)
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_nine_tenths_of_its_time() {
        let began = Instant::now();
        let read = |body: &str| read(body.as_bytes(), began);
        let token = read(r#"{"access_token":"abc","token_type":"Bearer","expires_in":1000}"#).unwrap();
        assert_eq!(
            (token.header.to_str().unwrap(), token.until - began),
            ("Bearer abc", Duration::from_secs(900))
        );
        assert_eq!(format!("{:?}", token.header), "Sensitive");
        assert_eq!(read(r#"{"access_token":"abc"}"#).unwrap().until - began, Duration::from_secs(54));
        assert!(read(r#"{"access_token":"abc","expires_in":18446744073709551615}"#).is_ok());
        for bad in ["", "{}", r#"{"access_token":"a\nb"}"#, r#"{"access_token":"a","token_type":"mac"}"#] {
            let error = read(bad).err().unwrap();
            assert!(!error.contains("a\nb"), "{error}");
        }
    }
}
