//! From a subscriber's name to a challenge: TMPI, vector, sealing.

use super::bsf::{Cause, Effects, FirstRequest, Inner, Manner, Outcome, UbStep};
use super::by_digest::AwaitDigest;
use super::message::UbResponse;
use super::pending::OpenChallenge;
use super::refusal::Refusal;
use super::sealed::ChallengeRandom;
use super::state::{Basis, ChallengeState};
use crate::aka::convert::{c2, c3};
use crate::aka::{AuthVector, Auts, Rand};
use crate::digest::{BASE64, Challenge, Qop};
use crate::gba::kdf2g::{self, KsInput};
use crate::gba::lifetime::{from_unix_seconds, unix_seconds};
use crate::gba::{GbaMode, Tmpi, autn_star};
use crate::identity::Impi;
use crate::zh::{CardAka, VectorAnswer, VectorError, VectorRequest};
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
                manner: self.first.manner,
                sync_failures: 0,
                wrong_responses: 0,
                cause: self.cause,
            }
            .ask(self.bsf, None),
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
    /// Challenges the UE. `now` starts the challenge's lifetime.
    #[must_use]
    pub fn resume(
        self,
        answer: Result<VectorAnswer, VectorError>,
        now: SystemTime,
        random: ChallengeRandom,
    ) -> UbStep {
        let Self { bsf, wanted } = self;
        let made = answer.map_err(Refusal::from).and_then(|answer| {
            let key_lifetime = answer.key_lifetime;
            let (nonce, basis) = match answer.card {
                CardAka::Umts => aka(answer),
                CardAka::Gsm => two_g(&bsf, &wanted, &answer.vector, random)?,
            };
            Ok((nonce, basis, key_lifetime))
        });
        match made {
            Ok((nonce, basis, lifetime)) => wanted.challenge(&bsf, nonce, basis, lifetime, now, random),
            Err(refusal) => bsf.refuse(refusal),
        }
    }
}

/// RAND and AUTN, or AUTN* for a card that runs GBA_U.
fn aka(answer: VectorAnswer) -> (String, Basis) {
    let AuthVector { rand, autn, xres, ck, ik } = answer.vector;
    let gba_mode = answer.gba_mode;
    let autn = match gba_mode {
        GbaMode::Me => autn,
        GbaMode::U => autn_star(autn, &ik),
    };
    (BASE64.encode([rand.0, autn.0].concat()), Basis::Aka { xres, ck, ik, gba_mode })
}

/// RAND of what is a 2G vector, and Ks-input (TS 24.109 clause H.2).
fn two_g(
    bsf: &Inner,
    wanted: &Wanted,
    vector: &AuthVector,
    random: ChallengeRandom,
) -> Result<(String, Basis), Refusal> {
    let gba = bsf.config.others.two_g_over(wanted.manner.transport)?;
    let (kc, ks_input) = (c3(&vector.ck, &vector.ik), KsInput(random.fresh));
    let sres = c2(&vector.xres).ok_or(Refusal::NoVector)?;
    let res = gba.res(&kc, &vector.rand, &sres).ok_or(Refusal::NoVector)?;
    let ks = gba.ks(&kc, &vector.rand, &sres, &ks_input);
    Ok((kdf2g::nonce(&vector.rand, &ks_input), Basis::TwoG { res, ks }))
}

/// A challenge on its way: whose, and why.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) impi: Impi,
    pub(super) tmpi_username: Option<String>,
    pub(super) manner: Manner,
    pub(super) sync_failures: u8,
    pub(super) wrong_responses: u8,
    pub(super) cause: Cause,
}

impl Wanted {
    /// Asks for what the challenge is made of.
    pub(super) fn ask(self, bsf: Arc<Inner>, resync: Option<(Rand, Auts)>) -> UbStep {
        if self.manner.wants_digest {
            return AwaitDigest::to_challenge(bsf, self);
        }
        let request = VectorRequest { impi: self.impi.clone(), resync };
        UbStep::NeedVector(request, AwaitVector { bsf, wanted: self })
    }

    /// Seals what the answer will be checked against, and sends the challenge.
    pub(super) fn challenge(
        self,
        bsf: &Inner,
        nonce: String,
        basis: Basis,
        key_lifetime: Option<Duration>,
        now: SystemTime,
        random: ChallengeRandom,
    ) -> UbStep {
        let expires_at = whole_seconds(now, bsf.config.challenge_lifetime);
        let state = ChallengeState {
            impi: self.impi,
            tmpi_username: self.tmpi_username,
            basis,
            ue_takes_tmpi: self.manner.takes_tmpi,
            sync_failures: self.sync_failures,
            wrong_responses: self.wrong_responses,
            expires_at,
            key_lifetime: key_lifetime.unwrap_or(bsf.config.key_lifetime),
        };
        let opaque = bsf.keys.seal(&state, &bsf.config.realm, &nonce, random.seal_nonce);
        let challenge = Challenge {
            realm: match &state.basis {
                Basis::Digest { realm, .. } => realm.clone(),
                Basis::Aka { .. } | Basis::TwoG { .. } => bsf.config.realm.to_string(),
            },
            nonce: nonce.clone(),
            algorithm: Some(state.algorithm().clone()),
            qop: vec![Qop::AuthInt],
            opaque: Some(opaque.clone()),
            stale: self.cause == Cause::Stale,
        };
        let response = UbResponse {
            status: 401,
            headers: vec![
                ("Server".to_owned(), bsf.server.clone()),
                ("WWW-Authenticate".to_owned(), challenge.to_string()),
            ],
            body: Vec::new(),
        };
        let outcome = Outcome::Challenged { impi: state.impi, cause: self.cause };
        let remember = Some(OpenChallenge { nonce, opaque, expires_at });
        UbStep::Done(response, Effects { remember, outcome })
    }
}

/// Tells by its form whether a username is a TMPI or an IMPI (TS 33.220 annex B.4).
pub(super) fn identify(bsf: &Arc<Inner>, first: FirstRequest, cause: Cause) -> UbStep {
    if Tmpi::is_tmpi(&first.username) {
        return match Tmpi::parse(&first.username) {
            // With GBA_Digest the username is the IMPI (TS 24.109 clause I.2).
            Some(tmpi) if bsf.config.tmpi && !first.manner.wants_digest => {
                UbStep::NeedTmpi(tmpi, AwaitTmpi { bsf: Arc::clone(bsf), first, cause })
            }
            _ => bsf.refuse(Refusal::UnknownTmpi),
        };
    }
    let Ok(impi) = Impi::parse(&first.username) else {
        return bsf.refuse(Refusal::Username);
    };
    Wanted { impi, tmpi_username: None, manner: first.manner, sync_failures: 0, wrong_responses: 0, cause }
        .ask(Arc::clone(bsf), None)
}

/// `start` plus `lifetime`, in whole seconds: what is told on the wire and what is kept are one moment.
pub(super) fn whole_seconds(start: SystemTime, lifetime: Duration) -> SystemTime {
    from_unix_seconds(unix_seconds(start).saturating_add(lifetime.as_secs()))
}
