//! Ua by TLS with a pre-shared key: a client that nobody here wrote, with each suite, and what it must not get away with.

use crate::lab::{Lab, fqdn, seconds};
use crate::ua_lab::{Behind, CSE, get, s_client, setup, text};
use ksnaf_proto::gba::{BTid, CipherSuite, NafId, UaSecurityProtocolId};
use ksnaf_proto::hex;
use std::time::Duration;

/// Suites of TLS 1.2: OpenSSL's name, and the Ua security protocol.
const SUITES: [(&str, &str); 4] = [
    ("PSK-AES128-CBC-SHA256", "01000100ae"),
    ("PSK-AES128-GCM-SHA256", "01000100a8"),
    ("ECDHE-PSK-AES128-CBC-SHA256", "010001c037"),
    ("ECDHE-PSK-CHACHA20-POLY1305", "010001ccac"),
];

fn tls12<'a>(suite: &'a str, identity: &'a str, key: &'a str) -> [&'a str; 7] {
    ["-tls1_2", "-cipher", suite, "-psk_identity", identity, "-psk", key]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_the_key_of_its_suite_reaches_what_stands_behind() {
    let behind = Behind::start().await;
    let lab = setup(&behind).start().await;
    for (suite, ua) in SUITES {
        let credential = lab.ua_credential(ua, "tls-psk").await;
        let bare = text(&credential, "b_tid");
        for identity in [text(&credential, "identity"), bare] {
            let said =
                s_client(&lab, &tls12(suite, identity, text(&credential, "key")), &get("/x", &[])).await;
            assert!(said.stdout.contains(&format!("Cipher is {suite}")), "{suite}: {said:?}");
            assert!(
                said.stdout.contains("HTTP/1.1 200") && said.stdout.contains("hello"),
                "{suite}: {said:?}"
            );
            assert!(said.stdout.contains("Reused, ") || !said.stdout.contains("Reused"), "{said:?}");
        }
    }
    let reached = behind.reached();
    assert_eq!(reached.len(), 2 * SUITES.len());
    for request in reached {
        assert_eq!((request.header("x-m2m-origin"), request.target.as_str()), (Some("Cdevice1"), "/x"));
        let asserted = request.header("x-3gpp-asserted-identity").unwrap();
        assert!(asserted.ends_with(&format!("@{CSE}\"")), "without consent a pseudonym: {asserted}");
    }
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_another_suite_is_a_wrong_key() {
    let behind = Behind::start().await;
    let lab = setup(&behind).start().await;
    for (suite, ua) in SUITES {
        for (other, other_ua) in SUITES.iter().filter(|(_, other)| *other != ua) {
            let credential = lab.ua_credential(other_ua, "tls-psk").await;
            let arguments = tls12(suite, text(&credential, "identity"), text(&credential, "key"));
            let said = s_client(&lab, &arguments, &get("/", &[])).await;
            assert!(!said.stdout.contains("HTTP/1.1"), "{suite} with the key of {other}: {said:?}");
        }
    }
    assert_eq!(behind.reached().len(), 0);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_offers_all_suites_gets_the_servers_first_and_its_key() {
    let behind = Behind::start().await;
    let lab = setup(&behind).start().await;
    let all = SUITES.map(|(suite, _)| suite).join(":");
    let credential = lab.ua_credential("010001ccac", "tls-psk").await;
    let arguments = tls12(&all, text(&credential, "identity"), text(&credential, "key"));
    let said = s_client(&lab, &arguments, &get("/", &[])).await;
    assert!(said.stdout.contains("Cipher is ECDHE-PSK-CHACHA20-POLY1305"), "{said:?}");
    assert!(said.stdout.contains("HTTP/1.1 200"), "{said:?}");
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_3_takes_the_key_without_a_suite_in_it() {
    let behind = Behind::start().await;
    let lab = setup(&behind).start().await;
    let credential = lab.ua_credential("tls13-psk", "tls-psk").await;
    for identity in [text(&credential, "identity"), text(&credential, "b_tid")] {
        let arguments = ["-tls1_3", "-psk_identity", identity, "-psk", text(&credential, "key")];
        let said = s_client(&lab, &arguments, &get("/", &[])).await;
        assert!(said.stdout.contains("HTTP/1.1 200") && said.stdout.contains("TLSv1.3"), "{said:?}");
    }
    let of_12 = lab.ua_credential("01000100ae", "tls-psk").await;
    let arguments = ["-tls1_3", "-psk_identity", text(&of_12, "identity"), "-psk", text(&of_12, "key")];
    let said = s_client(&lab, &arguments, &get("/", &[])).await;
    assert!(!said.stdout.contains("HTTP/1.1"), "{said:?}");
    assert_eq!(behind.reached().len(), 2);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_only_offered_proves_nothing() {
    let behind = Behind::start().await;
    let folder = tempfile::tempdir().unwrap();
    let lab = setup(&behind)
        .config(|config| {
            crate::ua_lab::with_certificate(config, folder.path());
        })
        .start()
        .await;
    let credential = lab.ua_credential("tls13-psk", "tls-psk").await;
    // The victim's identity and no key of it; a suite of another hash, so that OpenSSL passes the key over.
    let wrong = "00".repeat(32);
    let arguments = ["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384", "-psk_identity"];
    let arguments = [&arguments[..], &[text(&credential, "identity"), "-psk", &wrong]].concat();
    let said = s_client(&lab, &arguments, &get("/", &[])).await;
    assert!(!said.stdout.contains("HTTP/1.1 200"), "{said:?}");
    assert_eq!(behind.reached().len(), 0);
    lab.finish().await;
}

/// The alert of RFC 4279 clause 2.
const UNKNOWN_PSK_IDENTITY: &str = "unknown psk identity";

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_nothing_is_refused_and_never_reaches_what_stands_behind() {
    let behind = Behind::start().await;
    let lab = setup(&behind).any_ua().start().await;
    let (suite, ua) = SUITES[0];
    let credential = lab.ua_credential(ua, "tls-psk").await;
    let (identity, key) = (text(&credential, "identity"), text(&credential, "key"));
    let b_tid = text(&credential, "b_tid").to_owned();
    let wrong = hex::encode(&[7; 32]);
    let said = s_client(&lab, &tls12(suite, identity, &wrong), &get("/", &[])).await;
    assert!(said.stderr.contains("alert") && !said.stdout.contains("HTTP/"), "a wrong key: {said:?}");
    for unknown in ["3GPP-bootstrapping;AAAAAAAAAAAAAAAAAAAAAA==@bsf.example", "nobody", "3GPP-akma;x@y"] {
        let said = s_client(&lab, &tls12(suite, unknown, key), &get("/", &[])).await;
        assert!(said.stderr.to_lowercase().contains(UNKNOWN_PSK_IDENTITY), "{unknown}: {said:?}");
    }
    // The same bootstrap's key for another NAF.
    let other = lab
        .api()
        .post("/v1/ue/credentials", &crate::api::question(None, crate::api::NAF, ua, "tls-psk"))
        .await;
    let said = s_client(&lab, &tls12(suite, identity, text(&other.ok(), "key")), &get("/", &[])).await;
    assert!(said.stderr.contains("alert") && !said.stdout.contains("HTTP/"), "another NAF's key: {said:?}");
    // The card's key is not offered here.
    let uicc = format!("3GPP-bootstrapping-uicc;{b_tid}");
    let said = s_client(&lab, &tls12(suite, &uicc, key), &get("/", &[])).await;
    assert!(said.stderr.to_lowercase().contains(UNKNOWN_PSK_IDENTITY), "{said:?}");
    let revoked = lab.api().delete(&format!("/v1/associations/{}", crate::api::segment(&b_tid))).await;
    assert_eq!(revoked.status.as_u16(), 204, "{}", revoked.text());
    let said = s_client(&lab, &tls12(suite, identity, key), &get("/", &[])).await;
    assert!(said.stderr.to_lowercase().contains(UNKNOWN_PSK_IDENTITY), "revoked: {said:?}");
    assert_eq!(behind.reached().len(), 0);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_bootstrap_opens_nothing() {
    let behind = Behind::start().await;
    let lab = setup(&behind).config(|config| config.bsf.key_lifetime = seconds(2.0)).start().await;
    let (suite, ua) = SUITES[1];
    let credential = lab.ua_credential(ua, "tls-psk").await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let arguments = tls12(suite, text(&credential, "identity"), text(&credential, "key"));
    let said = s_client(&lab, &arguments, &get("/", &[])).await;
    assert!(said.stderr.to_lowercase().contains(UNKNOWN_PSK_IDENTITY), "{said:?}");
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cards_own_key_opens_where_it_is_offered() {
    let behind = Behind::start().await;
    let lab = setup(&behind).config(|config| config.ua_proxy.uicc_key = true).start().await;
    let b_tid = lab.api().b_tid(false).await;
    let (suite, ua) = SUITES[0];
    let int = ks_int(&lab, &b_tid, ua).await;
    lab.secret("Ks_int_NAF", int);
    let identity = format!("3GPP-bootstrapping-uicc;{b_tid}");
    let said = s_client(&lab, &tls12(suite, &identity, &hex::encode(&int)), &get("/", &[])).await;
    assert!(said.stdout.contains("HTTP/1.1 200"), "{said:?}");
    lab.finish().await;
}

async fn ks_int(lab: &Lab, b_tid: &str, ua: &str) -> [u8; 32] {
    let b_tid = BTid::parse(b_tid).unwrap();
    let association = lab.store().association(&b_tid, std::time::SystemTime::now()).await.unwrap().unwrap();
    let ua: UaSecurityProtocolId = ua.parse().unwrap();
    assert_eq!(ua.cipher_suite(), Some(CipherSuite::PSK_AES_128_CBC_SHA256));
    let naf = NafId::new(fqdn(CSE), ua);
    *ksnaf_proto::gba::kdf::ks_int_naf(&association.ks, &association.rand, &association.impi, &naf)
        .danger_expose()
}
