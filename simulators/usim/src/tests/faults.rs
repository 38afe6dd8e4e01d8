//! Misbehaviour on request.

use super::*;
use crate::Faults;
use ksnaf_proto::uicc::CardError;
use std::time::{Duration, Instant};

const SET_1: [u8; 39] =
    hex!("00 88 00 81 22 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b94a9ffac354dfafb3");
const BOOTSTRAP: [u8; 40] =
    hex!("00 88 00 84 23 dd 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b98c7f3f0d723fb244");

fn usim(faults: &str) -> SimCard {
    let mut card = card();
    select_application(&mut card, &USIM);
    card.with_faults(faults.parse().unwrap())
}

#[test]
fn a_wrong_mac_for_everything() {
    let mut card = usim("wrong-mac");
    assert_eq!(sw(&mut card, &SET_1), 0x9862);
    assert_eq!(sw(&mut card, &BOOTSTRAP), 0x9862);
    *card.faults_mut() = Faults::default();
    assert_eq!(data(&mut card, &SET_1)[0], 0xdb);
}

#[test]
fn so_many_resynchronisations_and_then_none() {
    let mut card = usim("resync=2");
    for _ in 0..2 {
        assert_eq!(data(&mut card, &SET_1)[..2], hex!("dc 0e"));
    }
    assert_eq!(data(&mut card, &SET_1)[0], 0xdb);
    assert_eq!(
        sw(&mut usim("resync=1"), &{
            let mut wrong = SET_1;
            wrong[38] ^= 1;
            wrong
        }),
        0x9862
    );
}

#[test]
fn a_slow_card_takes_its_time() {
    let mut card = usim("delay=30");
    let start = Instant::now();
    data(&mut card, &hex!("00 b0 87 00 09"));
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[test]
fn a_card_pulled_after_some_commands_stays_away_until_it_is_put_back() {
    let mut card = card().with_faults("pull-after=2".parse().unwrap());
    select_application(&mut card, &USIM);
    data(&mut card, &hex!("00 b0 87 00 09"));
    assert_eq!(card.transmit(&SET_1), Err(CardError::Removed));
    assert!(!card.is_inserted());
    assert_eq!(card.transmit(&SET_1), Err(CardError::NoCard));
    card.insert();
    assert_eq!(sw(&mut card, &hex!("00 b0 87 00 09")), 0x6a82, "a card just put in has the MF selected");
    select_application(&mut card, &USIM);
    assert_eq!(data(&mut card, &SET_1)[0], 0xdb);
}

#[test]
fn an_odd_status_word_comes_without_the_command_being_run() {
    let mut card = usim("sw=88:9300");
    assert_eq!(sw(&mut card, &SET_1), 0x9300);
    card.faults_mut().status_words.clear();
    assert_eq!(data(&mut card, &SET_1)[0], 0xdb);
}

#[test]
fn without_the_gba_service_there_is_nothing_of_gba() {
    let mut card = usim("no-gba");
    assert_eq!(sw(&mut card, &BOOTSTRAP), 0x9864);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fd6")), 0x6a82);
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c 04 7fff6fda")), 0x6a82);
    assert_eq!(data(&mut card, &hex!("00 b0 84 08 01")), hex!("00"), "service 68");
    assert_eq!(data(&mut card, &SET_1)[0], 0xdb);
    select_application(&mut card, &ISIM);
    assert_eq!(data(&mut card, &hex!("00 b0 87 00 01")), hex!("11"), "service 2");
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fd5")), 0x6a82);
}

#[test]
fn an_isim_may_be_announced_and_missing() {
    let mut card = usim("no-isim");
    assert_eq!(sw(&mut card, &[&hex!("00 a4 04 0c 10")[..], &ISIM].concat()), 0x6a82);
    assert_eq!(sw(&mut card, &hex!("00 a4 04 0d 05 a000000087")), 0x9000);
    assert_eq!(data(&mut card, &hex!("80 f2 00 01 12"))[2..], USIM);
}

#[test]
fn responses_may_be_too_short_to_be_one() {
    let mut card = usim("short=1");
    assert_eq!(send(&mut card, &hex!("00 b0 87 00 09")).len(), 1);
    card.faults_mut().short_response = Some(0);
    assert_eq!(send(&mut card, &hex!("00 b0 87 00 09")).len(), 0);
}
