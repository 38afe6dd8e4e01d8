//! The card tool of `tests/python`, written from the specifications alone, at the simulated USIM; and its view of what
//! `ksnaf` leaves in the card.

use crate::lab::{Lab, NAF, json_of, set_1_card};
use crate::pcscd::with_pcscd;
use crate::programs::run;
use crate::python::{python, script};
use crate::sim_usim::SimUsim;
use serde_json::{Value, json};

const RAND: &str = "23553cbe9637a89d218ae64dae47bf35";
const AUTN: &str = "55f328b43577b9b94a9ffac354dfafb3";
/// AUTN with the MAC masked for GBA_U.
const AUTN_STAR: &str = "55f328b43577b9b98c7f3f0d723fb244";
const RES: &str = "a54211d5e3ba50bf";
const IMPI: &str = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org";
const BSF: &str = "bsf.mnc001.mcc001.pub.3gppnetwork.org";
const APPLICATIONS: [&str; 2] = ["usim", "isim"];

#[test]
fn the_witness_reads_both_applications_by_either_protocol() {
    with_pcscd(|pcscd| {
        let lab = Lab::new();
        lab.make_card(set_1_card());
        for protocol in [&[][..], &["--t1"]] {
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), protocol);
            let usim = usim(0, &["--app", "usim", "info"]);
            let seen = json!({
                "iccid": usim["iccid"], "imsi": usim["imsi"], "mnc_digits": usim["mnc_digits"],
                "gba_service": usim["gba_service"], "gbabp": usim["gbabp"], "gbanl": usim["gbanl"],
            });
            let expected = json!({
                "iccid": "8900101101234567896", "imsi": "001010123456789", "mnc_digits": 2,
                "gba_service": true, "gbabp": { "rand": "", "b_tid": "", "lifetime": "" }, "gbanl": [],
            });
            assert_eq!(seen, expected, "{usim}");
            let isim = usim_of("isim", &["info"]);
            assert_eq!((&isim["impi"], &isim["gba_service"]), (&json!(IMPI), &json!(true)), "{isim}");
            assert_eq!(isim["domain"], "ims.mnc001.mcc001.3gppnetwork.org");
            assert_eq!(isim["impu"], json!([format!("sip:{IMPI}")]));
            card.pull();
        }
    });
}

#[test]
fn the_witness_authenticates_and_bootstraps_in_both_applications() {
    with_pcscd(|pcscd| {
        for (application, protocol) in APPLICATIONS.iter().zip([&[][..], &["--t1"]]) {
            let lab = Lab::new();
            lab.make_card(set_1_card());
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), protocol);
            let said = |arguments: &[&str]| usim_of(application, arguments);
            // Nothing spends the number that the network's own token needs: not a wrong MAC, not the other context.
            assert_eq!(refused(application, &["gba", RAND, AUTN], 4)["sw"], "9862");
            assert_eq!(refused(application, &["auth", RAND, AUTN_STAR], 4)["sw"], "9862");
            let naf_id = naf_id("naf1.operator.com");
            assert_eq!(refused(application, &["naf", &naf_id, IMPI], 1)["sw"], "6985", "no Ks yet");

            let bootstrapped = said(&["gba", RAND, AUTN_STAR]);
            assert_eq!(
                (&bootstrapped["res"], &bootstrapped["values"]),
                (&json!(RES), &json!(1)),
                "RES alone"
            );
            let sync = refused(application, &["auth", RAND, AUTN], 4);
            assert_eq!(sync["auts"], "ba853f3c123ccf44e93596e355c6", "one array for both contexts");
            assert_eq!(refused(application, &["naf", &naf_id, IMPI], 1)["sw"], "6985", "no B-TID yet");

            let b_tid = b_tid(RAND);
            said(&["bp", &b_tid, "2030-01-01T00:00:00Z"]);
            assert_eq!(said(&["naf", &naf_id, IMPI])["ks_ext_naf"], ks_ext_naf(RAND, &naf_id));
            let info = said(&["info"]);
            let stored = json!({ "rand": RAND, "b_tid": b_tid, "lifetime": "2030-01-01T00:00:00Z" });
            assert_eq!(info["gbabp"], stored);
            assert_eq!(info["gbanl"], json!([{ "naf_id": naf_id, "b_tid": b_tid }]));
            card.pull();
        }
    });
}

#[test]
fn the_witness_gets_ck_and_ik_in_the_3g_context() {
    with_pcscd(|pcscd| {
        for (application, protocol) in APPLICATIONS.iter().zip([&["--t1"][..], &[]]) {
            let lab = Lab::new();
            lab.make_card(set_1_card());
            let card = SimUsim::plug(pcscd, 0, &lab.card_file(), protocol);
            let said = usim_of(application, &["auth", RAND, AUTN]);
            assert_eq!(said["res"], RES);
            assert_eq!(said["ck"], "b40ba9a3c58b2a05bbf0d987b21bf8cb");
            assert_eq!(said["ik"], "f769bcd751044604127672711c6d3441");
            card.pull();
        }
    });
}

#[test]
fn the_witness_finds_in_the_card_what_ksnaf_left_there() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let _card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        for application in APPLICATIONS {
            let chosen = format!("ue.application={application}");
            let card = ["--json", "--card", "pcsc", "--set", &chosen];
            let run = json_of(lab.ksnaf(&[&["bootstrap"], &card[..]].concat()));
            let stored = usim_of(application, &["info"])["gbabp"].clone();
            let told =
                json!({ "b_tid": run["b_tid"], "lifetime": run["expires_at"], "rand": stored["rand"] });
            assert_eq!(stored, told);
            let rand = stored["rand"].as_str().expect("a RAND");
            let b_tid = b_tid(rand);
            assert_eq!(run["b_tid"], b_tid, "of the RAND in the card");

            // The key for a NAF: as `ksnaf` had it of the card, as the witness gets it there, and as it computes it.
            let credential = ["credential", "--danger-show-keys", "--naf", NAF];
            let credential = json_of(lab.ksnaf(&[&credential, &card[..]].concat()));
            assert_eq!(credential["b_tid"], run["b_tid"]);
            lab.assert_network_agrees(&credential);
            let naf_id = naf_id(NAF);
            assert_eq!(usim_of(application, &["naf", &naf_id, IMPI])["ks_ext_naf"], credential["key"]);
            assert_eq!(ks_ext_naf(rand, &naf_id), credential["key"]);
            let list = usim_of(application, &["info"])["gbanl"].clone();
            assert!(
                list.as_array()
                    .is_some_and(|list| list.contains(&json!({ "naf_id": naf_id, "b_tid": b_tid }))),
                "{list}"
            );
        }
    });
}

/// The report of `usim.py` in one application of the card in the first reader.
fn usim_of(application: &str, arguments: &[&str]) -> Value {
    usim(0, &[&["--app", application], arguments].concat())
}

/// As [`usim_of`], of a command that the card refuses.
fn refused(application: &str, arguments: &[&str], status: i32) -> Value {
    usim(status, &[&["--app", application], arguments].concat())
}

fn usim(status: i32, arguments: &[&str]) -> Value {
    let ran = script("usim.py", &[&["--reader", "0"], arguments].concat());
    assert_eq!(ran.status, Some(status), "{arguments:?}: {}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).expect("JSON")
}

/// A value of the witness's own modules. `arguments` are `sys.argv[1:]`.
fn witness(expression: &str, arguments: &[&str]) -> String {
    let (k, opc) = ("465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf");
    let code = format!(
        "import sys, aka, gba\n\
         unhex, argument = bytes.fromhex, sys.argv[1:]\n\
         card = aka.Milenage(unhex('{k}'), unhex('{opc}'))\n\
         print({expression})"
    );
    run(python().args(["-c", &code]).args(arguments), "").good().trim().to_owned()
}

fn naf_id(fqdn: &str) -> String {
    witness("gba.naf_id(argument[0], unhex('0100000002')).hex()", &[fqdn])
}

fn b_tid(rand: &str) -> String {
    witness("gba.b_tid(unhex(argument[0]), argument[1])", &[rand, BSF])
}

/// Ks_ext_NAF of test set 1's card.
fn ks_ext_naf(rand: &str, naf_id: &str) -> String {
    let ks = "(lambda out: out.ck + out.ik)(card.f2345(unhex(argument[0])))";
    let key = format!("gba.ks_naf({ks}, unhex(argument[0]), argument[1], unhex(argument[2])).hex()");
    witness(&key, &[rand, IMPI, naf_id])
}
