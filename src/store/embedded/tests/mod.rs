//! The store as its callers see it.

mod crash;
mod damage;
mod model;
mod opening;
mod rules;
mod sequence_numbers;

use super::{EmbeddedStore, Options};
use std::path::Path;

fn open(dir: &Path) -> EmbeddedStore {
    EmbeddedStore::open(dir, &Options::default()).unwrap()
}

/// An empty store in a directory that goes with it.
fn fresh() -> (tempfile::TempDir, EmbeddedStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (dir, store)
}
