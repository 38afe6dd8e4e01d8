//! Cards, readers and services that fail on the road: the exit status, the reason, and that it works again after.

use crate::lab::{Lab, NAF, set_1_card};
use crate::pcscd::{READERS, wait_for_card, with_pcscd};
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
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &["--fault", "resync=1"]);
            lab.assert_network_agrees(&lab.credential("pcsc"));
            assert_eq!(
                count(&card, AUTHENTICATE),
                if gba_u { 4 } else { 2 },
                "two challenges, and two NAF keys"
            );
            card.pull();

            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &["--fault", "resync=2"]);
            let refused = lab.device(&BOOTSTRAP).failed(4);
            assert!(refused.contains("synchronisation"), "{refused}");
            lab.assert_network_agrees(&lab.credential("pcsc"));
            card.pull();
        }
    });
}

#[test]
fn a_network_that_the_card_does_not_know_is_refused_with_the_reason() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &["--fault", "wrong-mac"]);
        let refused = lab.device(&BOOTSTRAP).failed(4);
        assert!(
            refused.contains("9862") && refused.contains("K or OPc differ between card and network"),
            "{refused}"
        );
        card.pull();

        // The network takes the card for one with GBA_U, and it is none.
        let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &["--fault", "no-gba"]);
        let refused = lab.device(&BOOTSTRAP).failed(4);
        assert!(refused.contains("EF_IST service 2") && refused.contains("uiccType"), "{refused}");
        card.pull();

        // Nothing of a subscriber that is not there.
        let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        lab.ksnaf(&["subscriber", "remove", "001010123456789"]).good();
        let refused = lab.device(&BOOTSTRAP).failed(4);
        assert!(refused.contains("the BSF answered 403"), "{refused}");
        assert_eq!(count(&card, AUTHENTICATE), 0);
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
        // Before and after what AUTHENTICATE changes is kept; while the card's identity is read.
        for fault in
            ["pull-before=88,reinsert=500", "pull-inside=88,reinsert=500", "pull-after=5,reinsert=500"]
        {
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &["--fault", fault]);
            let began = Instant::now();
            let gone = lab.device(&BOOTSTRAP).failed(3);
            assert!(gone.contains("the card was removed"), "{fault}: {gone}");
            assert!(began.elapsed() < Duration::from_secs(3), "{fault}: {:?}", began.elapsed());
            wait_for_card(READERS[0], true);
            lab.assert_network_agrees(&lab.credential("pcsc"));
            card.pull();
        }
    });
}

#[test]
fn a_card_that_answers_oddly_is_named_or_worked_around() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let failures = [
            ("sw=88:6f00", "AUTHENTICATE failed: 6F00"),
            ("short=1", "the card's answer has no status word"),
            ("sw=a4:6f00", "no application with a subscriber in it"),
        ];
        for (fault, reason) in failures {
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &["--fault", fault]);
            let said = lab.device(&BOOTSTRAP).failed(3);
            assert!(said.contains(reason), "{fault}: {said}");
            card.pull();
        }
        // A card without logical channels, and one whose ISIM is in its list only.
        for fault in ["sw=70:6881", "no-isim"] {
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &["--fault", fault]);
            lab.assert_network_agrees(&lab.credential("pcsc"));
            card.pull();
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

/// How many commands with that instruction code the card saw.
fn count(card: &SimUsim, ins: u8) -> usize {
    card.commands().iter().filter(|command| command[1] == ins).count()
}

/// How many PINs were tried. A VERIFY without one only asks how many tries are left.
fn tries(card: &SimUsim) -> usize {
    card.commands().iter().filter(|command| command[1] == VERIFY && command.len() > 5).count()
}
