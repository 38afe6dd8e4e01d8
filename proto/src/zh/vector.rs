//! What the BSF asks of any source of vectors, and what it makes of the answer.

use super::DigestCredential;
use crate::aka::{AuthVector, Auts, Rand};
use crate::gba::GbaMode;
use crate::gba::guss::Guss;
use crate::identity::Impi;
use std::time::{Duration, SystemTime};

/// Which vector is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorRequest {
    /// The subscriber.
    pub impi: Impi,
    /// After a synchronisation failure: the RAND that the card refused, and its AUTS.
    pub resync: Option<(Rand, Auts)>,
}

/// What a subscriber's card can do. The network knows; nobody else is believed, or a USIM could be bid down to a SIM
/// (TS 33.220 clause I.4.0 and annex L.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CardAka {
    /// UMTS AKA: a USIM or an ISIM.
    #[default]
    Umts,
    /// GSM AKA alone: a SIM. Its vector counts by RAND and by what conversion functions c2 and c3 make of the rest.
    Gsm,
}

/// What the AuC or HSS says of a subscriber.
#[derive(Debug, Clone)]
pub struct VectorAnswer {
    /// One fresh vector, with a plain AUTN.
    pub vector: AuthVector,
    /// What the vector is for.
    pub card: CardAka,
    /// The GUSS's `uiccType`: decides whether the card gets AUTN or AUTN*.
    pub gba_mode: GbaMode,
    /// The GUSS's `lifeTime`, if it has one.
    pub key_lifetime: Option<Duration>,
}

/// What the AuC or HSS says of a subscriber who bootstraps without a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestAnswer {
    /// The SIP Digest credential.
    pub credential: DigestCredential,
    /// The GUSS's `lifeTime`, if it has one.
    pub key_lifetime: Option<Duration>,
}

/// Why there is no vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// No such subscriber.
    #[error("unknown subscriber")]
    UnknownSubscriber,
    /// The subscriber is known but may not bootstrap.
    #[error("the subscriber may not bootstrap")]
    NotAllowed,
    /// AUTS does not verify.
    #[error("AUTS does not verify")]
    AuthenticationRejected,
    /// No answer, or none that helps.
    #[error("the AuC is not available")]
    Unavailable,
}

/// An answer of any source, before it is decided what to do with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HssAnswer {
    /// The subscriber by the name that enters the keys, where the source says it.
    pub impi: Option<Impi>,
    /// Vectors with a plain AUTN, in the order in which they are to be used: a card refuses an older one after a
    /// newer one.
    pub vectors: Vec<AuthVector>,
    /// Whom the vectors are for.
    pub card: CardAka,
    /// In place of vectors, for GBA_Digest.
    pub digest: Option<DigestCredential>,
    /// What the source says of the subscriber's settings.
    pub settings: Settings,
}

/// What a source of vectors says of the GUSS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Settings {
    /// Nothing: this kind of source knows none. What is kept locally counts.
    #[default]
    Unsaid,
    /// The copy that the request named by its timestamp is still right.
    Unchanged,
    /// The subscriber has none, whatever was kept.
    Absent,
    /// These.
    Sent {
        /// The settings.
        guss: Guss,
        /// Names this version of them in later requests.
        timestamp: Option<SystemTime>,
    },
}

impl Settings {
    /// The settings that count, given the copy kept from before or the local subscriber file's.
    #[must_use]
    pub const fn effective<'a>(&'a self, kept: Option<&'a Guss>) -> Option<&'a Guss> {
        match self {
            Self::Unsaid | Self::Unchanged => kept,
            Self::Absent => None,
            Self::Sent { guss, .. } => Some(guss),
        }
    }
}

impl HssAnswer {
    /// What Ub needs: the first vector, with mode and lifetime of the settings that count. A digest credential is
    /// none of its business.
    pub fn into_vector(self, kept: Option<&Guss>) -> Result<VectorAnswer, VectorError> {
        let info = self.settings.effective(kept).map(|guss| &guss.bsf_info);
        let gba_mode = info.map(|info| info.gba_mode()).unwrap_or_default();
        let key_lifetime = info.and_then(|info| info.key_lifetime());
        let vector = self.vectors.into_iter().next().ok_or(VectorError::Unavailable)?;
        Ok(VectorAnswer { vector, card: self.card, gba_mode, key_lifetime })
    }

    /// What GBA_Digest needs: the credential, with the lifetime of the settings that count.
    pub fn into_digest(self, kept: Option<&Guss>) -> Result<DigestAnswer, VectorError> {
        let info = self.settings.effective(kept).map(|guss| &guss.bsf_info);
        let key_lifetime = info.and_then(|info| info.key_lifetime());
        let credential = self.digest.ok_or(VectorError::NotAllowed)?;
        Ok(DigestAnswer { credential, key_lifetime })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aka::{Autn, Ck, Ik, Res};
    use crate::gba::guss::BsfInfo;

    fn guss(uicc_type: GbaMode, seconds: u64) -> Guss {
        let life_time = Some(Duration::from_secs(seconds));
        Guss {
            bsf_info: BsfInfo { uicc_type: Some(uicc_type), life_time, ..BsfInfo::default() },
            ..Guss::default()
        }
    }

    fn answer(settings: Settings) -> HssAnswer {
        let vector = AuthVector {
            rand: Rand([1; 16]),
            autn: Autn([2; 16]),
            xres: Res::new(&[3; 8]).unwrap(),
            ck: Ck::new([4; 16]),
            ik: Ik::new([5; 16]),
        };
        HssAnswer { vectors: vec![vector], settings, ..HssAnswer::default() }
    }

    #[test]
    fn settings_that_count_are_those_sent_else_those_kept() {
        let (kept, sent) = (guss(GbaMode::U, 60), guss(GbaMode::Me, 120));
        let read = |settings, kept| {
            let answer = answer(settings).into_vector(kept).unwrap();
            (answer.gba_mode, answer.key_lifetime.map(|lifetime| lifetime.as_secs()))
        };
        let sent = Settings::Sent { guss: sent, timestamp: None };
        assert_eq!(read(sent, Some(&kept)), (GbaMode::Me, Some(120)));
        assert_eq!(read(Settings::Unchanged, Some(&kept)), (GbaMode::U, Some(60)));
        assert_eq!(read(Settings::Unsaid, Some(&kept)), (GbaMode::U, Some(60)));
        assert_eq!(read(Settings::Unsaid, None), (GbaMode::Me, None));
        assert_eq!(read(Settings::Absent, Some(&kept)), (GbaMode::Me, None));
    }

    #[test]
    fn an_answer_without_a_vector_is_no_help() {
        let empty = HssAnswer { vectors: Vec::new(), ..answer(Settings::Absent) };
        assert_eq!(empty.into_vector(None).unwrap_err(), VectorError::Unavailable);
    }

    #[test]
    fn a_credential_goes_to_gba_digest_and_a_vector_does_not() {
        let ha1 = crate::hex::decode_secret("97ba36405cc0b162e061ef550feb1e64").unwrap();
        let credential =
            DigestCredential { realm: "r".to_owned(), algorithm: "MD5".to_owned(), qop: None, ha1 };
        let kept = guss(GbaMode::Me, 60);
        let with = HssAnswer { digest: Some(credential.clone()), ..answer(Settings::Unsaid) };
        let key_lifetime = Some(Duration::from_secs(60));
        assert_eq!(with.into_digest(Some(&kept)), Ok(DigestAnswer { credential, key_lifetime }));
        let without = answer(Settings::Unsaid).into_digest(Some(&kept));
        assert_eq!(without.unwrap_err(), VectorError::NotAllowed);
    }
}
