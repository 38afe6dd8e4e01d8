//! Who may ask the HSS: one request a subscriber at a time, a bounded number of requests in all.
//!
//! A subscriber whom the HSS does not answer for so takes one place, however often somebody asks for them.

use super::failure::Failure;
use ksnaf_proto::identity::Impi;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of one subscriber that wait for their turn. A UE has one at a time; more is somebody's mischief.
const MAX_WAITING: usize = 8;

/// See the module.
pub(super) struct Turns {
    lines: Mutex<HashMap<Impi, Line>>,
    all: Arc<Semaphore>,
}

/// Those of one subscriber, the one whose turn it is among them.
struct Line {
    turn: Arc<Semaphore>,
    places: usize,
}

/// The right to ask; ends when it is dropped.
pub(super) struct Turn<'a> {
    _among_all: OwnedSemaphorePermit,
    _of_one: OwnedSemaphorePermit,
    _place: Place<'a>,
}

/// A place in a subscriber's line; left when it is dropped.
struct Place<'a> {
    turns: &'a Turns,
    impi: Impi,
}

impl Turns {
    /// With so many requests in all.
    pub(super) fn new(max_requests: usize) -> Self {
        Self { lines: Mutex::default(), all: Arc::new(Semaphore::new(max_requests)) }
    }

    /// Waits for a turn. The caller bounds the time.
    pub(super) async fn turn(&self, impi: &Impi) -> Result<Turn<'_>, Failure> {
        let (place, turn) = self.place(impi)?;
        let of_one = own(&turn).await?;
        let among_all = own(&self.all).await?;
        Ok(Turn { _among_all: among_all, _of_one: of_one, _place: place })
    }

    fn place(&self, impi: &Impi) -> Result<(Place<'_>, Arc<Semaphore>), Failure> {
        let mut lines = self.lines();
        let fresh = || Line { turn: Arc::new(Semaphore::new(1)), places: 0 };
        let line = lines.entry(impi.clone()).or_insert_with(fresh);
        if line.places > MAX_WAITING {
            return Err(Failure::Queue);
        }
        line.places += 1;
        Ok((Place { turns: self, impi: impi.clone() }, Arc::clone(&line.turn)))
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Impi, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn own(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure> {
    // Nobody closes these semaphores.
    Arc::clone(semaphore).acquire_owned().await.map_err(|_| Failure::Queue)
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        if let Some(line) = lines.get_mut(&self.impi) {
            line.places -= 1;
            if line.places == 0 {
                lines.remove(&self.impi);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn impi(name: &str) -> Impi {
        Impi::parse(&format!("{name}@x.example")).unwrap()
    }

    #[tokio::test]
    async fn one_subscriber_has_one_turn_and_others_have_theirs() {
        let turns = Turns::new(2);
        let first = turns.turn(&impi("a")).await.unwrap();
        assert!(turns.turn(&impi("a")).now_or_never().is_none());
        let other = turns.turn(&impi("b")).now_or_never().expect("b does not wait for a").unwrap();
        assert!(turns.turn(&impi("c")).now_or_never().is_none(), "two in all");
        drop(other);
        drop(turns.turn(&impi("c")).now_or_never().expect("a place is free").unwrap());
        drop(first);
        drop(turns.turn(&impi("a")).now_or_never().expect("a's turn is over").unwrap());
        assert!(turns.lines().is_empty(), "nothing is left of those who went");
    }

    #[tokio::test]
    async fn a_line_has_an_end() {
        let turns = Turns::new(10);
        let one = impi("a");
        let first = turns.turn(&one).await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(turns.turn(&one))).collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none());
        }
        assert!(matches!(turns.turn(&impi("a")).now_or_never(), Some(Err(Failure::Queue))));
        drop(waiting);
        drop(first);
        assert!(turns.lines().is_empty());
    }
}
