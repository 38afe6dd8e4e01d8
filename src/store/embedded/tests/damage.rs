//! Bits that turn on the disk: an error that says so, or nothing lost.

use super::super::associations::find;
use super::super::codec::{decode_association, decode_name, decode_number, decode_subscriber, decode_time};
use super::super::engine::{Engine, Table};
use super::super::sample::*;
use super::super::seal::{Opener, Sealer};
use super::super::{EmbeddedStore, Options, key_file};
use super::{fresh, open};
use crate::store::{Establishment, SeqStart, Store, StoreError};
use std::fs;
use std::path::{Path, PathBuf};

const RUNS: u64 = 5;

/// Whether a record can be read.
type Decodes = fn(&[u8]) -> bool;

async fn fill(store: &EmbeddedStore) {
    store.add_subscribers(vec![subscriber(1), tuak_subscriber(2)], false).await.unwrap();
    for run in 0..RUNS {
        store.establish(association(run, run), at(5000)).await.unwrap();
    }
    store.reserve_seq(&imsi(1), SeqStart::Next, 1).await.unwrap();
}

/// The database below a store that is closed.
fn engine(dir: &Path) -> (Engine, Opener, Sealer) {
    let key = key_file::load(&dir.join("store.key"), false).unwrap();
    let engine = Engine::open(&dir.join("store"), 1 << 20, Opener::new(&key)).unwrap();
    (engine, Opener::new(&key), Sealer::new(&key).unwrap())
}

#[tokio::test]
async fn every_bit_of_a_stored_record_counts() {
    let (dir, store) = fresh();
    fill(&store).await;
    drop(store);
    let (engine, opener, _) = engine(dir.path());
    let view = engine.snapshot();
    let (b_tid, tmpi, impi, imsi) = (b_tid(1), tmpi(1), impi(1), imsi(1));
    let read: [(Table, &[u8], Decodes); 6] = [
        (Table::Association, b_tid.as_str().as_bytes(), |record| decode_association(record).is_some()),
        (Table::ByImpi, impi.as_str().as_bytes(), |record| decode_name(record).is_some()),
        (Table::ByTmpi, tmpi.as_str().as_bytes(), |record| decode_name(record).is_some()),
        (Table::UsedRand, &rand(1).0, |record| decode_time(record).is_some()),
        (Table::Subscriber, imsi.as_str().as_bytes(), |record| decode_subscriber(record).is_some()),
        (Table::Seq, imsi.as_str().as_bytes(), |record| decode_number(record).is_some()),
    ];
    for (table, key, decodes) in read {
        let stored = view.raw(table, key).unwrap().unwrap().to_vec();
        assert!(decodes(&opener.open(table.name(), key, &stored).unwrap()), "{table:?}");
        for bit in 0..stored.len() * 8 {
            let mut changed = stored.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let opened = opener.open(table.name(), key, &changed);
            assert!(
                matches!(opened, Err(StoreError::Damaged(name)) if name == table.name()),
                "{table:?} {bit}"
            );
        }
    }
}

#[tokio::test]
async fn a_damaged_record_is_told_and_does_not_stay_in_the_way() {
    let (dir, store) = fresh();
    fill(&store).await;
    drop(store);
    let (engine, _, mut sealer) = engine(dir.path());
    let mut transaction = engine.begin(&mut sealer);
    for (table, key) in [
        (Table::Association, b_tid(1).as_str().as_bytes()),
        (Table::Association, b_tid(2).as_str().as_bytes()),
        (Table::ByImpi, impi(3).as_str().as_bytes()),
        (Table::Subscriber, imsi(2).as_str().as_bytes()),
        (Table::Seq, imsi(1).as_str().as_bytes()),
    ] {
        let mut stored = transaction.raw(table, key).unwrap().unwrap().to_vec();
        stored[20] ^= 1;
        transaction.put_raw(table, key, stored);
    }
    transaction.keep().unwrap();
    transaction.commit().unwrap();
    drop(engine);

    let store = open(dir.path());
    let damaged = |error: StoreError| matches!(error, StoreError::Damaged(_));
    assert!(damaged(store.association(&b_tid(1), at(0)).await.unwrap_err()));
    assert!(damaged(store.impi_of(&tmpi(1), at(0)).await.unwrap_err()));
    assert!(damaged(store.associations(None, 9, at(0)).await.unwrap_err()));
    assert!(damaged(store.subscriber(&impi(2)).await.unwrap_err()));
    assert!(damaged(store.reserve_seq(&imsi(1), SeqStart::Next, 1).await.unwrap_err()));
    assert_eq!(store.association(&b_tid(0), at(0)).await.unwrap(), Some(association(0, 0)));

    for (subscriber, run) in [(1, 11), (3, 13)] {
        let created = store.establish(association(subscriber, run), at(5000)).await.unwrap();
        assert!(matches!(created, Establishment::Created { .. }));
    }
    assert!(store.association(&b_tid(1), at(0)).await.unwrap().is_none());
    assert!(store.revoke(&b_tid(2)).await.unwrap());
    store.add_subscribers(vec![subscriber(2)], true).await.unwrap();
    assert_eq!(store.subscriber(&impi(2)).await.unwrap(), Some(subscriber(2)));
    assert!(store.sweep(at(9000), 99).await.unwrap() > 0);
    assert_eq!(store.associations(None, 9, at(0)).await.unwrap(), []);
}

/// All that the store was told, read below it: nothing of it may be missing or different.
fn is_whole(engine: &Engine) -> Result<(), StoreError> {
    let view = engine.snapshot();
    for run in 0..RUNS {
        let found = find(&view, b_tid(run).as_str(), at(0))?;
        assert_eq!(found, Some(association(run, run)), "an association is gone or changed, silently");
    }
    let seq = view.get(Table::Seq, imsi(1).as_str().as_bytes(), decode_number)?;
    assert_eq!(seq, Some(1), "a sequence number is gone or changed, silently");
    Ok(())
}

/// Turns one bit of every `step`th octet in turn; each time the store must be whole or say that it is not.
fn turn_bits(dir: &Path, file: &Path, len: usize, step: usize) -> usize {
    let whole = fs::read(file).unwrap();
    let kept = snapshot_of(dir);
    let mut noticed = 0;
    for at in (0..len).step_by(step) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at / step % 8);
        fs::write(file, changed).unwrap();
        let opened = EmbeddedStore::open(dir, &Options::default()).and_then(|store| is_whole(&store.engine));
        match opened {
            Ok(()) => {}
            Err(StoreError::Damaged(_)) => noticed += 1,
            Err(other) => panic!("octet {at}: {other:?}"),
        }
        restore(dir, &kept);
    }
    noticed
}

#[tokio::test]
async fn no_bit_of_the_journal_turns_unnoticed() {
    let (dir, store) = fresh();
    fill(&store).await;
    drop(store);
    let (journal, used) = trimmed_journal(dir.path());
    let noticed = turn_bits(dir.path(), &journal, used, 101);
    assert!(noticed > 10, "only {noticed} noticed");
}

#[tokio::test]
async fn no_bit_of_a_written_table_turns_unnoticed() {
    let (dir, store) = fresh();
    fill(&store).await;
    store.engine.write_tables_out().unwrap();
    drop(store);
    trimmed_journal(dir.path());
    let mut noticed = 0;
    for (path, octets) in snapshot_of(&dir.path().join("store/keyspaces")) {
        noticed += turn_bits(dir.path(), &path, octets.len(), octets.len().div_ceil(3).max(97));
    }
    assert!(noticed > 10, "only {noticed} noticed");
}

/// Cuts off what the engine has reserved of the journal and not used; gives what is left.
fn trimmed_journal(dir: &Path) -> (PathBuf, usize) {
    let mut files = snapshot_of(&dir.join("store"));
    files.retain(|(path, _)| path.extension().is_some_and(|extension| extension == "jnl"));
    let [(journal, octets)] = &files[..] else { panic!("one journal") };
    let used = octets.iter().rposition(|octet| *octet != 0).unwrap() + 1;
    fs::write(journal, &octets[..used]).unwrap();
    (journal.clone(), used)
}

type Files = Vec<(PathBuf, Vec<u8>)>;

/// All files under a directory with what is in them.
fn snapshot_of(dir: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot_of(&path));
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files
}

/// Puts the files back as they were, and removes those that came since.
fn restore(dir: &Path, files: &Files) {
    for (path, _) in snapshot_of(dir) {
        if !files.iter().any(|(kept, _)| *kept == path) {
            fs::remove_file(path).unwrap();
        }
    }
    for (path, octets) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }
}
