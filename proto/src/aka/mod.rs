//! UMTS authentication and key agreement (TS 33.102 clause 6.3): the values, and who computes them.
//!
//! [`milenage`] and [`tuak`] are the algorithms, [`vector`] makes a vector (network side) and checks one
//! (card side), [`sqn`] keeps sequence numbers on both sides, [`convert`] has the GSM conversions.

pub mod convert;
pub mod milenage;
pub mod sqn;
pub mod tuak;
pub mod vector;

pub use sqn::Sqn;
pub use vector::{AuthVector, AutnError, AutsError, Verified};

use crate::secret::{Secret, SecretBytes, named_secret};

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

/// User response, 4 to 32 octets (TS 33.102 clause 6.3.7 and TS 35.231 clause 6.2). A password on Ub, so a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Res(SecretBytes);

impl Res {
    /// Takes 4 to 32 octets; `None` for any other number.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (4..=32).contains(&bytes.len()).then(|| Self(bytes.into()))
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
}

/// A subscriber's long-term key, as a subscriber file or a card personalisation gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AkaKey {
    /// MILENAGE, TS 35.206.
    Milenage {
        /// K, 16 octets.
        k: Secret<16>,
        /// OPc, 16 octets.
        opc: Secret<16>,
    },
    /// TUAK, TS 35.231.
    Tuak {
        /// K, 16 or 32 octets.
        k: SecretBytes,
        /// TOPc, 32 octets.
        topc: Secret<32>,
        /// Octets of RES: 4, 8, 16 or 32.
        res_octets: u8,
        /// Keccak iterations, 1 or more.
        iterations: u8,
    },
}
