//! The BSF's memory of an open challenge, as octets: what is sealed into `opaque`.
//!
//! Two layouts. The first is AKA's: a node of a BSF that knows no other opens it too. The second begins with the kind of
//! bootstrap.

use crate::aka::{Ck, Ik, Rand, Res};
use crate::digest::{Algorithm, BASE64};
use crate::gba::lifetime::{from_unix_seconds, unix_seconds};
use crate::gba::{GbaMode, GbaType, Ks};
use crate::identity::Impi;
use crate::reader::{Reader, Truncated};
use base64::Engine as _;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// AKA's layout.
pub(super) const AKA: u8 = 1;
/// That of the other bootstraps.
pub(super) const OTHER: u8 = 2;

const FLAG_GBA_U: u8 = 0x01;
const FLAG_TMPI: u8 = 0x02;
const KIND_TWO_G: u8 = 1;
const KIND_DIGEST: u8 = 2;

/// The BSF's memory of an open challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChallengeState {
    pub(super) impi: Impi,
    /// The TMPI that stood in the first request in place of the IMPI.
    pub(super) tmpi_username: Option<String>,
    pub(super) basis: Basis,
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

/// What an answer is checked against, and what Ks comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Basis {
    /// UMTS AKA.
    Aka { xres: Res, ck: Ck, ik: Ik, gba_mode: GbaMode },
    /// 2G GBA: both are derived when the challenge is made.
    TwoG { res: Res, ks: Ks },
    /// GBA_Digest. H(A1) lives for years and so does not travel: it is asked for again, and passwd depends on the
    /// connection on which the answer comes.
    Digest { realm: String, algorithm: Algorithm },
}

impl ChallengeState {
    /// The username that the answer must carry.
    pub(super) fn username(&self) -> &str {
        self.tmpi_username.as_deref().unwrap_or(self.impi.as_str())
    }

    /// The algorithm that was challenged.
    pub(super) const fn algorithm(&self) -> &Algorithm {
        match &self.basis {
            Basis::Aka { .. } | Basis::TwoG { .. } => &Algorithm::AkaV1Md5,
            Basis::Digest { algorithm, .. } => algorithm,
        }
    }

    /// How the bootstrap is authenticated.
    pub(super) const fn gba_type(&self) -> GbaType {
        match self.basis {
            Basis::Aka { .. } => GbaType::ThreeG,
            Basis::TwoG { .. } => GbaType::TwoG,
            Basis::Digest { .. } => GbaType::Digest,
        }
    }

    /// What a challenge's nonce gives to the keys: the RAND that it begins with or, with GBA_Digest, its characters.
    pub(super) fn rand_of(&self, nonce: &str) -> Option<Rand> {
        match self.basis {
            Basis::Aka { .. } | Basis::TwoG { .. } => {
                BASE64.decode(nonce).ok()?.first_chunk().copied().map(Rand)
            }
            Basis::Digest { .. } => nonce.as_bytes().try_into().ok().map(Rand),
        }
    }

    /// Which of the two layouts [`Self::encode`] writes.
    pub(super) const fn layout(&self) -> u8 {
        match self.basis {
            Basis::Aka { .. } => AKA,
            Basis::TwoG { .. } | Basis::Digest { .. } => OTHER,
        }
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(1024));
        let tmpi = if self.ue_takes_tmpi { FLAG_TMPI } else { 0 };
        match &self.basis {
            Basis::Aka { xres, ck, ik, gba_mode } => {
                let gba_u = if *gba_mode == GbaMode::U { FLAG_GBA_U } else { 0 };
                self.encode_head(&mut out, gba_u | tmpi);
                out.extend(ck.danger_expose());
                out.extend(ik.danger_expose());
                put(&mut out, xres.danger_expose());
                self.encode_names(&mut out);
            }
            Basis::TwoG { res, ks } => {
                out.push(KIND_TWO_G);
                self.encode_head(&mut out, tmpi);
                self.encode_names(&mut out);
                out.extend(ks.danger_expose());
                put(&mut out, res.danger_expose());
            }
            Basis::Digest { realm, algorithm } => {
                out.push(KIND_DIGEST);
                self.encode_head(&mut out, tmpi);
                self.encode_names(&mut out);
                put(&mut out, realm.as_bytes());
                put(&mut out, algorithm.as_str().as_bytes());
            }
        }
        out
    }

    fn encode_head(&self, out: &mut Vec<u8>, flags: u8) {
        out.extend([flags, self.sync_failures, self.wrong_responses]);
        out.extend(unix_seconds(self.expires_at).to_be_bytes());
        out.extend(u32::try_from(self.key_lifetime.as_secs()).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn encode_names(&self, out: &mut Vec<u8>) {
        put(out, self.impi.as_str().as_bytes());
        put(out, self.tmpi_username.as_deref().unwrap_or_default().as_bytes());
    }

    /// Reads what [`Self::encode`] wrote in that layout.
    pub(super) fn decode(layout: u8, octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        let state = match layout {
            AKA => Self::read_aka(&mut reader),
            OTHER => Self::read_other(&mut reader),
            _ => return None,
        };
        let state = state.ok()??;
        reader.is_empty().then_some(state)
    }

    fn read_aka(reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        let head = Head::read(reader)?;
        let (ck, ik) = (Ck::new(reader.array()?), Ik::new(reader.array()?));
        let xres = Res::new(reader.lv16()?);
        let names = Names::read(reader)?;
        let gba_mode = if head.flags & FLAG_GBA_U == 0 { GbaMode::Me } else { GbaMode::U };
        Ok(xres.zip(names).map(|(xres, names)| head.state(names, Basis::Aka { xres, ck, ik, gba_mode })))
    }

    fn read_other(reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        let kind = reader.u8()?;
        let head = Head::read(reader)?;
        let names = Names::read(reader)?;
        let basis = match kind {
            KIND_TWO_G => {
                let ks = Ks::new(reader.array()?);
                Res::new(reader.lv16()?).map(|res| Basis::TwoG { res, ks })
            }
            KIND_DIGEST => {
                let (realm, algorithm) = (text(reader.lv16()?), text(reader.lv16()?));
                realm.zip(algorithm).map(|(realm, name)| Basis::Digest {
                    realm: realm.to_owned(),
                    algorithm: Algorithm::parse(name),
                })
            }
            _ => None,
        };
        Ok(names.zip(basis).map(|(names, basis)| head.state(names, basis)))
    }
}

/// Flags, counters and moments, which begin both layouts.
struct Head {
    flags: u8,
    sync_failures: u8,
    wrong_responses: u8,
    expires_at: u64,
    key_lifetime: u32,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        let (flags, sync_failures, wrong_responses) = (reader.u8()?, reader.u8()?, reader.u8()?);
        let (expires_at, key_lifetime) = (reader.u64()?, reader.u32()?);
        Ok(Self { flags, sync_failures, wrong_responses, expires_at, key_lifetime })
    }

    fn state(self, names: Names, basis: Basis) -> ChallengeState {
        ChallengeState {
            impi: names.impi,
            tmpi_username: names.tmpi_username,
            basis,
            ue_takes_tmpi: self.flags & FLAG_TMPI != 0,
            sync_failures: self.sync_failures,
            wrong_responses: self.wrong_responses,
            expires_at: from_unix_seconds(self.expires_at),
            key_lifetime: Duration::from_secs(self.key_lifetime.into()),
        }
    }
}

/// Whose challenge it is.
struct Names {
    impi: Impi,
    tmpi_username: Option<String>,
}

impl Names {
    fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        let (impi, username) = (reader.lv16()?, reader.lv16()?);
        let (Some(Ok(impi)), Some(username)) = (text(impi).map(Impi::parse), text(username)) else {
            return Ok(None);
        };
        Ok(Some(Self { impi, tmpi_username: (!username.is_empty()).then(|| username.to_owned()) }))
    }
}

fn text(octets: &[u8]) -> Option<&str> {
    std::str::from_utf8(octets).ok()
}

/// Appends a field with its length in two octets; every field here is far shorter than they can say.
pub(super) fn put(out: &mut Vec<u8>, field: &[u8]) {
    out.extend(u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(field.iter().take(usize::from(u16::MAX)));
}

#[cfg(test)]
mod tests {
    use super::super::sealed::samples;
    use super::*;

    #[test]
    fn every_state_comes_back_and_every_truncation_is_refused() {
        for state in samples() {
            let (layout, whole) = (state.layout(), state.encode());
            assert_eq!(ChallengeState::decode(layout, &whole), Some(state.clone()));
            for length in 0..whole.len() {
                assert_eq!(ChallengeState::decode(layout, &whole[..length]), None, "{length} of {state:?}");
            }
            assert_eq!(ChallengeState::decode(layout, &[&whole[..], &[0]].concat()), None);
            assert_eq!(ChallengeState::decode(3, &whole), None);
        }
    }

    /// What a BSF sealed that knew AKA only, octet by octet.
    #[test]
    fn the_layout_of_aka_is_that_of_a_bsf_without_other_bootstraps() {
        let state = &samples()[0];
        let Basis::Aka { xres, ck, ik, .. } = &state.basis else { panic!("the first sample is of AKA") };
        let (impi, tmpi) = (state.impi.as_str(), state.tmpi_username.as_deref().unwrap());
        let mut expected = vec![FLAG_GBA_U | FLAG_TMPI, 1, 2];
        expected.extend(1_893_456_000_u64.to_be_bytes());
        expected.extend(28_800_u32.to_be_bytes());
        expected
            .extend([&ck.danger_expose()[..], ik.danger_expose(), &[0, 8], xres.danger_expose()].concat());
        expected.extend([&[0, 49][..], impi.as_bytes(), &[0, 57], tmpi.as_bytes()].concat());
        assert_eq!(*state.encode(), expected);
    }

    #[test]
    fn an_unknown_kind_is_no_state() {
        let mut whole = samples()[1].encode().to_vec();
        whole[0] = 9;
        assert_eq!(ChallengeState::decode(OTHER, &whole), None);
    }
}
