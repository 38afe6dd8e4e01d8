use super::*;
use crate::gba::lifetime::from_unix_seconds;
use crate::gba::{NafId, UaSecurityProtocolId};
use crate::hex;
use crate::identity::{Fqdn, Impu};
use crate::zh::witness::resync;
use crate::zn::{MeKey, ZnError};
use proptest::prelude::*;

const REQUEST: &str = r#"{"ueId":"sip:user@lab.example","ueIdType":"PUBLIC","uiccAppLabel":"USIM","nafId":{"nafFqdn":"naf.lab.example","uaSecProtId":"0100000005"},"ptId":"ptid-1","uiccOrMe":"GBA_U","requestedLifeTime":"2030-01-01T00:00:00Z","privateIdRequest":true,"gbaUAware":true,"gsIds":[1],"auts":"000102030405060708090a0b0c0d","rand":"23553cbe9637a89d218ae64dae47bf35","securityFeaturesRequest":["GPL_U"]}"#;

const RESPONSE: &str = r#"{"meKeyMaterial":"2f69f9a810ec3a29c554d50f0ff6155a32d84c556af439456888bb5c0cc7248e","keyExpiryTime":"2030-01-01T00:00:00Z","gbaType":"3G_GBA","gbaPushInfo":"00ff10","securityFeaturesResponse":["GPL_U"]}"#;

fn query() -> PushQuery {
    PushQuery {
        ue_id: PushUeId::Public(Impu::parse("sip:user@lab.example").unwrap()),
        uicc_app_label: "USIM".to_owned(),
        naf_id: NafId::new(Fqdn::parse("naf.lab.example").unwrap(), UaSecurityProtocolId([1, 0, 0, 0, 5])),
        p_tid: PTid::parse("ptid-1").unwrap(),
        mode: GbaMode::U,
        requested_until: from_unix_seconds(1_893_456_000),
        private_identity: true,
        gba_u_aware: true,
        gs_ids: vec![GsId(1)],
        resync: Some(resync()),
        security_features: vec![SecurityFeature("GPL_U".to_owned())],
    }
}

fn given() -> PushAnswer {
    let me = "2f69f9a810ec3a29c554d50f0ff6155a32d84c556af439456888bb5c0cc7248e";
    PushAnswer {
        keys: NafAnswer {
            me_key: MeKey::new(hex::decode_array(me).unwrap()),
            uicc_key: None,
            expires_at: Some(from_unix_seconds(1_893_456_000)),
            created_at: None,
            uss: Vec::new(),
            gba_type: crate::gba::GbaType::ThreeG,
            impi: None,
        },
        gpi: GbaPushInfo(vec![0x00, 0xff, 0x10]),
        security_features: vec![SecurityFeature("GPL_U".to_owned())],
    }
}

#[test]
fn requests_are_what_the_api_defines() {
    assert_eq!(query().to_json(), REQUEST.as_bytes());
    assert_eq!(PushQuery::parse_json(REQUEST.as_bytes()), Ok(query()));
    let least = br#"{"ueId":"a@b","ueIdType":"PRIVATE","uiccAppLabel":"","nafId":{"nafFqdn":"naf.lab.example","uaSecProtId":"0100000005"},"ptId":"p","uiccOrMe":"GBA_ME","requestedLifeTime":"2030-01-01T00:00:00+00:00"}"#;
    let read = PushQuery::parse_json(least).unwrap();
    assert_eq!((read.mode, read.resync, read.ue_id.is_public()), (GbaMode::Me, None, false));
}

#[test]
fn requests_that_cannot_be_taken_say_which_member_is_wrong() {
    for (from, to, cause, param) in [
        ("\"ueId\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/ueId")),
        ("\"ueIdType\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/ueIdType")),
        ("PUBLIC", "NEW", "MANDATORY_IE_INCORRECT", Some("/ueIdType")),
        ("sip:user@", "", "MANDATORY_IE_INCORRECT", Some("/ueId")),
        ("\"uiccAppLabel\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/uiccAppLabel")),
        ("\"nafId\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/nafId")),
        ("\"ptId\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/ptId")),
        ("ptid-1", "a b", "MANDATORY_IE_INCORRECT", Some("/ptId")),
        ("\"uiccOrMe\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/uiccOrMe")),
        ("GBA_U\"", "GBA\"", "MANDATORY_IE_INCORRECT", Some("/uiccOrMe")),
        ("\"requestedLifeTime\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/requestedLifeTime")),
        ("2030", "soon", "INVALID_MSG_FORMAT", None),
        ("\"rand\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/rand")),
        ("\"auts\"", "\"x\"", "MANDATORY_IE_MISSING", Some("/auts")),
        ("0c0d\"", "0c\"", "MANDATORY_IE_INCORRECT", Some("/auts")),
    ] {
        let body = REQUEST.replacen(from, to, 1);
        let problem = PushQuery::parse_json(body.as_bytes()).unwrap_err().problem();
        let found = problem.invalid_params.first().map(|invalid| invalid.param.as_str());
        assert_eq!(
            (problem.status, problem.cause.as_deref(), found),
            (Some(400), Some(cause), param),
            "{body}"
        );
    }
    for end in 0..REQUEST.len() {
        assert!(PushQuery::parse_json(&REQUEST.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[test]
fn answers_are_what_the_api_defines() {
    assert_eq!(answer(&given()).danger_expose(), RESPONSE.as_bytes());
    assert_eq!(read_answer(200, RESPONSE.as_bytes()), Ok(given()));
    for (from, to) in [("\"00ff10\"", "\"\""), ("gbaPushInfo", "x")] {
        let error = read_answer(200, RESPONSE.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error, AnswerError::Incorrect("gbaPushInfo"));
    }
    for error in [ZnError::UnknownIdentity, ZnError::NotAuthorized, ZnError::Unavailable] {
        let problem = error.problem();
        let read = read_answer(problem.status.unwrap(), &problem.to_json()).unwrap_err();
        assert_eq!(read.zn_error(), error);
    }
    for end in 0..RESPONSE.len() {
        assert!(read_answer(200, &RESPONSE.as_bytes()[..end]).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn both_bodies_survive(rand: [u8; 16], auts: [u8; 14], gpi in proptest::collection::vec(any::<u8>(), 1..80)) {
        let asked = PushQuery { resync: Some((Rand(rand), Auts(auts))), ..query() };
        prop_assert_eq!(PushQuery::parse_json(&asked.to_json()), Ok(asked));
        let given = PushAnswer { gpi: GbaPushInfo(gpi), ..given() };
        prop_assert_eq!(read_answer(200, answer(&given).danger_expose()), Ok(given));
    }
}
