//! The store in one directory beside the process.
//!
//! [fjall](engine) keeps the records, each [sealed](seal) under a key file; one thread [commits](commit) what callers
//! ask for, many at a time. `docs/store.md` has the figures behind that choice.
//!
//! In the data directory: `store.key` (the key; without it nothing can be read), `store` (the database), `store.mark`
//! (how many commits were acknowledged), `store.lock` (who has it open).

mod associations;
mod codec;
mod commit;
mod engine;
mod key_file;
mod mark;
#[cfg(test)]
mod sample;
mod schema;
mod seal;
mod subscribers;
#[cfg(test)]
mod tests;

use super::{Added, Establishment, SeqStart, Store, StoreError, StoreFuture, Subscriber};
use commit::{Committer, Memory};
use engine::{Engine, Transaction};
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::gba::{Association, BTid, Tmpi};
use ksnaf_proto::identity::{Impi, Imsi};
use ksnaf_proto::secret::Secret;
use mark::Mark;
use seal::{Opener, Sealer};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The key file, where it is not `store.key` in the data directory.
    pub key_file: Option<PathBuf>,
    /// Octets of memory for what was read lately.
    pub cache_octets: u64,
    /// Changes that may wait for the disk before callers have to wait for room.
    pub queue: usize,
    /// Changes that share one commit at the most.
    pub group: usize,
    /// How the subscribers' sequence numbers are split.
    pub sqn_format: SqnFormat,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            key_file: None,
            cache_octets: 32 << 20,
            queue: 1024,
            group: 256,
            sqn_format: SqnFormat::default(),
        }
    }
}

/// An open store. Dropping it does what is queued first, and waits for that.
pub struct EmbeddedStore {
    // Dropped in this order: the database goes before the lock on it.
    committer: Option<Committer>,
    engine: Arc<Engine>,
    sqn_format: SqnFormat,
    _lock: File,
}

impl EmbeddedStore {
    /// Opens the store of a data directory, or makes one. Blocks: after a crash until the journal has been read.
    ///
    /// # Errors
    /// [`StoreError::InUse`] at once if another process has it open; [`StoreError::KeyFile`] if its key is missing or
    /// unusable; [`StoreError::Damaged`] if the key is another one or acknowledged changes are missing;
    /// [`StoreError::Version`] if a later version of this program wrote it; [`StoreError::Engine`].
    pub fn open(dir: &Path, options: &Options) -> Result<Self, StoreError> {
        let io = |error: std::io::Error| StoreError::Engine(Box::new(error));
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        let lock = lock(dir)?;
        let database = dir.join("store");
        let key_path = options.key_file.clone().unwrap_or_else(|| dir.join("store.key"));
        let key = key_file::load(&key_path, !database.exists())?;
        let mut sealer = Sealer::new(&key)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&database).map_err(io)?;
        let engine = Arc::new(Engine::open(&database, options.cache_octets, Opener::new(&key))?);
        schema::check(&engine, &mut sealer)?;
        let mark = Mark::open(&dir.join("store.mark"), commit::commits(&engine)?)?;
        key_file::sync_directory(dir).map_err(io)?;
        let committer = Committer::start(Arc::clone(&engine), sealer, mark, options.queue, options.group)?;
        Ok(Self { committer: Some(committer), engine, sqn_format: options.sqn_format, _lock: lock })
    }

    /// Does what is queued, puts everything on the disk and gives the directory free.
    pub async fn close(mut self) -> Result<(), StoreError> {
        let committer = self.committer.take();
        blocking(move || {
            committer.map_or(Ok(()), Committer::finish)?;
            self.engine.persist()
        })
        .await
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        let finished = self.committer.take().map_or(Ok(()), Committer::finish);
        if let Err(error) = finished.and_then(|()| self.engine.persist()) {
            tracing::error!(%error, "the store did not close in good order");
        }
    }
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}

/// Changes go to the committing thread. One association or subscriber is read on the caller's thread: that takes a
/// few microseconds, less than handing it to another one. Lists are read on a thread that may block.
impl Store for EmbeddedStore {
    fn establish(
        &self,
        association: Association,
        rand_used_until: SystemTime,
    ) -> StoreFuture<'_, Establishment> {
        self.change(move |transaction, memory| {
            associations::establish(transaction, memory, &association, rand_used_until)
        })
    }

    fn association(&self, b_tid: &BTid, now: SystemTime) -> StoreFuture<'_, Option<Association>> {
        ready(associations::find(&self.engine.snapshot(), b_tid.as_str(), now))
    }

    fn impi_of(&self, tmpi: &Tmpi, now: SystemTime) -> StoreFuture<'_, Option<Impi>> {
        ready(associations::impi_of(&self.engine.snapshot(), tmpi, now))
    }

    fn associations(
        &self,
        after: Option<&BTid>,
        limit: usize,
        now: SystemTime,
    ) -> StoreFuture<'_, Vec<Association>> {
        let (engine, after) = (Arc::clone(&self.engine), after.cloned());
        Box::pin(blocking(move || associations::list(&engine.snapshot(), after.as_ref(), limit, now)))
    }

    fn revoke(&self, b_tid: &BTid) -> StoreFuture<'_, bool> {
        let b_tid = b_tid.clone();
        self.change(move |transaction, _| associations::revoke(transaction, &b_tid))
    }

    fn sweep(&self, now: SystemTime, limit: usize) -> StoreFuture<'_, usize> {
        self.change(move |transaction, memory| associations::sweep(transaction, memory, now, limit))
    }

    fn add_subscribers(&self, subscribers: Vec<Subscriber>, replace: bool) -> StoreFuture<'_, Added> {
        let format = self.sqn_format;
        self.change(move |transaction, _| subscribers::add(transaction, &subscribers, replace, format))
    }

    fn subscriber(&self, impi: &Impi) -> StoreFuture<'_, Option<Subscriber>> {
        ready(subscribers::by_impi(&self.engine.snapshot(), impi))
    }

    fn subscriber_by_imsi(&self, imsi: &Imsi) -> StoreFuture<'_, Option<Subscriber>> {
        ready(subscribers::by_imsi(&self.engine.snapshot(), imsi))
    }

    fn subscribers(&self, after: Option<&Imsi>, limit: usize) -> StoreFuture<'_, Vec<Subscriber>> {
        let (engine, after) = (Arc::clone(&self.engine), after.cloned());
        Box::pin(blocking(move || subscribers::list(&engine.snapshot(), after.as_ref(), limit)))
    }

    fn remove_subscriber(&self, imsi: &Imsi) -> StoreFuture<'_, bool> {
        let imsi = imsi.clone();
        self.change(move |transaction, _| subscribers::remove(transaction, &imsi))
    }

    fn reserve_seq(&self, imsi: &Imsi, start: SeqStart, count: u32) -> StoreFuture<'_, Option<u64>> {
        let (imsi, format) = (imsi.clone(), self.sqn_format);
        self.change(move |transaction, _| subscribers::reserve_seq(transaction, &imsi, start, count, format))
    }

    fn shared_secret(&self, name: &'static str, fresh: [u8; 32]) -> StoreFuture<'_, Secret<32>> {
        self.change(move |transaction, _| schema::shared_secret(transaction, name, &Secret::new(fresh)))
    }
}

impl EmbeddedStore {
    fn change<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Transaction<'_>, &mut Memory) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        match &self.committer {
            Some(committer) => committer.run(operation),
            None => ready(Err(StoreError::Closed)),
        }
    }
}

/// An answer that is there already.
fn ready<'a, T: Send + 'a>(answer: Result<T, StoreError>) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(answer))
}

/// Work that may wait for the disk, away from the threads that drive connections.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(StoreError::Engine(Box::new(error))))
}

/// Takes the lock on a data directory for the life of the file.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let io = |error: std::io::Error| StoreError::Engine(Box::new(error));
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join("store.lock"))
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}
