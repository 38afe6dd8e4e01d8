//! Spread for timers and starting points for counters, from a seed that the caller draws.

use std::time::Duration;

/// A sequence of pseudo-random numbers. It spreads timers; nothing secret comes of it.
#[derive(Debug, Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// Begins a sequence; seed it from a good source, so that nodes do not beat in time.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (SplitMix64).
    pub const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The upper half of the next number.
    pub const fn draw_u32(&mut self) -> u32 {
        (self.draw() >> 32) as u32
    }

    /// A span from `low` up to, and not including, `low + width`.
    pub fn span(&mut self, low: Duration, width: Duration) -> Duration {
        let width = u64::try_from(width.as_nanos()).unwrap_or(u64::MAX);
        let share = (u128::from(self.draw()) * u128::from(width)) >> 64;
        low.saturating_add(Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_stay_in_their_bounds_and_spread() {
        let mut jitter = Jitter::new(1);
        let (low, width) = (Duration::from_secs(28), Duration::from_secs(4));
        let spans: Vec<_> = (0..1000).map(|_| jitter.span(low, width)).collect();
        assert!(spans.iter().all(|span| (low..low + width).contains(span)));
        assert!(spans.iter().any(|span| *span < low + width / 8));
        assert!(spans.iter().any(|span| *span > low + width * 7 / 8));
        assert_eq!(jitter.span(low, Duration::ZERO), low);
    }
}
