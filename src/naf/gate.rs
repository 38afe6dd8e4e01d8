//! One request at the proxy: who it is from, who that is to what stands behind, and what goes on of it.

use super::answers;
use super::digest::{Asked, Checkable, proof};
use super::drain;
use super::enrolees::{Enrolee, Standing};
use super::headers;
use super::holder::Holder;
use super::keys::NoKey;
use super::provisioned;
use super::proxy::Proxy;
use super::refusal::{Body, Refusal, Rsc, whole};
use super::upstream::Line;
use crate::http::server::host_is_valid;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use ksnaf_proto::digest::Qop;
use ksnaf_proto::gba::UaSecurityProtocolId;
use std::net::IpAddr;
use std::sync::Arc;

/// A client's connection.
pub(super) struct Connection {
    pub(super) proxy: Arc<Proxy>,
    pub(super) from: IpAddr,
    pub(super) tls: bool,
    /// What keys inside are made for.
    pub(super) ua: UaSecurityProtocolId,
    /// Holder of the pre-shared key of the connection.
    pub(super) holder: Option<Holder>,
    pub(super) line: Line,
}

/// A request whose sender is known.
struct Known {
    holder: Holder,
    /// What Digest still has to answer.
    checkable: Option<Checkable>,
    body: Body,
}

/// What a request becomes.
struct Passage {
    enrolee: Option<Enrolee>,
    /// A registration whose answer says who the Enrolee is from then on.
    registers: bool,
    /// The holder, for a connection that turns into another.
    upgrade: Option<hyper::upgrade::OnUpgrade>,
}

impl Connection {
    /// Answers one request, by whatever means.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let asked = parts.headers.clone();
        let (body, rest) = drain::split(body);
        match self.pass(parts, body).await {
            Ok(response) => {
                self.proxy.count("given");
                response
            }
            Err(refusal) => {
                self.proxy.count(match &refusal {
                    Refusal::Challenge { .. } => "unknown",
                    Refusal::Status(status, _) if status.is_server_error() => "failed",
                    _ => "forbidden",
                });
                let response = refusal.response(&asked);
                rest.drain().await;
                response
            }
        }
    }

    async fn pass(&self, mut parts: http::request::Parts, body: Body) -> Result<Response<Body>, Refusal> {
        let whole_request = Request::from_parts(parts, ());
        if !host_is_valid(&whole_request) {
            return Err(Refusal::Status(StatusCode::BAD_REQUEST, "one Host field"));
        }
        (parts, ()) = whole_request.into_parts();
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Err(Refusal::Status(StatusCode::METHOD_NOT_ALLOWED, "not a method of this server"));
        }
        let known = self.know(&parts, body).await?;
        if let Some(answer) = provisioned::answer(self, &parts, &known.holder) {
            return Ok(match &known.checkable {
                Some(checkable) => self.proved(answer?, checkable).await,
                None => answer?,
            });
        }
        let wants = headers::upgrade(&parts.headers).cloned();
        if let Some(kind) = &wants {
            headers::websocket(&parts.headers, kind, self.proxy.websocket)?;
        }
        let (mut head, enrolee, registers) = self.head(&parts, &known.holder)?;
        let mut body = known.body;
        if let Some(enrolee) = enrolee.filter(|_| registers) {
            let from = head.get("x-m2m-origin").and_then(|from| from.to_str().ok()).map(str::to_owned);
            let who = (enrolee, &known.holder);
            let proxy = &self.proxy;
            body = proxy.rules.check(&proxy.enrolees, who, from.as_deref(), &mut head, body).await?;
        }
        let upgrade = wants.as_ref().and_then(|_| parts.extensions.remove::<hyper::upgrade::OnUpgrade>());
        let mut request = Request::new(body);
        *request.method_mut() = parts.method.clone();
        let target = self.proxy.upstream.target(&parts.uri);
        *request.uri_mut() =
            target.ok_or(Refusal::Status(StatusCode::BAD_REQUEST, "no target of a request"))?;
        *request.headers_mut() = head;
        if let (Some(kind), Some(_)) = (wants, &upgrade) {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            request.headers_mut().insert(header::UPGRADE, kind);
        }
        let answer = self.proxy.upstream.send(&self.line, request).await?;
        let passage = Passage { enrolee, registers, upgrade };
        Ok(self.back(answer, passage, &known.holder, known.checkable.as_ref()).await)
    }

    /// Who the request is from: the connection's key, asked for again, or else Digest.
    async fn know(&self, parts: &http::request::Parts, body: Body) -> Result<Known, Refusal> {
        let proxy = &self.proxy;
        if let Some(holder) = &self.holder {
            let (found, from) = (proxy.keys.find(&holder.b_tid, holder.ua, self.from).await, self.from);
            let granted = found.map_err(|error| {
                tracing::info!(%error, peer = %from, "the connection's key is none any more");
                match (error, proxy.digest.challenge(&parts.headers, self.tls, false)) {
                    (NoKey::Unavailable, _) => {
                        Refusal::Status(StatusCode::SERVICE_UNAVAILABLE, "no key at present")
                    }
                    (_, Refusal::Challenge { challenge, .. }) => {
                        Refusal::Challenge { challenge, close: true }
                    }
                    (_, other) => other,
                }
            })?;
            // What the BSF says of the subscriber may have changed since the handshake: its consent.
            return Ok(Known { holder: Holder { granted, ..holder.clone() }, checkable: None, body });
        }
        let target = parts.uri.to_string();
        let asked = Asked {
            headers: &parts.headers,
            method: parts.method.as_str(),
            target: &target,
            tls: self.tls,
            ua: self.ua,
            from: self.from,
        };
        let checkable = proxy.digest.claim(&asked, &proxy.keys).await?;
        let body = if checkable.claim.qop == Qop::AuthInt {
            let octets = answers::read_up_to(body, proxy.digest_body).await;
            let octets = octets.ok_or(Refusal::Status(
                StatusCode::PAYLOAD_TOO_LARGE,
                "a body too large for auth-int, or cut off",
            ))?;
            proxy.digest.check(&asked, &checkable, &octets)?;
            whole(octets)
        } else {
            proxy.digest.check(&asked, &checkable, b"")?;
            body
        };
        Ok(Known { holder: checkable.holder.clone(), checkable: Some(checkable), body })
    }

    /// The header that goes on: what may pass, and what the proxy says itself.
    fn head(
        &self,
        parts: &http::request::Parts,
        holder: &Holder,
    ) -> Result<(HeaderMap, Option<Enrolee>, bool), Refusal> {
        let proxy = &self.proxy;
        let subscriber = &holder.granted.subscriber;
        let received = headers::origin(&parts.headers)?;
        let registers = headers::registers(&parts.method, &parts.headers);
        let refused = |rsc, text| {
            tracing::info!(peer = %self.from, reason = text, "an originator is refused");
            Refusal::Originator(rsc, text)
        };
        let (enrolee, origin) = match proxy.enrolees.standing(subscriber) {
            Standing::Enrolee(enrolee) => {
                let origin = proxy.enrolees.originator(enrolee, received, registers);
                (Some(enrolee), origin.map_err(|(rsc, text)| refused(rsc, text))?)
            }
            Standing::Unlisted if !headers::is_onem2m(&parts.method, &parts.headers) => (None, None),
            Standing::Unlisted | Standing::Stranger => {
                return Err(refused(Rsc::NotAuthenticated, "the key's holder is not enrolled here"));
            }
        };
        let mut head = headers::forward(&parts.headers, enrolee.is_some(), &proxy.forward_headers);
        let put = |head: &mut HeaderMap, name: &'static str, value: &str| {
            let value = HeaderValue::try_from(value);
            let value =
                value.map_err(|_| Refusal::Status(StatusCode::FORBIDDEN, "an identity that is no header"))?;
            head.insert(name, value);
            Ok(())
        };
        if let Some(origin) = &origin {
            put(&mut head, "x-m2m-origin", origin)?;
        }
        if registers && enrolee.is_some() {
            // The AE-ID is read from the answer.
            put(&mut head, "accept", "application/json")?;
            head.remove(header::ACCEPT_ENCODING);
        }
        let intended = proxy.identities.intended(&parts.headers, subscriber)?;
        let consents = enrolee.map(|enrolee| proxy.enrolees.consents(enrolee));
        if let Some(asserted) = proxy.identities.asserted(intended, subscriber, consents) {
            put(&mut head, "x-3gpp-asserted-identity", &asserted)?;
        }
        if !subscriber.flags.is_empty() {
            let flags: Vec<String> = subscriber.flags.iter().map(u32::to_string).collect();
            put(&mut head, "x-3gpp-authorization-flags", &flags.join(","))?;
        }
        if let Some(token) = &proxy.upstream_token {
            head.insert(header::AUTHORIZATION, token.clone());
        }
        Ok((head, enrolee, registers))
    }

    async fn back(
        &self,
        mut answer: Response<Incoming>,
        passage: Passage,
        holder: &Holder,
        checkable: Option<&Checkable>,
    ) -> Response<Body> {
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(answer, passage, holder, checkable);
        }
        let head = headers::back(answer.headers());
        *answer.headers_mut() = head;
        // Of the other connection.
        *answer.version_mut() = http::Version::HTTP_11;
        let mut answer = answer.map(|body| body.map_err(Into::into).boxed_unsync());
        if let Some(enrolee) = passage.enrolee {
            if answer.status().is_client_error() || answer.status().is_server_error() {
                answer = answers::without_diagnostics(answer).await;
            } else if passage.registers {
                answer = self.registered(answer, enrolee).await;
            }
        }
        match checkable {
            Some(checkable) => self.proved(answer, checkable).await,
            None => answer,
        }
    }

    /// Binds the AE-ID that a successful registration gave, before the client learns it.
    async fn registered(&self, answer: Response<Body>, enrolee: Enrolee) -> Response<Body> {
        let (answer, given) = answers::with_aei(answer).await;
        let created = answer.headers().get("x-m2m-rsc").is_some_and(|rsc| rsc == "2001");
        if let Some(given) = given.filter(|_| created) {
            match self.proxy.enrolees.bind(enrolee, &given) {
                Ok(()) => tracing::info!(aei = given, "an AE belongs to its Enrolee"),
                Err(error) => tracing::error!(%error, "the Enrolee's AE-ID is not kept"),
            }
        }
        answer
    }

    /// Adds the NAF's own proof. With auth-int it covers the body, which is held back for it up to a bound.
    async fn proved(&self, answer: Response<Body>, checkable: &Checkable) -> Response<Body> {
        let (mut parts, body) = answer.into_parts();
        let covered = checkable.claim.qop == Qop::AuthInt;
        let declared = hyper::body::Body::size_hint(&body).lower() <= self.proxy.digest_body as u64;
        let (proof, body) = if !covered {
            (proof(checkable, b""), body)
        } else if !declared {
            (None, body)
        } else {
            match gather(body, self.proxy.digest_body).await {
                Ok(octets) => (proof(checkable, &octets), whole(octets)),
                Err(rest) => (None, rest),
            }
        };
        if let Some(proof) = proof {
            parts.headers.insert("authentication-info", proof);
        }
        Response::from_parts(parts, body)
    }

    /// The connection turns into another, which lives as long as the key.
    fn switch(
        &self,
        answer: Response<Incoming>,
        passage: Passage,
        holder: &Holder,
        checkable: Option<&Checkable>,
    ) -> Response<Body> {
        let Some(client) = passage.upgrade else {
            let refusal = Refusal::Status(StatusCode::BAD_GATEWAY, "a switch that nobody asked for");
            return refusal.response(&HeaderMap::new());
        };
        let mut head = headers::back(answer.headers());
        for name in [header::CONNECTION, header::UPGRADE] {
            if let Some(value) = answer.headers().get(&name) {
                head.insert(name, value.clone());
            }
        }
        if let Some(proof) = checkable.and_then(|checkable| proof(checkable, b"")) {
            head.insert("authentication-info", proof);
        }
        self.proxy.tunnel(client, hyper::upgrade::on(answer), holder.clone(), self.from);
        let mut response = Response::new(whole(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = head;
        response
    }
}

/// A body's octets, or the body again where there are too many.
async fn gather(mut body: Body, limit: usize) -> Result<Bytes, Body> {
    use futures_util::StreamExt as _;
    let mut pieces: Vec<Result<hyper::body::Frame<Bytes>, _>> = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.as_ref().ok().and_then(|frame| frame.data_ref()).map_or(0, Bytes::len);
        let broken = frame.is_err();
        pieces.push(frame);
        if broken || length > limit {
            let rest = http_body_util::BodyStream::new(body);
            let again = futures_util::stream::iter(pieces).chain(rest);
            return Err(http_body_util::StreamBody::new(again).boxed_unsync());
        }
    }
    let mut whole = Vec::with_capacity(length);
    for piece in pieces.into_iter().filter_map(|frame| frame.ok()?.into_data().ok()) {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}
