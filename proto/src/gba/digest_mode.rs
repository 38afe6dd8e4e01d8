//! GBA_Digest: Ub with the subscriber's SIP Digest credential in place of a card, over TLS to the BSF only
//! (TS 33.220 annex M and clauses B.5, B.6; TS 24.109 annex I).
//!
//! Off unless somebody makes a [`GbaDigest`]: the form in which H(A1) becomes a key and the exporter's label were not to
//! be had. Nothing else in this crate makes one.

use super::kdf::kdf;
use super::{Ks, KsNaf, NafId};
use crate::aka::Rand;
use crate::identity::Impi;
use crate::secret::{Secret, SecretBytes, named_secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// FC of every key in TS 33.220 (annex B.2.1).
const FC_GBA: u8 = 0x01;
const PASSWD_LABEL: &[u8] = b"GBA_Digest_RESP";
const KS_LABEL: &[u8] = b"GBA_Digest_Ks";
const NAF_LABEL: &[u8] = b"gba-digest";

named_secret! {
    /// TLS_MK_Extr: 48 octets that both ends export from the TLS connection (RFC 5705), so that the bootstrap
    /// cannot be moved to another one.
    TlsMkExtr, 48
}

/// How H(A1) of the SIP Digest credential becomes a key. Both are unconfirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ha1Form {
    /// Its hex digits, lower case, as every other use of H(A1) has them.
    HexText,
    /// The octets of the hash.
    Octets,
}

/// Key derivations of GBA_Digest, switched on by choosing a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GbaDigest {
    form: Ha1Form,
}

impl GbaDigest {
    /// Switches GBA_Digest on with a form that nobody has confirmed.
    #[must_use]
    pub const fn unconfirmed(form: Ha1Form) -> Self {
        Self { form }
    }

    /// passwd: the password of the digest on Ub, 32 octets (clause B.5). `ha1` is the hash, octets.
    #[must_use]
    pub fn passwd(self, ha1: &SecretBytes, tls: &TlsMkExtr) -> Secret<32> {
        kdf(&self.key(ha1), FC_GBA, &[PASSWD_LABEL, tls.danger_expose()])
    }

    /// Ks, 32 octets (clause B.5). `resp` is the response of the digest on Ub, octets: the clause lets its length depend
    /// on the digest's algorithm, which that of passwd does not.
    #[must_use]
    pub fn ks(self, ha1: &SecretBytes, tls: &TlsMkExtr, resp: &[u8]) -> Ks {
        let parameters: [&[u8]; 3] = [KS_LABEL, tls.danger_expose(), resp];
        Ks::new(*kdf(&self.key(ha1), FC_GBA, &parameters).danger_expose())
    }

    fn key(self, ha1: &SecretBytes) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self.form {
            Ha1Form::HexText => crate::hex::encode(ha1.danger_expose()).into_bytes(),
            Ha1Form::Octets => ha1.danger_expose().to_vec(),
        })
    }
}

/// The NAF key (clause B.6), with the challenge's nonce, as it stands in the header, where the other modes have RAND.
/// Needs a Ks that only a [`GbaDigest`] makes.
#[must_use]
pub fn ks_naf(ks: &Ks, nonce: &[u8], impi: &Impi, naf_id: &NafId) -> KsNaf {
    let impi: String = impi.as_str().nfkc().collect();
    let parameters: [&[u8]; 4] = [NAF_LABEL, nonce, impi.as_bytes(), &naf_id.octets()];
    KsNaf::new(*kdf(ks.danger_expose(), FC_GBA, &parameters).danger_expose())
}

/// The nonce of a challenge: twelve random octets as sixteen characters. They are what enters the keys: as long as a
/// RAND, and the same whether a peer takes a nonce for text or for octets.
#[must_use]
pub fn nonce(random: &[u8; 12]) -> Rand {
    let mut characters = [0; 16];
    // Twelve octets are sixteen digits of base64, without padding.
    for (character, digit) in characters.iter_mut().zip(URL_SAFE_NO_PAD.encode(random).bytes()) {
        *character = digit;
    }
    Rand(characters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gba::UaSecurityProtocolId;
    use crate::hex;
    use crate::identity::Fqdn;

    /// `testdata/other_bootstraps_python.json`: computed by Python's hmac and hashlib.
    #[test]
    fn keys_are_what_another_implementation_of_the_kdf_gives() {
        let kat: serde_json::Value =
            serde_json::from_str(include_str!("../../testdata/other_bootstraps_python.json")).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let tls = TlsMkExtr::new(hex::decode_array(&text(&kat["TLS_MK_Extr"])).unwrap());
        let impi = Impi::parse(&text(&kat["IMPI"])).unwrap();
        let naf_id =
            NafId::new(Fqdn::parse(&text(&kat["NAF_FQDN"])).unwrap(), UaSecurityProtocolId::HTTP_DIGEST);
        for case in kat["GBA_Digest"].as_array().unwrap() {
            let form = match case["key_form"].as_str().unwrap() {
                "octets" => Ha1Form::Octets,
                _ => Ha1Form::HexText,
            };
            let gba = GbaDigest::unconfirmed(form);
            let ha1 = hex::decode_secret(&text(&case["HA1"])).unwrap();
            assert_eq!(hex::encode(gba.passwd(&ha1, &tls).danger_expose()), case["passwd"]);
            let ks = gba.ks(&ha1, &tls, &hex::decode(&text(&case["response"])).unwrap());
            assert_eq!(hex::encode(ks.danger_expose()), case["Ks"]);
            let key = ks_naf(&ks, text(&case["nonce"]).as_bytes(), &impi, &naf_id);
            assert_eq!(hex::encode(key.danger_expose()), case["Ks_NAF"]);
        }
    }

    #[test]
    fn a_nonce_is_text_that_a_header_takes() {
        let Rand(characters) = nonce(&[0xff; 12]);
        assert_eq!(&characters, b"________________");
        assert_ne!(nonce(&[0; 12]), nonce(&[1; 12]));
    }
}
