//! The key derivation function and what is derived with it (TS 33.220 annex B).
//!
//! HMAC-SHA-256(key, S) with S = FC ‖ P0 ‖ L0 ‖ P1 ‖ L1 …: each two-octet length follows its parameter.

use super::{Ks, KsExtNaf, KsIntNaf, KsNaf, NafId, Tmpi, UaSecurityProtocolId};
use crate::aka::Rand;
use crate::identity::{Fqdn, Impi};
use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// FC of every key in TS 33.220 (annex B.2.1).
const FC_GBA: u8 = 0x01;

/// KDF(key, FC, P0, P1, …) of annex B.2. A parameter longer than 65 535 octets cannot be expressed and is cut;
/// no identity of this crate comes near.
#[must_use]
pub fn kdf(key: &[u8], fc: u8, parameters: &[&[u8]]) -> Secret<32> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(&[fc]);
    for parameter in parameters {
        let length = u16::try_from(parameter.len()).unwrap_or(u16::MAX);
        mac.update(parameter.get(..usize::from(length)).unwrap_or_default());
        mac.update(&length.to_be_bytes());
    }
    Secret::new(mac.finalize().into_bytes().into())
}

/// Ks_NAF, for GBA_ME (annex B.3).
#[must_use]
pub fn ks_naf(ks: &Ks, rand: &Rand, impi: &Impi, naf_id: &NafId) -> KsNaf {
    KsNaf::new(*naf_key(ks, b"gba-me", rand, impi, naf_id.octets()).danger_expose())
}

/// Ks_ext_NAF, for GBA_U: the same octets as Ks_NAF would have (annex B.3).
#[must_use]
pub fn ks_ext_naf(ks: &Ks, rand: &Rand, impi: &Impi, naf_id: &NafId) -> KsExtNaf {
    KsExtNaf::new(*naf_key(ks, b"gba-me", rand, impi, naf_id.octets()).danger_expose())
}

/// Ks_int_NAF, for GBA_U (annex B.3).
#[must_use]
pub fn ks_int_naf(ks: &Ks, rand: &Rand, impi: &Impi, naf_id: &NafId) -> KsIntNaf {
    KsIntNaf::new(*naf_key(ks, b"gba-u", rand, impi, naf_id.octets()).danger_expose())
}

/// The temporary identity that UE and BSF both compute after a bootstrap (annex B.4).
#[must_use]
pub fn tmpi(ks: &Ks, rand: &Rand, impi: &Impi, bsf: &Fqdn) -> Tmpi {
    let bsf_id = NafId::new(bsf.clone(), UaSecurityProtocolId::TMPI);
    let key = naf_key(ks, b"gba-me", rand, impi, bsf_id.octets());
    Tmpi::from_kdf_output(key.danger_expose())
}

fn naf_key(ks: &Ks, label: &[u8], rand: &Rand, impi: &Impi, naf_id: Vec<u8>) -> Secret<32> {
    // ASCII is its own NFKC, and the rule costs more than the HMAC.
    let impi = match impi.as_str() {
        ascii if ascii.is_ascii() => Cow::Borrowed(ascii),
        other => Cow::Owned(other.nfkc().collect::<String>()),
    };
    kdf(ks.danger_expose(), FC_GBA, &[label, &rand.0, impi.as_bytes(), &naf_id])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gba::BTid;

    /// `testdata/gba_computed_kat.json`: computed by Python's hmac and by OpenSSL, equal there.
    fn known_answers() -> serde_json::Value {
        serde_json::from_str(include_str!("../../testdata/gba_computed_kat.json")).unwrap()
    }

    fn text(value: &serde_json::Value) -> &str {
        value.as_str().unwrap()
    }

    #[test]
    fn naf_keys_and_tmpi_are_the_known_answers() {
        let kat = known_answers();
        let ks = Ks::new(crate::hex::decode_array(text(&kat["Ks"])).unwrap());
        let rand = Rand(crate::hex::decode_array(text(&kat["inputs"]["RAND"])).unwrap());
        let impi = Impi::parse(text(&kat["inputs"]["IMPI"])).unwrap();
        let bsf = Fqdn::parse(text(&kat["inputs"]["BSF_FQDN"])).unwrap();
        let naf = Fqdn::parse(text(&kat["inputs"]["NAF_FQDN"])).unwrap();
        assert_eq!(BTid::new(&rand, &bsf).as_str(), text(&kat["B_TID"]));
        for answer in kat["naf_keys"].as_array().unwrap() {
            let ua: UaSecurityProtocolId = text(&answer["ua_sec_prot_id"]).parse().unwrap();
            let naf_id = NafId::new(naf.clone(), ua);
            assert_eq!(crate::hex::encode(&naf_id.octets()), text(&answer["NAF_Id"]));
            let me = crate::hex::encode(ks_naf(&ks, &rand, &impi, &naf_id).danger_expose());
            assert_eq!(me, text(&answer["Ks_NAF_or_Ks_ext_NAF"]));
            let ext = crate::hex::encode(ks_ext_naf(&ks, &rand, &impi, &naf_id).danger_expose());
            assert_eq!(ext, me);
            let int = crate::hex::encode(ks_int_naf(&ks, &rand, &impi, &naf_id).danger_expose());
            assert_eq!(int, text(&answer["Ks_int_NAF"]));
        }
        assert_eq!(tmpi(&ks, &rand, &impi, &bsf).as_str(), text(&kat["TMPI"]["tmpi"]));
    }

    #[test]
    fn strings_enter_in_nfkc() {
        let rand = Rand([0; 16]);
        let ks = Ks::new([7; 32]);
        let naf_id = NafId::new(Fqdn::parse("naf.example").unwrap(), UaSecurityProtocolId::HTTP_DIGEST);
        let wide = ks_naf(&ks, &rand, &Impi::parse("ａ@b").unwrap(), &naf_id);
        assert_eq!(wide, ks_naf(&ks, &rand, &Impi::parse("a@b").unwrap(), &naf_id));
    }
}
