//! What a known caller may have: default deny, one body for every refusal, identities only by consent.

use crate::api::{Answer, Api, DIGEST, NAF, question};
use crate::lab::{Lab, Setup, fqdn};
use crate::people::{Person, random};
use http::Method;
use ksnaf::config::NafConfig;
use ksnaf_proto::aka::Rand;
use ksnaf_proto::gba::{BTid, GbaMode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A B-TID that nobody has.
fn unknown() -> String {
    BTid::new(&Rand(random()), &fqdn(crate::lab::BSF)).to_string()
}

fn further(fqdn_text: &str, principal: &str) -> NafConfig {
    let mut naf = NafConfig::for_lab(fqdn(fqdn_text));
    naf.principals = vec![principal.to_owned()];
    naf
}

#[tokio::test]
async fn every_refusal_has_the_same_octets_whether_the_bootstrap_exists_or_not() {
    let setup = Setup::new(GbaMode::U).config(|config| {
        config.naf.push(further("not-for-lab.example", "somebody else"));
        let mut raw_only = further("raw-only.example", "lab");
        raw_only.forms = vec!["raw".to_owned()];
        config.naf.push(raw_only);
    });
    let lab = setup.start().await;
    let api = lab.api();
    let known = api.b_tid(false).await;
    let mut bodies = BTreeSet::new();
    for b_tid in [known.clone(), unknown()] {
        for ask in [
            question(Some(&b_tid), "not-for-lab.example", DIGEST, "raw"),
            question(Some(&b_tid), "unheard-of.example", DIGEST, "raw"),
            question(Some(&b_tid), NAF, "tls13-psk", "raw"),
            question(Some(&b_tid), "raw-only.example", DIGEST, "tls-psk"),
        ] {
            let answer = api.post("/v1/naf/credentials", &ask).await;
            answer.problem(403);
            let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| *name != "date").collect();
            bodies.insert((answer.body.clone(), format!("{headers:?}")));
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    for ask in [question(None, "not-for-lab.example", DIGEST, "raw"), question(None, NAF, "tls13-psk", "raw")]
    {
        let answer = api.post("/v1/ue/credentials", &ask).await;
        answer.problem(403);
        assert_eq!(&answer.body, &bodies.first().unwrap().0);
    }
    api.post("/v1/naf/credentials", &question(Some(&known), "raw-only.example", DIGEST, "raw")).await.ok();
    api.network_side(&unknown(), "raw").await.refused(404, "CONTEXT_NOT_FOUND");
    lab.finish().await;
}

#[tokio::test]
async fn a_naf_name_counts_without_regard_to_case_and_gives_one_key() {
    let lab = Setup::new(GbaMode::U).start().await;
    let lower = lab.api().device_side("raw").await.ok();
    let upper = question(lower["b_tid"].as_str(), "NAF.Lab.Example.", DIGEST, "raw");
    assert_eq!(lab.api().post("/v1/naf/credentials", &upper).await.ok(), lower);
    lab.finish().await;
}

#[tokio::test]
async fn only_admins_see_and_revoke_bootstraps() {
    let lab = Setup::new(GbaMode::U).config(|config| config.api.admins.clear()).start().await;
    let b_tid = lab.api().b_tid(false).await;
    let path = format!("/v1/associations/{}", crate::api::segment(&b_tid));
    let refusals = [
        lab.api().get("/v1/associations").await,
        lab.api().delete(&path).await,
        lab.api().delete(&format!("/v1/associations/{}", crate::api::segment(&unknown()))).await,
    ];
    for answer in &refusals {
        answer.problem(403);
        assert_eq!(answer.body, refusals[0].body);
    }
    assert_eq!(lab.live().await, [b_tid]);
    lab.finish().await;
}

#[tokio::test]
async fn no_token_opens_the_subscribers() {
    let lab = Setup::new(GbaMode::U).start().await;
    let imsi = lab.person.imsi.as_str();
    let answers: [Answer; 4] = [
        lab.api().get("/v1/subscribers?danger_show=true").await,
        lab.api().get(&format!("/v1/subscribers/{imsi}")).await,
        lab.api().delete(&format!("/v1/subscribers/{imsi}")).await,
        lab.api().send(Method::POST, "/v1/subscribers", &[("content-type", "text/csv")], b"imsi,k\n").await,
    ];
    for answer in answers {
        answer.problem(403);
    }
    assert!(lab.store().subscriber_by_imsi(&lab.person.imsi).await.unwrap().is_some());
    lab.finish().await;
}

/// `readers` may see identities, the subscriber consents or not.
async fn identity_lab(reader: bool, consent: bool) -> Lab {
    let mut person = Person::new(GbaMode::Me);
    person.consent = consent;
    let reader = if reader { "lab" } else { "somebody else" };
    let setup = Setup::of(person).config(|config| config.api.identity_readers = vec![reader.to_owned()]);
    setup.start().await
}

#[tokio::test]
async fn an_identity_is_told_to_its_readers_with_consent_only() {
    for (reader, consent) in [(false, false), (false, true), (true, false), (true, true)] {
        let lab = identity_lab(reader, consent).await;
        let bootstrap = lab.api().bootstrap(false).await.ok();
        let list = lab.api().get("/v1/associations").await.ok();
        let told = (reader && consent).then(|| json!(lab.person.impi.as_str()));
        assert_eq!(bootstrap.get("impi"), told.as_ref(), "reader {reader}, consent {consent}");
        assert_eq!(list["associations"][0].get("impi"), told.as_ref(), "reader {reader}, consent {consent}");
        if told.is_none() {
            let everything = format!(
                "{bootstrap}{list}{}{}",
                lab.api().device_side("onem2m").await.text(),
                lab.api().metrics().await
            );
            assert!(!everything.contains(lab.person.imsi.as_str()));
        }
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_subscriber_has_a_stable_pseudonym_at_each_naf_and_no_two_share_one() {
    let setup = Setup::new(GbaMode::U).config(|config| {
        config.naf.push(further("second.example", "lab"));
    });
    let mut lab = setup.start().await;
    let enrolee = async |api: &Api, naf: &str| {
        let b_tid = api.b_tid(false).await;
        let path = format!("/fetchCredentials/{}/22", crate::api::segment(&b_tid));
        let fetched: Value = api.send(Method::GET, &path, &[("x-m2m-origin", naf)], b"").await.ok();
        fetched["EnroleeID"].as_str().unwrap().to_owned()
    };
    let first = enrolee(&lab.api(), NAF).await;
    assert_ne!(first, enrolee(&lab.api(), "second.example").await);
    assert!(!first.contains(lab.person.imsi.as_str()));
    lab.watch_live().await;
    lab.api().b_tid(true).await;
    assert_eq!(first, enrolee(&lab.api(), NAF).await, "over bootstraps");
    lab.stop().await;
    lab.start_again().await;
    assert_eq!(first, enrolee(&lab.api(), NAF).await, "over restarts");
    lab.finish().await;
}
