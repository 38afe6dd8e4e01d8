//! Messages that another implementation wrote: `testdata/diameter_python.json` names it.

use super::dictionary::{base, cx, gba};
use super::*;
use crate::hex;
use serde_json::Value;

fn messages() -> Vec<(Value, Vec<u8>)> {
    let file: Value = serde_json::from_str(include_str!("../../testdata/diameter_python.json")).unwrap();
    let messages = file["messages"].as_array().unwrap().clone();
    messages.into_iter().map(|m| (m.clone(), hex::decode(m["hex"].as_str().unwrap()).unwrap())).collect()
}

fn message(name: &str) -> Message {
    let (_, octets) = messages().into_iter().find(|(fields, _)| fields["name"] == name).unwrap();
    Message::decode(&octets).unwrap()
}

fn fields_of(avp: &Avp) -> String {
    let flag = if avp.flags().is_mandatory() { "M" } else { "-" };
    format!("{}:{}:{flag}:{}", avp.code(), avp.vendor().0, hex::encode(avp.data().danger_expose()))
}

#[test]
fn every_message_is_read_as_its_writer_reads_it() {
    let all = messages();
    assert_eq!(all.len(), 12);
    for (fields, octets) in all {
        let Message { header, avps } = Message::decode(&octets).unwrap();
        assert_eq!(fields["command"], header.command.value());
        assert_eq!(fields["application"], header.application.0);
        assert_eq!(fields["request"], header.flags.is_request());
        assert_eq!(fields["proxiable"], header.flags.is_proxiable());
        assert_eq!(fields["error"], header.flags.is_error());
        assert_eq!(fields["hop_by_hop"], header.hop_by_hop);
        assert_eq!(fields["end_to_end"], header.end_to_end);
        // Its writer sorts AVPs into the order of its classes when it reads.
        let mut read: Vec<_> = avps.iter().map(fields_of).collect();
        let mut expected: Vec<_> =
            fields["avps"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        read.sort_unstable();
        expected.sort_unstable();
        assert_eq!(read, expected, "{}", fields["name"]);
    }
}

#[test]
fn every_message_is_written_bit_exact_groups_rebuilt_from_their_members() {
    for (fields, octets) in messages() {
        let mut message = Message::decode(&octets).unwrap();
        assert_eq!(message.encode().unwrap().danger_expose(), octets, "{}", fields["name"]);
        let rebuilt: Vec<_> = message.avps.iter().map(rebuild).collect();
        message.avps = Avps::from(rebuilt);
        assert_eq!(message.encode().unwrap().danger_expose(), octets, "{}", fields["name"]);
    }
}

/// The same AVP from its dictionary entry and its typed value.
fn rebuild(avp: &Avp) -> Avp {
    let def = dictionary::find(avp.vendor(), avp.code()).unwrap();
    match def.kind {
        AvpKind::Grouped => def.grouped(&avp.grouped().unwrap().iter().map(rebuild).collect::<Vec<_>>()),
        AvpKind::Unsigned32 | AvpKind::Enumerated => def.unsigned32(avp.unsigned32().unwrap()),
        AvpKind::Unsigned64 => def.unsigned64(avp.unsigned64().unwrap()),
        AvpKind::Time => def.time(avp.time().unwrap()),
        AvpKind::Address => def.address(avp.address().unwrap()),
        AvpKind::Identity => def.identity(&avp.identity().unwrap()),
        AvpKind::Utf8String | AvpKind::Uri => def.text(avp.text().unwrap()),
        AvpKind::OctetString => def.secret(avp.data().clone()),
    }
}

#[test]
fn every_avp_is_known_to_its_application() {
    for (fields, octets) in messages() {
        let message = Message::decode(&octets).unwrap();
        let known = message.avps.check_mandatory(&[base::ALL, cx::ALL, gba::ALL]);
        assert_eq!(known, Ok(()), "{}", fields["name"]);
    }
}

#[test]
fn every_truncation_of_every_message_is_refused_or_waited_for() {
    for (_, octets) in messages() {
        for end in 0..octets.len() {
            assert!(Message::decode(&octets[..end]).is_err());
            let mut reader = MessageReader::default();
            reader.push(&octets[..end]);
            assert_eq!(reader.next_message(), None);
            reader.push(&octets[end..]);
            assert!(reader.next_message().unwrap().is_ok());
        }
    }
}

#[test]
fn a_vector_and_a_naf_key_are_found_where_the_applications_look() {
    let maa = message("MAA");
    assert_eq!(maa.outcome(), Ok(Outcome::SUCCESS));
    let item = maa.avps.required(&cx::SIP_AUTH_DATA_ITEM).unwrap().grouped().unwrap();
    assert_eq!(item.required(&cx::SIP_AUTHENTICATION_SCHEME).unwrap().text(), Ok("Digest-AKAv1-MD5"));
    assert_eq!(item.required(&cx::SIP_AUTHENTICATE).unwrap().data().len(), 32);
    assert_eq!(item.required(&cx::CONFIDENTIALITY_KEY).unwrap().data().len(), 16);
    let mar = message("MAR");
    let stamp = mar.avps.required(&gba::GUSS_TIMESTAMP).unwrap();
    assert!(!stamp.flags().is_mandatory());
    assert_eq!(stamp.time().unwrap().unix_seconds(), 1_893_456_000);
    let bia = message("BIA");
    assert_eq!(bia.avps.required(&gba::ME_KEY_MATERIAL).unwrap().data().len(), 32);
    let expiry = bia.avps.required(&gba::KEY_EXPIRY_TIME).unwrap().time().unwrap();
    let created = bia.avps.required(&gba::BOOTSTRAP_INFO_CREATION_TIME).unwrap().time().unwrap();
    assert_eq!(expiry.unix_seconds() - created.unix_seconds(), 8 * 3600);
    let invalid = Outcome::tgpp(TgppResultCode::TRANSACTION_IDENTIFIER_INVALID);
    assert_eq!(message("BIA-5403").outcome(), Ok(invalid));
    let undelivered = message("BIA-3002").outcome().unwrap();
    assert!(undelivered.is_protocol_error());
}

#[test]
fn an_answer_to_a_relayed_request_goes_back_through_the_relay() {
    let bir = message("BIR");
    let identity = |text| DiameterIdentity::parse(text).unwrap();
    let origin = Origin { host: identity("bsf.lab.example"), realm: identity("lab.example") };
    let answer = Answer::new(&bir, &origin, Outcome::SUCCESS).build();
    let proxy_info = bir.avps.required(&base::PROXY_INFO).unwrap();
    assert_eq!(answer.avps.required(&base::PROXY_INFO), Ok(proxy_info));
    assert_eq!(answer.avps.first(&base::ROUTE_RECORD), None);
    assert_eq!(answer.header.end_to_end, bir.header.end_to_end);
}
