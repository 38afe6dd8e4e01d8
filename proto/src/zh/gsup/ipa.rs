//! IPA frames and the connection control messages in them: who is calling, are you there.
//!
//! A frame is a two-octet length of the payload, an octet for the protocol, the payload. GSUP is an extension
//! protocol: its payload begins with one more octet.

use crate::reader::{Reader, Truncated};
use crate::secret::SecretBytes;

/// Which protocol a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Protocol(u8, Option<u8>);

impl Protocol {
    const EXTENSION: u8 = 0xee;
    /// Connection control.
    pub(super) const CCM: Self = Self(0xfe, None);
    /// GSUP.
    pub(super) const GSUP: Self = Self(Self::EXTENSION, Some(0x05));
}

/// Types of connection control messages.
pub(super) struct Ccm;

impl Ccm {
    pub(super) const PING: u8 = 0x00;
    pub(super) const PONG: u8 = 0x01;
    pub(super) const ID_GET: u8 = 0x04;
    const ID_RESP: u8 = 0x05;
    pub(super) const ID_ACK: u8 = 0x06;
}

/// Why octets are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IpaError {
    /// A frame without the octet that must be in it.
    #[error("an IPA frame that is too short: {0}")]
    Truncated(#[from] Truncated),
}

/// One frame, extension octet taken off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) protocol: Protocol,
    /// May hold keys.
    pub(super) payload: SecretBytes,
}

/// Finds frames in a stream. Holds one frame and a bit at the most: 64 KiB by the width of the length.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    buffer: SecretBytes,
}

impl FrameReader {
    pub(super) fn push(&mut self, octets: &[u8]) {
        // A buffer that grew in place would leave copies of keys behind.
        self.buffer = SecretBytes::from([self.buffer.danger_expose(), octets].concat());
    }

    /// The next whole frame.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, IpaError> {
        let mut reader = Reader::new(self.buffer.danger_expose());
        let Ok(length) = reader.u16() else { return Ok(None) };
        let Ok(protocol) = reader.u8() else { return Ok(None) };
        let Ok(payload) = reader.take(usize::from(length)) else { return Ok(None) };
        let mut inside = Reader::new(payload);
        let extension = if protocol == Protocol::EXTENSION { Some(inside.u8()?) } else { None };
        let frame = Frame { protocol: Protocol(protocol, extension), payload: inside.rest().into() };
        self.buffer = SecretBytes::from(reader.rest());
        Ok(Some(frame))
    }
}

/// A frame around a payload, which is cut at 64 KiB; none of ours comes near.
pub(super) fn frame(protocol: Protocol, payload: &[u8]) -> SecretBytes {
    let Protocol(octet, extension) = protocol;
    let extension: &[u8] = if let Some(octet) = &extension { std::slice::from_ref(octet) } else { &[] };
    let length = u16::try_from(payload.len().saturating_add(extension.len())).unwrap_or(u16::MAX);
    let room = usize::from(length).saturating_sub(extension.len());
    let payload = payload.get(..room).unwrap_or(payload);
    SecretBytes::from([&length.to_be_bytes()[..], &[octet], extension, payload].concat())
}

/// A connection control message: type and the rest.
pub(super) fn ccm(payload: &[u8]) -> Result<(u8, &[u8]), IpaError> {
    let mut reader = Reader::new(payload);
    Ok((reader.u8()?, reader.rest()))
}

/// The answer to ID GET: a value for every tag that is asked for. osmo-hlr demands a unit id and knows its clients
/// by their serial number.
pub(super) fn identity(wanted: &[u8], name: &str) -> Result<Vec<u8>, IpaError> {
    const SERIAL_NUMBER: u8 = 0x00;
    const UNIT_NAME: u8 = 0x01;
    const UNIT_ID: u8 = 0x08;
    let mut out = vec![Ccm::ID_RESP];
    let mut reader = Reader::new(wanted);
    while !reader.is_empty() {
        let Some((tag, _)) = reader.lv()?.split_first() else { continue };
        let value = match *tag {
            UNIT_ID => "0/0/0",
            SERIAL_NUMBER | UNIT_NAME => name,
            _ => "",
        };
        // Tag, value and a NUL; a name has at most 64 octets.
        let length = u16::try_from(value.len().saturating_add(2)).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.push(*tag);
        out.extend_from_slice(value.as_bytes());
        out.push(0);
    }
    Ok(out)
}
