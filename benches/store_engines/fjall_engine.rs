//! fjall: a log-structured merge tree a table, one journal for all, one fsync of the journal a commit.

use crate::engine::{Engine, Outcome, Table, Transaction, Work};
use fjall::{
    KeyspaceCreateOptions, PersistMode, Readable as _, SingleWriterTxDatabase, SingleWriterTxKeyspace,
};
use std::path::Path;

pub(crate) struct Fjall {
    database: SingleWriterTxDatabase,
    keyspaces: Vec<SingleWriterTxKeyspace>,
}

/// Octets that a table may gather in memory. The default of 64 MiB for each of six tables would not be a fair
/// comparison of memory.
const MEMTABLE_OCTETS: u64 = 4 << 20;

impl Fjall {
    pub(crate) fn open(dir: &Path, cache_octets: usize) -> Outcome<Self> {
        let database = SingleWriterTxDatabase::builder(dir.join("engine.fjall"))
            .cache_size(cache_octets as u64)
            .max_journaling_size(64 << 20)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_OCTETS);
        let keyspaces = Table::ALL.iter().map(|table| database.keyspace(table.name(), options));
        let keyspaces = keyspaces.collect::<Result<_, _>>()?;
        Ok(Self { database, keyspaces })
    }
}

struct FjallTransaction<'a> {
    transaction: fjall::SingleWriterWriteTx<'a>,
    keyspaces: &'a [SingleWriterTxKeyspace],
}

impl Transaction for FjallTransaction<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.transaction.get(&self.keyspaces[table as usize], key)?.map(|value| value.to_vec()))
    }

    fn insert(&mut self, table: Table, key: &[u8], value: &[u8]) -> Outcome<()> {
        self.transaction.insert(&self.keyspaces[table as usize], key, value);
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Outcome<()> {
        self.transaction.remove(&self.keyspaces[table as usize], key);
        Ok(())
    }

    fn keys(&self, table: Table, start: &[u8], end: &[u8], limit: usize) -> Outcome<Vec<Vec<u8>>> {
        let range = self.transaction.range(&self.keyspaces[table as usize], start..end);
        range.take(limit).map(|entry| Ok(entry.key()?.to_vec())).collect()
    }
}

impl Engine for Fjall {
    fn write(&self, work: Work<'_>) -> Outcome<()> {
        let transaction = self.database.write_tx().durability(Some(PersistMode::SyncData));
        let mut transaction = FjallTransaction { transaction, keyspaces: &self.keyspaces };
        work(&mut transaction)?;
        Ok(transaction.transaction.commit()?)
    }

    fn get(&self, table: Table, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.keyspaces[table as usize].get(key)?.map(|value| value.to_vec()))
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        self.database.persist(PersistMode::SyncAll)?;
        Ok(())
    }
}
