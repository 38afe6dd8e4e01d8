//! Attribute-value pairs as they lie on the wire (RFC 6733 clause 4.1): code, flags, vendor, data.
//!
//! Reading gives raw AVPs and refuses only what has no readable length. What the data means is asked for one
//! AVP at a time ([`Avp::unsigned32`] and its siblings in `value`).

use super::check::Fault;
use super::code::VendorId;
use super::dictionary::{self, AvpDef};
use super::result_code::ResultCode;
use crate::reader::Reader;
use crate::secret::SecretBytes;
use std::fmt;

/// Octets before the data without a vendor, and with one.
const HEADER: usize = 8;
const VENDOR_HEADER: usize = 12;
/// The length field has 24 bits.
pub(super) const MAX_LENGTH: usize = 0x00ff_ffff;

/// The octet of AVP flags, reserved bits included, as received.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct AvpFlags(pub u8);

impl AvpFlags {
    /// V: a vendor id follows the length.
    pub const VENDOR: u8 = 0x80;
    /// M: a receiver that does not know the AVP refuses the request.
    pub const MANDATORY: u8 = 0x40;

    /// Whether V is set.
    #[must_use]
    pub const fn is_vendor_specific(self) -> bool {
        self.0 & Self::VENDOR != 0
    }

    /// Whether M is set.
    #[must_use]
    pub const fn is_mandatory(self) -> bool {
        self.0 & Self::MANDATORY != 0
    }
}

impl fmt::Debug for AvpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [(0x80, 'V'), (0x40, 'M'), (0x20, 'P')];
        let set: String = letters.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, c)| c).collect();
        write!(f, "{}", if set.is_empty() { "-" } else { &set })
    }
}

/// One AVP. Any of them may hold a key, so its data is secret until it is asked for, and Debug shows a length.
#[derive(Clone, PartialEq, Eq)]
pub struct Avp {
    code: u32,
    flags: AvpFlags,
    vendor: VendorId,
    data: SecretBytes,
}

impl Avp {
    /// An AVP that the dictionary need not know. The V flag follows from the vendor.
    #[must_use]
    pub fn new(code: u32, vendor: VendorId, mandatory: bool, data: SecretBytes) -> Self {
        let v = if vendor == VendorId::IETF { 0 } else { AvpFlags::VENDOR };
        let m = if mandatory { AvpFlags::MANDATORY } else { 0 };
        Self { code, flags: AvpFlags(v | m), vendor, data }
    }

    /// AVP code.
    #[must_use]
    pub const fn code(&self) -> u32 {
        self.code
    }

    /// The code's vendor; [`VendorId::IETF`] without a V flag.
    #[must_use]
    pub const fn vendor(&self) -> VendorId {
        self.vendor
    }

    /// Flags as received.
    #[must_use]
    pub const fn flags(&self) -> AvpFlags {
        self.flags
    }

    /// The data, unpadded.
    #[must_use]
    pub const fn data(&self) -> &SecretBytes {
        &self.data
    }

    /// Whether this is the AVP of that entry.
    #[must_use]
    pub fn is(&self, def: &AvpDef) -> bool {
        self.code == def.code && self.vendor == def.vendor
    }

    /// Header and data, octets, without padding.
    pub(super) fn length(&self) -> usize {
        header_length(self.flags).saturating_add(self.data.len())
    }

    /// Appends header, data and padding. The caller has seen to it that the length fits 24 bits.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let length = self.length();
        out.extend_from_slice(&self.code.to_be_bytes());
        let [_, a, b, c] = u32::try_from(length).unwrap_or_default().to_be_bytes();
        out.extend_from_slice(&[self.flags.0, a, b, c]);
        if self.flags.is_vendor_specific() {
            out.extend_from_slice(&self.vendor.0.to_be_bytes());
        }
        out.extend_from_slice(self.data.danger_expose());
        out.extend(std::iter::repeat_n(0, padding(length)));
    }
}

impl fmt::Debug for Avp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match dictionary::find(self.vendor, self.code) {
            Some(def) => write!(f, "{}", def.name)?,
            None => write!(f, "{}:{}", self.vendor.0, self.code)?,
        }
        write!(f, "[{:?}, {} octets]", self.flags, self.data.len())
    }
}

/// AVPs in order: those of a message or of a group.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Avps(Vec<Avp>);

/// Why a run of AVPs cannot be read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// The AVPs before the broken one.
    pub(super) before: Avps,
    /// 5014 with the broken one's header.
    pub(super) fault: Fault,
}

impl Avps {
    /// Reads AVPs until the octets end. The last one's padding may be missing: some senders leave it out
    /// inside groups.
    pub(super) fn decode(octets: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader::new(octets);
        let mut avps = Vec::new();
        while !reader.is_empty() {
            match decode_one(&mut reader) {
                Ok(avp) => avps.push(avp),
                Err(fault) => return Err(Broken { before: Self(avps), fault }),
            }
        }
        Ok(Self(avps))
    }

    /// Octets that [`Self::encode`] appends.
    pub(super) fn length(&self) -> usize {
        padded_length(&self.0)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|avp| avp.encode(out));
    }

    /// Puts one at the end.
    pub fn push(&mut self, avp: Avp) {
        self.0.push(avp);
    }

    /// Puts several at the end.
    pub fn extend(&mut self, avps: impl IntoIterator<Item = Avp>) {
        self.0.extend(avps);
    }

    /// Keeps those for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&Avp) -> bool) {
        self.0.retain(keep);
    }

    /// In order.
    pub fn iter(&self) -> std::slice::Iter<'_, Avp> {
        self.0.iter()
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of its kind.
    #[must_use]
    pub fn first(&self, def: &AvpDef) -> Option<&Avp> {
        self.0.iter().find(|avp| avp.is(def))
    }

    /// All of a kind, in order.
    pub fn all(&self, def: &AvpDef) -> impl Iterator<Item = &Avp> {
        self.0.iter().filter(move |avp| avp.is(def))
    }
}

impl From<Vec<Avp>> for Avps {
    fn from(avps: Vec<Avp>) -> Self {
        Self(avps)
    }
}

impl<'a> IntoIterator for &'a Avps {
    type Item = &'a Avp;
    type IntoIter = std::slice::Iter<'a, Avp>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for Avps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// Octets of AVPs with their padding.
pub(super) fn padded_length(avps: &[Avp]) -> usize {
    avps.iter()
        .map(Avp::length)
        .fold(0, |sum, length| sum.saturating_add(length).saturating_add(padding(length)))
}

/// The one place where an AVP's length is checked.
fn decode_one(reader: &mut Reader<'_>) -> Result<Avp, Fault> {
    let mut head = Reader::new(reader.rest());
    let Ok((code, flags, length)) = read_head(&mut head) else {
        return Err(broken_head(reader.rest()));
    };
    let vendor = if flags.is_vendor_specific() { head.u32() } else { Ok(VendorId::IETF.0) };
    let named = |vendor, data: &[u8]| Avp { code, flags, vendor: VendorId(vendor), data: data.into() };
    let invalid = |vendor, data: &[u8]| Fault::with(ResultCode::INVALID_AVP_LENGTH, named(vendor, data));
    let vendor = vendor.map_err(|_| invalid(0, &[]))?;
    let data_length = length.checked_sub(header_length(flags)).ok_or_else(|| invalid(vendor, &[]))?;
    let data = head.take(data_length).map_err(|_| {
        let minimum = dictionary::find(VendorId(vendor), code).map_or(0, |def| def.kind.minimum());
        invalid(vendor, [0; 8].get(..minimum).unwrap_or_default())
    })?;
    let avp = named(vendor, data);
    let padding = padding(length).min(head.rest().len());
    head.take(padding).map_err(|_| invalid(vendor, &[]))?;
    *reader = head;
    Ok(avp)
}

fn read_head(head: &mut Reader<'_>) -> Result<(u32, AvpFlags, usize), crate::reader::Truncated> {
    let code = head.u32()?;
    let flags = AvpFlags(head.u8()?);
    let [a, b, c] = head.array()?;
    Ok((code, flags, usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)))
}

/// A header cut off in its middle goes back filled up with zeros (RFC 6733 clause 7.1.5).
fn broken_head(octets: &[u8]) -> Fault {
    let mut head = [0; HEADER];
    head.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
    let [c0, c1, c2, c3, flags, ..] = head;
    let flags = AvpFlags(flags & !AvpFlags::VENDOR);
    let code = u32::from_be_bytes([c0, c1, c2, c3]);
    let avp = Avp { code, flags, vendor: VendorId::IETF, data: SecretBytes::default() };
    Fault::with(ResultCode::INVALID_AVP_LENGTH, avp)
}

const fn header_length(flags: AvpFlags) -> usize {
    if flags.is_vendor_specific() { VENDOR_HEADER } else { HEADER }
}

const fn padding(length: usize) -> usize {
    (4 - length % 4) % 4
}

#[cfg(test)]
#[path = "avp_tests.rs"]
mod tests;
