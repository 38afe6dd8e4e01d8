//! Cards, readers and services that fail on the road: the exit status, the reason, and that it works again after.

use crate::lab::{Lab, NAF, set_1_card};
use crate::pcscd::{READERS, wait_for_card, with_pcscd};
use crate::programs::Ran;
use crate::sim_usim::SimUsim;
use ksnaf_sim_usim::Personalisation;
use std::time::{Duration, Instant};

const VERIFY: u8 = 0x20;
const AUTHENTICATE: u8 = 0x88;

const BOOTSTRAP: [&str; 3] = ["bootstrap", "--card", "pcsc"];

#[test]
fn a_card_that_wants_a_fresher_number_gets_it_once() {
    with_pcscd(|pcscd| {
        for gba_u in [true, false] {
            let lab = Lab::with(Personalisation { gba_u, ..set_1_card() });
            let files = [lab.card_file(), lab.twin()];
            let faults = [&["--fault", "resync=1"], &["--fault", "resync=2"]];
            let cards = SimUsim::plug_both(pcscd, [(&files[0], faults[0]), (&files[1], faults[1])]);
            let [once, twice] = &cards;
            lab.assert_network_agrees(&lab.credential(&once.name()));
            let asked = if gba_u { 4 } else { 2 };
            assert_eq!(
                count(once, AUTHENTICATE),
                asked,
                "two challenges; two keys, of NAF and TMPI, with GBA_U"
            );

            let refused = bootstrap(&lab, twice).failed(4);
            assert!(refused.contains("synchronisation"), "{refused}");
            lab.assert_network_agrees(&lab.credential(&twice.name()));
            SimUsim::pull_both(cards);
        }
    });
}

#[test]
fn a_network_that_the_card_does_not_know_is_refused_with_the_reason() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let files = [lab.card_file(), lab.twin()];
        let faults = [&["--fault", "wrong-mac"], &["--fault", "no-gba"]];
        let cards = SimUsim::plug_both(pcscd, [(&files[0], faults[0]), (&files[1], faults[1])]);
        let refused = bootstrap(&lab, &cards[0]).failed(4);
        assert!(refused.contains("9862") && refused.contains("uiccType is not the cause"), "{refused}");
        assert!(refused.contains("K or OPc differ between card and network"), "{refused}");
        // The network takes the card for one with GBA_U, and it is none.
        let refused = bootstrap(&lab, &cards[1]).failed(4);
        assert!(
            refused.contains("EF_IST service 2") && refused.contains("if uiccType is GBA_U"),
            "{refused}"
        );

        // Nothing is asked of a card whose subscriber is not there.
        cards.iter().for_each(|card| drop(card.commands()));
        lab.ksnaf(&["subscriber", "remove", "001010123456789"]).good();
        let refused = bootstrap(&lab, &cards[0]).failed(4);
        assert!(refused.contains("the BSF answered 403"), "{refused}");
        assert_eq!(count(&cards[0], AUTHENTICATE), 0);
    });
}

#[test]
fn what_is_missing_is_named() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let no_card = format!("no card in {}, {}", READERS[0], READERS[1]);
        assert!(lab.device(&BOOTSTRAP).failed(3).contains(&no_card));
        assert!(lab.device(&["bootstrap", "--card", "pcsc:00 01"]).failed(3).contains(READERS[1]));
        pcscd.stop();
        pcscd.start_with(None);
        assert!(lab.device(&BOOTSTRAP).failed(3).contains("no reader: plug one in"));
        pcscd.stop();
        for command in [&BOOTSTRAP[..], &["credential", "--naf", NAF, "--card", "imsi:001010123456789"]] {
            assert!(lab.device(command).failed(3).contains("is pcscd running?"));
        }
        for command in ["list", "info", "files"] {
            let card = if command == "list" { &[][..] } else { &["--card", "pcsc"] };
            let said = Lab::new().ksnaf(&[&["card", command], card].concat()).failed(3);
            assert!(said.contains("is pcscd running?"), "{command}: {said}");
        }
    });
}

#[test]
fn a_card_pulled_in_the_middle_is_named_and_the_next_try_works() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let files = [lab.card_file(), lab.twin()];
        // Before and after what AUTHENTICATE changes is kept; while the card's identity is read.
        for faults in [["pull-before=88", "pull-inside=88"], ["pull-after=5", "pull-after=20"]] {
            let faults = faults.map(|fault| format!("--fault={fault},reinsert=500"));
            let cards = SimUsim::plug_both(pcscd, [(&files[0], &[&faults[0]]), (&files[1], &[&faults[1]])]);
            for (card, fault) in cards.iter().zip(&faults) {
                let began = Instant::now();
                let gone = bootstrap(&lab, card).failed(3);
                assert!(gone.contains("the card was removed"), "{fault}: {gone}");
                assert!(began.elapsed() < Duration::from_secs(3), "{fault}: {:?}", began.elapsed());
            }
            for (card, reader) in cards.iter().zip(READERS) {
                wait_for_card(reader, true);
                lab.assert_network_agrees(&lab.credential(&card.name()));
            }
            SimUsim::pull_both(cards);
        }
    });
}

#[test]
fn a_card_that_answers_oddly_is_named_or_worked_around() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let files = [lab.card_file(), lab.twin()];
        let with = |faults: [&str; 2]| {
            let faults = faults.map(|fault| format!("--fault={fault}"));
            SimUsim::plug_both(pcscd, [(&files[0], &[&faults[0]]), (&files[1], &[&faults[1]])])
        };
        let cards = with(["sw=88:6f00", "short=1"]);
        let reasons = ["AUTHENTICATE failed: 6F00", "the card's answer has no status word"];
        for (card, reason) in cards.iter().zip(reasons) {
            let said = bootstrap(&lab, card).failed(3);
            assert!(said.contains(reason), "{said}");
        }
        SimUsim::pull_both(cards);
        // A card without logical channels, and one whose ISIM is in its list only.
        for card in &with(["sw=70:6881", "no-isim"]) {
            lab.assert_network_agrees(&lab.credential(&card.name()));
        }
    });
}

#[test]
fn a_pin_comes_from_its_file_and_no_try_is_spent_without_it() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(Personalisation { pin1_enabled: true, ..set_1_card() });
        let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        let with_pin = |pin: &str| {
            let file = format!("card.pin_file={}", lab.file("pin", pin).display());
            lab.device(&[&BOOTSTRAP[..], &["--set", &file]].concat())
        };
        let locked = lab.device(&BOOTSTRAP).failed(3);
        assert!(locked.contains("the card wants its PIN") && locked.contains("3 tries left"), "{locked}");
        assert!(locked.contains("card.pin_file"), "{locked}");
        let no_pin = with_pin("12\n").failed(2);
        assert!(no_pin.contains("card.pin_file") && no_pin.contains("4 to 8 digits"), "{no_pin}");
        assert_eq!(tries(&card), 0);

        assert!(with_pin("97531\n").failed(3).contains("wrong PIN, 2 tries left"));
        assert_eq!(tries(&card), 1);
        let good = with_pin("1234\nnot the first line\n").good();
        assert!(good.contains("GBA_U") && tries(&card) > 0, "{good}");
        for left in ["2 tries left", "1 tries left"] {
            assert!(with_pin("97531").failed(3).contains(left));
        }
        card.commands();
        for pin in ["97531", "1234"] {
            assert!(with_pin(pin).failed(3).contains("one try is left"), "{pin}");
        }
        assert_eq!(tries(&card), 0, "the last try is a person's");
    });
}

/// `ksnaf bootstrap` with that card, on a device of its own.
fn bootstrap(lab: &Lab, card: &SimUsim) -> Ran {
    lab.device(&["bootstrap", "--card", &card.name()])
}

/// How many commands with that instruction code the card saw.
fn count(card: &SimUsim, ins: u8) -> usize {
    card.commands().iter().filter(|command| command[1] == ins).count()
}

/// How many PINs were tried. A VERIFY without one only asks how many tries are left.
fn tries(card: &SimUsim) -> usize {
    card.commands().iter().filter(|command| command[1] == VERIFY && command.len() > 5).count()
}
