//! A service and its reader: cards and pcscd come after it, go, and are changed under it.

use crate::lab::{Lab, set_1, set_1_card};
use crate::pcscd::{until, with_pcscd};
use crate::sim_usim::SimUsim;
use ksnaf_proto::identity::{Imsi, MncLength};
use ksnaf_sim_usim::Personalisation;
use serde_json::{Value, json};

#[test]
fn a_card_and_a_pcscd_that_come_after_the_service_are_found() {
    with_pcscd(|pcscd| {
        let mut lab = Lab::new();
        lab.make_card(set_1_card());
        pcscd.stop();
        lab.start(&["card.use=pcsc"]);
        assert_no_card(&lab, "is pcscd running?");
        pcscd.start();
        assert_no_card(&lab, "no card in Virtual PCD 00 00, Virtual PCD 00 01");
        let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        let first = credential(&lab);
        card.pull();
        until("the Ks is forgotten with its card", || lab.log().contains("its Ks with it"));
        assert_no_card(&lab, "no card in");

        // In the other reader, and by the other protocol.
        let card = SimUsim::plug(pcscd, 1, &lab.card_file(), &["--t1"]);
        assert_ne!(first["b_tid"], credential(&lab)["b_tid"]);
        pcscd.stop();
        assert_no_card(&lab, "is pcscd running?");
        drop(card);
        pcscd.start();
        let _card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        credential(&lab);
    });
}

#[test]
fn another_subscribers_card_gets_nothing_of_the_first() {
    with_pcscd(|pcscd| {
        let mut lab = Lab::new();
        lab.make_card(set_1_card());
        lab.start(&["card.use=pcsc"]);
        let imsi = Imsi::parse("001010000000042").expect("an IMSI");
        let other = lab.other_card("other.json", Personalisation::for_imsi(imsi, MncLength::Two, set_1()));
        let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        credential(&lab);
        card.pull();
        let card = SimUsim::plug(pcscd, 0, &other, &[]);
        let (status, answer) = lab.api().credential();
        assert_eq!((status, &answer["cause"]), (502, &json!("AUTHENTICATION_REJECTED")), "{answer}");
        card.pull();
        let _card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        credential(&lab);
    });
}

#[test]
fn a_service_starts_again_beside_its_card() {
    with_pcscd(|pcscd| {
        let mut lab = Lab::new();
        lab.make_card(set_1_card());
        for _ in 0..2 {
            lab.start(&["card.use=pcsc"]);
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
            let before = credential(&lab);
            lab.stop();
            lab.start(&["card.use=pcsc"]);
            assert_eq!(credential(&lab)["b_tid"], before["b_tid"], "the Ks in the card serves on");
            lab.stop();
            card.pull();
        }
    });
}

/// A credential of the card that is there, which the network side agrees to.
fn credential(lab: &Lab) -> Value {
    let (status, credential) = lab.api().credential();
    assert_eq!(status, 200, "{credential}");
    lab.assert_network_agrees(&credential);
    credential
}

fn assert_no_card(lab: &Lab, detail: &str) {
    let (status, answer) = lab.api().credential();
    assert_eq!((status, &answer["cause"]), (503, &json!("CARD_UNAVAILABLE")), "{answer}");
    assert!(answer["detail"].as_str().is_some_and(|text| text.contains(detail)), "{answer}");
}
