//! oneM2M's spelling of the network side's fetch: `GET /fetchCredentials/{KeID}/{SUID}` (TS-0003 clause 8.3.2.1).

use crate::api::{Answer, Api, NAF, question, segment};
use crate::lab::{Lab, Setup, fqdn};
use http::{HeaderMap, Method};
use ksnaf::http::client;
use ksnaf_proto::gba::GbaMode;
use serde_json::{Value, json};

async fn fetch(api: &Api, ke_id: &str, suid: &str, origins: &[&str]) -> Answer {
    let headers: Vec<_> = origins.iter().map(|origin| ("X-M2M-Origin", *origin)).collect();
    api.send(Method::GET, &format!("/fetchCredentials/{}/{suid}", segment(ke_id)), &headers, b"").await
}

async fn lab() -> (Lab, String) {
    let setup = Setup::new(GbaMode::U).config(|config| {
        config.naf[0].origins = vec!["/id-in".to_owned(), "Cae1".to_owned()];
        let mut theirs = config.naf[0].clone();
        theirs.fqdn = fqdn("theirs.example");
        theirs.origins = vec!["/id-theirs".to_owned()];
        theirs.principals = vec!["them".to_owned()];
        config.naf.push(theirs);
    });
    let lab = setup.start().await;
    let b_tid = lab.api().b_tid(false).await;
    (lab, b_tid)
}

fn refusal(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(body["Status"], false);
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["ErrorString", "Status"], "nothing else is told");
    body["ErrorString"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_target_fetches_the_key_that_the_device_has() {
    let (lab, b_tid) = lab().await;
    let device = lab.api().device_side("onem2m").await.ok();
    for origin in [NAF, "/id-in", "Cae1", " /id-in "] {
        let fetched = fetch(&lab.api(), &b_tid, "22", &[origin]).await.ok();
        assert_eq!(fetched["Status"], true, "{origin}");
        assert_eq!(fetched["Credential"], device["key"], "{origin}");
        assert_eq!(fetched["Lifetime"], device["expires_at"], "{origin}");
        assert!(fetched["EnroleeID"].as_str().is_some_and(|id| !id.is_empty()));
    }
    let as_maf = fetch(&lab.api(), &b_tid, "21", &[NAF]).await.ok();
    assert_eq!(as_maf["Credential"], device["key"], "Km and Kpsa are one NAF key under two names");
    lab.finish().await;
}

#[tokio::test]
async fn the_key_is_that_of_the_suite_which_tls_demands_where_any_may_be_used() {
    let setup = Setup::new(GbaMode::Me).any_ua();
    let lab = setup.start().await;
    let suite = "tls-psk:TLS_PSK_WITH_AES_128_CBC_SHA256";
    let device = lab.api().post("/v1/ue/credentials", &question(None, NAF, suite, "raw")).await.ok();
    let fetched = fetch(&lab.api(), device["b_tid"].as_str().unwrap(), "22", &[NAF]).await.ok();
    assert_eq!(fetched["Credential"], device["key"]);
    lab.finish().await;
}

#[tokio::test]
async fn each_failure_is_a_status_false_with_its_reason() {
    let (lab, b_tid) = lab().await;
    let api = lab.api();
    let gone = b_tid.replace(&b_tid[..4], "AAAA");
    assert!(refusal(&fetch(&api, &gone, "22", &[NAF]).await, 404).contains("no valid bootstrap"));
    assert!(refusal(&fetch(&api, "no-b-tid", "22", &[NAF]).await, 400).contains("KeID"));
    for suid in ["12", "20", "23", "0"] {
        assert!(
            refusal(&fetch(&api, &b_tid, suid, &[NAF]).await, 400).contains("21 (MAF) and 22 (CSE)"),
            "{suid}"
        );
    }
    for suid in ["x", "-1", "99999999"] {
        assert!(refusal(&fetch(&api, &b_tid, suid, &[NAF]).await, 400).contains("SUID"), "{suid}");
    }
    assert!(refusal(&fetch(&api, &b_tid, "22", &[]).await, 400).contains("X-M2M-Origin"));
    assert!(
        refusal(&fetch(&api, &b_tid, "22", &[NAF, NAF]).await, 400).contains("X-M2M-Origin"),
        "two of them"
    );
    let bodies = [
        fetch(&api, &b_tid, "22", &["/id-unheard-of"]).await,
        fetch(&api, &gone, "22", &["/id-unheard-of"]).await,
        fetch(&api, &b_tid, "22", &["/id-theirs"]).await,
        fetch(&api, &b_tid, "22", &[""]).await,
        fetch(&api, &gone, "22", &["theirs.example"]).await,
    ];
    for answer in &bodies {
        refusal(answer, 403);
        assert_eq!(answer.body, bodies[0].body, "unknown, not allowed, gone or there: one answer");
    }
    let stranger = fetch(&api.with_token(None), &b_tid, "22", &[NAF]).await;
    assert_eq!(stranger.problem(401)["title"], "Unauthorized");
    lab.finish().await;
}

/// The client of this program writes the header once; a list in one line is no way round either.
#[tokio::test]
async fn a_list_of_origins_in_one_line_is_one_unknown_origin() {
    let (lab, b_tid) = lab().await;
    refusal(&fetch(&lab.api(), &b_tid, "22", &[&format!("{NAF}, /id-in")]).await, 403);
    let answer: Result<client::Answer, _> = client::send(
        &crate::api::tcp(lab.service().addresses.api.unwrap()),
        client::Ask { path: "/fetchCredentials/a%2Fb", ..client::Ask::default() },
        std::time::Duration::from_secs(5),
    )
    .await;
    let (status, headers): (_, HeaderMap) = answer.map(|it| (it.status, it.headers)).unwrap();
    assert_eq!((status.as_u16(), headers.contains_key("allow")), (404, false));
    lab.finish().await;
}

#[tokio::test]
async fn a_slash_in_a_b_tid_survives_the_path() {
    let (lab, mut b_tid) = lab().await;
    for _ in 0..200 {
        if b_tid.contains('/') && b_tid.contains('+') {
            break;
        }
        lab.watch_live().await;
        b_tid = lab.api().b_tid(true).await;
    }
    assert!(b_tid.contains('/') && b_tid.contains('+'));
    assert_eq!(fetch(&lab.api(), &b_tid, "22", &[NAF]).await.ok()["Status"], json!(true));
    let path = format!("/v1/associations/{}", segment(&b_tid));
    assert_eq!(lab.api().delete(&path).await.status, 204);
    let list: Value = lab.api().get("/v1/associations").await.ok();
    assert_eq!(list["associations"], json!([]));
    lab.finish().await;
}
