//! `/openapi.json` against the service: the same routes, the same methods, and every described answer seen and valid.

use crate::api::{Answer, Api, DIGEST, NAF, question, segment};
use crate::lab::{Lab, Setup, folder};
use crate::people::{Person, random};
use crate::push::pushed;
use crate::python;
use http::Method;
use ksnaf::api::{Api as Served, ApiState};
use ksnaf::config::{Config, NafPolicy, Role};
use ksnaf::http::client::Target;
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::secret::Secret;
use ksnaf_sim_usim::{Application, M2mPersonalisation};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const CSV: [(&str, &str); 1] = [("content-type", "text/csv")];
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Methods by path, in capitals.
fn described(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().unwrap().iter();
    let methods = |item: &Value| {
        let names = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
        names.map(|name| name.to_uppercase()).collect()
    };
    paths.map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// The same, as the source of the router says it.
fn routed() -> BTreeMap<String, BTreeSet<String>> {
    let source = include_str!("../../src/api/mod.rs");
    let lines = source.lines().filter_map(|line| line.trim().strip_prefix(".route(\""));
    lines
        .map(|line| {
            let (path, rest) = line.split_once('"').unwrap();
            let names = ["get", "post", "put", "delete", "patch"];
            let methods = names.iter().filter(|name| rest.contains(&format!("{name}(")));
            let path = path.replace("{ke_id}", "{KeID}").replace("{suid}", "{SUID}");
            (path, methods.map(|name| name.to_uppercase()).collect())
        })
        .collect()
}

#[tokio::test]
async fn the_described_routes_are_the_routers_and_answer_to_the_described_methods_only() {
    let lab = Setup::new(GbaMode::U).start().await;
    let described = described(&lab.api().get("/openapi.json").await.ok());
    assert_eq!(described, routed());
    for (path, methods) in described {
        let path = path.replace(['{', '}'], "");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = lab.api().send(method.clone(), &path, &[], b"").await;
            let allowed = methods.contains(method.as_str());
            assert_eq!(answer.status.as_u16() != 405, allowed, "{method} {path}: {}", answer.status);
            if !allowed {
                let told: BTreeSet<String> =
                    answer.header("allow").unwrap().split(',').map(str::to_owned).collect();
                let expected =
                    methods.iter().cloned().chain(methods.contains("GET").then(|| "HEAD".to_owned()));
                assert_eq!(told, expected.collect(), "{path}");
            }
        }
    }
    lab.finish().await;
}

/// Answers on their way to the check.
#[derive(Default)]
struct Seen(Vec<Value>);

impl Seen {
    fn note(&mut self, method: &str, path: &str, answer: &Answer) {
        self.0.push(json!({
            "method": method,
            "path": path,
            "status": answer.status.as_u16(),
            "content_type": answer.header("content-type").unwrap_or_default(),
            "body": answer.text(),
        }));
    }

    async fn get(&mut self, api: &Api, path: &str, query: &str) {
        self.note("GET", path, &api.get(&format!("{path}{query}")).await);
    }

    async fn post(&mut self, api: &Api, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        self.note("POST", path, &api.send(Method::POST, path, headers, body).await);
    }

    async fn at(&mut self, api: &Api, method: Method, path: &str, value: &str) {
        let (before, _) = path.split_once('{').unwrap();
        let target = format!("{before}{}", segment(value));
        self.note(method.as_str(), path, &api.send(method.clone(), &target, &[], b"").await);
    }

    async fn put(&mut self, api: &Api, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let path = format!("/v1/provisioned/{target}/{}", segment("13-key@sp.example"));
        let answer = api.send(Method::PUT, &path, headers, body).await;
        self.note("PUT", "/v1/provisioned/{target}/{credential_id}", &answer);
    }

    async fn withdraw(&mut self, api: &Api, target: &str, id: &str) {
        let answer = api.delete(&format!("/v1/provisioned/{target}/{}", segment(id))).await;
        self.note("DELETE", "/v1/provisioned/{target}/{credential_id}", &answer);
    }

    async fn fetch(&mut self, api: &Api, b_tid: &str, suid: &str, origin: &str) {
        let target = format!("/fetchCredentials/{}/{suid}", segment(b_tid));
        let answer = api.send(Method::GET, &target, &[("x-m2m-origin", origin)], b"").await;
        self.note("GET", "/fetchCredentials/{KeID}/{SUID}", &answer);
    }
}

/// Everything that a device and network side in one process answers.
async fn with_both_sides(seen: &mut Seen, lab: &Lab) {
    let api = lab.api();
    let b_tid = api.b_tid(false).await;
    for form in ["raw", "tls-psk", "http-digest", "onem2m"] {
        let device = question(None, "inside.example", DIGEST, form).to_string();
        seen.post(&api, "/v1/ue/credentials", &JSON, device.as_bytes()).await;
        let network = question(Some(&b_tid), "inside.example", DIGEST, form).to_string();
        seen.post(&api, "/v1/naf/credentials", &JSON, network.as_bytes()).await;
    }
    let to_target = json!({ "ua_sec_prot_id": DIGEST, "form": "onem2m" }).to_string();
    seen.post(&api, "/v1/ue/credentials", &JSON, to_target.as_bytes()).await;
    let gone = question(Some("AAAA@bsf.example"), NAF, DIGEST, "raw").to_string();
    seen.post(&api, "/v1/naf/credentials", &JSON, gone.as_bytes()).await;
    let others = question(Some(&b_tid), "not-theirs.example", DIGEST, "raw");
    seen.post(&api, "/v1/naf/credentials", &JSON, others.to_string().as_bytes()).await;
    let others = question(None, "not-theirs.example", DIGEST, "raw");
    seen.post(&api, "/v1/ue/credentials", &JSON, others.to_string().as_bytes()).await;
    for (path, good) in [
        ("/v1/ue/bootstrap", json!({ "force": false })),
        ("/v1/ue/credentials", question(None, NAF, DIGEST, "raw")),
        ("/v1/naf/credentials", question(Some(&b_tid), NAF, DIGEST, "raw")),
        ("/v1/ue/push", json!({ "gpi": "00" })),
    ] {
        seen.post(&api, path, &JSON, good.to_string().as_bytes()).await;
        seen.post(&api, path, &JSON, b"{\"x\":1}").await;
        seen.post(&api, path, &JSON, &vec![b' '; 70_000]).await;
        seen.post(&api, path, &[("content-type", "text/plain")], b"x").await;
        seen.post(&api.with_token(None), path, &JSON, b"{}").await;
    }
    lab.reader().misbehave(|faults| faults.wrong_mac = true);
    seen.post(&api, "/v1/ue/bootstrap", &JSON, b"{\"force\":true}").await;
    lab.reader().misbehave(|faults| faults.wrong_mac = false);

    seen.fetch(&api, &b_tid, "22", NAF).await;
    seen.fetch(&api, &b_tid, "12", NAF).await;
    seen.fetch(&api, &b_tid, "22", "unheard-of.example").await;
    seen.fetch(&api, "AAAA@bsf.example", "22", NAF).await;
    seen.fetch(&api.with_token(None), &b_tid, "22", NAF).await;

    for path in ["/v1/capabilities", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/associations"] {
        seen.get(&api, path, "").await;
    }
    seen.get(&api, "/v1/associations", "?limit=x").await;
    for path in ["/v1/capabilities", "/v1/associations", "/v1/subscribers"] {
        seen.get(&api.with_token(None), path, "").await;
    }
    for (caller, value) in [(&api, "no B-TID"), (&api, "AAAA@bsf.example"), (&api, &*b_tid)] {
        seen.at(caller, Method::DELETE, "/v1/associations/{b_tid}", value).await;
    }
    seen.at(&api.with_token(None), Method::DELETE, "/v1/associations/{b_tid}", "x").await;
}

/// What a service provider deposits, and what it is told of that.
async fn deposits(seen: &mut Seen, lab: &Lab) {
    let (api, stranger) = (lab.api(), lab.api().with_token(None));
    let pseudonym = "0".repeat(32);
    let key: [u8; 32] = random();
    lab.secret("a deposited key", key);
    let key = ksnaf_proto::hex::encode(&key);
    let good = json!({ "enrolee_id": pseudonym, "suid": 23, "key": key, "lifetime": "1h" }).to_string();
    seen.put(&api, NAF, &JSON, good.as_bytes()).await;
    seen.at(&api, Method::GET, "/v1/provisioned/{target}", NAF).await;
    seen.put(&api, NAF, &JSON, b"{}").await;
    seen.put(&api, NAF, &JSON, &vec![b' '; 70_000]).await;
    seen.put(&api, NAF, &[("content-type", "text/plain")], b"x").await;
    seen.put(&api, "unheard-of.example", &JSON, good.as_bytes()).await;
    seen.put(&stranger, NAF, &JSON, good.as_bytes()).await;
    for (caller, target) in [(&api, "unheard-of.example"), (&stranger, NAF)] {
        seen.at(caller, Method::GET, "/v1/provisioned/{target}", target).await;
        seen.withdraw(caller, target, "13-key@sp.example").await;
    }
    for id in ["no type", "13-key@sp.example", "13-key@sp.example"] {
        seen.withdraw(&api, NAF, id).await;
    }
}

/// The built-in AuC's part, which only the Unix socket gives.
async fn subscribers(seen: &mut Seen, lab: &Lab) {
    let owner =
        lab.api().with_token(None).by(Target::Unix(lab.service().addresses.api_unix.clone().unwrap()));
    let person = Person::new(GbaMode::U);
    let file =
        format!("imsi,k,opc,uicc,msisdn,impu,key_lifetime\n{},4912345,sip:a@b;tel:+1,8h\n", person.csv());
    for body in [file.as_bytes(), file.as_bytes(), b"imsi,k\n1,2\n"] {
        seen.post(&owner, "/v1/subscribers", &CSV, body).await;
    }
    let tuak = json!({
        "imsi": "001019999999999", "algorithm": "tuak", "k": "00".repeat(32), "topc": "11".repeat(32),
    });
    let lines = [("content-type", "application/jsonl")];
    seen.post(&owner, "/v1/subscribers", &lines, tuak.to_string().as_bytes()).await;
    seen.post(&owner, "/v1/subscribers", &[("content-type", "text/html")], b"x").await;
    seen.post(&lab.api(), "/v1/subscribers", &CSV, b"x").await;
    seen.post(&lab.api().with_token(None), "/v1/subscribers", &CSV, b"x").await;
    for query in ["", "?danger_show=true", "?after=x"] {
        seen.get(&owner, "/v1/subscribers", query).await;
    }
    seen.get(&lab.api(), "/v1/subscribers", "").await;
    let path = "/v1/subscribers/{imsi}";
    for method in [Method::GET, Method::DELETE] {
        for value in [person.imsi.as_str(), "001018888888888", "x"] {
            seen.at(&owner, method.clone(), path, value).await;
        }
        seen.at(&lab.api(), method.clone(), path, "x").await;
        seen.at(&lab.api().with_token(None), method, path, "x").await;
    }
}

/// What a device says to a push, where a layout is configured.
async fn pushes(seen: &mut Seen, lab: &Lab) {
    let api = lab.api();
    let mut take = async |gpi: String| {
        let body = json!({ "gpi": gpi }).to_string();
        seen.post(&api, "/v1/ue/push", &JSON, body.as_bytes()).await;
    };
    take(pushed(lab, NAF).await).await;
    lab.reader().misbehave(|faults| faults.force_resync = 1);
    take(pushed(lab, NAF).await).await;
    lab.reader().misbehave(|faults| faults.wrong_mac = true);
    take(pushed(lab, NAF).await).await;
    lab.reader().misbehave(|faults| faults.wrong_mac = false);
    take(pushed(lab, "theirs.example").await).await;
}

/// What a process says that has no network side, no card, or is not ready.
async fn without_anything(seen: &mut Seen, lab: &Lab) {
    let api = lab.api();
    let owner = api.with_token(None).by(Target::Unix(lab.service().addresses.api_unix.clone().unwrap()));
    seen.get(&api, "/v1/capabilities", "").await;
    seen.post(&api, "/v1/ue/bootstrap", &JSON, b"").await;
    let ask = question(None, NAF, DIGEST, "raw").to_string();
    seen.post(&api, "/v1/ue/credentials", &JSON, ask.as_bytes()).await;
    let ask = question(Some("AAAA@bsf.example"), NAF, DIGEST, "raw").to_string();
    seen.post(&api, "/v1/naf/credentials", &JSON, ask.as_bytes()).await;
    seen.post(&api, "/v1/ue/push", &JSON, b"{\"gpi\":\"00\"}").await;
    seen.fetch(&api, "AAAA@bsf.example", "22", NAF).await;
    seen.get(&api, "/v1/associations", "").await;
    seen.at(&api, Method::DELETE, "/v1/associations/{b_tid}", "AAAA@bsf.example").await;
    let deposit =
        json!({ "enrolee_id": "0".repeat(32), "suid": 23, "key": "00".repeat(32), "lifetime": "1h" });
    seen.put(&owner, NAF, &JSON, deposit.to_string().as_bytes()).await;
    seen.at(&owner, Method::GET, "/v1/provisioned/{target}", NAF).await;
    seen.withdraw(&owner, NAF, "13-key@sp.example").await;
    seen.get(&owner, "/v1/subscribers", "").await;
    let line = Person::new(GbaMode::U).csv();
    seen.post(&owner, "/v1/subscribers", &CSV, format!("imsi,k,opc,uicc\n{line}\n").as_bytes()).await;
    seen.at(&owner, Method::GET, "/v1/subscribers/{imsi}", "001018888888888").await;
    seen.at(&owner, Method::DELETE, "/v1/subscribers/{imsi}", "001018888888888").await;

    let config = Config::default();
    let starting = Served::new(Arc::new(ApiState {
        store: None,
        device: None,
        policy: NafPolicy::default(),
        enrolment: Arc::default(),
        provisioned: None,
        tokens: ksnaf::api::caller::Tokens::default(),
        own_uid: 0,
        config: config.api,
        bsf: config.bsf.fqdn,
        pseudonym_key: Secret::new(random()),
        metrics: Arc::default(),
        ready: Arc::new(AtomicBool::new(false)),
    }));
    let request = http::Request::get("/readyz").body(axum::body::Body::empty()).unwrap();
    let answer = starting.answer(request, Arc::default()).await;
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 1000).await.unwrap().to_vec();
    seen.note("GET", "/readyz", &Answer { status: parts.status, headers: parts.headers, body });
}

/// Half a gibibyte would have to be sent.
const NOT_TRIED: &str = "POST /v1/subscribers 413: described and never seen";

#[tokio::test]
async fn every_described_answer_is_seen_and_every_answer_is_as_described() {
    let mut seen = Seen::default();
    let mut person = Person::new(GbaMode::U);
    person.consent = true;
    let mut enrolee = crate::ua_lab::enrolee(&Setup::of(person.clone()), &["Cdevice1", "/mn7"]);
    enrolee.consent = true;
    let setup = Setup::of(person).config(|config| {
        config.enrolee.push(enrolee);
        let mut inside = config.naf[0].clone();
        inside.fqdn = crate::lab::fqdn("inside.example");
        inside.ks_int = true;
        inside.private_identity = true;
        config.naf.push(inside);
        config.api.identity_readers = vec!["lab".to_owned()];
    });
    let setup = setup.card(|card| {
        let subscription = M2mPersonalisation::new(Application::Isim, "subscription", "//sp.example");
        card.onem2m.push(M2mPersonalisation {
            services: vec![2, 3, 5, 7],
            maf_fqdn: Some("inside.example".to_owned()),
            in_cse_ids: vec!["/id-in".to_owned()],
            mefs: vec!["192.0.2.1".to_owned()],
            ..subscription
        });
    });
    let lab = setup.start().await;
    with_both_sides(&mut seen, &lab).await;
    deposits(&mut seen, &lab).await;
    subscribers(&mut seen, &lab).await;
    let description = lab.api().get("/openapi.json").await.text();
    let ask = question(None, NAF, DIGEST, "raw").to_string();
    lab.reader().take();
    seen.post(&lab.api(), "/v1/ue/credentials", &JSON, ask.as_bytes()).await;
    lab.finish().await;

    let lab = Setup::new(GbaMode::U).start().await;
    lab.reader().misbehave(|faults| faults.wrong_mac = true);
    seen.post(&lab.api(), "/v1/ue/credentials", &JSON, ask.as_bytes()).await;
    lab.finish().await;

    let lab = crate::push::setup(GbaMode::Me).start().await;
    pushes(&mut seen, &lab).await;
    lab.finish().await;

    let lab = Setup::new(GbaMode::U).without_card().config(|config| config.service.roles = vec![Role::Api]);
    let lab = lab.start().await;
    without_anything(&mut seen, &lab).await;
    lab.finish().await;

    // Admins may list, so a caller who is none has to be refused somewhere.
    let lab = Setup::new(GbaMode::U).config(|config| config.api.admins.clear()).start().await;
    seen.get(&lab.api(), "/v1/associations", "").await;
    seen.at(&lab.api(), Method::DELETE, "/v1/associations/{b_tid}", "x").await;
    lab.finish().await;

    let folder = folder();
    let (document, answers) = (folder.path().join("openapi.json"), folder.path().join("answers.json"));
    std::fs::write(&document, description).unwrap();
    std::fs::write(&answers, Value::Array(seen.0).to_string()).unwrap();
    let checked = python::run("check_answers.py", &[&document, &answers], &[]);
    assert_eq!(checked.stderr, "");
    assert_eq!(checked.stdout.trim(), NOT_TRIED);
}
