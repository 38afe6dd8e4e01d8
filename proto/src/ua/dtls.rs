//! What a DTLS 1.2 client says in the clear, and what a server answers that keeps nothing of it (RFC 6347 clause 4.2).
//!
//! A cookie is made of the client's address and of its hello, so the server remembers neither: whoever brings it back is
//! reached at that address. The library that goes on with the handshake is told the hello as it stood before the cookie, so
//! that it counts messages as the client does.

use crate::reader::Reader;
use crate::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq as _;

/// Octets of a cookie.
pub const COOKIE: usize = 32;

/// Record types (RFC 6347 clause 4.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// Handshake types (RFC 6347 clause 4.3.2).
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Versions as they stand in messages.
const DTLS10: [u8; 2] = [0xfe, 0xff];
const DTLS12: [u8; 2] = [0xfe, 0xfd];

/// How often a client may have been asked for a cookie: its first was too old by the time it came back, perhaps.
const MAX_ASKED: u16 = 3;

/// For how long cookies are made alike; one is good for that long at least, and twice as long at the most.
const PERIOD: Duration = Duration::from_secs(60);

/// More records than a client sends before the keys are changed.
const ALERT_RECORD: [u8; 6] = [0, 1, 0, 0, 0, 0];

/// A fatal alert in the clear (RFC 5246 clause 7.2, RFC 4279 clause 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FatalAlert {
    /// A wrong key, or another reason that the library does not tell.
    HandshakeFailure,
    /// The key cannot be had at the moment.
    InternalError,
    /// The identity opens nothing.
    UnknownPskIdentity,
}

impl FatalAlert {
    /// The datagram.
    #[must_use]
    pub fn datagram(self) -> Vec<u8> {
        let description = match self {
            Self::HandshakeFailure => 40,
            Self::InternalError => 80,
            Self::UnknownPskIdentity => 115,
        };
        record(ALERT, DTLS12, ALERT_RECORD, &[2, description])
    }
}

/// A ClientHello that one datagram has whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatagramHello<'a> {
    /// How many messages the client has sent before.
    pub sequence: u16,
    /// Version, random and session identifier.
    before: &'a [u8],
    cookie: &'a [u8],
    /// Suites, compression methods, extensions.
    after: &'a [u8],
}

impl<'a> DatagramHello<'a> {
    /// Reads a datagram that begins with a ClientHello in the clear; `None` for any other.
    #[must_use]
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(datagram);
        let (kind, _version, epoch) = (reader.u8().ok()?, reader.u16().ok()?, reader.u16().ok()?);
        reader.take(6).ok()?;
        let mut message = Reader::new(reader.lv16().ok()?);
        if kind != HANDSHAKE || epoch != 0 {
            return None;
        }
        let (kind, sequence, body) = whole_message(&mut message)?;
        if kind != CLIENT_HELLO {
            return None;
        }
        let mut fields = Reader::new(body);
        fields.take(2 + 32).ok()?;
        fields.lv().ok()?;
        let before = body.get(..fields.offset())?;
        let cookie = fields.lv().ok()?;
        Some(Self { sequence, before, cookie, after: fields.rest() })
    }

    /// Whether two are of one handshake: the client's random is the same.
    #[must_use]
    pub fn random(&self) -> Option<[u8; 32]> {
        self.before.get(2..34)?.try_into().ok()
    }

    /// The datagrams that the client must have sent before this one: the same without a cookie. None, where it says that
    /// this is its first, and too many are none either.
    #[must_use]
    pub fn predecessors(&self) -> Vec<Vec<u8>> {
        let body = [self.before, &[0], self.after].concat();
        let count = if self.sequence > MAX_ASKED { 0 } else { self.sequence };
        (0..count).map(|sequence| handshake(CLIENT_HELLO, DTLS12, sequence, &body)).collect()
    }
}

/// Makes cookies and knows them again.
#[derive(Debug, Clone)]
pub struct CookieKey(Secret<32>);

impl CookieKey {
    /// From a secret of the server's own.
    #[must_use]
    pub const fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// The cookie for a hello from this address.
    #[must_use]
    pub fn cookie(&self, hello: &DatagramHello<'_>, from: SocketAddr, now: SystemTime) -> [u8; COOKIE] {
        self.of_period(hello, from, period(now))
    }

    /// The cookie that a hello brings back, where it is one for it.
    #[must_use]
    pub fn proved(
        &self,
        hello: &DatagramHello<'_>,
        from: SocketAddr,
        now: SystemTime,
    ) -> Option<[u8; COOKIE]> {
        let period = period(now);
        let candidates = [period, period.wrapping_sub(1)].map(|period| self.of_period(hello, from, period));
        let known = candidates.into_iter().find(|cookie| bool::from(cookie.ct_eq(hello.cookie)));
        known.filter(|_| (1..=MAX_ASKED).contains(&hello.sequence))
    }

    fn of_period(&self, hello: &DatagramHello<'_>, from: SocketAddr, period: u64) -> [u8; COOKIE] {
        let mut out = [0; COOKIE];
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.danger_expose()) {
            mac.update(&period.to_be_bytes());
            match from.ip().to_canonical() {
                IpAddr::V4(address) => mac.update(&address.octets()),
                IpAddr::V6(address) => mac.update(&address.octets()),
            }
            mac.update(&from.port().to_be_bytes());
            // Its length says where the hello's first part ends.
            mac.update(&u64::try_from(hello.before.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(hello.before);
            mac.update(hello.after);
            out = mac.finalize().into_bytes().into();
        }
        out
    }
}

/// Asks a client for this cookie. Its record has the number of its message, as if the client's were all there had been.
#[must_use]
pub fn hello_verify_request(hello: &DatagramHello<'_>, cookie: &[u8; COOKIE]) -> Vec<u8> {
    let length = u8::try_from(COOKIE).unwrap_or_default();
    let body = [&DTLS10[..], &[length], cookie].concat();
    handshake(HELLO_VERIFY_REQUEST, DTLS10, hello.sequence, &body)
}

/// The identity in a client's ClientKeyExchange, where this datagram has one whole and in the clear (RFC 4279 clause 2).
#[must_use]
pub fn named_identity(datagram: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(datagram);
    while !reader.is_empty() {
        let (kind, _version, epoch) = (reader.u8().ok()?, reader.u16().ok()?, reader.u16().ok()?);
        reader.take(6).ok()?;
        let record = reader.lv16().ok()?;
        if kind != HANDSHAKE || epoch != 0 {
            continue;
        }
        let mut messages = Reader::new(record);
        while !messages.is_empty() {
            let (kind, _sequence, body) = whole_message(&mut messages)?;
            if kind == CLIENT_KEY_EXCHANGE {
                return Reader::new(body).lv16().ok().map(<[u8]>::to_vec);
            }
        }
    }
    None
}

/// Type, number and body of a handshake message that is not in fragments.
fn whole_message<'a>(reader: &mut Reader<'a>) -> Option<(u8, u16, &'a [u8])> {
    let (kind, length) = (reader.u8().ok()?, reader.array::<3>().ok()?);
    let (sequence, offset) = (reader.u16().ok()?, reader.array::<3>().ok()?);
    let here = reader.array::<3>().ok()?;
    let [high, middle, low] = here;
    let body = reader.take(usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)).ok()?;
    (offset == [0; 3] && length == here).then_some((kind, sequence, body))
}

fn handshake(kind: u8, version: [u8; 2], sequence: u16, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    let number = sequence.to_be_bytes();
    let message = [&[kind], &length[..], &number, &[0; 3], &length, body].concat();
    let [high, low] = number;
    record(HANDSHAKE, version, [0, 0, 0, 0, high, low], &message)
}

/// A record of epoch 0.
fn record(kind: u8, version: [u8; 2], sequence: [u8; 6], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[kind], &version[..], &[0, 0], &sequence, &length, payload].concat()
}

fn period(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / PERIOD.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn hello_body(cookie: &[u8]) -> Vec<u8> {
        let cookie_length = u8::try_from(cookie.len()).unwrap();
        [&DTLS12[..], &[7; 32], &[2, 8, 9], &[cookie_length], cookie, &[0, 2, 0xc0, 0xa8, 1, 0]].concat()
    }

    fn hello(sequence: u16, cookie: &[u8]) -> Vec<u8> {
        handshake(CLIENT_HELLO, DTLS12, sequence, &hello_body(cookie))
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_cookie_is_good_for_its_hello_its_address_and_its_time() {
        let (key, now, from) =
            (CookieKey::new(Secret::new([1; 32])), UNIX_EPOCH + NOW, address("192.0.2.1:5000"));
        let first = hello(0, b"");
        let first = DatagramHello::parse(&first).unwrap();
        let cookie = key.cookie(&first, from, now);
        assert_eq!(key.proved(&first, from, now), None);
        let second = hello(1, &cookie);
        let second = DatagramHello::parse(&second).unwrap();
        assert_eq!(key.proved(&second, from, now), Some(cookie));
        assert_eq!(key.proved(&second, address("[::ffff:192.0.2.1]:5000"), now), Some(cookie));
        assert_eq!(key.proved(&second, from, now + PERIOD), Some(cookie));
        assert_eq!(key.proved(&second, from, now + PERIOD * 2), None);
        for elsewhere in ["192.0.2.2:5000", "192.0.2.1:5001", "[2001:db8::1]:5000"] {
            assert_eq!(key.proved(&second, address(elsewhere), now), None, "{elsewhere}");
        }
        assert_eq!(CookieKey::new(Secret::new([2; 32])).proved(&second, from, now), None);
        for (sequence, fits) in [(0, false), (1, true), (3, true), (4, false), (u16::MAX, false)] {
            let again = hello(sequence, &cookie);
            let again = DatagramHello::parse(&again).unwrap();
            assert_eq!(key.proved(&again, from, now).is_some(), fits, "{sequence}");
        }
        let mut other = hello(1, &cookie);
        *other.last_mut().unwrap() = 1;
        assert_eq!(key.proved(&DatagramHello::parse(&other).unwrap(), from, now), None, "another hello");
    }

    #[test]
    fn a_request_for_a_cookie_is_the_rfcs_and_no_longer_than_the_hello() {
        let first = hello(2, b"");
        let request = hello_verify_request(&DatagramHello::parse(&first).unwrap(), &[5; 32]);
        let expected =
            "16feff0000000000000002002f030000230002000000000023feff20".to_owned() + &"05".repeat(32);
        assert_eq!(crate::hex::encode(&request), expected);
        assert!(request.len() <= first.len());
        assert_eq!(
            crate::hex::encode(&FatalAlert::UnknownPskIdentity.datagram()),
            "15fefd0000000100000000000202".to_owned() + "73"
        );
    }

    #[test]
    fn what_a_client_must_have_said_before_is_its_hello_without_the_cookie() {
        let third = hello(2, &[5; 32]);
        let third = DatagramHello::parse(&third).unwrap();
        assert_eq!(third.predecessors(), [hello(0, b""), hello(1, b"")]);
        assert_eq!(third.random(), Some([7; 32]));
        for none in [0, 4, u16::MAX] {
            assert!(DatagramHello::parse(&hello(none, b"")).unwrap().predecessors().is_empty());
        }
    }

    #[test]
    fn a_hello_is_whole_in_the_clear_or_none() {
        let whole = hello(1, &[5; 32]);
        // Suites and what follows are the library's to read.
        let message = whole.len();
        for end in 0..message {
            assert_eq!(DatagramHello::parse(&whole[..end]), None, "{end}");
        }
        let body = hello_body(&[5; 32]);
        for end in 0..body.len() - 6 {
            let cut = handshake(CLIENT_HELLO, DTLS12, 0, &body[..end]);
            assert_eq!(DatagramHello::parse(&cut), None, "{end}");
        }
        for (place, octet) in [(0, 23), (4, 1), (13, 2), (16, 1), (21, 1)] {
            let mut other = whole.clone();
            other[place] = octet;
            assert_eq!(DatagramHello::parse(&other), None, "{place}");
        }
    }

    #[test]
    fn an_identity_is_heard_whole_and_in_the_clear() {
        let identity = b"3GPP-bootstrapping;a@b";
        let body = [&[0, u8::try_from(identity.len()).unwrap()][..], identity].concat();
        let exchange = handshake(CLIENT_KEY_EXCHANGE, DTLS12, 2, &body);
        let whole = [exchange.clone(), record(20, DTLS12, [0; 6], &[1])].concat();
        assert_eq!(named_identity(&whole).as_deref(), Some(&identity[..]));
        let after = [record(20, DTLS12, [0; 6], &[1]), exchange.clone()].concat();
        assert_eq!(named_identity(&after).as_deref(), Some(&identity[..]));
        for end in 0..exchange.len() {
            assert_eq!(named_identity(&whole[..end]), None, "{end}");
        }
        for (place, octet) in [(0, 23), (4, 1), (13, 1), (21, 1)] {
            let mut other = exchange.clone();
            other[place] = octet;
            assert_eq!(named_identity(&other), None, "{place}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            for octets in [octets.clone(), record(HANDSHAKE, DTLS12, [0; 6], &octets), handshake(CLIENT_HELLO, DTLS12, 1, &octets)] {
                let _ = named_identity(&octets);
                if let Some(hello) = DatagramHello::parse(&octets) {
                    let before = hello.predecessors();
                    prop_assert!(before.iter().all(|before| DatagramHello::parse(before).is_some_and(|before| before.random() == hello.random())));
                }
            }
        }
    }
}
