//! A terminal that sends what it likes: the simulated card has a status word for everything.
#![no_main]

use ksnaf_proto::aka::AkaKey;
use ksnaf_proto::secret::Secret;
use ksnaf_proto::uicc::Card;
use ksnaf_sim_usim::{Personalisation, SimCard};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    static CARD: RefCell<SimCard> = {
        let key = AkaKey::Milenage { k: Secret::new([1; 16]), opc: Secret::new([2; 16]) };
        RefCell::new(SimCard::new(Personalisation::lab(key)).expect("the lab's card"))
    };
}

fuzz_target!(|octets: &[u8]| {
    CARD.with_borrow_mut(|card| {
        card.reset();
        let mut rest = octets;
        while let Some((length, after)) = rest.split_first() {
            let (command, after) = after.split_at(after.len().min(usize::from(*length)));
            rest = after;
            let answer = card.transmit(command).expect("a card in the reader answers");
            assert!(answer.len() >= 2);
        }
    });
});
