//! When to try a peer again (RFC 6733 clause 2.1, whose timer Tc is the ceiling).

use crate::diameter::jitter::Jitter;
use std::time::Duration;

/// Delays that double from `first` up to `ceiling`, each spread by a quarter to either side.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    ceiling: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with `first`; never above `ceiling` before the spread.
    #[must_use]
    pub fn new(first: Duration, ceiling: Duration) -> Self {
        let first = first.min(ceiling);
        Self { first, ceiling, next: first }
    }

    /// How long to wait before the next attempt.
    pub fn draw(&mut self, jitter: &mut Jitter) -> Duration {
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(self.ceiling);
        jitter.span(delay * 3 / 4, delay / 2)
    }

    /// The peer is well again.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }
}

impl Default for Backoff {
    /// One second up to thirty, the value that RFC 6733 recommends for Tc.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_the_ceiling_and_begin_again() {
        let mut backoff = Backoff::default();
        let mut jitter = Jitter::new(7);
        let mut check = |backoff: &mut Backoff, seconds: u64| {
            let delay = backoff.draw(&mut jitter).as_secs_f64() / seconds as f64;
            assert!((0.75..1.25).contains(&delay), "{seconds}: {delay}");
        };
        for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
            check(&mut backoff, seconds);
        }
        backoff.reset();
        check(&mut backoff, 1);
    }
}
