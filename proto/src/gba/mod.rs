//! Generic Bootstrapping Architecture (TS 33.220): names, keys, lifetimes.
//!
//! Ks = CK ‖ IK comes from one AKA run and is known by its B-TID. A NAF never sees Ks; it gets a key that
//! [`kdf`] derives from Ks for one [`NafId`].

pub mod association;
pub mod digest_mode;
pub mod duration;
mod gba_type;
pub mod guss;
pub mod kdf;
pub mod kdf2g;
pub mod lifetime;
mod names;
mod ua_id;

pub use association::Association;
pub use gba_type::GbaType;
pub use names::{BTid, NafId, NameError, Tmpi};
pub use ua_id::{CipherSuite, UaSecurityProtocolId, UnknownProtocol};

use crate::aka::{Autn, Ck, Ik};
use crate::secret::named_secret;
use sha1::{Digest as _, Sha1};

named_secret! {
    /// Bootstrapped key: CK ‖ IK, 32 octets (TS 33.220 clause 4.5.2).
    Ks, 32
}
named_secret! {
    /// NAF key of GBA_ME, 32 octets (TS 33.220 annex B.3).
    KsNaf, 32
}
named_secret! {
    /// NAF key of GBA_U for the terminal, 32 octets (TS 33.220 clause 5.3.3).
    KsExtNaf, 32
}
named_secret! {
    /// NAF key of GBA_U that stays in the UICC, 32 octets (TS 33.220 clause 5.3.3).
    KsIntNaf, 32
}

impl Ks {
    /// CK ‖ IK.
    #[must_use]
    pub fn from_ck_ik(ck: &Ck, ik: &Ik) -> Self {
        let mut ks = [0; 32];
        let (left, right) = ks.split_at_mut(16);
        left.copy_from_slice(ck.danger_expose());
        right.copy_from_slice(ik.danger_expose());
        let key = Self::new(ks);
        zeroize::Zeroize::zeroize(&mut ks);
        key
    }
}

/// Where Ks lives and so which keys can be had of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GbaMode {
    /// GBA_ME: Ks in the terminal.
    #[default]
    Me,
    /// GBA_U: Ks in the UICC.
    U,
}

impl GbaMode {
    /// `GBA_ME` or `GBA_U`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Me => "GBA_ME",
            Self::U => "GBA_U",
        }
    }

    /// The mode a GUSS `uiccType` asks for: `GBA` or `GBA_U` (TS 29.109 annex A).
    #[must_use]
    pub fn from_uicc_type(text: &str) -> Option<Self> {
        match text {
            "GBA" => Some(Self::Me),
            "GBA_U" => Some(Self::U),
            _ => None,
        }
    }

    /// The GUSS `uiccType` of this mode.
    #[must_use]
    pub const fn uicc_type(self) -> &'static str {
        match self {
            Self::Me => "GBA",
            Self::U => "GBA_U",
        }
    }
}

impl std::fmt::Display for GbaMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// AUTN* of AUTN, and AUTN of AUTN*: MAC ⊕ the first 64 bits of SHA-1(IK) (TS 33.220 clause 5.3.2).
#[must_use]
pub fn autn_star(autn: Autn, ik: &Ik) -> Autn {
    let mask = Sha1::digest(ik.danger_expose());
    let Autn(mut octets) = autn;
    for (octet, bits) in octets.iter_mut().skip(8).zip(mask) {
        *octet ^= bits;
    }
    Autn(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    #[test]
    fn autn_star_of_test_set_1() {
        let ik = Ik::new(hex!("f769bcd751044604127672711c6d3441"));
        let autn = Autn(hex!("55f328b43577b9b94a9ffac354dfafb3"));
        let star = autn_star(autn, &ik);
        assert_eq!(star, Autn(hex!("55f328b43577b9b98c7f3f0d723fb244")));
        assert_eq!(autn_star(star, &ik), autn);
    }
}
