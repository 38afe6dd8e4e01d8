//! From a subscriber's name to a challenge: TMPI, vector, sealing.

use super::bsf::{Cause, Effects, FirstRequest, Inner, Outcome, UbStep};
use super::message::UbResponse;
use super::pending::OpenChallenge;
use super::refusal::Refusal;
use super::sealed::{ChallengeState, SealNonce};
use crate::aka::{AuthVector, Auts, Rand};
use crate::digest::{Algorithm, BASE64, Challenge, Qop};
use crate::gba::lifetime::{from_unix_seconds, unix_seconds};
use crate::gba::{GbaMode, Tmpi, autn_star};
use crate::identity::Impi;
use crate::zh::{VectorAnswer, VectorError, VectorRequest};
use base64::Engine as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Whose TMPI it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TmpiLookup {
    /// A valid association's.
    Known(Impi),
    /// Nobody's, or not any more.
    Unknown,
    /// The store does not answer.
    Unavailable,
}

/// Waits for the owner of a TMPI.
#[derive(Debug)]
#[must_use]
pub struct AwaitTmpi {
    bsf: Arc<Inner>,
    first: FirstRequest,
    cause: Cause,
}

impl AwaitTmpi {
    /// Goes on with the subscriber, or asks the UE for its IMPI (TS 33.220 clause 4.5.2).
    #[must_use]
    pub fn resume(self, lookup: TmpiLookup) -> UbStep {
        match lookup {
            TmpiLookup::Known(impi) => Wanted {
                impi,
                tmpi_username: Some(self.first.username),
                ue_takes_tmpi: self.first.ue_takes_tmpi,
                sync_failures: 0,
                wrong_responses: 0,
                cause: self.cause,
            }
            .vector(self.bsf, None),
            TmpiLookup::Unknown => self.bsf.refuse(Refusal::UnknownTmpi),
            TmpiLookup::Unavailable => self.bsf.refuse(Refusal::NoStore),
        }
    }
}

/// Waits for a vector.
#[derive(Debug)]
#[must_use]
pub struct AwaitVector {
    bsf: Arc<Inner>,
    wanted: Wanted,
}

impl AwaitVector {
    /// Challenges the UE. `now` starts the challenge's lifetime; `seal_nonce` is random.
    #[must_use]
    pub fn resume(
        self,
        answer: Result<VectorAnswer, VectorError>,
        now: SystemTime,
        seal_nonce: SealNonce,
    ) -> UbStep {
        match answer {
            Ok(answer) => self.challenge(answer, now, seal_nonce),
            Err(VectorError::UnknownSubscriber) => self.bsf.refuse(Refusal::UnknownSubscriber),
            Err(VectorError::NotAllowed) => self.bsf.refuse(Refusal::NotAllowed),
            Err(VectorError::AuthenticationRejected) => self.bsf.refuse(Refusal::AutsRejected),
            Err(VectorError::Unavailable) => self.bsf.refuse(Refusal::NoVector),
        }
    }

    fn challenge(self, answer: VectorAnswer, now: SystemTime, seal_nonce: SealNonce) -> UbStep {
        let Self { bsf, wanted } = self;
        let AuthVector { rand, autn, xres, ck, ik } = answer.vector;
        let autn = match answer.gba_mode {
            GbaMode::Me => autn,
            GbaMode::U => autn_star(autn, &ik),
        };
        let nonce = BASE64.encode([rand.0, autn.0].concat());
        let expires_at = whole_seconds(now, bsf.config.challenge_lifetime);
        let state = ChallengeState {
            impi: wanted.impi,
            tmpi_username: wanted.tmpi_username,
            xres,
            ck,
            ik,
            gba_mode: answer.gba_mode,
            ue_takes_tmpi: wanted.ue_takes_tmpi,
            sync_failures: wanted.sync_failures,
            wrong_responses: wanted.wrong_responses,
            expires_at,
            key_lifetime: answer.key_lifetime.unwrap_or(bsf.config.key_lifetime),
        };
        let opaque = bsf.keys.seal(&state, &bsf.config.realm, &nonce, seal_nonce);
        let challenge = Challenge {
            realm: bsf.config.realm.to_string(),
            nonce: nonce.clone(),
            algorithm: Some(Algorithm::AkaV1Md5),
            qop: vec![Qop::AuthInt],
            opaque: Some(opaque.clone()),
            stale: wanted.cause == Cause::Stale,
        };
        let response = UbResponse {
            status: 401,
            headers: vec![
                ("Server".to_owned(), bsf.server.clone()),
                ("WWW-Authenticate".to_owned(), challenge.to_string()),
            ],
            body: Vec::new(),
        };
        let outcome = Outcome::Challenged { impi: state.impi, cause: wanted.cause };
        let remember = Some(OpenChallenge { nonce, opaque, expires_at });
        UbStep::Done(response, Effects { remember, outcome })
    }
}

/// A challenge on its way: whose, and why.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) impi: Impi,
    pub(super) tmpi_username: Option<String>,
    pub(super) ue_takes_tmpi: bool,
    pub(super) sync_failures: u8,
    pub(super) wrong_responses: u8,
    pub(super) cause: Cause,
}

impl Wanted {
    pub(super) fn vector(self, bsf: Arc<Inner>, resync: Option<(Rand, Auts)>) -> UbStep {
        let request = VectorRequest { impi: self.impi.clone(), resync };
        UbStep::NeedVector(request, AwaitVector { bsf, wanted: self })
    }
}

/// Tells by its form whether a username is a TMPI or an IMPI (TS 33.220 annex B.4).
pub(super) fn identify(bsf: &Arc<Inner>, first: FirstRequest, cause: Cause) -> UbStep {
    if Tmpi::is_tmpi(&first.username) {
        return match Tmpi::parse(&first.username) {
            Some(tmpi) if bsf.config.tmpi => {
                UbStep::NeedTmpi(tmpi, AwaitTmpi { bsf: Arc::clone(bsf), first, cause })
            }
            _ => bsf.refuse(Refusal::UnknownTmpi),
        };
    }
    let Ok(impi) = Impi::parse(&first.username) else {
        return bsf.refuse(Refusal::Username);
    };
    let ue_takes_tmpi = first.ue_takes_tmpi;
    Wanted { impi, tmpi_username: None, ue_takes_tmpi, sync_failures: 0, wrong_responses: 0, cause }
        .vector(Arc::clone(bsf), None)
}

/// `start` plus `lifetime`, in whole seconds: what is told on the wire and what is kept are one moment.
pub(super) fn whole_seconds(start: SystemTime, lifetime: Duration) -> SystemTime {
    from_unix_seconds(unix_seconds(start).saturating_add(lifetime.as_secs()))
}
