//! A card that knows oneM2M: enrolment targets, MEF and allowed GBA services from its DF_1M2M.

use crate::api::{DIGEST, NAF, question};
use crate::lab::{BSF, Lab, Setup, fqdn};
use crate::people::Person;
use crate::program::Place;
use ksnaf::config::{NafConfig, Role, Target, UaProtocols};
use ksnaf_proto::gba::GbaMode;
use ksnaf_sim_usim::{Application, M2mPersonalisation, SimCard};
use serde_json::{Value, json};

/// TLS_PSK_WITH_AES_128_CBC_SHA256 in TLS 1.2, which TS-0003 demands.
const CBC: &str = "01000100ae";

/// A subscription with a MAF, two CSEs of the infrastructure, of which one has no NAF name, and one of its own.
fn subscription(services: &[u8]) -> M2mPersonalisation {
    M2mPersonalisation {
        services: services.to_vec(),
        cse_id: Some("/mn7".to_owned()),
        in_cse_ids: vec!["/id-in".to_owned(), "/id.in".to_owned()],
        maf_fqdn: Some("maf.sp.example".to_owned()),
        mefs: vec![BSF.to_owned()],
        node_id: Some("node-of-the-subscriber".to_owned()),
        ..M2mPersonalisation::new(Application::Isim, "subscriber-4711", "//sp.example")
    }
}

fn naf(name: &str, target: Target) -> NafConfig {
    let enrolment_target = target;
    NafConfig { ua_protocols: UaProtocols::Any, enrolment_target, ..NafConfig::for_lab(fqdn(name)) }
}

async fn lab(subscriptions: Vec<M2mPersonalisation>, nafs: Vec<NafConfig>) -> Lab {
    let setup = Setup::new(GbaMode::U).card(|card| card.onem2m = subscriptions);
    setup.config(|config| config.naf.extend(nafs)).start().await
}

fn ask(form: &str) -> Value {
    json!({ "ua_sec_prot_id": CBC, "form": form })
}

/// Targets as the capabilities tell them.
async fn targets(lab: &Lab) -> Value {
    lab.api().get("/v1/capabilities").await.ok()["card"]["enrolment_targets"].clone()
}

#[tokio::test]
async fn capabilities_tell_what_the_card_names_and_nothing_of_the_subscriber() {
    let lab = lab(vec![subscription(&[1, 2, 3, 5, 6, 8])], Vec::new()).await;
    let answer = lab.api().get("/v1/capabilities").await;
    let capabilities = answer.ok();
    assert_eq!(
        capabilities["card"]["enrolment_targets"],
        json!([
            { "naf_fqdn": "maf.sp.example", "role": "maf", "gba": false },
            { "naf_fqdn": "id-in.sp.example", "role": "in-cse", "gba": true },
            { "naf_fqdn": "mn7.id-in.sp.example", "role": "local-cse", "gba": true },
        ])
    );
    assert_eq!(capabilities["card"]["mef"], BSF);
    assert!(!answer.text().contains("4711") && !answer.text().contains("node-of"), "{}", answer.text());
    lab.finish().await;
}

#[tokio::test]
async fn a_card_without_subscriptions_names_nothing() {
    let lab = Setup::new(GbaMode::U).start().await;
    assert_eq!(targets(&lab).await, Value::Null);
    let problem = lab.api().post("/v1/ue/credentials", &ask("onem2m")).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("names no enrolment target"), "{problem}");
    lab.finish().await;
}

#[tokio::test]
async fn form_onem2m_without_a_naf_is_for_the_target_on_the_card() {
    let nafs = vec![naf("maf.sp.example", Target::Maf), naf("id-in.sp.example", Target::Cse)];
    let lab = lab(vec![subscription(&[1, 2, 3, 7])], nafs).await;
    let device = lab.api().post("/v1/ue/credentials", &ask("onem2m")).await.ok();
    assert_eq!(
        (&device["enrolment_target"], &device["naf_fqdn"]),
        (&json!("maf.sp.example"), &json!("maf.sp.example"))
    );
    assert_eq!((&device["suid"], &device["km_id"]), (&json!(21), &device["b_tid"]));
    let network = question(device["b_tid"].as_str(), "maf.sp.example", CBC, "onem2m");
    assert_eq!(lab.api().post("/v1/naf/credentials", &network).await.ok(), device);
    for form in ["raw", "tls-psk", "http-digest"] {
        let problem = lab.api().post("/v1/ue/credentials", &ask(form)).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains("naf_fqdn"), "{form}: {problem}");
    }
    lab.finish().await;
}

#[tokio::test]
async fn the_first_target_is_taken_that_the_caller_may_ask_for() {
    let nafs = vec![naf("id-in.sp.example", Target::Cse)];
    let lab_of_cse = lab(vec![subscription(&[1, 2, 3, 7])], nafs).await;
    let device = lab_of_cse.api().post("/v1/ue/credentials", &ask("onem2m")).await.ok();
    assert_eq!((&device["enrolment_target"], &device["suid"]), (&json!("id-in.sp.example"), &json!(22)));
    assert_eq!(device["kpsa_id"], device["b_tid"]);
    let network = question(device["b_tid"].as_str(), "id-in.sp.example", CBC, "onem2m");
    assert_eq!(lab_of_cse.api().post("/v1/naf/credentials", &network).await.ok(), device);
    lab_of_cse.finish().await;

    let of_none = lab(vec![subscription(&[1, 2, 3, 7])], Vec::new()).await;
    of_none.api().post("/v1/ue/credentials", &ask("onem2m")).await.problem(403);
    assert_eq!(of_none.live().await, [""; 0], "refused before a bootstrap");
    of_none.finish().await;
}

#[tokio::test]
async fn a_service_table_without_gba_keeps_the_targets_of_the_card_from_gba() {
    let nafs = vec![naf("maf.sp.example", Target::Maf), naf("id-in.sp.example", Target::Cse)];
    let lab = lab(vec![subscription(&[1, 2, 3, 5])], nafs).await;
    assert!(targets(&lab).await.as_array().unwrap().iter().all(|target| target["gba"] == false));
    assert_eq!(lab.api().get("/v1/capabilities").await.ok()["card"].get("mef"), None, "none for GBA");
    lab.api().post("/v1/ue/credentials", &ask("onem2m")).await.problem(400);
    for form in ["onem2m", "raw"] {
        let asked = question(None, "id-in.sp.example", CBC, form);
        let answer = lab.api().post("/v1/ue/credentials", &asked).await;
        let detail = answer.refused(403, "GBA_SERVICE_NOT_AVAILABLE");
        assert!(detail.contains("id-in.sp.example") && detail.contains("EF_1M2MST"), "{detail}");
    }
    assert_eq!(lab.live().await, [""; 0], "refused before a bootstrap");
    lab.api().post("/v1/ue/credentials", &question(None, NAF, DIGEST, "onem2m")).await.ok();
    lab.finish().await;
}

#[tokio::test]
async fn gba_connection_serves_cses_and_no_maf_by_either_of_its_numbers() {
    let nafs = || vec![naf("maf.sp.example", Target::Maf), naf("id-in.sp.example", Target::Cse)];
    for number in [8, 12] {
        let lab = lab(vec![subscription(&[2, 3, number])], nafs()).await;
        let device = lab.api().post("/v1/ue/credentials", &ask("onem2m")).await.ok();
        assert_eq!(device["enrolment_target"], "id-in.sp.example", "service {number}");
        let maf = question(None, "maf.sp.example", CBC, "onem2m");
        lab.api().post("/v1/ue/credentials", &maf).await.refused(403, "GBA_SERVICE_NOT_AVAILABLE");
        lab.finish().await;
    }
}

#[tokio::test]
async fn gba_services_of_another_application_do_not_count() {
    let other = M2mPersonalisation { host: Application::Usim, ..subscription(&[2, 7]) };
    let own = M2mPersonalisation { in_cse_ids: vec!["/in2".to_owned()], ..subscription(&[2, 7]) };
    let nafs = vec![naf("id-in.sp.example", Target::Cse), naf("in2.sp.example", Target::Cse)];
    let lab = lab(vec![other, own], nafs).await;
    assert_eq!(
        targets(&lab).await,
        json!([
            { "naf_fqdn": "id-in.sp.example", "role": "in-cse", "gba": false },
            { "naf_fqdn": "in2.sp.example", "role": "in-cse", "gba": true },
        ])
    );
    let device = lab.api().post("/v1/ue/credentials", &ask("onem2m")).await.ok();
    assert_eq!(device["enrolment_target"], "in2.sp.example");
    lab.finish().await;
}

#[tokio::test]
async fn a_card_that_is_gone_names_nothing() {
    let lab = lab(vec![subscription(&[2, 7])], Vec::new()).await;
    assert_eq!(targets(&lab).await.as_array().unwrap().len(), 1);
    lab.reader().take();
    let gone = lab.api().get("/v1/capabilities").await.ok();
    assert_eq!((&gone["card"]["present"], &gone["card"]["enrolment_targets"]), (&json!(false), &Value::Null));
    lab.finish().await;
}

#[tokio::test]
async fn the_mef_on_the_card_is_the_bsf_of_a_device_that_is_told_none() {
    let by_address =
        |mef: &str| M2mPersonalisation { mefs: vec![mef.to_owned()], ..subscription(&[2, 5, 7]) };
    let device_only = |mef: &str| {
        let setup = Setup::new(GbaMode::U).card(|card| card.onem2m = vec![by_address(mef)]);
        setup.config(|config| config.service.roles = vec![Role::Api])
    };
    // Nothing listens there: the error says where the device went.
    let lab = device_only("127.83.7.1").start().await;
    let detail = lab.api().bootstrap(false).await.refused(503, "BSF_UNREACHABLE");
    assert!(detail.contains("127.83.7.1"), "{detail}");
    lab.finish().await;

    // The records after the first are for when it does not answer.
    let lab = device_only("127.83.7.1").card(|card| card.onem2m[0].mefs.push("127.83.7.3".to_owned()));
    let lab = lab.start().await;
    let detail = lab.api().bootstrap(false).await.refused(503, "BSF_UNREACHABLE");
    assert!(detail.contains("127.83.7.3"), "{detail}");
    lab.finish().await;

    let lab = device_only("mef.invalid").start().await;
    let capabilities = lab.api().get("/v1/capabilities").await.ok();
    assert_eq!(
        (&capabilities["bsf"], &capabilities["card"]["mef"]),
        (&json!("mef.invalid"), &json!("mef.invalid"))
    );
    let detail = lab.api().bootstrap(false).await.refused(503, "BSF_UNREACHABLE");
    assert!(detail.contains("mef.invalid"), "{detail}");
    lab.finish().await;

    let configured =
        device_only("127.83.7.1").config(|config| config.ue.bsf = Some("http://127.83.7.2/".to_owned()));
    let lab = configured.start().await;
    let detail = lab.api().bootstrap(false).await.refused(503, "BSF_UNREACHABLE");
    assert!(detail.contains("127.83.7.2"), "{detail}");
    lab.finish().await;
}

fn place() -> (Person, Place) {
    let person = Person::new(GbaMode::U);
    let place = Place::empty();
    ksnaf::data_dir::create(&place.data_dir()).unwrap();
    let mut card = person.personalisation();
    card.onem2m =
        vec![M2mPersonalisation { ae_ids: vec!["Cgba".to_owned()], ..subscription(&[1, 2, 3, 4, 5, 6, 7]) }];
    drop(SimCard::create(&place.card_file(), card).unwrap());
    person.watch(&mut place.watch());
    (person, place)
}

#[test]
fn card_info_and_card_files_show_what_is_on_the_card() {
    let (_, place) = place();
    let info = place.run(&["card", "info", "--card", "sim", "--json"]).json();
    let subscription = &info["onem2m"][0];
    assert_eq!((&subscription["provider"], &subscription["host"]), (&json!("//sp.example"), &json!("ISIM")));
    assert_eq!(subscription["mef"], BSF);
    assert_eq!(subscription["subscription"], "sub**********11");
    let targets = subscription["enrolment_targets"].as_array().unwrap();
    let names: Vec<_> = targets.iter().map(|target| target["naf_fqdn"].as_str().unwrap_or("-")).collect();
    assert_eq!(names, ["maf.sp.example", "id-in.sp.example", "-", "mn7.id-in.sp.example"]);
    assert!(targets[2]["problem"].as_str().unwrap().contains("dot"), "{}", targets[2]);
    let shown = place.run(&["card", "info", "--card", "sim"]);
    for told in ["//sp.example in ISIM", "1 2 3 4 5 6 7", BSF, "mn7.id-in.sp.example"] {
        assert!(shown.ok().contains(told), "{told}: {}", shown.stdout);
    }
    let files = place.run(&["card", "files", "--card", "sim", "--json"]).json();
    let content = |name: &str| {
        let rows = files["files"].as_array().unwrap().iter().filter(|row| row["file"] == name);
        rows.map(|row| row["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (file, expected) in [
        ("DF_1M2M", &["oneM2M"][..]),
        ("EF_1M2MST", &["1 2 3 4 5 6 7"]),
        ("EF_1M2MSID", &["sub**********11"]),
        ("EF_1M2MSPID", &["//sp.example"]),
        ("EF_M2MNID", &["nod*****************er"]),
        ("EF_CSEID", &["/mn7"]),
        ("EF_M2MAEID", &["Cgba"]),
        ("EF_MEFID", &[BSF]),
        ("EF_INCSEIDS", &["/id-in", "/id.in"]),
        ("EF_MAFFQDN", &["maf.sp.example"]),
    ] {
        assert_eq!(content(file), expected, "{file}");
    }
    let whole = place.run(&["card", "files", "--card", "sim", "--json", "--danger-show-keys"]).json();
    assert!(whole.to_string().contains("subscriber-4711"));
    place.finish();
}

#[tokio::test]
async fn the_credential_command_needs_no_naf_where_the_card_names_one() {
    let (person, place) = place();
    let config = "[[naf]]\nfqdn = \"maf.sp.example\"\nua_protocols = [\"*\"]\nprincipals = [\"lab\"]\nenrolment_target = \"maf\"\n";
    let file = place.file("ksnaf.toml", config);
    let lab = place.lab(&["--config", file.to_str().unwrap()]);
    let ask = ["credential", "--form", "onem2m", "--ua-protocol", CBC, "--json"];
    for further in [&[][..], &["--card", "sim"]] {
        let credential = place.run(&[&ask[..], further].concat()).json();
        place.saw(&person, credential["b_tid"].as_str().unwrap());
        assert_eq!(
            (&credential["enrolment_target"], &credential["suid"]),
            (&json!("maf.sp.example"), &json!(21))
        );
    }
    place.run(&["credential", "--form", "raw"]).failed(2, &["--naf FQDN"]);
    place.run(&["credential", "--form", "onem2m", "--b-tid", "AAAA@bsf.example"]).failed(2, &["--naf FQDN"]);
    lab.stop();
    place.finish();
}
