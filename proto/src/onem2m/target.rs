//! Towards whom a NAF key is used, and so what it is called (TS-0003 clause 8.3.2.3).

use super::identifiers::{CredentialType, Suid};
use crate::gba::{BTid, CipherSuite, UaSecurityProtocolId};

/// Which kind of node asks for the key, and so what the key is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EnrolmentTarget {
    /// A CSE: the NAF key is Kpsa, for a security association with it.
    #[default]
    Cse,
    /// An M2M authentication function: the NAF key is Km.
    Maf,
}

impl EnrolmentTarget {
    /// m2m:suid of a key that a remote security provisioning framework gave (TS-0004 clause 6.3.4.2.39).
    #[must_use]
    pub const fn suid(self) -> Suid {
        match self {
            Self::Maf => Suid::PROVISIONED_MAF,
            Self::Cse => Suid::PROVISIONED_SAEF,
        }
    }

    /// The target that a SUID implies; `None` for a SUID that GBA does not serve.
    #[must_use]
    pub const fn of_suid(suid: Suid) -> Option<Self> {
        match suid {
            Suid::PROVISIONED_MAF => Some(Self::Maf),
            Suid::PROVISIONED_SAEF => Some(Self::Cse),
            _ => None,
        }
    }

    /// Credential-ID: the identifier's type, a hyphen, the identifier (TS-0003 clauses 10.4 and 12.3.2.1).
    /// The B-TID is kept octet by octet, although base64 goes beyond the clause's alphabet.
    #[must_use]
    pub fn credential_id(self, b_tid: &BTid) -> String {
        let kind = match self {
            Self::Maf => CredentialType::KM,
            Self::Cse => CredentialType::KPSA,
        };
        format!("{}-{b_tid}", kind.0)
    }
}

/// The suites to offer with a key: the one in its Ua identifier, else TLS 1.3's, else what TS-0003 clause 10.2.2
/// demands of TLS and of DTLS and what every TLS library has.
#[must_use]
pub fn cipher_suites(ua: UaSecurityProtocolId) -> Vec<CipherSuite> {
    if let Some(suite) = ua.cipher_suite() {
        return vec![suite];
    }
    if ua == UaSecurityProtocolId::TLS13_PSK {
        return vec![CipherSuite(0x1301)];
    }
    vec![
        CipherSuite::PSK_AES_128_CBC_SHA256,
        CipherSuite::PSK_AES_128_GCM_SHA256,
        CipherSuite::PSK_AES_128_CCM_8,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_target() {
        let b_tid = BTid::parse("AAAA+/==@bsf.example").unwrap();
        assert_eq!(EnrolmentTarget::Cse.credential_id(&b_tid), "12-AAAA+/==@bsf.example");
        assert_eq!(EnrolmentTarget::Maf.credential_id(&b_tid), "11-AAAA+/==@bsf.example");
        for target in [EnrolmentTarget::Cse, EnrolmentTarget::Maf] {
            assert_eq!(EnrolmentTarget::of_suid(target.suid()), Some(target));
        }
        assert_eq!(EnrolmentTarget::of_suid(Suid(12)), None);
    }

    #[test]
    fn the_identifier_fixes_the_suite() {
        let ae = UaSecurityProtocolId::tls(CipherSuite(0x00ae));
        assert_eq!(cipher_suites(ae), [CipherSuite(0x00ae)]);
        assert_eq!(cipher_suites(UaSecurityProtocolId::TLS13_PSK), [CipherSuite(0x1301)]);
        assert_eq!(cipher_suites(UaSecurityProtocolId::HTTP_DIGEST).len(), 3);
    }
}
