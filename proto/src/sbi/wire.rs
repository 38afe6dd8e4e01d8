//! Fields of JSON bodies: octets in hex, which may be keys, and moments.
//!
//! For `#[serde(with = …)]`. Hex goes straight from the body into its type, so that no text of a key is left in
//! memory.

use crate::gba::lifetime::{from_xs_date_time, to_xs_date_time};
use crate::hex;
use crate::secret::SecretBytes;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::SystemTime;
use zeroize::Zeroizing;

/// Any number of octets in hex digits of either case, written in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HexOctets(pub(crate) SecretBytes);

impl HexOctets {
    pub(crate) fn new(octets: &[u8]) -> Self {
        Self(octets.into())
    }

    /// As a type of fixed length; `None` for another length.
    pub(crate) fn fixed<'a, T: TryFrom<&'a [u8]>>(&'a self) -> Option<T> {
        T::try_from(self.0.danger_expose()).ok()
    }
}

impl Serialize for HexOctets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Zeroizing::new(hex::encode(self.0.danger_expose()));
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for HexOctets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HexDigits;
        impl Visitor<'_> for HexDigits {
            type Value = HexOctets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("hex digits")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<HexOctets, E> {
                hex::decode_secret(text).map(HexOctets).ok_or_else(|| E::custom("not hex digits"))
            }
        }
        deserializer.deserialize_str(HexDigits)
    }
}

/// A moment, RFC 3339; written in UTC with a Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) SystemTime);

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_xs_date_time(self.0))
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_xs_date_time(&text).map(Self).ok_or_else(|| D::Error::custom("not a moment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sbi::{decode, encode};

    #[test]
    fn hex_is_read_in_either_case_and_written_in_lower_case() {
        let read: HexOctets = decode(b"\"00fF\"").unwrap();
        assert_eq!(read, HexOctets::new(&[0, 255]));
        assert_eq!(read.fixed::<[u8; 2]>(), Some([0, 255]));
        assert_eq!(read.fixed::<[u8; 3]>(), None);
        assert_eq!(encode(&read).danger_expose(), b"\"00ff\"");
        assert_eq!(format!("{read:?}"), "HexOctets([2 secret octets])");
        for bad in ["\"0\"", "\"0g\"", "1", "null", "[]"] {
            assert!(decode::<HexOctets>(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_read_with_any_offset() {
        let read: DateTime = decode(b"\"2030-01-01T02:00:00+02:00\"").unwrap();
        assert_eq!(encode(&read).danger_expose(), b"\"2030-01-01T00:00:00Z\"");
        assert!(decode::<DateTime>(b"\"soon\"").is_err());
    }
}
