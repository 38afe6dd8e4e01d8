use super::*;
use crate::gba::lifetime::from_unix_seconds;
use crate::zh::witness::impi;
use proptest::prelude::*;

const REQUEST: &str = r#"{"btId":"I1U8vpY3qJ0hiuZNrke/NQ==@bsf.lab.example","nafId":{"nafFqdn":"naf.lab.example","uaSecProtId":"0100000002"},"gbaUAware":true,"gsIds":[1000000]}"#;

const RESPONSE: &str = r#"{"meKeyMaterial":"0ded6046838e9558977bbf27bf6a2adc263a4e3e75f258b39cdcd1b03ac2a36e","uiccKeyMaterial":"17d1b249598683a240296079bbbc4f30f0feceb940d6121d8843927d9839996a","keyExpiryTime":"2030-01-01T00:00:00Z","bootstrappingInfoCreationTime":"2029-12-31T16:00:00Z","ussList":[{"uss":{"gsId":1,"gsType":2,"ueIds":[{"ueId":"sip:a@b"}],"flags":[{"flag":7}],"keyChoice":"ME_BASED_KEY"}}],"gbaType":"3G_GBA","impi":"001010123456789@ims.mnc001.mcc001.3gppnetwork.org"}"#;

fn query() -> NafQuery {
    NafQuery {
        b_tid: BTid::parse("I1U8vpY3qJ0hiuZNrke/NQ==@bsf.lab.example").unwrap(),
        naf_id: NafId::new(Fqdn::parse("naf.lab.example").unwrap(), UaSecurityProtocolId::HTTP_DIGEST),
        gba_u_aware: true,
        gs_ids: vec![GsId(1_000_000)],
    }
}

fn given() -> NafAnswer {
    let me = "0ded6046838e9558977bbf27bf6a2adc263a4e3e75f258b39cdcd1b03ac2a36e";
    let uicc = "17d1b249598683a240296079bbbc4f30f0feceb940d6121d8843927d9839996a";
    NafAnswer {
        me_key: MeKey::new(hex::decode_array(me).unwrap()),
        uicc_key: hex::decode_array(uicc).map(KsIntNaf::new),
        expires_at: Some(from_unix_seconds(1_893_456_000)),
        created_at: Some(from_unix_seconds(1_893_427_200)),
        uss: vec![Uss {
            gs_id: GsId(1),
            service_type: crate::gba::guss::ServiceType::AUTHENTICATION_PROXY,
            uids: vec!["sip:a@b".to_owned()],
            flags: vec![7],
            key_choice: Some(crate::gba::guss::KeyChoice::Me),
            ..Uss::default()
        }],
        gba_type: GbaType::ThreeG,
        impi: Some(impi()),
    }
}

#[test]
fn requests_are_what_the_api_defines() {
    assert_eq!(query().to_json(), REQUEST.as_bytes());
    assert_eq!(NafQuery::parse_json(REQUEST.as_bytes()), Ok(query()));
    let least = br#"{"new":{},"btId":"I1U8vpY3qJ0hiuZNrke/NQ==@bsf.lab.example","nafId":{"nafFqdn":"NAF.lab.example.","uaSecProtId":"01000100A8"}}"#;
    let read = NafQuery::parse_json(least).unwrap();
    assert_eq!((read.gba_u_aware, read.gs_ids.len()), (false, 0));
    assert_eq!(read.naf_id.to_string(), "naf.lab.example/01000100a8");
}

#[test]
fn requests_that_cannot_be_taken_say_which_member_is_wrong() {
    for (from, to, status, cause, param) in [
        ("\"btId\"", "\"b\"", 400, "MANDATORY_IE_MISSING", Some("/btId")),
        ("\"nafId\"", "\"n\"", 400, "MANDATORY_IE_MISSING", Some("/nafId")),
        ("\"nafFqdn\"", "\"f\"", 400, "MANDATORY_IE_MISSING", Some("/nafId/nafFqdn")),
        ("\"uaSecProtId\"", "\"u\"", 400, "MANDATORY_IE_MISSING", Some("/nafId/uaSecProtId")),
        ("naf.lab", "naf lab", 400, "MANDATORY_IE_INCORRECT", Some("/nafId/nafFqdn")),
        ("0100000002", "010000000", 400, "MANDATORY_IE_INCORRECT", Some("/nafId/uaSecProtId")),
        ("0100000002", "http-digest", 400, "MANDATORY_IE_INCORRECT", Some("/nafId/uaSecProtId")),
        ("I1U8", "I 1U8", 404, "CONTEXT_NOT_FOUND", None),
        ("true", "1", 400, "INVALID_MSG_FORMAT", None),
        ("[1000000]", "[-1]", 400, "INVALID_MSG_FORMAT", None),
        ("{\"btId", "[\"btId", 400, "INVALID_MSG_FORMAT", None),
        ("\"gbaUAware\":true", "\"gbaUAware\":true,\"gbaUAware\":true", 400, "INVALID_MSG_FORMAT", None),
    ] {
        let body = REQUEST.replace(from, to);
        let problem = NafQuery::parse_json(body.as_bytes()).unwrap_err().problem();
        let found = problem.invalid_params.first().map(|invalid| invalid.param.as_str());
        assert_eq!(
            (problem.status, problem.cause.as_deref(), found),
            (Some(status), Some(cause), param),
            "{body}"
        );
    }
    let large = vec![b' '; crate::sbi::MAX_BODY + 1];
    assert_eq!(NafQuery::parse_json(&large).unwrap_err().problem().status, Some(413));
    for end in 0..REQUEST.len() {
        assert!(NafQuery::parse_json(&REQUEST.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[test]
fn answers_are_what_the_api_defines() {
    assert_eq!(answer(&given()).danger_expose(), RESPONSE.as_bytes());
    assert_eq!(read_answer(200, RESPONSE.as_bytes()), Ok(given()));
    let least = br#"{"meKeyMaterial":"0DED6046838E9558977BBF27BF6A2ADC263A4E3E75F258B39CDCD1B03AC2A36E"}"#;
    let read = read_answer(200, least).unwrap();
    assert_eq!((read.me_key, read.expires_at, read.gba_type), (given().me_key, None, GbaType::ThreeG));
    for end in 0..RESPONSE.len() {
        assert!(read_answer(200, &RESPONSE.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[test]
fn answers_that_cannot_be_used_are_told_apart_and_show_no_key() {
    for (from, to, wrong) in [
        ("meKeyMaterial\":\"0d", "meKeyMaterial\":\"", "meKeyMaterial"),
        ("uiccKeyMaterial\":\"17", "uiccKeyMaterial\":\"", "uiccKeyMaterial"),
        ("3G_GBA", "5G_GBA", "gbaType"),
        ("001010123456789@", "", "impi"),
    ] {
        let error = read_answer(200, RESPONSE.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error, AnswerError::Incorrect(wrong));
        assert_eq!(error.zn_error(), ZnError::Unavailable);
    }
    let error = read_answer(200, RESPONSE.replace("0ded60", "0dedxy").as_bytes()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("0ded"));
    let later = RESPONSE.replace("ME_BASED_KEY", "LATER");
    assert!(read_answer(200, later.as_bytes()).is_ok());
}

#[test]
fn refusals_come_back_as_what_they_were() {
    for error in [ZnError::NotAuthorized, ZnError::UnknownTransaction, ZnError::Unavailable] {
        let problem = error.problem();
        let read = read_answer(problem.status.unwrap(), &problem.to_json()).unwrap_err();
        assert_eq!(read.zn_error(), error);
    }
    assert_eq!(read_answer(404, b"<html>").unwrap_err().zn_error(), ZnError::UnknownTransaction);
    assert_eq!(read_answer(502, b"").unwrap_err().zn_error(), ZnError::Unavailable);
}

proptest! {
    #[test]
    fn both_bodies_survive(
        key: [u8; 32], gs_ids in proptest::collection::vec(any::<u32>(), 0..4), ua: [u8; 5], aware: bool,
    ) {
        let naf_id = NafId::new(query().naf_id.fqdn, UaSecurityProtocolId(ua));
        let gs_ids = gs_ids.into_iter().map(GsId).collect();
        let asked = NafQuery { naf_id, gs_ids, gba_u_aware: aware, ..query() };
        prop_assert_eq!(NafQuery::parse_json(&asked.to_json()), Ok(asked));
        let given = NafAnswer { me_key: MeKey::new(key), ..given() };
        prop_assert_eq!(read_answer(200, answer(&given).danger_expose()), Ok(given));
    }

    #[test]
    fn no_body_makes_it_panic(body in "(\\{|\\}|\\[|\\]|\"|:|,|btId|nafId|meKeyMaterial|0|a){0,40}", status: u16) {
        let _ = NafQuery::parse_json(body.as_bytes());
        let _ = read_answer(status, body.as_bytes());
    }
}
