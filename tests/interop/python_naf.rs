//! A whole service between UEs and NAFs that share no code with it: Zn and Zpn over Diameter, Nbsp_GBA over HTTP/2 and
//! HTTP/1.1. Neither kind of NAF computes a key: what they get is compared with what the device has.

use crate::lab::{Lab, NAF, set_1_card};
use crate::python_peers::{BSF, Hss, bootstrapped, lower, naf, nbsp};
use ksnaf_sim_usim::Personalisation;
use serde_json::{Value, json};

const IMPI: &str = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org";
const OTHER: &str = "other.lab.example";
const STRANGER: &str = "stranger.lab.example";

#[test]
fn a_naf_over_diameter_and_a_consumer_of_nbsp_gba_get_the_key_of_the_device() {
    for gba_u in [false, true] {
        let lab = lab_with(Personalisation { gba_u, ..set_1_card() }, &["naf.0.ks_int=true"]);
        let device = device(&lab);
        assert_eq!(device["gba_mode"], if gba_u { "GBA_U" } else { "GBA_ME" });
        let b_tid = device["b_tid"].as_str().expect("a B-TID");
        let questions = [&[][..], &["--aware", "1"], &["--gsid", "1", "--gsid", "1000001"]];
        for question in questions {
            let question = [&["--b-tid", b_tid], question].concat();
            let (status, zn) = naf(&lab, &question);
            assert_eq!((status, &zn["me_key"]), (0, &device["key"]), "{zn}");
            for version in [&[][..], &["--http1"]] {
                let (status, nbsp) = nbsp(&lab, &[&question[..], version].concat());
                assert_eq!(status, 0, "{nbsp}");
                assert_eq!(nbsp["version"], if version.is_empty() { "HTTP/2" } else { "HTTP/1.1" });
                assert_eq!(lower(&nbsp["body"]["meKeyMaterial"]), zn["me_key"], "{nbsp}");
                assert_eq!(lower(&nbsp["body"]["uiccKeyMaterial"]), zn["uicc_key"], "one answer, two faces");
                assert_eq!(nbsp["body"]["keyExpiryTime"], zn["expires_at"]);
                assert_eq!(nbsp["body"]["bootstrappingInfoCreationTime"], zn["created_at"]);
            }
            assert_eq!(zn["expires_at"], device["expires_at"]);
            let aware = question.contains(&"--aware");
            assert_eq!(zn["uicc_key"].is_string(), gba_u && aware, "{zn}");
            assert_eq!(zn["impi"], Value::Null, "nobody consented");
        }
    }
}

#[test]
fn keys_and_settings_reach_nafs_that_share_no_code_with_the_ue_nor_the_hss() {
    let imsi = "001010000000001";
    let uss = json!([
        { "id": 1, "type": 2, "uids": ["sip:one@lab.example"], "flags": [1] },
        { "id": 2, "type": 0, "uids": ["sip:two@lab.example"] },
        { "id": 3, "type": 0, "naf_group": "others", "uids": ["sip:three@lab.example"] },
    ]);
    for uicc in ["GBA", "GBA_U"] {
        let mut lab = Lab::new();
        let settings =
            lab.file("settings.json", &json!({ imsi: { "uss": uss, "life_time": 600 } }).to_string());
        let settings = format!("--settings={}", settings.display());
        let hss = Hss::start(&lab, &[(imsi, uicc)], "127.0.0.1:0", &[&settings]);
        let nafs = naf_settings();
        let nafs: Vec<_> = nafs.iter().map(String::as_str).collect();
        hss.serve(&mut lab, "diameter", &nafs);
        let ue = bootstrapped(&lab, imsi, uicc);
        let b_tid = ue["b_tid"].as_str().expect("a B-TID");
        let question = ["--b-tid", b_tid, "--gsid", "1", "--gsid", "3", "--gsid", "7"];
        let (status, zn) = naf(&lab, &question);
        assert_eq!((status, &zn["me_key"]), (0, &ue["ks_naf"]), "{zn}");
        assert_eq!(zn["expires_at"], ue["lifetime"], "the lifetime is the subscriber's");
        let xml = zn["uss"].as_str().expect("settings");
        assert!(xml.contains("sip:one@lab.example"), "{xml}");
        // Not asked for; meant for another group.
        assert!(!xml.contains("sip:two@lab.example") && !xml.contains("sip:three@lab.example"), "{xml}");
        let (status, nbsp) = nbsp(&lab, &question);
        assert_eq!((status, &lower(&nbsp["body"]["meKeyMaterial"])), (0, &ue["ks_naf"]), "{nbsp}");
        let list = nbsp["body"]["ussList"].as_array().expect("settings");
        let ids: Vec<_> = list.iter().map(|item| &item["uss"]["gsId"]).collect();
        assert_eq!(ids, [&json!(1)], "{nbsp}");
        let (_, zn) = naf(&lab, &["--b-tid", b_tid]);
        assert_eq!(zn["uss"], Value::Null, "none asked for: {zn}");
        let log = lab.log();
        for secret in [ue["ks_naf"].as_str().expect("a key"), imsi, "sip:one"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
}

#[test]
fn a_naf_that_asks_for_anothers_key_gets_nothing() {
    let lab = lab(&[&format!("naf.1.fqdn={OTHER}"), &format!("naf.1.principals=[\"{OTHER}\"]")]);
    let device = device(&lab);
    let b_tid = device["b_tid"].as_str().expect("a B-TID");
    let nobodys = format!("AAAAAAAAAAAAAAAAAAAAAA==@{BSF}");
    for asked in [b_tid, &nobodys] {
        // Whether there is such a bootstrap is not told to who may not know.
        let (status, zn) = naf(&lab, &["--b-tid", asked, "--naf", OTHER]);
        assert_eq!((status, &zn["vendor"], &zn["result"]), (1, &json!(10415), &json!(5402)), "{zn}");
        assert!(zn["me_key"].is_null() && zn["impi"].is_null() && zn["uss"].is_null(), "{zn}");
        let (status, nbsp) = nbsp(&lab, &["--b-tid", asked, "--naf", OTHER]);
        assert_eq!((status, &nbsp["status"]), (1, &json!(403)), "{nbsp}");
        assert!(nbsp["body"]["meKeyMaterial"].is_null(), "{nbsp}");
    }
    // The other NAF may not have this one's either, and has a key of its own.
    let (_, zn) = naf(&lab, &["--b-tid", b_tid, "--host", OTHER]);
    assert_eq!(zn["result"], 5402, "{zn}");
    let (status, zn) = naf(&lab, &["--b-tid", b_tid, "--host", OTHER, "--naf", OTHER]);
    assert_eq!(status, 0, "{zn}");
    assert!(zn["me_key"].is_string() && zn["me_key"] != device["key"], "{zn}");
}

#[test]
fn a_b_tid_of_nobody_and_a_stranger_are_told_apart() {
    let lab = lab(&[]);
    let nobodys = format!("AAAAAAAAAAAAAAAAAAAAAA==@{BSF}");
    for b_tid in [nobodys.as_str(), "no B-TID", ""] {
        let (status, zn) = naf(&lab, &["--b-tid", b_tid]);
        assert_eq!((status, &zn["vendor"], &zn["result"]), (1, &json!(10415), &json!(5403)), "{zn}");
    }
    let (status, nbsp) = nbsp(&lab, &["--b-tid", &nobodys]);
    let told = (status, &nbsp["status"], &nbsp["body"]["cause"]);
    assert_eq!(told, (1, &json!(404), &json!("CONTEXT_NOT_FOUND")));
    // A host that no entry names has a right to nothing, and where nobody unknown may come in, does not come in.
    let (status, zn) = naf(&lab, &["--b-tid", &nobodys, "--host", STRANGER]);
    assert_eq!((status, &zn["result"]), (1, &json!(5402)), "{zn}");
    let closed = self::lab(&["diameter.unknown_peers=0"]);
    assert_eq!(naf(&closed, &["--b-tid", &nobodys, "--host", STRANGER]), (5, Value::Null));
}

#[test]
fn a_naf_pushes_over_either_interface_and_the_device_makes_its_key() {
    for (uicc, mode) in [(&[][..], "GBA_ME"), (&["--uicc"], "GBA_U")] {
        let lab = lab(&["naf.0.push=true", "zn.gpi_layout=lab"]);
        let push = [&["--push", IMPI, "--p-tid", "push.1"], uicc].concat();
        let (status, zpn) = naf(&lab, &push);
        assert_eq!(status, 0, "{zpn}");
        let (status, taken) = lab.api().take_push(&zpn["gpi"]);
        assert_eq!((status, &taken["key"]), (200, &zpn["me_key"]), "{taken}");
        assert_eq!((&taken["p_tid"], &taken["gba_mode"]), (&json!("push.1"), &json!(mode)));
        let (status, nbsp) = nbsp(&lab, &push);
        assert_eq!(status, 0, "{nbsp}");
        let (status, taken) = lab.api().take_push(&nbsp["body"]["gbaPushInfo"]);
        assert_eq!((status, &taken["key"]), (200, &lower(&nbsp["body"]["meKeyMaterial"])), "{taken}");
        assert_ne!(nbsp["body"]["gbaPushInfo"], zpn["gpi"], "a vector of its own for each");
        let (_, unknown) = naf(&lab, &["--push", "001010000000099@ims.mnc001.mcc001.3gppnetwork.org"]);
        assert_eq!((&unknown["vendor"], &unknown["result"]), (&json!(10415), &json!(5401)), "{unknown}");
        let (_, foreign) = naf(&lab, &["--push", IMPI, "--naf", OTHER]);
        assert_eq!(foreign["result"], 5402, "{foreign}");
    }
}

/// A lab with one NAF, which may ask over Diameter.
fn lab(settings: &[&str]) -> Lab {
    lab_with(set_1_card(), settings)
}

fn lab_with(card: Personalisation, settings: &[&str]) -> Lab {
    let mut lab = Lab::new();
    lab.make_card(card);
    let own = naf_settings();
    let own: Vec<_> = own.iter().map(String::as_str).chain(settings.iter().copied()).collect();
    lab.start(&own);
    lab
}

/// One NAF, which may ask over Diameter.
fn naf_settings() -> [String; 4] {
    [
        "zn.diameter_listen=127.0.0.1:0".to_owned(),
        format!("naf.0.fqdn={NAF}"),
        format!("naf.0.principals=[\"lab\", \"{NAF}\"]"),
        "naf.0.ua_protocols=[\"*\"]".to_owned(),
    ]
}

/// The credential of the lab's device after a bootstrap.
fn device(lab: &Lab) -> Value {
    assert_eq!(lab.api().bootstrap().0, 200);
    let (status, credential) = lab.api().credential();
    assert_eq!(status, 200, "{credential}");
    credential
}
