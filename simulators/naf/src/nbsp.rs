//! Zn as Nbsp_GBA (TS 29.309).

use crate::zn::FetchError;
use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use ksnaf_proto::zn::nbsp_gba::{self, AnswerError};
use ksnaf_proto::zn::{NafAnswer, NafQuery, ZnError};
use ksnaf_sim_http::{Peer, Version, ask};
use rustls::ClientConfig;
use std::time::Duration;
use zeroize::Zeroizing;

/// A BSF's service-based interface.
pub struct Nbsp {
    peer: Peer,
    prefix: String,
    token: Option<Zeroizing<String>>,
    patience: Duration,
}

impl Nbsp {
    /// The BSF of a base URL, which may have a path. `token` is the access token of this NAF; `https` needs `trust`.
    ///
    /// # Errors
    /// [`FetchError::Url`].
    pub fn new(
        url: &Uri,
        version: Version,
        token: Option<Zeroizing<String>>,
        trust: Option<&ClientConfig>,
        patience: Duration,
    ) -> Result<Self, FetchError> {
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(Self { peer: Peer::of(url, version, trust)?, prefix, token, patience })
    }

    pub(crate) async fn fetch(&self, query: &NafQuery) -> Result<NafAnswer, FetchError> {
        let unusable = |error: http::Error| FetchError::Unusable(error.to_string());
        let mut request = Request::post(format!("{}/{}{}", self.prefix, nbsp_gba::API, nbsp_gba::PATH))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, application/problem+json")
            .body(Bytes::from(query.to_json()))
            .map_err(unusable)?;
        if let Some(token) = &self.token {
            let bearer = Zeroizing::new(format!("Bearer {}", token.trim()));
            let mut value = HeaderValue::from_str(&bearer)
                .map_err(|_| FetchError::Unusable("the token is no text for a header".to_owned()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let answer = ask(&self.peer, request, self.patience).await?;
        nbsp_gba::read_answer(answer.status().as_u16(), answer.body()).map_err(|error| {
            let told = error.to_string();
            match error {
                // Who is not known may not ask either.
                AnswerError::Refused { status: 401, .. } => {
                    FetchError::Refused { error: ZnError::NotAuthorized, told }
                }
                AnswerError::Refused { .. } => match error.zn_error() {
                    ZnError::Unavailable | ZnError::Settings => FetchError::Failed(told),
                    error => FetchError::Refused { error, told },
                },
                _ => FetchError::Unusable(told),
            }
        })
    }
}
