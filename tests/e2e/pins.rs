//! Cards that ask for a PIN: the service gives the one of its file, and never spends the last try.

use crate::lab::{Lab, Setup};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::uicc::pin::PinState;
use ksnaf_proto::uicc::session::{Uicc, Unlock};
use ksnaf_sim_usim::Code;

async fn with_pin(given: Option<&str>) -> (Lab, tempfile::TempDir) {
    let folder = crate::lab::folder();
    let file = folder.path().join("pin");
    let mut setup = Setup::new(GbaMode::U).card(|card| {
        card.pin1 = Code::pin("86420135").unwrap();
        card.pin1_enabled = true;
    });
    if let Some(pin) = given {
        std::fs::write(&file, format!("{pin}\nnot the first line\n")).unwrap();
        setup = setup.config(|config| config.card.pin_file = Some(file));
    }
    let lab = setup.start().await;
    lab.secret("the PIN", "86420135");
    (lab, folder)
}

/// Where the PIN stands, as the card says.
fn state(lab: &Lab) -> PinState {
    lab.reader().look(|card| {
        card.reset();
        let mut uicc = Uicc::open(card, Unlock::default()).unwrap();
        let usim = uicc.applications().unwrap()[0].aid.clone();
        // Without a PIN the application can be selected, but not used.
        let _ = uicc.select_application(&usim);
        uicc.pin_state().unwrap()
    })
}

#[tokio::test]
async fn a_card_that_wants_a_pin_says_so() {
    let (lab, _folder) = with_pin(None).await;
    let detail = lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE");
    assert!(detail.contains("the card wants its PIN") && detail.contains("3 tries left"), "{detail}");
    let capabilities = lab.api().get("/v1/capabilities").await.ok();
    assert!(capabilities["card"]["reason"].as_str().unwrap().contains("PIN"), "{capabilities}");
    assert_eq!(state(&lab), PinState::Required { tries_left: 3 });
    lab.finish().await;
}

#[tokio::test]
async fn the_pin_of_the_file_opens_the_card() {
    let (lab, _folder) = with_pin(Some("86420135")).await;
    let device = lab.api().device_side("raw").await.ok();
    assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
    assert_eq!(state(&lab), PinState::Required { tries_left: 3 });
    lab.finish().await;
}

#[tokio::test]
async fn a_wrong_pin_never_costs_the_last_try() {
    let (lab, _folder) = with_pin(Some("97531")).await;
    lab.secret("the wrong PIN", "97531\u{ff}\u{ff}");
    let mut details = Vec::new();
    for _ in 0..5 {
        details.push(lab.api().bootstrap(false).await.refused(503, "CARD_UNAVAILABLE"));
        assert_ne!(state(&lab), PinState::Blocked);
    }
    assert!(details[0].contains("wrong PIN, 2 tries left"), "{details:?}");
    assert!(details[1].contains("wrong PIN, 1 tries left"), "{details:?}");
    assert!(details[2..].iter().all(|detail| detail.contains("one try is left")), "{details:?}");
    assert_eq!(state(&lab), PinState::Required { tries_left: 1 });
    lab.finish().await;
}
