//! redb: one file, copy-on-write B-trees, one fsync a commit (two with quick repair).

use crate::engine::{Engine, Outcome, Table, Transaction, Work};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::Path;

pub(crate) struct Redb {
    database: Database,
    quick_repair: bool,
}

fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

impl Redb {
    pub(crate) fn open(dir: &Path, cache_octets: usize, quick_repair: bool) -> Outcome<Self> {
        let database = Database::builder().set_cache_size(cache_octets).create(dir.join("engine.redb"))?;
        let engine = Self { database, quick_repair };
        engine.write(&mut |_| Ok(()))?;
        Ok(engine)
    }
}

struct RedbTransaction<'t>(Vec<redb::Table<'t, &'static [u8], &'static [u8]>>);

impl Transaction for RedbTransaction<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.0[table as usize].get(key)?.map(|value| value.value().to_vec()))
    }

    fn insert(&mut self, table: Table, key: &[u8], value: &[u8]) -> Outcome<()> {
        self.0[table as usize].insert(key, value)?;
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Outcome<()> {
        self.0[table as usize].remove(key)?;
        Ok(())
    }

    fn keys(&self, table: Table, start: &[u8], end: &[u8], limit: usize) -> Outcome<Vec<Vec<u8>>> {
        let range = self.0[table as usize].range::<&[u8]>(start..end)?;
        range.take(limit).map(|entry| Ok(entry?.0.value().to_vec())).collect()
    }
}

impl Engine for Redb {
    fn write(&self, work: Work<'_>) -> Outcome<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(self.quick_repair);
        {
            let tables = Table::ALL.iter().map(|table| transaction.open_table(definition(*table)));
            work(&mut RedbTransaction(tables.collect::<Result<_, _>>()?))?;
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, table: Table, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        let snapshot = self.database.begin_read()?;
        Ok(snapshot.open_table(definition(table))?.get(key)?.map(|value| value.value().to_vec()))
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.database.close()?)
    }
}
