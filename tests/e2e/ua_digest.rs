//! Ua by HTTP Digest: inside TLS with the NAF's certificate, and outside TLS with auth-int.

use crate::lab::{Lab, seconds};
use crate::ua_client::{DigestUe, challenge, request};
use crate::ua_lab::{Behind, CSE, run, setup, text, with_certificate};
use crate::wire::Wire;
use crate::{api, python};
use ksnaf_proto::digest::{Algorithm, Qop};
use std::path::Path;
use std::time::Duration;

const REALM: &str = "3GPP-bootstrapping@id-in.cse.example";

/// What makes curl negotiate a suite, and the Ua security protocol of it.
const SUITES: [(&[&str], &str); 3] = [
    (&["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"], "010001c02b"),
    (&["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"], "010001c02c"),
    (&["--tlsv1.3", "--tls13-ciphers", "TLS_AES_256_GCM_SHA384"], "0100011302"),
];

async fn curl(lab: &Lab, ca: &Path, user: &str, tls: &[&str], further: &[&str]) -> (String, String) {
    let port = lab.ua().port();
    let resolve = format!("{CSE}:{port}:127.0.0.1");
    let url = format!("https://{CSE}:{port}/resource?x=1");
    let fixed = ["-sS", "--digest", "-u", user, "--cacert", ca.to_str().unwrap(), "--resolve", &resolve];
    let arguments = [&fixed[..], tls, further, &["-w", "\n%{http_code}", &url]].concat();
    let said = run("curl", &arguments, "").await;
    assert!(said.succeeded, "{said:?}");
    let (body, status) = said.stdout.rsplit_once('\n').unwrap();
    (body.to_owned(), status.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_through_with_the_key_of_the_suite_that_it_negotiated_and_no_other() {
    let behind = Behind::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut ca = None;
    let lab =
        setup(&behind).config(|config| ca = Some(with_certificate(config, folder.path()))).start().await;
    let ca = ca.unwrap();
    for (tls, ua) in SUITES {
        let credential = lab.ua_credential(ua, "http-digest").await;
        let user = format!("{}:{}", text(&credential, "username"), text(&credential, "password"));
        let (body, status) = curl(&lab, &ca, &user, tls, &["-A", "3gpp-gba", "-d", "a body"]).await;
        assert_eq!((body.as_str(), status.as_str()), ("hello", "200"), "{ua}");
        let reached = behind.reached().pop().unwrap();
        assert_eq!((reached.header("x-m2m-origin"), &reached.body[..]), (Some("Cdevice1"), &b"a body"[..]));
        assert_eq!((reached.header("authorization"), reached.target.as_str()), (None, "/resource?x=1"));
    }
    let passed = behind.reached().len();
    for other in ["0100000002", "010001c030", "0100010000"] {
        let credential = lab.ua_credential(other, "http-digest").await;
        let user = format!("{}:{}", text(&credential, "username"), text(&credential, "password"));
        assert_eq!(curl(&lab, &ca, &user, SUITES[0].0, &[]).await.1, "401", "{other}");
    }
    assert_eq!(behind.reached().len(), passed);
    lab.finish().await;
}

#[tokio::test]
async fn a_ue_without_a_key_is_told_which_one_to_make() {
    let behind = Behind::start().await;
    let lab = setup(&behind).config(|config| config.ua_proxy.uicc_key = true).start().await;
    let mut wire = Wire::to(lab.ua_http()).await;
    for (product, realm) in [
        ("3gpp-gba", REALM.to_owned()),
        ("Mozilla/5.0 3gpp-gba-uicc", format!("3GPP-bootstrapping-uicc@{CSE};{REALM}")),
        ("IM-client/OMA1.0 3gpp-gba", REALM.to_owned()),
    ] {
        let answer = wire.exchange(request("GET", "/", &[&format!("User-Agent: {product}")], b"")).await;
        let challenge = challenge(&answer);
        assert_eq!(challenge.realm, realm, "{product}");
        assert_eq!(
            (challenge.algorithm, challenge.qop, challenge.stale),
            (Some(Algorithm::Md5), vec![Qop::AuthInt], false)
        );
    }
    for credentials in ["Basic eDp5", "Bearer x", "Digest username=\"x\""] {
        let answer =
            wire.exchange(request("GET", "/", &[&format!("Authorization: {credentials}")], b"")).await;
        challenge(&answer);
    }
    assert_eq!(behind.reached().len(), 0);
    lab.finish().await;
}

#[tokio::test]
async fn outside_tls_bodies_are_covered_both_ways() {
    let behind = Behind::start().await;
    let lab = setup(&behind).start().await;
    let credential = lab.ua_credential("http-digest", "http-digest").await;
    let mut ue = DigestUe::new(&credential, Qop::AuthInt);
    let mut wire = Wire::to(lab.ua_http()).await;
    for round in 0..3 {
        let answer = ue.ask(&mut wire, "PUT", "/doc?a=b", &[], b"a body").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello"), "round {round}");
        assert!(ue.is_proved(&answer, "/doc?a=b"), "{answer:?}");
    }
    assert_eq!(behind.reached().len(), 3);
    assert_eq!(&behind.reached()[0].body[..], b"a body");
    // The response covers another body than the one that comes.
    let authorization = ue.authorize("PUT", "/doc", b"a body");
    let answer = wire.exchange(request("PUT", "/doc", &[&authorization], b"another")).await;
    assert!(!challenge(&answer).stale);
    let mut unprotected = DigestUe::new(&credential, Qop::Auth);
    assert_eq!(unprotected.ask(&mut wire, "GET", "/", &[], b"").await.status, 401, "auth leaves bodies open");
    assert_eq!(behind.reached().len(), 3);
    lab.finish().await;
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_and_an_answer_beyond_it_goes_without_proof() {
    let long = "x".repeat(100_000);
    let answer = long.clone();
    let behind = Behind::answering(move |_| crate::ua_lab::plain(http::StatusCode::OK, &answer)).await;
    let lab = setup(&behind).config(|config| config.ua_proxy.digest_body = 50_000).start().await;
    let mut ue = DigestUe::new(&lab.ua_credential("http-digest", "http-digest").await, Qop::AuthInt);
    let mut wire = Wire::to(lab.ua_http()).await;
    let answer = ue.ask(&mut wire, "GET", "/", &[], b"").await;
    assert_eq!((answer.status, answer.body.len()), (200, long.len()));
    assert!(!ue.is_proved(&answer, "/"));
    let answer = ue.ask(&mut wire, "PUT", "/", &[], long.as_bytes()).await;
    assert_eq!(answer.status, 413);
    assert_eq!(behind.reached().len(), 1);
    lab.finish().await;
}

#[tokio::test]
async fn a_nonce_count_opens_once_and_an_old_nonce_is_stale() {
    let behind = Behind::start().await;
    let lab = setup(&behind).config(|config| config.ua_proxy.nonce_lifetime = seconds(2.0)).start().await;
    let mut ue = DigestUe::new(&lab.ua_credential("http-digest", "http-digest").await, Qop::AuthInt);
    let mut wire = Wire::to(lab.ua_http()).await;
    assert_eq!(ue.ask(&mut wire, "GET", "/", &[], b"").await.status, 200);
    ue.count -= 1;
    let replayed = ue.ask(&mut wire, "GET", "/", &[], b"").await;
    assert!(challenge(&replayed).stale, "the key is right, the count is not");
    ue.hear(&replayed);
    assert_eq!(ue.ask(&mut wire, "GET", "/", &[], b"").await.status, 200);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let old = ue.ask(&mut wire, "GET", "/", &[], b"").await;
    assert!(challenge(&old).stale);
    ue.nonce = "made-up".to_owned();
    assert!(challenge(&ue.ask(&mut wire, "GET", "/", &[], b"").await).stale);
    assert_eq!(behind.reached().len(), 2);
    lab.finish().await;
}

#[tokio::test]
async fn a_digest_uri_that_is_not_the_requests_is_refused_but_for_the_quirk_with_a_name() {
    let behind = Behind::start().await;
    for quirk in [false, true] {
        let lab = setup(&behind).config(|config| config.ua_proxy.digest_trailing_slash = quirk).start().await;
        let mut ue = DigestUe::new(&lab.ua_credential("http-digest", "http-digest").await, Qop::AuthInt);
        let mut wire = Wire::to(lab.ua_http()).await;
        ue.uri = Some("/doc/".to_owned());
        let answer = ue.ask(&mut wire, "GET", "/doc", &[], b"").await;
        assert_eq!(answer.status, if quirk { 200 } else { 400 }, "{}", answer.text());
        ue.uri = Some("/other".to_owned());
        assert_eq!(ue.ask(&mut wire, "GET", "/doc", &[], b"").await.status, 400);
        ue.uri = Some(format!("http://{CSE}/doc"));
        assert_eq!(
            ue.ask(&mut wire, "GET", "/doc", &[], b"").await.status,
            200,
            "the absolute form is the same"
        );
        lab.finish().await;
    }
    assert_eq!(behind.reached().len(), 3);
}

#[tokio::test]
async fn a_key_that_is_wrong_another_nafs_revoked_or_expired_asks_for_a_bootstrap() {
    let behind = Behind::start().await;
    let lab = setup(&behind).any_ua().config(|config| config.bsf.key_lifetime = seconds(6.0)).start().await;
    let credential = lab.ua_credential("http-digest", "http-digest").await;
    let mut wire = Wire::to(lab.ua_http()).await;
    let mut wrong = DigestUe::new(&credential, Qop::AuthInt);
    wrong.password = "x".repeat(44);
    let refused = wrong.ask(&mut wire, "GET", "/", &[], b"").await;
    assert_eq!((challenge(&refused).stale, challenge(&refused).realm.as_str()), (false, REALM));
    let mut foreign = DigestUe::new(&lab.api().device_side("http-digest").await.ok(), Qop::AuthInt);
    challenge(&foreign.ask(&mut wire, "GET", "/", &[], b"").await);
    foreign.realm = REALM.to_owned();
    assert!(!challenge(&foreign.ask(&mut wire, "GET", "/", &[], b"").await).stale);
    let mut unknown = DigestUe::new(&credential, Qop::AuthInt);
    unknown.username = "AAAAAAAAAAAAAAAAAAAAAA==@bsf.example".to_owned();
    challenge(&unknown.ask(&mut wire, "GET", "/", &[], b"").await);
    let mut ue = DigestUe::new(&credential, Qop::AuthInt);
    assert_eq!(ue.ask(&mut wire, "GET", "/", &[], b"").await.status, 200);
    tokio::time::sleep(Duration::from_millis(6100)).await;
    assert!(!challenge(&ue.ask(&mut wire, "GET", "/", &[], b"").await).stale, "expired");
    let again = lab.ua_credential("http-digest", "http-digest").await;
    let mut ue = DigestUe::new(&again, Qop::AuthInt);
    assert_eq!(ue.ask(&mut wire, "GET", "/", &[], b"").await.status, 200, "bootstrapped again");
    let path = format!("/v1/associations/{}", api::segment(text(&again, "b_tid")));
    assert_eq!(lab.api().delete(&path).await.status.as_u16(), 204);
    assert!(!challenge(&ue.ask(&mut wire, "GET", "/", &[], b"").await).stale, "revoked");
    assert_eq!(behind.reached().len(), 2);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ue_in_python_that_shares_no_code_gets_through_and_believes_the_answer() {
    let behind = Behind::start().await;
    let lab = setup(&behind).start().await;
    let credential = lab.ua_credential("http-digest", "http-digest").await;
    let file = lab.data_dir().join("lab.token");
    std::fs::write(&file, credential.to_string()).unwrap();
    let address = lab.ua_http().to_string();
    let ran =
        tokio::task::spawn_blocking(move || python::run("ua_digest.py", &[Path::new(&address), &file], &[]));
    let ran = ran.await.unwrap();
    assert!(ran.succeeded, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout.trim(), "200 hello rspauth right");
    assert_eq!(&behind.only().body[..], b"<list/>");
    lab.finish().await;
}
