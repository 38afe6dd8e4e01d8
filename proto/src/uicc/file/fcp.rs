//! File control parameters, the answer to SELECT (TS 102 221 clause 11.1.1.3).

use super::{Aid, FileId};
use crate::reader::{Reader, Truncated};
use crate::uicc::tlv::{self, Tlv, TlvError};

/// What a card says of a selected file. Everything may be missing: cards differ, and what is not needed is not
/// asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fcp {
    /// Tag 82: what kind of file.
    pub kind: Option<FileKind>,
    /// Tag 83.
    pub file_id: Option<FileId>,
    /// Tag 84: the AID of an ADF.
    pub aid: Option<Aid>,
    /// Tag A5: proprietary information, data objects as they are.
    pub proprietary: Option<Vec<u8>>,
    /// Tag 8A.
    pub life_cycle: Option<LifeCycle>,
    /// Tag 8B, 8C or AB: who may do what.
    pub security: Option<SecurityAttributes>,
    /// Tag C6: the PINs of a DF, in the card's order.
    pub pins: Vec<PinReference>,
    /// Tag 80: octets in an EF.
    pub size: Option<u16>,
    /// Tag 81: octets with overhead.
    pub total_size: Option<u16>,
    /// Tag 88.
    pub sfi: Sfi,
}

/// Tag 82: the file descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// MF, DF or ADF.
    Directory,
    /// A sequence of octets.
    Transparent,
    /// Records of one length.
    LinearFixed {
        /// Octets in a record.
        record_length: u16,
        /// Records in the file.
        records: u8,
    },
    /// Records of one length in a ring.
    Cyclic {
        /// Octets in a record.
        record_length: u16,
        /// Records in the file.
        records: u8,
    },
    /// Another descriptor octet, as it is, without its "shareable" bit.
    Other(u8),
}

/// Tag 8A: the life cycle status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifeCycle {
    /// In use.
    Activated,
    /// Switched off.
    Deactivated,
    /// Gone for good.
    Terminated,
    /// Under creation, without information, or another value, as it is.
    Other(u8),
}

/// Tag 88: the short file identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sfi {
    /// No tag: the five low bits of the file identifier.
    #[default]
    FromFileId,
    /// An empty tag: the file has none.
    None,
    /// 1 to 30.
    Is(u8),
}

/// Tags 8B, 8C, AB: access rules, kept as they are. A terminal learns more from trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityAttributes {
    /// 8B: reference into EF_ARR; 8C: compact; AB: expanded.
    pub tag: u16,
    /// The value.
    pub value: Vec<u8>,
}

/// A PIN that a DF knows (TS 102 221 clause 9.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinReference {
    /// 01 to 08 global, 81 to 88 local, 11 universal, 0A to 0E and 8A to 8E administrative.
    pub key_reference: u8,
    /// Whether it has to be verified. A bit the card leaves out counts as set: an empty VERIFY then tells.
    pub enabled: bool,
    /// Usage qualifier (tag 95), sent for the universal PIN: 00 not in use, 08 in use.
    pub usage: Option<u8>,
}

/// Why octets are no file control parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FcpError {
    /// No whole data objects.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// A value shorter than its tag needs.
    #[error("file control parameter cut short: {0}")]
    Truncated(#[from] Truncated),
    /// No template of tag 62.
    #[error("no FCP template (tag 62)")]
    NoTemplate,
    /// An AID of no or more than 16 octets.
    #[error("an AID has 1 to 16 octets")]
    Aid,
}

impl Fcp {
    /// Decodes the data of an answer to SELECT with P2 = 04.
    pub fn decode(octets: &[u8]) -> Result<Self, FcpError> {
        let template = tlv::read(&mut Reader::new(octets))?;
        if template.tag != 0x62 {
            return Err(FcpError::NoTemplate);
        }
        let mut fcp = Self::default();
        for object in tlv::read_all(template.value)? {
            fcp.take(object)?;
        }
        Ok(fcp)
    }

    fn take(&mut self, Tlv { tag, value }: Tlv<'_>) -> Result<(), FcpError> {
        let mut reader = Reader::new(value);
        match tag {
            0x80 => self.size = Some(size(value)?),
            0x81 => self.total_size = Some(size(value)?),
            0x82 => self.kind = Some(FileKind::decode(&mut reader)?),
            0x83 => self.file_id = Some(FileId(reader.u16()?)),
            0x84 => self.aid = Some(Aid::new(value).ok_or(FcpError::Aid)?),
            0x88 => self.sfi = value.first().map_or(Sfi::None, |octet| Sfi::Is(octet >> 3)),
            0x8a => self.life_cycle = Some(LifeCycle::from_octet(reader.u8()?)),
            0x8b | 0x8c | 0xab => self.security = Some(SecurityAttributes { tag, value: value.to_vec() }),
            0xa5 => self.proprietary = Some(value.to_vec()),
            0xc6 => self.pins = decode_pins(value)?,
            _ => {}
        }
        Ok(())
    }

    /// Encodes a template as a card sends it, in the order of TS 102 221 clause 11.1.1.3.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(kind) = self.kind {
            tlv::write(&mut out, 0x82, &kind.encode());
        }
        if let Some(file_id) = self.file_id {
            tlv::write(&mut out, 0x83, &file_id.octets());
        }
        if let Some(aid) = &self.aid {
            tlv::write(&mut out, 0x84, aid.octets());
        }
        if let Some(proprietary) = &self.proprietary {
            tlv::write(&mut out, 0xa5, proprietary);
        }
        if let Some(life_cycle) = self.life_cycle {
            tlv::write(&mut out, 0x8a, &[life_cycle.octet()]);
        }
        if let Some(SecurityAttributes { tag, value }) = &self.security {
            tlv::write(&mut out, *tag, value);
        }
        if !self.pins.is_empty() {
            tlv::write(&mut out, 0xc6, &encode_pins(&self.pins));
        }
        if let Some(size) = self.size {
            tlv::write(&mut out, 0x80, &size.to_be_bytes());
        }
        if let Some(size) = self.total_size {
            tlv::write(&mut out, 0x81, &size.to_be_bytes());
        }
        match self.sfi {
            Sfi::FromFileId => {}
            Sfi::None => tlv::write(&mut out, 0x88, &[]),
            Sfi::Is(sfi) => tlv::write(&mut out, 0x88, &[sfi << 3]),
        }
        let mut template = Vec::new();
        tlv::write(&mut template, 0x62, &out);
        template
    }

    /// Length and number of the records, for a file that has records.
    #[must_use]
    pub const fn records(&self) -> Option<(u16, u8)> {
        match self.kind {
            Some(
                FileKind::LinearFixed { record_length, records }
                | FileKind::Cyclic { record_length, records },
            ) => Some((record_length, records)),
            _ => None,
        }
    }

    /// The short file identifier, 1 to 30, if the file has one.
    #[must_use]
    pub fn short_file_id(&self) -> Option<u8> {
        let sfi = match self.sfi {
            Sfi::None => return None,
            Sfi::Is(sfi) => sfi,
            Sfi::FromFileId => self.file_id?.octets().last()? & 0x1f,
        };
        (1..=30).contains(&sfi).then_some(sfi)
    }
}

/// A size of any number of octets, as the specification leaves open; a greater one than an offset can reach is cut.
fn size(value: &[u8]) -> Result<u16, Truncated> {
    let first = Reader::new(value).u8()?;
    let rest = value.iter().skip(1);
    Ok(rest.fold(
        u16::from(first),
        |size, octet| {
            if size > 0xff { u16::MAX } else { size << 8 | u16::from(*octet) }
        },
    ))
}

impl FileKind {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        let descriptor = reader.u8()?;
        // Bit 7 is "shareable"; bits 6 to 4 the type, 111 for a DF; bits 3 to 1 the structure of an EF.
        Ok(match descriptor & 0xbf {
            0x38 => Self::Directory,
            octet @ (0x02 | 0x06 | 0x0a | 0x0e) => {
                reader.u8()?;
                let (record_length, records) = (reader.u16()?, reader.u8()?);
                if octet & 0x07 == 2 {
                    Self::LinearFixed { record_length, records }
                } else {
                    Self::Cyclic { record_length, records }
                }
            }
            0x01 | 0x09 => Self::Transparent,
            other => Self::Other(other),
        })
    }

    fn encode(self) -> Vec<u8> {
        const DATA_CODING: u8 = 0x21;
        let with_records = |descriptor, record_length: u16, records| {
            let [high, low] = record_length.to_be_bytes();
            vec![descriptor, DATA_CODING, high, low, records]
        };
        match self {
            Self::Directory => vec![0x78, DATA_CODING],
            Self::Transparent => vec![0x41, DATA_CODING],
            Self::LinearFixed { record_length, records } => with_records(0x42, record_length, records),
            Self::Cyclic { record_length, records } => with_records(0x46, record_length, records),
            Self::Other(descriptor) => vec![descriptor | 0x40, DATA_CODING],
        }
    }
}

impl LifeCycle {
    const fn from_octet(octet: u8) -> Self {
        match octet {
            0x05 | 0x07 => Self::Activated,
            0x04 | 0x06 => Self::Deactivated,
            0x0c..=0x0f => Self::Terminated,
            other => Self::Other(other),
        }
    }

    const fn octet(self) -> u8 {
        match self {
            Self::Activated => 0x05,
            Self::Deactivated => 0x04,
            Self::Terminated => 0x0c,
            Self::Other(octet) => octet,
        }
    }
}

fn decode_pins(value: &[u8]) -> Result<Vec<PinReference>, FcpError> {
    let (mut pins, mut bits, mut usage): (Vec<PinReference>, &[u8], Option<u8>) = (Vec::new(), &[], None);
    for object in tlv::read_all(value)? {
        match object.tag {
            0x90 => bits = object.value,
            0x95 => usage = object.value.first().copied(),
            0x83 => {
                let key_reference = Reader::new(object.value).u8()?;
                let enabled = enabled_bit(bits, pins.len());
                pins.push(PinReference { key_reference, enabled, usage: usage.take() });
            }
            _ => {}
        }
    }
    Ok(pins)
}

/// The status of the PIN at `place`: the most significant bit is the first PIN's.
fn enabled_bit(bits: &[u8], place: usize) -> bool {
    bits.get(place / 8).is_none_or(|octet| octet & (0x80 >> (place % 8)) != 0)
}

fn encode_pins(pins: &[PinReference]) -> Vec<u8> {
    let eights = pins.chunks(8);
    let bits: Vec<u8> = eights
        .map(|eight| (0..).zip(eight).filter(|(_, pin)| pin.enabled).map(|(place, _)| 0x80_u8 >> place).sum())
        .collect();
    let mut out = Vec::new();
    tlv::write(&mut out, 0x90, &bits);
    for pin in pins {
        if let Some(usage) = pin.usage {
            tlv::write(&mut out, 0x95, &[usage]);
        }
        tlv::write(&mut out, 0x83, &[pin.key_reference]);
    }
    out
}

#[cfg(test)]
mod tests;
