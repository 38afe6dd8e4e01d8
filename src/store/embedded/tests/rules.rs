//! Associations and subscribers: what is found, what is replaced, what is refused.

use super::super::sample::*;
use super::fresh;
use crate::store::{Added, Establishment, Store, Subscriber};
use ksnaf_proto::gba::Association;
use ksnaf_proto::secret::Secret;
use std::sync::Arc;

const CREATED: Establishment = Establishment::Created { replaced: None };

#[tokio::test]
async fn an_association_is_found_by_b_tid_and_tmpi_until_it_expires() {
    let (_dir, store) = fresh();
    let association = association(1, 1);
    assert_eq!(store.establish(association.clone(), at(5000)).await.unwrap(), CREATED);
    for (now, valid) in [(0, true), (999, true), (1000, false), (2000, false)] {
        let found = store.association(&b_tid(1), at(now)).await.unwrap();
        assert_eq!(found, valid.then(|| association.clone()), "{now}");
        assert_eq!(store.impi_of(&tmpi(1), at(now)).await.unwrap(), valid.then(|| impi(1)), "{now}");
        assert_eq!(store.associations(None, 9, at(now)).await.unwrap().len(), usize::from(valid), "{now}");
    }
    assert_eq!(store.association(&b_tid(2), at(0)).await.unwrap(), None);
    assert_eq!(store.impi_of(&tmpi(2), at(0)).await.unwrap(), None);
}

#[tokio::test]
async fn a_new_association_ends_the_subscribers_former_one() {
    let (_dir, store) = fresh();
    store.establish(association(1, 1), at(5000)).await.unwrap();
    store.establish(association(2, 2), at(5000)).await.unwrap();
    let replaced = store.establish(association(1, 3), at(5000)).await.unwrap();
    assert_eq!(replaced, Establishment::Created { replaced: Some(b_tid(1)) });
    assert_eq!(store.association(&b_tid(1), at(0)).await.unwrap(), None);
    assert_eq!(store.impi_of(&tmpi(1), at(0)).await.unwrap(), None);
    assert_eq!(store.association(&b_tid(2), at(0)).await.unwrap(), Some(association(2, 2)));
    assert_eq!(store.impi_of(&tmpi(3), at(0)).await.unwrap(), Some(impi(1)));
}

#[tokio::test]
async fn a_rand_gives_one_association_whatever_becomes_of_it() {
    let (_dir, store) = fresh();
    let used = async |run| {
        let again = Association { ks: ksnaf_proto::gba::Ks::new([9; 32]), ..association(7, run) };
        store.establish(again, at(5000)).await.unwrap() == Establishment::RandAlreadyUsed
    };
    store.establish(association(1, 1), at(5000)).await.unwrap();
    assert!(used(1).await, "live");
    store.establish(association(1, 2), at(5000)).await.unwrap();
    assert!(used(1).await, "replaced");
    assert!(store.revoke(&b_tid(2)).await.unwrap());
    assert!(used(2).await, "revoked");
    store.establish(association(3, 3), at(5000)).await.unwrap();
    assert_eq!(store.sweep(at(4999), 100).await.unwrap(), 1);
    assert!(used(3).await, "expired and swept");
    assert_eq!(store.sweep(at(5000), 100).await.unwrap(), 3);
    assert!(!used(3).await, "no longer than it was asked for");
}

#[tokio::test]
async fn a_rand_stays_used_as_long_as_its_association_lives() {
    let (_dir, store) = fresh();
    store.establish(association(1, 1), at(10)).await.unwrap();
    assert_eq!(store.sweep(at(999), 100).await.unwrap(), 0);
    assert_eq!(store.establish(association(2, 1), at(10)).await.unwrap(), Establishment::RandAlreadyUsed);
    assert_eq!(store.association(&b_tid(1), at(999)).await.unwrap(), Some(association(1, 1)));
}

#[tokio::test]
async fn the_list_goes_on_after_a_b_tid_and_leaves_out_what_expired() {
    let (_dir, store) = fresh();
    let mut expected = Vec::new();
    for run in 0..20 {
        let mut association = bare_association(run);
        if run % 5 == 0 {
            association.expires_at = at(1);
        } else {
            expected.push(association.clone());
        }
        store.establish(association, at(5000)).await.unwrap();
    }
    expected.sort_by(|a, b| a.b_tid.cmp(&b.b_tid));
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.associations(after.as_ref(), 3, at(1)).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.b_tid.clone());
        found.extend(page);
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_sweep_takes_the_expired_ones_at_most_as_many_as_asked() {
    let (_dir, store) = fresh();
    for run in 0..10 {
        let expires_at = at(if run < 6 { 10 } else { 20 });
        store.establish(Association { expires_at, ..association(run, run) }, at(30)).await.unwrap();
    }
    assert_eq!(store.sweep(at(9), 100).await.unwrap(), 0);
    assert_eq!(store.sweep(at(10), 0).await.unwrap(), 0);
    assert_eq!(store.sweep(at(10), 4).await.unwrap(), 4);
    assert_eq!(store.sweep(at(10), 4).await.unwrap(), 2);
    assert_eq!(store.sweep(at(10), 4).await.unwrap(), 0);
    assert_eq!(store.associations(None, 99, at(0)).await.unwrap().len(), 4);
    assert_eq!(store.impi_of(&tmpi(1), at(0)).await.unwrap(), None);
    assert_eq!(store.sweep(at(30), 100).await.unwrap(), 14);
}

#[tokio::test]
async fn a_sweep_finds_what_expires_before_the_last_sweep_and_bears_a_clock_set_back() {
    let (_dir, store) = fresh();
    assert_eq!(store.sweep(at(100), 10).await.unwrap(), 0);
    store.establish(Association { expires_at: at(50), ..association(1, 1) }, at(60)).await.unwrap();
    assert_eq!(store.sweep(at(40), 10).await.unwrap(), 0);
    assert_eq!(store.sweep(at(50), 10).await.unwrap(), 1);
    assert_eq!(store.sweep(at(101), 10).await.unwrap(), 1);
    let long_ago = std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
    assert_eq!(store.sweep(long_ago, 10).await.unwrap(), 0);
}

#[tokio::test]
async fn revoking_what_is_not_there_says_so() {
    let (_dir, store) = fresh();
    assert!(!store.revoke(&b_tid(1)).await.unwrap());
    store.establish(association(1, 1), at(5000)).await.unwrap();
    assert!(store.revoke(&b_tid(1)).await.unwrap());
    assert!(!store.revoke(&b_tid(1)).await.unwrap());
    assert_eq!(store.association(&b_tid(1), at(0)).await.unwrap(), None);
    assert_eq!(store.impi_of(&tmpi(1), at(0)).await.unwrap(), None);
}

#[tokio::test]
async fn subscribers_come_in_all_or_not_at_all() {
    let (_dir, store) = fresh();
    let add = async |subscribers: &[Subscriber], replace| {
        store.add_subscribers(subscribers.to_vec(), replace).await.unwrap()
    };
    let (one, two) = (subscriber(1), tuak_subscriber(2));
    assert_eq!(add(&[one.clone(), two.clone()], false).await, Added::All { replaced: 0 });
    assert_eq!(add(&[subscriber(3), one.clone()], false).await, Added::Taken(vec![imsi(1)]));
    assert_eq!(store.subscriber_by_imsi(&imsi(3)).await.unwrap(), None);
    assert_eq!(add(&[subscriber(3), one.clone()], true).await, Added::All { replaced: 1 });
    assert_eq!(store.subscriber(&impi(2)).await.unwrap(), Some(two.clone()));
    assert_eq!(store.subscriber_by_imsi(&imsi(2)).await.unwrap(), Some(two));
    assert_eq!(add(&[], false).await, Added::All { replaced: 0 });
    let twice = [subscriber(4), subscriber(4)];
    assert_eq!(add(&twice, true).await, Added::Taken(vec![imsi(4)]));
    let all = store.subscribers(None, 99).await.unwrap();
    assert_eq!(all.iter().map(|found| found.imsi.clone()).collect::<Vec<_>>(), [imsi(1), imsi(2), imsi(3)]);
    assert_eq!(store.subscribers(Some(&imsi(1)), 1).await.unwrap(), all[1..2]);
}

#[tokio::test]
async fn an_impi_belongs_to_one_subscriber() {
    let (_dir, store) = fresh();
    store.add_subscribers(vec![subscriber(1), subscriber(2)], false).await.unwrap();
    let thief = Subscriber { impi: impi(1), ..subscriber(3) };
    for replace in [false, true] {
        let added = store.add_subscribers(vec![thief.clone()], replace).await.unwrap();
        assert_eq!(added, Added::Taken(vec![imsi(3)]));
    }
    let shared = [subscriber(4), Subscriber { impi: impi(4), ..subscriber(5) }];
    assert_eq!(store.add_subscribers(shared.to_vec(), true).await.unwrap(), Added::Taken(vec![imsi(5)]));

    let exchanged =
        [Subscriber { impi: impi(2), ..subscriber(1) }, Subscriber { impi: impi(1), ..subscriber(2) }];
    let added = store.add_subscribers(exchanged.to_vec(), true).await.unwrap();
    assert_eq!(added, Added::All { replaced: 2 });
    assert_eq!(store.subscriber(&impi(1)).await.unwrap(), Some(exchanged[1].clone()));
    let moved = Subscriber { impi: impi(9), ..subscriber(1) };
    store.add_subscribers(vec![moved.clone()], true).await.unwrap();
    assert_eq!(store.subscriber(&impi(2)).await.unwrap(), None);
    assert_eq!(store.subscriber(&impi(9)).await.unwrap(), Some(moved));
}

#[tokio::test]
async fn another_key_or_impi_ends_the_association_and_other_changes_do_not() {
    let (_dir, store) = fresh();
    store.add_subscribers(vec![subscriber(1)], false).await.unwrap();
    store.establish(association(1, 1), at(5000)).await.unwrap();
    let told = Subscriber { consent: true, ..subscriber(1) };
    store.add_subscribers(vec![told], true).await.unwrap();
    assert!(store.association(&b_tid(1), at(0)).await.unwrap().is_some());
    let card = Subscriber { key: tuak_subscriber(1).key, ..subscriber(1) };
    store.add_subscribers(vec![card.clone()], true).await.unwrap();
    assert!(store.association(&b_tid(1), at(0)).await.unwrap().is_none());
    store.establish(association(1, 2), at(5000)).await.unwrap();
    store.add_subscribers(vec![Subscriber { impi: impi(8), ..card }], true).await.unwrap();
    assert!(store.association(&b_tid(2), at(0)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_removed_subscriber_takes_its_association_along() {
    let (_dir, store) = fresh();
    store.add_subscribers(vec![subscriber(1)], false).await.unwrap();
    store.establish(association(1, 1), at(5000)).await.unwrap();
    assert!(store.remove_subscriber(&imsi(1)).await.unwrap());
    assert!(!store.remove_subscriber(&imsi(1)).await.unwrap());
    assert_eq!(store.subscriber(&impi(1)).await.unwrap(), None);
    assert_eq!(store.subscriber_by_imsi(&imsi(1)).await.unwrap(), None);
    assert_eq!(store.association(&b_tid(1), at(0)).await.unwrap(), None);
    let again = store.establish(association(1, 1), at(5000)).await.unwrap();
    assert_eq!(again, Establishment::RandAlreadyUsed);
}

#[tokio::test]
async fn a_shared_secret_is_made_once() {
    let (dir, store) = fresh();
    let first = store.shared_secret("opaque", [1; 32]).await.unwrap();
    assert_eq!(first, Secret::new([1; 32]));
    assert_eq!(store.shared_secret("opaque", [2; 32]).await.unwrap(), first);
    assert_eq!(store.shared_secret("pseudonym", [3; 32]).await.unwrap(), Secret::new([3; 32]));
    store.close().await.unwrap();
    let store: Arc<dyn Store> = Arc::new(super::open(dir.path()));
    assert_eq!(store.shared_secret("opaque", [4; 32]).await.unwrap(), first);
}
