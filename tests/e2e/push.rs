//! Zpn: a NAF pushes, over either face; the device's card makes the same key; Ub's own bootstrap is none the worse.

use crate::api::{Answer, Api, DIGEST, NAF, tcp};
use crate::hss;
use crate::lab::{Lab, Setup, fqdn};
use crate::naf::{Naf, post};
use crate::people::{Person, random};
use crate::program::Place;
use ksnaf::config::{GpiLayout, ZhSource};
use ksnaf_proto::aka::{Autn, Auts, Rand};
use ksnaf_proto::diameter::{Outcome, ResultCode, TgppResultCode};
use ksnaf_proto::gba::{GbaMode, GbaType, NafId, UaSecurityProtocolId};
use ksnaf_proto::hex;
use ksnaf_proto::identity::{Impi, Impu};
use ksnaf_proto::zn::{MeKey, NafAnswer, ZnError};
use ksnaf_proto::zpn::gpi::{GpiContent, LabLayout};
use ksnaf_proto::zpn::{GbaPushInfo, PTid, PushQuery, PushUeId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const PUSH: &str = "/nbsp-gba/v1/push-info-retrieval";

/// A lab whose NAF may push, over both faces.
pub(crate) fn setup(mode: GbaMode) -> Setup {
    pushing(Setup::new(mode))
}

fn pushing(setup: Setup) -> Setup {
    setup.config(|config| {
        config.zn.gpi_layout = Some(GpiLayout::Lab);
        config.naf[0].principals.push(NAF.to_owned());
        config.naf[0].push = true;
    })
}

fn push(lab: &Lab, mode: GbaMode) -> PushQuery {
    push_for(lab.person.impi.clone(), mode)
}

fn push_for(subscriber: Impi, mode: GbaMode) -> PushQuery {
    PushQuery {
        ue_id: PushUeId::Private(subscriber),
        uicc_app_label: "USIM".to_owned(),
        naf_id: NafId::new(fqdn(NAF), UaSecurityProtocolId::HTTP_DIGEST),
        p_tid: PTid::parse("p-tid-1").unwrap(),
        mode,
        requested_until: SystemTime::now() + Duration::from_secs(600),
        private_identity: false,
        gba_u_aware: false,
        gs_ids: Vec::new(),
        resync: None,
        security_features: Vec::new(),
    }
}

/// A push in hex: the BSF's for the lab's NAF; for another, one that nobody has made.
pub(crate) async fn pushed(lab: &Lab, naf: &str) -> String {
    if naf == NAF {
        let api = Api::new(
            tcp(lab.service().addresses.zn_sbi.expect("Nbsp_GBA is served")),
            Some(lab.token.clone()),
            Arc::clone(&lab.watch),
        );
        let answer = post(&api, PUSH, &push(lab, GbaMode::Me).to_json()).await.ok();
        lab.secret("a NAF's key", hex::decode(answer["meKeyMaterial"].as_str().unwrap()).unwrap());
        return answer["gbaPushInfo"].as_str().unwrap().to_owned();
    }
    hex::encode(&LabLayout::unconfirmed().build(&content(naf), &MeKey::new(random())).unwrap().0)
}

/// Of a push that nobody has made.
fn content(naf: &str) -> GpiContent {
    GpiContent {
        mode: GbaMode::Me,
        rand: Rand(random()),
        autn: Autn(random()),
        naf_id: NafId::new(fqdn(naf), UaSecurityProtocolId::HTTP_DIGEST),
        p_tid: PTid::parse("p-tid-2").unwrap(),
        uicc_app_label: "USIM".to_owned(),
        expires_at: SystemTime::now() + Duration::from_secs(600),
    }
}

async fn take(lab: &Lab, gpi: &str) -> Answer {
    lab.api().post("/v1/ue/push", &json!({ "gpi": gpi })).await
}

fn assert_same(device: &Value, naf: &NafAnswer, mode: GbaMode) {
    assert_eq!(device["key"].as_str(), Some(&*hex::encode(naf.me_key.danger_expose())));
    assert_eq!(device["expires_at"], ksnaf_proto::gba::lifetime::to_xs_date_time(naf.expires_at.unwrap()));
    let (p_tid, gba_mode) = (device["p_tid"].as_str(), device["gba_mode"].as_str());
    assert_eq!((p_tid, gba_mode), (Some("p-tid-1"), Some(mode.as_str())));
    assert_eq!((device["naf_fqdn"].as_str(), device["ua_sec_prot_id"].as_str()), (Some(NAF), Some(DIGEST)));
}

#[tokio::test]
async fn naf_and_card_have_the_same_key_of_a_push_over_either_face() {
    use base64::Engine as _;
    for (subscriber, mode) in
        [(GbaMode::Me, GbaMode::Me), (GbaMode::U, GbaMode::U), (GbaMode::U, GbaMode::Me)]
    {
        let lab = setup(subscriber).start().await;
        let naf = Naf::new(&lab).await;
        let http = naf.push_by_http(&push(&lab, mode)).await.unwrap();
        assert_same(&take(&lab, &hex::encode(&http.gpi.0)).await.ok(), &http.keys, mode);
        let diameter = naf.push_by_diameter(&push(&lab, mode)).await.unwrap();
        let base64 = base64::engine::general_purpose::STANDARD.encode(&diameter.gpi.0);
        assert_same(&take(&lab, &base64).await.ok(), &diameter.keys, mode);
        for keys in [&http.keys, &diameter.keys] {
            assert_eq!((keys.gba_type, &keys.impi, &keys.uicc_key), (GbaType::ThreeG, &None, &None));
        }
        assert_ne!(http.keys.me_key, diameter.keys.me_key, "each Ks serves once");
        let metrics = lab.api().metrics().await;
        for (side, count) in [("zpn", 2), ("push", 2)] {
            let line = format!("ksnaf_credentials_total{{side=\"{side}\",outcome=\"given\"}} {count}");
            assert!(metrics.contains(&line), "{metrics}");
        }
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_card_that_refuses_a_push_is_synchronised_through_the_naf() {
    for mode in [GbaMode::Me, GbaMode::U] {
        let lab = setup(mode).start().await;
        let naf = Naf::new(&lab).await;
        for by_diameter in [false, true] {
            let first = naf.push_by_http(&push(&lab, mode)).await.unwrap();
            lab.reader().misbehave(|faults| faults.force_resync = 1);
            let refused = take(&lab, &hex::encode(&first.gpi.0)).await;
            refused.refused(409, "SYNCHRONISATION_FAILURE");
            let member = |name: &str| hex::decode(refused.json()[name].as_str().unwrap()).unwrap();
            let (rand, auts) = (member("rand").try_into().unwrap(), member("auts").try_into().unwrap());
            let again = PushQuery { resync: Some((Rand(rand), Auts(auts))), ..push(&lab, mode) };
            let second = match by_diameter {
                true => naf.push_by_diameter(&again).await.unwrap(),
                false => naf.push_by_http(&again).await.unwrap(),
            };
            assert_same(&take(&lab, &hex::encode(&second.gpi.0)).await.ok(), &second.keys, mode);
            let replayed = take(&lab, &hex::encode(&second.gpi.0)).await;
            replayed.refused(409, "SYNCHRONISATION_FAILURE");
            let wrong = PushQuery { resync: Some((Rand(rand), Auts(random()))), ..push(&lab, mode) };
            let fault = Outcome::Result(ResultCode::UNABLE_TO_COMPLY);
            assert_eq!(naf.push_by_http(&wrong).await, Err(ZnError::AuthenticationRejected));
            assert_eq!(naf.push_by_diameter(&wrong).await, Err(fault));
        }
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_bootstrap_survives_a_push_for_the_terminal_and_is_renewed_after_one_for_the_card() {
    for (mode, survives) in [(GbaMode::Me, true), (GbaMode::U, false)] {
        let mut lab = setup(GbaMode::U).start().await;
        let before = lab.api().device_side("raw").await.ok();
        let b_tid = before["b_tid"].as_str().unwrap().to_owned();
        let naf = Naf::new(&lab).await;
        let pushed = naf.push_by_http(&push(&lab, mode)).await.unwrap();
        drop(naf);
        take(&lab, &hex::encode(&pushed.gpi.0)).await.ok();
        // Asked for no key, the device does not look into the card: it has to know.
        assert_eq!(lab.api().b_tid(false).await == b_tid, survives);
        let after = lab.api().device_side("raw").await.ok();
        assert_eq!(after == before, survives);
        let network = lab.api().network_side(after["b_tid"].as_str().unwrap(), "raw").await.ok();
        assert_eq!(network, after);

        // What was dropped is not found again by the next process either.
        let kept = after["b_tid"].clone();
        let pushed = Naf::new(&lab).await.push_by_http(&push(&lab, mode)).await.unwrap();
        take(&lab, &hex::encode(&pushed.gpi.0)).await.ok();
        lab.stop().await;
        lab.start_again().await;
        assert_eq!(lab.api().b_tid(false).await == kept.as_str().unwrap(), survives);
        let restarted = lab.api().device_side("raw").await.ok();
        let b_tid = restarted["b_tid"].as_str().unwrap();
        assert_eq!(lab.api().network_side(b_tid, "raw").await.ok()["key"], restarted["key"]);
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_push_that_nobody_with_the_keys_has_made_costs_nothing() {
    let lab = setup(GbaMode::U).start().await;
    let before = lab.api().device_side("raw").await.ok();
    let naf = Naf::new(&lab).await;
    let pushed = naf.push_by_http(&push(&lab, GbaMode::U)).await.unwrap();
    let mut forged = pushed.gpi.0.clone();
    // An octet of AUTN*.
    forged[30] ^= 1;
    take(&lab, &hex::encode(&forged)).await.refused(502, "AUTHENTICATION_REJECTED");
    assert_eq!(lab.api().device_side("raw").await.ok(), before);
    // An octet of the P-TID: the card accepts the token, and the push is refused all the same.
    let mut changed = pushed.gpi.0.clone();
    let at = changed.windows(7).position(|window| window == b"p-tid-1").unwrap();
    changed[at] ^= 1;
    take(&lab, &hex::encode(&changed)).await.refused(400, "GBA_PUSH_INFO_REJECTED");
    let after = lab.api().device_side("raw").await.ok();
    assert_ne!(after["b_tid"], before["b_tid"], "the card's Ks is another now");
    for (gpi, status) in [("", 400), ("zz", 400), ("4b53", 400), ("4b5301", 400)] {
        assert_eq!(take(&lab, gpi).await.status.as_u16(), status, "{gpi}");
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_push_that_is_over_does_not_reach_the_card() {
    let lab = setup(GbaMode::U).start().await;
    lab.api().b_tid(false).await;
    let commands = lab.reader().commands();
    let content = GpiContent { expires_at: SystemTime::now() - Duration::from_secs(1), ..content(NAF) };
    let gpi = LabLayout::unconfirmed().build(&content, &MeKey::new(random())).unwrap();
    take(&lab, &hex::encode(&gpi.0)).await.refused(400, "GBA_PUSH_INFO_REJECTED");
    assert_eq!(lab.reader().commands(), commands);
    lab.finish().await;
}

#[tokio::test]
async fn a_push_for_another_callers_naf_does_not_reach_the_card() {
    let lab = setup(GbaMode::U).start().await;
    lab.api().b_tid(false).await;
    let commands = lab.reader().commands();
    take(&lab, &pushed(&lab, "theirs.example").await).await.problem(403);
    assert_eq!(lab.reader().commands(), commands);
    lab.finish().await;
}

#[tokio::test]
async fn a_subscriber_is_found_by_its_public_identities_and_only_by_its_own() {
    let lab = setup(GbaMode::U).start().await;
    let mut subscriber = lab.person.subscriber();
    subscriber.impus = vec!["sip:alice@lab.example".to_owned()];
    subscriber.msisdn = Some("491701234567".to_owned());
    lab.store().add_subscribers(vec![subscriber], true).await.unwrap();
    let naf = Naf::new(&lab).await;
    let named = |impu: &str| PushQuery {
        ue_id: PushUeId::Public(Impu::parse(impu).unwrap()),
        ..push(&lab, GbaMode::Me)
    };
    for impu in ["sip:alice@lab.example", "tel:+491701234567", &format!("sip:{}", lab.person.impi.as_str())] {
        let answer = naf.push_by_diameter(&named(impu)).await.unwrap();
        assert_same(&take(&lab, &hex::encode(&answer.gpi.0)).await.ok(), &answer.keys, GbaMode::Me);
    }
    let unknown = Outcome::tgpp(TgppResultCode::IDENTITY_UNKNOWN);
    for impu in ["sip:bob@lab.example", "tel:+4917012345", "sip:491701234567"] {
        assert_eq!(naf.push_by_diameter(&named(impu)).await, Err(unknown), "{impu}");
        assert_eq!(naf.push_by_http(&named(impu)).await, Err(ZnError::UnknownIdentity), "{impu}");
    }
    let nobody = Impi::parse("nobody@lab.example").unwrap();
    let private = PushQuery { ue_id: PushUeId::Private(nobody), ..push(&lab, GbaMode::Me) };
    assert_eq!(naf.push_by_diameter(&private).await, Err(unknown));
    lab.finish().await;
}

#[tokio::test]
async fn a_push_gives_what_the_naf_may_have_and_no_more() {
    let mut person = Person::new(GbaMode::U);
    person.consent = true;
    let rights = |ks_int: bool, identity: bool| {
        let Setup { config, .. } = setup(GbaMode::U);
        Setup { config, ..Setup::of(person.clone()) }.config(|config| {
            config.naf[0].ks_int = ks_int;
            config.naf[0].private_identity = identity;
        })
    };
    for granted in [false, true] {
        let lab = rights(granted, granted).start().await;
        let naf = Naf::new(&lab).await;
        let wanted = PushQuery { gba_u_aware: true, private_identity: true, ..push(&lab, GbaMode::U) };
        let answer = naf.push_by_diameter(&wanted).await.unwrap().keys;
        assert_eq!(answer.uicc_key.is_some(), granted);
        assert_eq!(answer.impi, granted.then(|| lab.person.impi.clone()));
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_naf_without_leave_and_a_bsf_without_a_layout_push_nothing() {
    let forbidden = Outcome::tgpp(TgppResultCode::NOT_AUTHORIZED);
    let lab = setup(GbaMode::U).config(|config| config.naf[0].push = false).start().await;
    let naf = Naf::new(&lab).await;
    for identity in [lab.person.impi.clone(), Impi::parse("nobody@lab.example").unwrap()] {
        let query = PushQuery { ue_id: PushUeId::Private(identity), ..push(&lab, GbaMode::Me) };
        assert_eq!(naf.push_by_http(&query).await, Err(ZnError::NotAuthorized));
        assert_eq!(naf.push_by_diameter(&query).await, Err(forbidden));
    }
    drop(naf);
    lab.finish().await;

    let lab = setup(GbaMode::Me).config(|config| config.zn.gpi_layout = None).start().await;
    let naf = Naf::new(&lab).await;
    let query = push(&lab, GbaMode::Me);
    let fault = Outcome::Result(ResultCode::UNABLE_TO_COMPLY);
    assert_eq!(naf.push_by_diameter(&query).await, Err(fault));
    let answer = post(&naf.api, PUSH, &query.to_json()).await;
    answer.refused(501, "GBA_PUSH_INFO_UNAVAILABLE");
    take(&lab, "4b5301").await.refused(501, "GBA_PUSH_INFO_UNAVAILABLE");
    let in_card = PushQuery { mode: GbaMode::U, ..query };
    assert_eq!(naf.push_by_http(&in_card).await, Err(ZnError::NoPushInfo));
    drop(naf);
    lab.finish().await;
}

#[tokio::test]
async fn a_subscriber_whose_card_is_a_sim_is_pushed_nothing() {
    let lab = pushing(Setup::of(Person::with_sim()).without_card()).start().await;
    let naf = Naf::new(&lab).await;
    let query = push(&lab, GbaMode::Me);
    assert_eq!(naf.push_by_http(&query).await, Err(ZnError::NotAuthorized));
    let forbidden = Outcome::tgpp(TgppResultCode::NOT_AUTHORIZED);
    assert_eq!(naf.push_by_diameter(&query).await, Err(forbidden));
    drop(naf);
    lab.finish().await;
}

#[tokio::test]
async fn keys_in_the_card_need_a_card_that_keeps_them_and_an_end_that_is_to_come() {
    let lab = setup(GbaMode::Me).start().await;
    let naf = Naf::new(&lab).await;
    let past =
        PushQuery { requested_until: SystemTime::now() - Duration::from_secs(5), ..push(&lab, GbaMode::Me) };
    for query in [push(&lab, GbaMode::U), past] {
        assert_eq!(naf.push_by_http(&query).await, Err(ZnError::NotAuthorized));
    }
    let long = PTid::parse(&"p".repeat(255)).unwrap();
    let answer = naf.push_by_http(&PushQuery { p_tid: long, ..push(&lab, GbaMode::Me) }).await.unwrap();
    take(&lab, &hex::encode(&answer.gpi.0)).await.ok();
    let label = "x".repeat(256);
    let too_long = PushQuery { uicc_app_label: label, ..push(&lab, GbaMode::Me) };
    assert_eq!(naf.push_by_http(&too_long).await, Err(ZnError::NoPushInfo));
    let expired = GbaPushInfo(answer.gpi.0);
    assert_eq!(take(&lab, &hex::encode(&expired.0)).await.status.as_u16(), 409, "its token was used");
    lab.finish().await;
}

#[tokio::test]
async fn vectors_and_settings_of_a_push_come_from_whatever_source_there_is() {
    for source in hss::SOURCES {
        let person = Person::new(GbaMode::U);
        let network =
            hss::Network::start(source, std::slice::from_ref(&person), ksnaf_sim_hss::Faults::default())
                .await;
        let lab = pushing(hss::setup(source, &network, &person)).start().await;
        let naf = Naf::new(&lab).await;
        let query = PushQuery { gs_ids: vec![hss::SERVICE], ..push(&lab, GbaMode::U) };
        let first = naf.push_by_diameter(&query).await.unwrap();
        assert_same(&take(&lab, &hex::encode(&first.gpi.0)).await.ok(), &first.keys, GbaMode::U);
        assert_eq!(first.keys.uss, hss::guss(&person).uss, "{source:?}");
        lab.reader().misbehave(|faults| faults.force_resync = 1);
        let second = naf.push_by_http(&query).await.unwrap();
        let refused = take(&lab, &hex::encode(&second.gpi.0)).await.problem(409);
        let member = |name: &str| hex::decode(refused[name].as_str().unwrap()).unwrap();
        let resync = (Rand(member("rand").try_into().unwrap()), Auts(member("auts").try_into().unwrap()));
        let third = naf.push_by_http(&PushQuery { resync: Some(resync), ..query.clone() }).await.unwrap();
        assert_same(&take(&lab, &hex::encode(&third.gpi.0)).await.ok(), &third.keys, GbaMode::U);

        // Public identities are the local subscribers', who need no key.
        let impu = Impu::from_impi(&person.impi);
        let public = PushQuery { ue_id: PushUeId::Public(impu), ..query };
        let found = naf.push_by_http(&public).await;
        match source {
            ZhSource::Diameter | ZhSource::Nhss => assert_eq!(found, Err(ZnError::UnknownIdentity)),
            _ => assert!(found.is_ok(), "{source:?} {found:?}"),
        }
        drop(naf);
        lab.finish().await;
        network.stop().await;
    }
}

#[tokio::test]
async fn the_command_takes_a_push_beside_a_lab_and_alone() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let naf = ["naf.0.fqdn=naf.lab.example", "naf.0.principals=[\"lab\"]", "naf.0.push=true"];
    let settings = naf.map(|setting| format!("--set={setting}"));
    let layout = "--set=zn.gpi_layout=lab";
    let settings: Vec<&str> = settings.iter().map(String::as_str).chain([layout]).collect();
    let lab = place.lab(&settings);
    let api = lab.api().by(tcp(lab.address("zn_sbi")));
    let pushed = async || {
        let query = push_for(person.impi.clone(), GbaMode::U);
        let answer = post(&api, PUSH, &query.to_json()).await.ok();
        let key = answer["meKeyMaterial"].as_str().unwrap().to_lowercase();
        place.watch().secret("a NAF's key", hex::decode(&key).unwrap());
        (answer["gbaPushInfo"].as_str().unwrap().to_owned(), key)
    };
    let (gpi, _) = pushed().await;
    let hidden = place.run(&["push", &gpi, "--json"]).json();
    assert_eq!((&hidden["p_tid"], &hidden["gba_mode"]), (&json!("p-tid-1"), &json!("GBA_U")));
    assert!(hidden["key"].as_str().unwrap().contains("--danger-show-keys"));
    place.run(&["push", &gpi]).failed(4, &["fresher sequence number", "rand  ", "auts  "]);
    let (gpi, key) = pushed().await;
    let shown = place.run(&["push", &gpi, "--json", "--danger-show-keys"]).json();
    assert_eq!(shown["key"].as_str(), Some(&*key));
    place.run(&["push", "4b5301"]).failed(4, &["cut off"]);
    place.run(&["push", "not a push"]).failed(2, &["neither hex nor base64"]);

    let ((gpi, key), (changed, _)) = (pushed().await, pushed().await);
    lab.stop();
    place.run(&["push", &gpi]).failed(2, &["zn.gpi_layout"]);
    let shown = place.run(&["push", &gpi, "--json", "--danger-show-keys", layout]).json();
    assert_eq!(shown["key"].as_str(), Some(&*key));
    place.run(&["push", &gpi, layout]).failed(4, &["auts  "]);
    let at = changed.find(&hex::encode(b"p-tid-1")).unwrap();
    let changed = format!("{}71{}", &changed[..at], &changed[at + 2..]);
    place.run(&["push", &changed, layout]).failed(4, &["MAC"]);
    place.finish();
}
