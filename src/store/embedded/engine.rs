//! The engine behind the store: tables of sealed records, snapshots to read from, one transaction to write with.

use super::codec::Record;
use super::seal::{Opener, Sealer};
use crate::store::StoreError;
use fjall::{KeyspaceCreateOptions, PersistMode, Readable, SingleWriterTxDatabase, SingleWriterTxKeyspace};
use fjall::{SingleWriterWriteTx, Slice, Snapshot};
use std::ops::Bound;
use std::panic::AssertUnwindSafe;
use std::path::Path;

/// What is kept. All but [`Table::Expiry`] and the schema in [`Table::Meta`] hold sealed records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// B-TID → association.
    Association,
    /// IMPI → B-TID of its association.
    ByImpi,
    /// TMPI → B-TID of its association.
    ByTmpi,
    /// RAND → until when it stays used.
    UsedRand,
    /// (time, kind, key) of what ends by time → nothing.
    Expiry,
    /// IMSI → subscriber.
    Subscriber,
    /// IMPI → IMSI.
    SubscriberByImpi,
    /// IMSI → last reserved SEQ.
    Seq,
    /// Name → secret.
    SharedSecret,
    /// What the store knows of itself.
    Meta,
}

impl Table {
    const ALL: [Self; 10] = [
        Self::Association,
        Self::ByImpi,
        Self::ByTmpi,
        Self::UsedRand,
        Self::Expiry,
        Self::Subscriber,
        Self::SubscriberByImpi,
        Self::Seq,
        Self::SharedSecret,
        Self::Meta,
    ];

    /// Its name: in the engine, in what a record is sealed with, in an error.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Association => "association",
            Self::ByImpi => "association by IMPI",
            Self::ByTmpi => "association by TMPI",
            Self::UsedRand => "used RAND",
            Self::Expiry => "expiry",
            Self::Subscriber => "subscriber",
            Self::SubscriberByImpi => "subscriber by IMPI",
            Self::Seq => "sequence number",
            Self::SharedSecret => "shared secret",
            Self::Meta => "store description",
        }
    }
}

/// Octets that one table gathers in memory before it writes them out in order.
const MEMTABLE_OCTETS: u64 = 4 << 20;
/// Octets of journal that a start after a crash may have to read again: the engine's least.
const JOURNAL_OCTETS: u64 = 64 << 20;

/// An open database.
pub(super) struct Engine {
    database: SingleWriterTxDatabase,
    tables: Vec<SingleWriterTxKeyspace>,
    opener: Opener,
}

impl Engine {
    /// Opens or creates.
    pub(super) fn open(dir: &Path, cache_octets: u64, opener: Opener) -> Result<Self, StoreError> {
        // The engine asserts what it expects of its files. Files that were changed outside break that.
        std::panic::catch_unwind(AssertUnwindSafe(|| Self::open_trusting(dir, cache_octets, opener)))
            .unwrap_or(Err(StoreError::Damaged("file")))
    }

    fn open_trusting(dir: &Path, cache_octets: u64, opener: Opener) -> Result<Self, StoreError> {
        let open = || {
            let database = SingleWriterTxDatabase::builder(dir)
                .cache_size(cache_octets)
                .max_journaling_size(JOURNAL_OCTETS)
                .open()?;
            let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_OCTETS);
            let tables = Table::ALL.map(|table| database.keyspace(&table.name().replace(' ', "_"), options));
            Ok((database, tables.into_iter().collect::<Result<_, _>>()?))
        };
        let (database, tables) = open().map_err(|error| match error {
            fjall::Error::Locked => StoreError::InUse(dir.to_owned()),
            other => failure("file", other),
        })?;
        Ok(Self { database, tables, opener })
    }

    /// A view of all tables as the last commit left them.
    pub(super) fn snapshot(&self) -> View<'_, Snapshot> {
        View { engine: self, from: self.database.read_tx() }
    }

    /// Begins the transaction of one commit. There is one at a time.
    pub(super) fn begin<'a>(&'a self, sealer: &'a mut Sealer) -> Transaction<'a> {
        let from = self.database.write_tx().durability(Some(PersistMode::SyncData));
        Transaction { view: View { engine: self, from }, sealer, draft: Vec::new(), kept: 0 }
    }

    /// Puts everything on the disk that the engine still holds back.
    pub(super) fn persist(&self) -> Result<(), StoreError> {
        self.database.persist(PersistMode::SyncAll).map_err(|error| failure("file", error))
    }

    /// Moves everything from the journal into the tables' files.
    #[cfg(test)]
    pub(super) fn write_tables_out(&self) -> Result<(), fjall::Error> {
        self.tables.iter().try_for_each(|table| table.inner().rotate_memtable_and_wait())
    }

    fn table(&self, table: Table) -> Result<&SingleWriterTxKeyspace, StoreError> {
        self.tables.get(table as usize).ok_or(StoreError::Closed)
    }
}

/// Reads records, from a snapshot or from within a transaction.
pub(super) struct View<'a, R> {
    engine: &'a Engine,
    from: R,
}

impl<R: Readable> View<'_, R> {
    /// The record of a key, opened and read by `decode`.
    pub(super) fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        decode: fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.raw(table, key)?.map(|sealed| self.decode(table, key, &sealed, decode)).transpose()
    }

    /// Whether there is a record, readable or not.
    pub(super) fn contains(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        let keyspace = self.engine.table(table)?;
        self.from.contains_key(keyspace, key).map_err(|error| failure(table.name(), error))
    }

    /// Whether no table has a record.
    pub(super) fn is_empty(&self) -> Result<bool, StoreError> {
        for table in Table::ALL {
            let keyspace = self.engine.table(table)?;
            if !self.from.is_empty(keyspace).map_err(|error| failure(table.name(), error))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is stored for a key, as it is.
    pub(super) fn raw(&self, table: Table, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        let keyspace = self.engine.table(table)?;
        self.from.get(keyspace, key).map_err(|error| failure(table.name(), error))
    }

    /// The records after a key, or from the first one on, in the order of their keys.
    pub(super) fn after<T>(
        &self,
        table: Table,
        key: Option<&[u8]>,
        decode: fn(&[u8]) -> Option<T>,
    ) -> Result<impl Iterator<Item = Result<T, StoreError>>, StoreError> {
        let start = key.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.from.range::<&[u8], _>(self.engine.table(table)?, (start, Bound::Unbounded));
        Ok(range.map(move |entry| {
            let (key, sealed) = entry.into_inner().map_err(|error| failure(table.name(), error))?;
            self.decode(table, &key, &sealed, decode)
        }))
    }

    /// The keys from `start` on and below `end`, in order; none if `end` is not above `start`.
    pub(super) fn keys(
        &self,
        table: Table,
        start: &[u8],
        end: &[u8],
    ) -> Result<impl Iterator<Item = Result<Slice, StoreError>>, StoreError> {
        let keyspace = self.engine.table(table)?;
        let range = (start < end).then(|| self.from.range(keyspace, start..end));
        let keys = range.into_iter().flatten().map(fjall::Guard::key);
        Ok(keys.map(move |key| key.map_err(|error| failure(table.name(), error))))
    }

    fn decode<T>(
        &self,
        table: Table,
        key: &[u8],
        sealed: &[u8],
        decode: fn(&[u8]) -> Option<T>,
    ) -> Result<T, StoreError> {
        let record = self.engine.opener.open(table.name(), key, sealed)?;
        decode(&record).ok_or(StoreError::Damaged(table.name()))
    }
}

/// All changes of one commit. Each operation drafts its changes, which are then kept or dropped as a whole; an operation
/// reads what those before it have kept, and not its own draft.
pub(super) struct Transaction<'a> {
    view: View<'a, SingleWriterWriteTx<'a>>,
    sealer: &'a mut Sealer,
    draft: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
    kept: usize,
}

impl<'a> std::ops::Deref for Transaction<'a> {
    type Target = View<'a, SingleWriterWriteTx<'a>>;

    fn deref(&self) -> &Self::Target {
        &self.view
    }
}

impl Transaction<'_> {
    /// Drafts a sealed record.
    pub(super) fn put(&mut self, table: Table, key: &[u8], record: &Record) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(table.name(), key, record)?;
        self.put_raw(table, key, sealed);
        Ok(())
    }

    /// Drafts octets as they are.
    pub(super) fn put_raw(&mut self, table: Table, key: &[u8], value: Vec<u8>) {
        self.draft.push((table, key.to_vec(), Some(value)));
    }

    /// Drafts a removal.
    pub(super) fn remove(&mut self, table: Table, key: &[u8]) {
        self.draft.push((table, key.to_vec(), None));
    }

    /// Makes the draft part of the commit.
    pub(super) fn keep(&mut self) -> Result<(), StoreError> {
        for (table, key, value) in self.draft.drain(..) {
            let keyspace = self.view.engine.table(table)?;
            match value {
                Some(value) => self.view.from.insert(keyspace, key, value),
                None => self.view.from.remove(keyspace, key),
            }
            self.kept += 1;
        }
        Ok(())
    }

    /// Forgets the draft.
    pub(super) fn discard(&mut self) {
        self.draft.clear();
    }

    /// Whether a commit would change nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.kept == 0
    }

    /// Returns when everything kept is on the disk.
    pub(super) fn commit(self) -> Result<(), StoreError> {
        self.view.from.commit().map_err(|error| failure("file", error))
    }
}

/// What the engine says: damage that it noticed, or a failure. A file that is missing or too short is damage.
fn failure(what: &'static str, error: fjall::Error) -> StoreError {
    use fjall::{Error, LsmError};
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    let failed = match &error {
        Error::Poisoned | Error::Locked | Error::KeyspaceDeleted => true,
        Error::Io(io) | Error::Storage(LsmError::Io(io)) => {
            !matches!(io.kind(), InvalidData | InvalidInput | NotFound | UnexpectedEof)
        }
        _ => false,
    };
    if failed { StoreError::Engine(Box::new(error)) } else { StoreError::Damaged(what) }
}
