//! One bootstrap for many callers, renewed in time, good while the BSF is away.

use crate::api::Api;
use crate::lab::{Lab, Setup, seconds};
use crate::proxy::Proxy;
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::gba::lifetime::from_xs_date_time;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

async fn established(api: &Api) -> u64 {
    api.counter("ksnaf_ub_requests", "established").await
}

async fn concurrently(lab: &Lab, callers: usize, force: bool) -> BTreeSet<String> {
    let calls = (0..callers).map(|_| {
        let api = lab.api();
        tokio::spawn(async move { api.b_tid(force).await })
    });
    let mut seen = BTreeSet::new();
    for call in calls.collect::<Vec<_>>() {
        seen.insert(call.await.unwrap());
    }
    seen
}

#[tokio::test]
async fn a_valid_key_is_reused_until_another_is_forced() {
    let lab = Setup::new(GbaMode::U).start().await;
    let first = lab.api().b_tid(false).await;
    assert_eq!(lab.api().b_tid(false).await, first);
    assert_eq!(lab.api().device_side("raw").await.ok()["b_tid"], first);
    assert_eq!(established(&lab.api()).await, 1);
    let second = lab.api().b_tid(true).await;
    assert_ne!(first, second);
    assert_eq!(lab.api().b_tid(false).await, second);
    assert_eq!(established(&lab.api()).await, 2);
    lab.finish().await;
}

#[tokio::test]
async fn fifty_concurrent_callers_share_one_bootstrap() {
    let lab = Setup::new(GbaMode::U).start().await;
    assert_eq!(concurrently(&lab, 50, false).await.len(), 1);
    assert_eq!(established(&lab.api()).await, 1);
    lab.finish().await;
}

#[tokio::test]
async fn fifty_concurrent_callers_who_all_force_share_one_bootstrap() {
    let lab = Setup::new(GbaMode::U).start().await;
    lab.api().b_tid(false).await;
    // Slow enough that all have come before it is done.
    lab.reader().misbehave(|faults| faults.delay = Duration::from_millis(4));
    assert_eq!(concurrently(&lab, 50, true).await.len(), 1);
    assert_eq!(established(&lab.api()).await, 2);
    lab.finish().await;
}

#[tokio::test]
async fn concurrent_credentials_share_one_bootstrap_too() {
    let lab = Setup::new(GbaMode::Me).start().await;
    let calls = (0..20).map(|_| {
        let api = lab.api();
        tokio::spawn(async move { api.device_side("raw").await.ok() })
    });
    let mut keys = BTreeSet::new();
    for call in calls.collect::<Vec<_>>() {
        keys.insert(call.await.unwrap()["key"].as_str().unwrap().to_owned());
    }
    assert_eq!((keys.len(), established(&lab.api()).await), (1, 1));
    lab.finish().await;
}

/// Sleeps until shortly before a credential or bootstrap expires: its last quarter has begun.
async fn until_shortly_before_expiry(of: &Value) {
    sleep_until(moment(of) - Duration::from_millis(300)).await;
}

async fn sleep_until(moment: SystemTime) {
    tokio::time::sleep(moment.duration_since(SystemTime::now()).expect("a moment to come")).await;
}

/// What is told of a moment has no fractions of a second: a life of 3 s has 2 to 3 s left.
fn moment(of: &Value) -> SystemTime {
    from_xs_date_time(of["expires_at"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_key_is_renewed_before_it_expires() {
    let setup = Setup::new(GbaMode::Me).config(|config| config.bsf.key_lifetime = seconds(3.0));
    let lab = setup.start().await;
    let first = lab.api().bootstrap(false).await.ok();
    assert_eq!(lab.api().bootstrap(false).await.ok(), first, "too early");
    lab.watch_live().await;
    until_shortly_before_expiry(&first).await;
    let second = lab.api().b_tid(false).await;
    assert_ne!(first["b_tid"], second);
    assert!(lab.live().await.contains(&second));
    lab.finish().await;
}

/// The BSF has replaced the former association, and the device never learns the new one.
#[tokio::test]
async fn a_bootstrap_whose_last_answer_got_lost_is_made_again_before_any_key_is_given() {
    for mode in [GbaMode::Me, GbaMode::U] {
        let proxy = Proxy::start().await;
        let url = proxy.url();
        let setup = Setup::new(mode).config(|config| {
            config.ue.bsf = Some(url);
            config.ue.bsf_name = Some(crate::lab::BSF.to_owned());
        });
        let lab = setup.start().await;
        proxy.lead_to(lab.ub());
        let first = lab.api().b_tid(false).await;
        lab.watch_live().await;
        proxy.lose_successes(true);
        lab.api().bootstrap(true).await.refused(503, "BSF_UNREACHABLE");
        lab.watch_live().await;
        lab.api().network_side(&first, "raw").await.refused(404, "CONTEXT_NOT_FOUND");
        proxy.lose_successes(false);
        let device = lab.api().device_side("raw").await.ok();
        assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
        lab.finish().await;
    }
}

#[tokio::test]
async fn while_the_bsf_is_away_a_valid_key_serves_until_it_expires() {
    let mut proxy = Proxy::start().await;
    let url = proxy.url();
    let setup = Setup::new(GbaMode::Me).config(|config| {
        config.ue.bsf = Some(url);
        config.ue.bsf_name = Some(crate::lab::BSF.to_owned());
        config.bsf.key_lifetime = seconds(3.0);
    });
    let lab = setup.start().await;
    proxy.lead_to(lab.ub());
    let first = lab.api().device_side("raw").await.ok();
    lab.watch_live().await;
    proxy.go_away().await;
    assert_eq!(lab.api().device_side("raw").await.ok(), first, "the BSF is not needed");
    lab.api().bootstrap(true).await.refused(503, "BSF_UNREACHABLE");
    assert_eq!(
        lab.api().device_side("raw").await.ok(),
        first,
        "a failure that was forced takes nothing away"
    );

    until_shortly_before_expiry(&first).await;
    assert_eq!(lab.api().device_side("raw").await.ok(), first, "a renewal that failed takes nothing away");
    assert!(lab.api().counter("ksnaf_ue_bootstraps", "unreachable").await >= 2, "but it was tried");

    sleep_until(moment(&first) + Duration::from_millis(10)).await;
    let detail = lab.api().device_side("raw").await.refused(503, "BSF_UNREACHABLE");
    assert!(detail.contains(&proxy.address.to_string()), "{detail}");

    proxy.come_back().await;
    let second = lab.api().device_side("raw").await.ok();
    assert_ne!(first["b_tid"], second["b_tid"]);
    lab.finish().await;
}
