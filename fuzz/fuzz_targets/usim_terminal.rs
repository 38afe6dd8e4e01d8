//! A terminal that sends what it likes: the simulated card has a status word for everything, and keeps its keys.
//!
//! The first octet chooses the card; then each octet is the length of the command that follows, or at 00 a reset.
#![no_main]

use ksnaf_proto::aka::AkaKey;
use ksnaf_proto::secret::Secret;
use ksnaf_proto::uicc::{Card, Command, Response};
use ksnaf_sim_usim::{Application, M2mPersonalisation, Personalisation, Protocol, SimCard, SqnRules};
use libfuzzer_sys::fuzz_target;

const K: [u8; 16] = *b"\x46\x5b\x5c\xe8\xb1\x99\xb4\x9f\xaa\x5f\x0a\x2e\xe2\x38\xa6\xbc";
const OPC: [u8; 16] = *b"\xcd\x63\xcb\x71\x95\x4a\x9f\x4e\x48\xa5\x99\x4e\x37\xa0\x2b\xaf";

fuzz_target!(|octets: &[u8]| {
    let (choice, mut rest) = octets.split_first().unwrap_or((&0, &[]));
    let mut card = card(*choice);
    let mut written = false;
    while let Some((length, after)) = rest.split_first() {
        let (command, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        if *length == 0 {
            card.reset();
            continue;
        }
        let answer = card.transmit(command).expect("a card in the reader answers");
        check(&mut card, command, &answer);
        // What a terminal wrote itself it may read again.
        written |= Command::parse(command).is_some_and(|command| matches!(command.ins, 0xd6 | 0xdc));
        for secret in [K, OPC] {
            assert!(written || !answer.windows(16).any(|octets| octets == secret), "a key came out");
        }
    }
});

fn card(choice: u8) -> SimCard {
    let chosen = |bit: u8| choice & (1 << bit) != 0;
    let lab = Personalisation::lab(AkaKey::Milenage { k: Secret::new(K), opc: Secret::new(OPC) });
    let isim = lab.isim.clone().filter(|_| !chosen(4));
    // The published vector of this key has a sequence number beyond any Δ.
    let sqn = SqnRules { delta: None, ..SqnRules::default() };
    let (pin1_enabled, gba_u) = (chosen(1), !chosen(2));
    let onem2m = M2mPersonalisation {
        services: vec![2, 7],
        in_cse_ids: vec!["/id-in".to_owned()],
        ..M2mPersonalisation::new(Application::Usim, "subscription", "//sp.example")
    };
    let onem2m = if chosen(6) { vec![onem2m] } else { Vec::new() };
    let personalisation =
        Personalisation { pin1_enabled, gba_u, isim, onem2m, sqn, naf_key_entries: 2, ..lab };
    let card = SimCard::new(personalisation);
    let protocol = if chosen(0) { Protocol::T1 } else { Protocol::T0 };
    let mut card = card.expect("the lab's card").with_protocol(protocol);
    card.faults_mut().no_gba_service = chosen(3);
    card.faults_mut().force_resync = u32::from(chosen(5));
    card
}

fn check(card: &mut SimCard, command: &[u8], answer: &[u8]) {
    let response = Response::parse(answer).expect("a status word");
    assert!(response.data.len() <= 256);
    let first = response.sw.octets()[0];
    assert!(matches!(first, 0x90 | 0x61..=0x6f | 0x94 | 0x98 | 0x9f), "{:?}", response.sw);
    if let Some(right) = response.sw.right_le() {
        // The card's own word: with this Le, the same command is not answered so again.
        let again = [&command[..4], &[right]].concat();
        let again = card.transmit(&again).expect("a card in the reader answers");
        assert_eq!(Response::parse(&again).expect("a status word").sw.right_le(), None);
    }
}
