//! What becomes of associations: established once per RAND, used until they expire, revoked, swept.

use super::codec::{
    decode_association, decode_name, decode_time, encode_association, encode_name, encode_time, time_octets,
};
use super::commit::Memory;
use super::engine::{Table, Transaction, View};
use crate::store::{Establishment, StoreError};
use fjall::Readable;
use ksnaf_proto::gba::{Association, BTid, Tmpi};
use ksnaf_proto::identity::Impi;
use std::time::SystemTime;

/// Kinds of entries in [`Table::Expiry`], behind the time.
const ASSOCIATION: u8 = 1;
const RAND: u8 = 2;
/// Above every kind: what comes before (time, this) has ended at that time.
const ANY_KIND: u8 = 0xff;
/// Where the kind stands in an expiry's key.
const TIME_OCTETS: usize = 12;

/// See [`crate::store::Store::establish`].
pub(super) fn establish(
    transaction: &mut Transaction<'_>,
    memory: &mut Memory,
    association: &Association,
    rand_used_until: SystemTime,
) -> Result<Establishment, StoreError> {
    let (b_tid, rand) = (association.b_tid.as_str().as_bytes(), &association.rand);
    let impi = association.impi.as_str().as_bytes();
    if transaction.contains(Table::UsedRand, &rand.0)? || transaction.contains(Table::Association, b_tid)? {
        return Ok(Establishment::RandAlreadyUsed);
    }
    let replaced = end_of(transaction, &association.impi)?;

    transaction.put(Table::Association, b_tid, &encode_association(association))?;
    transaction.put(Table::ByImpi, impi, &encode_name(association.b_tid.as_str()))?;
    if let Some(tmpi) = &association.tmpi {
        transaction.put(Table::ByTmpi, tmpi.as_str().as_bytes(), &encode_name(association.b_tid.as_str()))?;
    }
    // An association outlives no RAND: its B-TID is that RAND.
    let rand_used_until = rand_used_until.max(association.expires_at);
    transaction.put(Table::UsedRand, &rand.0, &encode_time(rand_used_until))?;
    for (at, kind, key) in
        [(association.expires_at, ASSOCIATION, b_tid), (rand_used_until, RAND, &rand.0[..])]
    {
        let entry = expiry(at, kind, key);
        // An end that lies before what was swept already has to be found too.
        if entry < memory.swept {
            memory.swept.clone_from(&entry);
        }
        transaction.put_raw(Table::Expiry, &entry, Vec::new());
    }
    Ok(Establishment::Created { replaced })
}

/// See [`crate::store::Store::association`].
pub(super) fn find(
    view: &View<'_, impl Readable>,
    b_tid: &str,
    now: SystemTime,
) -> Result<Option<Association>, StoreError> {
    let association = view.get(Table::Association, b_tid.as_bytes(), decode_association)?;
    Ok(association.filter(|association| association.is_valid(now)))
}

/// See [`crate::store::Store::impi_of`].
pub(super) fn impi_of(
    view: &View<'_, impl Readable>,
    tmpi: &Tmpi,
    now: SystemTime,
) -> Result<Option<Impi>, StoreError> {
    let Some(b_tid) = view.get(Table::ByTmpi, tmpi.as_str().as_bytes(), decode_name)? else {
        return Ok(None);
    };
    let association = find(view, &b_tid, now)?.filter(|association| association.tmpi.as_ref() == Some(tmpi));
    Ok(association.map(|association| association.impi))
}

/// See [`crate::store::Store::associations`].
pub(super) fn list(
    view: &View<'_, impl Readable>,
    after: Option<&BTid>,
    limit: usize,
    now: SystemTime,
) -> Result<Vec<Association>, StoreError> {
    let after = after.map(|b_tid| b_tid.as_str().as_bytes());
    let all = view.after(Table::Association, after, decode_association)?;
    let valid = |found: &Result<Association, _>| found.as_ref().map_or(true, |found| found.is_valid(now));
    all.filter(valid).take(limit).collect()
}

/// See [`crate::store::Store::revoke`].
pub(super) fn revoke(transaction: &mut Transaction<'_>, b_tid: &BTid) -> Result<bool, StoreError> {
    end(transaction, b_tid.as_str())
}

/// Ends the association of a subscriber; gives its B-TID.
pub(super) fn end_of(transaction: &mut Transaction<'_>, impi: &Impi) -> Result<Option<BTid>, StoreError> {
    let b_tid = transaction.get(Table::ByImpi, impi.as_str().as_bytes(), decode_name);
    let Some(b_tid) = unless_damaged(b_tid)?.flatten() else { return Ok(None) };
    let ended = end(transaction, &b_tid)?;
    Ok(BTid::parse(&b_tid).ok().filter(|_| ended))
}

/// See [`crate::store::Store::sweep`].
pub(super) fn sweep(
    transaction: &mut Transaction<'_>,
    memory: &mut Memory,
    now: SystemTime,
    limit: usize,
) -> Result<usize, StoreError> {
    if limit == 0 {
        return Ok(0);
    }
    let end_of_now = [&time_octets(now)[..], &[ANY_KIND]].concat();
    let due = transaction.keys(Table::Expiry, &memory.swept, &end_of_now)?;
    let due = due.take(limit).collect::<Result<Vec<_>, _>>()?;
    for entry in &due {
        transaction.remove(Table::Expiry, entry);
        match entry.split_at_checked(TIME_OCTETS).map(|(_, kind_and_key)| kind_and_key) {
            Some([ASSOCIATION, b_tid @ ..]) => {
                end(transaction, &String::from_utf8_lossy(b_tid))?;
            }
            Some([RAND, rand @ ..]) => {
                let until = unless_damaged(transaction.get(Table::UsedRand, rand, decode_time))?.flatten();
                if until.is_none_or(|until| until <= now) {
                    transaction.remove(Table::UsedRand, rand);
                }
            }
            _ => {}
        }
    }
    // The next sweep need not walk over what the engine still keeps of the removed entries.
    match due.last() {
        Some(last) if due.len() == limit => memory.swept = last.to_vec(),
        _ if memory.swept < end_of_now => memory.swept = end_of_now,
        _ => {}
    }
    Ok(due.len())
}

/// Removes an association and what points to it. One that cannot be read any more goes all the same; what pointed to it
/// then points nowhere.
fn end(transaction: &mut Transaction<'_>, b_tid: &str) -> Result<bool, StoreError> {
    let key = b_tid.as_bytes();
    match unless_damaged(transaction.get(Table::Association, key, decode_association))? {
        Some(None) => return Ok(false),
        Some(Some(association)) => {
            let impi = association.impi.as_str().as_bytes();
            remove_pointer(transaction, Table::ByImpi, impi, b_tid)?;
            if let Some(tmpi) = &association.tmpi {
                remove_pointer(transaction, Table::ByTmpi, tmpi.as_str().as_bytes(), b_tid)?;
            }
            transaction.remove(Table::Expiry, &expiry(association.expires_at, ASSOCIATION, key));
        }
        None => {}
    }
    transaction.remove(Table::Association, key);
    Ok(true)
}

/// Removes an index entry if it points to `b_tid` and not to a later association.
fn remove_pointer(
    transaction: &mut Transaction<'_>,
    table: Table,
    key: &[u8],
    b_tid: &str,
) -> Result<(), StoreError> {
    let pointed = unless_damaged(transaction.get(table, key, decode_name))?.flatten();
    if pointed.is_none_or(|pointed| pointed == b_tid) {
        transaction.remove(table, key);
    }
    Ok(())
}

/// Damage must not keep a subscriber from a new association, nor an old one from being swept: `None`, and a warning.
pub(super) fn unless_damaged<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error @ StoreError::Damaged(_)) => {
            tracing::warn!(%error, "a damaged record is given up");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn expiry(at: SystemTime, kind: u8, key: &[u8]) -> Vec<u8> {
    [&time_octets(at)[..], &[kind], key].concat()
}
