//! Credentials that a service provider deposits: into its own namespace, out at its Enrolee's end alone.

use crate::api::{Answer, Api, segment};
use crate::lab::{Lab, Setup, fqdn};
use crate::people::{Person, random};
use crate::ua_client::{DigestUe, Psk, psk, request, try_psk};
use crate::ua_lab::{Behind, CSE, enrolee, s_client, setup, text, with_certificate};
use crate::wire::Wire;
use http::Method;
use ksnaf::config::NafConfig;
use ksnaf_proto::digest::Qop;
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::hex;
use serde_json::{Value, json};

const SUITE: &str = "PSK-AES128-CBC-SHA256";
const UA: &str = "01000100ae";
const PATH: &str = "/.well-known/ksnaf/credentials";

/// The proxy's target may deposit, another provider's may too, a third may not.
fn labs(behind: &Behind) -> Setup {
    setup(behind).config(|config| {
        config.api.admins.clear();
        config.naf[1].provision = true;
        for (name, principal, provision) in [
            ("sp-b.example", "lab", true),
            ("theirs.example", "them", true),
            ("no-right.example", "lab", false),
        ] {
            let mut naf = NafConfig::for_lab(fqdn(name));
            (naf.principals, naf.provision) = (vec![principal.to_owned()], provision);
            config.naf.push(naf);
        }
    })
}

/// A key of the provider's own, which the watch knows.
fn fresh_key(lab: &Lab) -> String {
    let octets: [u8; 32] = random();
    lab.secret("a deposited key", octets);
    hex::encode(&octets)
}

async fn put(api: &Api, target: &str, id: &str, body: &Value) -> Answer {
    let path = format!("/v1/provisioned/{target}/{}", segment(id));
    let kind = [("content-type", "application/json")];
    api.send(Method::PUT, &path, &kind, body.to_string().as_bytes()).await
}

async fn delete(api: &Api, target: &str, id: &str) -> Answer {
    api.delete(&format!("/v1/provisioned/{target}/{}", segment(id))).await
}

fn deposit(suid: u16, key: &str) -> Value {
    json!({ "enrolee_id": "Cdevice1", "suid": suid, "key": key, "lifetime": "1h" })
}

async fn put_well(api: &Api, target: &str, id: &str, body: &Value) {
    let answer = put(api, target, id, body).await;
    assert_eq!(answer.status.as_u16(), 204, "{}", answer.text());
}

async fn connected(lab: &Lab) -> Psk {
    psk(lab, &lab.ua_credential(UA, "tls-psk").await, SUITE).await
}

/// What the Enrolee gets: credential identifiers and keys.
async fn fetched(wire: &mut Psk) -> Vec<(String, String)> {
    let answer = wire.exchange(request("GET", PATH, &[], b"")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
    let body: Value = serde_json::from_str(&answer.text()).unwrap();
    let credentials = body["credentials"].as_array().unwrap().iter();
    credentials
        .map(|credential| {
            assert_eq!(credential["enrolment_target"], CSE);
            assert!(credential["suid"].is_u64() && credential["expires_at"].is_string());
            (text(credential, "credential_id").to_owned(), text(credential, "key").to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_reaches_its_enrolee_over_the_bootstraps_channel_and_nobody_else() {
    let behind = Behind::start().await;
    let mut lab = labs(&behind).start().await;
    let (first, second) = (fresh_key(&lab), fresh_key(&lab));
    let id = "13-end2end@sp.example";
    put_well(&lab.api(), CSE, id, &deposit(23, &first)).await;
    put_well(&lab.api(), "sp-b.example", id, &deposit(23, &second)).await;
    let mut of_another = deposit(23, &second);
    of_another["enrolee_id"] = json!("0".repeat(32));
    put_well(&lab.api(), CSE, "13-another@sp.example", &of_another).await;
    let mut wire = connected(&lab).await;
    let expected = [(id.to_owned(), first.clone())];
    for _ in 0..2 {
        assert_eq!(fetched(&mut wire).await, expected, "as often as it asks, until it expires");
    }
    let listed = lab.api().get(&format!("/v1/provisioned/{CSE}")).await.ok();
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(&first) && !listed.to_string().contains("\"key\""), "never back");
    lab.stop().await;
    lab.start_again().await;
    assert_eq!(fetched(&mut connected(&lab).await).await, expected, "after a restart too");
    // By the pseudonym that the target was told, it is the same Enrolee.
    let path = format!("/fetchCredentials/{}/22", segment(&lab.live().await[0]));
    let told = lab.api().send(Method::GET, &path, &[("x-m2m-origin", CSE)], b"").await.ok();
    assert_eq!(told["EnroleeID"], "Cdevice1");
    let pseudonym = listed["credentials"].as_array().unwrap().iter().find(|one| one["credential_id"] == id);
    let mut again = deposit(23, &second);
    again["enrolee_id"] = pseudonym.unwrap()["enrolee"].clone();
    put_well(&lab.api(), CSE, id, &again).await;
    assert_eq!(fetched(&mut connected(&lab).await).await, [(id.to_owned(), second)]);
    assert_eq!(delete(&lab.api(), CSE, id).await.status, 204);
    assert_eq!(fetched(&mut connected(&lab).await).await, []);
    delete(&lab.api(), CSE, id).await.problem(404);
    assert_eq!(behind.reached().len(), 0, "what stands behind hears nothing of it");
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_reads_writes_and_removes_in_its_own_namespace_alone() {
    let behind = Behind::start().await;
    let lab = labs(&behind).start().await;
    let (api, key) = (lab.api(), fresh_key(&lab));
    let id = "12-kpsa@sp.example";
    put_well(&api, CSE, id, &deposit(22, &key)).await;
    let mut refused = Vec::new();
    for target in ["theirs.example", "no-right.example", "unheard-of.example", "-"] {
        refused.push(put(&api, target, id, &deposit(22, &key)).await);
        refused.push(delete(&api, target, id).await);
        refused.push(api.get(&format!("/v1/provisioned/{target}")).await);
    }
    for answer in &refused {
        answer.problem(403);
        assert_eq!(answer.body, refused[0].body);
    }
    let stranger = api.with_token(None);
    put(&stranger, CSE, id, &deposit(22, &key)).await.problem(401);
    for (id, body, why) in [
        ("12-kpsa", deposit(13, &key), "type is 13"),
        ("12-kpsa", deposit(32, &key), "suid"),
        ("12-kpsa", deposit(40, &key), "suid"),
        ("kpsa", deposit(22, &key), "credential_id"),
        ("12-AAAA@bsf.mnc001.mcc001.pub.3gppnetwork.org", deposit(22, &key), "the BSF issues"),
        ("12-kpsa", deposit(22, &key[..62]), "64 hex digits"),
        ("12-kpsa", deposit(22, "not hex"), "64 hex digits"),
        (
            "12-kpsa",
            json!({ "enrolee_id": "Cother", "suid": 22, "key": key, "lifetime": "1h" }),
            "no Enrolee",
        ),
        (
            "12-kpsa",
            json!({ "enrolee_id": "Cdevice1", "suid": 22, "key": key, "lifetime": "0s" }),
            "lifetime",
        ),
        ("12-kpsa", json!({ "enrolee_id": "Cdevice1", "suid": 22, "key": key }), "lifetime"),
    ] {
        let problem = put(&api, CSE, id, &body).await.problem(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(why) && !detail.contains(&key), "{detail}");
    }
    let listed = api.get(&format!("/v1/provisioned/{CSE}")).await.ok();
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
    assert_eq!(api.get("/v1/provisioned/sp-b.example").await.ok(), json!({ "credentials": [] }));
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_leave_by_tls_to_an_enrolees_bootstrap_alone() {
    let behind = Behind::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut lab = labs(&behind);
    with_certificate(&mut lab.config, folder.path());
    let lab = lab.start().await;
    let key = fresh_key(&lab);
    put_well(&lab.api(), CSE, "12-kpsa@sp.example", &deposit(22, &key)).await;
    let bare = s_client(&lab, &["-quiet"], &crate::ua_lab::get(PATH, &[])).await;
    assert!(bare.stdout.contains("401") && !bare.stdout.contains(&key), "{}", bare.stdout);
    let mut ue = DigestUe::new(&lab.ua_credential("http-digest", "http-digest").await, Qop::AuthInt);
    let mut plain = Wire::to(lab.ua_http()).await;
    let answer = ue.ask(&mut plain, "GET", PATH, &[], b"").await;
    assert_eq!(answer.status, 403, "in clear: {}", answer.text());
    let mut wire = connected(&lab).await;
    for method in ["PUT", "POST", "DELETE"] {
        assert_eq!(wire.exchange(request(method, PATH, &[], b"")).await.status, 405, "{method}");
    }
    // A deposited key proves who it is, and is no bootstrap.
    let mut deposited = try_psk(lab.ua(), "kpsa@sp.example", &key, SUITE).await.unwrap();
    assert_eq!(deposited.exchange(request("GET", PATH, &[], b"")).await.status, 403);
    assert_eq!(behind.reached().len(), 0);
    lab.finish().await;
    // Nor does it leave to a subscriber that the target does not take.
    let other = enrolee(&Setup::of(Person::new(GbaMode::U)), &["Cother"]);
    let lab = labs(&behind).config(|config| config.enrolee = vec![other]).start().await;
    let mut wire = connected(&lab).await;
    assert_eq!(wire.exchange(request("GET", PATH, &[], b"")).await.status, 403);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposited_key_opens_connections_where_no_bootstrap_is_and_after_one_where_both_are() {
    let behind = Behind::start().await;
    let lab = labs(&behind).start().await;
    let (api, key) = (lab.api(), fresh_key(&lab));
    let before = try_psk(lab.ua(), "early@sp.example", &key, SUITE).await;
    assert!(before.is_err(), "nobody has deposited it");
    put_well(&api, CSE, "12-kpsa@sp.example", &deposit(12, &key)).await;
    put_well(&api, "sp-b.example", "12-elsewhere@sp.example", &deposit(12, &key)).await;
    put_well(&api, CSE, "13-end2end@sp.example", &deposit(13, &key)).await;
    assert_eq!(lab.live().await.len(), 0, "the card has not bootstrapped");
    for suite in [SUITE, "PSK-AES128-GCM-SHA256"] {
        let mut wire = try_psk(lab.ua(), "kpsa@sp.example", &key, suite).await.unwrap();
        let answer = wire.exchange(request("GET", "/", &["X-M2M-RI: 1"], b"")).await;
        assert_eq!(answer.status, 200);
        let reached = behind.reached().pop().unwrap();
        assert_eq!(reached.header("x-m2m-origin"), Some("Cdevice1"), "the same Enrolee");
        assert!(!format!("{reached:?}").contains(lab.person.imsi.as_str()), "a pseudonym");
        let forged = wire.exchange(request("GET", "/", &["X-M2M-Origin: CAdmin"], b"")).await;
        assert_eq!((forged.status, forged.header("x-m2m-rsc")), (403, Some("4106")));
    }
    let wrong = fresh_key(&lab);
    for (identity, key) in [
        ("kpsa@sp.example", &wrong),
        ("Kpsa@sp.example", &key),
        ("12-kpsa@sp.example", &key),
        ("elsewhere@sp.example", &key),
        ("end2end@sp.example", &key),
    ] {
        assert!(try_psk(lab.ua(), identity, key, SUITE).await.is_err(), "{identity}");
    }
    assert_eq!(delete(&api, CSE, "12-kpsa@sp.example").await.status, 204);
    assert!(try_psk(lab.ua(), "kpsa@sp.example", &key, SUITE).await.is_err(), "taken away");
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_bootstrap_has_is_the_bootstraps() {
    let behind = Behind::start().await;
    // The BSF of before had another name, so a provider could take its B-TID for a name of its own.
    let mut lab = labs(&behind).start().await;
    let credential = lab.ua_credential(UA, "tls-psk").await;
    let b_tid = credential["b_tid"].as_str().unwrap().to_owned();
    let key = fresh_key(&lab);
    put(&lab.api(), CSE, &format!("12-{b_tid}"), &deposit(22, &key)).await.problem(400);
    lab.stop().await;
    lab.change(|config| config.bsf.fqdn = fqdn("bsf.elsewhere.example"));
    lab.start_again().await;
    put_well(&lab.api(), CSE, &format!("12-{b_tid}"), &deposit(22, &key)).await;
    psk(&lab, &credential, SUITE).await;
    assert!(try_psk(lab.ua(), &b_tid, &key, SUITE).await.is_err(), "the bootstrap comes first");
    lab.watch_live().await;
    assert!(lab.store().revoke(&ksnaf_proto::gba::BTid::parse(&b_tid).unwrap()).await.unwrap());
    assert!(try_psk(lab.ua(), &b_tid, &key, SUITE).await.is_ok(), "then what was deposited");
    lab.finish().await;
}
