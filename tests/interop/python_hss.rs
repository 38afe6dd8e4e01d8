//! A whole service between UEs and an HSS that share no code with it: vectors over Zh, and over Cx.

use crate::lab::{Lab, set_1_card};
use crate::programs::Running;
use crate::python::python;
use crate::python_peers::{CARD, Hss, REALM, ue, ue_arguments};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn the_simulated_card_bootstraps_with_vectors_of_an_hss_and_settings_come_once() {
    for uicc in ["GBA", "GBA_U"] {
        let mut lab = Lab::new();
        lab.make_card(set_1_card());
        let settings = json!({ CARD: { "timestamp": 1_893_456_000, "life_time": 3600 } });
        let settings = lab.file("settings.json", &settings.to_string());
        let settings = format!("--settings={}", settings.display());
        let mut hss = Hss::start(&lab, &[(CARD, uicc)], "127.0.0.1:0", &[&settings]);
        hss.serve(&mut lab, "diameter", &[]);
        for _ in 0..2 {
            let (status, bootstrapped) = lab.api().bootstrap();
            assert_eq!(status, 200, "{bootstrapped}");
            let mode = if uicc == "GBA" { "GBA_ME" } else { uicc };
            assert_eq!(bootstrapped["gba_mode"], mode);
            let (status, credential) = lab.api().credential();
            assert_eq!(status, 200, "{credential}");
            lab.assert_network_agrees(&credential);
        }
        let asked = hss.asked(2);
        assert_eq!(asked[0]["impi"], format!("{CARD}@{REALM}"));
        assert_eq!((&asked[0]["guss_timestamp"], &asked[0]["settings"]), (&Value::Null, &json!(true)));
        let again = (&asked[1]["guss_timestamp"], &asked[1]["settings"]);
        assert_eq!(again, (&json!("2030-01-01T00:00:00Z"), &json!(false)), "the version is named");
        hss.is_left(&mut lab);
    }
}

#[test]
fn an_hss_that_forgot_its_numbers_is_found_again_and_learns_them_from_the_card() {
    for source in ["diameter", "cx"] {
        let mut lab = Lab::new();
        lab.make_card(set_1_card());
        let first = Hss::start_of(&lab, source, &[(CARD, "GBA")], "127.0.0.1:0", &[]);
        first.serve(&mut lab, source, &[]);
        for _ in 0..3 {
            assert_eq!(lab.api().bootstrap().0, 200);
        }
        let address = first.end();
        let mut second = Hss::start_of(&lab, source, &[(CARD, "GBA")], &address, &[]);
        second.process.until("the service connects again", |told| {
            told.iter().any(|line| line["connected"] == true).then_some(())
        });
        let (status, bootstrapped) = lab.api().bootstrap();
        assert_eq!(status, 200, "{bootstrapped}");
        let resync = second.asked(2).iter().map(|asked| asked["resync"].clone()).collect::<Vec<_>>();
        assert_eq!(resync, [json!(false), json!(true)], "a number that the card refuses, then its AUTS");
        let (_, credential) = lab.api().credential();
        lab.assert_network_agrees(&credential);
    }
}

#[test]
fn a_ue_sees_no_more_of_an_hss_that_refuses_than_that_it_is_refused() {
    for source in ["diameter", "cx"] {
        let mut lab = Lab::new();
        let (known, barred) = ("001010000000001", "001010000000002");
        let wrong = format!("--wrong={barred}=not-authorized");
        let mut hss =
            Hss::start_of(&lab, source, &[(known, "GBA"), (barred, "GBA")], "127.0.0.1:0", &[&wrong]);
        hss.serve(&mut lab, source, &[]);
        for refused in ["001010000000099", barred] {
            assert_eq!(ue(&lab, refused, "GBA"), (1, json!([403])), "{refused}");
        }
        assert_eq!(ue(&lab, known, "GBA"), (0, json!([401, 200, 401, 200])));
        let results: Vec<_> = hss.asked(4).iter().map(|asked| asked["result"].clone()).collect();
        let unknown = if source == "cx" { "10415/5001" } else { "10415/5401" };
        assert_eq!(results, [json!(unknown), json!("not-authorized"), json!(2001), json!(2001)]);
    }
}

#[test]
fn one_subscriber_whose_answer_is_late_holds_up_nobody_else() {
    for source in ["diameter", "cx"] {
        let mut lab = Lab::new();
        let (slow, other) = ("001010000000001", "001010000000002");
        let held = format!("--held={slow}");
        let mut hss = Hss::start_of(&lab, source, &[(slow, "GBA"), (other, "GBA")], "127.0.0.1:0", &[&held]);
        hss.serve(&mut lab, source, &["zh.timeout=50s", "ub.request_timeout=60s"]);
        let mut waiting = Running::start(python().args(ue_arguments(&lab, slow, "GBA")));
        hss.process
            .until("the answer is held", |told| told.iter().any(|line| line["held"] == slow).then_some(()));
        for _ in 0..3 {
            assert_eq!(ue(&lab, other, "GBA"), (0, json!([401, 200, 401, 200])));
        }
        assert!(waiting.is_alive(), "{}", waiting.log());
        hss.process.running().signal(Signal::USR1);
        assert!(waiting.wait(Duration::from_secs(60)).success(), "late is not lost: {}", waiting.log());
    }
}

#[test]
fn an_answer_that_never_comes_is_a_503_for_one_and_nothing_for_the_others() {
    for source in ["diameter", "cx"] {
        let mut lab = Lab::new();
        let (lost, other) = ("001010000000001", "001010000000002");
        let silent = format!("--silent={lost}");
        let mut hss =
            Hss::start_of(&lab, source, &[(lost, "GBA"), (other, "GBA")], "127.0.0.1:0", &[&silent]);
        hss.serve(&mut lab, source, &["zh.timeout=3s"]);
        let mut waiting = Running::start(python().args(ue_arguments(&lab, lost, "GBA")));
        hss.asked(1);
        assert_eq!(ue(&lab, other, "GBA"), (0, json!([401, 200, 401, 200])));
        waiting.wait(Duration::from_secs(30));
        let report: Value = serde_json::from_str(&waiting.log()).expect("a report");
        assert_eq!(report["statuses"], json!([503]));
        assert_eq!(ue(&lab, other, "GBA"), (0, json!([401, 200, 401, 200])));
    }
}

#[test]
fn answers_of_every_wrong_kind_are_refused_and_leave_the_others_served() {
    let faults = [
        ("unable", 503),
        ("busy", 503),
        ("not-authorized", 403),
        ("no-vector", 503),
        ("no-result", 503),
        ("short-authenticate", 503),
        ("short-keys", 503),
        ("other-scheme", 503),
        ("other-subscriber", 503),
        ("garbage-guss", 503),
        ("mandatory-extra", 503),
    ];
    let mut lab = Lab::new();
    let imsi = |number: usize| format!("0010100000000{number:02}");
    let all: Vec<_> = (0..=faults.len() + 1).map(imsi).collect();
    let subscribers: Vec<_> = all.iter().map(|imsi| (imsi.as_str(), "GBA_U")).collect();
    let mut options: Vec<_> =
        faults.iter().zip(&all).map(|((fault, _), imsi)| format!("--wrong={imsi}={fault}")).collect();
    let (good, forged) = (&all[faults.len()], &all[faults.len() + 1]);
    options.push(format!("--wrong={forged}=other-k"));
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let hss = Hss::start(&lab, &subscribers, "127.0.0.1:0", &options);
    hss.serve(&mut lab, "diameter", &[]);
    for ((fault, status), imsi) in faults.iter().zip(&all) {
        assert_eq!(ue(&lab, imsi, "GBA_U"), (1, json!([status])), "{fault}");
        assert_eq!(ue(&lab, good, "GBA_U"), (0, json!([401, 200, 401, 200])), "after {fault}");
    }
    // A vector of another K is for the card to find out.
    assert_eq!(ue(&lab, forged, "GBA_U"), (1, json!([401])));
}

#[test]
fn habits_of_older_hsss_are_no_obstacle() {
    for habit in [&["--odd"][..], &["--no-auth-session-state"], &["--fhoss"], &["--odd", "--fhoss"]] {
        let mut lab = Lab::new();
        let imsi = "001010000000001";
        let hss = Hss::start(&lab, &[(imsi, "GBA_U")], "127.0.0.1:0", habit);
        hss.serve(&mut lab, "diameter", &[]);
        assert_eq!(ue(&lab, imsi, "GBA_U"), (0, json!([401, 200, 401, 200])), "{habit:?}");
        assert_eq!(ue(&lab, "001010000000099", "GBA_U"), (1, json!([403])), "{habit:?}");
    }
}
