//! GSUP messages: a type and information elements of type, length, value.
//!
//! Unknown elements are passed over; of an element that must stand once, the first counts.

use crate::aka::convert::{self, Kc, Sres};
use crate::aka::{AuthVector, Autn, Auts, Ck, Ik, Rand, Res};
use crate::identity::Imsi;
use crate::reader::{Reader, Truncated};
use crate::secret::SecretBytes;
use crate::zh::VectorError;

/// Message types.
mod kind {
    pub(super) const SEND_AUTH_INFO: u8 = 0x08;
    pub(super) const SEND_AUTH_INFO_ERROR: u8 = 0x09;
    pub(super) const SEND_AUTH_INFO_RESULT: u8 = 0x0a;
}

/// Information elements.
mod ie {
    pub(super) const IMSI: u8 = 0x01;
    pub(super) const CAUSE: u8 = 0x02;
    pub(super) const AUTH_TUPLE: u8 = 0x03;
    pub(super) const RAND: u8 = 0x20;
    pub(super) const SRES: u8 = 0x21;
    pub(super) const KC: u8 = 0x22;
    pub(super) const IK: u8 = 0x23;
    pub(super) const CK: u8 = 0x24;
    pub(super) const AUTN: u8 = 0x25;
    pub(super) const AUTS: u8 = 0x26;
    pub(super) const RES: u8 = 0x27;
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GsupError {
    /// An element that is longer than the message.
    #[error("a GSUP message that is cut off: {0}")]
    Truncated(#[from] Truncated),
    /// An element that is not there or not as it must be.
    #[error("GSUP element {0:#04x} is missing or wrong")]
    Element(u8),
}

/// SendAuthInfo: vectors are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendAuthInfo {
    /// The subscriber.
    pub imsi: Imsi,
    /// RAND and AUTS after a synchronisation failure.
    pub resync: Option<(Rand, Auts)>,
}

/// The HLR's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthInfo {
    /// The subscriber.
    pub imsi: Imsi,
    /// Vectors in the order of their sequence numbers, or why there are none.
    pub result: Result<Vec<AuthTuple>, Cause>,
}

/// What an HLR computes for one RAND.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthTuple {
    /// The randomness, public.
    pub rand: Rand,
    /// For a USIM, where the subscriber has one.
    pub vector: Option<AuthVector>,
    /// For a SIM: what 2G GBA needs.
    pub triplet: Option<(Sres, Kc)>,
}

/// Why an HLR gives no vectors: a cause of TS 24.008.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause(pub u8);

impl Cause {
    /// No such subscriber. osmo-hlr says so, too, of an AUTS that does not verify and of a subscriber without a key.
    pub const IMSI_UNKNOWN: Self = Self(0x02);
    /// Illegal MS.
    pub const ILLEGAL_MS: Self = Self(0x03);
    /// PLMN not allowed.
    pub const PLMN_NOT_ALLOWED: Self = Self(0x0b);
    /// Network failure.
    pub const NETWORK_FAILURE: Self = Self(0x11);
    /// Invalid mandatory information.
    pub const INVALID_MANDATORY_INFORMATION: Self = Self(0x60);

    /// What Ub makes of it. `resync` is whether the request carried an AUTS: a subscriber who had a vector a moment
    /// ago is not unknown, so it is the AUTS.
    #[must_use]
    pub const fn vector_error(self, resync: bool) -> VectorError {
        match self.0 {
            0x02 if resync => VectorError::AuthenticationRejected,
            0x02 => VectorError::UnknownSubscriber,
            0x03 | 0x05..=0x08 | 0x0b..=0x0f => VectorError::NotAllowed,
            _ => VectorError::Unavailable,
        }
    }
}

/// A message that an HLR sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Answer(AuthInfo),
    Other(u8),
}

impl SendAuthInfo {
    /// The message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![kind::SEND_AUTH_INFO];
        element(&mut out, ie::IMSI, &bcd(&self.imsi));
        if let Some((rand, auts)) = &self.resync {
            element(&mut out, ie::AUTS, &auts.0);
            element(&mut out, ie::RAND, &rand.0);
        }
        out
    }

    /// Reads the message, HLR side.
    ///
    /// # Errors
    /// [`GsupError`], also for a message of another type (element 0).
    pub fn parse(message: &[u8]) -> Result<Self, GsupError> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kind::SEND_AUTH_INFO {
            return Err(GsupError::Element(0));
        }
        let elements = Elements::read(reader.rest())?;
        let resync = match (elements.first(ie::RAND), elements.first(ie::AUTS)) {
            (None, None) => None,
            _ => Some((Rand(elements.array(ie::RAND)?), Auts(elements.array(ie::AUTS)?))),
        };
        Ok(Self { imsi: elements.imsi()?, resync })
    }
}

impl AuthInfo {
    /// The message, HLR side. It holds keys.
    #[must_use]
    pub fn encode(&self) -> SecretBytes {
        let mut out = Vec::with_capacity(1024);
        match &self.result {
            Ok(tuples) => {
                out.push(kind::SEND_AUTH_INFO_RESULT);
                element(&mut out, ie::IMSI, &bcd(&self.imsi));
                for tuple in tuples {
                    element(&mut out, ie::AUTH_TUPLE, tuple.encode().danger_expose());
                }
            }
            Err(cause) => {
                out.push(kind::SEND_AUTH_INFO_ERROR);
                element(&mut out, ie::IMSI, &bcd(&self.imsi));
                element(&mut out, ie::CAUSE, &[cause.0]);
            }
        }
        SecretBytes::from(out)
    }
}

/// Reads a message, client side.
pub(super) fn decode(message: &[u8]) -> Result<Incoming, GsupError> {
    let mut reader = Reader::new(message);
    let kind = reader.u8()?;
    if !matches!(kind, kind::SEND_AUTH_INFO_RESULT | kind::SEND_AUTH_INFO_ERROR) {
        return Ok(Incoming::Other(kind));
    }
    let elements = Elements::read(reader.rest())?;
    let imsi = elements.imsi()?;
    let result = if kind == kind::SEND_AUTH_INFO_RESULT {
        Ok(elements.all(ie::AUTH_TUPLE).map(AuthTuple::decode).collect::<Result<_, _>>()?)
    } else {
        let [cause] = elements.array(ie::CAUSE)?;
        Err(Cause(cause))
    };
    Ok(Incoming::Answer(AuthInfo { imsi, result }))
}

impl AuthTuple {
    /// The triplet as the vector of UMTS that converts to it (TS 33.102 clause 6.8).
    pub(super) fn of_sim(&self) -> Option<AuthVector> {
        let (sres, kc) = self.triplet.as_ref()?;
        let xres = Res::new(sres.danger_expose())?;
        Some(AuthVector {
            rand: self.rand,
            autn: Autn([0; 16]),
            xres,
            ck: convert::c4(kc),
            ik: convert::c5(kc),
        })
    }

    fn encode(&self) -> SecretBytes {
        let mut out = Vec::with_capacity(128);
        element(&mut out, ie::RAND, &self.rand.0);
        if let Some((sres, kc)) = &self.triplet {
            element(&mut out, ie::SRES, sres.danger_expose());
            element(&mut out, ie::KC, kc.danger_expose());
        }
        if let Some(vector) = &self.vector {
            element(&mut out, ie::IK, vector.ik.danger_expose());
            element(&mut out, ie::CK, vector.ck.danger_expose());
            element(&mut out, ie::AUTN, &vector.autn.0);
            element(&mut out, ie::RES, vector.xres.danger_expose());
        }
        SecretBytes::from(out)
    }

    fn decode(octets: &[u8]) -> Result<Self, GsupError> {
        let elements = Elements::read(octets)?;
        let rand = Rand(elements.array(ie::RAND)?);
        let triplet = match (elements.first(ie::SRES), elements.first(ie::KC)) {
            (None, None) => None,
            _ => Some((elements.key::<Sres>(ie::SRES)?, elements.key::<Kc>(ie::KC)?)),
        };
        // A subscriber with a SIM has no AUTN.
        let vector = match elements.first(ie::AUTN) {
            None => None,
            Some(_) => Some(AuthVector {
                rand,
                autn: Autn(elements.array(ie::AUTN)?),
                xres: elements.first(ie::RES).and_then(Res::new).ok_or(GsupError::Element(ie::RES))?,
                ck: elements.key::<Ck>(ie::CK)?,
                ik: elements.key::<Ik>(ie::IK)?,
            }),
        };
        Ok(Self { rand, vector, triplet })
    }
}

/// The elements of a message or of a tuple.
struct Elements<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Elements<'a> {
    fn read(octets: &'a [u8]) -> Result<Self, GsupError> {
        let mut reader = Reader::new(octets);
        let mut elements = Vec::new();
        while !reader.is_empty() {
            elements.push((reader.u8()?, reader.lv()?));
        }
        Ok(Self(elements))
    }

    fn all(&self, wanted: u8) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(kind, _)| *kind == wanted).map(|(_, value)| *value)
    }

    fn first(&self, wanted: u8) -> Option<&'a [u8]> {
        self.all(wanted).next()
    }

    fn array<const N: usize>(&self, wanted: u8) -> Result<[u8; N], GsupError> {
        self.first(wanted).and_then(|value| value.try_into().ok()).ok_or(GsupError::Element(wanted))
    }

    fn key<K: TryFrom<&'a [u8]>>(&self, wanted: u8) -> Result<K, GsupError> {
        self.first(wanted).and_then(|value| K::try_from(value).ok()).ok_or(GsupError::Element(wanted))
    }

    fn imsi(&self) -> Result<Imsi, GsupError> {
        self.first(ie::IMSI).and_then(read_bcd).ok_or(GsupError::Element(ie::IMSI))
    }
}

/// An element; none of ours is longer than an octet can say.
fn element(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    out.extend_from_slice(&[kind, length]);
    out.extend_from_slice(value.get(..usize::from(length)).unwrap_or(value));
}

/// Two digits an octet, the first in the low half, the last half filled up with f.
fn bcd(imsi: &Imsi) -> Vec<u8> {
    let digit = |digit: &u8| digit.wrapping_sub(b'0') & 0x0f;
    let pair = |pair: &[u8]| match pair {
        [low, high] => digit(high) << 4 | digit(low),
        [low] => 0xf0 | digit(low),
        _ => 0xff,
    };
    imsi.as_str().as_bytes().chunks(2).map(pair).collect()
}

fn read_bcd(octets: &[u8]) -> Option<Imsi> {
    let halves = octets.iter().flat_map(|octet| [octet & 0x0f, octet >> 4]);
    let mut digits: Vec<u8> = halves.collect();
    digits.pop_if(|last| *last == 0x0f);
    let digits: Option<String> = digits.into_iter().map(|digit| char::from_digit(digit.into(), 10)).collect();
    Imsi::parse(&digits?).ok()
}
