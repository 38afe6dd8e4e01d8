//! One card in one thread, with callers that never wait longer than they said.
//!
//! Cards block, and PC/SC sets no limit to it: a frozen card holds `SCardTransmit` for ever. So every card gets a
//! thread that owns it, and callers hand that thread jobs: closures that get the card for themselves. Each job has a
//! deadline. When it comes, the caller is free; the thread stays with the card until the driver lets go, and the job
//! sends nothing more. Meanwhile the slot is [`SlotState::Lost`] and turns further callers away at once. When the
//! driver comes back, so does the slot.
//!
//! A job begins with nothing selected and no PIN verified, whatever the job before it did: other programs use the card
//! between jobs, and an idle card loses its power.

mod identity;
mod in_hand;
mod job;
mod source;
#[cfg(test)]
mod tests;
mod worker;

pub use identity::CardIdentity;
pub use in_hand::leave_all_cards;
pub use source::{CardSource, OwnCard, Progress};

use self::job::{Job, Task};
use self::source::Phase;
use self::worker::Worker;
use super::{ApduTrace, ReaderError};
use ksnaf_proto::uicc::{Card, CardError};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How a slot treats its card and its callers.
#[derive(Clone)]
pub struct SlotOptions {
    /// How many jobs may wait behind the one that runs.
    pub queue: usize,
    /// How long the card stays connected after a job. A connection keeps it powered and keeps no program out, except
    /// one that wants the card for itself alone.
    pub linger: Duration,
    /// Sees every APDU.
    pub trace: Option<ApduTrace>,
}

impl Default for SlotOptions {
    fn default() -> Self {
        Self { queue: 16, linger: Duration::from_secs(5), trace: None }
    }
}

/// What a slot is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing.
    Idle,
    /// A job runs and its caller waits.
    Working,
    /// The running job's deadline has passed: the card, its driver or another program does not let go.
    Lost,
    /// Closed.
    Closed,
}

/// A card and the thread that owns it. Clones are the same slot; when the last is dropped, the thread ends after the
/// jobs that wait.
#[derive(Clone)]
pub struct Slot {
    inner: Arc<Inner>,
}

struct Inner {
    name: Arc<str>,
    jobs: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    shared: Arc<Shared>,
}

/// What the thread and the callers both see.
#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    running: Option<Arc<Progress>>,
    closing: bool,
    ended: bool,
}

/// Marks a job as abandoned when its caller goes away, by a deadline or by dropping the future.
struct Waiting(Arc<Progress>);

impl Slot {
    /// Starts the thread. `name` is the reader's; with an `identity`, jobs run on that card only.
    pub fn start(
        name: &str,
        source: impl CardSource + 'static,
        options: &SlotOptions,
        identity: Option<CardIdentity>,
    ) -> Result<Self, ReaderError> {
        let (sender, jobs) = sync_channel(options.queue);
        let shared = Arc::new(Shared::default());
        let name: Arc<str> = name.into();
        let worker = Worker::new(source, Arc::clone(&name), options, identity, Arc::clone(&shared));
        std::thread::Builder::new()
            .name(format!("card {name}"))
            .spawn(move || worker.run(&jobs))
            .map_err(|error| ReaderError::Thread { reader: name.to_string(), error })?;
        Ok(Self { inner: Arc::new(Inner { name, jobs: Mutex::new(Some(sender)), shared }) })
    }

    /// A slot for a card that is in this process.
    pub fn of_card(
        name: &str,
        card: impl Card + Send + 'static,
        options: &SlotOptions,
    ) -> Result<Self, ReaderError> {
        Self::start(name, OwnCard(card), options, None)
    }

    /// The reader's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What the slot is doing.
    #[must_use]
    pub fn state(&self) -> SlotState {
        let seen = self.inner.shared.seen();
        match &seen.running {
            _ if seen.ended => SlotState::Closed,
            Some(running) if running.is_overdue() => SlotState::Lost,
            Some(_) => SlotState::Working,
            None if seen.closing => SlotState::Closed,
            None => SlotState::Idle,
        }
    }

    /// Runs `job` on the card, with every other program kept out, and waits for its result without blocking.
    ///
    /// After `limit` the answer is an error: [`CardError::Timeout`] for a card that hangs, [`CardError::Busy`] for a
    /// card that another program holds, [`ReaderError::Overloaded`] for jobs that were before this one. Dropping the
    /// future abandons the job: it sends nothing more.
    ///
    /// Errors that mean "whatever was known of the card is void" come once, to whoever is next: [`CardError::Reset`],
    /// [`CardError::Removed`], [`ReaderError::ServiceRestarted`]. The job after that gets the card that is there.
    pub async fn with_card<T, F>(&self, limit: Duration, job: F) -> Result<T, ReaderError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Card) -> T + Send + 'static,
    {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let waiting = self.submit(limit, job, move |result| drop(reply.send(result)))?;
        let deadline = tokio::time::Instant::from_std(waiting.0.deadline());
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(self.closed()),
            Err(_) => Err(self.overdue(&waiting.0)),
        }
    }

    /// As [`Self::with_card`], for callers that may block.
    pub fn with_card_blocking<T, F>(&self, limit: Duration, job: F) -> Result<T, ReaderError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Card) -> T + Send + 'static,
    {
        let (reply, answer) = sync_channel(1);
        let waiting = self.submit(limit, job, move |result| drop(reply.send(result)))?;
        let left = waiting.0.deadline().saturating_duration_since(Instant::now());
        match answer.recv_timeout(left) {
            Ok(result) => result,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(self.overdue(&waiting.0)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(self.closed()),
        }
    }

    /// Takes no more jobs, refuses those that wait, and waits until the card has been given back, for `limit` at
    /// most. `false` if the card still holds the thread then.
    pub fn close(&self, limit: Duration) -> bool {
        self.inner.shared.seen().closing = true;
        drop(self.inner.jobs().take());
        let seen = self.inner.shared.seen();
        let ended = self.inner.shared.changed.wait_timeout_while(seen, limit, |seen| !seen.ended);
        ended.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// As [`Self::close`], without waiting, and the job that runs sends nothing more to its card.
    pub fn stop(&self) {
        let mut seen = self.inner.shared.seen();
        seen.closing = true;
        if let Some(running) = &seen.running {
            running.abandon();
        }
        drop(seen);
        drop(self.inner.jobs().take());
    }

    /// Queues a job, or says at once why it would not get the card.
    fn submit<T, F>(
        &self,
        limit: Duration,
        job: F,
        reply: impl FnOnce(Result<T, ReaderError>) + Send + 'static,
    ) -> Result<Waiting, ReaderError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Card) -> T + Send + 'static,
    {
        if let Some(running) =
            self.inner.shared.seen().running.as_ref().filter(|running| running.is_overdue())
        {
            return Err(self.card_error(running.overdue_error()));
        }
        let now = Instant::now();
        let progress = Arc::new(Progress::new(now.checked_add(limit).unwrap_or(now)));
        let waiting = Waiting(Arc::clone(&progress));
        let task = Box::new(Task::new(&self.inner.name, progress, job, reply));
        match self.inner.jobs().as_ref().map(|jobs| jobs.try_send(task)) {
            Some(Ok(())) => Ok(waiting),
            Some(Err(TrySendError::Full(_))) => {
                Err(ReaderError::Overloaded { reader: self.name().to_owned() })
            }
            Some(Err(TrySendError::Disconnected(_))) | None => Err(self.closed()),
        }
    }

    /// Why a job has no result at its deadline: its own doing, or that of the job before it.
    fn overdue(&self, own: &Progress) -> ReaderError {
        if own.phase() != Phase::Queued {
            return self.card_error(own.overdue_error());
        }
        match self.inner.shared.seen().running.as_ref().filter(|running| running.is_overdue()) {
            Some(before_it) => self.card_error(before_it.overdue_error()),
            None => ReaderError::Overloaded { reader: self.name().to_owned() },
        }
    }

    fn card_error(&self, error: CardError) -> ReaderError {
        ReaderError::Card { reader: self.name().to_owned(), error }
    }

    fn closed(&self) -> ReaderError {
        ReaderError::Closed { reader: self.name().to_owned() }
    }
}

impl Inner {
    fn jobs(&self) -> MutexGuard<'_, Option<SyncSender<Box<dyn Job>>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("name", &self.inner.name).field("state", &self.state()).finish()
    }
}
