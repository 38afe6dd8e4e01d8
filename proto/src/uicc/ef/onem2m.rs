//! DF_1M2M: an M2M service subscription on the card (TS-0003 annex D.1), and where EF_DIR says it is.

use super::{EfContent, EfError, ServiceTable, is_blank, text_object, write_text_object};
use crate::identity::Fqdn;
use crate::reader::Reader;
use crate::uicc::file::FileId;
use crate::uicc::tlv;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Service numbers of EF_1M2MST (annex D.1.3.1).
pub mod m2mst {
    /// EF_CSEID.
    pub const LOCAL_CSE_ID: u16 = 1;
    /// EF_INCSEIDS.
    pub const IN_CSE_IDS: u16 = 2;
    /// EF_MAFFQDN.
    pub const MAF_FQDN: u16 = 3;
    /// EF_M2MAEID.
    pub const AE_IDS: u16 = 4;
    /// EF_MEFID.
    pub const MEF_ADDRESS: u16 = 5;
    /// EF_M2MNID.
    pub const NODE_ID: u16 = 6;
    /// GBA Secure Provisioning.
    pub const GBA_PROVISIONING: u16 = 7;
    /// GBA Secure Connection.
    pub const GBA_CONNECTION: u16 = 8;
    /// The number by which annex D.2.2.7 calls GBA Secure Connection, against the table.
    pub const GBA_CONNECTION_OF_D_2_2_7: u16 = 12;
}

/// EF_1M2MST. Unlike the tables of USIM and ISIM it may have one octet with every service in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct M2mServiceTable(ServiceTable);

impl M2mServiceTable {
    /// A table with these services, counted from 1.
    #[must_use]
    pub fn of(services: &[u16]) -> Self {
        Self(ServiceTable::of(services))
    }

    /// Whether a service, counted from 1, is available.
    #[must_use]
    pub fn has(&self, service: u16) -> bool {
        self.0.has(service)
    }

    /// GBA Secure Provisioning: keys for a MAF or a CSE may come from the hosting application's credentials.
    #[must_use]
    pub fn gba_provisioning(&self) -> bool {
        self.has(m2mst::GBA_PROVISIONING)
    }

    /// GBA Secure Connection, by the table's number or the procedure's.
    #[must_use]
    pub fn gba_connection(&self) -> bool {
        self.has(m2mst::GBA_CONNECTION) || self.has(m2mst::GBA_CONNECTION_OF_D_2_2_7)
    }

    /// The numbers of all available services, in order.
    pub fn services(&self) -> impl Iterator<Item = u16> {
        self.0.services()
    }
}

impl EfContent for M2mServiceTable {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        match octets {
            [0xff] => Ok(Self::of(&[1, 2, 3, 4, 5, 6, 7, 8])),
            _ => ServiceTable::decode(octets).map(Self),
        }
    }

    fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }
}

/// An identifier in a data object of tag 80: EF_1M2MSID, EF_1M2MSPID, EF_M2MNID, EF_CSEID. Debug shows its length: a
/// subscription's is personal data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct M2mId(String);

/// The same as a record, length before it: EF_M2MAEID, EF_INCSEIDS.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct M2mIdRecord(String);

impl M2mId {
    /// The text, as it is on the card.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl M2mIdRecord {
    /// The text, as it is on the card.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for M2mId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[identifier of {} octets]", self.0.len())
    }
}

impl fmt::Debug for M2mIdRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[identifier of {} octets]", self.0.len())
    }
}

impl EfContent for M2mId {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        identifier(text_object(octets)?).map(Self)
    }

    fn encode(&self) -> Vec<u8> {
        write_text_object(&self.0)
    }
}

impl EfContent for M2mIdRecord {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        let value = length_and_value(octets)?;
        identifier(std::str::from_utf8(value).map_err(|_| EfError::Text)?).map(Self)
    }

    fn encode(&self) -> Vec<u8> {
        write_length_and_value(self.0.as_bytes())
    }
}

/// An MEF's address, a record of EF_MEFID. The first record goes before the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MefAddress {
    /// Type 00.
    Fqdn(Fqdn),
    /// Type 01.
    V4(Ipv4Addr),
    /// Type 02.
    V6(Ipv6Addr),
    /// A type that is reserved.
    Other {
        /// The type.
        kind: u8,
        /// What follows it.
        address: Vec<u8>,
    },
}

impl EfContent for MefAddress {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        let value = length_and_value(octets)?;
        let (kind, address) = value.split_first().ok_or(EfError::Blank)?;
        Ok(match kind {
            0x00 => Self::Fqdn(Fqdn::parse(std::str::from_utf8(address).map_err(|_| EfError::Text)?)?),
            0x01 => {
                Self::V4(<[u8; 4]>::try_from(address).map_err(|_| EfError::Length(address.len()))?.into())
            }
            0x02 => {
                Self::V6(<[u8; 16]>::try_from(address).map_err(|_| EfError::Length(address.len()))?.into())
            }
            kind => Self::Other { kind: *kind, address: address.to_vec() },
        })
    }

    fn encode(&self) -> Vec<u8> {
        let value = match self {
            Self::Fqdn(name) => [&[0x00], name.as_str().as_bytes()].concat(),
            Self::V4(address) => [&[0x01], &address.octets()[..]].concat(),
            Self::V6(address) => [&[0x02], &address.octets()[..]].concat(),
            Self::Other { kind, address } => [&[*kind], &address[..]].concat(),
        };
        write_length_and_value(&value)
    }
}

impl fmt::Display for MefAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fqdn(name) => write!(f, "{name}"),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "{address}"),
            Self::Other { kind, .. } => write!(f, "an address of type {kind:02X}"),
        }
    }
}

/// The oneM2M service framework data objects of an application's record in EF_DIR, one a subscription: discretionary
/// template 73 > A2 > 80 (annex D.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct M2mFrameworks(Vec<M2mFramework>);

/// Where the files of one subscription are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct M2mFramework {
    /// DF_1M2M, below the application.
    pub df: FileId,
    /// The identifier of the subscription, in octets.
    pub subscription: Vec<u8>,
}

/// Tag of oneM2M's data in the discretionary template.
const ONEM2M_DATA: u16 = 0xa2;
/// Tag of one subscription in it.
const FRAMEWORK: u16 = 0x80;

impl M2mFrameworks {
    /// All of them, in the order of the record.
    #[must_use]
    pub fn list(&self) -> &[M2mFramework] {
        &self.0
    }
}

impl EfContent for M2mFrameworks {
    /// Reads the content of the discretionary template; what others have put there is passed over.
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        let mut frameworks = Vec::new();
        for data in tlv::read_all(octets)?.iter().filter(|object| object.tag == ONEM2M_DATA) {
            for object in tlv::read_all(data.value)?.iter().filter(|object| object.tag == FRAMEWORK) {
                let mut reader = Reader::new(object.value);
                let df = FileId(reader.u16()?);
                frameworks.push(M2mFramework { df, subscription: reader.rest().to_vec() });
            }
        }
        if frameworks.is_empty() { Err(EfError::Blank) } else { Ok(Self(frameworks)) }
    }

    fn encode(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for framework in &self.0 {
            let value = [&framework.df.octets(), &framework.subscription[..]].concat();
            tlv::write(&mut data, FRAMEWORK, &value);
        }
        let mut out = Vec::new();
        tlv::write(&mut out, ONEM2M_DATA, &data);
        out
    }
}

/// Blank by its length, or by nothing but FF in it.
fn length_and_value(octets: &[u8]) -> Result<&[u8], EfError> {
    if is_blank(octets) {
        return Err(EfError::Blank);
    }
    let mut reader = Reader::new(octets);
    let length = reader.u8()?;
    let value = reader.take(usize::from(length))?;
    if is_blank(value) { Err(EfError::Blank) } else { Ok(value) }
}

/// A record has 255 octets at most, so a value that was read fits.
fn write_length_and_value(value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    [&[length], value.get(..usize::from(length)).unwrap_or_default()].concat()
}

/// An identifier of oneM2M is a URI: no blanks and no control characters.
fn identifier(text: &str) -> Result<String, EfError> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(EfError::Text);
    }
    Ok(text.to_owned())
}

/// Octets by the tables of annex D and E; the texts are this project's.
#[cfg(test)]
pub(super) const TABLE_EXAMPLES: &super::tests::Examples<M2mServiceTable> = &[
    ("ff", || M2mServiceTable::of(&[1, 2, 3, 4, 5, 6, 7, 8])),
    ("52", || M2mServiceTable::of(&[2, 5, 7])),
    ("0208", || M2mServiceTable::of(&[2, 12])),
];

#[cfg(test)]
pub(super) const ID_EXAMPLES: &super::tests::Examples<M2mId> = &[
    ("800c2f2f73702e6578616d706c65ffffff", || M2mId("//sp.example".to_owned())),
    ("80042f6d6e37", || M2mId("/mn7".to_owned())),
];

#[cfg(test)]
pub(super) const RECORD_EXAMPLES: &super::tests::Examples<M2mIdRecord> = &[
    ("062f69642d696effff", || M2mIdRecord("/id-in".to_owned())),
    ("0443676261", || M2mIdRecord("Cgba".to_owned())),
];

#[cfg(test)]
pub(super) const MEF_EXAMPLES: &super::tests::Examples<MefAddress> = &[
    ("0c006d65662e6578616d706c65ffff", || MefAddress::Fqdn(Fqdn::parse("mef.example").unwrap())),
    ("0501c0000201ffffffff", || MefAddress::V4(Ipv4Addr::new(192, 0, 2, 1))),
    ("110220010db8000000000000000000000001", || {
        MefAddress::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))
    }),
    ("0307abcd", || MefAddress::Other { kind: 7, address: vec![0xab, 0xcd] }),
];

#[cfg(test)]
pub(super) const FRAMEWORK_EXAMPLES: &super::tests::Examples<M2mFrameworks> = &[
    ("a20680045f61abcd", || {
        M2mFrameworks(vec![M2mFramework { df: FileId(0x5f61), subscription: vec![0xab, 0xcd] }])
    }),
    ("a209 8003 5f6101 8002 5f62", || {
        let first = M2mFramework { df: FileId(0x5f61), subscription: vec![1] };
        M2mFrameworks(vec![first, M2mFramework { df: FileId(0x5f62), subscription: Vec::new() }])
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(text: &str) -> Vec<u8> {
        crate::hex::decode(&text.replace(' ', "")).unwrap()
    }

    #[test]
    fn unset_files_are_blank() {
        for unset in ["8000", "8000ffff", "8003ffffff"] {
            assert_eq!(M2mId::decode(&octets(unset)), Err(EfError::Blank), "{unset}");
        }
        for unset in ["00", "00ffff", "02ffff"] {
            assert_eq!(M2mIdRecord::decode(&octets(unset)), Err(EfError::Blank), "{unset}");
            assert_eq!(MefAddress::decode(&octets(unset)), Err(EfError::Blank), "{unset}");
        }
        assert_eq!(M2mServiceTable::decode(&[0xff; 2]), Err(EfError::Blank));
    }

    #[test]
    fn wrong_contents_are_named() {
        assert_eq!(M2mId::decode(&octets("8101 41")), Err(EfError::NoTag(0x80)));
        assert_eq!(M2mId::decode(&octets("8003 612062")), Err(EfError::Text));
        assert_eq!(M2mIdRecord::decode(&octets("02 c328")), Err(EfError::Text));
        assert_eq!(M2mIdRecord::decode(&octets("02 610a")), Err(EfError::Text));
        for (record, error) in [
            ("04 01 c00002", EfError::Length(3)),
            ("06 01 c000020101", EfError::Length(5)),
            ("05 02 c0000201", EfError::Length(4)),
            ("02 00 2d", EfError::Identity(crate::identity::IdentityError::Fqdn)),
            ("03 00 c328", EfError::Text),
        ] {
            assert_eq!(MefAddress::decode(&octets(record)), Err(error), "{record}");
        }
        assert!(matches!(MefAddress::decode(&octets("05 01 c00002")), Err(EfError::Truncated(_))));
    }

    #[test]
    fn what_others_put_into_the_template_is_passed_over() {
        let decode = |text| M2mFrameworks::decode(&octets(text));
        let own = M2mFramework { df: FileId(0x5f61), subscription: vec![1] };
        let expected = Ok(M2mFrameworks(vec![own]));
        assert_eq!(decode("a00c80011781025f608203454150 a205 80035f6101"), expected);
        assert_eq!(decode("a208 8101aa 80035f6101"), expected);
        assert_eq!(decode("a202 8000"), Err(EfError::Truncated(Reader::new(&[]).u16().unwrap_err())));
        assert_eq!(decode("a203 80015f").map_err(|_| ()), Err(()));
        for none in ["", "a200", "a203 81015f", "80035f6101", "a00c80011781025f608203454150"] {
            assert_eq!(decode(none), Err(EfError::Blank), "{none}");
        }
    }

    #[test]
    fn gba_secure_connection_is_service_8_or_12() {
        for (services, provisioning, connection) in
            [(&[7][..], true, false), (&[8], false, true), (&[12], false, true), (&[1, 2], false, false)]
        {
            let table = M2mServiceTable::of(services);
            assert_eq!((table.gba_provisioning(), table.gba_connection()), (provisioning, connection));
        }
    }

    #[test]
    fn debug_does_not_show_an_identifier() {
        assert_eq!(format!("{:?}", M2mId("/mn7".to_owned())), "[identifier of 4 octets]");
    }
}
