//! opensc-tool and scriptor take the simulated USIM for a card. What they must see is written out here from the
//! specifications and the published values of TS 35.208 test set 1: no code of the project is in between.

use crate::lab::{Lab, set_1_card};
use crate::pcscd::{READERS, with_pcscd};
use crate::programs::{need, run};
use crate::sim_usim::SimUsim;
use std::process::Command;

/// Answers to reset: TS 102 221 clause 6.3, historical octets "k s n a f" in the card issuer's data.
const T0_ATR: &str = "3b:9d:96:80:1f:c7:80:31:e0:73:f6:21:13:55:6b:73:6e:61:66:91";
const T1_ATR: &str = "3b:9d:96:81:b1:fe:45:1f:c7:80:31:e0:73:f6:21:13:55:6b:73:6e:61:66:9a";

const SELECT_ICCID: &str = "00 A4 00 04 02 2F E2";
/// FCP: transparent EF that many may read, file 2FE2, activated, EF_ARR 2F06 record 1, 10 octets, short name 02.
const FCP_OF_ICCID: &str = "62 17 82 02 41 21 83 02 2F E2 8A 01 05 8B 03 2F 06 01 80 02 00 0A 88 01 10";
/// 8900101101234567896, digits swapped and filled up.
const ICCID: &str = "98 00 01 11 10 32 54 76 98 F6";
const SELECT_USIM: &str = "00 A4 04 04 07 A0 00 00 00 87 10 02";
const SELECT_ISIM: &str = "00 A4 04 04 07 A0 00 00 00 87 10 04";
const THREE_G: &str = "00 88 00 81 22 10 23 55 3C BE 96 37 A8 9D 21 8A E6 4D AE 47 BF 35 \
                       10 55 F3 28 B4 35 77 B9 B9 4A 9F FA C3 54 DF AF B3";
/// RES, CK, IK, Kc.
const THREE_G_ANSWER: &str = "DB 08 A5 42 11 D5 E3 BA 50 BF 10 B4 0B A9 A3 C5 8B 2A 05 BB F0 D9 87 B2 1B F8 CB \
                              10 F7 69 BC D7 51 04 46 04 12 76 72 71 1C 6D 34 41 08 EA E4 BE 82 3A F9 A0 8B";
/// AUTS: the highest SQN that the card has seen, concealed, and MAC-S.
const SYNC_FAILURE: &str = "DC 0E BA 85 3F 3C 12 3C CF 44 E9 35 96 E3 55 C6";
/// AUTN* has its MAC masked with the first octets of SHA-1 over IK.
const BOOTSTRAP: &str = "00 88 00 84 23 DD 10 23 55 3C BE 96 37 A8 9D 21 8A E6 4D AE 47 BF 35 \
                         10 55 F3 28 B4 35 77 B9 B9 8C 7F 3F 0D 72 3F B2 44";
const RES_ALONE: &str = "DB 08 A5 42 11 D5 E3 BA 50 BF";
/// B-TID `I1U8vpY3qJ0hiuZNrke/NQ==@b`, lifetime `2030-01-01T00:00:00Z`, behind L and RAND.
const STORE_B_TID: &str = "00 D6 00 11 30 1A 49 31 55 38 76 70 59 33 71 4A 30 68 69 75 5A 4E 72 6B 65 2F 4E 51 3D 3D \
                           40 62 14 32 30 33 30 2D 30 31 2D 30 31 54 30 30 3A 30 30 3A 30 30 5A";
/// NAF_Id: naf1.operator.com 01 00 00 00 02; IMPI: 001010123456789@ims.mnc001.mcc001.3gppnetwork.org.
const DERIVE: &str = "00 88 00 84 4A DE 16 6E 61 66 31 2E 6F 70 65 72 61 74 6F 72 2E 63 6F 6D 01 00 00 00 02 \
                      31 30 30 31 30 31 30 31 32 33 34 35 36 37 38 39 40 69 6D 73 2E 6D 6E 63 30 30 31 2E \
                      6D 63 63 30 30 31 2E 33 67 70 70 6E 65 74 77 6F 72 6B 2E 6F 72 67";
/// HMAC-SHA-256 with CK and IK over 01, "gba-me", RAND, IMPI and NAF_Id, each with its length (TS 33.220 annex B).
const KS_EXT_NAF: &str =
    "DB 20 0D ED 60 46 83 8E 95 58 97 7B BF 27 BF 6A 2A DC 26 3A 4E 3E 75 F2 58 B3 9C DC D1 B0 3A C2 A3 6E";

#[test]
fn opensc_tool_reads_and_runs_it_by_either_protocol() {
    need(&["opensc-tool"], "opensc");
    with_pcscd(|pcscd| {
        let lab = Lab::new();
        lab.make_card(set_1_card());
        // The sequence number is used up by the first round.
        for (atr, protocol, authenticated) in
            [(T0_ATR, &[][..], THREE_G_ANSWER), (T1_ATR, &["--t1"], SYNC_FAILURE)]
        {
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), protocol);
            let listed = opensc(&["--list-readers"]);
            let line = |reader: usize| listed.lines().find(|line| line.ends_with(READERS[reader]));
            assert!(line(0).is_some_and(|line| line.contains("Yes")), "{listed}");
            assert!(line(1).is_some_and(|line| line.contains("No")), "{listed}");
            assert_eq!(opensc(&["--reader", "0", "--atr"]).trim(), atr);
            assert_eq!(octets(atr, ':')[1..].iter().fold(0, |sum, octet| sum ^ octet), 0, "the check octet");

            let said = send(&[&format!("{SELECT_ICCID} 00"), "00 B0 00 00 0A"]);
            assert_eq!(said, [(0x9000, hex(FCP_OF_ICCID)), (0x9000, hex(ICCID))]);
            let said = send(&[SELECT_USIM, &format!("{THREE_G} 00")]);
            assert_eq!(said, [(0x9000, vec![]), (0x9000, hex(authenticated))]);
            card.pull();
        }
    });
}

#[test]
fn scriptor_sees_what_goes_over_the_contacts() {
    need(&["scriptor"], "pcsc-tools");
    with_pcscd(|pcscd| {
        let read = format!("{ICCID} 90 00");
        // A command with data and an answer: T=0 has the answer fetched, T=1 gives it at once, if it is wanted.
        let t0 = [
            (SELECT_ICCID, "61 19"),
            ("00 C0 00 00 1C", "6C 19"),
            ("00 C0 00 00 19", &format!("{FCP_OF_ICCID} 90 00")),
            ("00 B0 00 00 00", "6C 0A"),
            ("00 B0 00 00 0A", &read),
            ("00 B0 00 00 0B", "6C 0A"),
        ];
        let t1 = [
            (&*format!("{SELECT_ICCID} 00"), &*format!("{FCP_OF_ICCID} 90 00")),
            ("00 B0 00 00 00", &read),
            ("00 B0 00 00 0A", &read),
        ];
        // The same wherever it is; ADF_USIM or ADF_ISIM, and its EF_GBABP.
        let gba = |select: &'static str, parameters: &'static str| {
            [
                (select, "61 "),
                (DERIVE, "69 85"),
                (BOOTSTRAP, "61 0A"),
                ("00 C0 00 00 0A", &*format!("{RES_ALONE} 90 00").leak()),
                (parameters, "61 "),
                (STORE_B_TID, "90 00"),
                (DERIVE, "61 22"),
                ("00 C0 00 00 22", &*format!("{KS_EXT_NAF} 90 00").leak()),
                ("00 88 00 85 00", "98 64"),
                ("00 EE 00 00 00", "6D 00"),
            ]
        };
        let refused =
            [("00 A4 00 04 02 7F FF", "6A 82"), ("00 20 00 01 08 30 30 30 30 FF FF FF FF", "69 84")];
        let dialogues: [(&str, &[(&str, &str)]); 5] = [
            ("T=0", &t0),
            ("T=1", &t1),
            ("T=0", &gba(SELECT_USIM, "00 A4 00 04 02 6F D6")),
            ("T=0", &gba(SELECT_ISIM, "00 A4 00 04 02 6F D5")),
            ("T=0", &refused),
        ];
        for (protocol, dialogue) in dialogues {
            let lab = Lab::new();
            lab.make_card(set_1_card());
            let t1 = ["--t1"];
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), if protocol == "T=1" { &t1 } else { &[] });
            let script: Vec<_> = dialogue.iter().map(|(command, _)| *command).collect();
            let answers = scriptor(protocol, &script);
            assert_eq!(answers.len(), dialogue.len(), "{answers:?}");
            for ((command, expected), answer) in dialogue.iter().zip(answers) {
                let fits =
                    if expected.ends_with(' ') { answer.starts_with(expected) } else { answer == *expected };
                assert!(fits, "{protocol} {command}: {answer}, not {expected}");
            }
            card.pull();
        }
    });
}

#[test]
fn another_program_and_the_service_use_one_card_in_turn() {
    need(&["opensc-tool"], "opensc");
    with_pcscd(|pcscd| {
        let mut lab = Lab::new();
        lab.make_card(set_1_card());
        lab.start(&["card.use=pcsc"]);
        let _card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        for _ in 0..3 {
            // The service stays connected for a while, and the other program selects something else.
            let (status, answer) = lab.api().bootstrap();
            assert_eq!(status, 200, "{answer}");
            let said = send(&[SELECT_ICCID, "00 B0 00 00 0A"]);
            assert_eq!(said, [(0x9000, vec![]), (0x9000, hex(ICCID))]);
            let (status, credential) = lab.api().credential();
            assert_eq!(status, 200, "{credential}");
            lab.assert_network_agrees(&credential);
        }
    });
}

fn opensc(arguments: &[&str]) -> String {
    run(Command::new("opensc-tool").args(arguments), "").good()
}

/// Sends commands to the card in the first reader; status word and data of each answer.
pub(crate) fn send(commands: &[&str]) -> Vec<(u16, Vec<u8>)> {
    let mut tool = Command::new("opensc-tool");
    tool.args(["--reader", "0"]);
    for command in commands {
        let command: Vec<_> = command.split_whitespace().collect();
        tool.args(["--send-apdu", &command.join(":")]);
    }
    let said = run(&mut tool, "").good();
    let mut answers = Vec::new();
    for line in said.lines().filter(|line| !line.starts_with("Sending: ")) {
        if let Some(rest) = line.strip_prefix("Received (SW1=0x") {
            let status_word = format!("{}{}", &rest[..2], &rest[10..12]);
            answers.push((u16::from_str_radix(&status_word, 16).expect("a status word"), Vec::new()));
        } else {
            // Three characters of hex for each octet, sixteen octets at most, then the octets as they are.
            let (_, data) = answers.last_mut().expect("a status word first");
            let columns = if line.len() > 48 { 48 } else { line.len() / 4 * 3 };
            data.extend(hex(&line[..columns]));
        }
    }
    answers
}

/// What the card in the first reader says to each command, without scriptor's explanation of the status word.
fn scriptor(protocol: &str, commands: &[&str]) -> Vec<String> {
    let script = commands.join("\n") + "\n";
    let mut tool = Command::new("scriptor");
    tool.args(["-r", READERS[0], "-p", protocol]);
    let said = run(&mut tool, &script).good();
    let answers = said.split("\n< ").skip(1);
    answers.map(|answer| answer.split(" : ").next().unwrap_or_default().replace('\n', "")).collect()
}

fn hex(text: &str) -> Vec<u8> {
    octets(text, ' ')
}

fn octets(text: &str, between: char) -> Vec<u8> {
    let octets = text.split(between).filter(|octet| !octet.is_empty());
    octets.map(|octet| u8::from_str_radix(octet, 16).expect("hex")).collect()
}
