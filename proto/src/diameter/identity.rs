//! DiameterIdentity: the name of a node or a realm (RFC 6733 clause 4.3.1).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Not a DiameterIdentity: empty, above 255 octets, or with something that is not visible ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a DiameterIdentity is a host or realm name of 1 to 255 visible ASCII characters")]
pub struct NotAnIdentity;

/// A host or realm name. Compares without regard to case, keeps the spelling it came with. Its order is the
/// order of an election (RFC 6733 clause 5.6.4).
#[derive(Clone)]
pub struct DiameterIdentity(String);

impl DiameterIdentity {
    /// Parses a name. Peers in the field use underscores and bare host names, so any visible ASCII will do.
    pub fn parse(text: &str) -> Result<Self, NotAnIdentity> {
        let clean = text.bytes().all(|byte| byte.is_ascii_graphic());
        if clean && (1..=255).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(NotAnIdentity) }
    }

    /// As spelt.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl TryFrom<&[u8]> for DiameterIdentity {
    type Error = NotAnIdentity;

    fn try_from(octets: &[u8]) -> Result<Self, NotAnIdentity> {
        str::from_utf8(octets).map_err(|_| NotAnIdentity).and_then(Self::parse)
    }
}

impl PartialEq for DiameterIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for DiameterIdentity {}

impl Ord for DiameterIdentity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl PartialOrd for DiameterIdentity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for DiameterIdentity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
        state.write_u8(0xff);
    }
}

impl fmt::Display for DiameterIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DiameterIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who sends a message: Origin-Host and Origin-Realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The node.
    pub host: DiameterIdentity,
    /// Its realm.
    pub realm: DiameterIdentity,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(text: &str) -> DiameterIdentity {
        DiameterIdentity::parse(text).unwrap()
    }

    #[test]
    fn case_does_not_count_and_is_kept() {
        assert_eq!(identity("BSF.Example"), identity("bsf.example"));
        assert_eq!(identity("BSF.Example").as_str(), "BSF.Example");
        assert!(identity("b.example") > identity("A.example"));
        assert!(identity("a.example.org") > identity("A.example"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["", "a b", "a\n", "\u{e4}.example", &"a".repeat(256)] {
            assert_eq!(DiameterIdentity::parse(bad), Err(NotAnIdentity), "{bad:?}");
        }
        assert_eq!(DiameterIdentity::try_from(&[0xff][..]), Err(NotAnIdentity));
    }
}
