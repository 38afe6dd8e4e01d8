//! GBA_Digest on the BSF's side (TS 33.220 clause M.6.3, TS 24.109 clause I.2).
//!
//! The credential is asked for twice, to challenge and to verify: H(A1) is good for years, so it does not travel in
//! `opaque` as the keys of one AKA run do. Between the two requests the BSF still keeps nothing.

use super::answer::{Answer, Earned};
use super::bsf::{Inner, UbStep};
use super::challenge::Wanted;
use super::refusal::Refusal;
use super::sealed::ChallengeRandom;
use super::state::{Basis, ChallengeState};
use super::suspect::Suspect;
use crate::aka::Res;
use crate::digest::{Algorithm, Qop};
use crate::gba::digest_mode::{self, GbaDigest, TlsMkExtr};
use crate::identity::Impi;
use crate::zh::{DigestAnswer, DigestCredential, VectorError};
use std::sync::Arc;
use std::time::SystemTime;

/// Waits for a SIP Digest credential.
#[derive(Debug)]
#[must_use]
pub struct AwaitDigest {
    bsf: Arc<Inner>,
    gba: GbaDigest,
    purpose: Purpose,
}

#[derive(Debug)]
enum Purpose {
    Challenge(Wanted),
    Verify(Box<Verify>),
}

/// An answer with the challenge that it is to.
#[derive(Debug)]
struct Verify {
    answer: Box<Answer>,
    state: ChallengeState,
    qop: Qop,
}

impl AwaitDigest {
    pub(super) fn to_challenge(bsf: Arc<Inner>, wanted: Wanted) -> UbStep {
        match bsf.config.others.digest_over(wanted.manner.transport) {
            Ok(gba) => Self::step(wanted.impi.clone(), bsf, gba, Purpose::Challenge(wanted)),
            Err(refusal) => bsf.refuse(refusal),
        }
    }

    pub(super) fn to_verify(
        bsf: Arc<Inner>,
        answer: Box<Answer>,
        state: ChallengeState,
        qop: Qop,
    ) -> Result<UbStep, Refusal> {
        let gba = bsf.config.others.digest.ok_or(Refusal::BootstrapOff(state.gba_type()))?;
        let impi = state.impi.clone();
        Ok(Self::step(impi, bsf, gba, Purpose::Verify(Box::new(Verify { answer, state, qop }))))
    }

    fn step(impi: Impi, bsf: Arc<Inner>, gba: GbaDigest, purpose: Purpose) -> UbStep {
        UbStep::NeedDigest(impi, Self { bsf, gba, purpose })
    }

    /// Challenges the UE, or verifies its answer. `tls` is what the connection on which the request came exports:
    /// an answer made for another connection does not verify.
    #[must_use]
    pub fn resume(
        self,
        answer: Result<DigestAnswer, VectorError>,
        tls: Option<&TlsMkExtr>,
        now: SystemTime,
        random: ChallengeRandom,
    ) -> UbStep {
        let Self { bsf, gba, purpose } = self;
        let step = answer.map_err(Refusal::from).and_then(|answer| {
            let algorithm = algorithm_of(&answer.credential).ok_or(Refusal::NoVector)?;
            match purpose {
                Purpose::Challenge(wanted) => Ok(challenge(&bsf, wanted, answer, algorithm, now, random)),
                Purpose::Verify(verify) => {
                    let tls = tls.ok_or(Refusal::NoExporter)?;
                    let Verify { answer: of_ue, state, qop } = *verify;
                    let earned = earned(gba, &of_ue, &state, qop, &answer.credential, tls);
                    of_ue.settle(&bsf, state, qop, earned, now)
                }
            }
        });
        step.unwrap_or_else(|refusal| bsf.refuse(refusal))
    }
}

fn challenge(
    bsf: &Inner,
    wanted: Wanted,
    answer: DigestAnswer,
    algorithm: Algorithm,
    now: SystemTime,
    random: ChallengeRandom,
) -> UbStep {
    let nonce = digest_mode::nonce(random.fresh.first_chunk().unwrap_or(&[0; 12]));
    let nonce = String::from_utf8_lossy(&nonce.0).into_owned();
    let basis = Basis::Digest { realm: answer.credential.realm, algorithm };
    wanted.challenge(bsf, nonce, basis, answer.key_lifetime, now, random)
}

fn earned(
    gba: GbaDigest,
    answer: &Answer,
    state: &ChallengeState,
    qop: Qop,
    credential: &DigestCredential,
    tls: &TlsMkExtr,
) -> Result<Earned, Suspect> {
    // A credential that was changed in between has another realm's or another algorithm's H(A1).
    match &state.basis {
        Basis::Digest { realm, .. } if *realm != credential.realm => return Err(Suspect::Realm),
        Basis::Digest { algorithm, .. } if Some(algorithm) != algorithm_of(credential).as_ref() => {
            return Err(Suspect::Algorithm);
        }
        _ => {}
    }
    let passwd = gba.passwd(&credential.ha1, tls);
    let res = Res::new(passwd.danger_expose()).ok_or(Suspect::Password)?;
    let verified = answer.verify(state, qop, &res)?;
    let response = answer.response_octets().ok_or(Suspect::Res)?;
    Ok(Earned { verified, res, ks: gba.ks(&credential.ha1, tls, &response) })
}

/// The algorithm of a credential with which this crate computes, if H(A1) is as long as its hash.
fn algorithm_of(credential: &DigestCredential) -> Option<Algorithm> {
    match (Algorithm::parse(&credential.algorithm), credential.ha1.len()) {
        (algorithm @ Algorithm::Md5, 16) | (algorithm @ Algorithm::Sha256, 32) => Some(algorithm),
        _ => None,
    }
}
