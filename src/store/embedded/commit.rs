//! Group commit: one thread takes what is queued, does all of it in one transaction, waits for the disk once, and then
//! answers everybody.
//!
//! While the disk works the next group gathers, so that many callers share one wait and a single caller waits for its
//! own change alone. The queue is bounded: callers wait for room in it.

use super::codec::{decode_number, encode_number};
use super::engine::{Engine, Table, Transaction};
use super::mark::Mark;
use super::seal::Sealer;
use crate::store::{StoreError, StoreFuture};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Key in [`Table::Meta`] of the number of commits so far.
const COMMITS: &[u8] = b"commits";

/// What an operation carries from one transaction to the next.
#[derive(Default)]
pub(super) struct Memory {
    /// Up to which expiry, as octets that sort, everything has been swept.
    pub(super) swept: Vec<u8>,
}

/// An operation: does its part and leaves the answer to be given once the commit is known.
type Job = Box<dyn FnOnce(&mut Transaction<'_>, &mut Memory) -> Settle + Send>;
type Settle = Box<dyn FnOnce(Option<&Arc<StoreError>>) + Send>;

/// The way to the writing thread. The thread ends, everything done, when this is dropped.
pub(super) struct Committer {
    queue: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

impl Committer {
    /// Starts the thread. `queue` operations may wait, `group` share one commit, both at the most.
    pub(super) fn start(
        engine: Arc<Engine>,
        sealer: Sealer,
        mark: Mark,
        queue: usize,
        group: usize,
    ) -> Result<Self, StoreError> {
        let commits = commits(&engine)?;
        let (sender, jobs) = mpsc::channel(queue.max(1));
        let writer = Writer { engine, sealer, mark, commits, memory: Memory::default() };
        let thread = std::thread::Builder::new()
            .name("ksnaf-store".to_owned())
            .spawn(move || writer.run(jobs, group.max(1)))
            .map_err(|error| StoreError::Engine(Box::new(error)))?;
        Ok(Self { queue: sender, thread })
    }

    /// Does an operation. Its draft is kept if it succeeds and dropped if it fails; either way the answer comes after
    /// the commit, so that nobody acts on what is not durable. A caller that no longer waits does not undo it.
    pub(super) fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Transaction<'_>, &mut Memory) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (done, wait) = oneshot::channel();
        let job: Job = Box::new(move |transaction, memory| {
            let answer =
                operation(transaction, memory).and_then(|answer| transaction.keep().map(|()| answer));
            transaction.discard();
            Box::new(move |failed| {
                let answer = match failed {
                    Some(error) => Err(StoreError::Engine(Box::new(Arc::clone(error)))),
                    None => answer,
                };
                // Nobody may be waiting any more.
                let _unheard = done.send(answer);
            })
        });
        Box::pin(async move {
            self.queue.send(job).await.map_err(|_| StoreError::Closed)?;
            wait.await.map_err(|_| StoreError::Closed)?
        })
    }

    /// Takes nothing more in, does what is queued, and waits for the thread.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        drop(self.queue);
        self.thread.join().map_err(|_| StoreError::Closed)
    }
}

/// How many commits the database has seen.
pub(super) fn commits(engine: &Engine) -> Result<u64, StoreError> {
    Ok(engine.snapshot().get(Table::Meta, COMMITS, decode_number)?.unwrap_or(0))
}

struct Writer {
    engine: Arc<Engine>,
    sealer: Sealer,
    mark: Mark,
    commits: u64,
    memory: Memory,
}

impl Writer {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>, group: usize) {
        while let Some(first) = jobs.blocking_recv() {
            let mut transaction = self.engine.begin(&mut self.sealer);
            let mut answers = vec![first(&mut transaction, &mut self.memory)];
            while answers.len() < group
                && let Ok(next) = jobs.try_recv()
            {
                answers.push(next(&mut transaction, &mut self.memory));
            }
            let failed = commit(transaction, &mut self.commits, &mut self.mark).err().map(Arc::new);
            if let Some(error) = &failed {
                tracing::error!(%error, "a commit failed; its changes were not acknowledged");
            }
            for answer in answers {
                answer(failed.as_ref());
            }
        }
    }
}

/// Commits, and then notes outside the database that this many commits are durable.
fn commit(mut transaction: Transaction<'_>, commits: &mut u64, mark: &mut Mark) -> Result<(), StoreError> {
    if transaction.is_empty() {
        return Ok(());
    }
    let number = commits.saturating_add(1);
    transaction.put(Table::Meta, COMMITS, &encode_number(number))?;
    transaction.keep()?;
    transaction.commit()?;
    *commits = number;
    mark.set(number);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::codec::{decode_name, encode_name};
    use super::super::{EmbeddedStore, Options};
    use super::*;

    fn fresh() -> (tempfile::TempDir, EmbeddedStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(dir.path(), &Options::default()).unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn an_operation_that_fails_leaves_nothing_and_takes_nobody_along() {
        let (_dir, store) = fresh();
        let put = |key: &'static [u8], fails: bool| {
            store.change(move |transaction, _| {
                transaction.put(Table::SharedSecret, key, &encode_name("kept"))?;
                if fails { Err(StoreError::TooLarge("test")) } else { Ok(()) }
            })
        };
        let (first, failed, last) =
            tokio::join!(put(b"first", false), put(b"failed", true), put(b"last", false));
        assert!(first.is_ok() && last.is_ok());
        assert!(matches!(failed, Err(StoreError::TooLarge("test"))));
        let kept = |key: &[u8]| store.engine.snapshot().get(Table::SharedSecret, key, decode_name).unwrap();
        assert_eq!((kept(b"first").is_some(), kept(b"failed"), kept(b"last").is_some()), (true, None, true));
    }

    #[tokio::test]
    async fn what_changes_nothing_makes_no_commit() {
        let (_dir, store) = fresh();
        let before = commits(&store.engine).unwrap();
        store.change(|_, _| Ok(())).await.unwrap();
        assert_eq!(commits(&store.engine).unwrap(), before);
        store
            .change(|transaction, _| transaction.put(Table::SharedSecret, b"a", &encode_name("")))
            .await
            .unwrap();
        assert_eq!(commits(&store.engine).unwrap(), before + 1);
    }

    #[tokio::test]
    async fn after_a_panic_everybody_is_told_that_the_store_is_closed() {
        let (_dir, store) = fresh();
        let panicked: StoreFuture<'_, ()> = store.change(|_, _| panic!("as a test"));
        assert!(matches!(panicked.await, Err(StoreError::Closed)));
        assert!(matches!(store.change(|_, _| Ok(())).await, Err(StoreError::Closed)));
    }
}
