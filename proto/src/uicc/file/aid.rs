//! Application identifiers (TS 101 220 annex E; 3GPP's are RID A000000087 and a 16-bit application code).

/// An application identifier, whole or cut: up to 16 octets. A cut one selects whatever begins with it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Aid(Vec<u8>);

impl Aid {
    /// Takes 1 to 16 octets; `None` for any other number.
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        (1..=16).contains(&octets.len()).then(|| Self(octets.to_vec()))
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Which application it names, by its first seven octets.
    #[must_use]
    pub fn kind(&self) -> ApplicationKind {
        let named = ApplicationKind::NAMED.into_iter();
        named
            .into_iter()
            .find(|kind| kind.prefix().is_some_and(|prefix| self.0.starts_with(&prefix)))
            .unwrap_or(ApplicationKind::Other)
    }
}

impl std::fmt::Debug for Aid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Aid({self})")
    }
}

impl std::fmt::Display for Aid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::hex::encode(&self.0))
    }
}

/// The applications that this program tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApplicationKind {
    /// USIM (TS 31.102).
    Usim,
    /// ISIM (TS 31.103).
    Isim,
    /// USIM of a subscriber without IMSI (TS 31.102): no GBA with it.
    UsimNonImsi,
    /// Anything else.
    Other,
}

impl ApplicationKind {
    const NAMED: [Self; 3] = [Self::Usim, Self::Isim, Self::UsimNonImsi];

    /// The seven octets with which every AID of this kind begins.
    #[must_use]
    pub const fn prefix(self) -> Option<[u8; 7]> {
        match self {
            Self::Usim => Some([0xa0, 0, 0, 0, 0x87, 0x10, 0x02]),
            Self::Isim => Some([0xa0, 0, 0, 0, 0x87, 0x10, 0x04]),
            Self::UsimNonImsi => Some([0xa0, 0, 0, 0, 0x87, 0x10, 0x0b]),
            Self::Other => None,
        }
    }

    /// The cut AID that selects this kind.
    #[must_use]
    pub fn partial_aid(self) -> Option<Aid> {
        self.prefix().map(|prefix| Aid(prefix.to_vec()))
    }

    /// `USIM`, `ISIM`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usim => "USIM",
            Self::Isim => "ISIM",
            Self::UsimNonImsi => "USIM without IMSI",
            Self::Other => "other application",
        }
    }
}

impl std::fmt::Display for ApplicationKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seven_octets_tell_the_application() {
        let kind = |text: &str| Aid::new(&crate::hex::decode(text).unwrap()).unwrap().kind();
        assert_eq!(kind("a0000000871002ffffffff8907090000"), ApplicationKind::Usim);
        assert_eq!(kind("a0000000871004ffffffff8907090000"), ApplicationKind::Isim);
        assert_eq!(kind("a000000087100b"), ApplicationKind::UsimNonImsi);
        assert_eq!(kind("a00000008710"), ApplicationKind::Other);
        assert_eq!(kind("a0000003431002ff86ff0389ffffffff"), ApplicationKind::Other);
    }

    #[test]
    fn an_aid_has_1_to_16_octets() {
        assert_eq!(Aid::new(&[]), None);
        assert_eq!(Aid::new(&[0; 17]), None);
        assert_eq!(ApplicationKind::Isim.partial_aid().unwrap().to_string(), "a0000000871004");
    }
}
