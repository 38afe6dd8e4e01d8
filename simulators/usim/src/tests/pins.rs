//! VERIFY, CHANGE, DISABLE, ENABLE, UNBLOCK (TS 102 221 clauses 11.1.9 to 11.1.13).

use super::*;

const RIGHT: [u8; 13] = hex!("00 20 00 01 08 31323334ffffffff");
const WRONG: [u8; 13] = hex!("00 20 00 01 08 30303030ffffffff");
const TRIES: [u8; 5] = hex!("00 20 00 01 00");
const UNBLOCK: [u8; 21] = hex!("00 2c 00 01 10 3132333435363738 35363738ffffffff");
const WRONG_PUK: [u8; 21] = hex!("00 2c 00 01 10 3132333435363730 35363738ffffffff");

#[test]
fn a_question_costs_no_try_and_a_right_pin_gives_them_back() {
    let mut card = locked_card();
    for question in [&TRIES[..], &TRIES[..4]] {
        assert_eq!(sw(&mut card, question), 0x63c3);
    }
    assert_eq!(sw(&mut card, &WRONG), 0x63c2);
    assert_eq!(sw(&mut card, &TRIES), 0x63c2);
    assert_eq!(sw(&mut card, &RIGHT), 0x9000);
    assert_eq!(sw(&mut card, &TRIES), 0x63c3);
}

#[test]
fn the_third_wrong_pin_blocks_and_only_the_puk_opens() {
    let mut card = locked_card();
    assert_eq!([0; 3].map(|_: u8| sw(&mut card, &WRONG)), [0x63c2, 0x63c1, 0x63c0]);
    for command in [&RIGHT[..], &WRONG, &TRIES] {
        assert_eq!(sw(&mut card, command), 0x6983);
    }
    card.reset();
    assert_eq!(sw(&mut card, &RIGHT), 0x6983, "a reset does not help");
    assert_eq!(sw(&mut card, &WRONG_PUK), 0x63c9);
    assert_eq!(sw(&mut card, &UNBLOCK), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 08 35363738ffffffff")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 2c 00 01 00")), 0x63ca);
}

#[test]
fn the_tenth_wrong_puk_ends_it() {
    let mut card = locked_card();
    for left in (0..10).rev() {
        assert_eq!(sw(&mut card, &WRONG_PUK), 0x63c0 | left);
    }
    assert_eq!(sw(&mut card, &UNBLOCK), 0x6983);
    assert_eq!(sw(&mut card, &hex!("00 2c 00 01 00")), 0x6983);
}

#[test]
fn a_wrong_pin_takes_back_what_a_right_one_gave() {
    let mut card = locked_card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &RIGHT), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b0 87 00 09")).len(), 9);
    assert_eq!(sw(&mut card, &WRONG), 0x63c2);
    assert_eq!(sw(&mut card, &hex!("00 b0 87 00 09")), 0x6982);
    assert_eq!(sw(&mut card, &RIGHT), 0x9000);
    card.reset();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 b0 87 00 09")), 0x6982, "a reset asks again");
}

#[test]
fn a_disabled_pin_guards_nothing_and_cannot_be_verified() {
    let mut card = locked_card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 26 00 01 08 30303030ffffffff")), 0x63c2);
    assert_eq!(sw(&mut card, &hex!("00 26 00 01 08 31323334ffffffff")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b0 87 00 09")).len(), 9);
    assert_eq!(sw(&mut card, &RIGHT), 0x6984);
    assert_eq!(sw(&mut card, &TRIES), 0x63c3, "asking is allowed all the same");
    assert_eq!(sw(&mut card, &hex!("00 26 00 01 08 31323334ffffffff")), 0x6984);
    assert_eq!(sw(&mut card, &hex!("00 24 00 01 10 31323334ffffffff 35363738ffffffff")), 0x6984);
    assert_eq!(sw(&mut card, &hex!("00 28 00 01 08 30303030ffffffff")), 0x63c2);
    assert_eq!(sw(&mut card, &hex!("00 28 00 01 08 31323334ffffffff")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 28 00 01 08 31323334ffffffff")), 0x6985);
    card.reset();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 b0 87 00 09")), 0x6982);
}

#[test]
fn a_changed_pin_is_the_pin() {
    let mut card = locked_card();
    let change = hex!("00 24 00 01 10 31323334ffffffff 35363738ffffffff");
    assert_eq!(sw(&mut card, &hex!("00 24 00 01 10 30303030ffffffff 35363738ffffffff")), 0x63c2);
    assert_eq!(sw(&mut card, &change), 0x9000);
    assert_eq!(sw(&mut card, &change), 0x63c2);
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 08 35363738ffffffff")), 0x9000);
}

#[test]
fn the_issuers_code_counts_for_itself() {
    let mut card = locked_card();
    assert_eq!(sw(&mut card, &hex!("00 20 00 0a 08 3030303030303030")), 0x63c2);
    assert_eq!(sw(&mut card, &TRIES), 0x63c3);
    assert_eq!(sw(&mut card, &hex!("00 20 00 0a 00")), 0x63c2);
    assert_eq!(sw(&mut card, &hex!("00 26 00 0a 08 3838383838383838")), 0x6a88);
    assert_eq!(sw(&mut card, &hex!("00 2c 00 0a 00")), 0x6a88);
}

#[test]
fn malformed_pin_commands_cost_no_try() {
    let mut card = locked_card();
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 04 31323334")), 0x6700);
    assert_eq!(sw(&mut card, &hex!("00 24 00 01 08 31323334ffffffff")), 0x6700);
    assert_eq!(sw(&mut card, &hex!("00 20 00 02 08 31323334ffffffff")), 0x6a88);
    assert_eq!(sw(&mut card, &hex!("00 20 00 00 08 31323334ffffffff")), 0x6a86);
    assert_eq!(sw(&mut card, &hex!("00 20 01 01 08 31323334ffffffff")), 0x6a86);
    assert_eq!(sw(&mut card, &TRIES), 0x63c3);
}
