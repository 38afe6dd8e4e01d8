//! One request there, one answer back.

use super::credential::Credentials;
use super::digest::{Challenges, Sent};
use super::pool::{Line, Pool};
use super::way::{NoWay, Way};
use super::{Body, Trouble, whole};
use crate::config::UaClientConfig;
use crate::credential::Credential;
use crate::ue::Device;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ksnaf_proto::gba::BTid;
use ksnaf_proto::identity::Fqdn;
use std::sync::Arc;
use std::time::Duration;

/// Names the UE's kind of key on Ua (TS 24.109 annex E).
const PRODUCT: &str = "3gpp-gba";

/// Answers of 401 in a row: to no response, to an old nonce, to an old key.
const MAX_CHALLENGES: usize = 4;

/// Octets of a body that is kept for a second try over TLS with a pre-shared key; a longer one goes through once.
const SECOND_TRY: u64 = 64 * 1024;

/// Fields that are about one connection (RFC 9110 clause 7.6.1).
const HOP_BY_HOP: [&str; 6] =
    ["keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"];

/// The client's middle.
pub(super) struct Carrier {
    naf: Fqdn,
    authority: HeaderValue,
    way: Way,
    credentials: Credentials,
    challenges: Challenges,
    pool: Pool,
    digest_body: usize,
    connect_bound: Duration,
}

/// A client's request, ready to be sent more than once if its body is at hand.
struct Errand {
    parts: Parts,
    body: Sendable,
}

/// What shows the target who asks.
enum Proof {
    /// The connection, opened with this bootstrap's key.
    Connection(BTid),
    /// A Digest response.
    Response(Box<Sent>),
    None,
}

enum Sendable {
    Once(Option<Body>),
    Again(Bytes),
}

impl Carrier {
    pub(super) fn new(
        settings: &UaClientConfig,
        target: &Uri,
        naf: Fqdn,
        way: Way,
        device: Arc<Device>,
    ) -> Self {
        let authority = target.authority().map(|authority| authority.as_str()).unwrap_or_default();
        Self {
            authority: HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static("")),
            way,
            credentials: Credentials::new(device, naf.clone()),
            challenges: Challenges::new(naf.clone()),
            pool: Pool::new(settings.max_connections, settings.request_timeout.0),
            digest_body: settings.digest_body,
            connect_bound: settings.connect_timeout.0,
            naf,
        }
    }

    /// Whether a client that names a host means the target.
    pub(super) fn is_target(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(self.naf.as_str())
    }

    /// Carries one request. An answer that turns the connection into another kind is followed.
    pub(super) async fn carry(
        self: Arc<Self>,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Trouble> {
        let upgrade = hyper::upgrade::on(&mut request);
        let errand = self.prepare(request).await?;
        let mut response = match self.way.key_before() {
            Some(_) => self.by_key(errand).await?,
            None => self.by_digest(errand).await?,
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let beyond = hyper::upgrade::on(&mut response);
            tokio::spawn(tunnel(upgrade, beyond));
        } else {
            strip(response.headers_mut(), false);
        }
        Ok(response)
    }

    async fn prepare(&self, request: Request<Incoming>) -> Result<Errand, Trouble> {
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        parts.uri = target.parse().map_err(|_| Trouble::Broken("the request target".to_owned()))?;
        parts.version = Version::HTTP_11;
        let wants_upgrade = parts.headers.contains_key(header::UPGRADE);
        strip(&mut parts.headers, wants_upgrade);
        parts.headers.insert(header::HOST, self.authority.clone());
        parts.headers.insert(header::USER_AGENT, user_agent(&parts.headers));
        let is_short = body.size_hint().upper().is_some_and(|octets| octets <= SECOND_TRY);
        let body = if self.way.key_before().is_some() && !is_short {
            Sendable::Once(Some(body.map_err(Into::into).boxed_unsync()))
        } else {
            if self.way.key_before().is_none() {
                parts.headers.remove(header::AUTHORIZATION);
                parts.headers.remove(header::TRANSFER_ENCODING);
            }
            let octets = Limited::new(body, self.digest_body).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    Trouble::TooLarge
                } else {
                    Trouble::Broken(error.to_string())
                }
            })?;
            Sendable::Again(octets.to_bytes())
        };
        Ok(Errand { parts, body })
    }

    /// The connection is the proof, until the target says that its key is none any more (clause 5.3.3.4): then another
    /// bootstrap, and once more.
    async fn by_key(&self, mut errand: Errand) -> Result<Response<Body>, Trouble> {
        let (response, proof) = self.send(&mut errand).await?;
        let Proof::Connection(b_tid) = proof else {
            return Ok(response.map(streamed));
        };
        if response.status() != StatusCode::UNAUTHORIZED
            || self.challenges.learn(response.headers()).is_none()
        {
            return Ok(response.map(streamed));
        }
        self.credentials.renew(&b_tid).await?;
        if matches!(errand.body, Sendable::Once(_)) {
            return Err(Trouble::Renewed);
        }
        let (response, _) = self.send(&mut errand).await?;
        Ok(response.map(streamed))
    }

    async fn by_digest(&self, mut errand: Errand) -> Result<Response<Body>, Trouble> {
        let mut renewed = false;
        for _ in 0..MAX_CHALLENGES {
            let (response, proof) = self.send(&mut errand).await?;
            let sent = match proof {
                Proof::Response(sent) => Some(*sent),
                Proof::Connection(_) | Proof::None => None,
            };
            if response.status() != StatusCode::UNAUTHORIZED {
                return self.prove(response, sent).await;
            }
            let Some(challenge) = self.challenges.learn(response.headers()) else {
                return Ok(response.map(streamed));
            };
            if let Some(sent) = sent
                && !challenge.stale
            {
                // Bootstrapping renegotiation (clause 5.2.5): the key, not the nonce, is what does not please.
                if renewed {
                    return Err(Trouble::Refused("401 to a fresh bootstrap".to_owned()));
                }
                self.credentials.renew(&sent.credential.b_tid).await?;
                renewed = true;
            }
        }
        Err(Trouble::Refused("one challenge after another".to_owned()))
    }

    async fn prove(
        &self,
        response: Response<Incoming>,
        sent: Option<Sent>,
    ) -> Result<Response<Body>, Trouble> {
        let Some(sent) = sent else {
            return Ok(response.map(streamed));
        };
        let unproven = Trouble::Unproven("its Authentication-Info is wrong");
        let (parts, body) = response.into_parts();
        if !sent.covers_the_answer(&parts.headers) {
            let proved = sent.is_proved(&parts.headers, &[]);
            return if proved { Ok(Response::from_parts(parts, streamed(body))) } else { Err(unproven) };
        }
        let octets = Limited::new(body, self.digest_body).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Trouble::Unproven("its answer is longer than ua_client.digest_body")
            } else {
                Trouble::Broken(error.to_string())
            }
        })?;
        let octets = octets.to_bytes();
        if sent.is_proved(&parts.headers, &octets) {
            Ok(Response::from_parts(parts, whole(octets)))
        } else {
            Err(unproven)
        }
    }

    /// Sends it over a connection that is open, or over another one: a target may have closed the first meanwhile.
    async fn send(&self, errand: &mut Errand) -> Result<(Response<Incoming>, Proof), Trouble> {
        let mut unsent = None;
        loop {
            let before = match self.way.key_before() {
                Some(ua) => Some(self.credentials.of(ua).await?),
                None => None,
            };
            let kept = self.pool.take(before.as_ref().map(|credential| &credential.b_tid));
            let is_kept = kept.is_some();
            let mut line = match kept {
                Some(line) => line,
                None => self.open(before).await?,
            };
            let (request, sent) = match unsent.take() {
                Some(request) => (request, None),
                None => self.request(errand, &line).await?,
            };
            match line.sender.try_send_request(request).await {
                Ok(response) => {
                    let proof = match (sent, &line.opened_with) {
                        (Some(sent), _) => Proof::Response(Box::new(sent)),
                        (None, Some(b_tid)) => Proof::Connection(b_tid.clone()),
                        (None, None) => Proof::None,
                    };
                    self.pool.put(line);
                    return Ok((response, proof));
                }
                Err(mut error) => match error.take_message() {
                    // Digest computes anew for another connection; a body that goes once is still whole.
                    Some(request) if is_kept => unsent = sent.is_none().then_some(request),
                    _ => return Err(Trouble::Broken(error.into_error().to_string())),
                },
            }
        }
    }

    async fn request(
        &self,
        errand: &mut Errand,
        line: &Line,
    ) -> Result<(Request<Body>, Option<Sent>), Trouble> {
        let mut request = Request::new(());
        *request.method_mut() = errand.parts.method.clone();
        *request.uri_mut() = errand.parts.uri.clone();
        *request.headers_mut() = errand.parts.headers.clone();
        let (body, sent) = match &mut errand.body {
            Sendable::Once(body) => {
                let body = body.take().ok_or_else(|| Trouble::Broken("the target broke off".to_owned()))?;
                (body, None)
            }
            Sendable::Again(octets) if line.opened_with.is_some() => (whole(octets.clone()), None),
            Sendable::Again(octets) => {
                let credential = self.credentials.of(line.ua).await?;
                let uri = errand.parts.uri.path_and_query().map_or("/", |target| target.as_str());
                let response = self.challenges.respond(&credential, &errand.parts.method, uri, octets);
                let sent = match response {
                    Some((text, sent)) => {
                        let value = HeaderValue::from_str(&text);
                        let value =
                            value.map_err(|_| Trouble::Unproven("a challenge that cannot be answered"))?;
                        request.headers_mut().insert(header::AUTHORIZATION, value);
                        Some(sent)
                    }
                    None => None,
                };
                (whole(octets.clone()), sent)
            }
        };
        Ok((request.map(|()| body), sent))
    }

    /// Another connection. A key that the target does not know is made anew once.
    async fn open(&self, credential: Option<Arc<Credential>>) -> Result<Line, Trouble> {
        let slot = self.pool.slot().ok_or(Trouble::Busy)?;
        let opened = async {
            match self.way.open(credential.clone()).await {
                Ok((stream, ua)) => Ok((stream, ua, credential)),
                Err(NoWay::Other(trouble)) => Err(trouble),
                Err(NoWay::KeyRefused(reason)) => {
                    let refused = credential.as_ref().ok_or_else(|| Trouble::Refused(reason.clone()))?;
                    self.credentials.renew(&refused.b_tid).await?;
                    let fresh = self.credentials.of(refused.naf_id.ua).await?;
                    match self.way.open(Some(Arc::clone(&fresh))).await {
                        Ok((stream, ua)) => Ok((stream, ua, Some(fresh))),
                        Err(NoWay::KeyRefused(reason)) => Err(Trouble::Refused(reason)),
                        Err(NoWay::Other(trouble)) => Err(trouble),
                    }
                }
            }
        };
        let late = |_| Trouble::Unreachable("no connection in time".to_owned());
        let (stream, ua, credential) =
            tokio::time::timeout(self.connect_bound, opened).await.map_err(late)??;
        let opened_with = credential.map(|credential| credential.b_tid.clone());
        Pool::begin(stream, ua, opened_with, slot).await.map_err(|error| Trouble::Broken(error.to_string()))
    }
}

fn streamed(body: Incoming) -> Body {
    body.map_err(Into::into).boxed_unsync()
}

/// Takes away what is about one connection only.
fn strip(headers: &mut HeaderMap, keep_upgrade: bool) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| name != header::UPGRADE)
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    if keep_upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        headers.remove(header::CONNECTION);
        headers.remove(header::UPGRADE);
    }
}

/// The client's own, and the product token that says what this UE can do.
fn user_agent(headers: &HeaderMap) -> HeaderValue {
    let own = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let text = own.map_or_else(|| PRODUCT.to_owned(), |own| format!("{own} {PRODUCT}"));
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(PRODUCT))
}

async fn tunnel(near: OnUpgrade, beyond: OnUpgrade) {
    let carried = async {
        let (near, beyond) = tokio::try_join!(near, beyond).map_err(|error| error.to_string())?;
        let (mut near, mut beyond) = (TokioIo::new(near), TokioIo::new(beyond));
        tokio::io::copy_bidirectional(&mut near, &mut beyond).await.map_err(|error| error.to_string())
    };
    if let Err(error) = carried.await {
        tracing::debug!(error, "a tunnel ended early");
    }
}
