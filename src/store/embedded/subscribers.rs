//! Subscribers of the built-in AuC and their sequence numbers.

use super::associations::{end_of, unless_damaged};
use super::codec::{
    decode_name, decode_number, decode_subscriber, encode_name, encode_number, encode_subscriber,
};
use super::engine::{Table, Transaction, View};
use crate::store::{Added, SeqStart, StoreError, Subscriber};
use fjall::Readable;
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::identity::{Impi, Imsi};
use std::collections::BTreeSet;

/// See [`crate::store::Store::add_subscribers`].
pub(super) fn add(
    transaction: &mut Transaction<'_>,
    subscribers: &[Subscriber],
    replace: bool,
    format: SqnFormat,
) -> Result<Added, StoreError> {
    let taken = taken(transaction, subscribers, replace)?;
    if !taken.is_empty() {
        return Ok(Added::Taken(taken));
    }
    // First all that goes, then all that comes: two subscribers may exchange their IMPIs.
    let mut replaced = 0;
    for subscriber in subscribers {
        let key = subscriber.imsi.as_str().as_bytes();
        if !transaction.contains(Table::Subscriber, key)? {
            continue;
        }
        replaced += 1;
        let former = unless_damaged(transaction.get(Table::Subscriber, key, decode_subscriber))?.flatten();
        if let Some(former) = former {
            give_up(transaction, &former, subscriber, format)?;
        }
    }
    for subscriber in subscribers {
        let (imsi, impi) = (subscriber.imsi.as_str(), subscriber.impi.as_str());
        transaction.put(Table::Subscriber, imsi.as_bytes(), &encode_subscriber(subscriber))?;
        transaction.put(Table::SubscriberByImpi, impi.as_bytes(), &encode_name(imsi))?;
    }
    Ok(Added::All { replaced })
}

/// See [`crate::store::Store::subscriber`].
pub(super) fn by_impi(view: &View<'_, impl Readable>, impi: &Impi) -> Result<Option<Subscriber>, StoreError> {
    let imsi = view.get(Table::SubscriberByImpi, impi.as_str().as_bytes(), decode_name)?;
    let Some(imsi) = imsi else { return Ok(None) };
    let subscriber = view.get(Table::Subscriber, imsi.as_bytes(), decode_subscriber)?;
    Ok(subscriber.filter(|subscriber| subscriber.impi == *impi))
}

/// See [`crate::store::Store::subscriber_by_imsi`].
pub(super) fn by_imsi(view: &View<'_, impl Readable>, imsi: &Imsi) -> Result<Option<Subscriber>, StoreError> {
    view.get(Table::Subscriber, imsi.as_str().as_bytes(), decode_subscriber)
}

/// See [`crate::store::Store::subscribers`].
pub(super) fn list(
    view: &View<'_, impl Readable>,
    after: Option<&Imsi>,
    limit: usize,
) -> Result<Vec<Subscriber>, StoreError> {
    let after = after.map(|imsi| imsi.as_str().as_bytes());
    view.after(Table::Subscriber, after, decode_subscriber)?.take(limit).collect()
}

/// See [`crate::store::Store::remove_subscriber`].
pub(super) fn remove(transaction: &mut Transaction<'_>, imsi: &Imsi) -> Result<bool, StoreError> {
    let key = imsi.as_str().as_bytes();
    if !transaction.contains(Table::Subscriber, key)? {
        return Ok(false);
    }
    let subscriber = transaction.get(Table::Subscriber, key, decode_subscriber);
    if let Some(subscriber) = unless_damaged(subscriber)?.flatten() {
        end_of(transaction, &subscriber.impi)?;
        transaction.remove(Table::SubscriberByImpi, subscriber.impi.as_str().as_bytes());
    }
    transaction.remove(Table::Seq, key);
    transaction.remove(Table::Subscriber, key);
    Ok(true)
}

/// See [`crate::store::Store::reserve_seq`].
pub(super) fn reserve_seq(
    transaction: &mut Transaction<'_>,
    imsi: &Imsi,
    start: SeqStart,
    count: u32,
    format: SqnFormat,
) -> Result<Option<u64>, StoreError> {
    let key = imsi.as_str().as_bytes();
    let Some(subscriber) = by_imsi(transaction, imsi)? else { return Ok(None) };
    let reserved = transaction.get(Table::Seq, key, decode_number)?.unwrap_or(format.seq(subscriber.sqn));
    let last = match start {
        SeqStart::Next => reserved,
        SeqStart::After(seq) => reserved.max(seq),
        SeqStart::Exactly(seq) => seq,
    };
    let end = last.checked_add(u64::from(count.max(1))).filter(|end| *end <= format.seq_max());
    let Some(end) = end else { return Ok(None) };
    transaction.put(Table::Seq, key, &encode_number(end))?;
    Ok(Some(last + 1))
}

/// The subscribers that cannot be added: twice in the list, there already, or with an IMPI that stays another's.
fn taken(
    transaction: &Transaction<'_>,
    subscribers: &[Subscriber],
    replace: bool,
) -> Result<Vec<Imsi>, StoreError> {
    let (mut imsis, mut impis, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for subscriber in subscribers {
        let twice = !imsis.insert(&subscriber.imsi) | !impis.insert(&subscriber.impi);
        let key = subscriber.imsi.as_str().as_bytes();
        if twice || (!replace && transaction.contains(Table::Subscriber, key)?) {
            taken.insert(&subscriber.imsi);
        }
    }
    for subscriber in subscribers {
        let owner = unless_damaged(by_impi(transaction, &subscriber.impi))?.flatten();
        let owner = owner.map(|owner| owner.imsi).filter(|owner| *owner != subscriber.imsi);
        if owner.is_some_and(|owner| !(replace && imsis.contains(&owner))) {
            taken.insert(&subscriber.imsi);
        }
    }
    Ok(taken.into_iter().cloned().collect())
}

/// What goes with the former data of a subscriber: its IMPI, the association of another IMPI or another key, and a
/// sequence number that the new data have gone beyond.
fn give_up(
    transaction: &mut Transaction<'_>,
    former: &Subscriber,
    subscriber: &Subscriber,
    format: SqnFormat,
) -> Result<(), StoreError> {
    let key = former.imsi.as_str().as_bytes();
    transaction.remove(Table::SubscriberByImpi, former.impi.as_str().as_bytes());
    let secrets = |of: &Subscriber| (of.key.clone(), of.card, of.digest.clone());
    if former.impi != subscriber.impi || secrets(former) != secrets(subscriber) {
        end_of(transaction, &former.impi)?;
    }
    let reserved = transaction.get(Table::Seq, key, decode_number)?;
    let told = format.seq(subscriber.sqn);
    if former.sqn != subscriber.sqn && reserved.is_some_and(|reserved| reserved < told) {
        transaction.put(Table::Seq, key, &encode_number(told))?;
    }
    Ok(())
}
