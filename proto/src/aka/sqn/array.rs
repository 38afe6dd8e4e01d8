//! The card's side: which numbers are fresh (TS 33.102 annex C.2).

use super::{DELTA, Sqn, SqnFormat};
use crate::reader::{Reader, Truncated};

/// What a card says of a sequence number whose MAC it has verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Fresh, and remembered.
    Accepted,
    /// Not fresh. The number is SQN_MS, the highest that the card has accepted, for AUTS.
    Stale(Sqn),
}

/// What a card is personalised with: the format, and limits in steps of SEQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqnPolicy {
    format: SqnFormat,
    delta: Option<u64>,
    age_limit: Option<u64>,
}

impl SqnPolicy {
    /// With Δ = [`DELTA`] and without an age limit.
    #[must_use]
    pub const fn new(format: SqnFormat) -> Self {
        Self { format, delta: Some(DELTA), age_limit: None }
    }

    /// With another Δ: by how much SEQ may exceed the highest accepted one (annex C.2.1). `None`, or 2^48 − 1
    /// and more: by any amount.
    #[must_use]
    pub const fn with_delta(self, delta: Option<u64>) -> Self {
        Self { delta: effective(delta), ..self }
    }

    /// With an age limit L: SEQ must be less than L below the highest accepted one (annex C.2.2). `None`, or
    /// 2^48 − 1 and more: no limit.
    #[must_use]
    pub const fn with_age_limit(self, age_limit: Option<u64>) -> Self {
        Self { age_limit: effective(age_limit), ..self }
    }

    /// SEQ ‖ IND.
    #[must_use]
    pub const fn format(self) -> SqnFormat {
        self.format
    }
}

impl Default for SqnPolicy {
    fn default() -> Self {
        Self::new(SqnFormat::default())
    }
}

/// The highest SEQ that a card has accepted for each IND (TS 33.102 annex C.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqnArray {
    policy: SqnPolicy,
    /// SEQ_MS(i), one for each IND. Zero: none accepted yet.
    seq_ms: Vec<u64>,
}

/// Why octets are no stored array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SqnArrayError {
    /// The octets end too early.
    #[error("sequence number array cut short: {0}")]
    Truncated(#[from] Truncated),
    /// Octets follow the last entry.
    #[error("{0} octets after the sequence number array")]
    Trailing(usize),
    /// IND has 8 bits at the most.
    #[error("an IND of {0} bits")]
    IndBits(u8),
    /// An entry is greater than SEQ can be.
    #[error("entry {0} of the sequence number array is greater than SEQ can be")]
    Entry(usize),
}

impl SqnArray {
    /// The array of a card that has accepted nothing.
    #[must_use]
    pub fn new(policy: SqnPolicy) -> Self {
        Self { policy, seq_ms: vec![0; usize::from(policy.format.ind_max()) + 1] }
    }

    /// The array of a card that has accepted `sqn` and nothing else, by whatever step.
    #[must_use]
    pub fn having_accepted(policy: SqnPolicy, sqn: Sqn) -> Self {
        let mut array = Self::new(policy);
        array.store(sqn);
        array
    }

    /// What the card was personalised with.
    #[must_use]
    pub const fn policy(&self) -> SqnPolicy {
        self.policy
    }

    /// Whether the number would be accepted, without accepting it.
    #[must_use]
    pub fn check(&self, sqn: Sqn) -> Freshness {
        let SqnPolicy { format, delta, age_limit } = self.policy;
        let highest = self.highest();
        let (seq, seq_ms) = (format.seq(sqn), format.seq(highest));
        let in_reach = delta.is_none_or(|delta| seq.saturating_sub(seq_ms) <= delta);
        let young = age_limit.is_none_or(|limit| seq > seq_ms || seq_ms - seq < limit);
        let unused = self.seq_ms.get(usize::from(format.ind(sqn))).is_some_and(|used| seq > *used);
        if in_reach && young && unused { Freshness::Accepted } else { Freshness::Stale(highest) }
    }

    /// Accepts the number and remembers it, or refuses it and stays as it is.
    pub fn accept(&mut self, sqn: Sqn) -> Freshness {
        let freshness = self.check(sqn);
        if freshness == Freshness::Accepted {
            self.store(sqn);
        }
        freshness
    }

    /// SQN_MS: the highest number accepted for any IND; zero if there is none.
    #[must_use]
    pub fn highest(&self) -> Sqn {
        let accepted = (0..=u8::MAX).zip(&self.seq_ms).filter(|(_, seq)| **seq > 0);
        accepted.filter_map(|(ind, seq)| self.policy.format.join(*seq, ind)).max().unwrap_or_default()
    }

    /// To keep in a file: IND's bits (1 octet), Δ and L (6 each, all ones where there is none), then
    /// SEQ_MS(0), SEQ_MS(1), … (6 each), big-endian. With five bits of IND, 205 octets.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let SqnPolicy { format, delta, age_limit } = self.policy;
        let limits = [delta, age_limit].map(|limit| limit.unwrap_or(Sqn::MAX));
        let numbers = limits.iter().chain(&self.seq_ms).flat_map(|value| Sqn(*value).octets());
        std::iter::once(format.ind_bits()).chain(numbers).collect()
    }

    /// Reads what [`SqnArray::encode`] wrote.
    pub fn decode(octets: &[u8]) -> Result<Self, SqnArrayError> {
        let mut reader = Reader::new(octets);
        let number = |reader: &mut Reader<'_>| reader.array().map(|octets| Sqn::from_octets(octets).value());
        let ind_bits = reader.u8()?;
        let format = SqnFormat::new(ind_bits).ok_or(SqnArrayError::IndBits(ind_bits))?;
        let delta = Some(number(&mut reader)?);
        let age_limit = Some(number(&mut reader)?);
        let policy = SqnPolicy::new(format).with_delta(delta).with_age_limit(age_limit);
        let mut array = Self::new(policy);
        for (ind, entry) in array.seq_ms.iter_mut().enumerate() {
            *entry = number(&mut reader)?;
            if *entry > format.seq_max() {
                return Err(SqnArrayError::Entry(ind));
            }
        }
        if reader.is_empty() { Ok(array) } else { Err(SqnArrayError::Trailing(reader.rest().len())) }
    }

    fn store(&mut self, sqn: Sqn) {
        let format = self.policy.format;
        if let Some(entry) = self.seq_ms.get_mut(usize::from(format.ind(sqn))) {
            *entry = format.seq(sqn);
        }
    }
}

/// A limit that can be reached: no difference of two SEQs is greater than 2^48 − 1.
const fn effective(limit: Option<u64>) -> Option<u64> {
    match limit {
        Some(limit) if limit < Sqn::MAX => Some(limit),
        _ => None,
    }
}
