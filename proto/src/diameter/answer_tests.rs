use super::super::code::{ApplicationId, CommandCode, VendorId};
use super::super::header::HeaderFlags;
use super::super::identity::DiameterIdentity;
use super::super::message::DecodeError;
use super::super::result_code::TgppResultCode;
use super::*;

fn origin() -> Origin {
    let identity = |text| DiameterIdentity::parse(text).unwrap();
    Origin { host: identity("bsf.example"), realm: identity("example") }
}

fn proxy(state: u8) -> Avp {
    base::PROXY_INFO.grouped(&[base::PROXY_HOST.text("proxy.example"), base::PROXY_STATE.octets(&[state])])
}

fn request() -> Message {
    let avps = vec![
        proxy(1),
        base::SESSION_ID.text("naf;1;2"),
        base::DESTINATION_REALM.text("example"),
        proxy(2),
        base::ROUTE_RECORD.text("relay.example"),
    ];
    let mut request = Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZN, avps);
    request.header.flags = HeaderFlags(0xd0);
    (request.header.hop_by_hop, request.header.end_to_end) = (7, 8);
    request
}

#[test]
fn an_answer_copies_identifiers_session_and_proxy_info_and_no_route() {
    let answer = Answer::new(&request(), &origin(), Outcome::SUCCESS).with(base::USER_NAME.text("x")).build();
    assert_eq!(answer.header, Header { flags: HeaderFlags(0x40), ..request().header });
    let expected = [
        base::SESSION_ID.text("naf;1;2"),
        base::RESULT_CODE.unsigned32(2001),
        base::ORIGIN_HOST.text("bsf.example"),
        base::ORIGIN_REALM.text("example"),
        base::USER_NAME.text("x"),
        proxy(1),
        proxy(2),
    ];
    assert!(answer.avps.iter().eq(&expected));
}

#[test]
fn the_e_flag_marks_protocol_errors_and_answers_without_the_commands_grammar() {
    let e = |answer: Answer| answer.build().header.flags.is_error();
    let fault = |code| Fault::new(ResultCode(code));
    for (code, by_application, by_node) in [(3002, true, true), (5012, false, true), (4002, false, false)] {
        assert_eq!(e(Answer::fault(&request(), &origin(), &fault(code))), by_application, "{code}");
        assert_eq!(e(Answer::error(&request(), &origin(), &fault(code))), by_node, "{code}");
    }
    let denied = Outcome::tgpp(TgppResultCode::NOT_AUTHORIZED);
    assert!(!e(Answer::new(&request(), &origin(), denied)));
    assert!(e(Answer::command_unsupported(&request(), &origin())));
}

#[test]
fn a_fault_is_shown_in_failed_avp() {
    let culprit = Avp::new(9999, VendorId(77), true, [1][..].into());
    let fault = Fault::with(ResultCode::AVP_UNSUPPORTED, culprit.clone());
    let answer = Answer::fault(&request(), &origin(), &fault).build();
    assert_eq!(answer.outcome(), Ok(Outcome::Result(ResultCode::AVP_UNSUPPORTED)));
    let failed = answer.avps.required(&base::FAILED_AVP).unwrap().grouped().unwrap();
    assert!(failed.iter().eq([&culprit]));
    let plain = Answer::fault(&request(), &origin(), &Fault::new(ResultCode::UNABLE_TO_COMPLY)).build();
    assert!(plain.avps.first(&base::FAILED_AVP).is_none());
}

#[test]
fn a_request_with_a_broken_avp_is_answered_with_its_session() {
    let mut octets = request().encode().unwrap().danger_expose().to_vec();
    let end = octets.len();
    octets[end - 17] = 0xff;
    let Err(DecodeError::Unreadable(unreadable)) = Message::decode(&octets) else { panic!() };
    let answer = Answer::error(&unreadable.message, &origin(), &unreadable.fault).build();
    assert_eq!(answer.avps.required(&base::SESSION_ID).unwrap().text(), Ok("naf;1;2"));
    assert_eq!(answer.outcome(), Ok(Outcome::Result(ResultCode::INVALID_AVP_LENGTH)));
    assert_eq!(answer.header.hop_by_hop, 7);
    assert_eq!(answer.avps.all(&base::PROXY_INFO).count(), 2);
}

#[test]
fn a_duplicate_gets_the_same_answer_under_its_own_identifiers() {
    let answer = Answer::new(&request(), &origin(), Outcome::SUCCESS).build();
    let mut again = request();
    again.header.hop_by_hop = 99;
    again.avps.retain(|avp| !avp.is(&base::PROXY_INFO));
    again.avps.push(proxy(3));
    let second = readdress(&answer, &RequestHead::of(&again));
    assert_eq!((second.header.hop_by_hop, second.header.end_to_end), (99, 8));
    assert_eq!(second.outcome(), Ok(Outcome::SUCCESS));
    assert!(second.avps.all(&base::PROXY_INFO).eq([&proxy(3)]));
}
