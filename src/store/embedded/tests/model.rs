//! The store against a plain model of itself: whatever is done in whatever order, with restarts in between.

use super::super::sample::*;
use super::super::{EmbeddedStore, codec::time_octets};
use super::open;
use crate::store::{Added, Establishment, SeqStart, Store, Subscriber};
use ksnaf_proto::aka::Rand;
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::gba::{Association, BTid};
use ksnaf_proto::identity::{Impi, Imsi};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// What may be done. Subscribers, runs and moments are few, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Establish { subscriber: u64, run: u64, expires: u64, used_until: u64, tmpi: bool },
    Revoke { run: u64 },
    Sweep { now: u64, limit: usize },
    Add { subscribers: Vec<(u64, u64, u64, u8)>, replace: bool },
    Remove { subscriber: u64 },
    Reserve { subscriber: u64, start: SeqStart, count: u32 },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let start = prop_oneof![
        Just(SeqStart::Next),
        (0..40_u64).prop_map(SeqStart::After),
        (0..40_u64).prop_map(SeqStart::Exactly),
    ];
    let subscriber = || 0..4_u64;
    prop_oneof![
        6 => (subscriber(), 0..12_u64, 0..6_u64, 0..9_u64, any::<bool>()).prop_map(
            |(subscriber, run, expires, used_until, tmpi)| Step::Establish {
                subscriber, run, expires, used_until, tmpi
            }
        ),
        2 => (0..12_u64).prop_map(|run| Step::Revoke { run }),
        2 => (0..10_u64, 0..5_usize).prop_map(|(now, limit)| Step::Sweep { now, limit }),
        3 => (proptest::collection::vec((subscriber(), subscriber(), 0..3_u64, 0..2_u8), 0..4), any::<bool>())
            .prop_map(|(subscribers, replace)| Step::Add { subscribers, replace }),
        1 => subscriber().prop_map(|subscriber| Step::Remove { subscriber }),
        3 => (subscriber(), start, 0..4_u32).prop_map(
            |(subscriber, start, count)| Step::Reserve { subscriber, start, count }
        ),
        1 => Just(Step::Reopen),
    ]
}

/// An IMSI, perhaps with another's IMPI, with a file's SEQ in tens and one of two keys.
fn told((number, named, seq, key): (u64, u64, u64, u8)) -> Subscriber {
    let sqn = SqnFormat::default().join(10 * seq, 0).unwrap();
    let card = if key == 0 { subscriber(7) } else { tuak_subscriber(7) };
    Subscriber { imsi: imsi(number), impi: impi(named), sqn, ..card }
}

#[derive(Default)]
struct Model {
    associations: BTreeMap<BTid, Association>,
    used: BTreeMap<Rand, SystemTime>,
    subscribers: BTreeMap<Imsi, Subscriber>,
    reserved: BTreeMap<Imsi, u64>,
}

impl Model {
    fn establish(&mut self, association: Association, used_until: SystemTime) -> Establishment {
        if self.used.contains_key(&association.rand) {
            return Establishment::RandAlreadyUsed;
        }
        let replaced = self.end_of(&association.impi);
        self.used.insert(association.rand, used_until.max(association.expires_at));
        self.associations.insert(association.b_tid.clone(), association);
        Establishment::Created { replaced }
    }

    fn end_of(&mut self, impi: &Impi) -> Option<BTid> {
        let b_tid = self.associations.values().find(|one| one.impi == *impi)?.b_tid.clone();
        self.associations.remove(&b_tid).map(|one| one.b_tid)
    }

    fn sweep(&mut self, now: SystemTime, limit: usize) -> usize {
        let ends = self.associations.values().map(|one| (one.expires_at, 1, one.b_tid.as_str().into()));
        let rands = self.used.iter().map(|(rand, until)| (*until, 2, rand.0.to_vec()));
        let mut due: Vec<(SystemTime, u8, Vec<u8>)> = ends.chain(rands).collect();
        due.retain(|(at, ..)| *at <= now);
        due.sort_by_key(|(at, kind, key)| (time_octets(*at), *kind, key.clone()));
        due.truncate(limit);
        for (_, _, key) in &due {
            self.associations.retain(|b_tid, _| b_tid.as_str().as_bytes() != key);
            self.used.retain(|rand, _| rand.0 != key[..]);
        }
        due.len()
    }

    fn add(&mut self, subscribers: &[Subscriber], replace: bool) -> Added {
        let listed: BTreeSet<_> = subscribers.iter().map(|one| &one.imsi).collect();
        let (mut imsis, mut impis, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for subscriber in subscribers {
            let twice = !imsis.insert(&subscriber.imsi) | !impis.insert(&subscriber.impi);
            let there = !replace && self.subscribers.contains_key(&subscriber.imsi);
            let others = self.subscribers.values().filter(|one| one.imsi != subscriber.imsi);
            let mut named_so = others.filter(|one| one.impi == subscriber.impi);
            let stays = named_so.any(|one| !(replace && listed.contains(&one.imsi)));
            if twice || there || stays {
                taken.insert(subscriber.imsi.clone());
            }
        }
        if !taken.is_empty() {
            return Added::Taken(taken.into_iter().collect());
        }
        let mut replaced = 0;
        for subscriber in subscribers {
            let Some(former) = self.subscribers.get(&subscriber.imsi).cloned() else { continue };
            replaced += 1;
            if former.impi != subscriber.impi || former.key != subscriber.key {
                self.end_of(&former.impi);
            }
            if former.sqn != subscriber.sqn
                && let Some(reserved) = self.reserved.get_mut(&subscriber.imsi)
            {
                *reserved = (*reserved).max(SqnFormat::default().seq(subscriber.sqn));
            }
        }
        self.subscribers.extend(subscribers.iter().map(|one| (one.imsi.clone(), one.clone())));
        Added::All { replaced }
    }

    fn remove(&mut self, imsi: &Imsi) -> bool {
        let removed = self.subscribers.remove(imsi);
        self.reserved.remove(imsi);
        if let Some(removed) = &removed {
            self.end_of(&removed.impi);
        }
        removed.is_some()
    }

    fn reserve(&mut self, imsi: &Imsi, start: SeqStart, count: u32) -> Option<u64> {
        let told = SqnFormat::default().seq(self.subscribers.get(imsi)?.sqn);
        let reserved = self.reserved.get(imsi).copied().unwrap_or(told);
        let last = match start {
            SeqStart::Next => reserved,
            SeqStart::After(seq) => reserved.max(seq),
            SeqStart::Exactly(seq) => seq,
        };
        self.reserved.insert(imsi.clone(), last + u64::from(count.max(1)));
        Some(last + 1)
    }
}

/// Does a step on both and compares the answers.
async fn take(store: &EmbeddedStore, model: &mut Model, step: Step) {
    match step {
        Step::Establish { subscriber, run, expires, used_until, tmpi } => {
            let whole = association(subscriber, run);
            let tmpi = whole.tmpi.clone().filter(|_| tmpi);
            let one = Association { expires_at: at(expires), tmpi, ..whole };
            let expected = model.establish(one.clone(), at(used_until));
            assert_eq!(store.establish(one, at(used_until)).await.unwrap(), expected);
        }
        Step::Revoke { run } => {
            let expected = model.associations.remove(&b_tid(run)).is_some();
            assert_eq!(store.revoke(&b_tid(run)).await.unwrap(), expected);
        }
        Step::Sweep { now, limit } => {
            assert_eq!(store.sweep(at(now), limit).await.unwrap(), model.sweep(at(now), limit));
        }
        Step::Add { subscribers, replace } => {
            let subscribers: Vec<_> = subscribers.into_iter().map(told).collect();
            let expected = model.add(&subscribers, replace);
            assert_eq!(store.add_subscribers(subscribers, replace).await.unwrap(), expected);
        }
        Step::Remove { subscriber } => {
            let imsi = imsi(subscriber);
            assert_eq!(store.remove_subscriber(&imsi).await.unwrap(), model.remove(&imsi));
        }
        Step::Reserve { subscriber, start, count } => {
            let imsi = imsi(subscriber);
            let expected = model.reserve(&imsi, start, count);
            assert_eq!(store.reserve_seq(&imsi, start, count).await.unwrap(), expected);
        }
        Step::Reopen => {}
    }
}

/// Everything that can be read, at a few moments.
async fn compare(store: &EmbeddedStore, model: &Model) {
    for now in [0, 3, 9] {
        let valid: Vec<_> =
            model.associations.values().filter(|one| one.is_valid(at(now))).cloned().collect();
        assert_eq!(store.associations(None, 99, at(now)).await.unwrap(), valid);
        for run in 0..12 {
            let one = valid.iter().find(|one| one.b_tid == b_tid(run));
            assert_eq!(store.association(&b_tid(run), at(now)).await.unwrap().as_ref(), one);
            let named = one.filter(|one| one.tmpi.is_some()).map(|one| one.impi.clone());
            assert_eq!(store.impi_of(&tmpi(run), at(now)).await.unwrap(), named);
        }
    }
    let all: Vec<_> = model.subscribers.values().cloned().collect();
    assert_eq!(store.subscribers(None, 99).await.unwrap(), all);
    for number in 0..4 {
        let by_impi = all.iter().find(|one| one.impi == impi(number));
        assert_eq!(store.subscriber(&impi(number)).await.unwrap().as_ref(), by_impi);
        let by_imsi = model.subscribers.get(&imsi(number));
        assert_eq!(store.subscriber_by_imsi(&imsi(number)).await.unwrap().as_ref(), by_imsi);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_its_model_does(steps in proptest::collection::vec(step(), 20..60)) {
        let dir = tempfile::tempdir().unwrap();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let (mut store, mut model) = (open(dir.path()), Model::default());
            for step in steps {
                if matches!(step, Step::Reopen) {
                    store.close().await.unwrap();
                    store = open(dir.path());
                    compare(&store, &model).await;
                }
                take(&store, &mut model, step).await;
            }
            compare(&store, &model).await;
        });
    }
}
