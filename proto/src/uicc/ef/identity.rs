//! EF_ICCID, EF_IMSI and EF_AD: which card, which subscriber, how to read the IMSI.

use super::{EfContent, EfError, is_blank, swap_digits, swapped_digits};
use crate::identity::{Imsi, MncLength, mask_digits};
use crate::reader::Reader;
use std::fmt;

/// The card's number (TS 102 221 clause 13.2, ITU-T E.118): up to 20 digits. Some issuers use A to E as digits too,
/// so these pass. Debug masks it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Iccid(String);

impl Iccid {
    /// Takes 1 to 20 digits, or A to E of either case; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits =
            text.bytes().all(|c| c.is_ascii_digit() || matches!(c.to_ascii_uppercase(), b'A'..=b'E'));
        (digits && (1..=20).contains(&text.len())).then(|| Self(text.to_ascii_uppercase()))
    }

    /// All digits. It names one card: not for logs above debug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Iccid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_digits(&self.0))
    }
}

impl EfContent for Iccid {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        if is_blank(octets) {
            return Err(EfError::Blank);
        }
        Self::parse(&swapped_digits(octets)).ok_or(EfError::Digits)
    }

    fn encode(&self) -> Vec<u8> {
        swap_digits(nibbles(&self.0))
    }
}

/// EF_IMSI (TS 31.102 clause 4.2.2): a length, then digits after a nibble that tells their parity.
impl EfContent for Imsi {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        const LONGEST: usize = 8;
        if is_blank(octets) {
            return Err(EfError::Blank);
        }
        let digits = match Reader::new(octets).lv()? {
            [] => return Err(EfError::Blank),
            blank if is_blank(blank) => return Err(EfError::Blank),
            digits if digits.len() > LONGEST => return Err(EfError::Length(digits.len())),
            digits => swapped_digits(digits),
        };
        // The parity nibble is read over: the filler says the same, and cards that get parity wrong are in use.
        Ok(Self::parse(digits.get(1..).unwrap_or_default())?)
    }

    fn encode(&self) -> Vec<u8> {
        const ODD: u8 = 9;
        const EVEN: u8 = 1;
        let parity = if self.as_str().len() % 2 == 1 { ODD } else { EVEN };
        let digits = swap_digits(std::iter::once(parity).chain(nibbles(self.as_str())));
        let mut out = vec![u8::try_from(digits.len()).unwrap_or(u8::MAX)];
        out.extend(digits);
        out
    }
}

/// EF_AD (TS 31.102 clause 4.2.18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdministrativeData {
    /// 00 for a subscriber's card, 01 with specific facilities, 80 for type approval, 04 for cell test.
    pub operation_mode: u8,
    /// Octets 2 and 3.
    pub additional: [u8; 2],
    /// How many digits of the IMSI are the MNC, where the card says so.
    pub mnc_length: Option<MncLength>,
}

impl EfContent for AdministrativeData {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        if matches!(octets, [] | [0xff, ..]) {
            return Err(EfError::Blank);
        }
        let mut reader = Reader::new(octets);
        let (operation_mode, additional) = (reader.u8()?, reader.array()?);
        let mnc_length = reader.u8().ok().and_then(MncLength::from_ef_ad);
        Ok(Self { operation_mode, additional, mnc_length })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.operation_mode];
        out.extend(self.additional);
        out.extend(self.mnc_length.map(|length| match length {
            MncLength::Two => 2,
            MncLength::Three => 3,
        }));
        out
    }
}

fn nibbles(digits: &str) -> impl Iterator<Item = u8> {
    digits.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|nibble| u8::try_from(nibble).ok())
}

/// From pySim's tests and card backups (osmocom/pysim), values only; the last has issuer letters.
#[cfg(test)]
pub(super) const ICCID_EXAMPLES: &super::tests::Examples<Iccid> = &[
    ("988812010000400310f0", || Iccid("8988211000000430010".to_owned())),
    ("989444000000115513f4", || Iccid("8949440000001155314".to_owned())),
    ("98443501510011106387", || Iccid("89445310150011013678".to_owned())),
    ("9868001acd0000000010", || Iccid("898600A1DC0000000001".to_owned())),
];

/// From pySim's tests and card backups; then shorter ones of even and odd length.
#[cfg(test)]
pub(super) const IMSI_EXAMPLES: &super::tests::Examples<Imsi> = &[
    ("082982608200002080", || Imsi::parse("228062800000208").unwrap()),
    ("082926101160845740", || Imsi::parse("262011106487504").unwrap()),
    ("080910100000001020", || Imsi::parse("001010000000102").unwrap()),
    ("04011010f0ffffffff", || Imsi::parse("001010").unwrap()),
    ("0409101005ffffffff", || Imsi::parse("0010150").unwrap()),
];

/// From pySim's tests and card backups; the third is of the GSM age.
#[cfg(test)]
pub(super) const AD_EXAMPLES: &super::tests::Examples<AdministrativeData> = &[
    ("00000002", || example_ad(0, [0, 0], Some(MncLength::Two))),
    ("01000802ff", || example_ad(1, [0, 8], Some(MncLength::Two))),
    ("00ffff", || example_ad(0, [0xff, 0xff], None)),
    ("80000103", || example_ad(0x80, [0, 1], Some(MncLength::Three))),
];

#[cfg(test)]
const fn example_ad(
    operation_mode: u8,
    additional: [u8; 2],
    mnc_length: Option<MncLength>,
) -> AdministrativeData {
    AdministrativeData { operation_mode, additional, mnc_length }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_of_an_imsi_is_refused() {
        let octets = crate::hex::decode("082982608200002080").unwrap();
        for end in 1..octets.len() {
            assert!(matches!(Imsi::decode(&octets[..end]), Err(EfError::Truncated(_))), "{end}");
        }
    }

    #[test]
    fn what_is_no_imsi_is_refused() {
        for (text, error) in [
            ("00", EfError::Blank),
            ("08ffffffffffffffff", EfError::Blank),
            ("09298260820000208000", EfError::Length(9)),
            ("08298260820000208a", EfError::Identity(crate::identity::IdentityError::Imsi)),
            ("0129", EfError::Identity(crate::identity::IdentityError::Imsi)),
        ] {
            assert_eq!(Imsi::decode(&crate::hex::decode(text).unwrap()), Err(error), "{text}");
        }
    }

    #[test]
    fn a_wrong_parity_nibble_is_read_over() {
        let octets = crate::hex::decode("082182608200002080").unwrap();
        assert_eq!(Imsi::decode(&octets).unwrap().as_str(), "228062800000208");
    }

    #[test]
    fn debug_does_not_name_a_card() {
        let iccid = Iccid::parse("8988211000000430010").unwrap();
        assert_eq!(format!("{iccid:?}"), "898**************10");
        for bad in ["", "89F", "898821100000043001012", "89 88", "８９"] {
            assert_eq!(Iccid::parse(bad), None, "{bad}");
        }
    }
}
