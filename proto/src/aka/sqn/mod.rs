//! Sequence numbers (TS 33.102 annex C): SQN = SEQ ‖ IND, 48 bits.

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
