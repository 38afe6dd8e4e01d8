use super::*;
use crate::diameter::ResultCode;
use crate::gba::guss::{GsId, Uss};
use crate::gba::lifetime::from_unix_seconds;
use crate::gba::{GbaType, KsIntNaf, NafId, UaSecurityProtocolId};
use crate::hex;
use crate::identity::{Fqdn, Impu};
use crate::zh::witness::{addressing, damaged, identified_as, impi, message, origin, resync};
use crate::zn::{MeKey, NafAnswer};

/// The query of the witness's GPR.
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
        gs_ids: vec![GsId(1_000_000)],
        resync: Some(resync()),
        security_features: vec![SecurityFeature("GPL_U".to_owned()), SecurityFeature("X".to_owned())],
    }
}

/// The answer of the witness's GPA.
fn given() -> PushAnswer {
    let me = "2f69f9a810ec3a29c554d50f0ff6155a32d84c556af439456888bb5c0cc7248e";
    let uicc = "f54a3f733d953afe13121a872f4350e48338f798310c12b37ef5fee678f943f8";
    PushAnswer {
        keys: NafAnswer {
            me_key: MeKey::new(hex::decode_array(me).unwrap()),
            uicc_key: hex::decode_array(uicc).map(KsIntNaf::new),
            expires_at: Some(from_unix_seconds(1_893_456_000)),
            created_at: Some(from_unix_seconds(1_893_427_200)),
            uss: Vec::new(),
            gba_type: GbaType::ThreeG,
            impi: Some(impi()),
        },
        gpi: GbaPushInfo(vec![0x00, 0xff, 0x10]),
        security_features: vec![SecurityFeature("GPL_U".to_owned())],
    }
}

fn bsf() -> Origin {
    origin("bsf.lab.example")
}

#[test]
fn a_query_is_octet_for_octet_that_of_another_library() {
    let witness = message("GPR");
    assert_eq!(PushQuery::parse(&witness), Ok(query()));
    let written =
        query().to_message(&addressing("naf.lab.example;1;5", "naf.lab.example", "bsf.lab.example")).unwrap();
    assert_eq!(identified_as(written, &witness).encode(), witness.encode());
}

#[test]
fn a_query_with_little_in_it_is_read_as_it_was_written() {
    let little = PushQuery {
        ue_id: PushUeId::Private(impi()),
        mode: GbaMode::Me,
        private_identity: false,
        gba_u_aware: false,
        gs_ids: Vec::new(),
        resync: None,
        security_features: Vec::new(),
        ..query()
    };
    let written = little.to_message(&addressing("s", "naf.lab.example", "")).unwrap();
    assert!(written.avps.first(&gba::PRIVATE_IDENTITY_REQUEST).is_none());
    assert_eq!(PushQuery::parse(&written), Ok(little));
    let late = PushQuery { requested_until: from_unix_seconds(1 << 40), ..query() };
    assert!(late.to_message(&addressing("s", "naf.lab.example", "")).is_err());
}

#[test]
fn the_answer_of_another_library_is_read_and_ours_is_too() {
    assert_eq!(read_answer(&message("GPA")), Ok(given()));
    let full = PushAnswer {
        keys: NafAnswer { uss: vec![Uss { gs_id: GsId(1), ..Uss::default() }], ..given().keys },
        ..given()
    };
    let written = answer(&message("GPR"), &bsf(), &Ok(full.clone()), Namespace::R9);
    assert_eq!(read_answer(&written), Ok(full));
    assert_eq!(written.avps.check_mandatory(KNOWN), Ok(()));
}

#[test]
fn refusals_come_back_as_what_they_were() {
    assert_eq!(read_answer(&message("GPA-5401")).unwrap_err().zn_error(), ZnError::UnknownIdentity);
    for error in [ZnError::UnknownIdentity, ZnError::NotAuthorized, ZnError::Unavailable] {
        let written = answer(&message("GPR"), &bsf(), &Err(error), Namespace::R9);
        assert_eq!(read_answer(&written).unwrap_err().zn_error(), error);
    }
}

#[test]
fn damage_never_makes_another_subscriber_or_another_key() {
    for variant in damaged(&message("GPR")) {
        match PushQuery::parse(&variant) {
            Ok(read) => assert!(read.resync.is_none() || read.resync == query().resync, "{variant:?}"),
            Err(error) => {
                let answer = fault(&variant, &bsf(), &error);
                assert_eq!(answer.outcome(), Ok(Outcome::Result(error.result)));
            }
        }
    }
    for variant in damaged(&message("GPA")) {
        if let Ok(read) = read_answer(&variant) {
            assert_eq!(read.keys.me_key, given().keys.me_key, "{variant:?}");
        }
    }
    let mut odd = message("GPR");
    odd.avps.retain(|avp| !avp.is(&gba::PRIVATE_IDENTITY_REQUEST));
    odd.avps.push(gba::PRIVATE_IDENTITY_REQUEST.unsigned32(2));
    assert_eq!(PushQuery::parse(&odd).unwrap_err().result, ResultCode::INVALID_AVP_VALUE);
}
