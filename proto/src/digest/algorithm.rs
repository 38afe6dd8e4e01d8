//! Names of digest algorithms and of qualities of protection.

use std::fmt;

/// A digest algorithm by its name; a name that is not known is kept, so that a log can show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// `MD5` (RFC 2617).
    Md5,
    /// `MD5-sess` (RFC 2617).
    Md5Sess,
    /// `SHA-256` (RFC 7616).
    Sha256,
    /// `SHA-256-sess` (RFC 7616).
    Sha256Sess,
    /// `AKAv1-MD5` (RFC 3310): MD5 with the octets of RES for a password. The only one on Ub.
    AkaV1Md5,
    /// Any other name, as received.
    Other(String),
}

/// The names this crate computes with.
const NAMES: &[(&str, Algorithm)] = &[
    ("MD5", Algorithm::Md5),
    ("MD5-sess", Algorithm::Md5Sess),
    ("SHA-256", Algorithm::Sha256),
    ("SHA-256-sess", Algorithm::Sha256Sess),
    ("AKAv1-MD5", Algorithm::AkaV1Md5),
];

impl Algorithm {
    /// Reads a name in any case.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or_else(|| Self::Other(name.to_owned()), |(_, algorithm)| algorithm.clone())
    }

    /// The registered spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
            Self::AkaV1Md5 => "AKAv1-MD5",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Quality of protection: what the response covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qop {
    /// Method and URI.
    Auth,
    /// Method, URI and body.
    AuthInt,
}

impl Qop {
    /// Reads a name in any case; `None` for an extension.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt].into_iter().find(|qop| qop.as_str().eq_ignore_ascii_case(name))
    }

    /// `auth` or `auth-int`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

impl fmt::Display for Qop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_written_as_registered() {
        for (name, algorithm) in NAMES {
            assert_eq!(&Algorithm::parse(&name.to_uppercase()), algorithm);
            assert_eq!(&Algorithm::parse(&name.to_lowercase()), algorithm);
            assert_eq!(algorithm.to_string(), *name);
        }
        assert_eq!(Algorithm::parse("AKAv2-MD5"), Algorithm::Other("AKAv2-MD5".to_owned()));
        assert_eq!(Qop::parse("AUTH-INT"), Some(Qop::AuthInt));
        assert_eq!(Qop::parse("auth-conf"), None);
    }
}
