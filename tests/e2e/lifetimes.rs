//! When a bootstrap ends: by time, by its successor, by revocation.

use crate::api::segment;
use crate::device::{Device, exchange};
use crate::lab::{Setup, seconds};
use crate::people::Person;
use ksnaf_proto::gba::GbaMode;
use std::time::{Duration, Instant, SystemTime};

#[tokio::test]
async fn the_network_side_gives_nothing_for_an_expired_bootstrap() {
    let setup = Setup::new(GbaMode::U).config(|config| config.bsf.key_lifetime = seconds(2.0));
    let lab = setup.start().await;
    let b_tid = lab.api().b_tid(false).await;
    let given = lab.api().network_side(&b_tid, "raw").await.ok();
    lab.watch_live().await;
    tokio::time::sleep(Duration::from_millis(2050)).await;
    let body = lab.api().network_side(&b_tid, "raw").await;
    body.refused(404, "CONTEXT_NOT_FOUND");
    let unknown = lab.api().network_side(&b_tid.replace(&b_tid[..4], "AAAA"), "raw").await;
    assert_eq!(body.body, unknown.body, "expired or never there: the answer is the same");
    assert_eq!(lab.live().await, [""; 0], "and the list has it no more");
    assert_eq!(lab.api().get("/v1/associations").await.ok()["associations"].as_array().unwrap().len(), 0);
    let again = lab.api().device_side("raw").await.ok();
    assert_ne!(again["b_tid"], given["b_tid"], "the device side knows too");
    lab.finish().await;
}

#[tokio::test]
async fn a_subscribers_own_lifetime_goes_before_the_bsfs() {
    let mut person = Person::new(GbaMode::Me);
    person.key_lifetime = Some(Duration::from_secs(3600));
    let lab = Setup::of(person.clone()).start().await;
    let mut device = Device::new(person);
    let done = device.bootstrap(lab.ub()).await.unwrap();
    let left = done.expires_at.duration_since(SystemTime::now()).unwrap().as_secs();
    assert!((3590..=3600).contains(&left), "{left} s");
    lab.finish().await;
}

#[tokio::test]
async fn the_next_bootstrap_ends_the_one_before() {
    let lab = Setup::new(GbaMode::U).start().await;
    let first = lab.api().b_tid(true).await;
    lab.watch_live().await;
    let second = lab.api().b_tid(true).await;
    lab.api().network_side(&first, "raw").await.refused(404, "CONTEXT_NOT_FOUND");
    lab.api().network_side(&second, "raw").await.ok();
    assert_eq!(lab.live().await, [second]);
    lab.finish().await;
}

#[tokio::test]
async fn a_revoked_bootstrap_is_gone_at_once_and_cannot_be_revoked_twice() {
    let lab = Setup::new(GbaMode::U).start().await;
    let b_tid = lab.api().b_tid(false).await;
    lab.watch_live().await;
    let path = format!("/v1/associations/{}", segment(&b_tid));
    assert_eq!(lab.api().delete(&path).await.status, 204);
    lab.api().network_side(&b_tid, "raw").await.refused(404, "CONTEXT_NOT_FOUND");
    lab.api().delete(&path).await.refused(404, "CONTEXT_NOT_FOUND");
    let detail = lab.api().delete("/v1/associations/no-b-tid").await.problem(400);
    assert!(detail["detail"].as_str().unwrap().starts_with("b_tid: "), "{detail}");
    lab.finish().await;
}

#[tokio::test]
async fn one_rand_gives_one_association_whatever_is_replayed() {
    let lab = Setup::new(GbaMode::Me).start().await;
    let mut device = Device::new(lab.person.clone());
    let Err(answer) = device.go_on(lab.ub(), device.begin()).await.unwrap() else { panic!("a challenge") };
    let replay = answer.request.clone();
    let Ok(done) = device.go_on(lab.ub(), answer).await.unwrap() else { panic!("an association") };
    for _ in 0..3 {
        assert_eq!(exchange(lab.ub(), replay.clone()).await.unwrap().status, 403);
    }
    assert_eq!(lab.live().await, [done.b_tid.as_str()], "a replay does not end it either");
    lab.watch_live().await;
    lab.api().delete(&format!("/v1/associations/{}", segment(done.b_tid.as_str()))).await;
    assert_eq!(exchange(lab.ub(), replay).await.unwrap().status, 403, "revoked is not unused");
    assert_eq!(lab.live().await, [""; 0]);
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "replay").await, 4);
    lab.finish().await;
}

#[tokio::test]
async fn of_answers_to_one_challenge_that_race_one_wins() {
    let lab = Setup::new(GbaMode::Me).start().await;
    let mut device = Device::new(lab.person.clone());
    let Err(answer) = device.go_on(lab.ub(), device.begin()).await.unwrap() else { panic!("a challenge") };
    let ub = lab.ub();
    let race = (0..10).map(|_| {
        let request = answer.request.clone();
        tokio::spawn(async move { exchange(ub, request).await.unwrap().status })
    });
    let mut statuses = Vec::new();
    for one in race.collect::<Vec<_>>() {
        statuses.push(one.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403, 403, 403, 403, 403, 403, 403, 403, 403]);
    assert_eq!(lab.live().await.len(), 1);
    lab.finish().await;
}

#[tokio::test]
async fn an_expired_challenge_gets_another_one_and_stale() {
    let setup = Setup::new(GbaMode::Me).config(|config| config.bsf.challenge_lifetime = seconds(3.0));
    let lab = setup.start().await;
    let mut device = Device::new(lab.person.clone());
    let Err(late) = device.go_on(lab.ub(), device.begin()).await.unwrap() else { panic!("a challenge") };
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let answer = exchange(lab.ub(), late.request.clone()).await.unwrap();
    assert_eq!(answer.status, 401);
    assert!(answer.header_values("www-authenticate").any(|value| value.contains("stale=true")));
    let Err(second) = device.go_on(lab.ub(), late).await.unwrap() else { panic!("a challenge") };
    assert!(device.go_on(lab.ub(), second).await.unwrap().is_ok(), "the UE goes on with it");
    lab.finish().await;
}

#[tokio::test]
async fn expired_records_are_swept() {
    let setup = Setup::new(GbaMode::Me).config(|config| {
        config.bsf.key_lifetime = seconds(1.0);
        config.bsf.challenge_lifetime = seconds(1.0);
        config.service.sweep_interval = seconds(0.2);
    });
    let lab = setup.start().await;
    lab.api().b_tid(false).await;
    lab.watch_live().await;
    let until = Instant::now() + Duration::from_secs(8);
    while lab.api().metrics().await.lines().any(|line| line == "ksnaf_swept_total 0") {
        assert!(Instant::now() < until, "nothing is swept");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    lab.finish().await;
}
