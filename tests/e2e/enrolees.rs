//! Which subscriber may enrol with which target, and what the target hears of it: the same on every face.

use crate::api::{Answer, Api, DIGEST, NAF, question, segment};
use crate::lab::{BSF, Lab, Setup, fqdn};
use crate::naf::{Naf, query};
use crate::people::{Person, random};
use crate::ua_client::{psk, request};
use crate::ua_lab::{Behind, enrolee};
use http::Method;
use ksnaf::config::{EnroleeConfig, NafConfig};
use ksnaf_proto::aka::Rand;
use ksnaf_proto::gba::{Association, BTid, GbaMode, GbaType, Ks};
use ksnaf_proto::identity::Impi;
use ksnaf_proto::onem2m::rules::Pattern;
use ksnaf_proto::zn::ZnError;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const UNKNOWN: &str = "AAAA@bsf.example";

fn listed(impi: &Impi, origins: &[&str], targets: Option<&[&str]>) -> EnroleeConfig {
    EnroleeConfig {
        impi: impi.clone(),
        origins: origins.iter().map(|origin| Pattern::parse(origin).unwrap()).collect(),
        targets: targets.map(|targets| targets.iter().map(|target| fqdn(target)).collect()),
        consent: false,
    }
}

/// The lab's NAF, which may ask by its own name over Diameter, and one that the lab's caller may not ask for.
fn setup(person: Person) -> Setup {
    Setup::of(person).config(|config| {
        config.naf[0].principals.push(NAF.to_owned());
        let mut theirs = NafConfig::for_lab(fqdn("theirs.example"));
        theirs.principals = vec!["them".to_owned()];
        config.naf.push(theirs);
    })
}

/// A bootstrap of this subscriber: its B-TID.
async fn bootstrapped(lab: &Lab, person: &Person) -> String {
    let (now, rand, ks) = (SystemTime::now(), Rand(random()), Ks::new(random()));
    lab.secret("Ks of another subscriber", ks.danger_expose());
    let association = Association {
        b_tid: BTid::new(&rand, &fqdn(BSF)),
        rand,
        ks,
        impi: person.impi.clone(),
        tmpi: None,
        gba_mode: GbaMode::Me,
        gba_type: GbaType::ThreeG,
        created_at: now,
        expires_at: now + Duration::from_secs(600),
        guss: None,
    };
    let b_tid = association.b_tid.to_string();
    lab.store().establish(association, now).await.unwrap();
    b_tid
}

async fn fetch(api: &Api, b_tid: &str, origin: &str) -> Answer {
    let path = format!("/fetchCredentials/{}/22", segment(b_tid));
    api.send(Method::GET, &path, &[("x-m2m-origin", origin)], b"").await
}

/// What each face says of a bootstrap: 200, 403, 404. The two faces of Zn must agree.
async fn faces(lab: &Lab, naf: &Naf<'_>, b_tid: &str) -> [u16; 3] {
    let zn = match naf.ask(&query(b_tid)).await {
        Ok(_) => 200,
        Err((ZnError::NotAuthorized, _)) => 403,
        Err((ZnError::UnknownTransaction, _)) => 404,
        Err(other) => panic!("{other:?}"),
    };
    let api = lab.api();
    let (posted, fetched) = (api.network_side(b_tid, "raw").await, fetch(&api, b_tid, NAF).await);
    [posted.status.as_u16(), fetched.status.as_u16(), zn]
}

#[tokio::test]
async fn only_who_may_enrol_with_a_target_gives_it_a_key_on_any_face() {
    let (one, other) = (Person::new(GbaMode::U), Person::new(GbaMode::Me));
    let (a, b) = (one.impi.clone(), other.impi.clone());
    for (entries, only, expected) in [
        (vec![], None, (200, 200)),
        (vec![], Some(true), (403, 403)),
        (vec![listed(&a, &["Ca"], None)], None, (200, 403)),
        (vec![listed(&a, &["Ca"], Some(&[NAF]))], None, (200, 403)),
        (vec![listed(&a, &["Ca"], Some(&[NAF]))], Some(false), (200, 200)),
        (vec![listed(&a, &["Ca"], Some(&["theirs.example"]))], None, (403, 200)),
        (vec![listed(&a, &["Ca"], Some(&[])), listed(&b, &[], None)], None, (403, 200)),
    ] {
        let told = format!("{only:?} {entries:?}");
        let mut setup = setup(one.clone()).config(|config| {
            config.enrolee = entries;
            config.naf[0].enrolled_only = only;
        });
        setup.others.push(other.clone());
        let lab = setup.start().await;
        let naf = Naf::new(&lab).await;
        let mine = lab.api().b_tid(false).await;
        let theirs = bootstrapped(&lab, &lab.others[0]).await;
        assert_eq!(faces(&lab, &naf, &mine).await, [expected.0; 3], "{told}");
        assert_eq!(faces(&lab, &naf, &theirs).await, [expected.1; 3], "{told}");
        assert_eq!(faces(&lab, &naf, UNKNOWN).await, [404; 3], "{told}");
        lab.finish().await;
    }
}

#[tokio::test]
async fn who_may_not_ask_for_a_target_learns_nothing_of_who_enrols_with_it() {
    let person = Person::new(GbaMode::U);
    let stranger = Person::new(GbaMode::Me);
    let entry = listed(&person.impi, &["Ca"], None);
    let mut setup = setup(person).config(|config| {
        config.enrolee.push(entry);
        config.naf[1].origins.push("/id-theirs".to_owned());
    });
    setup.others.push(stranger);
    let lab = setup.start().await;
    let b_tids = [lab.api().b_tid(false).await, bootstrapped(&lab, &lab.others[0]).await, UNKNOWN.to_owned()];
    let (mut posted, mut fetched) = (Vec::new(), Vec::new());
    for b_tid in &b_tids {
        let ask = question(Some(b_tid), "theirs.example", DIGEST, "raw");
        posted.push(lab.api().post("/v1/naf/credentials", &ask).await);
        fetched.push(fetch(&lab.api(), b_tid, "/id-theirs").await);
    }
    // For the caller who may ask, a subscriber that does not enrol looks as a caller does who may not.
    posted.push(lab.api().network_side(&b_tids[1], "raw").await);
    fetched.push(fetch(&lab.api(), &b_tids[1], NAF).await);
    for answers in [&posted, &fetched] {
        for answer in answers {
            assert_eq!((answer.status.as_u16(), &answer.body), (403, &answers[0].body));
        }
    }
    lab.finish().await;
}

/// The member `impi` of a oneM2M credential.
async fn told(lab: &Lab, b_tid: &str) -> Option<String> {
    let credential = lab.api().network_side(b_tid, "onem2m").await.ok();
    credential.get("impi").map(|impi| impi.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_enrolees_names_go_to_its_target_with_the_key() {
    let person = Person::new(GbaMode::U);
    let entry = listed(&person.impi, &["Ca", "/mn7", "Sx*"], Some(&[NAF]));
    let setup = setup(person).config(|config| config.enrolee.push(entry));
    let lab = setup.start().await;
    let device = lab.api().device_side("onem2m").await.ok();
    let b_tid = device["b_tid"].as_str().unwrap();
    let network = lab.api().network_side(b_tid, "onem2m").await.ok();
    assert_eq!(network["key"], device["key"]);
    assert_eq!(network["enrolee_id"], "Ca");
    assert_eq!(network["origins"], json!(["Ca", "/mn7", "Sx*"]));
    assert_eq!(network.get("impi"), None);
    assert_eq!(fetch(&lab.api(), b_tid, NAF).await.ok()["EnroleeID"], "Ca");
    let raw = lab.api().network_side(b_tid, "raw").await.ok();
    assert_eq!((raw.get("enrolee_id"), raw.get("origins")), (None, None), "oneM2M's form alone");
    lab.finish().await;
}

#[tokio::test]
async fn an_enrolee_with_a_pattern_alone_has_a_pseudonym_and_one_that_is_not_listed_too() {
    let person = Person::new(GbaMode::U);
    let entry = listed(&person.impi, &["C*"], None);
    for entries in [vec![entry], vec![]] {
        let is_listed = !entries.is_empty();
        let lab = setup(person.clone()).config(|config| config.enrolee = entries).start().await;
        let b_tid = lab.api().b_tid(false).await;
        let credential = lab.api().network_side(&b_tid, "onem2m").await.ok();
        let fetched = fetch(&lab.api(), &b_tid, NAF).await.ok();
        let name = fetched["EnroleeID"].as_str().unwrap();
        assert!(name.len() == 32 && name.bytes().all(|octet| octet.is_ascii_hexdigit()), "{name}");
        let expected = is_listed.then(|| json!(name));
        assert_eq!(credential.get("enrolee_id"), expected.as_ref());
        lab.finish().await;
    }
}

#[tokio::test]
async fn an_identity_is_told_with_the_right_of_the_target_and_consent_and_no_longer_than_that() {
    for (right, subscriber, of_enrolee) in
        [(true, true, false), (true, false, true), (true, false, false), (false, true, true)]
    {
        let mut person = Person::new(GbaMode::U);
        person.consent = subscriber;
        let mut entry = listed(&person.impi, &["Ca"], None);
        entry.consent = of_enrolee;
        let setup = setup(person).config(|config| {
            config.enrolee.push(entry);
            config.naf[0].private_identity = right;
        });
        let lab = setup.start().await;
        let naf = Naf::new(&lab).await;
        let b_tid = lab.api().b_tid(false).await;
        let expected = (right && (subscriber || of_enrolee)).then(|| lab.person.impi.clone());
        let case = format!("right {right}, subscriber {subscriber}, Enrolee {of_enrolee}");
        assert_eq!(naf.ask(&query(&b_tid)).await.unwrap().impi, expected, "{case}");
        assert_eq!(told(&lab, &b_tid).await.as_deref(), expected.as_ref().map(Impi::as_str), "{case}");
        let fetched = fetch(&lab.api(), &b_tid, NAF).await.ok().to_string();
        assert!(!fetched.contains(lab.person.imsi.as_str()), "an AE-ID or a pseudonym, never this");
        let mut changed = lab.person.subscriber();
        changed.consent = false;
        lab.store().add_subscribers(vec![changed], true).await.unwrap();
        let still = (right && of_enrolee).then(|| lab.person.impi.clone());
        assert_eq!(naf.ask(&query(&b_tid)).await.unwrap().impi, still, "withdrawn: {case}");
        assert_eq!(
            told(&lab, &b_tid).await.as_deref(),
            still.as_ref().map(Impi::as_str),
            "withdrawn: {case}"
        );
        lab.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_is_withdrawn_counts_on_an_open_connection_of_the_proxy() {
    let behind = Behind::start().await;
    let mut setup = crate::ua_lab::setup(&behind);
    setup.person.consent = true;
    let entry = enrolee(&setup, &["Cdevice1"]);
    let lab = setup.config(|config| config.enrolee = vec![entry]).start().await;
    let credential = lab.ua_credential("01000100ae", "tls-psk").await;
    let mut wire = psk(&lab, &credential, "PSK-AES128-CBC-SHA256").await;
    let mut asserted = async || {
        assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
        behind.reached().pop().unwrap().header("x-3gpp-asserted-identity").unwrap().to_owned()
    };
    assert_eq!(asserted().await, format!("\"sip:{}\"", lab.person.impi.as_str()));
    let mut changed = lab.person.subscriber();
    changed.consent = false;
    lab.store().add_subscribers(vec![changed], true).await.unwrap();
    let pseudonym = asserted().await;
    assert!(!pseudonym.contains(lab.person.imsi.as_str()), "{pseudonym}");
    lab.finish().await;
}

#[tokio::test]
async fn a_target_is_known_in_every_spelling_and_of_two_with_one_cse_id_the_callers_is_meant() {
    let setup = setup(Person::new(GbaMode::U)).config(|config| {
        let mut theirs = config.naf[1].clone();
        theirs.fqdn = fqdn("id-in.sp-a.example");
        theirs.origins = vec!["/id-in".to_owned()];
        let mut ours = theirs.clone();
        ours.fqdn = fqdn("id-in.sp-b.example");
        ours.origins.push("Cgba".to_owned());
        ours.principals = vec!["lab".to_owned()];
        config.naf.extend([theirs, ours]);
    });
    let lab = setup.start().await;
    let ask = question(None, "id-in.sp-b.example", DIGEST, "raw");
    let device: Value = lab.api().post("/v1/ue/credentials", &ask).await.ok();
    let b_tid = device["b_tid"].as_str().unwrap();
    for origin in [
        "/id-in",
        "//sp-b.example/id-in",
        "Cgba",
        "/id-in/Cgba",
        "//sp-b.example/id-in/Cgba",
        "ID-IN.sp-b.example",
    ] {
        let fetched = fetch(&lab.api(), b_tid, origin).await;
        assert_eq!(fetched.ok()["Credential"], device["key"], "{origin}");
    }
    for origin in
        ["//sp-a.example/id-in", "/ID-IN", "/id-in/Cother", "C", "/id-in/C", "Cgb%61", "//sp-b.example"]
    {
        assert_eq!(fetch(&lab.api(), b_tid, origin).await.status.as_u16(), 403, "{origin}");
    }
    lab.finish().await;
}
