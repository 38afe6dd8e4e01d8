use super::*;
use crate::hex;
use crate::sbi::BodyError;
use crate::zh::witness::{impi, resync, vector};
use hex_literal::hex;
use proptest::prelude::*;

const RESULT: &str = r#"{"impi":"001010123456789@ims.mnc001.mcc001.3gppnetwork.org","3gAkaAv":{"rand":"23553cbe9637a89d218ae64dae47bf35","xres":"a54211d5e3ba50bf","autn":"55f328b43577b9b94a9ffac354dfafb3","ck":"b40ba9a3c58b2a05bbf0d987b21bf8cb","ik":"f769bcd751044604127672711c6d3441"}}"#;

fn ue() -> UeId {
    UeId::of(impi())
}

fn given() -> HssAnswer {
    HssAnswer { impi: Some(impi()), vectors: vec![vector()], ..HssAnswer::default() }
}

#[test]
fn requests_are_what_the_api_defines() {
    assert_eq!(
        path(&ue()),
        "/impi-001010123456789@ims.mnc001.mcc001.3gppnetwork.org/security-information/generate-auth-data"
    );
    let plain = AuthDataRequest::default();
    assert_eq!(plain.to_json().danger_expose(), br#"{"authenticationScheme":"DIGEST_AKAV1_MD5"}"#);
    let resync = AuthDataRequest { resync: Some(resync()), scheme: Scheme::DigestHttp };
    let json = r#"{"authenticationScheme":"DIGEST_HTTP","resynchronizationInfo":{"rand":"23553cbe9637a89d218ae64dae47bf35","auts":"000102030405060708090a0b0c0d"}}"#;
    assert_eq!(resync.to_json().danger_expose(), json.as_bytes());
    assert_eq!(AuthDataRequest::parse(json.as_bytes()), Ok(resync));
    assert_eq!(AuthDataRequest::parse(b"{}"), Ok(plain));
}

#[test]
fn requests_that_cannot_be_read_get_400_with_the_member() {
    for (body, param) in [
        (r#"{"authenticationScheme":"NEW"}"#, Some("/authenticationScheme")),
        (r#"{"resynchronizationInfo":{"rand":"00","auts":"00"}}"#, Some("/resynchronizationInfo")),
        (r#"{"resynchronizationInfo":{"rand":"00"}}"#, None),
        ("{", None),
        ("[]", None),
    ] {
        let error = AuthDataRequest::parse(body.as_bytes()).unwrap_err();
        let (status, problem) = bad_request(&error);
        let found = problem.invalid_params.first().map(|invalid| invalid.param.as_str());
        assert_eq!((status, problem.status, found), (400, Some(400), param), "{body}");
    }
}

#[test]
fn answers_are_what_the_api_defines() {
    assert_eq!(answer(&given()).danger_expose(), RESULT.as_bytes());
    assert_eq!(read_answer(&ue(), 200, RESULT.as_bytes()), Ok(given()));
    let more = RESULT
        .replace("{\"rand\"", "{\"new\":[1],\"rand\"")
        .to_ascii_uppercase()
        .replace("\"RAND\"", "\"rand\"");
    assert!(read_answer(&ue(), 200, more.as_bytes()).is_err(), "names are in one case");
    let upper = RESULT.replace("23553cbe", "23553CBE");
    assert_eq!(read_answer(&ue(), 200, upper.as_bytes()), Ok(given()));
}

#[test]
fn a_digest_credential_keeps_its_names_on_both_sides() {
    let credential = DigestCredential {
        realm: "operator.com".to_owned(),
        algorithm: "MD5-sess".to_owned(),
        qop: Some("auth-int".to_owned()),
        ha1: hex!("97ba36405cc0b162e061ef550feb1e64")[..].into(),
    };
    let given = HssAnswer { vectors: Vec::new(), digest: Some(credential), ..given() };
    let json = answer(&given);
    let text = str::from_utf8(json.danger_expose()).unwrap();
    assert!(text.contains(r#""digestAlgorithm":"MD5_SESS","digestQop":"AUTH_INT""#), "{text}");
    assert_eq!(read_answer(&ue(), 200, json.danger_expose()), Ok(given));
}

#[test]
fn statuses_count_first_and_causes_second() {
    let error = |status, body: &str| read_answer(&ue(), status, body.as_bytes()).unwrap_err().vector_error();
    let cause = |cause: &str| format!("{{\"cause\":\"{cause}\"}}");
    assert_eq!(error(404, ""), VectorError::UnknownSubscriber);
    assert_eq!(error(404, &cause("USER_NOT_FOUND")), VectorError::UnknownSubscriber);
    assert_eq!(error(404, &cause("RESOURCE_URI_STRUCTURE_NOT_FOUND")), VectorError::Unavailable);
    assert_eq!(error(403, &cause("AUTHENTICATION_REJECTED")), VectorError::AuthenticationRejected);
    assert_eq!(error(403, "<html>"), VectorError::NotAllowed);
    for status in [204, 307, 400, 401, 429, 500, 501, 503, 0] {
        assert_eq!(error(status, &cause("USER_NOT_FOUND")), VectorError::Unavailable, "{status}");
    }
    for refused in [
        VectorError::UnknownSubscriber,
        VectorError::NotAllowed,
        VectorError::AuthenticationRejected,
        VectorError::Unavailable,
    ] {
        let (status, problem) = refuse(refused);
        let read = read_answer(&ue(), status, &problem.to_json()).unwrap_err();
        assert_eq!(read.vector_error(), refused);
    }
}

#[test]
fn answers_that_do_not_help_are_told_apart() {
    let read = |body: &str| read_answer(&ue(), 200, body.as_bytes()).unwrap_err();
    assert_eq!(read("{}"), SbiError::Empty);
    assert_eq!(read(&RESULT.replace("001010123456789@", "other@")), SbiError::OtherSubscriber);
    assert_eq!(
        read(&RESULT.replace("a54211", "a5421")),
        SbiError::Body(BodyError::NotTheSchema { line: 1, column: 137 })
    );
    assert_eq!(read(&RESULT.replace("b40ba9", "b40b")), SbiError::Incorrect("3gAkaAv"));
    let by_imsi = UeId::Imsi(impi().imsi().unwrap());
    assert_eq!(read_answer(&by_imsi, 200, RESULT.as_bytes()).unwrap().impi, Some(impi()));
    for end in 0..RESULT.len() {
        assert!(read_answer(&ue(), 200, &RESULT.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[test]
fn nothing_of_a_vector_shows_in_debug_or_errors() {
    let shown = format!("{:?}", read_answer(&ue(), 200, RESULT.as_bytes()));
    let error = read_answer(&ue(), 200, RESULT.replace("f769bcd7", "f769bcdx").as_bytes()).unwrap_err();
    let shown = format!("{shown} {error} {error:?}");
    let secrets = [vector().xres.danger_expose().to_vec(), vector().ik.danger_expose().to_vec()];
    for secret in secrets.iter().map(|secret| hex::encode(secret)) {
        assert!(!shown.contains(&secret[..6]), "{shown}");
    }
}

proptest! {
    #[test]
    fn any_vector_survives(rand: [u8; 16], length in 4_usize..=16, fill: u8) {
        let xres = crate::aka::Res::new(&vec![fill; length]).unwrap();
        let vector = crate::aka::AuthVector { rand: Rand(rand), xres, ..vector() };
        let given = HssAnswer { vectors: vec![vector], ..given() };
        prop_assert_eq!(read_answer(&ue(), 200, answer(&given).danger_expose()), Ok(given));
    }

    #[test]
    fn no_body_makes_it_panic(body in "\\PC{0,80}", status: u16) {
        let _ = read_answer(&ue(), status, body.as_bytes());
        let _ = AuthDataRequest::parse(body.as_bytes());
    }
}
