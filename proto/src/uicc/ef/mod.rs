//! What stands in the card's files, both ways: a simulated card encodes what the terminal decodes.
//!
//! One file per group of EFs. Each has examples that one test here walks.

mod dir;
mod gba;
mod identity;
mod isim;
mod onem2m;
mod service_table;

pub use dir::Application;
pub use gba::{Gbabp, NafListEntry};
pub use identity::{AdministrativeData, Iccid};
pub use isim::Impu;
pub use onem2m::{M2mFramework, M2mFrameworks, M2mId, M2mIdRecord, M2mServiceTable, MefAddress, m2mst};
pub use service_table::{ServiceTable, ist, ust};

use super::tlv::TlvError;
use crate::identity::IdentityError;
use crate::reader::Truncated;

/// The content of a transparent file or of one record.
pub trait EfContent: Sized {
    /// Reads the content; what pads a file to its size is passed over.
    fn decode(octets: &[u8]) -> Result<Self, EfError>;

    /// The octets, without padding. A file longer than that is filled with FF.
    fn encode(&self) -> Vec<u8>;
}

/// Records of a file by their numbers, counted from 1, each with its own error.
pub type Records<T> = Vec<(u8, Result<T, EfError>)>;

/// Why octets are not the content they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EfError {
    /// All FF, or a length of zero: nothing has been written.
    #[error("nothing written")]
    Blank,
    /// The octets end inside a field.
    #[error("cut short: {0}")]
    Truncated(#[from] Truncated),
    /// No whole data objects.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// A data object is missing.
    #[error("no data object of tag {0:02X}")]
    NoTag(u16),
    /// A field of a length that it cannot have.
    #[error("a field of {0} octets")]
    Length(usize),
    /// Nibbles that are no digits.
    #[error("nibbles that are no digits")]
    Digits,
    /// A text that is not UTF-8.
    #[error("text that is not UTF-8")]
    Text,
    /// A text that is not the identity it should be.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Whether a file or record was never written: no octet, or all FF.
fn is_blank(octets: &[u8]) -> bool {
    octets.iter().all(|octet| *octet == 0xff)
}

/// The text of a data object of tag 80, the only content of many ISIM files.
fn text_object(octets: &[u8]) -> Result<&str, EfError> {
    const TEXT: u16 = 0x80;
    if is_blank(octets) {
        return Err(EfError::Blank);
    }
    let objects = super::tlv::read_all(octets)?;
    let object = objects.iter().find(|object| object.tag == TEXT).ok_or(EfError::NoTag(TEXT))?;
    match std::str::from_utf8(object.value) {
        Ok("") => Err(EfError::Blank),
        _ if is_blank(object.value) => Err(EfError::Blank),
        Ok(text) => Ok(text),
        Err(_) => Err(EfError::Text),
    }
}

/// A data object of tag 80 around a text.
fn write_text_object(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    super::tlv::write(&mut out, 0x80, text.as_bytes());
    out
}

/// Nibbles of `octets`, the low one of each octet first, up to the first F.
fn swapped_digits(octets: &[u8]) -> String {
    let nibbles = octets.iter().flat_map(|octet| [octet & 0x0f, octet >> 4]);
    let digits = nibbles.take_while(|nibble| *nibble != 0x0f);
    digits.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)).collect()
}

/// Octets of nibbles, the low one of each octet first, the last filled with F.
fn swap_digits(nibbles: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let nibbles: Vec<u8> = nibbles.into_iter().collect();
    nibbles
        .chunks(2)
        .filter_map(|pair| match pair {
            [low, high] => Some(high << 4 | low),
            [low] => Some(0xf0 | low),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;
    use crate::identity::{Fqdn, Impi, Imsi};
    use std::fmt::Debug;

    /// Octets that a file may hold, and what they mean.
    pub(super) type Examples<T> = [(&'static str, fn() -> T)];

    fn walk<T: EfContent + PartialEq + Debug>(examples: &Examples<T>) {
        assert!(!examples.is_empty());
        for (text, value) in examples {
            let octets = hex::decode(&text.replace(' ', "")).unwrap();
            let decoded = T::decode(&octets).unwrap();
            assert_eq!(decoded, value(), "{text}");
            let encoded = decoded.encode();
            assert_eq!(T::decode(&encoded).unwrap(), decoded, "{text} became {}", hex::encode(&encoded));
            let padding = octets.strip_prefix(&encoded[..]).expect("what it was decoded from");
            assert!(is_blank(padding), "{text} became {}", hex::encode(&encoded));
            for end in 0..octets.len() {
                let Ok(shorter) = T::decode(&octets[..end]) else { continue };
                assert!(shorter != decoded || is_blank(&octets[end..]), "{text} means the same cut at {end}");
                assert_eq!(T::decode(&shorter.encode()), Ok(shorter), "{text} cut at {end}");
            }
        }
    }

    fn walk_padded<T: EfContent + PartialEq + Debug>(examples: &Examples<T>) {
        walk(examples);
        for (text, value) in examples {
            for padding in 1..4 {
                let padded = [value().encode(), vec![0xff; padding]].concat();
                assert_eq!(T::decode(&padded), Ok(value()), "{text} and padding");
            }
        }
    }

    #[test]
    fn every_example_decodes_encodes_and_decodes_again() {
        walk_padded(dir::EXAMPLES);
        walk_padded(identity::ICCID_EXAMPLES);
        walk_padded(identity::IMSI_EXAMPLES);
        walk_padded(identity::AD_EXAMPLES);
        walk(service_table::EXAMPLES);
        walk_padded(gba::GBABP_EXAMPLES);
        walk_padded(gba::GBANL_EXAMPLES);
        walk_padded(isim::IMPI_EXAMPLES);
        walk_padded(isim::FQDN_EXAMPLES);
        walk_padded(isim::IMPU_EXAMPLES);
        walk(onem2m::TABLE_EXAMPLES);
        walk_padded(onem2m::ID_EXAMPLES);
        walk_padded(onem2m::RECORD_EXAMPLES);
        walk_padded(onem2m::MEF_EXAMPLES);
        walk_padded(onem2m::FRAMEWORK_EXAMPLES);
    }

    #[test]
    fn a_file_of_ff_or_of_nothing_is_blank() {
        for octets in [&[][..], &[0xff], &[0xff; 64], &[0xff; 255]] {
            assert_eq!(Application::decode(octets), Err(EfError::Blank));
            assert_eq!(Iccid::decode(octets), Err(EfError::Blank));
            assert_eq!(Imsi::decode(octets), Err(EfError::Blank));
            assert_eq!(AdministrativeData::decode(octets), Err(EfError::Blank));
            assert_eq!(ServiceTable::decode(octets), Err(EfError::Blank));
            assert_eq!(Gbabp::decode(octets), Err(EfError::Blank));
            assert_eq!(NafListEntry::decode(octets), Err(EfError::Blank));
            assert_eq!(Impi::decode(octets), Err(EfError::Blank));
            assert_eq!(Fqdn::decode(octets), Err(EfError::Blank));
            assert_eq!(Impu::decode(octets), Err(EfError::Blank));
            assert_eq!(M2mId::decode(octets), Err(EfError::Blank));
            assert_eq!(M2mIdRecord::decode(octets), Err(EfError::Blank));
            assert_eq!(MefAddress::decode(octets), Err(EfError::Blank));
            assert_eq!(M2mFrameworks::decode(octets), Err(EfError::Blank));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_content_makes_a_decoder_panic(octets: Vec<u8>) {
            fn stable<T: EfContent + PartialEq + Debug>(octets: &[u8]) {
                if let Ok(value) = T::decode(octets) {
                    assert_eq!(T::decode(&value.encode()), Ok(value));
                }
            }
            stable::<Application>(&octets);
            stable::<Iccid>(&octets);
            stable::<Imsi>(&octets);
            stable::<AdministrativeData>(&octets);
            stable::<ServiceTable>(&octets);
            stable::<Gbabp>(&octets);
            stable::<NafListEntry>(&octets);
            stable::<Impi>(&octets);
            stable::<Fqdn>(&octets);
            stable::<Impu>(&octets);
            stable::<M2mServiceTable>(&octets);
            stable::<M2mId>(&octets);
            stable::<M2mIdRecord>(&octets);
            stable::<MefAddress>(&octets);
            stable::<M2mFrameworks>(&octets);
        }
    }
}
