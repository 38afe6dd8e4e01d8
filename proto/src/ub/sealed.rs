//! What the second leg needs, sealed into the `opaque` of the challenge, so that an open challenge costs the BSF nothing
//! and any node of one BSF can take the answer.
//!
//! The text is base64url of version ‖ key id ‖ nonce ‖ AES-256-GCM(state), authenticated together with realm and
//! Digest nonce: no sealed text fits another challenge. RAND is not in it, for the Digest nonce begins with it. The GUSS
//! is not in it either: it may be larger than a header, so the shell keeps it by IMPI or asks for it again.

use crate::aka::{Ck, Ik, Rand, Res};
use crate::digest::BASE64;
use crate::gba::GbaMode;
use crate::gba::lifetime::{from_unix_seconds, unix_seconds};
use crate::identity::{Fqdn, Impi};
use crate::reader::{Reader, Truncated};
use crate::secret::Secret;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Tells this layout from any later one.
const VERSION: u8 = 1;
const FLAG_GBA_U: u8 = 0x01;
const FLAG_TMPI: u8 = 0x02;
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

/// Twelve random octets for one sealing. Drawn anew every time: two sealings with one key and one nonce would be open.
#[derive(Debug, Clone, Copy)]
pub struct SealNonce(pub [u8; 12]);

/// Why an `opaque` does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenError {
    /// Of a key that is gone, of another BSF, or no sealed text at all.
    NotOurs,
    /// Sealed by this BSF, it says, but it does not authenticate with this realm and nonce.
    Broken,
}

/// The BSF's memory of an open challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChallengeState {
    pub(super) impi: Impi,
    /// The TMPI that stood in the first request in place of the IMPI.
    pub(super) tmpi_username: Option<String>,
    pub(super) xres: Res,
    pub(super) ck: Ck,
    pub(super) ik: Ik,
    pub(super) gba_mode: GbaMode,
    /// Whether the UE told that it supports TMPIs.
    pub(super) ue_takes_tmpi: bool,
    /// Synchronisation failures in a row before this challenge.
    pub(super) sync_failures: u8,
    /// Wrong responses in a row before this challenge.
    pub(super) wrong_responses: u8,
    /// Whole seconds.
    pub(super) expires_at: SystemTime,
    /// Whole seconds, at most 2^32 − 1.
    pub(super) key_lifetime: Duration,
}

impl ChallengeState {
    /// The username that the answer must carry.
    pub(super) fn username(&self) -> &str {
        self.tmpi_username.as_deref().unwrap_or(self.impi.as_str())
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(512));
        let gba_u = if self.gba_mode == GbaMode::U { FLAG_GBA_U } else { 0 };
        let tmpi = if self.ue_takes_tmpi { FLAG_TMPI } else { 0 };
        out.extend([gba_u | tmpi, self.sync_failures, self.wrong_responses]);
        out.extend(unix_seconds(self.expires_at).to_be_bytes());
        out.extend(u32::try_from(self.key_lifetime.as_secs()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(self.ck.danger_expose());
        out.extend(self.ik.danger_expose());
        put(&mut out, self.xres.danger_expose());
        put(&mut out, self.impi.as_str().as_bytes());
        put(&mut out, self.tmpi_username.as_deref().unwrap_or_default().as_bytes());
        out
    }

    fn decode(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        let state = Self::read(&mut reader).ok()??;
        reader.is_empty().then_some(state)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        let (flags, sync_failures, wrong_responses) = (reader.u8()?, reader.u8()?, reader.u8()?);
        let (expires_at, key_lifetime) = (reader.u64()?, reader.u32()?);
        let (ck, ik) = (Ck::new(reader.array()?), Ik::new(reader.array()?));
        let (xres, impi, username) = (reader.lv16()?, reader.lv16()?, reader.lv16()?);
        let text = |octets| std::str::from_utf8(octets).ok();
        let (Some(xres), Some(Ok(impi)), Some(username)) =
            (Res::new(xres), text(impi).map(Impi::parse), text(username))
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            impi,
            tmpi_username: (!username.is_empty()).then(|| username.to_owned()),
            xres,
            ck,
            ik,
            gba_mode: if flags & FLAG_GBA_U == 0 { GbaMode::Me } else { GbaMode::U },
            ue_takes_tmpi: flags & FLAG_TMPI != 0,
            sync_failures,
            wrong_responses,
            expires_at: from_unix_seconds(expires_at),
            key_lifetime: Duration::from_secs(key_lifetime.into()),
        }))
    }
}

impl SealingKeys {
    /// Seals a state for one realm and Digest nonce.
    pub(super) fn seal(
        &self,
        state: &ChallengeState,
        realm: &Fqdn,
        nonce: &str,
        SealNonce(seal_nonce): SealNonce,
    ) -> String {
        let key = &self.current;
        let plain = state.encode();
        let payload = Payload { msg: &plain, aad: &associated_data(key.id, realm, nonce) };
        let Ok(sealed) = cipher(key).encrypt(&Nonce::from(seal_nonce), payload) else {
            unreachable!("AES-GCM refuses only what is longer than 64 GiB")
        };
        let mut out = vec![VERSION];
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
        let (id, seal_nonce, sealed) =
            header(&octets).map_err(|_| OpenError::NotOurs)?.ok_or(OpenError::NotOurs)?;
        let known = [Some(&self.current), self.previous.as_ref()];
        let key = known.into_iter().flatten().find(|key| key.id == id).ok_or(OpenError::NotOurs)?;
        let payload = Payload { msg: sealed, aad: &associated_data(id, realm, nonce) };
        let plain = cipher(key).decrypt(&Nonce::from(seal_nonce), payload).map_err(|_| OpenError::Broken)?;
        ChallengeState::decode(&Zeroizing::new(plain)).ok_or(OpenError::Broken)
    }
}

/// The RAND that a Digest nonce of ours begins with.
pub(super) fn rand_of(nonce: &str) -> Option<Rand> {
    let octets = BASE64.decode(nonce).ok()?;
    octets.first_chunk().copied().map(Rand)
}

fn cipher(key: &SealingKey) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key.key.danger_expose()))
}

fn associated_data(key_id: u32, realm: &Fqdn, nonce: &str) -> Vec<u8> {
    let mut out = b"Ub challenge".to_vec();
    out.push(VERSION);
    out.extend(key_id.to_be_bytes());
    put(&mut out, realm.as_str().as_bytes());
    out.extend(nonce.as_bytes());
    out
}

type Header<'a> = (u32, [u8; 12], &'a [u8]);

fn header(octets: &[u8]) -> Result<Option<Header<'_>>, Truncated> {
    let mut reader = Reader::new(octets);
    let version = reader.u8()?;
    let header = (reader.u32()?, reader.array()?, reader.rest());
    Ok((version == VERSION).then_some(header))
}

/// Appends a field with its length in two octets; every field here is far shorter than they can say.
fn put(out: &mut Vec<u8>, field: &[u8]) {
    out.extend(u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(field.iter().take(usize::from(u16::MAX)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

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

    fn state() -> ChallengeState {
        ChallengeState {
            impi: Impi::parse("001010123456789@ims.mnc001.mcc001.3gppnetwork.org").unwrap(),
            tmpi_username: Some("NdfNQvvGWK4SGbs7c17alrZHQXyhEcrW@tmpi.bsf.3gppnetwork.org".to_owned()),
            xres: Res::new(&hex!("a54211d5e3ba50bf")).unwrap(),
            ck: Ck::new(hex!("b40ba9a3c58b2a05bbf0d987b21bf8cb")),
            ik: Ik::new(hex!("f769bcd751044604127672711c6d3441")),
            gba_mode: GbaMode::U,
            ue_takes_tmpi: true,
            sync_failures: 1,
            wrong_responses: 2,
            expires_at: from_unix_seconds(1_893_456_000),
            key_lifetime: Duration::from_secs(28_800),
        }
    }

    fn sealed() -> String {
        keys().seal(&state(), &realm(), NONCE, SealNonce([9; 12]))
    }

    #[test]
    fn what_was_sealed_opens_and_fits_a_header() {
        assert_eq!(keys().open(&sealed(), &realm(), NONCE), Ok(state()));
        assert_eq!(rand_of(NONCE), Some(Rand(hex!("23553cbe9637a89d218ae64dae47bf35"))));
        assert!(sealed().len() < 400, "{}", sealed().len());
        let plain = ChallengeState { tmpi_username: None, gba_mode: GbaMode::Me, ..state() };
        let opaque = keys().seal(&plain, &realm(), NONCE, SealNonce([8; 12]));
        assert_eq!(keys().open(&opaque, &realm(), NONCE), Ok(plain));
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
        let octets = URL_SAFE_NO_PAD.decode(sealed()).unwrap();
        for at in 0..octets.len() * 8 {
            let mut changed = octets.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(keys().open(&URL_SAFE_NO_PAD.encode(changed), &realm(), NONCE).is_err(), "bit {at}");
        }
        for length in 0..octets.len() {
            let shorter = URL_SAFE_NO_PAD.encode(&octets[..length]);
            assert!(keys().open(&shorter, &realm(), NONCE).is_err(), "{length} octets");
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

    #[test]
    fn every_truncation_of_a_state_is_refused() {
        let whole = state().encode();
        assert_eq!(ChallengeState::decode(&whole), Some(state()));
        for length in 0..whole.len() {
            assert_eq!(ChallengeState::decode(&whole[..length]), None, "{length}");
        }
        assert_eq!(ChallengeState::decode(&[&whole[..], &[0]].concat()), None);
    }
}
