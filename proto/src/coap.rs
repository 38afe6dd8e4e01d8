//! CoAP messages (RFC 7252) as far as one who stands between must know them, and oneM2M's options (TS-0008 clause 6.2.2.4).
//!
//! Tokens, message identifiers and the options of block-wise transfer (RFC 7959) are kept as they are.

use crate::reader::{Reader, Truncated};

/// Options, by number.
pub mod option {
    /// Proxy-Uri.
    pub const PROXY_URI: u16 = 35;
    /// Proxy-Scheme.
    pub const PROXY_SCHEME: u16 = 39;
    /// oneM2M-TY, the type of what is to be created.
    pub const TY: u16 = 267;
    /// oneM2M-FR, the originator.
    pub const FR: u16 = 279;
    /// oneM2M-RQI, the request identifier.
    pub const RQI: u16 = 283;
    /// oneM2M-RSC, the response status code.
    pub const RSC: u16 = 307;
    /// oneM2M-FR in release 1.
    pub const FR_OF_RELEASE_1: u16 = 256;
    /// oneM2M-RQI in release 1.
    pub const RQI_OF_RELEASE_1: u16 = 257;
    /// oneM2M-RSC in release 1.
    pub const RSC_OF_RELEASE_1: u16 = 265;
}

/// Octets of an option's number or length that follow its first (RFC 7252 clause 3.1).
const ONE_MORE: u16 = 13;
const TWO_MORE: u16 = 269;
const PAYLOAD_MARKER: u8 = 0xff;

/// More options than any request has use for.
const MAX_OPTIONS: usize = 128;

/// Why octets are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoapError {
    /// Shorter than it says.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// Version, token length or an option with a value that is reserved.
    #[error("not CoAP: {0}")]
    Format(&'static str),
}

/// How a message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Acknowledged.
    Confirmable,
    /// Not acknowledged.
    NonConfirmable,
    /// Acknowledges, and may answer.
    Acknowledgement,
    /// Says that a message means nothing here.
    Reset,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How it is delivered.
    pub kind: Kind,
    /// Class and detail: 0.02 is POST, 4.03 is Forbidden.
    pub code: (u8, u8),
    /// Joins a message and its acknowledgement.
    pub id: u16,
    /// Joins a request and its responses; at most eight octets.
    pub token: Vec<u8>,
    /// In the order of their numbers.
    pub options: Vec<(u16, Vec<u8>)>,
    /// What follows the marker.
    pub payload: Vec<u8>,
}

impl Message {
    /// Reads a datagram.
    ///
    /// # Errors
    /// [`CoapError`].
    pub fn parse(datagram: &[u8]) -> Result<Self, CoapError> {
        let mut reader = Reader::new(datagram);
        let [first, code] = reader.array()?;
        let id = reader.u16()?;
        if first >> 6 != 1 {
            return Err(CoapError::Format("another version"));
        }
        let length = first & 0x0f;
        if length > 8 {
            return Err(CoapError::Format("a token of more than eight octets"));
        }
        let kind = match (first >> 4) & 3 {
            0 => Kind::Confirmable,
            1 => Kind::NonConfirmable,
            2 => Kind::Acknowledgement,
            _ => Kind::Reset,
        };
        let token = reader.take(usize::from(length))?.to_vec();
        let mut message = Self {
            kind,
            code: (code >> 5, code & 0x1f),
            id,
            token,
            options: Vec::new(),
            payload: Vec::new(),
        };
        let mut number: u16 = 0;
        while let Ok(head) = reader.u8() {
            if head == PAYLOAD_MARKER {
                message.payload = reader.rest().to_vec();
                if message.payload.is_empty() {
                    return Err(CoapError::Format("a marker without a payload"));
                }
                return Ok(message);
            }
            let delta = extended(&mut reader, head >> 4)?;
            let length = extended(&mut reader, head & 0x0f)?;
            number =
                number.checked_add(delta).ok_or(CoapError::Format("an option beyond the last number"))?;
            if message.options.len() == MAX_OPTIONS {
                return Err(CoapError::Format("too many options"));
            }
            message.options.push((number, reader.take(usize::from(length))?.to_vec()));
        }
        Ok(message)
    }

    /// Whether it asks for something.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        self.code.0 == 0 && self.code.1 != 0
    }

    /// The values of an option.
    pub fn values(&self, number: u16) -> impl Iterator<Item = &[u8]> {
        self.options.iter().filter(move |(known, _)| *known == number).map(|(_, value)| value.as_slice())
    }

    /// The one value of an option that is a number (RFC 7252 clause 3.2); `None` where there is none, several, or one that
    /// is larger.
    #[must_use]
    pub fn number(&self, number: u16) -> Option<u32> {
        let mut values = self.values(number);
        let value = values.next().filter(|_| values.next().is_none())?;
        value.iter().try_fold(0_u32, |read, octet| read.checked_mul(256).map(|read| read + u32::from(*octet)))
    }

    /// Takes all values of an option out.
    pub fn remove(&mut self, number: u16) {
        self.options.retain(|(known, _)| *known != number);
    }

    /// Adds a value, in its place.
    pub fn add(&mut self, number: u16, value: Vec<u8>) {
        let place = self.options.partition_point(|(known, _)| *known <= number);
        self.options.insert(place, (number, value));
    }

    /// An answer of this code to a request, delivered as the request was.
    #[must_use]
    pub fn answer(&self, code: (u8, u8)) -> Self {
        let kind = match self.kind {
            Kind::Confirmable => Kind::Acknowledgement,
            _ => Kind::NonConfirmable,
        };
        Self { kind, code, id: self.id, token: self.token.clone(), options: Vec::new(), payload: Vec::new() }
    }

    /// The datagram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::Confirmable => 0,
            Kind::NonConfirmable => 1,
            Kind::Acknowledgement => 2,
            Kind::Reset => 3,
        };
        let token: Vec<u8> = self.token.iter().copied().take(8).collect();
        let length = u8::try_from(token.len()).unwrap_or_default();
        let mut out = vec![1 << 6 | kind << 4 | length, self.code.0 << 5 | (self.code.1 & 0x1f)];
        out.extend(self.id.to_be_bytes());
        out.extend(token);
        let mut former = 0;
        for (number, value) in &self.options {
            let (delta, delta_more) = shortened(number.saturating_sub(former));
            let (length, length_more) = shortened(u16::try_from(value.len()).unwrap_or(u16::MAX));
            out.push(delta << 4 | length);
            out.extend(delta_more);
            out.extend(length_more);
            out.extend(value);
            former = *number;
        }
        if !self.payload.is_empty() {
            out.push(PAYLOAD_MARKER);
            out.extend(&self.payload);
        }
        out
    }
}

fn extended(reader: &mut Reader<'_>, nibble: u8) -> Result<u16, CoapError> {
    match nibble {
        13 => Ok(u16::from(reader.u8()?) + ONE_MORE),
        14 => reader.u16()?.checked_add(TWO_MORE).ok_or(CoapError::Format("an option beyond any length")),
        15 => Err(CoapError::Format("a reserved option")),
        short => Ok(u16::from(short)),
    }
}

fn shortened(value: u16) -> (u8, Vec<u8>) {
    match value {
        0..ONE_MORE => (u8::try_from(value).unwrap_or_default(), Vec::new()),
        ONE_MORE..TWO_MORE => (13, u8::try_from(value - ONE_MORE).into_iter().collect()),
        _ => (14, (value - TWO_MORE).to_be_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 7252 appendix A, figure 17: a GET of `/temperature` with a token, and its answer.
    #[test]
    fn the_rfcs_own_example_holds() {
        let request = crate::hex::decode("44017d3420000001bb74656d7065726174757265").unwrap();
        let message = Message::parse(&request).unwrap();
        assert_eq!((message.kind, message.code, message.id), (Kind::Confirmable, (0, 1), 0x7d34));
        assert_eq!(message.token, [0x20, 0, 0, 1]);
        assert_eq!(message.values(11).collect::<Vec<_>>(), [b"temperature"]);
        assert_eq!(message.encode(), request);
        let answer = Message { payload: b"22.3 C".to_vec(), ..message.answer((2, 5)) };
        assert_eq!(crate::hex::encode(&answer.encode()), "64457d3420000001ff32322e332043");
    }

    fn whole() -> Message {
        Message {
            kind: Kind::NonConfirmable,
            code: (0, 2),
            id: 7,
            token: vec![1, 2],
            options: vec![
                (11, b"cse-in".to_vec()),
                (12, Vec::new()),
                (27, vec![0x1e]),
                (option::FR, b"Cdevice1".to_vec()),
                (option::RQI, vec![b'x'; 300]),
                (60_000, vec![1]),
            ],
            payload: b"{}".to_vec(),
        }
    }

    #[test]
    fn options_are_replaced_in_their_place() {
        let mut message = whole();
        message.remove(option::FR);
        message.add(option::FR, b"Cother".to_vec());
        message.add(3, b"host".to_vec());
        assert_eq!((message.number(27), message.number(12), message.number(13)), (Some(0x1e), Some(0), None));
        assert_eq!(message.number(option::RQI), None, "too large");
        let numbers: Vec<u16> = message.options.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [3, 11, 12, 27, option::FR, option::RQI, 60_000]);
        assert_eq!(Message::parse(&message.encode()), Ok(message));
    }

    #[test]
    fn every_truncation_is_refused_or_another_message() {
        let octets = whole().encode();
        assert_eq!(Message::parse(&octets), Ok(whole()));
        for end in 0..octets.len() {
            assert_ne!(Message::parse(&octets[..end]), Ok(whole()), "{end}");
        }
        for bad in [
            &[][..],
            &[0x40],
            &[0x80, 1, 0, 0],
            &[0x49, 1, 0, 0],
            &[0x40, 1, 0, 0, 0xff],
            &[0x40, 1, 0, 0, 0xf0],
        ] {
            assert!(Message::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Message::parse(&[0x40, 1, 0, 0, 0xe0, 0xff, 0xff]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_back_and_nothing_panics(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = Message::parse(&octets) {
                prop_assert_eq!(Message::parse(&message.encode()), Ok(message));
            }
        }
    }
}
