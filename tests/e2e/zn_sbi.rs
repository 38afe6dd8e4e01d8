//! Nbsp_GBA: the network side's fetch as NAFs of the service-based architecture make it (TS 29.309).

use crate::api::{Answer, Api, DIGEST, NAF, tcp};
use crate::lab::{Lab, Setup};
use http::Method;
use ksnaf_proto::gba::GbaMode;
use serde_json::{Value, json};
use std::sync::Arc;

const PATH: &str = "/nbsp-gba/v1/bootstrapping-info-retrieval";

fn zn(lab: &Lab) -> Api {
    let address = lab.service().addresses.zn_sbi.expect("Nbsp_GBA is served");
    Api::new(tcp(address), Some(lab.token.clone()), Arc::clone(&lab.watch))
}

fn query(b_tid: &str, naf: &str) -> Value {
    json!({ "btId": b_tid, "nafId": { "nafFqdn": naf, "uaSecProtId": DIGEST } })
}

async fn ask(zn: &Api, body: &Value) -> Answer {
    let body = body.to_string();
    zn.send(Method::POST, PATH, &[("content-type", "application/json")], body.as_bytes()).await
}

#[tokio::test]
async fn a_naf_gets_the_key_that_the_device_has() {
    let lab = Setup::new(GbaMode::U).start().await;
    let device = lab.api().device_side("raw").await.ok();
    let answer = ask(&zn(&lab), &query(device["b_tid"].as_str().unwrap(), NAF)).await.ok();
    assert_eq!(
        answer["meKeyMaterial"].as_str().map(str::to_ascii_lowercase).as_deref(),
        device["key"].as_str()
    );
    assert_eq!(answer["keyExpiryTime"], device["expires_at"]);
    assert_eq!((answer.get("uiccKeyMaterial"), answer.get("impi")), (None, None), "no policy grants them");
    lab.finish().await;
}

#[tokio::test]
async fn a_naf_gets_the_cards_key_where_it_is_aware_and_may_have_it() {
    let lab = Setup::new(GbaMode::U).config(|config| config.naf[0].ks_int = true).start().await;
    let b_tid = lab.api().b_tid(false).await;
    let mut question = query(&b_tid, NAF);
    assert_eq!(ask(&zn(&lab), &question).await.ok().get("uiccKeyMaterial"), None, "unaware");
    question["gbaUAware"] = json!(true);
    let int = ask(&zn(&lab), &question).await.ok()["uiccKeyMaterial"].clone();
    let network = lab.api().network_side(&b_tid, "raw").await.ok();
    assert_eq!(int.as_str().map(str::to_ascii_lowercase).as_deref(), network["key_int"].as_str());
    lab.finish().await;
}

#[tokio::test]
async fn another_nafs_key_an_unknown_b_tid_and_a_stranger_get_nothing() {
    let lab = Setup::new(GbaMode::U).start().await;
    let b_tid = lab.api().b_tid(false).await;
    let zn = zn(&lab);
    let foreign = ask(&zn, &query(&b_tid, "other.example")).await;
    let unknown = ask(&zn, &query("AAAA@bsf.example", "other.example")).await;
    assert_eq!((foreign.status.as_u16(), &foreign.body), (403, &unknown.body), "what exists is not told");
    let unknown = ask(&zn, &query("AAAA@bsf.example", NAF)).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["cause"]), (404, &json!("CONTEXT_NOT_FOUND")));
    assert_eq!(ask(&zn.with_token(None), &query(&b_tid, NAF)).await.status.as_u16(), 401);
    lab.finish().await;
}

#[tokio::test]
async fn a_request_of_another_shape_is_refused_with_its_reason() {
    let lab = Setup::new(GbaMode::U).start().await;
    let zn = zn(&lab);
    let missing = ask(&zn, &json!({ "btId": "AAAA@bsf.example" })).await;
    assert_eq!((missing.status.as_u16(), &missing.json()["cause"]), (400, &json!("MANDATORY_IE_MISSING")));
    let send = async |method, path, kind| zn.send(method, path, &[("content-type", kind)], b"{}").await;
    assert_eq!(send(Method::POST, PATH, "text/plain").await.status.as_u16(), 415);
    let method = send(Method::PUT, PATH, "application/json").await;
    assert_eq!((method.status.as_u16(), method.header("allow")), (405, Some("POST")));
    assert_eq!(send(Method::POST, "/nbsp-gba/v2", "application/json").await.status.as_u16(), 404);
    lab.finish().await;
}
