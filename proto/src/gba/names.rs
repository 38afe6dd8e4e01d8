//! B-TID, NAF_Id and TMPI: what is said on the wire in place of an identity or a key.

use super::UaSecurityProtocolId;
use crate::aka::Rand;
use crate::identity::Fqdn;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// Why a text is not the name it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A B-TID is base64 text, `@` and a host name, 512 octets at the most.
    #[error("not a B-TID: base64, @ and a host name")]
    BTid,
    /// A NAF_Id is a host name and five octets.
    #[error("not a NAF_Id: a host name and five octets")]
    NafId,
}

/// Bootstrapping transaction identifier: base64(RAND) `@` BSF FQDN (TS 33.220 clause 4.5.2).
/// Opaque and case-sensitive: compared octet by octet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BTid(String);

impl BTid {
    /// The B-TID of a bootstrap.
    #[must_use]
    pub fn new(rand: &Rand, bsf: &Fqdn) -> Self {
        Self(format!("{}@{bsf}", STANDARD.encode(rand.0)))
    }

    /// Parses what a UE or a NAF presents. The part before the `@` need not be a RAND: another BSF may choose its own.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (id, bsf) = text.split_once('@').ok_or(NameError::BTid)?;
        let id_ok = !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b';' | b','));
        if id_ok && text.len() <= 512 && Fqdn::parse(bsf).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::BTid)
        }
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The BSF that knows this B-TID.
    #[must_use]
    pub fn bsf(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, bsf)| bsf)
    }

    /// The RAND in it, where the part before the `@` is one.
    #[must_use]
    pub fn rand(&self) -> Option<Rand> {
        let (id, _) = self.0.split_once('@')?;
        STANDARD.decode(id).ok()?.try_into().ok().map(Rand)
    }
}

impl fmt::Display for BTid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// NAF_Id: the NAF's host name and the Ua security protocol identifier (TS 33.220 annex B.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NafId {
    /// The name by which the UE addresses the NAF.
    pub fqdn: Fqdn,
    /// How the key is used on Ua.
    pub ua: UaSecurityProtocolId,
}

impl NafId {
    /// Joins the two.
    #[must_use]
    pub const fn new(fqdn: Fqdn, ua: UaSecurityProtocolId) -> Self {
        Self { fqdn, ua }
    }

    /// As the KDF and Diameter take it: name ‖ five octets, nothing between.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        [self.fqdn.as_str().as_bytes(), &self.ua.0].concat()
    }

    /// Takes the octets apart.
    pub fn parse(octets: &[u8]) -> Result<Self, NameError> {
        let (name, ua) = octets.split_last_chunk::<5>().ok_or(NameError::NafId)?;
        let name = std::str::from_utf8(name).map_err(|_| NameError::NafId)?;
        let fqdn = Fqdn::parse(name).map_err(|_| NameError::NafId)?;
        Ok(Self::new(fqdn, UaSecurityProtocolId(*ua)))
    }
}

impl fmt::Display for NafId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.fqdn, self.ua)
    }
}

/// Temporary IP multimedia private identity: the username on Ub in place of the IMPI (TS 33.220 annex B.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tmpi(String);

impl Tmpi {
    /// The domain by which a TMPI is told from an IMPI (TS 23.003 clause 16.3).
    pub const DOMAIN: &'static str = "tmpi.bsf.3gppnetwork.org";

    /// base64 of the 24 most significant octets of the KDF's output, `@`, the domain. For GBA_U, the output is the
    /// Ks_ext_NAF that the card derives for the BSF's own identity.
    #[must_use]
    pub fn from_kdf_output(output: &[u8; 32]) -> Self {
        let (head, _) = output.split_at(24);
        Self(format!("{}@{}", STANDARD.encode(head), Self::DOMAIN))
    }

    /// Recognises a TMPI by its domain; `None` for any other username.
    #[must_use]
    pub fn parse(username: &str) -> Option<Self> {
        let (id, domain) = username.split_once('@')?;
        let right = domain.eq_ignore_ascii_case(Self::DOMAIN) && id.len() == 32;
        right.then(|| Self(format!("{id}@{}", Self::DOMAIN)))
    }

    /// Whether a username claims to be a TMPI, whatever stands before the `@`.
    #[must_use]
    pub fn is_tmpi(username: &str) -> bool {
        username.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(Self::DOMAIN))
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_b_tid_gives_its_rand_and_bsf_back() {
        let rand = Rand([0xfb; 16]);
        let b_tid = BTid::new(&rand, &Fqdn::parse("bsf.example").unwrap());
        assert_eq!(b_tid.as_str(), "+/v7+/v7+/v7+/v7+/v7+w==@bsf.example");
        assert_eq!(BTid::parse(b_tid.as_str()).as_ref(), Ok(&b_tid));
        assert_eq!((b_tid.rand(), b_tid.bsf()), (Some(rand), "bsf.example"));
    }

    #[test]
    fn what_is_no_b_tid_is_refused() {
        for bad in ["", "@bsf.example", "abc", "abc@", "a c@bsf", "a\"c@bsf", "abc@bsf/x", "a@b@c"] {
            assert_eq!(BTid::parse(bad), Err(NameError::BTid), "{bad}");
        }
        assert!(BTid::parse(&format!("{}@bsf", "a".repeat(600))).is_err());
    }

    #[test]
    fn every_truncation_of_a_naf_id_is_refused_or_another_name() {
        let whole =
            NafId::new(Fqdn::parse("naf.example").unwrap(), UaSecurityProtocolId::HTTP_DIGEST).octets();
        assert!(NafId::parse(&whole).is_ok());
        for end in 0..whole.len() {
            if let Ok(shorter) = NafId::parse(&whole[..end]) {
                assert_ne!(shorter.octets(), whole);
            }
        }
    }
}
