//! What the second leg needs, sealed into the `opaque` of the challenge, so that an open challenge costs the BSF nothing
//! and any node of one BSF can take the answer.
//!
//! The text is base64url of layout ‖ key id ‖ nonce ‖ AES-256-GCM(state), authenticated together with realm and
//! Digest nonce: no sealed text fits another challenge. RAND is not in it, for the Digest nonce begins with it. The GUSS
//! is not in it either: it may be larger than a header, so the shell keeps it by IMPI or asks for it again.

use super::state::{AKA, ChallengeState, OTHER, put};
use crate::identity::Fqdn;
use crate::reader::{Reader, Truncated};
use crate::secret::Secret;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// No sealed text of ours comes near.
const MAX_OPAQUE: usize = 4096;

/// A key that seals challenges, shared by the nodes of one BSF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingKey {
    /// Stands in front of the sealed text. A later key has another.
    pub id: u32,
    /// AES-256.
    pub key: Secret<32>,
}

/// The key that seals, and the one before it, which opens what is still on its way.
///
/// Nonces are random, so one key is good for 2^32 challenges; replace it well before, and no more often than challenges
/// live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingKeys {
    /// Seals and opens.
    pub current: SealingKey,
    /// Only opens.
    pub previous: Option<SealingKey>,
}

/// Random octets for one challenge. Drawn anew every time: two sealings with one key and one nonce would be open.
#[derive(Debug, Clone, Copy)]
pub struct ChallengeRandom {
    /// The nonce of the sealing.
    pub(super) seal_nonce: [u8; 12],
    /// What the BSF itself adds to a challenge: Ks-input of 2G GBA, the nonce of GBA_Digest.
    pub(super) fresh: [u8; 16],
}

impl ChallengeRandom {
    /// Takes the octets.
    #[must_use]
    pub fn new(octets: [u8; 28]) -> Self {
        let (mut seal_nonce, mut fresh) = ([0; 12], [0; 16]);
        let (left, right) = octets.split_at(12);
        seal_nonce.copy_from_slice(left);
        fresh.copy_from_slice(right);
        Self { seal_nonce, fresh }
    }
}

/// Why an `opaque` does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenError {
    /// Of a key that is gone, of another BSF, or no sealed text at all.
    NotOurs,
    /// Sealed by this BSF, it says, but it does not authenticate with this realm and nonce.
    Broken,
}

impl SealingKeys {
    /// Seals a state for one realm and Digest nonce.
    pub(super) fn seal(
        &self,
        state: &ChallengeState,
        realm: &Fqdn,
        nonce: &str,
        seal_nonce: [u8; 12],
    ) -> String {
        let key = &self.current;
        let (layout, plain) = (state.layout(), state.encode());
        let payload = Payload { msg: &plain, aad: &associated_data(layout, key.id, realm, nonce) };
        let Ok(sealed) = cipher(key).encrypt(&Nonce::from(seal_nonce), payload) else {
            unreachable!("AES-GCM refuses only what is longer than 64 GiB")
        };
        let mut out = vec![layout];
        out.extend(key.id.to_be_bytes());
        out.extend(seal_nonce);
        out.extend(sealed);
        URL_SAFE_NO_PAD.encode(out)
    }

    /// Opens what [`Self::seal`] made for the same realm and nonce.
    pub(super) fn open(&self, opaque: &str, realm: &Fqdn, nonce: &str) -> Result<ChallengeState, OpenError> {
        if opaque.len() > MAX_OPAQUE {
            return Err(OpenError::NotOurs);
        }
        let octets = URL_SAFE_NO_PAD.decode(opaque).map_err(|_| OpenError::NotOurs)?;
        let (layout, id, seal_nonce, sealed) =
            header(&octets).map_err(|_| OpenError::NotOurs)?.ok_or(OpenError::NotOurs)?;
        let known = [Some(&self.current), self.previous.as_ref()];
        let key = known.into_iter().flatten().find(|key| key.id == id).ok_or(OpenError::NotOurs)?;
        let payload = Payload { msg: sealed, aad: &associated_data(layout, id, realm, nonce) };
        let plain = cipher(key).decrypt(&Nonce::from(seal_nonce), payload).map_err(|_| OpenError::Broken)?;
        ChallengeState::decode(layout, &Zeroizing::new(plain)).ok_or(OpenError::Broken)
    }
}

fn cipher(key: &SealingKey) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key.key.danger_expose()))
}

fn associated_data(layout: u8, key_id: u32, realm: &Fqdn, nonce: &str) -> Vec<u8> {
    let mut out = b"Ub challenge".to_vec();
    out.push(layout);
    out.extend(key_id.to_be_bytes());
    put(&mut out, realm.as_str().as_bytes());
    out.extend(nonce.as_bytes());
    out
}

type Header<'a> = (u8, u32, [u8; 12], &'a [u8]);

fn header(octets: &[u8]) -> Result<Option<Header<'_>>, Truncated> {
    let mut reader = Reader::new(octets);
    let header = (reader.u8()?, reader.u32()?, reader.array()?, reader.rest());
    Ok(matches!(header.0, AKA | OTHER).then_some(header))
}

/// One state of each kind.
#[cfg(test)]
pub(super) fn samples() -> [ChallengeState; 3] {
    use super::state::Basis;
    use crate::aka::{Ck, Ik, Res};
    use crate::digest::Algorithm;
    use crate::gba::lifetime::from_unix_seconds;
    use crate::gba::{GbaMode, Ks};
    use crate::identity::Impi;
    let aka = ChallengeState {
        impi: Impi::parse("001010123456789@ims.mnc001.mcc001.3gppnetwork.org").unwrap(),
        tmpi_username: Some("NdfNQvvGWK4SGbs7c17alrZHQXyhEcrW@tmpi.bsf.3gppnetwork.org".to_owned()),
        basis: Basis::Aka {
            xres: Res::new(&[3; 8]).unwrap(),
            ck: Ck::new([4; 16]),
            ik: Ik::new([5; 16]),
            gba_mode: GbaMode::U,
        },
        ue_takes_tmpi: true,
        sync_failures: 1,
        wrong_responses: 2,
        expires_at: from_unix_seconds(1_893_456_000),
        key_lifetime: std::time::Duration::from_secs(28_800),
    };
    let two_g = Basis::TwoG { res: Res::new(&[7; 16]).unwrap(), ks: Ks::new([8; 32]) };
    let digest = Basis::Digest { realm: "home1.net".to_owned(), algorithm: Algorithm::Sha256 };
    let other = |basis| ChallengeState { tmpi_username: None, basis, ..aka.clone() };
    [aka.clone(), other(two_g), other(digest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M=";

    fn key(id: u32) -> SealingKey {
        SealingKey { id, key: Secret::new([u8::try_from(id).unwrap(); 32]) }
    }

    fn keys() -> SealingKeys {
        SealingKeys { current: key(7), previous: Some(key(6)) }
    }

    fn realm() -> Fqdn {
        Fqdn::parse("bsf.example").unwrap()
    }

    fn seal(state: &ChallengeState) -> String {
        keys().seal(state, &realm(), NONCE, [9; 12])
    }

    fn state() -> ChallengeState {
        samples()[0].clone()
    }

    fn sealed() -> String {
        seal(&state())
    }

    #[test]
    fn what_was_sealed_opens_and_fits_a_header() {
        for state in samples() {
            assert_eq!(keys().open(&seal(&state), &realm(), NONCE), Ok(state.clone()));
            assert!(seal(&state).len() < 400, "{}", seal(&state).len());
        }
    }

    #[test]
    fn no_layout_is_taken_for_another() {
        for (state, other) in [(&samples()[0], OTHER), (&samples()[1], AKA), (&samples()[2], AKA)] {
            let mut octets = URL_SAFE_NO_PAD.decode(seal(state)).unwrap();
            octets[0] = other;
            let changed = URL_SAFE_NO_PAD.encode(octets);
            assert_eq!(keys().open(&changed, &realm(), NONCE), Err(OpenError::Broken));
        }
    }

    #[test]
    fn keys_rotate_and_a_key_that_is_gone_is_not_ours() {
        let next = SealingKeys { current: key(8), previous: Some(key(7)) };
        assert_eq!(next.open(&sealed(), &realm(), NONCE), Ok(state()));
        let later = SealingKeys { current: key(9), previous: Some(key(8)) };
        assert_eq!(later.open(&sealed(), &realm(), NONCE), Err(OpenError::NotOurs));
        for foreign in ["", "x", "5ccc069c403ebaf9f0171e9517f30e41", "not base64!", &"A".repeat(5000)] {
            assert_eq!(keys().open(foreign, &realm(), NONCE), Err(OpenError::NotOurs), "{foreign}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        for state in samples() {
            let octets = URL_SAFE_NO_PAD.decode(seal(&state)).unwrap();
            for at in 0..octets.len() * 8 {
                let mut changed = octets.clone();
                changed[at / 8] ^= 1 << (at % 8);
                let changed = URL_SAFE_NO_PAD.encode(changed);
                assert!(keys().open(&changed, &realm(), NONCE).is_err(), "bit {at} of {state:?}");
            }
            for length in 0..octets.len() {
                let shorter = URL_SAFE_NO_PAD.encode(&octets[..length]);
                assert!(keys().open(&shorter, &realm(), NONCE).is_err(), "{length} octets of {state:?}");
            }
        }
    }

    #[test]
    fn a_sealed_text_fits_no_other_challenge_realm_or_key() {
        let other_realm = Fqdn::parse("bsf2.example").unwrap();
        assert_eq!(keys().open(&sealed(), &other_realm, NONCE), Err(OpenError::Broken));
        assert_eq!(keys().open(&sealed(), &realm(), &NONCE.replace('I', "J")), Err(OpenError::Broken));
        let swapped = SealingKeys { current: SealingKey { id: 7, ..key(6) }, previous: None };
        assert_eq!(swapped.open(&sealed(), &realm(), NONCE), Err(OpenError::Broken));
    }
}
