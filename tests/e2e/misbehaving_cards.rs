//! Cards that lie, hang, are pulled out or change: the caller gets an answer in time, and the service recovers.

use crate::lab::{Lab, Setup, fqdn, seconds};
use crate::people::{Person, random};
use crate::slot::NAME;
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::aka::{AkaKey, Amf, Rand, vector};
use ksnaf_proto::gba::{self, BTid, GbaMode};
use ksnaf_proto::secret::Secret;
use ksnaf_proto::uicc::StatusWord;
use ksnaf_proto::uicc::card_identity::ApplicationPreference;
use ksnaf_proto::uicc::gba::{Bootstrap, GbaPolicy};
use ksnaf_proto::uicc::session::{Uicc, Unlock};
use ksnaf_sim_usim::{Pull, PullPoint, SimCard};
use std::time::{Duration, Instant, SystemTime};

/// INS of AUTHENTICATE.
const AUTHENTICATE: u8 = 0x88;

#[tokio::test]
async fn a_wrong_mac_is_an_authentication_rejected_and_the_bsf_is_told() {
    let lab = Setup::new(GbaMode::U).start().await;
    lab.reader().misbehave(|faults| faults.wrong_mac = true);
    let detail = lab.api().device_side("raw").await.refused(502, "AUTHENTICATION_REJECTED");
    assert!(detail.contains("9862") && detail.contains("K or OPc differ"), "{detail}");
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "refused").await, 1);
    assert_eq!(lab.live().await, [""; 0]);
    lab.reader().misbehave(|faults| faults.wrong_mac = false);
    lab.api().device_side("raw").await.ok();
    lab.finish().await;
}

#[tokio::test]
async fn a_card_of_another_key_is_an_authentication_rejected() {
    let setup = Setup::new(GbaMode::U).card(|card| {
        card.key = AkaKey::Milenage { k: Secret::new(random()), opc: Secret::new(random()) };
    });
    let lab = setup.start().await;
    let detail = lab.api().bootstrap(false).await.refused(502, "AUTHENTICATION_REJECTED");
    assert!(detail.contains("uiccType is not the cause"), "{detail}");
    lab.finish().await;
}

#[tokio::test]
async fn a_card_pulled_in_the_middle_is_unavailable_and_comes_back() {
    for at in [PullPoint::BeforeKept, PullPoint::AfterKept] {
        let lab = Setup::new(GbaMode::U).start().await;
        lab.reader().misbehave(|faults| faults.pull_in = Some(Pull { ins: AUTHENTICATE, at }));
        let detail = lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
        assert!(detail.contains("the card was removed"), "{detail}");
        let detail = lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
        assert!(detail.contains("no card in the reader"), "{detail}");
        lab.reader().look(SimCard::insert);
        let device = lab.api().device_side("raw").await.ok();
        assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_card_pulled_at_any_command_leaves_a_service_that_works_with_the_next_try() {
    let lab = Setup::new(GbaMode::U).start().await;
    let before = lab.reader().commands();
    lab.api().b_tid(false).await;
    let whole = u32::try_from(lab.reader().commands() - before).unwrap();
    assert!(whole > 20, "a bootstrap of {whole} commands");
    for commands in (0..whole).step_by(3) {
        lab.reader().misbehave(|faults| faults.pull_after = Some(commands));
        let answer = lab.api().bootstrap(true).await;
        // Pulled while its channel is being closed, the card has done all it was asked for.
        if answer.status != http::StatusCode::OK {
            answer.refused(503, "CARD_UNAVAILABLE");
        }
        lab.reader().misbehave(|faults| faults.pull_after = None);
        lab.reader().look(SimCard::insert);
        let device = lab.api().device_side("raw").await.ok();
        assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_slow_card_frees_its_caller_at_the_deadline_and_is_used_again_afterwards() {
    let setup = Setup::new(GbaMode::U).config(|config| config.ue.card_timeout = seconds(0.6));
    let lab = setup.start().await;
    lab.api().b_tid(false).await;
    lab.reader().misbehave(|faults| faults.delay = Duration::from_millis(250));
    let started = Instant::now();
    let detail = lab.api().bootstrap(true).await.refused(503, "CARD_UNAVAILABLE");
    assert!(detail.contains("did not answer in time"), "{detail}");
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    lab.reader().misbehave(|faults| faults.delay = Duration::ZERO);
    becomes_usable(&lab).await;
    lab.finish().await;
}

#[tokio::test]
async fn a_frozen_card_turns_callers_away_at_once_until_it_answers() {
    let setup = Setup::new(GbaMode::U).config(|config| config.ue.card_timeout = seconds(0.5));
    let lab = setup.start().await;
    lab.reader().freeze();
    lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
    let started = Instant::now();
    let detail = lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
    assert!(detail.contains(NAME) && detail.contains("did not answer in time"), "{detail}");
    assert!(started.elapsed() < Duration::from_millis(200), "a lost card makes nobody wait");
    let capabilities = lab.api().get("/v1/capabilities").await.ok();
    assert_eq!(capabilities["card"]["present"], false);
    lab.reader().thaw();
    becomes_usable(&lab).await;
    lab.finish().await;
}

/// A card that answers again is used as soon as its driver has let go.
async fn becomes_usable(lab: &Lab) {
    let until = Instant::now() + Duration::from_secs(5);
    while lab.api().bootstrap(true).await.status != http::StatusCode::OK {
        assert!(Instant::now() < until, "the card answers again and is not used");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_card_that_fails_in_its_own_way_says_so() {
    let lab = Setup::new(GbaMode::U).start().await;
    lab.reader().misbehave(|faults| faults.status_words = [(AUTHENTICATE, StatusWord(0x6f00))].into());
    let detail = lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
    assert!(detail.contains("6F00"), "{detail}");
    lab.reader().misbehave(|faults| {
        faults.status_words.clear();
        faults.short_response = Some(1);
    });
    lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
    lab.reader().misbehave(|faults| faults.short_response = None);
    lab.api().b_tid(false).await;
    lab.finish().await;
}

#[tokio::test]
async fn keys_of_a_card_that_was_taken_out_are_gone_for_good() {
    let lab = Setup::new(GbaMode::Me).start().await;
    let before = lab.api().b_tid(false).await;
    let card = lab.reader().take();
    lab.api().device_side("raw").await.refused(503, "CARD_UNAVAILABLE");
    lab.reader().put(card);
    let after = lab.api().b_tid(false).await;
    assert_ne!(before, after, "the Ks went with the card");
    lab.finish().await;
}

#[tokio::test]
async fn another_card_gets_keys_of_its_own_and_nothing_of_the_former_one() {
    let other = Person::new(GbaMode::Me);
    let setup = Setup::new(GbaMode::Me);
    let lab = Setup { others: vec![other.clone()], ..setup }.start().await;
    let first = lab.api().device_side("raw").await.ok();
    let former = lab.reader().take();
    lab.reader().put(SimCard::new(other.personalisation()).unwrap());
    let second = lab.api().device_side("raw").await.ok();
    assert_ne!((&first["b_tid"], &first["key"]), (&second["b_tid"], &second["key"]));
    assert_eq!(lab.api().network_side(second["b_tid"].as_str().unwrap(), "raw").await.ok(), second);
    lab.reader().take();
    lab.reader().put(former);
    let third = lab.api().device_side("raw").await.ok();
    assert_eq!(lab.api().network_side(third["b_tid"].as_str().unwrap(), "raw").await.ok(), third);
    assert_ne!(third["b_tid"], second["b_tid"]);
    lab.finish().await;
}

/// With GBA_U, Ks is in the card, and another terminal's bootstrap overwrites it: what the card derives then does not
/// belong to the B-TID that this service remembers.
#[tokio::test]
async fn a_card_that_bootstrapped_elsewhere_in_between_bootstraps_again() {
    for b_tid_is_told in [false, true] {
        let lab = Setup::new(GbaMode::U).start().await;
        let before = lab.api().device_side("raw").await.ok();
        lab.reader().look(|card| bootstrap_elsewhere(card, &lab.person, b_tid_is_told));
        let after = lab.api().device_side("raw").await.ok();
        assert_eq!(lab.api().network_side(after["b_tid"].as_str().unwrap(), "raw").await.ok(), after);
        assert_ne!(before["b_tid"], after["b_tid"]);
        lab.finish().await;
    }
}

/// A bootstrap in GBA_U with another network of the same keys, up to its last step or without it.
fn bootstrap_elsewhere(card: &mut SimCard, person: &Person, b_tid_is_told: bool) {
    let algorithm = person.key.algorithm().unwrap();
    let format = SqnFormat::default();
    let sqn = format.join(100, format.ind_max()).unwrap();
    let vector = vector::generate(&algorithm, Rand(random()), sqn, Amf([0x80, 0]));
    card.reset();
    let mut uicc = Uicc::open(card, Unlock::default()).unwrap();
    let application = uicc.identity().unwrap().gba_application(ApplicationPreference::IsimFirst).unwrap();
    let mut run = uicc.gba_run(application, GbaPolicy::UOnly).unwrap();
    let autn = gba::autn_star(vector.autn, &vector.ik);
    assert!(matches!(run.authenticate(&vector.rand, &autn), Ok(Bootstrap::U { .. })));
    if b_tid_is_told {
        let b_tid = BTid::new(&vector.rand, &fqdn("bsf.elsewhere.example"));
        run.store_b_tid(&vector.rand, &b_tid, SystemTime::now() + Duration::from_secs(3600)).unwrap();
    }
}
