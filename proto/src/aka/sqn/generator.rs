//! The network's side: the next number, and where to go on after a resynchronisation.

use super::{DELTA, Sqn, SqnFormat};
use std::num::NonZeroU64;

/// How an AuC steps sequence numbers, the scheme that is not time-based (TS 33.102 annex C.1.1.2).
///
/// A pure rule: SQN_HE, one per subscriber, is the caller's to store. Store the number given out, or one beyond
/// it, before the vector leaves the AuC: then a crash may skip numbers and never repeats one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqnGenerator {
    format: SqnFormat,
    ind: u8,
    delta: u64,
}

/// SEQ has reached its greatest value. The subscriber needs another card: stepping on would repeat numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sequence numbers are exhausted")]
pub struct SqnExhausted;

impl SqnGenerator {
    /// Numbers with this IND; `None` if the format has no such IND.
    ///
    /// Each domain that asks for vectors needs an IND of its own, or it makes the others' vectors stale
    /// (annex C.1.2).
    #[must_use]
    pub const fn new(format: SqnFormat, ind: u8) -> Option<Self> {
        if ind <= format.ind_max() { Some(Self { format, ind, delta: DELTA }) } else { None }
    }

    /// Numbers for GBA: the greatest IND, because the other domains of an operator count theirs from 0.
    #[must_use]
    pub const fn for_gba(format: SqnFormat) -> Self {
        Self { format, ind: format.ind_max(), delta: DELTA }
    }

    /// With another Δ than [`DELTA`], for [`SqnGenerator::resynchronise`]. One greater than the card's keeps a
    /// network that is too far ahead from coming back; zero makes every resynchronisation go to SQN_MS.
    #[must_use]
    pub const fn with_delta(self, delta: u64) -> Self {
        Self { delta, ..self }
    }

    /// The number after SQN_HE: SEQ_HE + 1 with this generator's IND.
    pub fn next_after(&self, sqn_he: Sqn) -> Result<Sqn, SqnExhausted> {
        self.advance(sqn_he, NonZeroU64::MIN)
    }

    /// The last of the `count` numbers after SQN_HE: what to store in order to reserve a block of them.
    pub fn advance(&self, sqn_he: Sqn, count: NonZeroU64) -> Result<Sqn, SqnExhausted> {
        let seq = self.format.seq(sqn_he).checked_add(count.get());
        seq.and_then(|seq| self.format.join(seq, self.ind)).ok_or(SqnExhausted)
    }

    /// SQN_HE after an AUTS whose MAC-S verified (TS 33.102 clause 6.3.5): as it is where the card will accept
    /// the number after it, else SQN_MS. The vector that follows takes the number after the result.
    ///
    /// The first case keeps numbers from being given out twice when vectors were merely used out of order.
    #[must_use]
    pub fn resynchronise(&self, sqn_he: Sqn, sqn_ms: Sqn) -> Sqn {
        let seq_ms = self.format.seq(sqn_ms);
        let accepted = self.next_after(sqn_he).is_ok_and(|next| {
            let step = self.format.seq(next).checked_sub(seq_ms);
            step.is_some_and(|step| (1..=self.delta).contains(&step))
        });
        if accepted { sqn_he } else { sqn_ms }
    }
}
