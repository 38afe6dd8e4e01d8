//! A terminal that sends anything at all.

use super::*;
use ksnaf_proto::uicc::Response;
use proptest::prelude::*;

/// One of each command, with data as it should be.
const COMMANDS: [&[u8]; 34] = [
    &hex!("00 a4 00 04 02 3f00"),
    &hex!("00 a4 00 04 02 6f07 00"),
    &hex!("00 a4 01 04 02 5f3b"),
    &hex!("00 a4 03 04 00"),
    &hex!("00 a4 04 04 10 a0000000871002ffffffff8900000001"),
    &hex!("00 a4 08 04 04 7fff6fd6"),
    &hex!("00 a4 09 04 02 6fda"),
    &hex!("80 f2 00 00 2f"),
    &hex!("80 f2 00 01 12"),
    &hex!("00 b0 00 00 09"),
    &hex!("00 b0 87 00 09"),
    &hex!("00 d6 00 11 03 01 62 00"),
    &hex!("00 b2 01 04 fa"),
    &hex!("00 b2 00 02 04"),
    &hex!("00 dc 01 0c 04 11f2ff00"),
    &hex!("00 a2 01 0c 02 11f2"),
    &hex!("00 20 00 01 08 31323334ffffffff"),
    &hex!("00 24 00 01 10 31323334ffffffff 35363738ffffffff"),
    &hex!("00 26 00 01 08 31323334ffffffff"),
    &hex!("00 28 00 01 08 31323334ffffffff"),
    &hex!("00 2c 00 01 10 3132333435363738 35363738ffffffff"),
    &hex!("00 70 00 00 01"),
    &hex!("00 70 80 01"),
    &hex!("00 c0 00 00 2f"),
    &hex!("00 84 00 00 08"),
    &hex!("00 88 00 81 22 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b94a9ffac354dfafb3"),
    &hex!("00 88 00 84 23 dd 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b98c7f3f0d723fb244"),
    &hex!("00 88 00 84 0c de 06 610100000002 03 614062 00"),
    &hex!("80 10 00 00 03 ffffff"),
    &hex!("a0 a4 00 00 02 7f20"),
    &hex!("a0 c0 00 00 16"),
    &hex!("a0 f2 00 00 16"),
    &hex!("a0 88 00 00 10 23553cbe9637a89d218ae64dae47bf35"),
    &hex!("a0 2c 00 00 10 3132333435363738 35363738ffffffff"),
];

#[test]
fn every_truncation_of_every_command_has_a_status_word() {
    for protocol in [Protocol::T0, Protocol::T1] {
        for command in COMMANDS {
            for end in 0..=command.len() {
                let mut card = with_protocol(protocol);
                select_application(&mut card, &USIM);
                let response = send(&mut card, &command[..end]);
                assert!(response.len() >= 2 && response.len() <= 258, "{command:02x?} {end}");
            }
        }
    }
}

/// A command that means something, with octets of it changed; or anything.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let nearly = (
        prop::sample::select(&COMMANDS[..]),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        0..4_u8,
    );
    let nearly = nearly.prop_map(|(command, changes, channel)| {
        let mut command = command.to_vec();
        command[0] |= channel;
        for (at, octet) in changes {
            let at = at.index(command.len());
            command[at] = octet;
        }
        command
    });
    prop_oneof![4 => nearly, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_hostile_terminal_gets_status_words_and_nothing_else(
        commands in prop::collection::vec(command(), 1..40),
        t1 in any::<bool>(),
        pin1_enabled in any::<bool>(),
        no_gba in any::<bool>(),
    ) {
        let protocol = if t1 { Protocol::T1 } else { Protocol::T0 };
        let made = SimCard::new(Personalisation { pin1_enabled, ..personalisation() });
        let mut card = made.unwrap().with_protocol(protocol);
        card.faults_mut().no_gba_service = no_gba;
        for command in commands {
            let response = Response::parse(&card.transmit(&command).unwrap()).unwrap();
            prop_assert!(response.data.len() <= 256);
            let first = response.sw.octets()[0];
            prop_assert!(matches!(first, 0x90 | 0x61..=0x6f | 0x94 | 0x98 | 0x9f), "{:?}", response.sw);
            if let Some(right) = response.sw.right_le() {
                // The card's own word: with this Le the same command is not answered with 6Cxx again.
                let mut again = command.clone();
                again.truncate(4);
                again.push(right);
                let again = Response::parse(&card.transmit(&again).unwrap()).unwrap();
                prop_assert_eq!(again.sw.right_le(), None);
            }
        }
    }

    #[test]
    fn equal_cards_answer_equally(commands in prop::collection::vec(command(), 1..40)) {
        let (mut one, mut other) = (card(), card());
        for command in commands.iter().filter(|command| command.get(1) != Some(&0x84)) {
            prop_assert_eq!(one.transmit(command), other.transmit(command));
        }
    }
}
