//! Subscriber identities and the names made of them (TS 23.003 clauses 2.2, 13.3, 16.2).

use std::fmt;

/// Why a text is not the identity it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// An IMSI has 6 to 15 decimal digits.
    #[error("an IMSI has 6 to 15 decimal digits")]
    Imsi,
    /// An IMPI is a NAI `user@realm` of at most 255 octets without blanks, quotes or control characters.
    #[error("an IMPI is a NAI, user@realm, of at most 255 octets without blanks or quotes")]
    Impi,
    /// An IMPU is a SIP or TEL URI of at most 255 octets without blanks or control characters.
    #[error("an IMPU is a URI, sip: or tel:, of at most 255 octets without blanks")]
    Impu,
    /// A host name has labels of letters, digits and hyphens, 253 octets in all.
    #[error("not a fully qualified host name")]
    Fqdn,
}

/// How many digits of an IMSI are the MNC (EF_AD octet 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MncLength {
    /// Two digits, written with a leading zero in names.
    Two,
    /// Three digits.
    Three,
}

impl MncLength {
    /// Reads the low nibble of EF_AD's fourth octet (TS 31.102 clause 4.2.18); other values say nothing.
    #[must_use]
    pub const fn from_ef_ad(octet4: u8) -> Option<Self> {
        match octet4 & 0x0f {
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            _ => None,
        }
    }

    /// For want of EF_AD, by numbering plan: three digits in North America and in test PLMN-like
    /// countries that assign them, else two.
    #[must_use]
    pub fn by_mcc(mcc: &str) -> Self {
        match mcc {
            "302" | "310" | "311" | "312" | "313" | "314" | "315" | "316" | "334" | "338" | "342" | "344"
            | "346" | "348" | "350" | "352" | "354" | "356" | "358" | "360" | "365" | "366" | "376"
            | "405" | "708" | "722" | "732" | "750" => Self::Three,
            _ => Self::Two,
        }
    }
}

/// International Mobile Subscriber Identity: 6 to 15 decimal digits. Debug shows the country only.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Imsi(String);

impl Imsi {
    /// Parses decimal digits.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (6..=15).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentityError::Imsi)
        }
    }

    /// All digits. Personal data: not for logs above debug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Mobile country code: the first three digits.
    #[must_use]
    pub fn mcc(&self) -> &str {
        self.0.get(..3).unwrap_or_default()
    }

    /// Mobile network code as names spell it: always three digits, a two-digit MNC with a leading zero.
    #[must_use]
    pub fn mnc(&self, length: MncLength) -> String {
        match length {
            MncLength::Two => format!("0{}", self.0.get(3..5).unwrap_or_default()),
            MncLength::Three => self.0.get(3..6).unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Debug for Imsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", mask_digits(&self.0))
    }
}

/// Masks all but the first three and the last two characters: enough to tell two test cards apart.
#[must_use]
pub fn mask_digits(text: &str) -> String {
    let count = text.chars().count();
    text.chars().enumerate().map(|(at, c)| if at < 3 || at + 2 >= count { c } else { '*' }).collect()
}

/// IP Multimedia Private Identity: a NAI, kept as the octets that enter the KDF. Debug masks the user part.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Impi(String);

impl Impi {
    /// Parses a NAI. Case is kept: the KDF takes octets.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let clean =
            text.chars().all(|c| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '\\' | ','));
        let parts = text.split_once('@');
        let whole =
            parts.is_some_and(|(user, realm)| !user.is_empty() && !realm.is_empty() && !realm.contains('@'));
        if clean && whole && text.len() <= 255 { Ok(Self(text.to_owned())) } else { Err(IdentityError::Impi) }
    }

    /// The IMPI of a USIM: `<IMSI>@ims.mnc<MNC>.mcc<MCC>.3gppnetwork.org` (TS 23.003 clause 13.3).
    #[must_use]
    pub fn from_imsi(imsi: &Imsi, mnc_length: MncLength) -> Self {
        let (mnc, mcc) = (imsi.mnc(mnc_length), imsi.mcc());
        Self(format!("{}@ims.mnc{mnc}.mcc{mcc}.3gppnetwork.org", imsi.as_str()))
    }

    /// The whole NAI. Personal data: not for logs above debug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn realm(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, realm)| realm)
    }

    /// The user part, if it is an IMSI: so it is in every derived IMPI.
    #[must_use]
    pub fn imsi(&self) -> Option<Imsi> {
        self.0.split_once('@').and_then(|(user, _)| Imsi::parse(user).ok())
    }
}

impl fmt::Debug for Impi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, realm) = self.0.split_once('@').unwrap_or((&self.0, ""));
        write!(f, "{}@{realm}", mask_digits(user))
    }
}

/// IP Multimedia Public Identity: a SIP or TEL URI (TS 23.003 clause 13.4). Debug shows the scheme only.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Impu(String);

impl Impu {
    /// Parses a URI. Case is kept.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let clean = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
        let parts = text.split_once(':');
        let whole = parts.is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
        if clean && whole && text.len() <= 255 { Ok(Self(text.to_owned())) } else { Err(IdentityError::Impu) }
    }

    /// The temporary public identity of a subscriber without an ISIM: `sip:` and the IMPI (TS 23.003 clause 13.4B).
    #[must_use]
    pub fn from_impi(impi: &Impi) -> Self {
        Self(format!("sip:{}", impi.as_str()))
    }

    /// The whole URI. Personal data: not for logs above debug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Impu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.0.split_once(':').map_or("", |(scheme, _)| scheme))
    }
}

/// A fully qualified host name in lower case: host names compare without case, but the KDF takes octets,
/// so both ends settle on lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fqdn(String);

impl Fqdn {
    /// Parses labels of letters, digits, hyphens and underscores; folds to lower case; takes one trailing dot off.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if text.len() <= 253 && text.split('.').all(label_ok) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(IdentityError::Fqdn)
        }
    }

    /// The name, lower case, without a trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The BSF of a UE that uses its USIM (TS 23.003 clause 16.2):
    /// `bsf.mnc<MNC>.mcc<MCC>.pub.3gppnetwork.org`, without `ims.`.
    #[must_use]
    pub fn bsf_for_usim(imsi: &Imsi, mnc_length: MncLength) -> Self {
        let (mnc, mcc) = (imsi.mnc(mnc_length), imsi.mcc());
        Self(format!("bsf.mnc{mnc}.mcc{mcc}.pub.3gppnetwork.org"))
    }

    /// The BSF of a UE that uses its ISIM (TS 23.003 clause 16.2): `bsf.` before the IMPI's realm, with `pub.`
    /// put before a final `3gppnetwork.org`.
    pub fn bsf_for_isim(impi: &Impi) -> Result<Self, IdentityError> {
        let realm = impi.realm().to_ascii_lowercase();
        match realm.strip_suffix(".3gppnetwork.org") {
            Some(operator) if !operator.ends_with(".pub") => {
                Self::parse(&format!("bsf.{operator}.pub.3gppnetwork.org"))
            }
            _ => Self::parse(&format!("bsf.{realm}")),
        }
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_an_imsi_follow_ts_23_003() {
        let imsi = Imsi::parse("234150999999999").unwrap();
        assert_eq!(
            Impi::from_imsi(&imsi, MncLength::Two).as_str(),
            "234150999999999@ims.mnc015.mcc234.3gppnetwork.org"
        );
        assert_eq!(
            Fqdn::bsf_for_usim(&imsi, MncLength::Two).as_str(),
            "bsf.mnc015.mcc234.pub.3gppnetwork.org"
        );
        let imsi = Imsi::parse("310410123456789").unwrap();
        assert_eq!(
            Fqdn::bsf_for_usim(&imsi, MncLength::Three).as_str(),
            "bsf.mnc410.mcc310.pub.3gppnetwork.org"
        );
    }

    #[test]
    fn names_from_an_isim_keep_ims() {
        let bsf = |impi| Fqdn::bsf_for_isim(&Impi::parse(impi).unwrap()).unwrap();
        assert_eq!(
            bsf("a@ims.mnc015.mcc234.3gppnetwork.org").as_str(),
            "bsf.ims.mnc015.mcc234.pub.3gppnetwork.org"
        );
        assert_eq!(bsf("user@Operator.com").as_str(), "bsf.operator.com");
    }

    #[test]
    fn what_is_no_identity_is_refused() {
        for bad in ["", "12345", "1234567890123456", "12345a", "１２３４５６"] {
            assert_eq!(Imsi::parse(bad), Err(IdentityError::Imsi), "{bad}");
        }
        for bad in ["", "user", "@realm", "user@", "a@b@c", "a b@c", "a\"@c", "a\n@c"] {
            assert_eq!(Impi::parse(bad), Err(IdentityError::Impi), "{bad:?}");
        }
        for bad in ["", ".", "a..b", "-a.b", "a-.b", "a b", "naf.example/", "ä.example"] {
            assert_eq!(Fqdn::parse(bad), Err(IdentityError::Fqdn), "{bad:?}");
        }
        for bad in ["", "sip:", ":a", "alice", "sip:a b", "sip:a\n"] {
            assert_eq!(Impu::parse(bad), Err(IdentityError::Impu), "{bad:?}");
        }
        assert!(Fqdn::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn debug_does_not_show_a_subscriber() {
        let imsi = Imsi::parse("001010123456789").unwrap();
        assert_eq!(format!("{imsi:?}"), "001**********89");
        let impi = Impi::from_imsi(&imsi, MncLength::Two);
        assert_eq!(format!("{impi:?}"), "001**********89@ims.mnc001.mcc001.3gppnetwork.org");
        let impu = Impu::from_impi(&impi);
        assert_eq!(impu.as_str(), "sip:001010123456789@ims.mnc001.mcc001.3gppnetwork.org");
        assert_eq!(format!("{impu:?}"), "sip:…");
    }
}
