use super::*;
use crate::zh::witness::{impi, resync, vector};

const RESULT: &str = r#"{"3gAkaAv":{"rand":"23553cbe9637a89d218ae64dae47bf35","xres":"a54211d5e3ba50bf","autn":"55f328b43577b9b94a9ffac354dfafb3","ck":"b40ba9a3c58b2a05bbf0d987b21bf8cb","ik":"f769bcd751044604127672711c6d3441"}}"#;

fn given() -> HssAnswer {
    HssAnswer { impi: Some(impi()), vectors: vec![vector()], ..HssAnswer::default() }
}

#[test]
fn paths_name_the_supi() {
    let found = path(&impi()).unwrap();
    assert_eq!(found, "/imsi-001010123456789/gba-security-information/generate-av");
    assert_eq!(parse_path(&found), impi().imsi());
    assert_eq!(path(&Impi::parse("alice@example").unwrap()), None);
    for bad in ["", "/", "/imsi-1/gba-security-information/generate-av", "/imsi-001010123456789/x"] {
        assert_eq!(parse_path(bad), None, "{bad}");
    }
}

#[test]
fn requests_are_what_the_api_defines() {
    let plain = request(&VectorRequest { impi: impi(), resync: None });
    assert_eq!(plain.danger_expose(), br#"{"authType":"DIGEST_AKAV1_MD5"}"#);
    assert_eq!(parse_request(plain.danger_expose()), Ok(None));
    let json = r#"{"authType":"DIGEST_AKAV1_MD5","resynchronizationInfo":{"rand":"23553cbe9637a89d218ae64dae47bf35","auts":"000102030405060708090a0b0c0d"}}"#;
    let written = request(&VectorRequest { impi: impi(), resync: Some(resync()) });
    assert_eq!(written.danger_expose(), json.as_bytes());
    assert_eq!(parse_request(json.as_bytes()), Ok(Some(resync())));
    assert_eq!(parse_request(br#"{"authType":"NEW"}"#), Err(SbiError::Incorrect("authType")));
    let (status, _) = bad_request(&parse_request(b"{}").unwrap_err());
    assert_eq!(status, 400);
}

#[test]
fn answers_are_what_the_api_defines() {
    assert_eq!(answer(&given()).danger_expose(), RESULT.as_bytes());
    assert_eq!(read_answer(&impi(), 200, RESULT.as_bytes()), Ok(given()));
    assert_eq!(read_answer(&impi(), 200, b"{}"), Err(SbiError::Empty));
    for end in 0..RESULT.len() {
        assert!(read_answer(&impi(), 200, &RESULT.as_bytes()[..end]).is_err(), "{end}");
    }
    for error in [VectorError::UnknownSubscriber, VectorError::AuthenticationRejected] {
        let (status, problem) = refuse(error);
        let read = read_answer(&impi(), status, &problem.to_json()).unwrap_err();
        assert_eq!(read.vector_error(), error);
    }
}
