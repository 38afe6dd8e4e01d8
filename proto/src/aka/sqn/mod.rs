//! Sequence numbers (TS 33.102 annex C): SQN = SEQ ‖ IND, 48 bits.
//!
//! The AuC steps SEQ on for every vector and says with IND which of the card's counters the vector is for
//! ([`SqnGenerator`]). The card keeps the greatest SEQ it accepted for each IND ([`SqnArray`]), so vectors for
//! different INDs may arrive in any order. A card that refuses a number says in AUTS where it is, and the AuC
//! steps on from there.

mod array;
mod generator;

pub use array::{Freshness, SqnArray, SqnArrayError, SqnPolicy};
pub use generator::{SqnExhausted, SqnGenerator};

/// A sequence number: 48 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sqn(u64);

impl Sqn {
    /// The greatest value, 2^48 − 1.
    pub const MAX: u64 = (1 << 48) - 1;

    /// A value of at most 48 bits; `None` above.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX { Some(Self(value)) } else { None }
    }

    /// Six octets, big-endian.
    #[must_use]
    pub const fn from_octets([a, b, c, d, e, f]: [u8; 6]) -> Self {
        Self(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// Six octets, big-endian.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        let [_, _, a, b, c, d, e, f] = self.0.to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// As a number.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// Where SEQ ends and IND begins: the number of IND's bits, 0 to 8 (TS 33.102 annex C.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqnFormat {
    ind_bits: u8,
}

impl SqnFormat {
    /// A format with this many bits of IND, so 2^`ind_bits` counters in the card; `None` above 8.
    #[must_use]
    pub const fn new(ind_bits: u8) -> Option<Self> {
        if ind_bits <= 8 { Some(Self { ind_bits }) } else { None }
    }

    /// How many bits IND has.
    #[must_use]
    pub const fn ind_bits(self) -> u8 {
        self.ind_bits
    }

    /// The greatest IND.
    #[must_use]
    pub const fn ind_max(self) -> u8 {
        ((1u16 << self.ind_bits) - 1) as u8
    }

    /// The greatest SEQ.
    #[must_use]
    pub const fn seq_max(self) -> u64 {
        Sqn::MAX >> self.ind_bits
    }

    /// SEQ of a number.
    #[must_use]
    pub const fn seq(self, sqn: Sqn) -> u64 {
        sqn.0 >> self.ind_bits
    }

    /// IND of a number.
    #[must_use]
    pub const fn ind(self, sqn: Sqn) -> u8 {
        (sqn.0 & self.ind_max() as u64) as u8
    }

    /// SEQ ‖ IND; `None` if either does not fit.
    #[must_use]
    pub const fn join(self, seq: u64, ind: u8) -> Option<Sqn> {
        if seq <= self.seq_max() && ind <= self.ind_max() {
            Some(Sqn(seq << self.ind_bits | ind as u64))
        } else {
            None
        }
    }
}

impl Default for SqnFormat {
    /// Five bits of IND, 43 of SEQ, as the profiles of annex C.3 have it.
    fn default() -> Self {
        Self { ind_bits: 5 }
    }
}

/// Δ of the profiles of annex C.3: the greatest step of SEQ that a card takes at once.
pub const DELTA: u64 = 1 << 28;

#[cfg(test)]
mod tests;
