use super::*;
use crate::gba::guss::{BsfInfo, GsId, Uss};
use crate::gba::{NafId, UaSecurityProtocolId};
use crate::hex;
use crate::identity::Fqdn;
use crate::zh::witness::{impi, vector};
use crate::zn::{Allowed, NafRule, Principal, ZnPolicy};
use crate::zpn::gpi::{GpiError, LabLayout};
use crate::zpn::{PTid, PushQuery, PushUeId};

const NAF: &str = "naf1.operator.com";
/// Keys of `testdata/gba_computed_kat.json` for NAF and the generic push layer.
const KS_NAF: &str = "2f69f9a810ec3a29c554d50f0ff6155a32d84c556af439456888bb5c0cc7248e";
const KS_INT_NAF: &str = "f54a3f733d953afe13121a872f4350e48338f798310c12b37ef5fee678f943f8";

fn now() -> SystemTime {
    from_unix_seconds(1_893_427_200)
}

fn query(mode: GbaMode) -> PushQuery {
    PushQuery {
        ue_id: PushUeId::Private(impi()),
        uicc_app_label: "USIM".to_owned(),
        naf_id: NafId::new(Fqdn::parse(NAF).unwrap(), "gpl".parse::<UaSecurityProtocolId>().unwrap()),
        p_tid: PTid::parse("ptid-1").unwrap(),
        mode,
        requested_until: now() + Duration::from_secs(7200),
        private_identity: false,
        gba_u_aware: true,
        gs_ids: vec![GsId(1)],
        resync: None,
        security_features: vec![
            SecurityFeature("X".to_owned()),
            SecurityFeature(SecurityFeature::GPL_U.to_owned()),
        ],
    }
}

fn rule() -> NafRule {
    NafRule {
        ua_protocols: Allowed::Any,
        push: true,
        uicc_key: true,
        ..NafRule::new(Fqdn::parse(NAF).unwrap(), vec![NAF.to_owned()])
    }
}

fn guss(mode: GbaMode) -> Guss {
    let bsf_info = BsfInfo {
        uicc_type: Some(mode),
        life_time: Some(Duration::from_secs(3600)),
        security_features: vec![SecurityFeature(SecurityFeature::GPL_U.to_owned())],
    };
    Guss { bsf_info, uss: vec![Uss { gs_id: GsId(1), ..Uss::default() }], ..Guss::default() }
}

fn push(rule: NafRule, query: PushQuery, guss: Option<&Guss>) -> Result<PushAnswer, ZnError> {
    let policy = ZnPolicy::new(vec![rule]);
    let authorized = policy.authorize_push(&[Principal::host(NAF)], query)?;
    let key_lifetime = Duration::from_secs(60);
    let subscriber = PushSubscriber { impi: impi(), vector: vector(), guss, key_lifetime };
    answer(&authorized, subscriber, now(), |content, key| LabLayout::unconfirmed().build(content, key))
}

/// What a UE does: reads, asks the card, derives, checks.
fn receive(pushed: &PushAnswer, at: SystemTime) -> Result<GpiContent, GpiError> {
    let gpi = LabLayout::unconfirmed().read(&pushed.gpi)?;
    let (mode, rand, autn) = gpi.challenge();
    let card = vector();
    assert_eq!(rand, card.rand);
    let expected = if mode == GbaMode::U { autn_star(card.autn, &card.ik) } else { card.autn };
    assert_eq!(autn, expected);
    let key = kdf::ks_naf(&Ks::from_ck_ik(&card.ck, &card.ik), &rand, &impi(), gpi.naf_id());
    gpi.verify(&MeKey::new(*key.danger_expose()), at)
}

#[test]
fn both_ends_of_a_push_have_the_known_keys() {
    for mode in [GbaMode::Me, GbaMode::U] {
        let guss = guss(GbaMode::U);
        let pushed = push(rule(), query(mode), Some(&guss)).unwrap();
        assert_eq!(hex::encode(pushed.keys.me_key.danger_expose()), KS_NAF);
        let uicc_key = pushed.keys.uicc_key.as_ref().map(|key| hex::encode(key.danger_expose()));
        assert_eq!(uicc_key.as_deref(), (mode == GbaMode::U).then_some(KS_INT_NAF));
        let content = receive(&pushed, now()).unwrap();
        assert_eq!((content.p_tid.as_str(), content.mode), ("ptid-1", mode));
        assert_eq!(Some(content.expires_at), pushed.keys.expires_at);
        assert_eq!(receive(&pushed, content.expires_at), Err(GpiError::Expired));
    }
}

#[test]
fn the_card_keeps_a_key_only_where_there_is_such_a_card_and_leave() {
    assert_eq!(push(rule(), query(GbaMode::U), Some(&guss(GbaMode::Me))), Err(ZnError::NotAuthorized));
    assert_eq!(push(rule(), query(GbaMode::U), None), Err(ZnError::NotAuthorized));
    let with_card = guss(GbaMode::U);
    let no_leave = push(NafRule { uicc_key: false, ..rule() }, query(GbaMode::U), Some(&with_card)).unwrap();
    assert_eq!(no_leave.keys.uicc_key, None);
    let unaware = PushQuery { gba_u_aware: false, ..query(GbaMode::U) };
    assert_eq!(push(rule(), unaware, Some(&with_card)).unwrap().keys.uicc_key, None);
}

#[test]
fn an_association_ends_with_the_shorter_of_two_lifetimes() {
    let seconds = |query: PushQuery, guss: Option<&Guss>| {
        let expires_at = push(rule(), query, guss)?.keys.expires_at.unwrap();
        Ok(expires_at.duration_since(now()).unwrap().as_secs())
    };
    let until =
        |seconds| PushQuery { requested_until: now() + Duration::from_secs(seconds), ..query(GbaMode::Me) };
    let kept = guss(GbaMode::Me);
    assert_eq!(seconds(until(7200), Some(&kept)), Ok(3600));
    assert_eq!(seconds(until(600), Some(&kept)), Ok(600));
    assert_eq!(seconds(until(600), None), Ok(60));
    assert_eq!(seconds(until(0), Some(&kept)), Err(ZnError::NotAuthorized));
    let past = PushQuery { requested_until: SystemTime::UNIX_EPOCH, ..query(GbaMode::Me) };
    assert_eq!(seconds(past, Some(&kept)), Err(ZnError::NotAuthorized));
}

#[test]
fn identity_settings_and_features_are_told_only_under_the_rule() {
    let kept = guss(GbaMode::Me);
    let pushed = push(rule(), query(GbaMode::Me), Some(&kept)).unwrap();
    assert_eq!((&pushed.keys.impi, pushed.keys.uss.len()), (&None, 0));
    assert_eq!(pushed.security_features, [SecurityFeature(SecurityFeature::GPL_U.to_owned())]);
    let open = NafRule { private_identity: true, gs_ids: Allowed::Any, ..rule() };
    let unasked = push(open.clone(), query(GbaMode::Me), Some(&kept)).unwrap();
    assert_eq!((&unasked.keys.impi, unasked.keys.uss.len()), (&None, 1));
    let asked = PushQuery { private_identity: true, ..query(GbaMode::Me) };
    assert_eq!(push(open, asked, Some(&kept)).unwrap().keys.impi, Some(impi()));
    let demanding = NafRule { required_gs_ids: vec![GsId(9)], ..rule() };
    assert_eq!(push(demanding, query(GbaMode::Me), Some(&kept)), Err(ZnError::NotAuthorized));
}

#[test]
fn only_a_naf_that_may_push_pushes() {
    let kept = guss(GbaMode::Me);
    let never = NafRule { push: false, ..rule() };
    assert_eq!(push(never, query(GbaMode::Me), Some(&kept)), Err(ZnError::NotAuthorized));
    let naf_id = NafId::new(Fqdn::parse("naf2.operator.com").unwrap(), UaSecurityProtocolId::HTTP_DIGEST);
    let other = PushQuery { naf_id, ..query(GbaMode::Me) };
    assert_eq!(push(rule(), other, Some(&kept)), Err(ZnError::NotAuthorized));
    let other_types = NafRule { gba_types: vec![GbaType::Digest], ..rule() };
    assert_eq!(push(other_types, query(GbaMode::Me), Some(&kept)), Err(ZnError::NotAuthorized));
}

#[test]
fn without_a_layout_there_is_no_push() {
    let policy = ZnPolicy::new(vec![rule()]);
    let authorized = policy.authorize_push(&[Principal::host(NAF)], query(GbaMode::Me)).unwrap();
    let key_lifetime = Duration::from_secs(60);
    let subscriber = PushSubscriber { impi: impi(), vector: vector(), guss: None, key_lifetime };
    assert_eq!(answer(&authorized, subscriber, now(), |_, _| None), Err(ZnError::NoPushInfo));
}
