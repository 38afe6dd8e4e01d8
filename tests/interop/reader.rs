//! Cards in real PC/SC readers: what a card, a reader, the service and other programs can do to us.

use crate::pcscd::{READERS, is_client, with_pcscd};
use crate::scripted_card::{self as card, Frame, ScriptedCard, T0, T1};
use ksnaf::reader::pcsc::{Monitor, Readers};
use ksnaf::reader::{self, Choice, ReaderError, Slot, SlotOptions, SlotState};
use ksnaf_proto::uicc::{Card, CardError};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Longer than anything takes here that does not hang.
const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn two_cards_work_at_once_each_by_its_protocol() {
    with_pcscd(|pcscd| {
        let cards = [ScriptedCard::plug(pcscd, 0, T0, "zero"), ScriptedCard::plug(pcscd, 1, T1, "one")];
        let slots = READERS.map(open);
        // Both jobs meet while both hold their card.
        let meeting = Arc::new(Barrier::new(2));
        std::thread::scope(|scope| {
            for (slot, name) in slots.iter().zip(["zero      ", "one       "]) {
                let meeting = Arc::clone(&meeting);
                scope.spawn(move || {
                    let read = slot.with_card_blocking(LONG, move |card| {
                        meeting.wait();
                        assert_eq!(card.transmit(card::SELECT), Ok(vec![0x61, 0x0a]));
                        for _ in 0..100 {
                            let named = card.transmit(card::GET_RESPONSE);
                            assert_eq!(named, Ok([name.as_bytes(), &[0x90, 0x00]].concat()));
                        }
                        meeting.wait();
                        card.transmit(card::READ)
                    });
                    assert_eq!(read.unwrap().unwrap().len(), 258);
                });
            }
        });
        let select = cards.each_ref().map(|card| card.commands().first().cloned().unwrap());
        assert_eq!(
            select,
            [card::SELECT[..7].to_vec(), card::SELECT.to_vec()],
            "T=0 carries no Le after data"
        );
    });
}

/// A slot for the reader of that name, once the service has seen its card.
fn open(name: &str) -> Slot {
    open_with(name, &SlotOptions::default())
}

fn open_with(name: &str, options: &SlotOptions) -> Slot {
    wait_for_card(name, true);
    let choice = Choice::Reader(name.to_owned());
    reader::open(&choice, options, LONG, |_| Ok::<_, CardError>(false)).expect("the card opens")
}

fn wait_for_card(name: &str, present: bool) {
    until(&format!("{name} card {present}"), || {
        let readers = reader::list().expect("a list");
        readers.iter().any(|reader| reader.name == name && reader.card.is_some() == present)
    });
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
