//! How many commits were acknowledged, noted beside the database.
//!
//! After a crash the engine reads its journal up to the first octet that makes no sense and takes that for the end: so
//! it treats a write that a power failure cut off, and a bit that turned in the middle just the same, silently without
//! all that came after. The mark tells the two apart: it is written after a commit is durable, so a database that knows
//! of fewer commits than its mark has lost acknowledged ones. Writing it costs no wait for the disk: a mark that a
//! power failure takes back some commits only notices less.

use crate::store::StoreError;
use std::fs::{File, OpenOptions};
use std::io::Error;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The file, open for the life of the store.
pub(super) struct Mark(File);

impl Mark {
    /// Opens the mark, or makes one, and compares it with the commits that the database knows of.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if acknowledged commits are missing. Removing the file gives them up.
    pub(super) fn open(path: &Path, commits: u64) -> Result<Self, StoreError> {
        let engine = |error: Error| StoreError::Engine(Box::new(error));
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = options.map_err(engine)?;
        let mut octets = [0; 8];
        let len = file.read_at(&mut octets, 0).map_err(engine)?;
        if len == octets.len() && u64::from_be_bytes(octets) > commits {
            return Err(StoreError::Damaged("journal"));
        }
        let mut mark = Self(file);
        mark.set(commits);
        Ok(mark)
    }

    /// Notes that so many commits are durable.
    pub(super) fn set(&mut self, commits: u64) {
        if let Err(error) = self.0.write_all_at(&commits.to_be_bytes(), 0) {
            tracing::warn!(%error, "the store's mark cannot be written: a later loss of commits would go unnoticed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_commits_than_marked_are_a_loss() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.mark");
        Mark::open(&path, 7).unwrap().set(8);
        assert!(matches!(Mark::open(&path, 7), Err(StoreError::Damaged("journal"))));
        assert!(Mark::open(&path, 8).is_ok());
        assert!(Mark::open(&path, 9).is_ok());
        assert!(Mark::open(&path, 8).is_err());
    }
}
