//! Cuts messages out of the octets of a connection (TCP or TLS).

use super::avp::Avps;
use super::check::Fault;
use super::header::{HEADER_LENGTH, Header, VERSION};
use super::message::{DecodeError, Message, Unreadable};
use super::result_code::ResultCode;
use zeroize::{Zeroize as _, Zeroizing};

/// The greatest message that is read, octets. The length field would allow 16 MiB; the largest message of any
/// application here carries a GUSS of a few KiB, and freeDiameter cuts at this size too.
pub const DEFAULT_MESSAGE_LIMIT: usize = 65_536;

/// A buffer that never holds more than one message beyond what was pushed last, as long as it is drained with
/// [`Self::next_message`] after each push.
#[derive(Debug)]
pub struct MessageReader {
    buffer: Zeroizing<Vec<u8>>,
    /// How much of the buffer is read. It moves up once a push, not once a message: a stream of tiny messages
    /// must not cost the square of its length.
    read: usize,
    limit: usize,
    lost: bool,
}

impl MessageReader {
    /// Reads messages of at most `limit` octets.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { buffer: Zeroizing::new(Vec::new()), read: 0, limit: limit.max(HEADER_LENGTH), lost: false }
    }

    /// The same octets, with another limit for what follows.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit: limit.max(HEADER_LENGTH), ..self }
    }

    /// Takes received octets over. After a message that lost the stream there is nothing more to read, and
    /// they are dropped.
    pub fn push(&mut self, octets: &[u8]) {
        if !self.lost {
            self.buffer.drain(..self.read);
            self.read = 0;
            let needed = self.buffer.len().saturating_add(octets.len());
            self.reserve(needed);
            self.buffer.extend_from_slice(octets);
        }
    }

    /// How many octets wait for the rest of their message.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.unread().len()
    }

    /// The next whole message, or what is wrong with it; `None` until more octets arrive.
    pub fn next_message(&mut self) -> Option<Result<Message, Box<Unreadable>>> {
        let (version, length, header) = Header::decode(self.unread()).ok()?;
        let framing = if version != VERSION {
            Some(ResultCode::UNSUPPORTED_VERSION)
        } else if !(HEADER_LENGTH..=self.limit).contains(&length) || length % 4 != 0 {
            Some(ResultCode::INVALID_MESSAGE_LENGTH)
        } else {
            None
        };
        if let Some(result) = framing {
            self.lost = true;
            self.read = 0;
            self.buffer.zeroize();
            let message = Message { header, avps: Avps::default() };
            return Some(Err(Box::new(Unreadable { message, fault: Fault::new(result), stream_lost: true })));
        }
        let octets = self.unread().get(..length)?;
        let message = Message::decode(octets).map_err(|error| match error {
            DecodeError::Unreadable(unreadable) => unreadable,
            // The header was read above, so this arm is never taken; it says the same as a bad length.
            DecodeError::Truncated(_) => {
                let message = Message { header, avps: Avps::default() };
                let fault = Fault::new(ResultCode::INVALID_MESSAGE_LENGTH);
                Box::new(Unreadable { message, fault, stream_lost: true })
            }
        });
        self.read += length;
        if self.read == self.buffer.len() {
            self.read = 0;
            self.buffer.zeroize();
        }
        Some(message)
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.read..).unwrap_or_default()
    }

    /// Grows by moving into a new buffer, so that the old one is wiped.
    fn reserve(&mut self, needed: usize) {
        if self.buffer.capacity() < needed {
            let mut bigger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            bigger.extend_from_slice(&self.buffer);
            self.buffer = bigger;
        }
    }
}

impl Default for MessageReader {
    fn default() -> Self {
        Self::new(DEFAULT_MESSAGE_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::super::code::{ApplicationId, CommandCode};
    use super::super::dictionary::base;
    use super::*;
    use proptest::prelude::*;

    fn message(length: usize) -> (Message, Vec<u8>) {
        let avps = vec![base::CLASS.octets(&vec![7; length])];
        let message = Message::request(CommandCode::MULTIMEDIA_AUTH, ApplicationId::ZH, avps);
        let octets = message.encode().unwrap().danger_expose().to_vec();
        (message, octets)
    }

    #[test]
    fn messages_come_out_however_the_octets_arrive() {
        let ((one, first), (two, second)) = (message(5), message(300));
        let all = [first, second].concat();
        for chunk in [1, 3, 20, 33, all.len()] {
            let mut reader = MessageReader::default();
            let mut read = Vec::new();
            for octets in all.chunks(chunk) {
                reader.push(octets);
                read.extend(std::iter::from_fn(|| reader.next_message()));
            }
            assert_eq!(read, [Ok(one.clone()), Ok(two.clone())], "{chunk}");
            assert_eq!(reader.waiting(), 0);
        }
    }

    #[test]
    fn a_message_above_the_limit_loses_the_stream_before_it_is_buffered() {
        let (_, octets) = message(100);
        let mut reader = MessageReader::new(64);
        reader.push(&octets[..20]);
        let unreadable = reader.next_message().unwrap().unwrap_err();
        assert!(unreadable.stream_lost);
        assert_eq!(unreadable.fault.result, ResultCode::INVALID_MESSAGE_LENGTH);
        reader.push(&octets[20..]);
        assert_eq!((reader.waiting(), reader.next_message()), (0, None));
    }

    #[test]
    fn another_protocol_on_the_port_is_an_unsupported_version() {
        let mut reader = MessageReader::default();
        reader.push(b"GET / HTTP/1.1\r\n");
        assert_eq!(reader.next_message(), None);
        reader.push(b"Host: bsf\r\n");
        let unreadable = reader.next_message().unwrap().unwrap_err();
        assert_eq!(unreadable.fault.result, ResultCode::UNSUPPORTED_VERSION);
    }

    #[test]
    fn a_broken_avp_costs_one_message_only() {
        let ((_, mut first), (two, second)) = (message(5), message(6));
        first[27] = 0xff;
        let mut reader = MessageReader::default();
        reader.push(&[first, second].concat());
        assert!(!reader.next_message().unwrap().unwrap_err().stream_lost);
        assert_eq!(reader.next_message(), Some(Ok(two)));
    }

    proptest! {
        #[test]
        fn random_streams_never_panic(chunks: Vec<Vec<u8>>) {
            let mut reader = MessageReader::new(256);
            for chunk in chunks {
                reader.push(&chunk);
                while reader.next_message().is_some() {}
                prop_assert!(reader.waiting() <= 256);
            }
        }
    }
}
