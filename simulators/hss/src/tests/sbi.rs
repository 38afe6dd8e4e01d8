//! Nhss and Nudm, over both versions of HTTP.

use super::{Card, start};
use crate::Hss;
use bytes::Bytes;
use http::{Method, Request, header};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::identity::{Impi, Impu, Imsi};
use ksnaf_proto::sbi::ProblemDetails;
use ksnaf_proto::zh::nhss_gba_ueau::{AuthDataRequest, Scheme};
use ksnaf_proto::zh::{
    HssAnswer, SbiError, Settings, UeId, VectorError, VectorRequest, nhss_gba_sdm, nhss_gba_ueau, nudm_ueau,
};
use ksnaf_sim_http::{Peer, Version};
use std::time::Duration;

/// Tests that wait for an answer that must not come end by themselves before.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Status, media type, body.
async fn ask(hss: &Hss, version: Version, method: Method, path: &str, body: &[u8]) -> (u16, String, Bytes) {
    let url = format!("http://{}", hss.addresses().sbi.unwrap());
    let peer = Peer::of(&url.parse().unwrap(), version, None).unwrap();
    let request = Request::builder().method(method).uri(path).body(Bytes::copy_from_slice(body)).unwrap();
    let response = ksnaf_sim_http::ask(&peer, request, FOR_EVER).await.unwrap();
    let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
    (response.status().as_u16(), kind.unwrap_or_default(), response.into_body())
}

async fn post(hss: &Hss, path: &str, body: &[u8]) -> (u16, String, Bytes) {
    ask(hss, Version::Http2, Method::POST, path, body).await
}

async fn auth_data(hss: &Hss, ue_id: &UeId, request: AuthDataRequest) -> Result<HssAnswer, SbiError> {
    let path = format!("/{}{}", nhss_gba_ueau::API, nhss_gba_ueau::path(ue_id));
    let (status, _, body) = post(hss, &path, request.to_json().danger_expose()).await;
    nhss_gba_ueau::read_answer(ue_id, status, &body)
}

async fn settings(hss: &Hss, ue_id: &UeId) -> Result<Settings, SbiError> {
    let path = format!("/{}{}", nhss_gba_sdm::API, nhss_gba_sdm::path(ue_id));
    let (status, _, body) = ask(hss, Version::Http1, Method::GET, &path, b"").await;
    nhss_gba_sdm::read_answer(status, &body)
}

async fn gba_av(hss: &Hss, request: &VectorRequest) -> Result<HssAnswer, SbiError> {
    let path = format!("/{}{}", nudm_ueau::API, nudm_ueau::path(&request.impi).unwrap());
    let body = nudm_ueau::request(request);
    let (status, _, body) = ask(hss, Version::Http1, Method::POST, &path, body.danger_expose()).await;
    nudm_ueau::read_answer(&request.impi, status, &body)
}

fn of(card: &Card) -> UeId {
    UeId::of(card.impi())
}

#[tokio::test]
async fn vectors_of_nhss_are_what_the_card_expects_and_each_is_fresh() {
    let hss = start("").await;
    for mut card in [Card::lab(), Card::other()] {
        for _ in 0..3 {
            let answer = auth_data(&hss, &of(&card), AuthDataRequest::default()).await.unwrap();
            assert_eq!(answer.impi, Some(card.impi()));
            assert_eq!(card.authenticate(&answer.vectors[0]), None);
        }
    }
    hss.stop().await;
}

#[tokio::test]
async fn a_subscriber_has_many_names() {
    let hss = start("").await;
    let mut card = Card::lab();
    for name in [
        UeId::Imsi(Imsi::parse("001010123456789").unwrap()),
        UeId::Impu(Impu::parse("sip:lab@ims.example").unwrap()),
        UeId::Impu(Impu::from_impi(&card.impi())),
        UeId::Msisdn("49301234567".to_owned()),
        UeId::of(Impi::parse(&card.impi().as_str().to_ascii_uppercase()).unwrap()),
    ] {
        let answer = auth_data(&hss, &name, AuthDataRequest::default()).await.unwrap();
        assert_eq!(card.authenticate(&answer.vectors[0]), None, "{name:?}");
    }
    hss.stop().await;
}

#[tokio::test]
async fn a_card_that_is_ahead_resynchronises_and_a_forged_auts_is_refused() {
    let hss = start("").await;
    for nudm in [false, true] {
        let mut card = Card::lab();
        card.run_ahead();
        let ask = async |resync| {
            if nudm {
                return gba_av(&hss, &VectorRequest { impi: Card::lab().impi(), resync }).await;
            }
            auth_data(&hss, &of(&Card::lab()), AuthDataRequest { resync, ..AuthDataRequest::default() }).await
        };
        if nudm {
            // The other interface has brought the HSS's number up already.
            card.numbers.accept(ksnaf_proto::aka::sqn::SqnFormat::default().join(1 << 22, 31).unwrap());
        }
        let refused = ask(None).await.unwrap().vectors.remove(0);
        let auts = card.authenticate(&refused).expect("a number that is not fresh");
        let mut forged = auts;
        forged.0[13] ^= 1;
        let error = ask(Some((refused.rand, forged))).await.unwrap_err();
        assert_eq!(error.vector_error(), VectorError::AuthenticationRejected);
        let fresh = ask(Some((refused.rand, auts))).await.unwrap().vectors.remove(0);
        assert_eq!(card.authenticate(&fresh), None);
    }
    hss.stop().await;
}

#[tokio::test]
async fn settings_are_the_files() {
    let hss = start("").await;
    let Settings::Sent { guss, .. } = settings(&hss, &of(&Card::lab())).await.unwrap() else {
        panic!("none")
    };
    assert_eq!((guss.bsf_info.gba_mode(), guss.uss[0].gs_id), (GbaMode::U, GsId(7)));
    assert_eq!(guss.bsf_info.key_lifetime().unwrap().as_secs(), 7200);
    let Settings::Sent { guss, .. } = settings(&hss, &of(&Card::other())).await.unwrap() else {
        panic!("none")
    };
    assert_eq!((guss.bsf_info.gba_mode(), guss.uss.len()), (GbaMode::Me, 0));
    hss.stop().await;
}

#[tokio::test]
async fn who_is_unknown_and_what_is_no_request_are_refused() {
    let hss = start("").await;
    let nobody = Impi::parse("001010000000000@ims.mnc001.mcc001.3gppnetwork.org").unwrap();
    let unknown = |error: SbiError| assert_eq!(error.vector_error(), VectorError::UnknownSubscriber);
    unknown(auth_data(&hss, &UeId::of(nobody.clone()), AuthDataRequest::default()).await.unwrap_err());
    unknown(settings(&hss, &UeId::of(nobody.clone())).await.unwrap_err());
    unknown(gba_av(&hss, &VectorRequest { impi: nobody, resync: None }).await.unwrap_err());
    let digest = AuthDataRequest { scheme: Scheme::DigestHttp, resync: None };
    let error = auth_data(&hss, &of(&Card::lab()), digest).await.unwrap_err();
    assert_eq!(error.vector_error(), VectorError::NotAllowed);

    let path = format!("/{}{}", nhss_gba_ueau::API, nhss_gba_ueau::path(&of(&Card::lab())));
    let status =
        async |method, path: &str, body: &[u8]| ask(&hss, Version::Http1, method, path, body).await.0;
    assert_eq!(status(Method::POST, &path, b"{").await, 400);
    assert_eq!(status(Method::PUT, &path, b"{}").await, 405);
    for nowhere in ["/", "/nhss-gba-ueau/v1", "/nhss-gba-ueau/v1/x/security-information/generate-auth-data"] {
        let (status, kind, body) = post(&hss, nowhere, b"{}").await;
        assert_eq!((status, kind.as_str()), (404, "application/problem+json"));
        assert_eq!(ProblemDetails::cause_of(&body).as_deref(), Some("RESOURCE_URI_STRUCTURE_NOT_FOUND"));
    }
    assert_eq!(status(Method::POST, &path, &vec![b' '; 200_000]).await, 413);
    hss.stop().await;
}

#[tokio::test]
async fn faults_reach_the_answers() {
    let asked = async |faults: &str| {
        let hss = start(faults).await;
        let answer = auth_data(&hss, &of(&Card::lab()), AuthDataRequest::default()).await;
        hss.stop().await;
        answer
    };
    for faults in ["garbage", "truncate"] {
        assert!(matches!(asked(faults).await, Err(SbiError::Body(_))), "{faults}");
    }
    assert_eq!(asked("other-subscriber").await, Err(SbiError::OtherSubscriber));
    assert!(matches!(asked("error=503").await, Err(SbiError::Refused { status: 503, cause: None })));
    assert!(asked("error=3004").await.is_ok(), "of Diameter alone");
    assert_eq!(Card::lab().authenticate(&asked("garbage-avps").await.unwrap().vectors[0]), None);

    let hss = start("no-guss,other-subscriber").await;
    assert_eq!(settings(&hss, &of(&Card::lab())).await, Ok(Settings::Absent));
    let request = VectorRequest { impi: Card::lab().impi(), resync: None };
    let other = gba_av(&hss, &request).await.unwrap().vectors.remove(0);
    assert_eq!(Card::other().authenticate(&other), None, "Nudm tells no name: the vector alone is another's");
    hss.stop().await;
}

#[tokio::test]
async fn a_dropped_request_is_not_answered_and_the_next_one_is() {
    let hss = start("drop-nth=1").await;
    let (lab, request) = (of(&Card::lab()), AuthDataRequest::default());
    // Of two at once, whichever comes first is dropped; without the fault, both would be answered.
    let (mut one, mut two) =
        (Box::pin(auth_data(&hss, &lab, request)), Box::pin(auth_data(&hss, &lab, request)));
    let (answered, left) = tokio::select! {
        answered = &mut one => (answered, two),
        answered = &mut two => (answered, one),
    };
    assert!(answered.is_ok());
    assert!(auth_data(&hss, &lab, request).await.is_ok());
    tokio::select! {
        biased;
        dropped = left => panic!("{dropped:?}"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn a_slow_subscriber_does_not_hold_up_another() {
    let hss = start("slow-for=001010123456789:600000,delay=1").await;
    let (slow, fast) = (of(&Card::lab()), of(&Card::other()));
    let answered = tokio::select! {
        slow = auth_data(&hss, &slow, AuthDataRequest::default()) => panic!("{slow:?}"),
        fast = auth_data(&hss, &fast, AuthDataRequest::default()) => fast,
    };
    assert!(answered.is_ok());
    hss.stop().await;
}
