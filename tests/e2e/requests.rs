//! Requests that the API cannot serve: each answer says what is wrong and where.

use crate::api::{DIGEST, NAF, question};
use crate::lab::Setup;
use crate::people::Person;
use http::{Method, StatusCode};
use ksnaf_proto::gba::GbaMode;
use serde_json::json;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn a_body_that_is_wrong_names_the_member_at_fault() {
    let lab = Setup::new(GbaMode::U).start().await;
    let api = lab.api();
    let b_tid = api.b_tid(false).await;
    let good = question(Some(&b_tid), NAF, DIGEST, "raw");
    let with = |name: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    let without = |name: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(name);
        body.to_string()
    };
    let cases = [
        ("", "naf_fqdn"),
        ("{", "EOF"),
        ("[]", "invalid"),
        ("null", "invalid type"),
        ("{\"naf_fqdn\":}", "naf_fqdn"),
        ("\u{fffd}", "expected value"),
        (&format!("{good} x"), "trailing characters"),
        (&without("b_tid"), "b_tid"),
        (&without("naf_fqdn"), "naf_fqdn"),
        (&without("ua_sec_prot_id"), "ua_sec_prot_id"),
        (&with("b_tid", json!(7)), "b_tid"),
        (&with("b_tid", json!("no B-TID")), "b_tid"),
        (&with("naf_fqdn", json!("no host name")), "naf_fqdn"),
        (&with("naf_fqdn", json!(["naf.lab.example"])), "naf_fqdn"),
        (&with("ua_sec_prot_id", json!("01000000")), "ua_sec_prot_id"),
        (&with("ua_sec_prot_id", json!("morse")), "ua_sec_prot_id"),
        (&with("form", json!("telegram")), "form"),
        (&with("form", json!(false)), "form"),
        (&with("from", json!("raw")), "from"),
        ("{\"naf_fqdn\":\"a\",\"naf_fqdn\":\"b\"}", "naf_fqdn"),
    ];
    for (body, member) in cases {
        let answer = api.send(Method::POST, "/v1/naf/credentials", &JSON, body.as_bytes()).await;
        let problem = answer.problem(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(member), "{body}: {detail}");
        assert!(!detail.contains(lab.person.imsi.as_str()));
    }
    api.send(Method::POST, "/v1/naf/credentials", &JSON, good.to_string().as_bytes()).await.ok();

    let problem = api.post("/v1/ue/credentials", &good).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("b_tid"), "the device side takes none: {problem}");
    for (body, member) in
        [("{\"force\":1}", "force"), ("{\"forse\":true}", "forse"), ("{\"force\":tru", "force")]
    {
        let problem = api.send(Method::POST, "/v1/ue/bootstrap", &JSON, body.as_bytes()).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains(member), "{body}: {problem}");
    }
    lab.finish().await;
}

#[tokio::test]
async fn an_empty_body_has_every_default() {
    let lab = Setup::new(GbaMode::U).start().await;
    let first = lab.api().send(Method::POST, "/v1/ue/bootstrap", &[], b"").await.ok();
    let second = lab.api().send(Method::POST, "/v1/ue/bootstrap", &JSON, b"{}").await.ok();
    assert_eq!(first, second);
    let raw = json!({ "naf_fqdn": NAF, "ua_sec_prot_id": "http-digest" });
    assert_eq!(lab.api().post("/v1/ue/credentials", &raw).await.ok()["form"], "raw");
    lab.finish().await;
}

#[tokio::test]
async fn other_media_methods_and_paths_are_refused_in_their_own_ways() {
    let lab = Setup::new(GbaMode::U).start().await;
    let api = lab.api();
    let posts = ["/v1/ue/bootstrap", "/v1/ue/credentials", "/v1/naf/credentials"];
    for path in posts {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            api.send(Method::POST, path, &[("content-type", kind)], b"{}").await.problem(415);
        }
        let large = vec![b' '; 64 * 1024 + 1];
        api.send(Method::POST, path, &JSON, &large).await.problem(413);
        let answer = api.get(path).await;
        answer.problem(405);
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for kind in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/problem+json"] {
        assert_eq!(
            api.send(Method::POST, posts[0], &[("content-type", kind)], b"{}").await.status,
            200,
            "{kind}"
        );
    }
    for path in ["/v1/capabilities", "/v1/associations", "/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let answer = api.post(path, &json!({})).await;
        answer.problem(405);
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{path}");
    }
    for path in ["/", "/v1", "/v2/capabilities", "/v1/capabilities/", "/v1/ue", "//v1/capabilities"] {
        let problem = api.get(path).await.problem(404);
        assert_eq!(problem.get("cause"), None, "{path} is no B-TID");
        assert_eq!(problem["detail"], format!("no such resource: {path}"));
    }
    lab.finish().await;
}

#[tokio::test]
async fn what_opens_something_may_not_be_kept_on_the_way() {
    let lab = Setup::new(GbaMode::U).start().await;
    let b_tid = lab.api().b_tid(false).await;
    for answer in [
        lab.api().device_side("raw").await,
        lab.api().network_side(&b_tid, "raw").await,
        lab.api().bootstrap(false).await,
        lab.api().network_side("AAAA@x.example", "raw").await,
    ] {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.text());
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let others: Vec<Person> = (0..4).map(|_| Person::new(GbaMode::Me)).collect();
    let setup = Setup::new(GbaMode::U).without_card();
    let lab = Setup { others: others.clone(), ..setup }.start().await;
    for person in others {
        crate::device::Device::new(person).bootstrap(lab.ub()).await.unwrap();
    }
    let (mut found, mut query, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = lab.api().get(&format!("/v1/associations?limit=2{query}")).await.ok();
        let entries = page["associations"].as_array().unwrap().clone();
        assert!(entries.len() <= 2);
        found.extend(entries.iter().map(|entry| entry["b_tid"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page.get("next").and_then(|next| next.as_str()) else { break };
        query = format!("&after={}", crate::api::segment(next));
    }
    assert_eq!(found, lab.live().await);
    assert!((2..=3).contains(&pages), "{pages}");
    for bad in ["limit=x", "limit=-1", "after=x", "page=2"] {
        lab.api().get(&format!("/v1/associations?{bad}")).await.problem(400);
    }
    assert_eq!(lab.api().get("/v1/associations?limit=0").await.status, StatusCode::OK);
    lab.finish().await;
}

#[tokio::test]
async fn a_request_that_names_no_host_or_two_is_refused_on_both_listeners() {
    let lab = Setup::new(GbaMode::U).start().await;
    let (ub, api) = (lab.ub(), lab.service().addresses.api.unwrap());
    for address in [ub, api] {
        for hosts in ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n"] {
            let mut wire = crate::wire::Wire::to(address).await;
            let answer = wire.exchange(format!("GET /healthz HTTP/1.1\r\n{hosts}\r\n")).await;
            assert_eq!(answer.status, 400, "{hosts:?}");
        }
    }
    lab.finish().await;
}
