//! A whole message: header and AVPs (RFC 6733 clause 3).

use super::avp::{Avp, Avps, MAX_LENGTH};
use super::check::Fault;
use super::code::{ApplicationId, CommandCode};
use super::header::{HEADER_LENGTH, Header, HeaderFlags, VERSION};
use super::result_code::{Outcome, ResultCode};
use crate::reader::Truncated;
use crate::secret::SecretBytes;

/// A request or an answer. Debug shows names and lengths of AVPs, no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Flags, command, application, identifiers.
    pub header: Header,
    /// AVPs in order.
    pub avps: Avps,
}

/// What could be read of a message that is wrong, and the answer it deserves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} in a {} message", .message.header.command)]
pub struct Unreadable {
    /// The header, and the AVPs before the fault: an answer copies Session-Id and Proxy-Info from here.
    pub message: Message,
    /// 5011, 5014 or 5015.
    pub fault: Fault,
    /// Whether nobody can say where the next message begins: the connection is to be closed.
    pub stream_lost: bool,
}

/// Why octets are not one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No whole header.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// A header, and then something wrong.
    #[error(transparent)]
    Unreadable(Box<Unreadable>),
}

/// A message above the 24 bits of its length field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of more than 16 MiB")]
pub struct TooLong;

impl Message {
    /// A request. Its identifiers are set when it is sent.
    #[must_use]
    pub fn request(command: CommandCode, application: ApplicationId, avps: Vec<Avp>) -> Self {
        let proxiable = if command.is_between_peers() { 0 } else { HeaderFlags::PROXIABLE };
        let flags = HeaderFlags(HeaderFlags::REQUEST | proxiable);
        let header = Header { flags, command, application, hop_by_hop: 0, end_to_end: 0 };
        Self { header, avps: Avps::from(avps) }
    }

    /// Reads exactly one message: all octets, no more.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let (version, length, header) = Header::decode(octets)?;
        let unreadable = |avps, fault, stream_lost| {
            let message = Self { header, avps };
            DecodeError::Unreadable(Box::new(Unreadable { message, fault, stream_lost }))
        };
        let framing = |result| unreadable(Avps::default(), Fault::new(result), true);
        if version != VERSION {
            return Err(framing(ResultCode::UNSUPPORTED_VERSION));
        }
        if length != octets.len() || length % 4 != 0 {
            return Err(framing(ResultCode::INVALID_MESSAGE_LENGTH));
        }
        let body = octets.get(HEADER_LENGTH..).unwrap_or_default();
        let avps = Avps::decode(body).map_err(|broken| unreadable(broken.before, broken.fault, false))?;
        Ok(Self { header, avps })
    }

    /// Writes the message. The octets may hold keys: they are for the wire.
    pub fn encode(&self) -> Result<SecretBytes, TooLong> {
        let length = self.avps.length().saturating_add(HEADER_LENGTH);
        let fits = u32::try_from(length).ok().filter(|_| length <= MAX_LENGTH).ok_or(TooLong)?;
        // Sized beforehand: growing would leave copies of keys in freed memory.
        let mut out = Vec::with_capacity(length);
        self.header.encode(fits, &mut out);
        self.avps.encode(&mut out);
        Ok(SecretBytes::from(out))
    }

    /// Whether it is a request.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        self.header.flags.is_request()
    }

    /// An answer's result.
    pub fn outcome(&self) -> Result<Outcome, Fault> {
        Outcome::of(&self.avps)
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
