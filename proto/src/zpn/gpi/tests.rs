use super::*;
use crate::gba::UaSecurityProtocolId;
use crate::identity::Fqdn;
use crate::zh::witness::vector;
use proptest::prelude::*;

fn content() -> GpiContent {
    GpiContent {
        mode: GbaMode::U,
        rand: vector().rand,
        autn: vector().autn,
        naf_id: NafId::new(Fqdn::parse("naf.lab.example").unwrap(), UaSecurityProtocolId::HTTP_DIGEST),
        p_tid: PTid::parse("ptid-1").unwrap(),
        uicc_app_label: "USIM".to_owned(),
        expires_at: from_unix_seconds(1_893_456_000),
    }
}

fn key() -> MeKey {
    MeKey::new([7; 32])
}

fn gpi() -> GbaPushInfo {
    LabLayout::unconfirmed().build(&content(), &key()).unwrap()
}

fn open(gpi: &GbaPushInfo, key: &MeKey) -> Result<GpiContent, GpiError> {
    LabLayout::unconfirmed().read(gpi)?.verify(key, from_unix_seconds(1_893_427_200))
}

/// The MAC computed with Python's hmac.
#[test]
fn the_layout_is_as_the_module_says() {
    let expected = concat!(
        "4b530101",
        "23553cbe9637a89d218ae64dae47bf35",
        "55f328b43577b9b94a9ffac354dfafb3",
        "0000000070dbd880",
        "146e61662e6c61622e6578616d706c650100000002",
        "06707469642d31",
        "045553494d",
        "7c0c22d8343f7290a4f39c403a96ae60"
    );
    assert_eq!(crate::hex::encode(&gpi().0), expected);
    assert_eq!(open(&gpi(), &key()), Ok(content()));
}

#[test]
fn every_change_and_every_other_key_is_refused() {
    let whole = gpi();
    for at in 0..whole.0.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed.0[at] ^= 1 << bit;
            assert!(open(&changed, &key()).is_err(), "{at} {bit}");
        }
    }
    for end in 0..whole.0.len() {
        assert!(open(&GbaPushInfo(whole.0[..end].to_vec()), &key()).is_err(), "{end}");
    }
    let longer = GbaPushInfo([&whole.0[..], &[0]].concat());
    assert_eq!(open(&longer, &key()), Err(GpiError::Layout));
    assert_eq!(open(&whole, &MeKey::new([8; 32])), Err(GpiError::Mac));
}

#[test]
fn a_field_that_is_too_long_cannot_be_pushed() {
    let long = GpiContent { uicc_app_label: "x".repeat(256), ..content() };
    assert_eq!(LabLayout::unconfirmed().build(&long, &key()), None);
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = open(&GbaPushInfo(octets.clone()), &key());
        let _ = open(&GbaPushInfo([&MAGIC[..], &octets].concat()), &key());
    }
}
