//! Requests to a service-based HSS or UDM: tokens, redirections, one repetition where a token was refused
//! (TS 29.500 clauses 5.2, 6.10.9 and 6.7.3).

use super::failure::Failure;
use super::oauth::{TargetType, Tokens};
use crate::config::{BaseUrl, ZhConfig, ZhHttp};
use crate::http::pool::{Call, Pool};
use crate::http::tls::{self, TlsError};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use ksnaf_proto::sbi::problem::PROBLEM_JSON;
use ksnaf_proto::secret::SecretBytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Redirections of one request. An HSS sends on to the instance that has the subscriber, and that is that.
const MAX_REDIRECTS: usize = 3;

/// Why such a client cannot be set up. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SbiSetupError {
    /// A certificate or key is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The client's secret cannot be read.
    #[error("zh.oauth.secret_file {path}: {source}")]
    Secret {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A client of one peer.
pub(super) struct Sbi {
    base: String,
    pool: Arc<Pool>,
    tokens: Option<Tokens>,
}

/// Status and body.
pub(super) type Answer = (u16, Bytes);

impl Sbi {
    pub(super) fn new(base: &BaseUrl, config: &ZhConfig, target: TargetType) -> Result<Self, SbiSetupError> {
        let own = config.tls_certificate.as_deref().zip(config.tls_key.as_deref());
        let trust = config.ca.as_deref().map(|ca| tls::client_as(ca, own)).transpose()?;
        let pool = Arc::new(Pool::new(trust, config.http == ZhHttp::OneOne, config.timeout.0));
        let oauth = config.oauth.as_ref().and_then(|oauth| Some((oauth, oauth.token_url.as_ref()?)));
        let tokens = oauth.map(|(oauth, token_url)| {
            let secret = oauth.secret_file.as_deref().map(secret).transpose()?;
            let Ok(endpoint) = token_url.as_str().parse() else { unreachable!("a base URL is a URL") };
            let (pool, id, scope) = (Arc::clone(&pool), oauth.client_id.clone(), oauth.scope.clone());
            Ok::<_, SbiSetupError>(Tokens::new(pool, endpoint, id, secret, scope, target))
        });
        Ok(Self { base: base.as_str().to_owned(), pool, tokens: tokens.transpose()? })
    }

    /// GET of a service's resource.
    pub(super) async fn get(&self, api: &str, path: &str, scope: &str) -> Result<Answer, Failure> {
        self.call(Method::GET, api, path, scope, Bytes::new()).await
    }

    /// POST of a JSON body.
    pub(super) async fn post(
        &self,
        api: &str,
        path: &str,
        scope: &str,
        body: &SecretBytes,
    ) -> Result<Answer, Failure> {
        self.call(Method::POST, api, path, scope, Bytes::copy_from_slice(body.danger_expose())).await
    }

    async fn call(
        &self,
        method: Method,
        api: &str,
        path: &str,
        scope: &str,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let uri = format!("{}/{api}{path}", self.base).parse();
        let uri: Uri = uri.map_err(|_| Failure::Redirect("to what is no URL"))?;
        let accept = format!("application/json, {PROBLEM_JSON}");
        let mut headers =
            vec![(ACCEPT, HeaderValue::from_str(&accept).unwrap_or(HeaderValue::from_static("*/*")))];
        if method == Method::POST {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        let call = Call { method, uri, headers, body };
        let Some(tokens) = &self.tokens else {
            return self.follow(call).await;
        };
        let with = |token: &super::oauth::Token| {
            let mut call = call.clone();
            call.headers.push((AUTHORIZATION, token.header()));
            call
        };
        let token = tokens.token(scope, None).await.map_err(Failure::Token)?;
        match self.follow(with(&token)).await? {
            // Revoked, or the server's keys have changed: once more with a fresh one.
            (401, _) => {
                let fresh = tokens.token(scope, Some(&token)).await.map_err(Failure::Token)?;
                self.follow(with(&fresh)).await
            }
            answer => Ok(answer),
        }
    }

    /// Goes where 307 and 308 lead, with the same method and body.
    async fn follow(&self, mut call: Call) -> Result<Answer, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.pool.send(&call).await?;
            let moved = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT];
            if !moved.contains(&answer.status) {
                return Ok((answer.status.as_u16(), answer.body));
            }
            call.uri = redirected(&call.uri, &answer.headers)?;
        }
        Err(Failure::Redirect("too often"))
    }
}

/// The first line of a file.
fn secret(path: &Path) -> Result<Zeroizing<String>, SbiSetupError> {
    let read = std::fs::read_to_string(path).map(Zeroizing::new);
    let content = read.map_err(|source| SbiSetupError::Secret { path: path.to_owned(), source })?;
    Ok(Zeroizing::new(content.lines().next().unwrap_or_default().trim().to_owned()))
}

/// Where Location leads: an absolute URL or a path. Never from HTTPS to HTTP, for vectors are keys.
fn redirected(from: &Uri, headers: &HeaderMap) -> Result<Uri, Failure> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or(Failure::Redirect("without a Location"))?;
    let to = location.parse::<Uri>().map_err(|_| Failure::Redirect("to what is no URL"))?;
    let mut parts = from.clone().into_parts();
    parts.path_and_query = to.path_and_query().cloned();
    if let (Some(scheme), Some(authority)) = (to.scheme(), to.authority()) {
        if from.scheme_str() == Some("https") && scheme.as_str() != "https" {
            return Err(Failure::Redirect("from https to another scheme"));
        }
        (parts.scheme, parts.authority) = (Some(scheme.clone()), Some(authority.clone()));
    } else if !location.starts_with('/') || location.starts_with("//") {
        return Err(Failure::Redirect("to neither a URL nor a path"));
    }
    Uri::from_parts(parts).map_err(|_| Failure::Redirect("to what is no URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_lead_to_urls_and_paths_and_never_out_of_tls() {
        let go = |from: &str, to: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, to.parse().unwrap());
            redirected(&from.parse().unwrap(), &headers).map(|uri| uri.to_string()).ok()
        };
        let to = |text: &str| Some(text.to_owned());
        assert_eq!(go("http://a:1/x", "http://b:2/y?z"), to("http://b:2/y?z"));
        assert_eq!(go("http://a:1/x", "/y"), to("http://a:1/y"));
        assert_eq!(go("http://a/x", "https://b/y"), to("https://b/y"));
        assert_eq!(go("https://a/x", "https://b/y"), to("https://b/y"));
        assert_eq!(go("https://a/x", "http://a/x"), None);
        for bad in ["", "y", "//b/y", "ht tp://b"] {
            assert_eq!(go("http://a/x", bad), None, "{bad}");
        }
        assert!(redirected(&Uri::from_static("http://a/x"), &HeaderMap::new()).is_err());
    }
}
