//! How a subscriber is named in the URIs of Nhss and Nudm: a prefix and the identity (TS 29.562, TS 29.571).

use crate::identity::{Impi, Impu, Imsi};
use std::fmt;

/// A subscriber in a path.
#[derive(Clone, PartialEq, Eq)]
pub enum UeId {
    /// `imsi-001010123456789`
    Imsi(Imsi),
    /// `impi-user@realm`
    Impi(Impi),
    /// `impu-sip:user@realm`
    Impu(Impu),
    /// `msisdn-` and 5 to 15 digits
    Msisdn(String),
}

impl UeId {
    /// The IMPI, as Ub knows the subscriber.
    #[must_use]
    pub const fn of(impi: Impi) -> Self {
        Self::Impi(impi)
    }

    /// As one segment of a path, percent-encoded.
    #[must_use]
    pub fn segment(&self) -> String {
        let (prefix, identity) = match self {
            Self::Imsi(imsi) => ("imsi-", imsi.as_str()),
            Self::Impi(impi) => ("impi-", impi.as_str()),
            Self::Impu(impu) => ("impu-", impu.as_str()),
            Self::Msisdn(digits) => ("msisdn-", digits.as_str()),
        };
        format!("{prefix}{}", encode_segment(identity))
    }

    /// Reads a segment of a path; `None` for anything else.
    #[must_use]
    pub fn parse(segment: &str) -> Option<Self> {
        let text = decode_segment(segment)?;
        let (prefix, identity) = text.split_once('-')?;
        match prefix {
            "imsi" => Imsi::parse(identity).ok().map(Self::Imsi),
            "impi" => Impi::parse(identity).ok().map(Self::Impi),
            "impu" => Impu::parse(identity).ok().map(Self::Impu),
            "msisdn" => {
                let right =
                    (5..=15).contains(&identity.len()) && identity.bytes().all(|b| b.is_ascii_digit());
                right.then(|| Self::Msisdn(identity.to_owned()))
            }
            _ => None,
        }
    }
}

/// Shows the kind alone: an identity is personal data.
impl fmt::Debug for UeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imsi(imsi) => write!(f, "imsi-{imsi:?}"),
            Self::Impi(impi) => write!(f, "impi-{impi:?}"),
            Self::Impu(impu) => write!(f, "impu-{impu:?}"),
            Self::Msisdn(_) => f.write_str("msisdn-…"),
        }
    }
}

/// Unreserved characters, sub-delimiters, `:` and `@` may stand in a segment (RFC 3986 clause 3.3).
fn encode_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&crate::hex::encode(&[byte]).to_ascii_uppercase());
        }
    }
    out
}

fn decode_segment(segment: &str) -> Option<String> {
    let mut pieces = segment.split('%');
    let mut out = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        out.extend(crate::hex::decode(digits)?);
        out.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identities_stand_in_paths_and_come_back() {
        for (id, segment) in [
            (UeId::Imsi(Imsi::parse("001010123456789").unwrap()), "imsi-001010123456789"),
            (UeId::of(Impi::parse("a/b?%@x.example").unwrap()), "impi-a%2Fb%3F%25@x.example"),
            (UeId::Impu(Impu::parse("sip:a@b").unwrap()), "impu-sip:a@b"),
            (UeId::Msisdn("49301234567".to_owned()), "msisdn-49301234567"),
        ] {
            assert_eq!(id.segment(), segment);
            assert_eq!(UeId::parse(segment), Some(id));
        }
        assert_eq!(UeId::parse("impi-a%40b"), Some(UeId::of(Impi::parse("a@b").unwrap())));
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for bad in [
            "",
            "imsi",
            "imsi-",
            "imsi-12x",
            "impi-a",
            "impu-",
            "msisdn-1",
            "x-1",
            "impi-a%4",
            "impi-%zz@b",
            "impi-%ff@b",
        ] {
            assert_eq!(UeId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_identity() {
        let shown = format!("{:?}", UeId::Impu(Impu::parse("sip:secret@b").unwrap()));
        assert!(!shown.contains("secret"));
    }

    proptest! {
        #[test]
        fn any_public_identity_survives_a_path(user in "[^\\s\\pC]{1,20}") {
            let id = UeId::Impu(Impu::parse(&format!("sip:{user}")).unwrap());
            prop_assert_eq!(UeId::parse(&id.segment()), Some(id));
        }

        #[test]
        fn no_segment_makes_it_panic(segment in "\\PC{0,20}") {
            let _ = UeId::parse(&segment);
        }
    }
}
