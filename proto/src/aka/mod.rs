//! UMTS authentication and key agreement (TS 33.102 clause 6.3): the values, and who computes them.
//!
//! [`milenage`] and [`tuak`] are the algorithms, [`AkaKey`] is a subscriber's key for either, [`vector`] makes
//! a vector (network side) and checks one (card side), [`sqn`] keeps sequence numbers on both sides,
//! [`convert`] has the GSM conversions.
//!
//! ```
//! use ksnaf_proto::aka::sqn::{SqnArray, SqnFormat, SqnGenerator, SqnPolicy};
//! use ksnaf_proto::aka::{AkaKey, Amf, Rand, Sqn, vector};
//! use ksnaf_proto::secret::Secret;
//!
//! let key = AkaKey::milenage_from_op(Secret::new([1; 16]), &Secret::new([2; 16]));
//! let algorithm = key.algorithm()?;
//!
//! // The AuC steps on and makes a vector; the card checks it.
//! let sqn = SqnGenerator::for_gba(SqnFormat::default()).next_after(Sqn::default())?;
//! let vector = vector::generate(&algorithm, Rand([3; 16]), sqn, Amf([0x80, 0]));
//! let mut array = SqnArray::new(SqnPolicy::default());
//! let verified = vector::verify(&algorithm, &vector.rand, &vector.autn, |sqn| array.accept(sqn))?;
//! assert_eq!(verified.res, vector.xres);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod convert;
mod key;
#[cfg(test)]
mod known_answers;
pub mod milenage;
pub mod sqn;
pub mod tuak;
pub mod vector;

pub use key::{AkaKey, AkaKeyError};
pub use sqn::Sqn;
pub use vector::{AuthVector, AutnError, AutsError, Verified};

use crate::secret::{SecretBytes, named_secret};

/// Random challenge, 16 octets. Public: it stands in the nonce and in the B-TID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rand(pub [u8; 16]);

/// Authentication token, 16 octets: (SQN ⊕ AK) ‖ AMF ‖ MAC (TS 33.102 clause 6.3.2). Towards a GBA_U card, AUTN*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autn(pub [u8; 16]);

/// Resynchronisation token, 14 octets: (SQN_MS ⊕ AK*) ‖ MAC-S (TS 33.102 clause 6.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auts(pub [u8; 14]);

/// Authentication management field, 2 octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amf(pub [u8; 2]);

impl Amf {
    /// What f1* takes in place of the AMF, so that AUTS needs no AMF (TS 33.102 clause 6.3.3).
    pub const RESYNC: Self = Self([0, 0]);
}

impl Autn {
    /// (SQN ⊕ AK) ‖ AMF ‖ MAC.
    fn new(concealed: Sqn, amf: Amf, mac: &Mac) -> Self {
        let head = u64::from(u16::from_be_bytes(amf.0)) | concealed.value() << 16;
        Self((u128::from(head) << 64 | u128::from(mac.number())).to_be_bytes())
    }

    /// SQN ⊕ AK.
    const fn concealed(self) -> Sqn {
        let [a, b, c, d, e, f, ..] = self.0;
        Sqn::from_octets([a, b, c, d, e, f])
    }

    /// AMF, which AUTN carries in the clear.
    #[must_use]
    pub const fn amf(self) -> Amf {
        let [_, _, _, _, _, _, a, b, ..] = self.0;
        Amf([a, b])
    }

    const fn mac(self) -> Mac {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        Mac::new([a, b, c, d, e, f, g, h])
    }
}

impl Auts {
    /// (SQN_MS ⊕ AK*) ‖ MAC-S.
    fn new(concealed: Sqn, mac: &Mac) -> Self {
        let [_, _, octets @ ..] =
            (u128::from(concealed.value()) << 64 | u128::from(mac.number())).to_be_bytes();
        Self(octets)
    }

    /// SQN_MS ⊕ AK*.
    const fn concealed(self) -> Sqn {
        let [a, b, c, d, e, f, ..] = self.0;
        Sqn::from_octets([a, b, c, d, e, f])
    }

    const fn mac(self) -> Mac {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        Mac::new([a, b, c, d, e, f, g, h])
    }
}

named_secret! {
    /// Cipher key, 16 octets.
    Ck, 16
}
named_secret! {
    /// Integrity key, 16 octets.
    Ik, 16
}
named_secret! {
    /// Anonymity key, 6 octets.
    Ak, 6
}
named_secret! {
    /// MAC-A or MAC-S as AUTN and AUTS carry it, 8 octets.
    Mac, 8
}

impl Mac {
    fn number(&self) -> u64 {
        u64::from_be_bytes(*self.danger_expose())
    }
}

/// User response, 4 to 32 octets (TS 33.102 clause 6.3.7 and TS 35.231 clause 6.2). A password on Ub, so a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Res(SecretBytes);

impl Res {
    /// Takes 4 to 32 octets; `None` for any other number.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (4..=32).contains(&bytes.len()).then(|| Self(bytes.into()))
    }

    /// Takes what an algorithm gives: its lengths are among those that [`Res::new`] takes.
    const fn from_algorithm(octets: SecretBytes) -> Self {
        Self(octets)
    }

    /// The octets, for a digest or for the wire. Never for a log.
    #[must_use]
    pub fn danger_expose(&self) -> &[u8] {
        self.0.danger_expose()
    }

    /// How many octets there are.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.0.len()
    }
}

/// What f2 to f5 give for one RAND.
#[derive(Debug, Clone)]
pub struct Derived {
    /// f2.
    pub res: Res,
    /// f3.
    pub ck: Ck,
    /// f4.
    pub ik: Ik,
    /// f5.
    pub ak: Ak,
}

/// An algorithm set for one subscriber, with its K and operator constant inside.
pub trait AkaAlgorithm: Send + Sync {
    /// MAC-A.
    fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Mac;
    /// MAC-S.
    fn f1_star(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Mac;
    /// RES, CK, IK and AK.
    fn f2345(&self, rand: &Rand) -> Derived;
    /// AK for a resynchronisation.
    fn f5_star(&self, rand: &Rand) -> Ak;
    /// MAC-A and the rest for one vector, for algorithms that share work between them.
    fn f12345(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> (Mac, Derived) {
        (self.f1(rand, sqn, amf), self.f2345(rand))
    }
}

impl<A: AkaAlgorithm + ?Sized> AkaAlgorithm for Box<A> {
    fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Mac {
        (**self).f1(rand, sqn, amf)
    }

    fn f1_star(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Mac {
        (**self).f1_star(rand, sqn, amf)
    }

    fn f2345(&self, rand: &Rand) -> Derived {
        (**self).f2345(rand)
    }

    fn f5_star(&self, rand: &Rand) -> Ak {
        (**self).f5_star(rand)
    }

    fn f12345(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> (Mac, Derived) {
        (**self).f12345(rand, sqn, amf)
    }
}
