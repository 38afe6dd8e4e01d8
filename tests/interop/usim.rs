//! The whole road: simulated USIM, vpcd, pcscd, PC/SC, device side, Ub, BSF, and the same key on both sides.

use crate::lab::{Lab, json_of, set_1, set_1_card};
use crate::pcscd::{READERS, with_pcscd};
use crate::sim_usim::SimUsim;
use ksnaf_proto::identity::{Imsi, MncLength};
use ksnaf_sim_usim::Personalisation;
use serde_json::json;

const AUTHENTICATE: u8 = 0x88;
const GBA_CONTEXT: u8 = 0x84;
const THREE_G_CONTEXT: u8 = 0x81;

#[test]
fn a_lab_whose_card_is_in_a_reader_has_one_key_on_both_sides() {
    with_pcscd(|pcscd| {
        let mut lab = Lab::new();
        lab.start(&["card.use=pcsc"]);
        for protocol in [&[][..], &["--t1"]] {
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), protocol);
            let (status, bootstrap) = lab.api().bootstrap();
            assert_eq!((status, bootstrap["gba_mode"].as_str()), (200, Some("GBA_U")), "{bootstrap}");
            let (status, credential) = lab.api().credential();
            assert_eq!((status, &credential["b_tid"]), (200, &bootstrap["b_tid"]), "{credential}");
            lab.assert_network_agrees(&credential);
            card.pull();
        }
        assert!(lab.stop().0.success());
    });
}

#[test]
fn the_lab_proves_itself_with_its_card_in_a_reader() {
    with_pcscd(|pcscd| {
        let lab = Lab::new();
        lab.make_card(set_1_card());
        let _card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        let report = json_of(lab.ksnaf(&["lab", "--once", "--json", "--set", "card.use=pcsc"]));
        assert_eq!((&report["equal"], &report["gba_mode"]), (&json!(true), &json!("GBA_U")), "{report}");
    });
}

#[test]
fn the_command_line_bootstraps_in_every_mode_by_either_protocol() {
    with_pcscd(|pcscd| {
        // What the network takes the card for; whether the card has the GBA service; what comes of it; the contexts
        // that the card is asked in.
        let roads: [(&str, bool, &str, &[u8]); 3] = [
            ("GBA_U", true, "GBA_U", &[GBA_CONTEXT]),
            ("GBA", true, "GBA_ME", &[GBA_CONTEXT, THREE_G_CONTEXT]),
            ("GBA", false, "GBA_ME", &[THREE_G_CONTEXT]),
        ];
        for (uicc, gba_u, mode, contexts) in roads {
            let lab = Lab::with(Personalisation { gba_u, ..set_1_card() });
            say_of_the_card(&lab, uicc);
            let files = [lab.card_file(), lab.twin()];
            let cards = SimUsim::plug_both(pcscd, [(&files[0], &[]), (&files[1], &["--t1"])]);
            for card in &cards {
                let report = lab.bootstrap(&card.name());
                assert_eq!(report["gba_mode"], mode, "{report}");
                assert_eq!(contexts_of(card), contexts, "{uicc} {gba_u} {}", card.name());
                let credential = lab.credential(&card.name());
                assert_eq!(credential["gba_mode"], mode, "{credential}");
                lab.assert_network_agrees(&credential);
            }
            SimUsim::pull_both(cards);
        }
    });
}

#[test]
fn a_card_is_named_by_its_reader_its_imsi_and_its_iccid() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let other = other_subscriber(&lab);
        let [mine, others] = [lab.card_file(), lab.other_card("other.json", other.clone())];
        let cards = SimUsim::plug_both(pcscd, [(&mine, &[]), (&others, &["--t1"])]);
        let part = format!("pcsc:{}", &READERS[1][4..]);
        let imsi = format!("imsi:{}", other.imsi.as_str());
        let iccid = format!("iccid:{}", other.iccid.as_str());
        for name in [part.as_str(), &imsi, &iccid] {
            let credential = lab.credential(name);
            lab.assert_network_agrees(&credential);
            assert!(!contexts_of(&cards[1]).is_empty(), "{name} is the other card");
            assert!(contexts_of(&cards[0]).is_empty(), "{name} is not the first card");
        }

        let several = lab.device(&["bootstrap", "--card", "pcsc"]).failed(3);
        assert!(several.contains("several cards fit") && several.contains(READERS[1]), "{several}");
        let nobody = lab.device(&["bootstrap", "--card", "imsi:001019999999999"]).failed(3);
        assert!(nobody.contains("no card with that IMSI") && !nobody.contains("9999"), "{nobody}");
        let nowhere = lab.device(&["bootstrap", "--card", "pcsc:acme"]).failed(3);
        assert!(nowhere.contains("no reader with \"acme\" in its name"), "{nowhere}");
        assert!(cards.iter().all(|card| contexts_of(card).is_empty()), "nothing but looked at");
    });
}

#[test]
fn two_cards_of_two_subscribers_bootstrap_at_once() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let other = other_subscriber(&lab);
        let files = [lab.card_file(), lab.other_card("other.json", other.clone())];
        // Slow enough that the two runs are under way together.
        let slow = &["--fault", "delay=5"];
        let _cards = SimUsim::plug_both(pcscd, [(&files[0], slow), (&files[1], slow)]);
        let names = ["imsi:001010123456789".to_owned(), format!("iccid:{}", other.iccid.as_str())];
        let credentials = std::thread::scope(|scope| {
            let runs = names.each_ref().map(|name| scope.spawn(|| lab.credential(name)));
            runs.map(|run| run.join().expect("a credential"))
        });
        credentials.iter().for_each(|credential| lab.assert_network_agrees(credential));
        assert_ne!(credentials[0]["b_tid"], credentials[1]["b_tid"]);
        assert_ne!(credentials[0]["key"], credentials[1]["key"]);
    });
}

/// A second subscriber of the lab's, with a card that knows the same key.
fn other_subscriber(lab: &Lab) -> Personalisation {
    let imsi = Imsi::parse("001010000000042").expect("an IMSI");
    let (k, opc) = ("465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf");
    let add = ["subscriber", "add", "--imsi", imsi.as_str(), "--k", k, "--opc", opc, "--uicc", "GBA_U"];
    lab.ksnaf(&add).good();
    Personalisation::for_imsi(imsi, MncLength::Two, set_1())
}

/// Tells the network what the lab's card can.
fn say_of_the_card(lab: &Lab, uicc: &str) {
    let (k, opc) = ("465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf");
    let add = [
        "subscriber",
        "add",
        "--imsi",
        "001010123456789",
        "--k",
        k,
        "--opc",
        opc,
        "--uicc",
        uicc,
        "--replace",
    ];
    lab.ksnaf(&add).good();
}

/// The security contexts in which the card was asked to authenticate the network, in order.
fn contexts_of(card: &SimUsim) -> Vec<u8> {
    let commands = card.commands();
    let challenges = commands.iter().filter(|command| command[1] == AUTHENTICATE && command[5] != 0xde);
    challenges.map(|command| command[3]).collect()
}
