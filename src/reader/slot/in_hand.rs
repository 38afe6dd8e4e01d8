//! Which cards this process has in its hands.
//!
//! A process that ends in the middle of a PC/SC transaction has its card reset by the service, whoever shares it. So
//! before the end every job stops at the command it is at, and the cards are given back.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The process's: what ends is the process.
static PROCESS: Hands = Hands::new();

/// Lets no job send another command to its card, and waits until all cards are given back, for `limit` at most. Only
/// for the end of the process: no slot gets a card any more. `false` if a card still holds its thread then.
pub fn leave_all_cards(limit: Duration) -> bool {
    PROCESS.leave_all(limit)
}

/// Whether jobs are to stop.
pub(super) fn is_ending() -> bool {
    PROCESS.seen().ending
}

/// One card in hand, from its job's first command until it is given back.
pub(super) struct InHand(&'static Hands);

impl InHand {
    /// `None` when the process ends.
    pub(super) fn take() -> Option<Self> {
        PROCESS.take()
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.seen().cards -= 1;
        self.0.fewer.notify_all();
    }
}

struct Hands {
    seen: Mutex<Seen>,
    fewer: Condvar,
}

struct Seen {
    cards: usize,
    ending: bool,
}

impl Hands {
    const fn new() -> Self {
        Self { seen: Mutex::new(Seen { cards: 0, ending: false }), fewer: Condvar::new() }
    }

    fn take(&'static self) -> Option<InHand> {
        let mut seen = self.seen();
        if seen.ending {
            return None;
        }
        seen.cards += 1;
        Some(InHand(self))
    }

    fn leave_all(&self, limit: Duration) -> bool {
        let mut seen = self.seen();
        seen.ending = true;
        let left = self.fewer.wait_timeout_while(seen, limit, |seen| seen.cards > 0);
        left.unwrap_or_else(PoisonError::into_inner).0.cards == 0
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_waits_for_cards_in_hand_and_lets_none_be_taken() {
        static HANDS: Hands = Hands::new();
        let card = HANDS.take().unwrap();
        assert!(!HANDS.leave_all(Duration::ZERO), "one is in hand");
        assert!(HANDS.take().is_none());
        let gives_back = std::thread::spawn(move || drop(card));
        assert!(HANDS.leave_all(Duration::from_secs(20)));
        gives_back.join().unwrap();
    }
}
