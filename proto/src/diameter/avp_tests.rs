use super::super::dictionary::base;
use super::*;
use hex_literal::hex;

fn encoded(avps: &Avps) -> Vec<u8> {
    let mut out = Vec::new();
    avps.encode(&mut out);
    assert_eq!(out.len(), avps.length());
    out
}

/// RFC 6733 clause 4.4.1: lengths, offsets and padding of its Example-AVP. The two AVPs that the RFC shows in
/// hex have the RFC's lengths and other octets, for the printed ones have not the length they claim.
#[test]
fn the_grouped_example_of_rfc_6733_has_its_lengths_and_offsets() {
    let group = AvpDef { code: 999_999, vendor: VendorId::IETF, ..base::PROXY_INFO }.grouped(&[
        base::ORIGIN_HOST.text("example.com"),
        base::SESSION_ID.text("grump.example.com:33041;23432;893;0AF3B81"),
        base::SESSION_ID.text("grump.example.com:33054;23561;2358;0AF3B82"),
        Avp::new(8341, VendorId::IETF, false, vec![0x21; 215].into()),
        Avp::new(15930, VendorId::IETF, false, vec![0xfe; 129].into()),
    ]);
    let octets = encoded(&Avps::from(vec![group.clone()]));
    assert_eq!(octets.len(), 496);
    assert_eq!(octets[..8], hex!("000f423f 400001f0"));
    assert_eq!(octets[8..16], hex!("00000108 40000013"));
    assert_eq!(octets[16..28], *b"example.com\0");
    assert_eq!(octets[28..36], hex!("00000107 40000031"));
    assert_eq!(octets[72..80], *b"F3B81\0\0\0");
    assert_eq!(octets[80..88], hex!("00000107 40000032"));
    assert_eq!(octets[128..140], hex!("3832 0000 00002095 000000df"));
    assert_eq!(octets[352..364], hex!("212121 00 00003e3a 00000089"));
    assert_eq!(octets[488..], hex!("fefefefefe 000000"));
    assert_eq!(Avps::decode(&octets), Ok(Avps::from(vec![group.clone()])));
    assert_eq!(group.grouped().unwrap().len(), 5);
}

#[test]
fn a_vendor_avp_keeps_flags_reserved_bits_and_vendor() {
    let octets = hex!("00000192 e1 00000f 000028af 010203 00");
    let avps = Avps::decode(&octets).unwrap();
    let avp = avps.iter().next().unwrap();
    assert_eq!((avp.code(), avp.vendor(), avp.flags()), (402, VendorId::TGPP, AvpFlags(0xe1)));
    assert_eq!(avp.data().danger_expose(), [1, 2, 3]);
    assert_eq!(format!("{avp:?}"), "NAF-Id[VMP, 3 octets]");
    assert_eq!(encoded(&avps), octets);
}

#[test]
fn a_vendor_of_zero_is_carried_as_received() {
    let octets = hex!("00000108 c0 00000d 00000000 61 000000");
    let avps = Avps::decode(&octets).unwrap();
    assert!(avps.first(&base::ORIGIN_HOST).is_some());
    assert_eq!(encoded(&avps), octets);
}

#[test]
fn padding_may_be_missing_at_the_end_and_need_not_be_zero() {
    let padded = Avps::decode(&hex!("00000108 40 000009 61 ffffff 00000108 40 000009 62")).unwrap();
    let names: Vec<_> = padded.iter().map(|avp| avp.text().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_length_below_the_header_or_past_the_end_is_5014_with_the_header() {
    for (octets, code, vendor, zeros) in [
        (&hex!("0000010c 40 000007 000007d1")[..], 268, 0, 0),
        (&hex!("0000010c 40 000000 000007d1"), 268, 0, 0),
        (&hex!("0000010c 40 00000d 000007d1"), 268, 0, 4),
        (&hex!("0000010c 40 ffffff 000007d1"), 268, 0, 4),
        (&hex!("00000108 40 00000d 000007d1"), 264, 0, 0),
        (&hex!("00000192 c0 00000b 000028af"), 402, 10415, 0),
        (&hex!("00000192 c0 00000c 0000"), 402, 0, 0),
        (&hex!("00000194 c0 000011 000028af 0000"), 404, 10415, 4),
    ] {
        let fault = Avps::decode(octets).unwrap_err().fault;
        assert_eq!(fault.result, ResultCode::INVALID_AVP_LENGTH);
        let failed = &fault.failed[0];
        assert_eq!((failed.code(), failed.vendor().0), (code, vendor), "{octets:?}");
        assert_eq!(failed.data().danger_expose(), vec![0; zeros], "{octets:?}");
    }
}

#[test]
fn a_header_cut_off_goes_back_filled_up_with_zeros() {
    let octets = hex!("00000108 40 000009 61 000000 00000192 c0 00");
    let broken = Avps::decode(&octets).unwrap_err();
    assert_eq!(broken.before.len(), 1);
    let failed = Avps::from(broken.fault.failed);
    assert_eq!(encoded(&failed), hex!("00000192 40 000008"));
}

#[test]
fn every_truncation_is_read_short_or_refused() {
    let octets = encoded(&Avps::from(vec![
        base::ORIGIN_HOST.text("a.example"),
        Avp::new(402, VendorId::TGPP, true, vec![7; 5].into()),
        base::RESULT_CODE.unsigned32(2001),
    ]));
    for end in 0..octets.len() {
        let whole = match Avps::decode(&octets[..end]) {
            Ok(avps) => avps.len(),
            Err(broken) => broken.before.len(),
        };
        assert!(whole <= 2, "{end}");
    }
}

#[test]
fn debug_shows_lengths_and_no_data() {
    let avp = Avp::new(9, VendorId(8), false, b"secret".to_vec().into());
    assert_eq!(format!("{:?}", Avps::from(vec![avp])), "[8:9[V, 6 octets]]");
}
