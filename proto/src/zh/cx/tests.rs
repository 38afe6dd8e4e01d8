use super::*;
use crate::aka::{AuthVector, Autn};
use crate::zh::Settings;
use crate::zh::witness::{addressing, damaged, identified_as, impi, message, origin, resync, vector};

fn request() -> CxAuthRequest {
    let request = VectorRequest { impi: impi(), resync: Some(resync()) };
    CxAuthRequest::new(&request, ServerName("sip:bsf.lab.example:5060".to_owned()))
}

#[test]
fn a_request_is_octet_for_octet_that_of_another_library() {
    let witness = message("Cx-MAR");
    let written =
        request().to_message(&addressing("bsf.lab.example;1;2", "bsf.lab.example", "hss.lab.example"));
    assert_eq!(identified_as(written, &witness).encode(), witness.encode());
    assert_eq!(CxAuthRequest::parse(&witness), Ok(request()));
}

#[test]
fn items_are_taken_in_the_order_of_their_numbers() {
    let answer = request().read_answer(&message("Cx-MAA")).unwrap();
    let second = AuthVector { rand: Rand([0; 16]), autn: Autn([0; 16]), ..vector() };
    assert_eq!(answer.vectors, [vector(), second]);
    assert_eq!(answer.settings, Settings::Unsaid);
}

#[test]
fn an_answer_of_ours_is_octet_for_octet_that_of_another_library_but_for_the_order() {
    let asked = message("Cx-MAR");
    let given = request().read_answer(&message("Cx-MAA")).unwrap();
    let written = answer(&asked, &request(), &origin("hss.lab.example"), &given);
    assert_eq!(request().read_answer(&written), Ok(given));
    let sorted = |message: &Message| {
        let mut avps: Vec<_> =
            message.avps.iter().map(|avp| (avp.code(), avp.data().danger_expose().to_vec())).collect();
        avps.sort();
        avps
    };
    assert_eq!(sorted(&written), sorted(&message("Cx-MAA")));
}

#[test]
fn refusals_come_back_as_what_they_were() {
    let refused = request().read_answer(&message("Cx-MAA-5001")).unwrap_err();
    assert_eq!(refused.vector_error(false), VectorError::UnknownSubscriber);
    let asked = message("Cx-MAR");
    for error in [
        VectorError::UnknownSubscriber,
        VectorError::NotAllowed,
        VectorError::AuthenticationRejected,
        VectorError::Unavailable,
    ] {
        let refused = request().read_answer(&refuse(&asked, &origin("hss.lab.example"), error)).unwrap_err();
        assert_eq!(refused.vector_error(true), error);
    }
}

#[test]
fn damage_never_makes_another_vector() {
    let given = request().read_answer(&message("Cx-MAA")).unwrap();
    for variant in damaged(&message("Cx-MAA")) {
        if let Ok(read) = request().read_answer(&variant) {
            assert!(read.vectors.iter().all(|found| given.vectors.contains(found)), "{variant:?}");
        }
    }
    for variant in damaged(&message("Cx-MAR")) {
        let answer = match CxAuthRequest::parse(&variant) {
            Ok(read) => {
                assert!(read.resync.is_none() || read.resync == Some(resync()), "{variant:?}");
                continue;
            }
            Err(error) => fault(&variant, &origin("hss.lab.example"), &error),
        };
        assert!(answer.outcome().is_ok_and(|outcome| !outcome.is_success()));
    }
}
