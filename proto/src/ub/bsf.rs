//! The BSF's side of Ub: reads a request and decides what it is.

use super::answer::{Answer, AwaitChallenge, AwaitStore, Establish};
use super::by_digest::AwaitDigest;
use super::challenge::{AwaitTmpi, AwaitVector, identify};
use super::message::{Transport, UbRequest, UbResponse};
use super::other::OtherBootstraps;
use super::pending::OpenChallenge;
use super::product::{GbaSupport, with_support};
use super::refusal::Refusal;
use super::sealed::SealingKeys;
use super::suspect::Suspect;
use crate::digest::{Authorization, Qop};
use crate::gba::{BTid, Tmpi};
use crate::identity::{Fqdn, Impi, mask_digits};
use crate::zh::VectorRequest;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What an operator decides about Ub.
#[derive(Debug, Clone)]
pub struct BsfConfig {
    /// The BSF's name: realm on Ub and right-hand side of every B-TID.
    pub realm: Fqdn,
    /// How long an association lives unless the subscriber's settings say otherwise.
    pub key_lifetime: Duration,
    /// Whether the first request may name any realm, as UEs do that put the IMS home domain there. The challenge has the
    /// right one, and the answer must. Otherwise another realm is refused at once.
    pub any_first_realm: bool,
    /// How many new challenges in a row a UE gets after wrong responses before it is refused. Each costs a vector.
    pub retries: u8,
    /// How long a UE may take for its answer: a card and a round trip, with patience.
    pub challenge_lifetime: Duration,
    /// Whether `qop=auth` is taken where `auth-int` was asked for.
    pub accept_auth: AcceptAuth,
    /// Whether TMPIs are computed and taken.
    pub tmpi: bool,
    /// Text of the Server header, without product tokens of GBA.
    pub server: String,
    /// Whether the BSF tells its clock in the body's Extension (TS 24.109 annex C.1).
    pub tell_current_time: bool,
    /// Which bootstraps beside AKA are run.
    pub others: OtherBootstraps,
}

/// When an answer with `qop=auth` will do. The challenge asks for `auth-int` always (TS 24.109 clause 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptAuth {
    /// Never: `auth` leaves B-TID and lifetime unprotected.
    #[default]
    Never,
    /// Where TLS protects what Digest then does not.
    OverTls,
    /// Always, for UEs that know no better.
    Always,
}

/// A Bootstrapping Server Function. It keeps nothing of any request: what is open travels in `opaque`.
#[derive(Debug, Clone)]
pub struct Bsf(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) config: BsfConfig,
    pub(super) keys: SealingKeys,
    pub(super) server: String,
}

/// What comes next. A question to the outside stands beside the continuation that takes the answer.
#[derive(Debug)]
pub enum UbStep {
    /// Send this; then do what [`Effects`] says.
    Done(UbResponse, Effects),
    /// Whose TMPI is it?
    NeedTmpi(Tmpi, AwaitTmpi),
    /// The UE did not send `opaque` back: which one went with this nonce? See [`super::PendingChallenges`].
    NeedChallenge(String, AwaitChallenge),
    /// Fetch an authentication vector.
    NeedVector(VectorRequest, AwaitVector),
    /// GBA_Digest: fetch the subscriber's SIP Digest credential, and tell what the request's TLS connection exports.
    NeedDigest(Impi, AwaitDigest),
    /// RES is right: store the association, durably, before the answer goes out.
    Establish(Box<Establish>, AwaitStore),
}

/// What the shell does and logs beside sending an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effects {
    /// A challenge for [`super::PendingChallenges`], if the shell serves UEs that drop `opaque`.
    pub remember: Option<OpenChallenge>,
    /// For log, metrics and audit.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The UE has a challenge.
    Challenged {
        /// The subscriber.
        impi: Impi,
        /// Why.
        cause: Cause,
    },
    /// The UE has an association.
    Established {
        /// The subscriber.
        impi: Impi,
        /// The association.
        b_tid: BTid,
    },
    /// The UE got a refusal.
    Refused(Refusal),
}

/// Why a UE has a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// It asked for one.
    First,
    /// It answered one that the BSF cannot open any more, such as one from before a restart.
    Forgotten,
    /// Its right answer came too late.
    Stale,
    /// Its card was out of step and is resynchronised.
    Resynchronised,
    /// Its response was wrong, and it may try again.
    WrongResponse(Suspect),
}

impl Bsf {
    /// A BSF with its settings and keys. Keys rotate by making another one: requests under way end with theirs.
    #[must_use]
    pub fn new(config: BsfConfig, keys: SealingKeys) -> Self {
        let server = with_support(&config.server, config.tmpi);
        Self(Arc::new(Inner { config, keys, server }))
    }

    /// Takes a request. `now` is wall-clock time.
    #[must_use]
    pub fn handle(&self, request: &UbRequest, transport: Transport, now: SystemTime) -> UbStep {
        match self.0.read(request, transport) {
            Ok(Leg::First(first)) => identify(&self.0, first, Cause::First),
            Ok(Leg::Answer(answer)) => answer.open(&self.0, now),
            Err(refusal) => self.0.refuse(refusal),
        }
    }
}

/// Which leg of the procedure a request is.
enum Leg {
    First(FirstRequest),
    Answer(Box<Answer>),
}

/// A UE that wants a challenge.
#[derive(Clone)]
pub(super) struct FirstRequest {
    pub(super) username: String,
    pub(super) manner: Manner,
}

/// How a request comes, whoever it is from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) transport: Transport,
    pub(super) takes_tmpi: bool,
    /// GBA_Digest.
    pub(super) wants_digest: bool,
}

impl std::fmt::Debug for FirstRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "first request of {}", mask_digits(&self.username))
    }
}

impl Inner {
    fn read(&self, request: &UbRequest, transport: Transport) -> Result<Leg, Refusal> {
        if request.method != "GET" {
            return Err(Refusal::Method);
        }
        let mut authorizations = request.header_values("Authorization");
        let (Some(text), None) = (authorizations.next(), authorizations.next()) else {
            return Err(Refusal::Authorization);
        };
        let authorization = Authorization::parse(text)?;
        let told: Vec<GbaSupport> = request.header_values("User-Agent").map(GbaSupport::parse).collect();
        let manner = Manner {
            transport,
            takes_tmpi: told.iter().any(|support| support.tmpi),
            wants_digest: told.iter().any(|support| support.digest),
        };
        if authorization.nonce.is_empty() {
            if !self.takes_first_realm(&authorization.realm, manner) {
                return Err(Refusal::Realm);
            }
            return match authorization.auts {
                Some(_) => Err(Refusal::AutsWithoutChallenge),
                None => Ok(Leg::First(FirstRequest { username: authorization.username, manner })),
            };
        }
        // With GBA_Digest, what realm is right stands in the challenge.
        if self.config.others.digest.is_none() && !self.is_realm(&authorization.realm) {
            return Err(Refusal::Realm);
        }
        if authorization.uri.is_empty() || path_of(&authorization.uri) != path_of(&request.target) {
            return Err(Refusal::Uri);
        }
        let accept_auth = match self.config.accept_auth {
            AcceptAuth::Never => false,
            AcceptAuth::OverTls => transport == Transport::Tls,
            AcceptAuth::Always => true,
        };
        let qop_is_taken = |qop| qop == Qop::AuthInt || accept_auth;
        Answer::read(authorization, request, manner, qop_is_taken).map(Box::new).map(Leg::Answer)
    }

    /// Whether a request without a challenge may name that realm. That of GBA_Digest is the home network's domain
    /// (TS 24.109 clause I.2), which the credential says.
    pub(super) fn takes_first_realm(&self, realm: &str, manner: Manner) -> bool {
        self.config.any_first_realm || manner.wants_digest || self.is_realm(realm)
    }

    /// Host names compare without case; some UEs take the port along from the Host header.
    pub(super) fn is_realm(&self, realm: &str) -> bool {
        let name = match realm.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => realm,
        };
        name.eq_ignore_ascii_case(self.config.realm.as_str())
    }

    pub(super) fn refuse(&self, refusal: Refusal) -> UbStep {
        let effects = Effects { remember: None, outcome: Outcome::Refused(refusal) };
        UbStep::Done(refusal.response(&self.server), effects)
    }
}

/// Path and query of a request target or Digest-URI, be it absolute or not; an empty path is `/`.
pub(super) fn path_of(uri: &str) -> &str {
    let absolute = uri
        .split_once("://")
        .filter(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let path = absolute.map_or(uri, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_uri_may_be_absolute() {
        for (uri, path) in [
            ("/", "/"),
            ("", "/"),
            ("http://bsf.example", "/"),
            ("http://bsf.example:80/", "/"),
            ("https://bsf.example/ub?x=1", "/ub?x=1"),
            ("/ub?to=http://x/y", "/ub?to=http://x/y"),
            ("://x/y", "://x/y"),
            ("*", "*"),
        ] {
            assert_eq!(path_of(uri), path, "{uri}");
        }
    }
}
