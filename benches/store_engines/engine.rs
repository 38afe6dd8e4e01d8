//! What the comparison needs of an engine: durable transactions over five tables of octets, and point reads.

use std::error::Error;
use std::path::Path;

/// Any failure ends the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The tables of the load, as the store has them.
#[derive(Clone, Copy)]
pub(crate) enum Table {
    /// B-TID → association.
    Association,
    /// IMPI → B-TID.
    ByImpi,
    /// TMPI → B-TID.
    ByTmpi,
    /// RAND → when it may be forgotten.
    UsedRand,
    /// (time, kind, key), no value.
    Expiry,
    /// IMSI → last reserved SEQ.
    Seq,
}

impl Table {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 6] =
        [Self::Association, Self::ByImpi, Self::ByTmpi, Self::UsedRand, Self::Expiry, Self::Seq];

    /// Its name in the engine.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Association => "association",
            Self::ByImpi => "by_impi",
            Self::ByTmpi => "by_tmpi",
            Self::UsedRand => "used_rand",
            Self::Expiry => "expiry",
            Self::Seq => "seq",
        }
    }
}

/// One write transaction; it sees its own writes.
pub(crate) trait Transaction {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Outcome<Option<Vec<u8>>>;
    /// Puts or replaces.
    fn insert(&mut self, table: Table, key: &[u8], value: &[u8]) -> Outcome<()>;
    /// Removes, if it is there.
    fn remove(&mut self, table: Table, key: &[u8]) -> Outcome<()>;
    /// The first `limit` keys from `start` on and below `end`, in order.
    fn keys(&self, table: Table, start: &[u8], end: &[u8], limit: usize) -> Outcome<Vec<Vec<u8>>>;
}

/// What happens inside one transaction.
pub(crate) type Work<'a> = &'a mut dyn FnMut(&mut dyn Transaction) -> Outcome<()>;

/// An open database.
pub(crate) trait Engine: Send + Sync {
    /// Does the work and returns when it is on disk.
    fn write(&self, work: Work<'_>) -> Outcome<()>;
    /// A point read of the newest committed value.
    fn get(&self, table: Table, key: &[u8]) -> Outcome<Option<Vec<u8>>>;
    /// Closes in good order.
    fn close(self: Box<Self>) -> Outcome<()>;
}

/// The store as the program has it, on the engine it has chosen, under the same load.
pub(crate) const STORE: &str = "store";

/// What is compared, by the names that the table prints, and the directory of each: quick repair is a way of
/// committing, so it goes on with redb's.
pub(crate) const ENGINES: [(&str, &str); 4] =
    [("redb", "redb"), ("redb-quick-repair", "redb"), ("fjall", "fjall"), (STORE, "store")];

/// Opens or creates.
pub(crate) fn open(name: &str, dir: &Path, cache_octets: usize) -> Outcome<Box<dyn Engine>> {
    Ok(match name {
        "redb" => Box::new(crate::redb_engine::Redb::open(dir, cache_octets, false)?),
        "redb-quick-repair" => Box::new(crate::redb_engine::Redb::open(dir, cache_octets, true)?),
        "fjall" => Box::new(crate::fjall_engine::Fjall::open(dir, cache_octets)?),
        other => return Err(format!("no engine {other}").into()),
    })
}
