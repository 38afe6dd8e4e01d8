//! Zn by both of its faces at once: [`Naf::ask`] fails where the answers differ.

use crate::api::NAF;
use crate::lab::{Lab, Setup};
use crate::naf::{Naf, query, query_of, query_with};
use crate::people::{Person, random};
use ksnaf::config::{GbaTypes, GsIds};
use ksnaf::store::Establishment;
use ksnaf_proto::aka::Rand;
use ksnaf_proto::diameter::{Outcome, TgppResultCode};
use ksnaf_proto::gba::{Association, BTid, GbaMode, GbaType, Ks};
use ksnaf_proto::hex;
use ksnaf_proto::zn::{NafQuery, ZnError};
use std::time::{Duration, SystemTime};

const FORBIDDEN: Outcome = Outcome::tgpp(TgppResultCode::NOT_AUTHORIZED);
const UNKNOWN: Outcome = Outcome::tgpp(TgppResultCode::TRANSACTION_IDENTIFIER_INVALID);

/// A lab whose NAF may ask by its own name too.
fn setup(person: Person) -> Setup {
    Setup::of(person).config(|config| config.naf[0].principals.push(NAF.to_owned()))
}

/// Gives the lab's subscriber a GUSS, from the next bootstrap on.
async fn give_settings(lab: &Lab, guss: &str) {
    let mut subscriber = lab.person.subscriber();
    subscriber.guss = Some(guss.as_bytes().to_vec());
    lab.store().add_subscribers(vec![subscriber], true).await.unwrap();
}

#[tokio::test]
async fn the_same_question_has_the_same_answer_and_the_devices_key() {
    for mode in [GbaMode::Me, GbaMode::U] {
        let lab = setup(Person::new(mode)).start().await;
        let naf = Naf::new(&lab).await;
        let device = lab.api().device_side("raw").await.ok();
        let b_tid = device["b_tid"].as_str().unwrap();
        let answer = naf.ask(&query(b_tid)).await.unwrap();
        assert_eq!(Some(&*hex::encode(answer.me_key.danger_expose())), device["key"].as_str());
        assert_eq!(
            device["expires_at"],
            ksnaf_proto::gba::lifetime::to_xs_date_time(answer.expires_at.unwrap())
        );
        assert!(answer.created_at.unwrap() < answer.expires_at.unwrap());
        assert_eq!((answer.gba_type, answer.uss.len()), (GbaType::ThreeG, 0));
        assert_eq!((answer.uicc_key, answer.impi), (None, None), "no policy grants them");
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_naf_gets_the_cards_key_only_where_it_may_and_is_aware() {
    for (mode, granted) in [(GbaMode::U, true), (GbaMode::U, false), (GbaMode::Me, true)] {
        let lab = setup(Person::new(mode)).config(|config| config.naf[0].ks_int = granted).start().await;
        let naf = Naf::new(&lab).await;
        let b_tid = lab.api().b_tid(false).await;
        assert_eq!(naf.ask(&query(&b_tid)).await.unwrap().uicc_key, None, "unaware");
        let aware = NafQuery { gba_u_aware: true, ..query(&b_tid) };
        let key = naf.ask(&aware).await.unwrap().uicc_key.map(|key| hex::encode(key.danger_expose()));
        assert_eq!(key.is_some(), granted && mode == GbaMode::U);
        let network = lab.api().network_side(&b_tid, "raw").await.ok();
        assert_eq!(key.as_deref(), network["key_int"].as_str());
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_naf_learns_who_it_is_only_where_it_may_and_the_subscriber_consents() {
    for (consent, granted) in [(true, true), (true, false), (false, true)] {
        let mut person = Person::new(GbaMode::U);
        person.consent = consent;
        let lab = setup(person).config(|config| config.naf[0].private_identity = granted).start().await;
        let naf = Naf::new(&lab).await;
        let b_tid = lab.api().b_tid(false).await;
        let told = naf.ask(&query(&b_tid)).await.unwrap().impi;
        assert_eq!(told, (consent && granted).then(|| lab.person.impi.clone()));
        lab.finish().await;
    }
}

const GUSS: &str = r#"<guss><bsfInfo><uiccType>GBA_U</uiccType></bsfInfo><ussList>
    <uss id="1" type="0"><uids><uid>sip:one@a</uid></uids><flags><flag>2</flag></flags></uss>
    <uss id="2" type="0"><uids><uid>sip:two@a</uid></uids></uss>
    <uss id="3" type="0" nafGroup="A"><uids><uid>sip:three@a</uid></uids></uss>
    <uss id="3" type="0" nafGroup="B"><uids><uid>sip:four@a</uid></uids></uss>
    </ussList></guss>"#;

#[tokio::test]
async fn settings_go_to_the_naf_and_group_that_they_are_for() {
    for (groups, listed, told) in [
        (&[][..], GsIds::Any, &["sip:one@a", "sip:two@a"][..]),
        (&["A"], GsIds::Any, &["sip:one@a", "sip:two@a", "sip:three@a"]),
        (&["B", "C"], GsIds::Listed(vec![1, 3]), &["sip:one@a", "sip:four@a"]),
        (&["A"], GsIds::Listed(vec![]), &[]),
    ] {
        let lab = setup(Person::new(GbaMode::U)).config(|config| {
            config.naf[0].naf_groups = groups.iter().map(|group| (*group).to_owned()).collect();
            config.naf[0].gs_ids = listed;
        });
        let lab = lab.start().await;
        give_settings(&lab, GUSS).await;
        let naf = Naf::new(&lab).await;
        let b_tid = lab.api().b_tid(false).await;
        let answer = naf.ask(&query_with(&b_tid, &[1, 2, 3, 4])).await.unwrap();
        let uids: Vec<_> = answer.uss.iter().flat_map(|uss| &uss.uids).collect();
        assert_eq!(uids, told.iter().collect::<Vec<_>>(), "{groups:?}");
        assert_eq!(naf.ask(&query(&b_tid)).await.unwrap().uss, [], "none is told unasked");
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_subscriber_without_the_settings_that_a_naf_requires_may_not_use_it() {
    let setup = setup(Person::new(GbaMode::U)).config(|config| config.naf[0].required_gs_ids = vec![2]);
    let lab = setup.start().await;
    let naf = Naf::new(&lab).await;
    let b_tid = lab.api().b_tid(false).await;
    assert_eq!(naf.ask(&query(&b_tid)).await, Err((ZnError::NotAuthorized, (403, FORBIDDEN))));
    give_settings(&lab, GUSS).await;
    let b_tid = lab.api().b_tid(true).await;
    naf.ask(&query(&b_tid)).await.unwrap();
    lab.finish().await;
}

#[tokio::test]
async fn another_nafs_name_gives_nothing_and_tells_nothing() {
    let setup = setup(Person::new(GbaMode::U)).config(|config| {
        let mut other = config.naf[0].clone();
        other.fqdn = crate::lab::fqdn("other.example");
        other.principals = vec!["other.example".to_owned()];
        config.naf.push(other);
    });
    let lab = setup.start().await;
    let naf = Naf::new(&lab).await;
    let b_tid = lab.api().b_tid(false).await;
    for theirs in ["other.example", "unheard-of.example"] {
        for b_tid in [&*b_tid, "AAAA@bsf.example"] {
            let refused = naf.ask(&query_of(theirs, b_tid)).await;
            assert_eq!(refused, Err((ZnError::NotAuthorized, (403, FORBIDDEN))), "{theirs} {b_tid}");
        }
    }
    let mut other_use = query(&b_tid);
    other_use.naf_id.ua = ksnaf_proto::gba::UaSecurityProtocolId::TLS13_PSK;
    assert_eq!(naf.ask(&other_use).await, Err((ZnError::NotAuthorized, (403, FORBIDDEN))));
    let metrics = lab.api().metrics().await;
    assert!(metrics.contains("ksnaf_credentials_total{side=\"zn\",outcome=\"forbidden\"} 10"), "{metrics}");
    lab.finish().await;
}

#[tokio::test]
async fn an_unknown_a_revoked_and_an_expired_bootstrap_are_gone_alike() {
    let lab = setup(Person::new(GbaMode::U)).start().await;
    let naf = Naf::new(&lab).await;
    let gone = Err((ZnError::UnknownTransaction, (404, UNKNOWN)));
    assert_eq!(naf.ask(&query("AAAA@bsf.example")).await, gone);
    let b_tid = lab.api().b_tid(false).await;
    naf.ask(&query(&b_tid)).await.unwrap();
    lab.watch_live().await;
    lab.store().revoke(&BTid::parse(&b_tid).unwrap()).await.unwrap();
    assert_eq!(naf.ask(&query(&b_tid)).await, gone);

    let now = SystemTime::now();
    let past = Association {
        created_at: now - Duration::from_secs(60),
        expires_at: now - Duration::from_secs(1),
        ..association(&lab)
    };
    let b_tid = past.b_tid.to_string();
    let established = lab.store().establish(past, now).await.unwrap();
    assert_eq!(established, Establishment::Created { replaced: None });
    assert_eq!(naf.ask(&query(&b_tid)).await, gone);
    lab.finish().await;
}

/// A bootstrap of nobody's.
fn association(lab: &Lab) -> Association {
    let (now, rand) = (SystemTime::now(), Rand(random()));
    let ks = Ks::new(random());
    lab.secret("Ks of nobody's", ks.danger_expose());
    Association {
        b_tid: BTid::new(&rand, &crate::lab::fqdn(crate::lab::BSF)),
        rand,
        ks,
        impi: lab.person.impi.clone(),
        tmpi: None,
        gba_mode: GbaMode::Me,
        gba_type: GbaType::ThreeG,
        created_at: now,
        expires_at: now + Duration::from_secs(600),
        guss: None,
    }
}

#[tokio::test]
async fn what_stands_behind_a_key_must_be_good_enough_for_the_naf() {
    let setup = setup(Person::new(GbaMode::U)).config(|config| {
        config.naf[0].gba_types = GbaTypes::of([GbaType::TwoG, GbaType::Digest]);
    });
    let lab = setup.start().await;
    let naf = Naf::new(&lab).await;
    let b_tid = lab.api().b_tid(false).await;
    assert_eq!(naf.ask(&query(&b_tid)).await, Err((ZnError::NotAuthorized, (403, FORBIDDEN))));
    for gba_type in [GbaType::TwoG, GbaType::Digest] {
        let weaker = Association { gba_type, ..association(&lab) };
        let b_tid = weaker.b_tid.to_string();
        lab.store().establish(weaker, SystemTime::now()).await.unwrap();
        assert_eq!(naf.ask(&query(&b_tid)).await.unwrap().gba_type, gba_type);
    }
    lab.finish().await;
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_the_bsfs_fault() {
    let lab = setup(Person::new(GbaMode::U)).start().await;
    let naf = Naf::new(&lab).await;
    give_settings(&lab, "<guss").await;
    let b_tid = lab.api().b_tid(false).await;
    let (_, outcomes) = naf.ask(&query_with(&b_tid, &[1])).await.unwrap_err();
    assert_eq!(outcomes, (500, Outcome::Result(ksnaf_proto::diameter::ResultCode::UNABLE_TO_COMPLY)));
    naf.ask(&query(&b_tid)).await.unwrap();
    lab.finish().await;
}
