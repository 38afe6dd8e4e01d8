//! The project's one sentence: both ends hold the same key, in every form, for GBA_ME and GBA_U.

use crate::api::{DIGEST, NAF, question};
use crate::lab::{Setup, fqdn};
use crate::people::Person;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ksnaf_proto::gba::{CipherSuite, GbaMode, NafId, UaSecurityProtocolId};
use ksnaf_proto::hex;
use ksnaf_sim_usim::Application;
use serde_json::json;

const FORMS: [&str; 4] = ["raw", "tls-psk", "http-digest", "onem2m"];

async fn both_sides_are_equal(setup: Setup, mode: &str) {
    let lab = setup.start().await;
    let api = lab.api();
    let bootstrap = api.bootstrap(false).await.ok();
    assert_eq!(bootstrap["gba_mode"], mode);
    assert_eq!(bootstrap.get("impi"), None, "nobody may read identities here");
    let b_tid = bootstrap["b_tid"].as_str().unwrap();
    for form in FORMS {
        let device = api.device_side(form).await.ok();
        let network = api.network_side(b_tid, form).await.ok();
        assert_eq!(device, network, "{form}");
        for (name, value) in [
            ("b_tid", b_tid),
            ("naf_fqdn", NAF),
            ("ua_sec_prot_id", DIGEST),
            ("gba_mode", mode),
            ("expires_at", bootstrap["expires_at"].as_str().unwrap()),
        ] {
            assert_eq!(device[name], value, "{form}");
        }
    }
    assert_eq!(lab.live().await, [b_tid]);
    lab.finish().await;
}

#[tokio::test]
async fn a_gba_u_card_and_the_network_have_one_key_in_every_form() {
    both_sides_are_equal(Setup::new(GbaMode::U), "GBA_U").await;
}

#[tokio::test]
async fn a_gba_me_subscriber_has_one_key_on_both_sides_in_every_form() {
    both_sides_are_equal(Setup::new(GbaMode::Me), "GBA_ME").await;
}

#[tokio::test]
async fn tuak_does_as_milenage_does() {
    both_sides_are_equal(Setup::of(Person::tuak(GbaMode::U)), "GBA_U").await;
    both_sides_are_equal(Setup::of(Person::tuak(GbaMode::Me)), "GBA_ME").await;
}

#[tokio::test]
async fn every_form_says_what_its_user_needs() {
    let lab = Setup::new(GbaMode::Me).any_ua().start().await;
    let api = lab.api();
    let raw = api.device_side("raw").await.ok();
    let key = raw["key"].as_str().unwrap();
    let b_tid = raw["b_tid"].as_str().unwrap();
    assert!(key.len() == 64 && key.bytes().all(|digit| digit.is_ascii_hexdigit()), "64 hex digits");

    let digest = api.device_side("http-digest").await.ok();
    assert_eq!(digest["username"], b_tid);
    assert_eq!(digest["password"], STANDARD.encode(hex::decode(key).unwrap()));
    assert_eq!(digest["realm"], format!("3GPP-bootstrapping@{NAF}"));

    let psk = api.device_side("tls-psk").await.ok();
    assert_eq!(psk["key"], key);
    assert_eq!(psk["identity"], format!("3GPP-bootstrapping;{b_tid}"));
    assert_eq!(psk["hint"], "3GPP-bootstrapping");

    let onem2m = api.device_side("onem2m").await.ok();
    assert_eq!(onem2m["key"], key);
    assert_eq!((&onem2m["ke_id"], &onem2m["kpsa_id"]), (&raw["b_tid"], &raw["b_tid"]));
    assert_eq!((&onem2m["suid"], onem2m.get("km_id")), (&json!(22), None));
    assert_eq!(onem2m["enrolment_target"], NAF);
    assert!(onem2m["credential_id"].as_str().unwrap().contains(b_tid));
    lab.finish().await;
}

/// `3GPP-bootstrapping-uicc` would mean Ks_int_NAF, which no card gives out (TS 24.109 clause 5.2).
#[tokio::test]
async fn the_external_key_of_gba_u_goes_by_the_same_names_as_gba_me() {
    let lab = Setup::new(GbaMode::U).start().await;
    let digest = lab.api().device_side("http-digest").await.ok();
    assert_eq!(digest["realm"], format!("3GPP-bootstrapping@{NAF}"));
    let psk = lab.api().device_side("tls-psk").await.ok();
    assert!(psk["identity"].as_str().unwrap().starts_with("3GPP-bootstrapping;"));
    lab.finish().await;
}

#[tokio::test]
async fn a_maf_gets_km_and_a_cse_kpsa() {
    let maf = serde_json::from_value(json!("maf")).unwrap();
    let setup = Setup::new(GbaMode::Me).config(|config| config.naf[0].enrolment_target = maf);
    let lab = setup.start().await;
    let device = lab.api().device_side("onem2m").await.ok();
    assert_eq!(device["km_id"], device["b_tid"]);
    assert_eq!((&device["suid"], device.get("kpsa_id")), (&json!(21), None));
    let network = lab.api().network_side(device["b_tid"].as_str().unwrap(), "onem2m").await.ok();
    assert_eq!(device, network);
    lab.finish().await;
}

#[tokio::test]
async fn each_ua_protocol_and_each_naf_has_a_key_of_its_own() {
    let setup = Setup::new(GbaMode::U).any_ua().config(|config| {
        let mut second = config.naf[0].clone();
        second.fqdn = fqdn("second.example");
        config.naf.push(second);
    });
    let lab = setup.start().await;
    let api = lab.api();
    let b_tid = api.b_tid(false).await;
    let tls = "tls-psk:TLS_PSK_WITH_AES_128_GCM_SHA256";
    let mut keys = Vec::new();
    for (naf, ua) in [(NAF, "http-digest"), (NAF, tls), (NAF, "tls13-psk"), ("second.example", "http-digest")]
    {
        let device = api.post("/v1/ue/credentials", &question(None, naf, ua, "tls-psk")).await.ok();
        let network = api.post("/v1/naf/credentials", &question(Some(&b_tid), naf, ua, "tls-psk")).await.ok();
        assert_eq!(device, network, "{naf} {ua}");
        if ua == tls {
            let id = UaSecurityProtocolId::tls(CipherSuite::PSK_AES_128_GCM_SHA256);
            assert_eq!(device["ua_sec_prot_id"], id.to_string(), "a name becomes ten hex digits");
            assert_eq!(device["cipher_suites"], json!(["TLS_PSK_WITH_AES_128_GCM_SHA256"]));
        }
        keys.push(device["key"].as_str().unwrap().to_owned());
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
    lab.finish().await;
}

#[tokio::test]
async fn the_internal_key_is_told_on_the_network_side_only_and_only_where_the_naf_may_have_it() {
    let setup = Setup::new(GbaMode::U).config(|config| {
        let mut inside = config.naf[0].clone();
        inside.fqdn = fqdn("inside.example");
        inside.ks_int = true;
        config.naf.push(inside);
    });
    let lab = setup.start().await;
    let api = lab.api();
    let device = api.post("/v1/ue/credentials", &question(None, "inside.example", DIGEST, "raw")).await.ok();
    let b_tid = device["b_tid"].as_str().unwrap().to_owned();
    assert_eq!(device.get("key_int"), None, "no card gives it out");
    let ask =
        async |naf| api.post("/v1/naf/credentials", &question(Some(&b_tid), naf, DIGEST, "raw")).await.ok();
    assert_eq!(ask(NAF).await.get("key_int"), None, "this NAF may not have it");
    let network = ask("inside.example").await;
    let naf_id = NafId::new(fqdn("inside.example"), UaSecurityProtocolId::HTTP_DIGEST);
    let in_card = lab.reader().look(|card| {
        card.danger_ks_int_naf(Application::Isim, &naf_id.octets())
            .map(|key| hex::encode(key.danger_expose()))
    });
    assert_eq!(network["key_int"].as_str().map(str::to_owned), in_card);
    assert_eq!(network["key"], device["key"]);
    assert_ne!(network["key"], network["key_int"]);
    lab.finish().await;
}

#[tokio::test]
async fn there_is_no_internal_key_in_gba_me() {
    let setup = Setup::new(GbaMode::Me).config(|config| config.naf[0].ks_int = true);
    let lab = setup.start().await;
    let b_tid = lab.api().b_tid(false).await;
    assert_eq!(lab.api().network_side(&b_tid, "raw").await.ok().get("key_int"), None);
    lab.finish().await;
}
