//! Which of a card's applications bootstraps, and in which mode; what the error says where card and network disagree.

use crate::lab::{Lab, Setup, fqdn};
use crate::people::Person;
use ksnaf::config::{UeApplication, UeMode};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::identity::Impi;
use serde_json::json;

/// A subscriber whose ISIM has an identity of its own.
fn with_own_isim(person: &mut Person) -> impl FnOnce(&mut ksnaf_sim_usim::Personalisation) + use<> {
    let impi = Impi::parse(&format!("user-{}@home.example", person.imsi.as_str())).unwrap();
    person.impi = impi.clone();
    move |card| {
        let isim = card.isim.as_mut().unwrap();
        isim.impi = impi;
        isim.domain = fqdn("home.example");
    }
}

/// The identity that a bootstrap used, as the store has it.
async fn impi_of(lab: &Lab, b_tid: &str) -> Impi {
    let b_tid = ksnaf_proto::gba::BTid::parse(b_tid).unwrap();
    let found = lab.store().association(&b_tid, std::time::SystemTime::now()).await.unwrap();
    found.expect("an association").impi
}

#[tokio::test]
async fn an_isim_is_preferred_to_the_usim() {
    let mut person = Person::new(GbaMode::U);
    let isim = with_own_isim(&mut person);
    let lab = Setup::of(person).card(isim).start().await;
    let b_tid = lab.api().b_tid(false).await;
    assert_eq!(impi_of(&lab, &b_tid).await, lab.person.impi);
    let capabilities = lab.api().get("/v1/capabilities").await.ok();
    assert_eq!(capabilities["card"]["applications"], json!(["USIM", "ISIM"]));
    lab.finish().await;
}

#[tokio::test]
async fn the_usim_is_taken_where_the_configuration_says_so() {
    let person = Person::new(GbaMode::U);
    let setup = Setup::of(person).config(|config| config.ue.application = UeApplication::Usim).card(|card| {
        let isim = card.isim.as_mut().unwrap();
        isim.impi = Impi::parse("somebody-else@home.example").unwrap();
    });
    let lab = setup.start().await;
    let device = lab.api().device_side("raw").await.ok();
    let b_tid = device["b_tid"].as_str().unwrap();
    assert_eq!(impi_of(&lab, b_tid).await, lab.person.impi, "the IMPI that follows from the IMSI");
    assert_eq!(lab.api().network_side(b_tid, "raw").await.ok(), device);
    lab.finish().await;
}

#[tokio::test]
async fn a_card_without_an_isim_uses_its_usim_and_says_so_where_the_isim_is_demanded() {
    let lab = Setup::new(GbaMode::U).card(|card| card.isim = None).start().await;
    assert_eq!(lab.api().bootstrap(false).await.ok()["gba_mode"], "GBA_U");
    let capabilities = lab.api().get("/v1/capabilities").await.ok();
    assert_eq!(
        capabilities["card"],
        json!({ "present": true, "applications": ["USIM"], "gba_service": true })
    );
    assert_eq!(capabilities["gba_modes"], json!(["GBA_ME", "GBA_U"]));
    lab.finish().await;

    let demanded = |config: &mut ksnaf::config::Config| config.ue.application = UeApplication::Isim;
    let lab = Setup::new(GbaMode::U).card(|card| card.isim = None).config(demanded).start().await;
    let detail = lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
    assert!(detail.contains("no application with a subscriber in it"), "{detail}");
    lab.finish().await;
}

#[tokio::test]
async fn a_card_without_the_gba_service_runs_gba_me() {
    let lab = Setup::new(GbaMode::Me).card(|card| card.gba_u = false).start().await;
    let device = lab.api().device_side("raw").await.ok();
    assert_eq!(device["gba_mode"], "GBA_ME");
    assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
    let capabilities = lab.api().get("/v1/capabilities").await.ok();
    assert_eq!(capabilities["gba_modes"], json!(["GBA_ME"]));
    assert_eq!(capabilities["card"]["gba_service"], false);
    lab.finish().await;
}

#[tokio::test]
async fn autn_star_to_a_card_without_the_gba_service_names_that_cause() {
    let lab = Setup::new(GbaMode::U).card(|card| card.gba_u = false).start().await;
    let detail = lab.api().bootstrap(false).await.refused(502, "AUTHENTICATION_REJECTED");
    for part in ["9862", "no GBA service", "EF_IST service 2", "uiccType is GBA_U"] {
        assert!(detail.contains(part), "{part} is not in: {detail}");
    }
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "refused").await, 1, "the BSF was told");
    assert_eq!(lab.live().await, [""; 0]);
    lab.finish().await;
}

#[tokio::test]
async fn autn_star_to_a_device_that_may_only_run_gba_me_names_that_cause() {
    let lab = Setup::new(GbaMode::U).config(|config| config.ue.mode = UeMode::Me).start().await;
    let detail = lab.api().bootstrap(false).await.refused(502, "AUTHENTICATION_REJECTED");
    for part in ["only GBA_ME is allowed", "uiccType is GBA_U"] {
        assert!(detail.contains(part), "{part} is not in: {detail}");
    }
    lab.finish().await;
}

#[tokio::test]
async fn plain_autn_to_a_gba_u_run_names_that_cause() {
    let lab = Setup::new(GbaMode::Me).config(|config| config.ue.mode = UeMode::U).start().await;
    let detail = lab.api().bootstrap(false).await.refused(502, "AUTHENTICATION_REJECTED");
    for part in ["only GBA_U is allowed", "EF_IST service 2", "plain AUTN", "uiccType is GBA or not set"] {
        assert!(detail.contains(part), "{part} is not in: {detail}");
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_gba_u_run_is_not_tried_on_a_card_that_does_not_announce_it() {
    let setup = Setup::new(GbaMode::U).card(|card| card.gba_u = false);
    let lab = setup.config(|config| config.ue.mode = UeMode::U).start().await;
    let detail = lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
    assert!(detail.contains("cannot run GBA_U"), "{detail}");
    lab.finish().await;
}

#[tokio::test]
async fn a_process_without_a_card_says_that_it_has_no_device_side() {
    let lab = Setup::new(GbaMode::U).without_card().start().await;
    let capabilities = lab.api().get("/v1/capabilities").await.ok();
    assert_eq!(capabilities["card"]["present"], false);
    assert!(capabilities["card"]["reason"].as_str().unwrap().contains("no device side"));
    assert_eq!(capabilities["gba_modes"], json!([]));
    let problem = lab.api().bootstrap(false).await.problem(503);
    assert!(problem["detail"].as_str().unwrap().contains("card.use"), "{problem}");
    lab.finish().await;
}
