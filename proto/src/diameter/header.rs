//! The twenty octets before a message's AVPs (RFC 6733 clause 3).

use super::code::{ApplicationId, CommandCode};
use crate::reader::{Reader, Truncated};
use std::fmt;

/// Octets of a header.
pub const HEADER_LENGTH: usize = 20;

/// The only version there is.
pub(super) const VERSION: u8 = 1;

/// The octet of command flags, reserved bits included, as received.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct HeaderFlags(pub u8);

impl HeaderFlags {
    /// R: a request.
    pub const REQUEST: u8 = 0x80;
    /// P: may be forwarded.
    pub const PROXIABLE: u8 = 0x40;
    /// E: an answer that reports a protocol error.
    pub const ERROR: u8 = 0x20;
    /// T: a request sent again after a link failed.
    pub const RETRANSMITTED: u8 = 0x10;

    /// Whether R is set.
    #[must_use]
    pub const fn is_request(self) -> bool {
        self.0 & Self::REQUEST != 0
    }

    /// Whether P is set.
    #[must_use]
    pub const fn is_proxiable(self) -> bool {
        self.0 & Self::PROXIABLE != 0
    }

    /// Whether E is set.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 & Self::ERROR != 0
    }

    /// Whether T is set.
    #[must_use]
    pub const fn is_retransmitted(self) -> bool {
        self.0 & Self::RETRANSMITTED != 0
    }

    /// With T set.
    #[must_use]
    pub const fn retransmitted(self) -> Self {
        Self(self.0 | Self::RETRANSMITTED)
    }

    /// The flags of an answer to a request with these: P alone is kept (RFC 6733 clause 6.2).
    #[must_use]
    pub const fn answered(self, error: bool) -> Self {
        Self(self.0 & Self::PROXIABLE | if error { Self::ERROR } else { 0 })
    }
}

impl fmt::Debug for HeaderFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [(0x80, 'R'), (0x40, 'P'), (0x20, 'E'), (0x10, 'T')];
        let set: String = letters.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, c)| c).collect();
        write!(f, "{}", if set.is_empty() { "-" } else { &set })
    }
}

/// A header without version and length, which only the codec sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// R, P, E, T.
    pub flags: HeaderFlags,
    /// What is asked or answered.
    pub command: CommandCode,
    /// Of which application.
    pub application: ApplicationId,
    /// Matches an answer to its request on one connection.
    pub hop_by_hop: u32,
    /// With Origin-Host, names a request for good: the same after a retransmission.
    pub end_to_end: u32,
}

impl Header {
    /// Version, length and the rest of the first twenty octets.
    pub(super) fn decode(octets: &[u8]) -> Result<(u8, usize, Self), Truncated> {
        let mut reader = Reader::new(octets);
        let version = reader.u8()?;
        let [a, b, c] = reader.array()?;
        let header = Self {
            flags: HeaderFlags(reader.u8()?),
            command: CommandCode::from_octets(reader.array()?),
            application: ApplicationId(reader.u32()?),
            hop_by_hop: reader.u32()?,
            end_to_end: reader.u32()?,
        };
        Ok((version, usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c), header))
    }

    /// Appends twenty octets for a message of `length` octets in all.
    pub(super) fn encode(&self, length: u32, out: &mut Vec<u8>) {
        let [_, a, b, c] = length.to_be_bytes();
        out.extend_from_slice(&[VERSION, a, b, c, self.flags.0]);
        out.extend_from_slice(&self.command.octets());
        out.extend_from_slice(&self.application.0.to_be_bytes());
        out.extend_from_slice(&self.hop_by_hop.to_be_bytes());
        out.extend_from_slice(&self.end_to_end.to_be_bytes());
    }
}
