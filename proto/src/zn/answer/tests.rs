use super::*;
use crate::gba::guss::Namespace;
use crate::gba::lifetime::from_unix_seconds;
use crate::gba::{Ks, UaSecurityProtocolId};
use crate::hex;
use crate::identity::Fqdn;
use crate::zh::witness::{impi, vector};
use crate::zn::{Allowed, NafRule, Principal, ZnPolicy};
use proptest::prelude::*;
use std::time::Duration;

const NAF: &str = "naf1.operator.com";
/// Keys of `testdata/gba_computed_kat.json` for NAF and HTTP Digest.
const KS_NAF: &str = "0ded6046838e9558977bbf27bf6a2adc263a4e3e75f258b39cdcd1b03ac2a36e";
const KS_INT_NAF: &str = "17d1b249598683a240296079bbbc4f30f0feceb940d6121d8843927d9839996a";

fn fqdn(name: &str) -> Fqdn {
    Fqdn::parse(name).unwrap()
}

fn created() -> SystemTime {
    from_unix_seconds(1_893_427_200)
}

fn expiry() -> SystemTime {
    from_unix_seconds(1_893_456_000)
}

fn association(gba_mode: GbaMode, gba_type: GbaType) -> Association {
    let vector = vector();
    Association {
        b_tid: BTid::new(&vector.rand, &fqdn("bsf.mnc001.mcc001.pub.3gppnetwork.org")),
        rand: vector.rand,
        ks: Ks::from_ck_ik(&vector.ck, &vector.ik),
        impi: impi(),
        tmpi: None,
        gba_mode,
        gba_type,
        created_at: created(),
        expires_at: expiry(),
        guss: Some(guss().to_xml(Namespace::R9)),
    }
}

fn guss() -> Guss {
    let of = |gs_id, group: Option<&str>| Uss {
        gs_id: GsId(gs_id),
        naf_group: group.map(str::to_owned),
        uids: vec!["sip:user@lab.example".to_owned()],
        ..Uss::default()
    };
    Guss { uss: vec![of(1, None), of(2, Some("A")), of(3, None)], ..Guss::default() }
}

fn query(gs_ids: &[u32], gba_u_aware: bool) -> NafQuery {
    NafQuery {
        b_tid: association(GbaMode::Me, GbaType::ThreeG).b_tid,
        naf_id: NafId::new(fqdn(NAF), UaSecurityProtocolId::HTTP_DIGEST),
        gba_u_aware,
        gs_ids: gs_ids.iter().copied().map(GsId).collect(),
    }
}

fn rule() -> NafRule {
    NafRule { gs_ids: Allowed::Any, ..NafRule::new(fqdn(NAF), vec![NAF.to_owned()]) }
}

fn ask(rule: NafRule, query: NafQuery, association: Option<&Association>) -> Result<NafAnswer, ZnError> {
    let policy = ZnPolicy::new(vec![rule]);
    answer(&policy.authorize(&[Principal::host(NAF)], query)?, association, created())
}

#[test]
fn keys_are_the_known_answers() {
    let me = association(GbaMode::Me, GbaType::ThreeG);
    let answer = ask(rule(), query(&[], false), Some(&me)).unwrap();
    assert_eq!(hex::encode(answer.me_key.danger_expose()), KS_NAF);
    assert_eq!((answer.expires_at, answer.created_at), (Some(expiry()), Some(created())));
    assert_eq!((answer.uss.len(), answer.gba_type, &answer.impi), (0, GbaType::ThreeG, &None));
    let card = association(GbaMode::U, GbaType::ThreeG);
    let answer = ask(NafRule { uicc_key: true, ..rule() }, query(&[], true), Some(&card)).unwrap();
    assert_eq!(hex::encode(answer.me_key.danger_expose()), KS_NAF);
    assert_eq!(hex::encode(answer.uicc_key.unwrap().danger_expose()), KS_INT_NAF);
}

#[test]
fn the_key_of_the_card_needs_a_card_an_aware_naf_and_leave() {
    for mode in [GbaMode::Me, GbaMode::U] {
        for aware in [false, true] {
            for allowed in [false, true] {
                let association = association(mode, GbaType::ThreeG);
                let rule = NafRule { uicc_key: allowed, ..rule() };
                let answer = ask(rule, query(&[], aware), Some(&association)).unwrap();
                let given = mode == GbaMode::U && aware && allowed;
                assert_eq!(answer.uicc_key.is_some(), given, "{mode} {aware} {allowed}");
                assert_eq!(hex::encode(answer.me_key.danger_expose()), KS_NAF);
            }
        }
    }
}

#[test]
fn identity_and_settings_are_told_only_under_the_rule() {
    let kept = association(GbaMode::Me, GbaType::ThreeG);
    let told = |rule: NafRule, gs_ids: &[u32]| {
        let answer = ask(rule, query(gs_ids, false), Some(&kept)).unwrap();
        (answer.impi.is_some(), answer.uss.iter().map(|uss| uss.gs_id.0).collect::<Vec<_>>())
    };
    assert_eq!(told(rule(), &[3, 1, 2, 9]), (false, vec![3, 1]));
    let listed = NafRule { gs_ids: Allowed::Listed(vec![GsId(3)]), ..rule() };
    assert_eq!(told(listed, &[1, 2, 3]), (false, vec![3]));
    let grouped = NafRule { naf_groups: vec!["A".to_owned()], private_identity: true, ..rule() };
    assert_eq!(told(grouped.clone(), &[2]), (true, vec![2]));
    assert_eq!(told(grouped, &[]), (true, vec![]));
    assert_eq!(told(NafRule { gs_ids: Allowed::Listed(Vec::new()), ..rule() }, &[1, 2, 3]), (false, vec![]));
}

#[test]
fn a_rule_may_demand_settings_of_the_subscriber() {
    let demanding = |gs_id, groups: &[&str]| NafRule {
        required_gs_ids: vec![GsId(gs_id)],
        naf_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..rule()
    };
    let kept = association(GbaMode::Me, GbaType::ThreeG);
    let without = Association { guss: None, ..kept.clone() };
    let ask = |rule, association: &Association| ask(rule, query(&[], false), Some(association)).map(|_| ());
    assert_eq!(ask(demanding(1, &[]), &kept), Ok(()));
    assert_eq!(ask(demanding(2, &["A"]), &kept), Ok(()));
    assert_eq!(ask(demanding(2, &[]), &kept), Err(ZnError::NotAuthorized));
    assert_eq!(ask(demanding(9, &["A"]), &kept), Err(ZnError::NotAuthorized));
    assert_eq!(ask(demanding(1, &[]), &without), Err(ZnError::NotAuthorized));
}

#[test]
fn settings_that_cannot_be_read_stop_only_those_who_need_them() {
    let damaged = Association { guss: Some(b"<guss".to_vec()), ..association(GbaMode::Me, GbaType::ThreeG) };
    assert!(ask(rule(), query(&[], false), Some(&damaged)).is_ok());
    assert_eq!(ask(rule(), query(&[1], false), Some(&damaged)), Err(ZnError::Settings));
}

#[test]
fn other_bootstraps_need_leave_and_say_what_they_are() {
    for gba_type in [GbaType::ThreeG, GbaType::TwoG, GbaType::Digest] {
        let association = association(GbaMode::Me, gba_type);
        let given = ask(rule(), query(&[], false), Some(&association));
        let expected = if gba_type == GbaType::ThreeG { Ok(gba_type) } else { Err(ZnError::NotAuthorized) };
        assert_eq!(given.map(|answer| answer.gba_type), expected);
        let open = NafRule { gba_types: vec![gba_type], ..rule() };
        let answer = ask(open, query(&[], false), Some(&association)).unwrap();
        assert_eq!(answer.gba_type, gba_type);
        // The NAF key of GBA_Digest is derived under another label.
        assert_eq!(hex::encode(answer.me_key.danger_expose()) == KS_NAF, gba_type != GbaType::Digest);
    }
}

#[test]
fn an_association_counts_until_its_end_and_for_its_b_tid() {
    let kept = association(GbaMode::Me, GbaType::ThreeG);
    let policy = ZnPolicy::new(vec![rule()]);
    let authorized = policy.authorize(&[Principal::host(NAF)], query(&[], false)).unwrap();
    let at = |now| answer(&authorized, Some(&kept), now).map(|_| ());
    assert_eq!(at(expiry() - Duration::from_secs(1)), Ok(()));
    assert_eq!(at(expiry()), Err(ZnError::UnknownTransaction));
    assert_eq!(at(expiry() + Duration::from_secs(1)), Err(ZnError::UnknownTransaction));
    assert_eq!(answer(&authorized, None, created()).err(), Some(ZnError::UnknownTransaction));
    let other = Association { b_tid: BTid::parse("eA==@bsf.example").unwrap(), ..kept };
    assert_eq!(answer(&authorized, Some(&other), created()).err(), Some(ZnError::UnknownTransaction));
}

#[test]
fn a_naf_gets_only_its_own_names_and_protocols() {
    let policy = ZnPolicy::new(vec![
        NafRule::new(fqdn("naf1.operator.com"), vec!["naf1.operator.com".to_owned(), "token-1".to_owned()]),
        NafRule {
            ua_protocols: Allowed::Any,
            ..NafRule::new(fqdn("naf2.operator.com"), vec!["naf2.operator.com".to_owned()])
        },
    ]);
    let digest = UaSecurityProtocolId::HTTP_DIGEST;
    let may = |caller: &[Principal], name: &str, ua| {
        let naf_id = NafId::new(fqdn(name), ua);
        policy.authorize(caller, NafQuery { naf_id, ..query(&[], false) }).is_ok()
    };
    let host = |name: &str| [Principal::host(name)];
    let token = |name: &str| [Principal::Name(name.to_owned())];
    assert!(may(&host("NAF1.Operator.com"), "naf1.operator.com", digest));
    assert!(may(&host("naf1.operator.com"), "NAF1.operator.com", digest), "names of hosts have no case");
    assert!(may(&token("token-1"), "naf1.operator.com", digest));
    assert!(!may(&token("TOKEN-1"), "naf1.operator.com", digest), "tokens have");
    assert!(!may(&host("naf2.operator.com"), "naf1.operator.com", digest));
    assert!(!may(&host("naf1.operator.com"), "naf2.operator.com", digest));
    assert!(!may(&host("evil.naf1.operator.com"), "naf1.operator.com", digest));
    assert!(!may(&host("naf1.operator.com"), "naf1.operator.com", UaSecurityProtocolId::TLS13_PSK));
    assert!(may(&host("naf2.operator.com"), "naf2.operator.com", UaSecurityProtocolId::TLS13_PSK));
    assert!(!may(&host("naf3.operator.com"), "naf3.operator.com", digest));
    assert!(!may(&[], "naf1.operator.com", digest));
}

#[test]
fn every_error_has_one_meaning_on_each_wire() {
    for (error, outcome, status, cause) in [
        (ZnError::UnknownIdentity, 5401, 404, "USER_NOT_FOUND"),
        (ZnError::NotAuthorized, 5402, 403, "SERVICE_NOT_ALLOWED"),
        (ZnError::UnknownTransaction, 5403, 404, "CONTEXT_NOT_FOUND"),
        (ZnError::Settings, 5012, 500, "SYSTEM_FAILURE"),
        (ZnError::AuthenticationRejected, 5012, 403, "AUTHENTICATION_REJECTED"),
        (ZnError::NoPushInfo, 5012, 501, "GBA_PUSH_INFO_UNAVAILABLE"),
        (ZnError::Unavailable, 3004, 503, "NF_CONGESTION"),
    ] {
        let code = match error.outcome() {
            Outcome::Result(code) => code.0,
            Outcome::Experimental { code, .. } => code,
        };
        assert_eq!(code, outcome);
        let problem = error.problem();
        assert_eq!((problem.status, problem.cause.as_deref()), (Some(status), Some(cause)));
        let named = !matches!(error, ZnError::Settings);
        let on_diameter = named && error.outcome() != ZnError::Settings.outcome();
        let back = |known| if known { error } else { ZnError::Unavailable };
        assert_eq!(ZnError::from_outcome(error.outcome()), back(on_diameter));
        assert_eq!(ZnError::from_status(status, Some(cause)), back(named));
    }
    assert_eq!(ZnError::from_status(404, None), ZnError::UnknownTransaction);
    assert_eq!(ZnError::from_status(404, Some("RESOURCE_URI_STRUCTURE_NOT_FOUND")), ZnError::Unavailable);
    assert_eq!(ZnError::from_status(401, None), ZnError::Unavailable);
}

#[test]
fn debug_shows_no_key_and_no_whole_identity() {
    let open = NafRule { private_identity: true, ..rule() };
    let kept = association(GbaMode::U, GbaType::ThreeG);
    let shown = format!("{:?} {kept:?}", ask(open, query(&[1], true), Some(&kept)).unwrap());
    assert!(!shown.contains("13, 237, 96") && !shown.contains("001010123456789@"), "{shown}");
}

proptest! {
    #[test]
    fn what_no_rule_grants_is_never_given(
        gs_ids in proptest::collection::vec(0_u32..5, 0..5),
        allowed in proptest::collection::vec(0_u32..5, 0..3),
        group: bool, aware: bool, uicc_key: bool, private_identity: bool, card: bool,
    ) {
        let mode = if card { GbaMode::U } else { GbaMode::Me };
        let allowed: Vec<GsId> = allowed.into_iter().map(GsId).collect();
        let rule = NafRule {
            gs_ids: Allowed::Listed(allowed.clone()),
            naf_groups: if group { vec!["A".to_owned()] } else { Vec::new() },
            uicc_key, private_identity,
            ..rule()
        };
        let answer = ask(rule, query(&gs_ids, aware), Some(&association(mode, GbaType::ThreeG))).unwrap();
        prop_assert_eq!(answer.uicc_key.is_some(), card && aware && uicc_key);
        prop_assert_eq!(answer.impi.is_some(), private_identity);
        for uss in &answer.uss {
            prop_assert!(allowed.contains(&uss.gs_id) && gs_ids.contains(&uss.gs_id.0));
            prop_assert!(uss.naf_group.is_none() && (group || uss.gs_id != GsId(2)));
        }
    }
}
