//! How a bootstrap was authenticated: GBA-Type (TS 29.109 clause 6.3.1.11, TS 29.309 clause 6.1.6.3.6).

/// What stands behind a Ks. A NAF may ask for better than the weakest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GbaType {
    /// UMTS AKA: everything that this crate does unless told otherwise. Absent on Diameter.
    #[default]
    ThreeG,
    /// A SIM card ([`super::kdf2g`]).
    TwoG,
    /// A SIP Digest credential ([`super::digest_mode`]).
    Digest,
}

impl GbaType {
    const ALL: [Self; 3] = [Self::ThreeG, Self::TwoG, Self::Digest];

    /// The number on Diameter. That of GBA_Digest is not confirmed.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::ThreeG => 0,
            Self::TwoG => 1,
            Self::Digest => 2,
        }
    }

    /// Of the number on Diameter; `None` for one that is not known.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|gba_type| gba_type.code() == code)
    }

    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ThreeG => "3G_GBA",
            Self::TwoG => "2G_GBA",
            Self::Digest => "GBA_DIGEST",
        }
    }

    /// Of the name in JSON; `None` for one that is not known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gba_type| gba_type.as_str() == name)
    }
}

impl std::fmt::Display for GbaType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back() {
        for gba_type in GbaType::ALL {
            assert_eq!(GbaType::from_code(gba_type.code()), Some(gba_type));
            assert_eq!(GbaType::from_name(gba_type.as_str()), Some(gba_type));
        }
        assert_eq!((GbaType::from_code(3), GbaType::from_name("4G_GBA")), (None, None));
    }
}
