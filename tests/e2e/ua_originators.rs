//! Who a client says it is to what stands behind the proxy, and who it is: the attacks that a CSE alone lets through.

use crate::api;
use crate::lab::{Lab, Setup};
use crate::people::Person;
use crate::ua_client::{DigestUe, Psk, psk, request};
use crate::ua_lab::{Behind, CSE, enrolee, plain, setup, text};
use crate::wire::{Answer, Wire};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use ksnaf_proto::digest::Qop;
use ksnaf_proto::gba::GbaMode;

const SUITE: &str = "PSK-AES128-CBC-SHA256";
const UA: &str = "01000100ae";

async fn connected(lab: &Lab) -> Psk {
    psk(lab, &lab.ua_credential(UA, "tls-psk").await, SUITE).await
}

async fn ask(wire: &mut Psk, method: &str, headers: &[&str], body: &[u8]) -> Answer {
    wire.exchange(request(method, "/~/id-in/cse-in", headers, body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_probed_attack_stops_at_the_proxy() {
    let behind = Behind::start().await;
    let setup = setup(&behind);
    let also = enrolee(&Setup::of(Person::new(GbaMode::U)), &["Cother", "CAdmin"]);
    let lab = setup.config(|config| config.enrolee.push(also)).start().await;
    let mut wire = connected(&lab).await;
    for (origin, rsc) in [
        ("CAdmin", "4106"),
        ("Cother", "4106"),
        ("/id-in/Cother", "4106"),
        ("//cse.example/id-in/CAdmin", "4106"),
        ("C%64evice1", "4106"),
        ("Cdevice1,CAdmin", "4106"),
        ("cdevice1", "4106"),
        ("/id-in", "4106"),
        ("/mn7/Cdevice1", "4106"),
        ("//other.example/id-in/Cdevice1", "4106"),
        ("C", "4106"),
    ] {
        let line = format!("X-M2M-Origin: {origin}");
        let answer = ask(&mut wire, "GET", &[&line, "X-M2M-RI: r1", "X-M2M-RVI: 4"], b"").await;
        assert_eq!((answer.status, answer.header("x-m2m-rsc")), (403, Some(rsc)), "{origin}");
        assert_eq!(answer.header("x-m2m-ri"), Some("r1"), "{origin}");
    }
    let doubled = ask(&mut wire, "GET", &["X-M2M-Origin: Cdevice1", "X-M2M-Origin: CAdmin"], b"").await;
    assert_eq!((doubled.status, doubled.header("x-m2m-rsc")), (400, Some("4000")));
    assert_eq!(behind.reached().len(), 0, "nothing has reached what stands behind");
    let look_alikes =
        ["X_M2M_Origin: CAdmin", "X-M2M-Origin:  Cdevice1 \t", "X_3GPP_Asserted_Identity: \"sip:x@y\""];
    assert_eq!(ask(&mut wire, "GET", &look_alikes, b"").await.status, 200);
    let reached = behind.only();
    assert_eq!(reached.header("x-m2m-origin"), Some("Cdevice1"), "canonical, not as received");
    assert!(reached.headers.keys().all(|name| !name.as_str().contains('_')), "{reached:?}");
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_has_three_spellings_and_one_on_the_other_side() {
    let behind = Behind::start().await;
    let lab = setup(&behind).start().await;
    let mut wire = connected(&lab).await;
    for spelling in ["Cdevice1", "/id-in/Cdevice1", "//cse.example/id-in/Cdevice1"] {
        let line = format!("X-M2M-Origin: {spelling}");
        assert_eq!(ask(&mut wire, "GET", &[&line], b"").await.status, 200, "{spelling}");
    }
    for reached in behind.reached() {
        assert_eq!(reached.header("x-m2m-origin"), Some("Cdevice1"));
    }
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_listed_passes_and_identities_are_the_proxys_own() {
    let behind = Behind::start().await;
    let lab = setup(&behind).config(|config| config.enrolee[0].consent = true).start().await;
    let mut wire = connected(&lab).await;
    let sent = [
        "Authorization: Bearer stolen",
        "Proxy-Authorization: x",
        "X-3GPP-Asserted-Identity: \"sip:other@example\"",
        "X-Forwarded-For: 192.0.2.1",
        "Cookie: a=b",
        "X-M2M-RI: r1",
        "X-M2M-Unheard-Of: 1",
        "Content-Type: application/json;ty=4",
        "Accept: application/json",
    ];
    assert_eq!(ask(&mut wire, "POST", &sent, b"{}").await.status, 200);
    let reached = behind.only();
    let mut names: Vec<&str> = reached.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let listed = [
        "accept",
        "content-length",
        "content-type",
        "host",
        "x-3gpp-asserted-identity",
        "x-m2m-origin",
        "x-m2m-ri",
    ];
    assert_eq!(names, listed);
    let identity = format!("\"sip:{}\"", lab.person.impi.as_str());
    assert_eq!(reached.header("x-3gpp-asserted-identity"), Some(identity.as_str()), "with consent");
    assert_eq!(reached.header("content-type"), Some("application/json;ty=4"));
    lab.finish().await;
}

fn cse(
    request: &Request<Bytes>,
) -> Response<http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>> {
    match (request.method().as_str(), request.uri().path()) {
        ("POST", _) => {
            let mut answer = plain(StatusCode::CREATED, r#"{"m2m:ae":{"rn":"a","aei":"Cgiven"}}"#);
            answer.headers_mut().insert("x-m2m-rsc", "2001".parse().unwrap());
            answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
            answer
        }
        ("GET", "/broken") => {
            let mut answer =
                plain(StatusCode::INTERNAL_SERVER_ERROR, r#"{"m2m:dbg":"File /usr/lib/cse.py, line 1"}"#);
            answer.headers_mut().insert("x-m2m-rsc", "5000".parse().unwrap());
            answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
            answer
        }
        _ => plain(StatusCode::OK, "ok"),
    }
}

const CREATE_AE: [&str; 2] = ["Content-Type: application/json;ty=2", "X-M2M-RI: r1"];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cse_gives_belongs_to_the_subscriber_over_bootstraps_and_restarts() {
    let behind = Behind::answering(|request| cse(&request)).await;
    let setup = setup(&behind);
    let open = enrolee(&setup, &["C*"]);
    let mut lab = setup.config(|config| config.enrolee = vec![open]).start().await;
    let mut wire = connected(&lab).await;
    let unknown = ask(&mut wire, "GET", &["X-M2M-RI: r1"], b"").await;
    assert_eq!((unknown.status, unknown.header("x-m2m-rsc")), (403, Some("4106")), "it is nobody yet");
    let of_sp = ask(&mut wire, "POST", &[&CREATE_AE[..], &["X-M2M-Origin: S"]].concat(), b"{}").await;
    assert_eq!((of_sp.status, of_sp.header("x-m2m-rsc")), (403, Some("4126")));
    let created = ask(&mut wire, "POST", &[&CREATE_AE[..], &["X-M2M-Origin: C"]].concat(), b"{}").await;
    assert_eq!((created.status, created.header("x-m2m-rsc")), (201, Some("2001")), "{}", created.text());
    assert!(created.text().contains("Cgiven"));
    assert_eq!(behind.only().header("x-m2m-origin"), Some("C"));
    assert_eq!(ask(&mut wire, "GET", &[], b"").await.status, 200);
    assert_eq!(behind.reached()[1].header("x-m2m-origin"), Some("Cgiven"), "its only one");
    // Another bootstrap, another B-TID, the same Enrolee.
    let before = lab.live().await;
    lab.api().b_tid(true).await;
    assert_ne!(lab.live().await, before);
    drop(wire);
    lab.stop().await;
    lab.start_again().await;
    let mut wire = connected(&lab).await;
    assert_eq!(ask(&mut wire, "GET", &["X-M2M-Origin: /id-in/Cgiven"], b"").await.status, 200);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cses_diagnostics_stay_behind() {
    let behind = Behind::answering(|request| cse(&request)).await;
    let lab = setup(&behind).start().await;
    let mut wire = connected(&lab).await;
    let answer = wire.exchange(request("GET", "/broken", &[], b"")).await;
    assert_eq!((answer.status, answer.header("x-m2m-rsc"), answer.text().as_str()), (500, Some("5000"), ""));
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_enrolled_is_nobody_where_others_are_and_no_ae_anywhere() {
    let behind = Behind::start().await;
    let setup_of = || setup(&behind);
    let stranger = enrolee(&Setup::of(Person::new(GbaMode::U)), &["Cother"]);
    let lab = setup_of().config(|config| config.enrolee = vec![stranger]).start().await;
    let mut wire = connected(&lab).await;
    for headers in [&[][..], &["X-M2M-Origin: Cdevice1"], &CREATE_AE] {
        let answer = ask(&mut wire, "POST", headers, b"{}").await;
        assert_eq!((answer.status, answer.header("x-m2m-rsc")), (403, Some("4106")), "{headers:?}");
    }
    lab.finish().await;
    let elsewhere =
        setup_of().config(|config| config.enrolee[0].targets = Some(vec![crate::lab::fqdn(api::NAF)]));
    let lab = elsewhere.start().await;
    assert_eq!(ask(&mut connected(&lab).await, "GET", &[], b"").await.status, 403, "not for this target");
    lab.finish().await;
    let lab = setup_of().config(|config| config.enrolee.clear()).start().await;
    let mut wire = connected(&lab).await;
    assert_eq!(
        ask(&mut wire, "POST", &CREATE_AE, b"{}").await.status,
        403,
        "nobody is listed, so this is no CSE"
    );
    assert_eq!(behind.reached().len(), 0);
    assert_eq!(ask(&mut wire, "GET", &["Cookie: a=b"], b"").await.status, 200);
    let reached = behind.only();
    assert_eq!((reached.header("cookie"), reached.header("x-m2m-origin")), (Some("a=b"), None));
    lab.finish().await;
}

const XCAP_SETTINGS: &str = r#"<guss id="IMPI"><bsfInfo/><ussList><uss id="1000000" type="2"><uids><uid>sip:alice@ims.example</uid><uid>tel:+15550100</uid></uids><flags><flag>7</flag></flags></uss></ussList></guss>"#;

#[tokio::test]
async fn an_xcap_client_may_be_whom_its_settings_name() {
    let behind = Behind::start().await;
    let setup = setup(&behind).config(|config| {
        config.enrolee.clear();
        config.ua_proxy.gs_ids = vec![1_000_000];
    });
    let impi = setup.person.impi.as_str().to_owned();
    let lab = setup.start().await;
    let mut subscriber = lab.person.subscriber();
    subscriber.guss = Some(XCAP_SETTINGS.replace("IMPI", &impi).into_bytes());
    lab.store().add_subscribers(vec![subscriber], true).await.unwrap();
    let mut ue = DigestUe::new(&lab.ua_credential("http-digest", "http-digest").await, Qop::AuthInt);
    let mut wire = Wire::to(lab.ua_http()).await;
    for (said, asserted) in [
        (None, "\"sip:alice@ims.example\""),
        (Some("\"tel:+15550100\""), "\"tel:+15550100\""),
        (Some("tel:+15550100"), "\"tel:+15550100\""),
    ] {
        let line = said.map(|identity| format!("X-3GPP-Intended-Identity: {identity}"));
        let headers: Vec<&str> = line.iter().map(String::as_str).collect();
        assert_eq!(
            ue.ask(&mut wire, "GET", "/simservs.ngn.etsi.org/users/x", &headers, b"").await.status,
            200
        );
        let reached = behind.reached().pop().unwrap();
        assert_eq!(reached.header("x-3gpp-asserted-identity"), Some(asserted));
        assert_eq!(reached.header("x-3gpp-authorization-flags"), Some("7"));
        assert_eq!(reached.header("x-3gpp-intended-identity"), None);
    }
    let foreign = ["X-3GPP-Intended-Identity: \"sip:bob@ims.example\""];
    assert_eq!(ue.ask(&mut wire, "GET", "/", &foreign, b"").await.status, 403);
    assert_eq!(behind.reached().len(), 3);
    assert!(text(&lab.ua_credential("http-digest", "http-digest").await, "realm").ends_with(CSE));
    lab.finish().await;
}
