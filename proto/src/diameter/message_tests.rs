use super::super::dictionary::base;
use super::*;
use hex_literal::hex;
use proptest::prelude::*;

/// A watchdog answer by hand: header, Result-Code 2001, Origin-Host "a.b", Origin-Realm "b".
const DWA: [u8; 56] = hex!(
    "01 000038 00 000118 00000000 11223344 55667788"
    "0000010c 40 00000c 000007d1"
    "00000108 40 00000b 612e62 00"
    "00000128 40 000009 62 000000"
);

fn unreadable(octets: &[u8]) -> Unreadable {
    match Message::decode(octets) {
        Err(DecodeError::Unreadable(unreadable)) => *unreadable,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_by_hand_is_read_and_written_back() {
    let message = Message::decode(&DWA).unwrap();
    let header = message.header;
    assert_eq!(header.command, CommandCode::DEVICE_WATCHDOG);
    assert_eq!((header.hop_by_hop, header.end_to_end), (0x1122_3344, 0x5566_7788));
    assert!(!message.is_request());
    assert_eq!(message.outcome(), Ok(Outcome::SUCCESS));
    assert_eq!(message.avps.required(&base::ORIGIN_HOST).unwrap().text(), Ok("a.b"));
    assert_eq!(message.encode().unwrap().danger_expose(), DWA);
}

#[test]
fn flags_are_kept_with_reserved_bits_and_print_as_letters() {
    let mut octets = DWA;
    octets[4] = 0xff;
    let message = Message::decode(&octets).unwrap();
    let flags = message.header.flags;
    assert!(flags.is_request() && flags.is_proxiable() && flags.is_error() && flags.is_retransmitted());
    assert_eq!(format!("{flags:?} {:?}", HeaderFlags(0x0f)), "RPET -");
    assert_eq!(flags.answered(true), HeaderFlags(0x60));
    assert_eq!(flags.answered(false), HeaderFlags(0x40));
    assert_eq!(message.encode().unwrap().danger_expose(), octets);
}

#[test]
fn a_wrong_version_is_5011_and_a_wrong_length_5015_and_the_stream_is_lost() {
    for (at, value, result) in [
        (0, 2, ResultCode::UNSUPPORTED_VERSION),
        (3, 0x34, ResultCode::INVALID_MESSAGE_LENGTH),
        (3, 0x39, ResultCode::INVALID_MESSAGE_LENGTH),
        (3, 0x00, ResultCode::INVALID_MESSAGE_LENGTH),
        (1, 0xff, ResultCode::INVALID_MESSAGE_LENGTH),
    ] {
        let mut octets = DWA;
        octets[at] = value;
        let unreadable = unreadable(&octets);
        assert_eq!(unreadable.fault, Fault::new(result));
        assert!(unreadable.stream_lost);
        assert_eq!(unreadable.message.header.hop_by_hop, 0x1122_3344);
    }
    assert!(unreadable(&DWA[..55]).stream_lost);
}

#[test]
fn a_broken_avp_is_5014_with_what_came_before_it() {
    let mut octets = DWA;
    octets[39] = 0xff;
    let unreadable = unreadable(&octets);
    assert!(!unreadable.stream_lost);
    assert_eq!(unreadable.fault.result, ResultCode::INVALID_AVP_LENGTH);
    assert_eq!(unreadable.message.avps.len(), 1);
    assert_eq!(
        unreadable.to_string(),
        "DIAMETER_INVALID_AVP_LENGTH (5014) in a Device-Watchdog (280) message"
    );
}

#[test]
fn every_truncation_is_refused() {
    for end in 0..DWA.len() {
        let refused = Message::decode(&DWA[..end]);
        assert_eq!(matches!(refused, Err(DecodeError::Truncated(_))), end < HEADER_LENGTH, "{end}");
        assert!(refused.is_err());
        // And with a length that fits what is left.
        let mut short = DWA[..end].to_vec();
        if let Some(length) = short.get_mut(3) {
            *length = u8::try_from(end).unwrap();
        }
        assert_eq!(Message::decode(&short).is_ok(), [20, 32, 44].contains(&end), "{end}");
    }
}

#[test]
fn a_message_above_24_bits_is_not_written() {
    let avp = |length| base::CLASS.octets(&vec![0; length]);
    let message = |avps| Message::request(CommandCode::MULTIMEDIA_AUTH, ApplicationId::ZH, avps);
    let limit = 0x00ff_ffff - 3 - 20 - 8;
    assert!(message(vec![avp(limit)]).encode().is_ok());
    assert_eq!(message(vec![avp(limit + 1)]).encode(), Err(TooLong));
    assert_eq!(message(vec![avp(1 << 23), avp(1 << 23)]).encode(), Err(TooLong));
}

#[test]
fn only_messages_between_peers_lack_the_p_flag() {
    let flags = |command| Message::request(command, ApplicationId::BASE, vec![]).header.flags;
    assert_eq!(flags(CommandCode::DEVICE_WATCHDOG), HeaderFlags(0x80));
    assert_eq!(flags(CommandCode::BOOTSTRAPPING_INFO), HeaderFlags(0xc0));
}

proptest! {
    #[test]
    fn random_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::decode(&octets);
        let mut framed = octets;
        framed.resize(framed.len().next_multiple_of(4).max(20), 0);
        let length = u8::try_from(framed.len()).unwrap();
        framed[..4].copy_from_slice(&[1, 0, 0, length]);
        if let Ok(message) = Message::decode(&framed) {
            let again = message.encode().unwrap();
            prop_assert_eq!(again.len(), framed.len());
            prop_assert_eq!(Message::decode(again.danger_expose()), Ok(message));
        }
    }

    #[test]
    fn one_octet_changed_never_panics(at in 0..DWA.len(), value: u8) {
        let mut octets = DWA;
        octets[at] = value;
        if let Ok(message) = Message::decode(&octets) {
            let _ = (message.outcome(), message.avps.check_mandatory(&[base::ALL]));
            message.avps.iter().for_each(|avp| drop((avp.grouped(), avp.address(), avp.text())));
        }
    }
}
