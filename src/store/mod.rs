//! What must survive a restart: subscribers, associations, sequence numbers and the BSF's sealing keys.
//!
//! [`Store`] is the one trait; [`embedded`] keeps everything in one directory beside the process. Every call that
//! changes something returns after the change is on disk: concurrent calls share one commit.

pub mod embedded;

pub use ksnaf_proto::subscriber::Subscriber;

use ksnaf_proto::gba::{Association, BTid, Tmpi};
use ksnaf_proto::identity::{Impi, Imsi};
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process holds the store.
    #[error("{0} is in use by another process")]
    InUse(std::path::PathBuf),
    /// The disk or the engine failed; what was not acknowledged may be lost.
    #[error("store: {0}")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A record does not authenticate or does not parse: changed outside, or the wrong key file.
    #[error("store: the record {0} is damaged or sealed with another key")]
    Damaged(&'static str),
    /// The key file cannot be read or written, or what it holds is no key.
    #[error("store key {path}: {source}")]
    KeyFile {
        /// The file.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The store was written by a version of this program that keeps it differently.
    #[error("the store has version {found}, this program knows version {known}")]
    Version {
        /// Of the store.
        found: u32,
        /// Of this program.
        known: u32,
    },
    /// A record too large for the store.
    #[error("too large for a record: {0}")]
    TooLarge(&'static str),
    /// The store is being closed, or its committing thread has ended.
    #[error("the store is closed")]
    Closed,
}

/// A boxed answer: the trait is used as `dyn`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What became of an association to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Establishment {
    /// Created and durable. The subscriber's former association, if any, is gone.
    Created {
        /// The B-TID that no longer works.
        replaced: Option<BTid>,
    },
    /// This RAND already gave an association, be it revoked, replaced or expired since. Nothing changed.
    RandAlreadyUsed,
}

/// What became of subscribers to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// All are in and durable.
    All {
        /// How many of them replaced a subscriber with the same IMSI.
        replaced: usize,
    },
    /// Nothing changed. These subscribers are there already and replacing was not asked for, or stand twice in the
    /// list, or have the IMPI of a subscriber that stays.
    Taken(Vec<Imsi>),
}

/// How far a subscriber's sequence numbers must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeqStart {
    /// After all that were ever reserved, or after the subscriber file's SQN if none was.
    Next,
    /// After this one and after all that were ever reserved: a resynchronisation.
    After(u64),
    /// After this one, even below what was reserved: the card is more than its window behind and would refuse all
    /// others (TS 33.102 annex C.2).
    Exactly(u64),
}

/// Durable state of a BSF with its built-in AuC.
pub trait Store: Send + Sync + 'static {
    /// Creates an association, once per RAND, and removes the subscriber's former one. The RAND stays used at least
    /// until `rand_used_until` and the association's expiry, whatever becomes of the association.
    fn establish(
        &self,
        association: Association,
        rand_used_until: SystemTime,
    ) -> StoreFuture<'_, Establishment>;

    /// The association of a B-TID that is still valid at `now`.
    fn association(&self, b_tid: &BTid, now: SystemTime) -> StoreFuture<'_, Option<Association>>;

    /// The subscriber behind a TMPI whose association is still valid at `now`.
    fn impi_of(&self, tmpi: &Tmpi, now: SystemTime) -> StoreFuture<'_, Option<Impi>>;

    /// Up to `limit` valid associations after a B-TID, in the order of their B-TIDs.
    fn associations(
        &self,
        after: Option<&BTid>,
        limit: usize,
        now: SystemTime,
    ) -> StoreFuture<'_, Vec<Association>>;

    /// Ends an association; false if there was none. Its RAND stays used.
    fn revoke(&self, b_tid: &BTid) -> StoreFuture<'_, bool>;

    /// Removes up to `limit` expired associations and RANDs that may be forgotten; says how many went. Fewer than
    /// `limit`: none are left.
    fn sweep(&self, now: SystemTime, limit: usize) -> StoreFuture<'_, usize>;

    /// Adds all subscribers or none. A replaced subscriber keeps its sequence numbers, and its association too unless
    /// its key or its IMPI changes.
    fn add_subscribers(&self, subscribers: Vec<Subscriber>, replace: bool) -> StoreFuture<'_, Added>;

    /// A subscriber by IMPI.
    fn subscriber(&self, impi: &Impi) -> StoreFuture<'_, Option<Subscriber>>;

    /// A subscriber by IMSI.
    fn subscriber_by_imsi(&self, imsi: &Imsi) -> StoreFuture<'_, Option<Subscriber>>;

    /// Up to `limit` subscribers after an IMSI, in the order of their IMSIs.
    fn subscribers(&self, after: Option<&Imsi>, limit: usize) -> StoreFuture<'_, Vec<Subscriber>>;

    /// Removes a subscriber with its association and sequence numbers; false if there was none.
    fn remove_subscriber(&self, imsi: &Imsi) -> StoreFuture<'_, bool>;

    /// Reserves `count` SEQ values for a subscriber, one at least, and gives the first. A value once given is never given again,
    /// not after a crash either, unless [`SeqStart::Exactly`] asks for it. `None` without such a subscriber or
    /// where SEQ would overflow.
    fn reserve_seq(&self, imsi: &Imsi, start: SeqStart, count: u32) -> StoreFuture<'_, Option<u64>>;

    /// A secret of 32 octets by name, made by `fresh` on first use: all nodes on one store share it.
    fn shared_secret(
        &self,
        name: &'static str,
        fresh: [u8; 32],
    ) -> StoreFuture<'_, ksnaf_proto::secret::Secret<32>>;
}
