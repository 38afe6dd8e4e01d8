use super::*;
use crate::hex;

fn pin(key_reference: u8, enabled: bool) -> PinReference {
    PinReference { key_reference, enabled, usage: None }
}

/// FCP of real cards, from pySim's card backups (osmocom/pysim, tests/card_sanitizer), values only.
fn examples() -> Vec<(&'static str, Fcp)> {
    let kind = Some(FileKind::Transparent);
    let life_cycle = Some(LifeCycle::Activated);
    let attributes = |tag, value: &str| Some(SecurityAttributes { tag, value: hex::decode(value).unwrap() });
    vec![
        (
            "62178202412183026f078a01058b036f060480020009880138",
            Fcp {
                kind,
                file_id: Some(FileId(0x6f07)),
                life_cycle,
                security: attributes(0x8b, "6f0604"),
                size: Some(9),
                sfi: Sfi::Is(7),
                ..Fcp::default()
            },
        ),
        (
            "621e8202412183026fd6a506d00120d2010f8a01058b036f0604800200408800",
            Fcp {
                kind,
                file_id: Some(FileId(0x6fd6)),
                life_cycle,
                proprietary: hex::decode("d00120d2010f"),
                security: attributes(0x8b, "6f0604"),
                size: Some(64),
                sfi: Sfi::None,
                ..Fcp::default()
            },
        ),
        (
            "622282054221002b0883022f00a506d00120d2010b8a01058b032f0604800201588801f0",
            Fcp {
                kind: Some(FileKind::LinearFixed { record_length: 43, records: 8 }),
                file_id: Some(FileId(0x2f00)),
                life_cycle,
                proprietary: hex::decode("d00120d2010b"),
                security: attributes(0x8b, "2f0604"),
                size: Some(344),
                sfi: Sfi::Is(30),
                ..Fcp::default()
            },
        ),
        (
            "623e820278218410a0000000871002ffffffff8907090000a50c8001718304000564508701018a01058c04261a0000\
             c60f90017083010183018183010a83010b",
            Fcp {
                kind: Some(FileKind::Directory),
                aid: Aid::new(&hex::decode("a0000000871002ffffffff8907090000").unwrap()),
                life_cycle,
                proprietary: hex::decode("800171830400056450870101"),
                security: attributes(0x8c, "261a0000"),
                pins: vec![pin(0x01, false), pin(0x81, true), pin(0x0a, true), pin(0x0b, true)],
                ..Fcp::default()
            },
        ),
        (
            "621d8202782183023f00a5038001718a01058b032f0603c606900100830101",
            Fcp {
                kind: Some(FileKind::Directory),
                file_id: Some(FileId::MF),
                life_cycle,
                proprietary: hex::decode("800171"),
                security: attributes(0x8b, "2f0603"),
                pins: vec![pin(0x01, false)],
                ..Fcp::default()
            },
        ),
    ]
}

#[test]
fn real_cards_are_understood_and_written_back_octet_by_octet() {
    for (text, value) in examples() {
        let octets = hex::decode(text).unwrap();
        assert_eq!(Fcp::decode(&octets).as_ref(), Ok(&value), "{text}");
        assert_eq!(hex::encode(&value.encode()), text);
        for end in 0..octets.len() {
            assert!(Fcp::decode(&octets[..end]).is_err(), "{text} cut at {end}");
        }
    }
}

#[test]
fn a_truncated_value_inside_a_whole_template_is_an_error_or_tells_less() {
    for value in
        ["8201", "820142", "82024221", "82044221002b", "8300", "83016f", "8400", "8a00", "8000", "c6019 0"]
    {
        let value = value.replace(' ', "");
        let template = format!("62{:02x}{value}", value.len() / 2);
        assert!(Fcp::decode(&hex::decode(&template).unwrap()).is_err(), "{template}");
    }
    assert_eq!(Fcp::decode(&[0x6f, 0]), Err(FcpError::NoTemplate));
    assert_eq!(Fcp::decode(&[0x62, 0]), Ok(Fcp::default()));
}

#[test]
fn the_universal_pin_carries_its_usage() {
    let octets = hex::decode("6211c60f9001c083010195010883011183010a").unwrap();
    let fcp = Fcp::decode(&octets).unwrap();
    let universal = PinReference { key_reference: 0x11, enabled: true, usage: Some(8) };
    assert_eq!(fcp.pins, [pin(1, true), universal, pin(0x0a, false)]);
    assert_eq!(fcp.encode(), octets);
}

#[test]
fn a_pin_without_a_status_bit_counts_as_enabled() {
    let fcp = Fcp::decode(&hex::decode("6205c603830101").unwrap()).unwrap();
    assert_eq!(fcp.pins, [pin(1, true)]);
    let nine: Vec<PinReference> = (1..=9).map(|reference| pin(reference, reference != 9)).collect();
    assert_eq!(decode_pins(&encode_pins(&nine)), Ok(nine));
}

#[test]
fn sizes_of_any_length_are_read() {
    for (value, expected) in [("05", 5), ("0158", 344), ("000158", 344), ("010000", u16::MAX)] {
        assert_eq!(size(&hex::decode(value).unwrap()), Ok(expected), "{value}");
    }
}

#[test]
fn the_short_identifier_defaults_to_the_file_identifier() {
    let fcp = Fcp { file_id: Some(FileId(0x6f07)), ..Fcp::default() };
    assert_eq!(fcp.short_file_id(), Some(7));
    assert_eq!(Fcp { sfi: Sfi::None, ..fcp.clone() }.short_file_id(), None);
    assert_eq!(Fcp { sfi: Sfi::Is(31), ..fcp.clone() }.short_file_id(), None);
    assert_eq!(Fcp { sfi: Sfi::Is(4), ..fcp }.short_file_id(), Some(4));
}

#[test]
fn every_life_cycle_and_kind_reads_back() {
    for octet in 0..=0xff {
        let life_cycle = LifeCycle::from_octet(octet);
        assert_eq!(LifeCycle::from_octet(life_cycle.octet()), life_cycle);
        let descriptor = [octet, 0x21, 0, 9, 2];
        let kind = FileKind::decode(&mut Reader::new(&descriptor)).unwrap();
        assert_eq!(FileKind::decode(&mut Reader::new(&kind.encode())), Ok(kind));
    }
}
