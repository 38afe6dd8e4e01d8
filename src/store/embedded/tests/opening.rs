//! Opening, sharing and closing.

use super::super::engine::{Engine, Table};
use super::super::sample::*;
use super::super::seal::{Opener, Sealer};
use super::super::{EmbeddedStore, Options, key_file};
use super::{fresh, open};
use crate::store::{Establishment, SeqStart, Store, StoreError};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_second_opener_is_told_at_once_and_gets_in_when_the_first_is_gone() {
    let (dir, store) = fresh();
    let start = Instant::now();
    let second = EmbeddedStore::open(dir.path(), &Options::default());
    assert!(matches!(second, Err(StoreError::InUse(path)) if path == dir.path()));
    assert!(start.elapsed() < Duration::from_millis(100));
    drop(store);
    open(dir.path()).close().await.unwrap();
    open(dir.path());
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (dir, store) = fresh();
    store.add_subscribers(vec![subscriber(1), tuak_subscriber(2)], false).await.unwrap();
    store.establish(association(1, 1), at(5000)).await.unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.association(&b_tid(1), at(0)).await.unwrap(), Some(association(1, 1)));
    assert_eq!(store.impi_of(&tmpi(1), at(0)).await.unwrap(), Some(impi(1)));
    assert_eq!(store.subscribers(None, 9).await.unwrap(), [subscriber(1), tuak_subscriber(2)]);
    assert_eq!(store.establish(association(3, 1), at(5000)).await.unwrap(), Establishment::RandAlreadyUsed);
    assert_eq!(store.sweep(at(5000), 9).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_a_short_queue() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { queue: 4, group: 3, ..Options::default() };
    let store = Arc::new(EmbeddedStore::open(dir.path(), &options).unwrap());
    store.add_subscribers(vec![subscriber(1)], false).await.unwrap();
    let tasks = (0..200).map(|run| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let created = store.establish(association(run % 50, run), at(5000)).await.unwrap();
            assert_ne!(created, Establishment::RandAlreadyUsed);
            store.reserve_seq(&imsi(1), SeqStart::Next, 2).await.unwrap().unwrap()
        })
    });
    let mut reserved = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        assert!(reserved.insert(task.await.unwrap()));
    }
    assert_eq!(reserved, (0..200).map(|block| 2 * block + 1).collect());
    assert_eq!(store.associations(None, 999, at(0)).await.unwrap().len(), 50);
}

#[tokio::test]
async fn what_was_asked_for_is_done_before_the_store_closes_whether_somebody_waits_or_not() {
    let (dir, store) = fresh();
    for run in 0..20 {
        let mut unheard = store.establish(association(run, run), at(5000));
        let waker = std::task::Waker::noop();
        let _pending = unheard.as_mut().poll(&mut std::task::Context::from_waker(waker));
    }
    drop(store);
    assert_eq!(open(dir.path()).associations(None, 99, at(0)).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_key_is_never_made_for_a_database_that_has_one() {
    let (dir, store) = fresh();
    drop(store);
    let key = dir.path().join("store.key");
    fs::rename(&key, dir.path().join("aside")).unwrap();
    let missing = EmbeddedStore::open(dir.path(), &Options::default());
    assert!(matches!(missing, Err(StoreError::KeyFile { path, .. }) if path == key));

    let elsewhere = Options { key_file: Some(dir.path().join("aside")), ..Options::default() };
    drop(EmbeddedStore::open(dir.path(), &elsewhere).unwrap());

    fs::write(&key, "ab".repeat(32)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let other = EmbeddedStore::open(dir.path(), &Options::default());
    assert!(matches!(other, Err(StoreError::Damaged("store description"))));
}

#[tokio::test]
async fn the_data_are_the_services_own() {
    let (dir, _store) = fresh();
    let mode = |name| dir.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("store"), mode("store.key"), mode("store.mark")), (0o700, 0o600, 0o600));
}

#[test]
fn a_later_version_is_refused_by_name() {
    let (dir, store) = fresh();
    drop(store);
    let key = key_file::load(&dir.path().join("store.key"), false).unwrap();
    let engine = Engine::open(&dir.path().join("store"), 1 << 20, Opener::new(&key)).unwrap();
    let mut sealer = Sealer::new(&key).unwrap();
    let mut transaction = engine.begin(&mut sealer);
    transaction.put_raw(Table::Meta, b"version", 7_u32.to_be_bytes().to_vec());
    transaction.keep().unwrap();
    transaction.commit().unwrap();
    drop(engine);
    let error = EmbeddedStore::open(dir.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Version { found: 7, known: 1 }));
    assert_eq!(error.to_string(), "the store has version 7, this program knows version 1");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let under_a_file = EmbeddedStore::open(&dir.path().join("file/data"), &Options::default());
    assert!(matches!(under_a_file, Err(StoreError::Engine(_))));
}
