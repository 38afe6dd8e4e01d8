//! What a restart must not lose.

use crate::device::Device;
use crate::lab::Setup;
use crate::people::Person;
use ksnaf_proto::gba::GbaMode;

#[tokio::test]
async fn an_acknowledged_bootstrap_works_after_a_restart_on_both_sides() {
    for mode in [GbaMode::U, GbaMode::Me] {
        let mut lab = Setup::new(mode).start().await;
        let before = lab.api().device_side("raw").await.ok();
        lab.stop().await;
        lab.start_again().await;
        let b_tid = before["b_tid"].as_str().unwrap();
        assert_eq!(lab.api().network_side(b_tid, "raw").await.ok(), before);
        assert_eq!(lab.api().device_side("raw").await.ok(), before, "the device side kept its Ks");
        assert_eq!(
            lab.api().counter("ksnaf_ub_requests", "challenged").await,
            0,
            "without another bootstrap"
        );
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_challenge_from_before_a_restart_can_be_answered_after_it() {
    let person = Person::new(GbaMode::Me);
    let mut lab = Setup::of(person.clone()).start().await;
    let mut device = Device::new(person);
    let Err(answer) = device.go_on(lab.ub(), device.begin()).await.unwrap() else { panic!("a challenge") };
    lab.stop().await;
    lab.start_again().await;
    let Ok(done) = device.go_on(lab.ub(), answer).await.unwrap() else { panic!("an association") };
    lab.api().network_side(done.b_tid.as_str(), "raw").await.ok();
    lab.finish().await;
}

#[tokio::test]
async fn a_replay_from_before_a_restart_is_known_after_it() {
    let person = Person::new(GbaMode::Me);
    let mut lab = Setup::of(person.clone()).start().await;
    let mut device = Device::new(person);
    let Err(answer) = device.go_on(lab.ub(), device.begin()).await.unwrap() else { panic!("a challenge") };
    let replay = answer.request.clone();
    assert!(device.go_on(lab.ub(), answer).await.unwrap().is_ok());
    lab.stop().await;
    lab.start_again().await;
    assert_eq!(crate::device::exchange(lab.ub(), replay).await.unwrap().status, 403);
    lab.finish().await;
}

#[tokio::test]
async fn no_sequence_number_comes_twice_over_restarts() {
    let person = Person::new(GbaMode::Me);
    let mut lab = Setup::of(person.clone()).start().await;
    let mut device = Device::new(person);
    for _ in 0..3 {
        for _ in 0..3 {
            device.bootstrap(lab.ub()).await.unwrap();
        }
        lab.stop().await;
        lab.start_again().await;
    }
    let mut seen: Vec<u64> =
        device.seen.iter().map(|(rand, autn)| device.person.sqn_of(rand, autn).value()).collect();
    assert!(seen.is_sorted(), "{seen:?}");
    seen.dedup();
    assert_eq!(seen.len(), 9);
    lab.finish().await;
}

#[tokio::test]
async fn a_second_service_on_the_same_directory_is_refused_and_harms_nothing() {
    let lab = Setup::new(GbaMode::U).start().await;
    let before = lab.api().device_side("raw").await.ok();
    let refused = lab.start_beside().await.err().expect("one service a directory");
    assert!(refused.to_string().contains("is in use by another process"), "{refused}");
    assert_eq!(refused.status(), 1);
    assert_eq!(lab.api().network_side(before["b_tid"].as_str().unwrap(), "raw").await.ok(), before);
    lab.finish().await;
}
