//! The load: what one bootstrap writes, what a NAF reads, what the sweep removes.

use crate::engine::{Engine, Outcome, Table, Transaction};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// When the first association of the load expires, seconds since 1970.
pub(crate) const FIRST_EXPIRY: u64 = 1_900_000_000;
/// Over how many seconds the expiries are spread: a key lifetime of eight hours.
pub(crate) const LIFETIME: u64 = 28_800;
/// How many requests may wait for the writer.
const QUEUE: usize = 1024;
/// How many requests share one commit at the most.
const BATCH: usize = 256;
/// Octets of a stored association: names and Ks sealed with nonce and tag, without GUSS.
const ASSOCIATION_OCTETS: usize = 280;

const ASSOCIATION: u8 = 1;
const RAND: u8 = 2;

/// A well-mixed number of two: the load is the same in every run and for every engine.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn octets<const N: usize>(a: u64, b: u64) -> [u8; N] {
    let mut out = [0; N];
    for (at, chunk) in out.chunks_mut(8).enumerate() {
        chunk.copy_from_slice(&mix(a, b ^ ((at as u64 + 1) << 48)).to_le_bytes()[..chunk.len()]);
    }
    out
}

/// One request to the writer.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    /// Reserve a sequence number for this subscriber.
    Reserve(u64),
    /// Establish the association of this subscriber's run number so and so.
    Establish(u64, u64),
    /// Remove so many of what expires between two moments.
    Sweep(u64, u64, usize),
}

/// B-TID of a subscriber's run.
pub(crate) fn b_tid(subscriber: u64, run: u64) -> Vec<u8> {
    let rand = STANDARD.encode(octets::<16>(subscriber, run));
    format!("{rand}@bsf.mnc001.mcc001.pub.3gppnetwork.org").into_bytes()
}

/// A subscriber's IMSI.
pub(crate) fn imsi(subscriber: u64) -> Vec<u8> {
    format!("00101{subscriber:010}").into_bytes()
}

fn impi(subscriber: u64) -> String {
    format!("00101{subscriber:010}@ims.mnc001.mcc001.3gppnetwork.org")
}

fn expiry(at: u64, kind: u8, key: &[u8]) -> Vec<u8> {
    [&at.to_be_bytes()[..], &[kind], key].concat()
}

/// IMPI and TMPI in front, where the load reads them back; then noise, as sealed octets are.
fn association(subscriber: u64, run: u64, expires_at: u64) -> (Vec<u8>, Vec<u8>) {
    let tmpi = format!("{}@tmpi.bsf.3gppnetwork.org", STANDARD.encode(octets::<24>(subscriber, run)));
    let impi = impi(subscriber);
    let mut value = expires_at.to_be_bytes().to_vec();
    value.push(impi.len() as u8);
    value.extend_from_slice(impi.as_bytes());
    value.push(tmpi.len() as u8);
    value.extend_from_slice(tmpi.as_bytes());
    value.extend_from_slice(&octets::<ASSOCIATION_OCTETS>(subscriber, run));
    value.truncate(ASSOCIATION_OCTETS);
    (value, tmpi.into_bytes())
}

/// Expiry, IMPI and TMPI of a stored association.
fn names(value: &[u8]) -> (u64, Vec<u8>, Vec<u8>) {
    let (expires_at, rest) = value.split_at(8);
    let (impi, rest) = rest[1..].split_at(usize::from(rest[0]));
    let tmpi = &rest[1..=usize::from(rest[0])];
    (u64::from_be_bytes(expires_at.try_into().unwrap_or_default()), impi.to_vec(), tmpi.to_vec())
}

/// Does one request in a transaction; says how many records it touched.
pub(crate) fn apply(transaction: &mut dyn Transaction, request: Request) -> Outcome<usize> {
    match request {
        Request::Reserve(subscriber) => {
            let imsi = imsi(subscriber);
            let last = transaction.get(Table::Seq, &imsi)?;
            let last = last.map_or(0, |octets| u64::from_be_bytes(octets.try_into().unwrap_or_default()));
            transaction.insert(Table::Seq, &imsi, &(last + 1).to_be_bytes())?;
            Ok(1)
        }
        Request::Establish(subscriber, run) => {
            let rand = octets::<16>(subscriber, run);
            if transaction.get(Table::UsedRand, &rand)?.is_some() {
                return Ok(0);
            }
            let impi = impi(subscriber);
            if let Some(former) = transaction.get(Table::ByImpi, impi.as_bytes())? {
                end(transaction, &former)?;
            }
            let expires_at = FIRST_EXPIRY + mix(subscriber, run) % LIFETIME;
            let (b_tid, (value, tmpi)) = (b_tid(subscriber, run), association(subscriber, run, expires_at));
            transaction.insert(Table::Association, &b_tid, &value)?;
            transaction.insert(Table::ByImpi, impi.as_bytes(), &b_tid)?;
            transaction.insert(Table::ByTmpi, &tmpi, &b_tid)?;
            transaction.insert(Table::UsedRand, &rand, &expires_at.to_be_bytes())?;
            transaction.insert(Table::Expiry, &expiry(expires_at, ASSOCIATION, &b_tid), &[])?;
            transaction.insert(Table::Expiry, &expiry(expires_at, RAND, &rand), &[])?;
            Ok(1)
        }
        Request::Sweep(from, until, limit) => {
            let due = transaction.keys(Table::Expiry, &from.to_be_bytes(), &until.to_be_bytes(), limit)?;
            for entry in &due {
                match entry[8] {
                    ASSOCIATION => end(transaction, &entry[9..])?,
                    _ => transaction.remove(Table::UsedRand, &entry[9..])?,
                }
                transaction.remove(Table::Expiry, entry)?;
            }
            Ok(due.len())
        }
    }
}

fn end(transaction: &mut dyn Transaction, b_tid: &[u8]) -> Outcome<()> {
    let Some(value) = transaction.get(Table::Association, b_tid)? else { return Ok(()) };
    let (expires_at, impi, tmpi) = names(&value);
    transaction.remove(Table::Association, b_tid)?;
    if transaction.get(Table::ByImpi, &impi)?.as_deref() == Some(b_tid) {
        transaction.remove(Table::ByImpi, &impi)?;
    }
    transaction.remove(Table::ByTmpi, &tmpi)?;
    transaction.remove(Table::Expiry, &expiry(expires_at, ASSOCIATION, b_tid))
}

/// A request and who waits for it.
type Waiting = (Request, SyncSender<usize>);

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Writer(SyncSender<Waiting>);

/// A queue and its other end, for [`group_commit`].
pub(crate) fn queue() -> (Writer, Receiver<Waiting>) {
    let (sender, receiver) = sync_channel(QUEUE);
    (Writer(sender), receiver)
}

impl Writer {
    /// Does a request and returns when it is durable.
    pub(crate) fn call(&self, request: Request) -> Outcome<usize> {
        let (done, wait) = sync_channel(1);
        self.0.send((request, done)).map_err(|_| "the writer is gone")?;
        Ok(wait.recv()?)
    }
}

/// Takes what is queued, does all of it in one transaction, then answers each. Ends when no [`Writer`] is left;
/// says how many commits there were.
pub(crate) fn group_commit(engine: &dyn Engine, queue: Receiver<Waiting>) -> Outcome<usize> {
    let mut commits = 0;
    loop {
        let first = match queue.recv_timeout(Duration::from_secs(3600)) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(commits),
        };
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(BATCH - 1));
        let mut answers = Vec::with_capacity(batch.len());
        engine.write(&mut |transaction| {
            for (request, _) in &batch {
                answers.push(apply(transaction, *request)?);
            }
            Ok(())
        })?;
        commits += 1;
        for ((_, done), answer) in batch.iter().zip(answers) {
            let _gone = done.send(answer);
        }
    }
}
