//! Which applications may register by whose key: asked at the proxy, before a CSE sees anything.

use crate::lab::{Lab, Setup};
use crate::ua_client::{Psk, psk, request};
use crate::ua_lab::{Behind, enrolee, setup};
use crate::wire::Answer;
use ksnaf::config::AppRuleConfig;
use serde_json::json;

const SUITE: &str = "PSK-AES128-CBC-SHA256";
const BSF_CREDENTIALS: &str = "12-*@bsf.mnc001.mcc001.pub.3gppnetwork.org";

fn rule(subjects: &str, subject: &str, app_ids: &[&str], ae_ids: &[&str]) -> AppRuleConfig {
    let mut rule = json!({ "app_ids": app_ids, "ae_ids": ae_ids });
    rule[subjects] = json!([subject]);
    serde_json::from_value(rule).expect("a rule")
}

fn labs(behind: &Behind, rules: Vec<AppRuleConfig>) -> Setup {
    let setup = setup(behind);
    let open = enrolee(&setup, &["C*", "Sx"]);
    setup.config(|config| {
        config.enrolee = vec![open];
        config.ua_proxy.rule = rules;
    })
}

async fn connected(lab: &Lab) -> Psk {
    psk(lab, &lab.ua_credential("01000100ae", "tls-psk").await, SUITE).await
}

async fn register(wire: &mut Psk, kind: &str, from: &str, body: &str) -> Answer {
    let (kind, from) = (format!("Content-Type: {kind}"), format!("X-M2M-Origin: {from}"));
    let headers = ["X-M2M-RI: r1", &*kind, &*from];
    wire.exchange(request("POST", "/cse-in", &headers, body.as_bytes())).await
}

fn ae(app_id: &str) -> String {
    json!({ "m2m:ae": { "rn": "app", "api": app_id, "rr": false } }).to_string()
}

const CREATE: &str = "application/json;ty=2";

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_passes_where_one_rule_has_credential_app_id_and_ae_id() {
    let behind = Behind::start().await;
    let mut setup = labs(&behind, vec![]);
    setup.config.ua_proxy.rule = vec![
        rule("credentials", BSF_CREDENTIALS, &["R123*X", "Nmeter"], &["C123*X"]),
        rule("credentials", "12-*@another.example", &["*"], &["*"]),
        rule("enrolees", setup.person.impi.as_str(), &["Nother"], &["S*", "C"]),
    ];
    let lab = setup.start().await;
    let mut wire = connected(&lab).await;
    let mut passed = 0;
    for (from, app_id, expected) in [
        ("C123aX", "Nmeter", 200),
        ("/id-in/C123X", "R123.com.example.X", 200),
        ("Sx", "Nother", 200),
        ("C", "Nother", 200),
        ("C123aX", "Nother", 403),
        ("C124aX", "Nmeter", 403),
        ("C", "Nmeter", 403),
        ("Sx", "Nmeter", 403),
        ("C123aX", "nmeter", 403),
        ("C123aX", "", 403),
    ] {
        let answer = register(&mut wire, CREATE, from, &ae(app_id)).await;
        assert_eq!(answer.status, expected, "{from} {app_id}: {}", answer.text());
        passed += usize::from(expected == 200);
        assert_eq!(behind.reached().len(), passed, "{from} {app_id}");
        if expected == 200 {
            let reached = behind.reached().pop().unwrap();
            let body: serde_json::Value = serde_json::from_slice(&reached.body).unwrap();
            assert_eq!(body["m2m:ae"]["api"], app_id);
            assert_eq!(reached.header("content-length"), Some(&*reached.body.len().to_string()));
        } else {
            assert_eq!((answer.header("x-m2m-rsc"), answer.header("x-m2m-ri")), (Some("4126"), Some("r1")));
        }
    }
    let other = register(&mut wire, "application/json;ty=3", "C123aX", r#"{"m2m:cnt":{}}"#).await;
    assert_eq!(other.status, 200, "rules are for registrations");
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_read_in_two_ways_passes_in_none() {
    let behind = Behind::start().await;
    let rules = vec![rule("credentials", "12-*", &["Nmeter"], &["*"])];
    let lab = labs(&behind, rules).start().await;
    let mut wire = connected(&lab).await;
    let good = ae("Nmeter");
    for (kind, body) in [
        (CREATE, "<m2m:ae><api>Nmeter</api></m2m:ae>"),
        ("application/xml;ty=2", &*good),
        ("text/plain;ty=2", &*good),
        (CREATE, r#"{"m2m:ae":{"rn":"a"}}"#),
        (CREATE, r#"{"m2m:ae":{"api":["Nmeter"]}}"#),
        (CREATE, r#"{"m2m:ae":{"api":"Nmeter"},"m2m:cnt":{}}"#),
        (CREATE, r#"[{"m2m:ae":{"api":"Nmeter"}}]"#),
        (CREATE, ""),
        ("application/json;ty=02", "{}"),
        ("application/json;ty=3;ty=2", "{}"),
    ] {
        let answer = register(&mut wire, kind, "Cany", body).await;
        assert_eq!((answer.status, answer.header("x-m2m-rsc")), (400, Some("4000")), "{kind} {body}");
    }
    let coded = ["Content-Type: application/json;ty=2", "Content-Encoding: gzip", "X-M2M-Origin: Cany"];
    assert_eq!(wire.exchange(request("POST", "/", &coded, good.as_bytes())).await.status, 400);
    let twice = ["Content-Type: application/json;ty=2", "Content-Type: text/plain", "X-M2M-Origin: Cany"];
    assert_eq!(wire.exchange(request("POST", "/", &twice, good.as_bytes())).await.status, 400);
    assert_eq!(behind.reached().len(), 0);
    // Of a member that stands twice the checked one alone goes on.
    let doubled = r#"{"m2m:ae":{"api":"Nforbidden","api":"Nmeter"}}"#;
    assert_eq!(register(&mut wire, CREATE, "Cany", doubled).await.status, 200);
    assert!(!String::from_utf8_lossy(&behind.only().body).contains("Nforbidden"));
    let doubled = r#"{"m2m:ae":{"api":"Nmeter","api":"Nforbidden"}}"#;
    assert_eq!(register(&mut wire, CREATE, "Cany", doubled).await.status, 403);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_the_cse_decides_and_a_changed_rule_counts_after_a_restart() {
    let behind = Behind::start().await;
    let mut lab = labs(&behind, vec![]).start().await;
    for body in [ae("Nanything"), "<m2m:ae/>".to_owned()] {
        assert_eq!(register(&mut connected(&lab).await, CREATE, "Cany", &body).await.status, 200);
    }
    let before: Vec<_> = behind.reached().into_iter().map(|reached| reached.body).collect();
    assert_eq!(before, [ae("Nanything").as_bytes(), b"<m2m:ae/>"], "as it came");
    lab.stop().await;
    lab.change(|config| config.ua_proxy.rule = vec![rule("credentials", "*", &["Nmeter"], &["*"])]);
    lab.start_again().await;
    let mut wire = connected(&lab).await;
    assert_eq!(register(&mut wire, CREATE, "Cany", &ae("Nanything")).await.status, 403);
    assert_eq!(register(&mut wire, CREATE, "Cany", &ae("Nmeter")).await.status, 200);
    lab.finish().await;
}
