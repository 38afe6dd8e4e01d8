//! GBA_Digest: Ub with the subscriber's SIP Digest credential in place of a card, over TLS to the BSF only
//! (TS 33.220 annex M and clauses B.5, B.6; TS 24.109 annex I).
//!
//! Off unless somebody makes a [`GbaDigest`]: the form in which H(A1) becomes a key, the exporter's label and
//! the derivation of the NAF key were not to be had. Nothing else in this crate makes one.

use super::kdf::kdf;
use super::{Ks, KsNaf, NafId};
use crate::identity::Impi;
use crate::secret::{Secret, SecretBytes, named_secret};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// FC of every key in TS 33.220 (annex B.2.1).
const FC_GBA: u8 = 0x01;
const RESP_LABEL: &[u8] = b"GBA_Digest_RESP";
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

    /// RESP: what stands in for a password in the digest on Ub, 32 octets (clause B.5). `ha1` is the hash, octets.
    #[must_use]
    pub fn resp(self, ha1: &SecretBytes, tls: &TlsMkExtr) -> Secret<32> {
        kdf(&self.key(ha1), FC_GBA, &[RESP_LABEL, tls.danger_expose()])
    }

    /// Ks, 32 octets (clause B.5). `resp` is [`Self::resp`] of the same connection.
    #[must_use]
    pub fn ks(self, ha1: &SecretBytes, tls: &TlsMkExtr, resp: &Secret<32>) -> Ks {
        let parameters: [&[u8]; 3] = [KS_LABEL, tls.danger_expose(), resp.danger_expose()];
        Ks::new(*kdf(&self.key(ha1), FC_GBA, &parameters).danger_expose())
    }

    fn key(self, ha1: &SecretBytes) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self.form {
            Ha1Form::HexText => crate::hex::encode(ha1.danger_expose()).into_bytes(),
            Ha1Form::Octets => ha1.danger_expose().to_vec(),
        })
    }
}

/// The NAF key (clause B.6), with the challenge's nonce where the other modes have RAND. Needs a Ks that only a
/// [`GbaDigest`] makes.
#[must_use]
pub fn ks_naf(ks: &Ks, nonce: &[u8], impi: &Impi, naf_id: &NafId) -> KsNaf {
    let impi: String = impi.as_str().nfkc().collect();
    let parameters: [&[u8]; 4] = [NAF_LABEL, nonce, impi.as_bytes(), &naf_id.octets()];
    KsNaf::new(*kdf(ks.danger_expose(), FC_GBA, &parameters).danger_expose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gba::UaSecurityProtocolId;
    use crate::hex;
    use crate::identity::Fqdn;

    /// Computed with Python's hmac and hashlib from `user:operator.com:secret`, an exporter of 00 to 2f and a nonce
    /// of 00 to 0f.
    #[test]
    fn keys_are_what_another_implementation_of_the_kdf_gives() {
        let ha1 = hex::decode_secret("97ba36405cc0b162e061ef550feb1e64").unwrap();
        let mut exported = [0; 48];
        exported.iter_mut().zip(0..).for_each(|(octet, value)| *octet = value);
        let tls = TlsMkExtr::new(exported);
        let gba = GbaDigest::unconfirmed(Ha1Form::HexText);
        let resp = gba.resp(&ha1, &tls);
        let shown = hex::encode(resp.danger_expose());
        assert_eq!(shown, "55fbbb4e44dbbaef80dc995ba50a04fdf0e00f6417a76e1d815820f52451f39b");
        let ks = gba.ks(&ha1, &tls, &resp);
        let shown = hex::encode(ks.danger_expose());
        assert_eq!(shown, "25ad88af66147925a105b1e16c54cf9bf80760457e00fe861c599132ceca6179");
        let impi = Impi::parse("001010123456789@ims.mnc001.mcc001.3gppnetwork.org").unwrap();
        let fqdn = Fqdn::parse("naf1.operator.com").unwrap();
        let naf_id = NafId::new(fqdn, UaSecurityProtocolId::HTTP_DIGEST);
        let key = ks_naf(&ks, &exported[..16], &impi, &naf_id);
        let shown = hex::encode(key.danger_expose());
        assert_eq!(shown, "bd2bcd87f24fde9ba9092213693ce4d863f6087c47ba08b9bc805dbf5aec9b4d");
        assert_ne!(GbaDigest::unconfirmed(Ha1Form::Octets).resp(&ha1, &tls), resp);
    }
}
