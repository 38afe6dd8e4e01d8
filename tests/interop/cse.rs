//! The service as an AE of a real CSE (SER-005): found by label, true as things change, and references on request.

use crate::acme::{ADMIN, Acme};
use crate::lab::{Lab, NAF, set_1_card};
use crate::pcscd::{until, with_pcscd};
use crate::sim_usim::SimUsim;
use serde_json::{Value, json};

const CAPABILITY: &str = "/cse-in/ksnaf/capability";
const REQUESTS: &str = "/cse-in/ksnaf/requests-Capp";
const REFERENCES: &str = "/cse-in/ksnaf/references-Capp";

/// A lab that shows itself at `acme`, and lets `Capp` ask for references to its NAF's credentials.
fn start(lab: &mut Lab, acme: &Acme, more: &[&str]) {
    let url = format!("cse.url={}", acme.url());
    let principals = format!("naf=[{{fqdn=\"{NAF}\",principals=[\"lab\",\"m2m:Capp\"]}}]");
    let settings = [&url, &principals, "cse.readers=[\"Creader\"]", "cse.poll_interval=200ms"];
    lab.start(&[&settings[..], more].concat());
}

#[test]
fn an_application_finds_the_capability_by_label_and_a_stranger_does_not() {
    let acme = Acme::start();
    let mut lab = Lab::new();
    start(&mut lab, &acme, &[]);
    let reader = acme.register("Creader");
    until("the capability is shown", || reader.latest(CAPABILITY).is_some());
    assert!(reader.discover("svc:gba").contains(&"cse-in/ksnaf/capability".to_owned()));
    assert!(reader.discover("gba:mode=GBA_U").contains(&"cse-in/ksnaf/capability".to_owned()));
    let shown = reader.latest(CAPABILITY).expect("an instance");
    assert_eq!(shown["gba_modes"], json!(["GBA_ME", "GBA_U"]), "{shown}");
    assert_eq!(shown["enrolment_targets"][0]["naf_fqdn"], NAF);
    assert_eq!((&shown["card"]["present"], &shown["association"]), (&json!(true), &Value::Null));

    let stranger = acme.register("Cstranger");
    assert_eq!(stranger.discover("svc:gba"), [""; 0]);
    assert_eq!(stranger.get(CAPABILITY).0, 4103);
    // Who may read may not ask.
    let question = instance(&json!({ "naf_fqdn": NAF }));
    assert_eq!(reader.create(REQUESTS, 4, &question).0, 4103);
    assert_eq!(reader.get(REFERENCES).0, 4103);

    lab.stop();
    assert_eq!(reader.discover("svc:gba"), [""; 0], "a service that ends takes its registration away");
}

#[test]
fn a_bootstrap_and_a_lost_bsf_are_shown() {
    let acme = Acme::start();
    let mut lab = Lab::new();
    start(&mut lab, &acme, &[]);
    let reader = acme.register("Creader");
    let shows = |what: &dyn Fn(&Value) -> bool| reader.latest(CAPABILITY).is_some_and(|shown| what(&shown));
    until("the network is in reach", || shows(&|shown| shown["network"]["reachable"] == true));
    assert_eq!(lab.api().bootstrap().0, 200);
    until("the association is shown", || shows(&|shown| shown["association"]["gba_mode"] == "GBA_U"));

    let mut far = Lab::new();
    start(&mut far, &acme, &["cse.name=away", "cse.originator=Caway", "ue.bsf=http://127.0.0.1:9/"]);
    let far = |what: &str| {
        reader.latest("/cse-in/away/capability").is_some_and(|shown| shown["network"]["reachable"] == what)
    };
    until("the capability is shown", || reader.latest("/cse-in/away/capability").is_some());
    assert!(!far("true"));
}

#[test]
fn a_card_that_comes_and_goes_is_shown() {
    // Inside, for each pcscd has a network of its own.
    with_pcscd(|pcscd| {
        let acme = Acme::start();
        let mut lab = Lab::new();
        lab.make_card(set_1_card());
        start(&mut lab, &acme, &["card.use=pcsc"]);
        let reader = acme.register("Creader");
        let present = || reader.latest(CAPABILITY).map(|shown| shown["card"]["present"] == true);
        until("no card is shown", || present() == Some(false));
        let card = SimUsim::plug(pcscd, 0, &lab.card_file(), &[]);
        until("the card is shown", || present() == Some(true));
        card.pull();
        until("no card is shown again", || present() == Some(false));
    });
}

#[test]
fn a_request_through_the_cse_gets_a_reference_and_never_a_key() {
    let acme = Acme::start();
    let mut lab = Lab::new();
    start(&mut lab, &acme, &[]);
    let application = acme.register("Capp");
    until("requests are taken", || application.latest(CAPABILITY).is_some());
    assert_eq!(application.create(REQUESTS, 4, &instance(&json!({ "naf_fqdn": NAF }))).0, 2001);
    until("there is an answer", || application.latest(REFERENCES).is_some());
    let reference = application.latest(REFERENCES).expect("an answer");
    let b_tid = reference["kpsa_id"].as_str().expect("a B-TID");
    assert_eq!(reference["credential_id"], format!("12-{b_tid}"));
    assert_eq!((&reference["naf_fqdn"], &reference["suid"]), (&json!(NAF), &json!(22)));

    // The credential itself is where the reference says, and for who may have it there.
    let (status, credential) = lab.api().credential();
    assert_eq!((status, credential["b_tid"].as_str()), (200, Some(b_tid)));
    let key = credential["key"].as_str().expect("a key");
    let everything = acme.at(ADMIN).get("/cse-in/ksnaf?rcn=4").1.to_string()
        + &application.get(&format!("{REFERENCES}?rcn=4")).1.to_string();
    assert!(!everything.contains(key) && everything.contains(b_tid), "{everything}");

    for (wrong, why) in [
        (json!({ "naf_fqdn": "other.example" }), "not allowed"),
        (json!({ "naf_fqdn": NAF, "ua_sec_prot_id": "0100000007" }), "not allowed"),
        (json!({ "naf_fqdn": "not a name" }), "naf_fqdn"),
        (json!({ "naf": NAF }), "not a request"),
    ] {
        assert_eq!(application.create(REQUESTS, 4, &instance(&wrong)).0, 2001);
        until("the refusal stands there", || {
            let answer = application.latest(REFERENCES).unwrap_or_default();
            answer["error"].as_str().is_some_and(|error| error.contains(why))
        });
        // What is answered is taken away.
        until("the request is gone", || acme.at("Cksnaf").get(&format!("{REQUESTS}/la")).0 == 4004);
    }
}

#[test]
fn a_cse_that_forgot_the_service_gets_it_again_and_one_that_is_away_harms_nobody() {
    let mut acme = Acme::start();
    let mut lab = Lab::new();
    start(&mut lab, &acme, &[]);
    let shown = || acme.at(ADMIN).latest(CAPABILITY);
    until("the capability is shown", || shown().is_some());
    assert_eq!(acme.at(ADMIN).delete("/cse-in/ksnaf").0, 2002);
    until("the service notices", || lab.log().contains("trying again"));
    until("the capability is shown again", || shown().is_some());

    // A service that was killed finds its own registration and takes it on.
    lab.kill();
    start(&mut lab, &acme, &[]);
    assert_eq!(lab.api().bootstrap().0, 200);
    until("what is shown is fresh", || {
        shown().is_some_and(|shown| shown["association"]["gba_mode"] == "GBA_U")
    });

    let before = lab.log().matches("trying again").count();
    acme.stop();
    until("the service notices", || lab.log().matches("trying again").count() > before);
    assert_eq!(lab.api().credential().0, 200);
    let (status, _) = lab.stop();
    assert!(status.success());
}

fn instance(content: &Value) -> Value {
    json!({ "m2m:cin": { "cnf": "application/json:0", "con": content.to_string() } })
}
