use super::*;
use crate::aka::AuthVector;
use crate::diameter::{Avps, ResultCode, TgppResultCode, VendorId};
use crate::gba::GbaMode;
use crate::gba::guss::{GsId, Uss};
use crate::gba::lifetime::from_unix_seconds;
use crate::zh::witness::{addressing, damaged, identified_as, impi, message, origin, resync, vector};
use crate::zh::{DigestCredential, VectorAnswer};
use hex_literal::hex;
use proptest::prelude::*;

/// The request of the witness's MAR.
fn request() -> MultimediaAuthRequest {
    MultimediaAuthRequest {
        impi: Some(impi()),
        public_identity: Some(Impu::from_impi(&impi())),
        scheme: AuthScheme::default(),
        resync: Some(resync()),
        guss_timestamp: Some(from_unix_seconds(1_893_456_000)),
    }
}

fn plain() -> MultimediaAuthRequest {
    MultimediaAuthRequest::new(&VectorRequest { impi: impi(), resync: None }, None)
}

fn sent() -> HssAnswer {
    let guss =
        Guss { impi: Some(impi()), uss: vec![Uss { gs_id: GsId(7), ..Uss::default() }], ..Guss::default() };
    let timestamp = Some(from_unix_seconds(1_800_000_000));
    let settings = Settings::Sent { guss, timestamp };
    HssAnswer { impi: Some(impi()), vectors: vec![vector()], settings, ..HssAnswer::default() }
}

fn hss() -> Origin {
    origin("hss.lab.example")
}

#[test]
fn a_request_is_octet_for_octet_that_of_another_library() {
    let mut witness = message("MAR");
    assert_eq!(MultimediaAuthRequest::parse(&witness), Ok(request()));
    // The witness asks for one vector; an HSS gives one anyway.
    witness.avps.retain(|avp| !avp.is(&cx::SIP_NUMBER_AUTH_ITEMS));
    let written =
        request().to_message(&addressing("bsf.lab.example;1;1", "bsf.lab.example", "hss.lab.example"));
    assert_eq!(identified_as(written, &witness).encode(), witness.encode());
}

#[test]
fn a_request_of_ub_names_the_subscriber_and_the_scheme() {
    let written = plain().to_message(&addressing("s", "bsf.lab.example", ""));
    assert_eq!(written.header.application, ApplicationId::ZH);
    assert!(written.is_request() && written.header.flags.is_proxiable());
    assert!(written.avps.first(&base::DESTINATION_HOST).is_none());
    assert_eq!(MultimediaAuthRequest::parse(&written), Ok(plain()));
}

#[test]
fn the_answer_of_another_library_is_read() {
    let answer = plain().read_answer(&message("MAA")).unwrap();
    assert_eq!((&answer.impi, &answer.vectors), (&Some(impi()), &vec![vector()]));
    let VectorAnswer { vector: found, gba_mode, key_lifetime, .. } = answer.into_vector(None).unwrap();
    assert_eq!((found, gba_mode), (vector(), GbaMode::Me));
    assert_eq!(key_lifetime.map(|lifetime| lifetime.as_secs()), Some(86400));
}

#[test]
fn an_older_hss_is_understood() {
    let answer = plain().read_answer(&message("Zh-MAA-old-HSS")).unwrap();
    let answer = answer.into_vector(None).unwrap();
    assert_eq!((answer.vector, answer.gba_mode), (vector(), GbaMode::U));
    let refused = plain().read_answer(&message("Zh-MAA-5001-old-HSS")).unwrap_err();
    assert_eq!(refused.vector_error(false), VectorError::UnknownSubscriber);
}

#[test]
fn a_digest_credential_is_read_and_written() {
    let given = plain().read_answer(&message("Zh-MAA-digest")).unwrap();
    let credential = DigestCredential {
        realm: "operator.com".to_owned(),
        algorithm: "MD5".to_owned(),
        qop: Some("auth-int".to_owned()),
        ha1: hex!("97ba36405cc0b162e061ef550feb1e64")[..].into(),
    };
    assert_eq!((&given.digest, given.vectors.len()), (&Some(credential), 0));
    let asked = plain().to_message(&addressing("s", "bsf.lab.example", ""));
    let written = answer(&asked, &plain(), &hss(), &given, Namespace::R9);
    assert_eq!(plain().read_answer(&written), Ok(given));
}

#[test]
fn a_request_says_what_it_wants() {
    for request in [plain(), MultimediaAuthRequest::for_digest(impi(), None)] {
        let message = request.to_message(&addressing("s", "bsf.lab.example", ""));
        assert_eq!(MultimediaAuthRequest::parse(&message), Ok(request));
    }
}

#[test]
fn an_answer_of_ours_is_read_as_it_was_written() {
    let asked = request().to_message(&addressing("s", "bsf.lab.example", ""));
    for namespace in [Namespace::R9, Namespace::None] {
        let written = answer(&asked, &request(), &hss(), &sent(), namespace);
        assert_eq!(written.avps.iter().next(), asked.avps.iter().next(), "Session-Id in front");
        assert_eq!(request().read_answer(&written), Ok(sent()));
    }
}

#[test]
fn settings_that_the_bsf_has_are_not_sent_again() {
    let asked = |guss_timestamp| {
        let request = MultimediaAuthRequest { guss_timestamp, ..request() };
        let asked = request.to_message(&addressing("s", "bsf.lab.example", ""));
        let written = answer(&asked, &request, &hss(), &sent(), Namespace::R9);
        request.read_answer(&written).unwrap().settings
    };
    let kept = from_unix_seconds(1_800_000_000);
    assert_eq!(asked(Some(kept)), Settings::Unchanged);
    // Diameter carries whole seconds.
    assert_eq!(asked(Some(kept + std::time::Duration::from_millis(900))), Settings::Unchanged);
    assert_eq!(asked(Some(from_unix_seconds(1_700_000_000))), sent().settings);
    assert_eq!(asked(None), sent().settings);
    let none = HssAnswer { settings: Settings::Absent, ..sent() };
    let message =
        answer(&plain().to_message(&addressing("s", "b", "")), &plain(), &hss(), &none, Namespace::R9);
    assert_eq!(plain().read_answer(&message).unwrap().settings, Settings::Absent);
}

#[test]
fn a_timestamp_that_diameter_cannot_say_is_left_out() {
    let request = MultimediaAuthRequest { guss_timestamp: Some(from_unix_seconds(1 << 40)), ..request() };
    let message = request.to_message(&addressing("s", "bsf.lab.example", ""));
    assert!(message.avps.first(&gba::GUSS_TIMESTAMP).is_none());
}

#[test]
fn vectors_of_another_subscriber_are_refused() {
    let other = Impi::parse("other@example").unwrap();
    let asked = MultimediaAuthRequest { impi: Some(other), ..plain() };
    assert_eq!(asked.read_answer(&message("MAA")), Err(AnswerError::OtherSubscriber));
    let by_public_identity = MultimediaAuthRequest { impi: None, ..request() };
    assert_eq!(by_public_identity.read_answer(&message("MAA")).unwrap().impi, Some(impi()));
    let shouting = Impi::parse(&impi().as_str().to_ascii_uppercase()).unwrap();
    let asked = MultimediaAuthRequest { impi: Some(shouting.clone()), ..plain() };
    assert_eq!(asked.read_answer(&message("MAA")).unwrap().impi, Some(shouting));
}

#[test]
fn every_result_has_its_meaning_for_ub() {
    let tgpp = |code: TgppResultCode| Outcome::tgpp(code);
    for (outcome, plain, after_auts) in [
        (
            tgpp(TgppResultCode::IDENTITY_UNKNOWN),
            VectorError::UnknownSubscriber,
            VectorError::UnknownSubscriber,
        ),
        (tgpp(TgppResultCode::USER_UNKNOWN), VectorError::UnknownSubscriber, VectorError::UnknownSubscriber),
        (tgpp(TgppResultCode::NOT_AUTHORIZED), VectorError::NotAllowed, VectorError::NotAllowed),
        (tgpp(TgppResultCode::IDENTITIES_DONT_MATCH), VectorError::NotAllowed, VectorError::NotAllowed),
        (tgpp(TgppResultCode::AUTH_SCHEME_NOT_SUPPORTED), VectorError::NotAllowed, VectorError::NotAllowed),
        (tgpp(TgppResultCode(5999)), VectorError::Unavailable, VectorError::Unavailable),
        (
            Outcome::Result(ResultCode::UNABLE_TO_COMPLY),
            VectorError::Unavailable,
            VectorError::AuthenticationRejected,
        ),
        (
            Outcome::Result(ResultCode::AUTHENTICATION_REJECTED),
            VectorError::NotAllowed,
            VectorError::AuthenticationRejected,
        ),
        (
            Outcome::Result(ResultCode::AUTHORIZATION_REJECTED),
            VectorError::NotAllowed,
            VectorError::NotAllowed,
        ),
        // 5001 of the base protocol is about an AVP, not about a subscriber.
        (Outcome::Result(ResultCode::AVP_UNSUPPORTED), VectorError::Unavailable, VectorError::Unavailable),
        (Outcome::Result(ResultCode::UNABLE_TO_DELIVER), VectorError::Unavailable, VectorError::Unavailable),
        (Outcome::Result(ResultCode::TOO_BUSY), VectorError::Unavailable, VectorError::Unavailable),
        (
            Outcome::Experimental { vendor: VendorId(9), code: 5001 },
            VectorError::Unavailable,
            VectorError::Unavailable,
        ),
    ] {
        let error = AnswerError::Refused(outcome);
        assert_eq!(error.vector_error(false), plain, "{outcome}");
        assert_eq!(error.vector_error(true), after_auts, "{outcome}");
    }
    for error in [AnswerError::Empty, AnswerError::OtherSubscriber, Fault::missing(&base::RESULT_CODE).into()]
    {
        assert_eq!(error.vector_error(true), VectorError::Unavailable, "{error}");
    }
}

#[test]
fn refusals_of_ours_come_back_as_what_they_were() {
    let asked = request().to_message(&addressing("s", "bsf.lab.example", ""));
    for error in [
        VectorError::UnknownSubscriber,
        VectorError::NotAllowed,
        VectorError::AuthenticationRejected,
        VectorError::Unavailable,
    ] {
        let refused = request().read_answer(&refuse(&asked, &hss(), error)).unwrap_err();
        assert_eq!(refused.vector_error(true), error);
    }
}

#[test]
fn requests_that_cannot_be_read_get_the_fault_of_rfc_6733() {
    let fault_of = |avps: Vec<Avp>| {
        let message = Message::request(CommandCode::MULTIMEDIA_AUTH, ApplicationId::ZH, avps);
        let fault = MultimediaAuthRequest::parse(&message).unwrap_err();
        let answer = super::fault(&message, &hss(), &fault);
        assert_eq!(answer.outcome(), Ok(Outcome::Result(fault.result)));
        fault.result
    };
    let item = |scheme: &str| cx::SIP_AUTH_DATA_ITEM.grouped(&[cx::SIP_AUTHENTICATION_SCHEME.text(scheme)]);
    let user = || base::USER_NAME.text("a@b");
    assert_eq!(fault_of(vec![]), ResultCode::MISSING_AVP);
    assert_eq!(fault_of(vec![base::USER_NAME.text("nobody")]), ResultCode::INVALID_AVP_VALUE);
    assert_eq!(fault_of(vec![user(), item("Unknown")]), ResultCode::INVALID_AVP_VALUE);
    assert_eq!(fault_of(vec![user(), user()]), ResultCode::AVP_OCCURS_TOO_MANY_TIMES);
    assert_eq!(fault_of(vec![user(), gba::GUSS_TIMESTAMP.octets(&[1])]), ResultCode::INVALID_AVP_LENGTH);
    assert_eq!(fault_of(vec![user(), cx::SIP_AUTH_DATA_ITEM.octets(&[1])]), ResultCode::INVALID_AVP_LENGTH);
    let short = cx::SIP_AUTH_DATA_ITEM.grouped(&[cx::SIP_AUTHORIZATION.octets(&[0; 29])]);
    assert_eq!(fault_of(vec![user(), short]), ResultCode::INVALID_AVP_LENGTH);
    let strange = Avp::new(9999, VendorId(77), true, b"x"[..].into());
    assert_eq!(fault_of(vec![user(), strange]), ResultCode::AVP_UNSUPPORTED);
}

#[test]
fn damage_never_makes_another_vector() {
    let whole = message("MAA");
    for variant in damaged(&whole) {
        if let Ok(answer) = plain().read_answer(&variant) {
            assert!(answer.vectors.iter().all(|found| *found == vector()), "{variant:?}");
        }
    }
    for variant in damaged(&message("MAR")) {
        if let Ok(read) = MultimediaAuthRequest::parse(&variant) {
            assert!(read.resync.is_none() || read.resync == Some(resync()), "{variant:?}");
        }
    }
    let octets = whole.encode().unwrap();
    for end in 0..octets.len() {
        assert!(Message::decode(&octets.danger_expose()[..end]).is_err(), "{end}");
    }
}

#[test]
fn settings_with_entities_are_refused_and_empty_ones_are_none() {
    let with = |xml: &[u8]| {
        let mut message = message("MAA");
        message.avps.retain(|avp| !avp.is(&gba::GBA_USER_SEC_SETTINGS));
        message.avps.push(gba::GBA_USER_SEC_SETTINGS.octets(xml));
        plain().read_answer(&message).map(|answer| answer.settings)
    };
    assert!(matches!(with(b"<!DOCTYPE a><guss/>"), Err(AnswerError::Malformed(_))));
    assert_eq!(with(b""), Ok(Settings::Absent));
}

#[test]
fn nothing_of_a_vector_shows_in_debug() {
    let answer = plain().read_answer(&message("MAA"));
    let shown = format!("{answer:?} {:?} {:?}", request(), message("MAA"));
    for secret in ["a54211", "165, 66", "b40ba9", "180, 11", "001010123456789@"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

proptest! {
    #[test]
    fn any_vectors_survive(count in 1_u8..4, fill: u8, length in 4_usize..=16) {
        let one = |at: u8| AuthVector {
            rand: Rand([fill ^ at; 16]),
            xres: crate::aka::Res::new(&vec![fill; length]).unwrap(),
            ..vector()
        };
        let vectors: Vec<_> = (0..count).map(one).collect();
        let given = HssAnswer { vectors, ..sent() };
        let asked = plain().to_message(&addressing("s", "bsf.lab.example", ""));
        let written = answer(&asked, &plain(), &hss(), &given, Namespace::R9);
        prop_assert_eq!(plain().read_answer(&written), Ok(given));
    }

    #[test]
    fn no_avps_make_it_panic(avps in proptest::collection::vec((prop_oneof![
        Just(1_u32), Just(268), Just(297), Just(400), Just(409), Just(601), Just(612)
    ], any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..6)) {
        let avps = avps.into_iter().map(|(code, mandatory, data)| {
            let vendor = if code < 300 { VendorId::IETF } else { VendorId::TGPP };
            Avp::new(code, vendor, mandatory, data.into())
        });
        let message = Message { avps: Avps::from(avps.collect::<Vec<_>>()), ..message("MAA") };
        let _ = plain().read_answer(&message);
        let _ = MultimediaAuthRequest::parse(&message);
    }
}
