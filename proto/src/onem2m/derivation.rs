//! Derivations of TS-0003 clause 10.3, for credentials that are not GBA's: those of a bootstrap by GBA are NAF keys of
//! TS 33.220 (clause 8.3.2.3) and pass none of these.
//!
//! HMAC-SHA-256 over a label and an identifier, without lengths or separators. Identifiers enter as UTF-8 in NFKC.

use super::identifiers::{RelativeKeyId, Suid};
use crate::identity::Fqdn;
use crate::secret::{Secret, named_secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;

named_secret! {
    /// Enrolment key: Enrolee and MEF.
    Ke, 32
}
named_secret! {
    /// Master credential: Enrolee and MAF.
    Km, 32
}
named_secret! {
    /// Provisioned secure connection key: the two ends of a security association.
    Kpsa, 32
}
named_secret! {
    /// Secure connection key that a MAF brokers.
    Kc, 32
}
named_secret! {
    /// Key of two end-points from a handshake with certificates (clause 8.7).
    PairwiseE2eKey, 32
}
named_secret! {
    /// A key for one usage and one target (clause 10.3.7).
    UsageConstrainedKey, 32
}
named_secret! {
    /// The key that two end-points share for primitives.
    PairwiseEsPrimKey, 32
}
named_secret! {
    /// The key of one session of ESPrim.
    SessionEsPrimKey, 32
}
named_secret! {
    /// Ke2e_master: from which the four end-to-end keys are expanded.
    E2eMasterKey, 32
}

/// What a TLS session is asked to export (RFC 5705, clause 10.3.1), without a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exporter(&'static str);

impl Exporter {
    /// After the handshake of an Enrolee with an MEF: RelativeKeyID and Ke.
    pub const BOOTSTRAP: Self = Self("EXPORTER-oneM2M-Bootstrap");
    /// After the handshake with a MAF: KcID and Kc.
    pub const CONNECTION: Self = Self("EXPORTER-oneM2M-Connection");
    /// After the handshake of two end-points: pairwiseE2EKeyID and pairwiseE2EKey.
    pub const ES_CERT_KE: Self = Self("EXPORTER-oneM2M-ESCertKE");
    /// How many octets each of them exports.
    pub const LENGTH: usize = 48;

    /// The label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.0
    }
}

/// The octets of an exporter: the most significant 16 name the key, the 32 others are the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported(Secret<48>);

impl Exported {
    /// Takes what the TLS session exported.
    #[must_use]
    pub const fn new(octets: Secret<48>) -> Self {
        Self(octets)
    }

    /// RelativeKeyID and Ke, of [`Exporter::BOOTSTRAP`].
    #[must_use]
    pub fn enrolment(&self) -> (RelativeKeyId, Ke) {
        let (id, key) = self.split();
        (id, Ke::new(key))
    }

    /// KcID and Kc, of [`Exporter::CONNECTION`].
    #[must_use]
    pub fn connection(&self) -> (RelativeKeyId, Kc) {
        let (id, key) = self.split();
        (id, Kc::new(key))
    }

    /// pairwiseE2EKeyID and pairwiseE2EKey, of [`Exporter::ES_CERT_KE`].
    #[must_use]
    pub fn pairwise(&self) -> (RelativeKeyId, PairwiseE2eKey) {
        let (id, key) = self.split();
        (id, PairwiseE2eKey::new(key))
    }

    fn split(&self) -> (RelativeKeyId, [u8; 32]) {
        let (mut id, mut key) = ([0; 16], [0; 32]);
        let octets = self.0.danger_expose();
        let (head, tail) = octets.split_at(16);
        id.copy_from_slice(head);
        key.copy_from_slice(tail);
        (RelativeKeyId(id), key)
    }
}

/// Km from Ke (clause 10.3.2).
#[must_use]
pub fn km(ke: &Ke, maf_id: &str) -> Km {
    const LABEL: &str = "oneM2M Enrolment Key to Master Credential derivation";
    Km::new(hmac(ke.danger_expose(), &[LABEL.as_bytes(), nfkc(maf_id).as_bytes()]))
}

/// Kpsa from Ke (clause 10.3.3): `enrolee_b` is the CSE-ID or AE-ID of the other end.
#[must_use]
pub fn kpsa(ke: &Ke, enrolee_b: &str) -> Kpsa {
    const LABEL: &str = "oneM2M Enrolment Key to Provisioned Secure Connection Key derivation";
    Kpsa::new(hmac(ke.danger_expose(), &[LABEL.as_bytes(), nfkc(enrolee_b).as_bytes()]))
}

/// A key for one usage and one target (clause 10.3.7), `target` by its FQDN. The clause does not say in which form the
/// SUID enters: it is its decimal digits here, as TS-0004 writes it.
#[must_use]
pub fn usage_constrained_key(ke: &Ke, suid: Suid, target: &Fqdn) -> UsageConstrainedKey {
    const LABEL: &str = "oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation";
    let suid = suid.to_string();
    let parts = [LABEL.as_bytes(), suid.as_bytes(), target.as_str().as_bytes()];
    UsageConstrainedKey::new(hmac(ke.danger_expose(), &parts))
}

/// Ke2e_master from Kpsa, or from a random value of the source (clause 10.3.6.1): an HMAC keyed with the salt, as HKDF
/// extracts. The clause names no hash; it is SHA-256 here, as in every other derivation.
#[must_use]
pub fn e2e_master_key(salt: &[u8], input: &[u8; 32]) -> E2eMasterKey {
    E2eMasterKey::new(hmac(salt, &[input]))
}

/// The four keys that are expanded of Ke2e_master (clause 10.3.6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct E2eKeys {
    /// Ke2e_msg_auth: authenticity of primitives.
    pub message_authenticity: Secret<32>,
    /// Ke2e_msg_conf: confidentiality of primitives.
    pub message_confidentiality: Secret<32>,
    /// Ke2e_att_auth: integrity of data.
    pub attribute_authenticity: Secret<32>,
    /// Ke2e_att_conf: confidentiality of data.
    pub attribute_confidentiality: Secret<32>,
}

impl E2eKeys {
    /// Expands a master key. Each key enters the next.
    #[must_use]
    pub fn expand(master: &E2eMasterKey) -> Self {
        let next = |before: &[u8], info: &str, count: u8| {
            Secret::new(hmac(master.danger_expose(), &[before, info.as_bytes(), &[count]]))
        };
        let first = next(&[], "E2E Message Authentication Key", 1);
        let second = next(first.danger_expose(), "E2E Message Confidentiality Key", 2);
        let third = next(second.danger_expose(), "E2E Attribute Authenticity Key", 3);
        let fourth = next(third.danger_expose(), "E2E Attribute Confidentiality Key", 4);
        Self {
            message_authenticity: first,
            message_confidentiality: second,
            attribute_authenticity: third,
            attribute_confidentiality: fourth,
        }
    }
}

/// sessionESPrimKey (clause 10.3.8.2) from the random objects of receiver and originator, octets as they were sent.
#[must_use]
pub fn session_esprim_key(
    pairwise: &PairwiseEsPrimKey,
    receiver: &[u8],
    originator: &[u8],
) -> SessionEsPrimKey {
    const LABEL: &str = "oneM2M HMAC-SHA256 sessionESPrimKey derivation algorithm";
    SessionEsPrimKey::new(hmac(pairwise.danger_expose(), &[receiver, originator, LABEL.as_bytes()]))
}

fn nfkc(identifier: &str) -> String {
    identifier.nfkc().collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;
    use serde_json::Value;

    /// `testdata/onem2m_kat.json`: computed by `tests/python/onem2m.py`.
    fn known_answers() -> Value {
        serde_json::from_str(include_str!("../../testdata/onem2m_kat.json")).unwrap()
    }

    fn octets(value: &Value) -> Vec<u8> {
        hex::decode(value.as_str().unwrap()).unwrap()
    }

    fn text(value: &Value) -> &str {
        value.as_str().unwrap()
    }

    fn key(value: &Value) -> [u8; 32] {
        octets(value).try_into().unwrap()
    }

    #[test]
    fn exports_split_into_identifier_and_key() {
        let kat = known_answers();
        let cases = kat["exports"].as_array().unwrap();
        assert_eq!(cases.len(), 3);
        for case in cases {
            let exported = Exported::new(Secret::try_from(octets(&case["octets"]).as_slice()).unwrap());
            let (label, id, found) = match text(&case["what"]) {
                "Ke" => {
                    let (id, ke) = exported.enrolment();
                    (Exporter::BOOTSTRAP.label(), id, *ke.danger_expose())
                }
                "Kc" => {
                    let (id, kc) = exported.connection();
                    (Exporter::CONNECTION.label(), id, *kc.danger_expose())
                }
                _ => {
                    let (id, pairwise) = exported.pairwise();
                    (Exporter::ES_CERT_KE.label(), id, *pairwise.danger_expose())
                }
            };
            assert_eq!(octets(&case["octets"]).len(), Exporter::LENGTH);
            assert_eq!((label, found), (text(&case["label"]), key(&case["key"])));
            let issuer = Fqdn::parse(text(&case["issuer"])).unwrap();
            assert_eq!(super::super::KeyId::of_export(&id, &issuer).as_str(), text(&case["key_id"]));
        }
    }

    #[test]
    fn keys_from_an_enrolment_key_are_the_known_answers() {
        let kat = known_answers();
        let ke = Ke::new(key(&kat["Ke"]));
        let cases = |name: &str| {
            let cases = kat[name].as_array().unwrap().clone();
            assert!(!cases.is_empty());
            cases
        };
        for case in cases("Km") {
            let found = km(&ke, text(&case["maf_id"]));
            assert_eq!(*found.danger_expose(), key(&case["key"]), "{case}");
        }
        for case in cases("Kpsa") {
            let found = kpsa(&ke, text(&case["enrolee_b_id"]));
            assert_eq!(*found.danger_expose(), key(&case["key"]), "{case}");
        }
        for case in cases("usage_constrained") {
            let suid = Suid(case["suid"].as_u64().unwrap().try_into().unwrap());
            let target = Fqdn::parse(text(&case["target"])).unwrap();
            let found = usage_constrained_key(&ke, suid, &target);
            assert_eq!(*found.danger_expose(), key(&case["key"]), "{case}");
        }
    }

    #[test]
    fn end_to_end_keys_are_the_known_answers() {
        let kat = known_answers();
        let cases = kat["e2e"].as_array().unwrap();
        assert!(cases.len() > 1);
        for case in cases {
            let master = e2e_master_key(&octets(&case["salt"]), &key(&case["input"]));
            assert_eq!(*master.danger_expose(), key(&case["Ke2e_master"]));
            let keys = E2eKeys::expand(&master);
            for (found, name) in [
                (&keys.message_authenticity, "Ke2e_msg_auth"),
                (&keys.message_confidentiality, "Ke2e_msg_conf"),
                (&keys.attribute_authenticity, "Ke2e_att_auth"),
                (&keys.attribute_confidentiality, "Ke2e_att_conf"),
            ] {
                assert_eq!(*found.danger_expose(), key(&case[name]), "{name}");
            }
        }
    }

    #[test]
    fn a_session_key_of_primitives_is_the_known_answer() {
        let kat = known_answers();
        let cases = kat["esprim"].as_array().unwrap();
        assert!(cases.len() > 1);
        for case in cases {
            let pairwise = PairwiseEsPrimKey::new(key(&case["pairwiseESPrimKey"]));
            let (receiver, originator) = (octets(&case["receiver"]), octets(&case["originator"]));
            let found = session_esprim_key(&pairwise, &receiver, &originator);
            assert_eq!(*found.danger_expose(), key(&case["sessionESPrimKey"]), "{case}");
        }
    }

    #[test]
    fn identifiers_enter_in_nfkc() {
        let ke = Ke::new([7; 32]);
        assert_eq!(km(&ke, "ｍaf.example"), km(&ke, "maf.example"));
        assert_eq!(kpsa(&ke, "/e\u{301}"), kpsa(&ke, "/\u{e9}"));
        assert_ne!(km(&ke, "maf.example").danger_expose(), kpsa(&ke, "maf.example").danger_expose());
    }
}
