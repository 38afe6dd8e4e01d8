use super::*;
use crate::diameter::ResultCode;
use crate::gba::UaSecurityProtocolId;
use crate::gba::lifetime::from_unix_seconds;
use crate::hex;
use crate::identity::Fqdn;
use crate::zh::witness::{addressing, damaged, identified_as, impi, message, origin};
use proptest::prelude::*;

/// The query of the witness's BIR.
fn query() -> NafQuery {
    NafQuery {
        b_tid: BTid::parse("I1U8vpY3qJ0hiuZNrke/NQ==@bsf.lab.example").unwrap(),
        naf_id: NafId::new(Fqdn::parse("naf.lab.example").unwrap(), UaSecurityProtocolId::HTTP_DIGEST),
        gba_u_aware: true,
        gs_ids: vec![GsId(1_000_000)],
    }
}

/// The answer of the witness's BIA.
fn given() -> NafAnswer {
    let key = "0ded6046838e9558977bbf27bf6a2adc263a4e3e75f258b39cdcd1b03ac2a36e";
    NafAnswer {
        me_key: MeKey::new(hex::decode_array(key).unwrap()),
        uicc_key: None,
        expires_at: Some(from_unix_seconds(1_893_456_000)),
        created_at: Some(from_unix_seconds(1_893_427_200)),
        uss: Vec::new(),
        gba_type: GbaType::ThreeG,
        impi: Some(impi()),
    }
}

fn bsf() -> Origin {
    origin("bsf.lab.example")
}

fn full() -> NafAnswer {
    NafAnswer {
        uicc_key: Some(KsIntNaf::new([7; 32])),
        uss: vec![Uss { gs_id: GsId(1), uids: vec!["sip:a@b".to_owned()], ..Uss::default() }],
        gba_type: GbaType::TwoG,
        ..given()
    }
}

#[test]
fn a_query_is_octet_for_octet_that_of_another_library() {
    let mut witness = message("BIR");
    assert_eq!(NafQuery::parse(&witness), Ok(query()));
    // What a relay adds on the way.
    witness.avps.retain(|avp| !avp.is(&base::PROXY_INFO) && !avp.is(&base::ROUTE_RECORD));
    let written =
        query().to_message(&addressing("naf.lab.example;1;1", "naf.lab.example", "bsf.lab.example"));
    assert_eq!(identified_as(written, &witness).encode(), witness.encode());
}

#[test]
fn the_answer_of_another_library_is_read_and_ours_has_the_same_keys() {
    assert_eq!(read_answer(&message("BIA")), Ok(given()));
    let written = answer(&message("BIR"), &bsf(), &Ok(given()), Namespace::R9);
    assert_eq!(read_answer(&written), Ok(given()));
    assert_eq!(written.avps.all(&base::PROXY_INFO).count(), 1, "the relay gets its own back");
    // The witness states an empty list and UMTS AKA; ours says neither.
    for def in [gba::GBA_USER_SEC_SETTINGS, gba::GBA_TYPE] {
        assert!(written.avps.first(&def).is_none(), "{}", def.name);
    }
}

#[test]
fn an_answer_with_everything_is_read_as_it_was_written() {
    for namespace in [Namespace::R9, Namespace::None] {
        let written = answer(&message("BIR"), &bsf(), &Ok(full()), namespace);
        assert_eq!(read_answer(&written), Ok(full()));
        assert_eq!(written.avps.check_mandatory(KNOWN), Ok(()));
    }
}

#[test]
fn refusals_come_back_as_what_they_were() {
    let refused = read_answer(&message("BIA-5403")).unwrap_err();
    assert_eq!(refused.zn_error(), ZnError::UnknownTransaction);
    let undelivered = read_answer(&message("BIA-3002")).unwrap_err();
    assert_eq!(undelivered.zn_error(), ZnError::Unavailable);
    for error in [ZnError::NotAuthorized, ZnError::UnknownTransaction, ZnError::Unavailable] {
        let written = answer(&message("BIR"), &bsf(), &Err(error), Namespace::R9);
        assert_eq!(read_answer(&written).unwrap_err().zn_error(), error);
        assert!(written.avps.first(&gba::ME_KEY_MATERIAL).is_none());
    }
}

#[test]
fn a_moment_that_diameter_cannot_say_is_the_last_one_it_can() {
    let late = NafAnswer {
        expires_at: Some(from_unix_seconds(1 << 40)),
        created_at: Some(from_unix_seconds(1 << 40)),
        ..given()
    };
    let read = read_answer(&answer(&message("BIR"), &bsf(), &Ok(late), Namespace::R9)).unwrap();
    assert_eq!((read.expires_at, read.created_at), (Some(from_unix_seconds(4_233_462_143)), None));
}

#[test]
fn requests_that_cannot_be_taken_get_the_fault_of_rfc_6733() {
    let result_of = |edit: &dyn Fn(&mut Message)| {
        let mut message = message("BIR");
        edit(&mut message);
        let error = NafQuery::parse(&message).unwrap_err();
        fault(&message, &bsf(), &error).outcome().unwrap()
    };
    let replace = |avp: Avp| {
        result_of(&move |message: &mut Message| {
            message.avps.retain(|old| old.code() != avp.code());
            message.avps.push(avp.clone());
        })
    };
    let result = Outcome::Result;
    assert_eq!(replace(gba::NAF_ID.octets(&[1; 5])), result(ResultCode::INVALID_AVP_VALUE));
    assert_eq!(replace(gba::GBA_U_AWARENESS_INDICATOR.unsigned32(2)), result(ResultCode::INVALID_AVP_VALUE));
    assert_eq!(replace(gba::GAA_SERVICE_IDENTIFIER.text("one")), result(ResultCode::INVALID_AVP_VALUE));
    // What came from the UE is the UE's fault: it has to bootstrap.
    for b_tid in ["", "x", "a b@bsf.lab.example", "\u{e4}@bsf"] {
        assert_eq!(replace(gba::TRANSACTION_IDENTIFIER.text(b_tid)), ZnError::UnknownTransaction.outcome());
    }
    let missing =
        |def: AvpDef| result_of(&move |message: &mut Message| message.avps.retain(|avp| !avp.is(&def)));
    assert_eq!(missing(gba::NAF_ID), result(ResultCode::MISSING_AVP));
    assert_eq!(missing(gba::TRANSACTION_IDENTIFIER), result(ResultCode::MISSING_AVP));
}

#[test]
fn damage_never_makes_another_naf_or_another_key() {
    for variant in damaged(&message("BIR")) {
        match NafQuery::parse(&variant) {
            // A NAF-Id that is cut has another name in it: the policy's business.
            Ok(read) => {
                let same = read.naf_id == query().naf_id || read.naf_id.fqdn != query().naf_id.fqdn;
                assert!(same, "{variant:?}");
            }
            Err(error) => {
                let answer = fault(&variant, &bsf(), &error);
                assert!(answer.outcome().is_ok_and(|outcome| !outcome.is_success()));
            }
        }
    }
    let written = answer(&message("BIR"), &bsf(), &Ok(full()), Namespace::R9);
    for variant in damaged(&written) {
        if let Ok(read) = read_answer(&variant) {
            assert_eq!(read.me_key, full().me_key, "{variant:?}");
        }
    }
    let octets = written.encode().unwrap();
    for end in 0..octets.len() {
        assert!(Message::decode(&octets.danger_expose()[..end]).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn queries_and_answers_survive(
        key: [u8; 32], uicc in proptest::option::of(any::<[u8; 32]>()), expires in 1_u64..4_233_462_143,
        gs_ids in proptest::collection::vec(any::<u32>(), 0..4), gba_u_aware: bool, ua: [u8; 5],
    ) {
        let naf_id = NafId::new(query().naf_id.fqdn, UaSecurityProtocolId(ua));
        let gs_ids = gs_ids.into_iter().map(GsId).collect();
        let asked = NafQuery { naf_id, gs_ids, gba_u_aware, ..query() };
        let message = asked.to_message(&addressing("s", "naf.lab.example", ""));
        prop_assert_eq!(NafQuery::parse(&message), Ok(asked));
        let given = NafAnswer {
            me_key: MeKey::new(key),
            uicc_key: uicc.map(KsIntNaf::new),
            expires_at: Some(from_unix_seconds(expires)),
            ..full()
        };
        let written = answer(&message, &bsf(), &Ok(given.clone()), Namespace::R9);
        let octets = written.encode().unwrap();
        let read = Message::decode(octets.danger_expose()).unwrap();
        prop_assert_eq!(read_answer(&read), Ok(given));
    }

    #[test]
    fn no_avps_make_it_panic(avps in proptest::collection::vec((prop_oneof![
        Just(1_u32), Just(268), 400_u32..411
    ], any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..6)) {
        use crate::diameter::VendorId;
        let avps = avps.into_iter().map(|(code, mandatory, data)| {
            let vendor = if code < 300 { VendorId::IETF } else { VendorId::TGPP };
            Avp::new(code, vendor, mandatory, data.into())
        });
        let message = Message { avps: Avps::from(avps.collect::<Vec<_>>()), ..message("BIA") };
        let _ = read_answer(&message);
        let _ = NafQuery::parse(&message);
    }
}
