//! Every way in which the BSF says no, with its status: the one table of Ub's failures (TS 24.109 clauses 4.3 to 4.5).
//!
//! | what happened | status | why this one |
//! |---|---|---|
//! | not an HTTP Digest request for a bootstrap | 400 | the UE's fault; repeating it as it is cannot help |
//! | another method | 405 with Allow | RFC 9110 clause 15.5.6 |
//! | a TMPI nobody knows | 404 | the only 404: the UE drops its TMPI and sends the IMPI |
//! | unknown or barred subscriber, wrong RES, replay, MAC failure at the UE, second resynchronisation, a bootstrap that is off or needs TLS | 403 | one status and one body for all, so that a stranger learns from them neither who is subscribed nor what was wrong |
//! | no vector or no store at hand | 503 with Retry-After | the UE's request was fine |
//!
//! A right answer to an expired challenge is no refusal: it gets a new challenge with `stale=true`. A wrong one may get
//! some new challenges before the 403, if the operator wants so; every 401 carries a challenge. Subscribers that
//! exist can always be told from others by the challenge they get; a made-up challenge would hide that, and would show
//! every customer with a typing error a "MAC failure" instead of the truth.

use super::message::UbResponse;
use super::suspect::Suspect;
use crate::digest::HeaderError;
use crate::gba::{GbaMode, GbaType};
use crate::zh::VectorError;

/// Seconds after which a UE may come again when something behind the BSF is down.
const RETRY_AFTER: &str = "5";

/// Why the BSF does not go on. Display is for the log: it names no value of a secret or of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not GET.
    #[error("a method other than GET")]
    Method,
    /// No Authorization, or more than one: it names the subscriber (TS 24.109 clause 4.2).
    #[error("not one Authorization header")]
    Authorization,
    /// Authorization is there but cannot be read.
    #[error("Authorization: {0}")]
    Header(#[from] HeaderError),
    /// The username is neither an IMPI nor a TMPI.
    #[error("the username is neither an IMPI nor a TMPI")]
    Username,
    /// The answer carries another username than the first request.
    #[error("another username than the one that was challenged")]
    UsernameChanged,
    /// Another realm than the BSF's name.
    #[error("another realm than this BSF's name")]
    Realm,
    /// The Digest-URI is not the request's target.
    #[error("the digest's uri is not the request's")]
    Uri,
    /// The answer names another algorithm than the challenge: no downgrade.
    #[error("another algorithm than the one that was challenged")]
    Algorithm,
    /// The answer's qop was not offered, or is missing.
    #[error("a quality of protection that was not offered")]
    Qop,
    /// `opaque` is of this BSF but was changed or belongs to another nonce.
    #[error("opaque does not belong to this nonce and realm, or was changed")]
    Opaque,
    /// AUTS does not have 14 octets in base64.
    #[error("AUTS is not 14 octets in base64")]
    Auts,
    /// AUTS without an open challenge: no RAND goes with it.
    #[error("AUTS without an open challenge")]
    AutsWithoutChallenge,
    /// The response does not verify.
    #[error("the response does not verify; suspect: {0}")]
    Response(Suspect),
    /// The UE says that the network did not authenticate: AUTN's MAC was wrong for the card (TS 24.109 clause 4.4).
    #[error("the card refused AUTN's MAC: K or OP do not fit, or a card without {0}")]
    NetworkAuthentication(GbaMode),
    /// An empty response where no AUTN is that could be wrong.
    #[error("an answer without a response")]
    NoResponse,
    /// The subscriber's card is a SIM, or the UE asks for GBA_Digest, and this BSF does not run it.
    #[error("a bootstrap that is not switched on: {0}")]
    BootstrapOff(GbaType),
    /// 2G GBA and GBA_Digest are for TLS alone.
    #[error("a bootstrap that needs TLS: {0}")]
    NeedsTls(GbaType),
    /// The TLS connection gives nothing to which GBA_Digest could be bound.
    #[error("the TLS connection exports no key")]
    NoExporter,
    /// A synchronisation failure right after a resynchronisation.
    #[error("a second synchronisation failure in a row")]
    SyncFailureTwice,
    /// The AuC refused AUTS.
    #[error("the AuC refused AUTS")]
    AutsRejected,
    /// This RAND already gave an association.
    #[error("a replay: this RAND already gave an association")]
    Replay,
    /// The AuC knows no such subscriber.
    #[error("unknown subscriber")]
    UnknownSubscriber,
    /// The subscriber may not bootstrap.
    #[error("the subscriber may not bootstrap")]
    NotAllowed,
    /// No association goes with the TMPI.
    #[error("unknown TMPI: the UE is asked for its IMPI")]
    UnknownTmpi,
    /// The AuC did not answer, or not with a vector.
    #[error("no authentication vector to be had")]
    NoVector,
    /// The store did not answer.
    #[error("the store does not answer")]
    NoStore,
}

impl From<VectorError> for Refusal {
    fn from(error: VectorError) -> Self {
        match error {
            VectorError::UnknownSubscriber => Self::UnknownSubscriber,
            VectorError::NotAllowed => Self::NotAllowed,
            VectorError::AuthenticationRejected => Self::AutsRejected,
            VectorError::Unavailable => Self::NoVector,
        }
    }
}

impl Refusal {
    /// The status code on Ub.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Authorization
            | Self::Header(_)
            | Self::Username
            | Self::UsernameChanged
            | Self::Realm
            | Self::Uri
            | Self::Algorithm
            | Self::Qop
            | Self::Opaque
            | Self::Auts
            | Self::AutsWithoutChallenge => 400,
            Self::Response(_)
            | Self::NetworkAuthentication(_)
            | Self::NoResponse
            | Self::BootstrapOff(_)
            | Self::NeedsTls(_)
            | Self::SyncFailureTwice
            | Self::AutsRejected
            | Self::Replay
            | Self::UnknownSubscriber
            | Self::NotAllowed => 403,
            Self::UnknownTmpi => 404,
            Self::Method => 405,
            Self::NoVector | Self::NoStore | Self::NoExporter => 503,
        }
    }

    /// The answer. What it tells depends on the status only.
    pub(super) fn response(self, server: &str) -> UbResponse {
        let status = self.status();
        let (extra, text) = match status {
            400 => (None, "Not a bootstrapping request.\n"),
            404 => (None, "Unknown temporary identity: repeat the request with the private identity.\n"),
            405 => (Some(("Allow", "GET")), "Bootstrapping uses GET.\n"),
            503 => (Some(("Retry-After", RETRY_AFTER)), "Try again later.\n"),
            _ => (None, "Bootstrapping refused.\n"),
        };
        let headers = [Some(("Server", server)), Some(("Content-Type", "text/plain")), extra];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        UbResponse {
            status,
            headers: headers.into_iter().flatten().map(owned).collect(),
            body: text.as_bytes().to_vec(),
        }
    }
}
