//! 2G GBA: Ub with a SIM card, over TLS to the BSF only (TS 33.220 annex I, TS 24.109 annex H).
//!
//! Off unless somebody chooses a [`Layout`]: the order of the parameters is known from a public implementation that
//! quotes clause I.5, but whether lengths follow them is not, and two public implementations differ. Nothing else in this
//! crate makes a [`TwoGGba`].

use super::Ks;
use crate::aka::convert::{Kc, Sres};
use crate::aka::{Rand, Res};
use crate::reader::Reader;
use crate::secret::{Secret, SecretBytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// FC of every key in TS 33.220 (annex B.2.1).
const FC_GBA: u8 = 0x01;
const RES_LABEL: &[u8] = b"3gpp-gba-res";
const KS_LABEL: &[u8] = b"3gpp-gba-ks";

/// How the parameters of the key derivation are laid out. Both are unconfirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Each parameter followed by its two-octet length, as annex B.2 has it for all other keys.
    Lengths,
    /// The parameters alone.
    NoLengths,
}

/// Key derivations of 2G GBA, switched on by choosing a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoGGba {
    layout: Layout,
}

/// Ks-input: 16 octets that the BSF adds to the SIM's randomness. Public, it stands in the nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KsInput(pub [u8; 16]);

impl TwoGGba {
    /// Switches 2G GBA on with a layout that nobody has confirmed.
    #[must_use]
    pub const fn unconfirmed(layout: Layout) -> Self {
        Self { layout }
    }

    /// The password of the digest on Ub: the 128 most significant bits of KDF(Kc ‖ Kc ‖ RAND, label, SRES).
    #[must_use]
    pub fn res(self, kc: &Kc, rand: &Rand, sres: &Sres) -> Option<Res> {
        let derived = self.kdf(kc, rand, &[RES_LABEL, sres.danger_expose()]);
        Res::new(derived.danger_expose().first_chunk::<16>()?)
    }

    /// Ks: KDF(Kc ‖ Kc ‖ RAND, Ks-input, label, SRES), 32 octets.
    #[must_use]
    pub fn ks(self, kc: &Kc, rand: &Rand, sres: &Sres, ks_input: &KsInput) -> Ks {
        Ks::new(*self.kdf(kc, rand, &[&ks_input.0, KS_LABEL, sres.danger_expose()]).danger_expose())
    }

    fn kdf(self, kc: &Kc, rand: &Rand, parameters: &[&[u8]]) -> Secret<32> {
        let kc = kc.danger_expose();
        let key = SecretBytes::from([kc, kc, &rand.0[..]].concat());
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.danger_expose()) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(&[FC_GBA]);
        for parameter in parameters {
            mac.update(parameter);
            if self.layout == Layout::Lengths {
                // The longest parameter has sixteen octets.
                mac.update(&u16::try_from(parameter.len()).unwrap_or(u16::MAX).to_be_bytes());
            }
        }
        Secret::new(mac.finalize().into_bytes().into())
    }
}

/// The nonce of the challenge: base64(RAND ‖ 16 zero octets ‖ Ks-input) (TS 24.109 clause H.2).
#[must_use]
pub fn nonce(rand: &Rand, ks_input: &KsInput) -> String {
    STANDARD.encode([rand.0, [0; 16], ks_input.0].concat())
}

/// Takes a challenge's nonce apart; `None` unless it is one of 2G GBA.
#[must_use]
pub fn parse_nonce(nonce: &str) -> Option<(Rand, KsInput)> {
    let octets = STANDARD.decode(nonce).ok()?;
    let mut reader = Reader::new(&octets);
    let (rand, zeros, ks_input) = (reader.array().ok()?, reader.array::<16>().ok()?, reader.array().ok()?);
    (zeros == [0; 16] && reader.is_empty()).then_some((Rand(rand), KsInput(ks_input)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn known_answers() -> serde_json::Value {
        serde_json::from_str(include_str!("../../testdata/gba_computed_kat.json")).unwrap()
    }

    fn array<const N: usize>(value: &serde_json::Value) -> [u8; N] {
        hex::decode_array(value.as_str().unwrap()).unwrap()
    }

    #[test]
    fn password_and_ks_are_the_known_answers() {
        let kat = known_answers();
        let rand = Rand(array(&kat["inputs"]["RAND"]));
        let kat = &kat["2G_GBA"];
        let (kc, sres) = (Kc::new(array(&kat["Kc"])), Sres::new(array(&kat["SRES"])));
        let gba = TwoGGba::unconfirmed(Layout::Lengths);
        let res = gba.res(&kc, &rand, &sres).unwrap();
        assert_eq!(hex::encode(res.danger_expose()), kat["RES_128"]);
        let ks = gba.ks(&kc, &rand, &sres, &KsInput(array(&kat["Ks_input"])));
        assert_eq!(hex::encode(ks.danger_expose()), kat["Ks"]);
    }

    /// Python: hmac.new(Kc + Kc + RAND, b"\x01" + parameters, sha256), without lengths.
    #[test]
    fn the_layout_without_lengths_is_another_key() {
        let kat = known_answers();
        let rand = Rand(array(&kat["inputs"]["RAND"]));
        let kat = &kat["2G_GBA"];
        let (kc, sres) = (Kc::new(array(&kat["Kc"])), Sres::new(array(&kat["SRES"])));
        let gba = TwoGGba::unconfirmed(Layout::NoLengths);
        let res = gba.res(&kc, &rand, &sres).unwrap();
        assert_eq!(hex::encode(res.danger_expose()), "ac1069214fff26119635726b5914a8e2");
        let ks = gba.ks(&kc, &rand, &sres, &KsInput(array(&kat["Ks_input"])));
        assert_eq!(
            hex::encode(ks.danger_expose()),
            "c50924dba549f02c8fe1d4294bb8b13a8c6409bc174f58c2cbd9bbf91ce10890"
        );
    }

    #[test]
    fn a_nonce_gives_its_parts_back_and_no_other_length_does() {
        let (rand, ks_input) = (Rand([1; 16]), KsInput([2; 16]));
        let nonce = nonce(&rand, &ks_input);
        assert_eq!(nonce.len(), 64);
        assert_eq!(parse_nonce(&nonce), Some((rand, ks_input)));
        for end in 0..nonce.len() {
            assert_eq!(parse_nonce(&nonce[..end]), None, "{end}");
        }
        // A nonce of AKA: AUTN where the zeros are.
        assert_eq!(parse_nonce(&STANDARD.encode([1; 48])), None);
        assert_eq!(parse_nonce(&STANDARD.encode([0; 49])), None);
        assert_eq!(parse_nonce("\u{e4}"), None);
    }
}
