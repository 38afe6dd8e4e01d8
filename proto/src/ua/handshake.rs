//! What a TLS client says before its flight is encrypted: whom it names as the holder of a pre-shared key.
//!
//! A TLS library asks for a key in the middle of a handshake and waits for nobody. Whoever must fetch the key reads the
//! identity here, from the octets on their way to the library, and lets them go on when the key is there. The library
//! alone decides: what is read here only says which key to have ready.

use crate::gba::CipherSuite;
use crate::reader::{Reader, Truncated};

/// Record types (RFC 8446 clause 5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;

/// Handshake types (RFC 5246 clause 7.4, RFC 8446 clause 4).
const CLIENT_HELLO: u8 = 1;
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Extensions (RFC 8446 clause 4.2).
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;

/// TLS 1.3.
const TLS13: u16 = 0x0304;

/// Octets of one record (RFC 5246 clause 6.2.3) and of one message: a hello with post-quantum shares has some thousand.
const MAX_RECORD: usize = (1 << 14) + 2048;
const MAX_MESSAGE: usize = 1 << 15;

/// Identities of one hello that are told; a UE has one or two.
const MAX_IDENTITIES: usize = 4;

/// One message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// ClientHello.
    Hello(ClientHello),
    /// ClientKeyExchange of a suite with a pre-shared key: the identity (RFC 4279 clause 2, RFC 5489 clause 2). With any
    /// other suite the octets are others, or none.
    KeyExchange(Vec<u8>),
}

/// What matters of a ClientHello.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientHello {
    /// Offered suites, in the client's order.
    pub suites: Vec<CipherSuite>,
    /// Whether TLS 1.3 is among the offered versions.
    pub tls13: bool,
    /// Identities of TLS 1.3's pre-shared keys, tickets included.
    pub identities: Vec<Vec<u8>>,
}

/// A client's octets in their order, in any pieces.
#[derive(Debug, Default)]
pub struct ClientFlight {
    record: Vec<u8>,
    messages: Vec<u8>,
    key_exchange: bool,
    over: bool,
}

impl ClientFlight {
    /// Takes the next octets and gives the messages that are whole with them.
    pub fn feed(&mut self, octets: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        if self.over {
            return heard;
        }
        self.record.extend_from_slice(octets);
        while let Some(record) = self.next_record() {
            match record {
                Ok((HANDSHAKE, payload)) => {
                    self.messages.extend_from_slice(&payload);
                    self.take_messages(&mut heard);
                }
                // Ends the clear part of TLS 1.2. In TLS 1.3 it means nothing: a second hello may follow.
                Ok((CHANGE_CIPHER_SPEC, _)) if !self.key_exchange => {}
                Ok(_) | Err(NoRecord) => self.end(),
            }
        }
        heard
    }

    /// Whether nothing further is going to be heard.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    fn end(&mut self) {
        self.over = true;
        self.record = Vec::new();
        self.messages = Vec::new();
    }

    fn next_record(&mut self) -> Option<Result<(u8, Vec<u8>), NoRecord>> {
        let mut reader = Reader::new(&self.record);
        let (kind, _version, length) = (reader.u8().ok()?, reader.u16().ok()?, reader.u16().ok()?);
        let length = usize::from(length);
        if length > MAX_RECORD || !(CHANGE_CIPHER_SPEC..=23).contains(&kind) {
            return Some(Err(NoRecord));
        }
        let payload = reader.take(length).ok()?.to_vec();
        self.record.drain(..5 + length);
        Some(Ok((kind, payload)))
    }

    fn take_messages(&mut self, heard: &mut Vec<Heard>) {
        loop {
            let mut reader = Reader::new(&self.messages);
            let (Ok(kind), Ok([high, middle, low])) = (reader.u8(), reader.array::<3>()) else { return };
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if length > MAX_MESSAGE {
                return self.end();
            }
            let Ok(body) = reader.take(length) else { return };
            match kind {
                CLIENT_HELLO => {
                    if let Ok(hello) = ClientHello::parse(body) {
                        heard.push(Heard::Hello(hello));
                    }
                }
                CLIENT_KEY_EXCHANGE => {
                    self.key_exchange = true;
                    if let Ok(identity) = Reader::new(body).lv16() {
                        heard.push(Heard::KeyExchange(identity.to_vec()));
                    }
                }
                _ => {}
            }
            self.messages.drain(..4 + length);
        }
    }
}

struct NoRecord;

impl ClientHello {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// [`Truncated`] where a length goes beyond what is there. A hello without extensions is whole.
    pub fn parse(body: &[u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(body);
        reader.take(2 + 32)?;
        reader.lv()?;
        let mut suites = Reader::new(reader.lv16()?);
        let mut hello = Self::default();
        while let Ok(suite) = suites.u16() {
            hello.suites.push(CipherSuite(suite));
        }
        reader.lv()?;
        if let Ok(extensions) = reader.lv16() {
            let mut extensions = Reader::new(extensions);
            while let Ok(kind) = extensions.u16() {
                let content = extensions.lv16()?;
                match kind {
                    SUPPORTED_VERSIONS => hello.tls13 = versions(content)?.contains(&TLS13),
                    PRE_SHARED_KEY => hello.identities = identities(content)?,
                    _ => {}
                }
            }
        }
        Ok(hello)
    }
}

fn versions(content: &[u8]) -> Result<Vec<u16>, Truncated> {
    let mut list = Reader::new(Reader::new(content).lv()?);
    Ok(std::iter::from_fn(|| list.u16().ok()).collect())
}

fn identities(content: &[u8]) -> Result<Vec<Vec<u8>>, Truncated> {
    let mut list = Reader::new(Reader::new(content).lv16()?);
    let mut found = Vec::new();
    while let Ok(identity) = list.lv16() {
        list.u32()?;
        if found.len() < MAX_IDENTITIES {
            found.push(identity.to_vec());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_length16(content: &[u8]) -> Vec<u8> {
        [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind], &length[1..], body].concat()
    }

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 3, 3][..], &with_length16(payload)].concat()
    }

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let suites = with_length16(&[0x00, 0xae, 0x00, 0xa8, 0x13, 0x01]);
        let fixed = [3, 3].into_iter().chain([7; 32]).chain([0]).collect::<Vec<_>>();
        message(1, &[&fixed[..], &suites, &[1, 0], extensions].concat())
    }

    fn tls13_extensions() -> Vec<u8> {
        let identity = [with_length16(b"3GPP-bootstrapping;a@b"), vec![0; 4]].concat();
        let psk = [with_length16(&identity), with_length16(&[0; 33])].concat();
        with_length16(
            &[&[0, 43][..], &with_length16(&[4, 3, 4, 3, 3]), &[0, 41], &with_length16(&psk)].concat(),
        )
    }

    fn heard() -> Vec<Heard> {
        let suites = vec![CipherSuite(0x00ae), CipherSuite(0x00a8), CipherSuite(0x1301)];
        let identities = vec![b"3GPP-bootstrapping;a@b".to_vec()];
        vec![
            Heard::Hello(ClientHello { suites, tls13: true, identities }),
            Heard::KeyExchange(b"a@b".to_vec()),
        ]
    }

    fn wire() -> Vec<u8> {
        let key_exchange = message(16, &with_length16(b"a@b"));
        [record(22, &hello(&tls13_extensions())), record(22, &key_exchange), record(20, &[1])].concat()
    }

    #[test]
    fn identities_are_heard_in_whatever_pieces_the_octets_come() {
        for size in [1, 2, 3, 7, 64, 4096] {
            let mut flight = ClientFlight::default();
            let found: Vec<_> = wire().chunks(size).flat_map(|piece| flight.feed(piece)).collect();
            assert_eq!(found, heard(), "pieces of {size}");
            assert!(flight.is_over(), "what follows is encrypted");
            assert_eq!(flight.feed(&wire()), []);
        }
    }

    #[test]
    fn a_message_over_several_records_is_one_message() {
        let whole = hello(&tls13_extensions());
        let octets: Vec<u8> = whole.chunks(10).flat_map(|part| record(22, part)).collect();
        assert_eq!(ClientFlight::default().feed(&octets), heard()[..1]);
    }

    #[test]
    fn a_second_hello_is_heard_behind_a_change_of_cipher_spec_that_means_nothing() {
        let one = record(22, &hello(&tls13_extensions()));
        let mut flight = ClientFlight::default();
        assert_eq!(flight.feed(&[&one[..], &record(20, &[1]), &one].concat()).len(), 2);
        assert!(!flight.is_over());
        assert_eq!(flight.feed(&record(23, b"encrypted")), []);
        assert!(flight.is_over());
    }

    #[test]
    fn a_hello_of_old_has_no_extensions() {
        let Some(Heard::Hello(heard)) = ClientFlight::default().feed(&record(22, &hello(b""))).pop() else {
            panic!("a hello");
        };
        assert_eq!((heard.tls13, heard.identities.len(), heard.suites.len()), (false, 0, 3));
    }

    #[test]
    fn no_truncation_is_heard_as_the_whole() {
        let whole = wire();
        for end in 0..whole.len() {
            let mut flight = ClientFlight::default();
            let found = flight.feed(&whole[..end]);
            assert!(found.len() <= 2);
            let body = &whole[9..end.max(9)];
            let _ = ClientHello::parse(body);
        }
        assert!(ClientFlight::default().feed(b"GET / HTTP/1.1\r\n").is_empty());
    }

    #[test]
    fn lengths_beyond_any_bound_end_it() {
        let mut flight = ClientFlight::default();
        flight.feed(&[22, 3, 3, 0xff, 0xff]);
        assert!(flight.is_over());
        let mut flight = ClientFlight::default();
        flight.feed(&record(22, &[1, 0xff, 0xff, 0xff]));
        assert!(flight.is_over());
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut flight = ClientFlight::default();
            flight.feed(&octets);
            flight.feed(&record(22, &octets));
            let _ = ClientHello::parse(&octets);
        }
    }
}
