//! The card's sequence number and the AuC's, apart and together again.

use crate::device::Device;
use crate::lab::Setup;
use crate::people::{Person, random};
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::aka::{Amf, Rand, Sqn, vector};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::uicc::card_identity::ApplicationPreference;
use ksnaf_proto::uicc::gba::{Bootstrap, GbaPolicy};
use ksnaf_proto::uicc::session::{Uicc, Unlock};
use ksnaf_sim_usim::SimCard;

/// Lets the card accept a vector with this SEQ, as another network's AuC would make it.
fn advance(card: &mut SimCard, person: &Person, seq: u64) {
    let format = SqnFormat::default();
    let algorithm = person.key.algorithm().unwrap();
    let sqn = format.join(seq, format.ind_max()).unwrap();
    let vector = vector::generate(&algorithm, Rand(random()), sqn, Amf([0x80, 0]));
    card.reset();
    let mut uicc = Uicc::open(card, Unlock::default()).unwrap();
    let application = uicc.identity().unwrap().gba_application(ApplicationPreference::IsimFirst).unwrap();
    let mut run = uicc.gba_run(application, GbaPolicy::MeOnly).unwrap();
    let accepted = run.authenticate(&vector.rand, &vector.autn).unwrap();
    assert!(matches!(accepted, Bootstrap::Me { .. }));
}

#[tokio::test]
async fn one_forced_resynchronisation_is_carried_through() {
    for mode in [GbaMode::U, GbaMode::Me] {
        let lab = Setup::new(mode).start().await;
        lab.reader().misbehave(|faults| faults.force_resync = 1);
        let device = lab.api().device_side("raw").await.ok();
        assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
        assert_eq!(lab.api().counter("ksnaf_ub_requests", "resynchronised").await, 1);
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_card_that_is_never_satisfied_is_refused_after_the_second_time() {
    let lab = Setup::new(GbaMode::U).start().await;
    lab.reader().misbehave(|faults| faults.force_resync = u32::MAX);
    let detail = lab.api().bootstrap(false).await.refused(502, "AUTHENTICATION_REJECTED");
    assert!(detail.contains("second synchronisation failure"), "{detail}");
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "resynchronised").await, 1, "no loop");
    lab.reader().misbehave(|faults| faults.force_resync = 0);
    lab.api().bootstrap(false).await.ok();
    lab.finish().await;
}

#[tokio::test]
async fn an_auc_that_is_behind_its_card_catches_up() {
    let lab = Setup::new(GbaMode::U).start().await;
    lab.reader().look(|card| advance(card, &lab.person, 5000));
    let device = lab.api().device_side("raw").await.ok();
    assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "resynchronised").await, 1);
    lab.api().b_tid(true).await;
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "resynchronised").await, 1, "and stays caught up");
    lab.finish().await;
}

#[tokio::test]
async fn an_auc_that_is_too_far_ahead_comes_back_to_its_card() {
    let mut person = Person::new(GbaMode::Me);
    // Beyond the card's Δ of 2^28: it takes none of the numbers that are ahead.
    let format = SqnFormat::default();
    person.sqn = format.join(1 << 30, 0).unwrap();
    let lab = Setup::of(person).start().await;
    let device = lab.api().device_side("raw").await.ok();
    assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "resynchronised").await, 1);
    lab.finish().await;
}

#[tokio::test]
async fn sequence_numbers_rise_from_the_subscriber_files_on() {
    let mut person = Person::new(GbaMode::Me);
    person.sqn = Sqn::new(1000 << 5).unwrap();
    let setup = Setup::new(GbaMode::U);
    let lab = Setup { others: vec![person.clone()], ..setup }.start().await;
    let mut device = Device::new(person);
    for _ in 0..40 {
        device.bootstrap(lab.ub()).await.unwrap();
    }
    let seen: Vec<u64> =
        device.seen.iter().map(|(rand, autn)| device.person.sqn_of(rand, autn).value() >> 5).collect();
    assert_eq!(seen, (1001..1041).collect::<Vec<_>>(), "one after the other, over the bounds of blocks");
    lab.finish().await;
}
