//! Ua security protocol identifiers (TS 33.220 annex H): five octets that make a NAF key fit one protocol.

use std::fmt;
use std::str::FromStr;

/// A TLS cipher suite's code point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CipherSuite(pub u16);

/// IANA names of the suites that GBA and oneM2M use with a pre-shared key, and of TLS 1.3's.
const SUITES: &[(u16, &str)] = &[
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x008c, "TLS_PSK_WITH_AES_128_CBC_SHA"),
    (0x008d, "TLS_PSK_WITH_AES_256_CBC_SHA"),
    (0x0090, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA"),
    (0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256"),
    (0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384"),
    (0x00aa, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256"),
    (0x00ae, "TLS_PSK_WITH_AES_128_CBC_SHA256"),
    (0x00af, "TLS_PSK_WITH_AES_256_CBC_SHA384"),
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xc035, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA"),
    (0xc037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256"),
    (0xc0a8, "TLS_PSK_WITH_AES_128_CCM_8"),
    (0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"),
    (0xd001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"),
];

impl CipherSuite {
    /// What TS-0003 clause 10.2.2 demands of TLS.
    pub const PSK_AES_128_CBC_SHA256: Self = Self(0x00ae);
    /// What TS-0003 clause 10.2.2 demands of DTLS.
    pub const PSK_AES_128_CCM_8: Self = Self(0xc0a8);
    /// What every TLS library has.
    pub const PSK_AES_128_GCM_SHA256: Self = Self(0x00a8);

    /// The IANA name, where this table has it.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        SUITES.iter().find(|(code, _)| *code == self.0).map(|(_, name)| *name)
    }

    /// By IANA name, upper or lower case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        SUITES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(code, _)| Self(*code))
    }
}

/// Five octets: the organisation, then what it chose (TS 33.220 annex H.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UaSecurityProtocolId(pub [u8; 5]);

/// Names that stand for an identifier, beside ten hex digits and `tls-psk:SUITE`, `tls:SUITE`.
const NAMES: &[(&str, UaSecurityProtocolId)] = &[
    ("default", UaSecurityProtocolId([0; 5])),
    ("subscriber-certificates", UaSecurityProtocolId([1, 0, 0, 0, 0])),
    ("mbms", UaSecurityProtocolId([1, 0, 0, 0, 1])),
    ("http-digest", UaSecurityProtocolId::HTTP_DIGEST),
    ("mbms-http", UaSecurityProtocolId([1, 0, 0, 0, 3])),
    ("mbms-sip", UaSecurityProtocolId([1, 0, 0, 0, 4])),
    ("gpl", UaSecurityProtocolId([1, 0, 0, 0, 5])),
    ("ims-kms", UaSecurityProtocolId([1, 0, 0, 0, 6])),
    ("tls13-psk", UaSecurityProtocolId::TLS13_PSK),
    ("oma-supl", UaSecurityProtocolId([3, 0, 0, 0, 1])),
    ("oma-locsip", UaSecurityProtocolId([3, 0, 0, 0, 2])),
    ("oma-sip-digest", UaSecurityProtocolId([3, 0, 0, 0, 3])),
];

impl UaSecurityProtocolId {
    /// HTTP Digest as TS 24.109 has it, outside TLS.
    pub const HTTP_DIGEST: Self = Self([1, 0, 0, 0, 2]);
    /// TLS 1.3 with an external pre-shared key (TS 33.222 clause 5.4.0.2).
    pub const TLS13_PSK: Self = Self([1, 0, 0, 0, 7]);
    /// Derives a TMPI; no Ua protocol (annex B.4).
    pub const TMPI: Self = Self([1, 0, 0, 1, 0]);

    /// TLS up to 1.2 with the negotiated suite, PSK or certificate with Digest inside: 01 00 01 yy zz.
    #[must_use]
    pub const fn tls(suite: CipherSuite) -> Self {
        let [high, low] = suite.0.to_be_bytes();
        Self([1, 0, 1, high, low])
    }

    /// The suite of an 01 00 01 yy zz identifier.
    #[must_use]
    pub const fn cipher_suite(self) -> Option<CipherSuite> {
        match self.0 {
            [1, 0, 1, high, low] => Some(CipherSuite(u16::from_be_bytes([high, low]))),
            _ => None,
        }
    }
}

/// Neither ten hex digits nor a known name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Ua security protocol: ten hex digits, http-digest, tls13-psk, tls-psk:SUITE-NAME, …")]
pub struct UnknownProtocol;

impl FromStr for UaSecurityProtocolId {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        if let Some(octets) = crate::hex::decode_array(text) {
            return Ok(Self(octets));
        }
        let suite = text.strip_prefix("tls-psk:").or_else(|| text.strip_prefix("tls:"));
        if let Some(suite) = suite {
            return CipherSuite::by_name(suite).map(Self::tls).ok_or(UnknownProtocol);
        }
        NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, id)| *id)
            .ok_or(UnknownProtocol)
    }
}

impl fmt::Display for UaSecurityProtocolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex::encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_names_mean_the_same() {
        for (text, octets) in [
            ("0100000002", [1, 0, 0, 0, 2]),
            ("http-digest", [1, 0, 0, 0, 2]),
            ("tls13-psk", [1, 0, 0, 0, 7]),
            ("tls-psk:TLS_PSK_WITH_AES_128_CBC_SHA256", [1, 0, 1, 0, 0xae]),
            ("tls-psk:tls_psk_with_aes_128_ccm_8", [1, 0, 1, 0xc0, 0xa8]),
            ("01000100A8", [1, 0, 1, 0, 0xa8]),
        ] {
            assert_eq!(text.parse(), Ok(UaSecurityProtocolId(octets)), "{text}");
        }
        for bad in ["", "01000000", "010000000201", "tls-psk:", "tls-psk:NO_SUCH_SUITE", "digest"] {
            assert_eq!(bad.parse::<UaSecurityProtocolId>(), Err(UnknownProtocol), "{bad}");
        }
    }

    #[test]
    fn the_suite_is_in_the_tls_identifier() {
        let id = UaSecurityProtocolId::tls(CipherSuite::PSK_AES_128_CCM_8);
        assert_eq!(id.to_string(), "010001c0a8");
        assert_eq!(id.cipher_suite().and_then(CipherSuite::name), Some("TLS_PSK_WITH_AES_128_CCM_8"));
        assert_eq!(UaSecurityProtocolId::TLS13_PSK.cipher_suite(), None);
    }
}
