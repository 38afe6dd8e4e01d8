//! Sequence numbers: none is given twice.

use super::super::sample::*;
use super::{fresh, open};
use crate::store::{SeqStart, Store, Subscriber};
use ksnaf_proto::aka::Sqn;
use ksnaf_proto::aka::sqn::SqnFormat;

async fn reserve(store: &dyn Store, start: SeqStart, count: u32) -> Option<u64> {
    store.reserve_seq(&imsi(1), start, count).await.unwrap()
}

#[tokio::test]
async fn blocks_follow_each_other_also_after_a_restart() {
    let (dir, store) = fresh();
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, None, "no such subscriber");
    store.add_subscribers(vec![subscriber(1)], false).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::Next, 32).await, Some(1));
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, Some(33));
    store.close().await.unwrap();
    let store = open(dir.path());
    assert_eq!(reserve(&store, SeqStart::Next, 0).await, Some(34), "none is as good as one");
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, Some(35));
}

#[tokio::test]
async fn a_resynchronisation_goes_ahead_and_back_only_when_told_so() {
    let (_dir, store) = fresh();
    store.add_subscribers(vec![subscriber(1)], false).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::After(100), 2).await, Some(101));
    assert_eq!(reserve(&store, SeqStart::After(50), 1).await, Some(103));
    assert_eq!(reserve(&store, SeqStart::Exactly(10), 5).await, Some(11));
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, Some(16));
}

#[tokio::test]
async fn the_first_one_is_beyond_the_subscriber_file() {
    let (_dir, store) = fresh();
    let sqn = SqnFormat::default().join(500, 3).unwrap();
    store.add_subscribers(vec![Subscriber { sqn, ..subscriber(1) }], false).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::After(5), 1).await, Some(501));
    assert_eq!(reserve(&store, SeqStart::Exactly(5), 1).await, Some(6));
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, Some(7));
}

#[tokio::test]
async fn replacing_a_subscriber_repeats_none_and_removing_it_begins_anew() {
    let (_dir, store) = fresh();
    let with = |seq| Subscriber { sqn: SqnFormat::default().join(seq, 0).unwrap(), ..subscriber(1) };
    store.add_subscribers(vec![with(0)], false).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::Next, 10).await, Some(1));
    store.add_subscribers(vec![with(0)], true).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, Some(11));
    store.add_subscribers(vec![with(5)], true).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, Some(12));
    store.add_subscribers(vec![with(40)], true).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, Some(41));
    store.remove_subscriber(&imsi(1)).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, None);
    store.add_subscribers(vec![with(2)], false).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, Some(3));
}

#[tokio::test]
async fn there_is_an_end_to_them() {
    let (_dir, store) = fresh();
    let last = SqnFormat::default().seq_max();
    let sqn = Sqn::new(Sqn::MAX - 64).unwrap();
    store.add_subscribers(vec![Subscriber { sqn, ..subscriber(1) }], false).await.unwrap();
    assert_eq!(reserve(&store, SeqStart::Next, 3).await, None);
    assert_eq!(reserve(&store, SeqStart::Next, 2).await, Some(last - 1));
    assert_eq!(reserve(&store, SeqStart::Next, 1).await, None);
    assert_eq!(reserve(&store, SeqStart::After(u64::MAX), u32::MAX).await, None);
    assert_eq!(reserve(&store, SeqStart::Exactly(last), 1).await, None);
    assert_eq!(reserve(&store, SeqStart::Exactly(0), 1).await, Some(1));
}
