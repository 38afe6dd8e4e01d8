//! osmo-auc-gen of libosmocore as the network: the simulated USIM accepts its vectors, and it the card's AUTS.

use crate::card_tools::send;
use crate::lab::{Lab, json_of, set_1_card};
use crate::pcscd::with_pcscd;
use crate::programs::{need, run};
use crate::sim_usim::SimUsim;
use std::collections::BTreeMap;
use std::process::Command;

const RANDS: [&str; 3] = [
    "23553cbe9637a89d218ae64dae47bf35",
    "00000000000000000000000000000000",
    "f0e1d2c3b4a5968778695a4b3c2d1e0f",
];

#[test]
fn the_card_accepts_vectors_of_osmo_auc_gen() {
    need(&["osmo-auc-gen"], "libosmocore-utils");
    with_pcscd(|pcscd| {
        let lab = Lab::new();
        lab.make_card(set_1_card());
        for (round, protocol) in [&[][..], &["--t1"]].into_iter().enumerate() {
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), protocol);
            for (step, rand) in RANDS.into_iter().enumerate() {
                // SEQ in the upper 43 bits, its place in the card's array in the lower five.
                let sqn = ((100 * round + step + 1) << 5) | step;
                let vector = vector(rand, &["-s", &sqn.to_string()]);
                // With no code of the project at the terminal's end, then with it; the other application has the same
                // array, so it needs the next number.
                let expected = ["RES", "CK", "IK", "Kc"].map(|name| with_length(&vector[name])).concat();
                assert_eq!(authenticate(&vector), ("9000".to_owned(), format!("db{expected}")));

                let next = self::vector(rand, &["-s", &(sqn + 32).to_string()]);
                let said = [
                    "card",
                    "authenticate",
                    "--card",
                    "pcsc",
                    "--application",
                    "isim",
                    "--json",
                    "--danger-show-keys",
                    "--rand",
                    rand,
                    "--autn",
                    &next["AUTN"],
                ];
                let said = json_of(lab.ksnaf(&said));
                for (ours, theirs) in [("res", "RES"), ("ck", "CK"), ("ik", "IK")] {
                    assert_eq!(said[ours], next[theirs], "{ours}");
                }
                assert_eq!(said["outcome"], "success");
            }
            card.pull();
        }
    });
}

#[test]
fn osmo_auc_gen_accepts_the_cards_auts_and_its_next_vector_is_fresh() {
    need(&["osmo-auc-gen"], "libosmocore-utils");
    with_pcscd(|pcscd| {
        let lab = Lab::new();
        lab.make_card(set_1_card());
        let _card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        // Both for place 7 of the array.
        let (seen, stale) = ("281044218590727", "39");
        assert_eq!(authenticate(&vector(RANDS[0], &["-s", seen])).0, "9000");
        let (_, sync_failure) = authenticate(&vector(RANDS[1], &["-s", stale]));
        let auts = sync_failure.strip_prefix("dc0e").expect("AUTS");
        let fresh = vector(RANDS[1], &["-A", auts]);
        assert_eq!(fresh["SQN.MS"], seen);
        let (_, answer) = authenticate(&fresh);
        assert!(answer.starts_with(&format!("db{}", with_length(&fresh["RES"]))), "{answer}");
    });
}

/// What osmo-auc-gen prints of a vector of test set 1's subscriber.
fn vector(rand: &str, arguments: &[&str]) -> BTreeMap<String, String> {
    let mut tool = Command::new("osmo-auc-gen");
    tool.args(["-3", "-a", "milenage", "-k", "465b5ce8b199b49faa5f0a2ee238a6bc"]);
    tool.args(["-o", "cd63cb71954a9f4e48a5994e37a02baf", "-f", "8000", "-r", rand]).args(arguments);
    let said = run(&mut tool, "").good();
    let values = said.lines().filter_map(|line| line.split_once(":\t"));
    values.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// AUTHENTICATE in the 3G context of the USIM, by opensc-tool: status word and answer in hex.
fn authenticate(vector: &BTreeMap<String, String>) -> (String, String) {
    let challenge = ["RAND", "AUTN"].map(|name| with_length(&vector[name])).concat();
    let command = pairs(&format!("0088008122{challenge}00"));
    let answers = send(&["00 A4 04 04 07 A0 00 00 00 87 10 02", &command]);
    let (status_word, answer) = answers.last().expect("two answers");
    (format!("{status_word:04x}"), ksnaf_proto::hex::encode(answer))
}

/// The octets of a value in hex, after their number.
fn with_length(value: &str) -> String {
    format!("{:02x}{value}", value.len() / 2)
}

fn pairs(hex: &str) -> String {
    let pairs = hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
    pairs.collect::<Vec<_>>().join(" ")
}
