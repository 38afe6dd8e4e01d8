//! UEs at the NAF's door.

use super::{B_TID, BOUND, Bsf, INT_KEY, ME_KEY, Mood, NAF, naf_id};
use crate::{Nbsp, UaServer, UaSetup, Version, Zn};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use ksnaf_proto::digest::{Algorithm, AuthenticationInfo, Authorization, Calculation, Challenge, Qop};
use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::gba::{BTid, KsExtNaf, KsIntNaf};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::ua::{HttpDigestCredential, NafKey};
use ksnaf_proto::zn::ZnError;
use ksnaf_sim_http::{Peer, ask};
use serde_json::Value;
use tokio::net::TcpListener;

const TARGET: &str = "/simservs.ngn.etsi.org/users/x?y=1";

/// A UE before the NAF.
struct Ue {
    peer: Peer,
    b_tid: BTid,
    key: NafKey,
    body: &'static str,
}

impl Ue {
    fn at(server: &UaServer, version: Version) -> Self {
        let url = format!("http://{}", server.address()).parse().unwrap();
        Self {
            peer: Peer::of(&url, version, None).unwrap(),
            b_tid: BTid::parse(B_TID).unwrap(),
            key: NafKey::Ext(KsExtNaf::new(ME_KEY)),
            body: "what the UE has to say",
        }
    }

    async fn send(&self, authorization: Option<&Authorization>) -> Response<Bytes> {
        self.send_text(authorization.map(ToString::to_string).as_deref()).await
    }

    async fn send_text(&self, authorization: Option<&str>) -> Response<Bytes> {
        let mut request =
            Request::put(TARGET).header(header::HOST, NAF).header(header::USER_AGENT, "ue 3gpp-gba");
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        ask(&self.peer, request.body(Bytes::from_static(self.body.as_bytes())).unwrap(), BOUND).await.unwrap()
    }

    async fn challenged(&self) -> Challenge {
        challenge(&self.send(None).await)
    }

    fn credential(&self) -> HttpDigestCredential {
        HttpDigestCredential::new(&self.b_tid, &self.key, &Fqdn::parse(NAF).unwrap())
    }

    /// The right answer to a challenge, this time of this number.
    fn answer(&self, challenge: &Challenge, count: u32) -> Authorization {
        let (credential, nc) = (self.credential(), format!("{count:08x}"));
        let response =
            calculation(&credential, challenge, &nc).response("PUT", self.body.as_bytes()).unwrap();
        Authorization {
            username: self.b_tid.to_string(),
            realm: credential.realm,
            nonce: challenge.nonce.clone(),
            uri: TARGET.to_owned(),
            response: Some(response),
            algorithm: challenge.algorithm.clone(),
            qop: Some(Qop::AuthInt),
            nc: Some(nc),
            cnonce: Some("chosen".to_owned()),
            opaque: challenge.opaque.clone(),
            auts: None,
        }
    }

    /// Whether the answer to a challenge's first use proves that the NAF has the key.
    fn trusts(&self, challenge: &Challenge, response: &Response<Bytes>) -> bool {
        let info = response.headers()["authentication-info"].to_str().unwrap();
        let info = AuthenticationInfo::parse(info).unwrap();
        let credential = self.credential();
        calculation(&credential, challenge, "00000001")
            .rspauth_is(info.rspauth.as_deref().unwrap(), response.body())
    }
}

fn calculation<'a>(
    credential: &'a HttpDigestCredential,
    challenge: &'a Challenge,
    nc: &'a str,
) -> Calculation<'a> {
    Calculation {
        algorithm: &Algorithm::Md5,
        username: credential.username.as_str(),
        realm: &credential.realm,
        password: credential.password.danger_expose(),
        nonce: &challenge.nonce,
        nc,
        cnonce: "chosen",
        qop: Qop::AuthInt,
        uri: TARGET,
    }
}

/// What a 401 says.
fn challenge(response: &Response<Bytes>) -> Challenge {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let value = response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    Challenge::parse_all(value).unwrap().remove(0)
}

async fn server(zn: Zn, gba_u: bool) -> UaServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let setup = UaSetup { naf_id: naf_id(), gba_u, gs_ids: vec![GsId(7)], zn };
    UaServer::start(setup, listener).await.unwrap()
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test]
async fn a_ue_with_the_key_is_let_in_and_told_who_it_is() {
    let bsf = Bsf::in_mood(Mood::Good).await;
    for (zn, version) in
        [(bsf.nbsp(Version::Http2, "token-of-the-naf"), Version::Http1), (bsf.bir(), Version::Http2)]
    {
        let server = server(zn, false).await;
        let ue = Ue::at(&server, version);
        let first = ue.send(None).await;
        assert_eq!(first.headers()[header::SERVER], "3gpp-gba");
        let asked = challenge(&first);
        assert_eq!((asked.realm.as_str(), asked.stale), ("3GPP-bootstrapping@naf.lab.example", false));
        assert_eq!(asked.qop, [Qop::AuthInt]);
        let answer = ue.send(Some(&ue.answer(&asked, 1))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(ue.trusts(&asked, &answer));
        let told = body(&answer);
        assert_eq!(
            (told["b_tid"].as_str(), told["uids"][0].as_str()),
            (Some(B_TID), Some("sip:lab@ims.example"))
        );
        assert_eq!(told["impi"], "001010123456789@ims.mnc001.mcc001.3gppnetwork.org");
        assert_eq!(ue.send(Some(&ue.answer(&asked, 2))).await.status(), StatusCode::OK, "the next count");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_replay_a_wrong_key_and_another_body_are_challenged() {
    let bsf = Bsf::in_mood(Mood::Good).await;
    let server = server(bsf.nbsp(Version::Http2, "token-of-the-naf"), false).await;
    let ue = Ue::at(&server, Version::Http1);
    let sent = ue.answer(&ue.challenged().await, 1);
    assert_eq!(ue.send(Some(&sent)).await.status(), StatusCode::OK);
    assert!(challenge(&ue.send(Some(&sent)).await).stale, "another nonce will do");

    let other_body = Ue { body: "something else", ..Ue::at(&server, Version::Http1) };
    let sent = ue.answer(&ue.challenged().await, 1);
    assert!(!challenge(&other_body.send(Some(&sent)).await).stale);
    let thief = Ue { key: NafKey::Ext(KsExtNaf::new([9; 32])), ..Ue::at(&server, Version::Http1) };
    assert!(!challenge(&thief.send(Some(&thief.answer(&ue.challenged().await, 1))).await).stale);
    let own_nonce = Challenge { nonce: "b3du".to_owned(), ..ue.challenged().await };
    assert!(!challenge(&ue.send(Some(&ue.answer(&own_nonce, 1))).await).stale);
    server.stop().await;
}

#[tokio::test]
async fn a_bootstrap_that_is_no_longer_known_is_to_be_renewed() {
    let bsf = Bsf::in_mood(Mood::Good).await;
    let server = server(bsf.bir(), false).await;
    let ue = Ue { b_tid: BTid::parse("AAAA@bsf.lab.example").unwrap(), ..Ue::at(&server, Version::Http1) };
    let refused = ue.send(Some(&ue.answer(&ue.challenged().await, 1))).await;
    let challenge = challenge(&refused);
    assert_eq!((challenge.realm.as_str(), challenge.stale), ("3GPP-bootstrapping@naf.lab.example", false));
    assert_eq!(body(&refused)["detail"], "bootstrapping renegotiation");
    server.stop().await;
}

#[tokio::test]
async fn the_cards_key_is_offered_first_where_the_naf_wants_it() {
    let bsf = Bsf::in_mood(Mood::Good).await;
    let server = server(bsf.bir(), true).await;
    let ue = Ue { key: NafKey::Int(KsIntNaf::new(INT_KEY)), ..Ue::at(&server, Version::Http1) };
    let first = ue.send(None).await;
    assert_eq!(first.headers()[header::SERVER], "3gpp-gba 3gpp-gba-uicc");
    let asked = challenge(&first);
    assert_eq!(asked.realm, "3GPP-bootstrapping-uicc@naf.lab.example;3GPP-bootstrapping@naf.lab.example");
    let answer = ue.send(Some(&ue.answer(&asked, 1))).await;
    assert_eq!((answer.status(), &body(&answer)["key"]), (StatusCode::OK, &"3GPP-bootstrapping-uicc".into()));
    let terminal = Ue::at(&server, Version::Http1);
    let asked = terminal.challenged().await;
    assert_eq!(terminal.send(Some(&terminal.answer(&asked, 1))).await.status(), StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn what_the_bsf_refuses_or_cannot_say_is_no_401() {
    let url = "http://127.0.0.1:1".parse().unwrap();
    let nowhere = Zn::Nbsp(Nbsp::new(&url, Version::Http2, None, None, BOUND).unwrap());
    let stranger = Bsf::in_mood(Mood::Says(ZnError::NotAuthorized)).await;
    let senseless = Bsf::in_mood(Mood::Senseless).await;
    for (zn, status) in [
        (nowhere, StatusCode::SERVICE_UNAVAILABLE),
        (stranger.bir(), StatusCode::FORBIDDEN),
        (senseless.bir(), StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let server = server(zn, false).await;
        let ue = Ue::at(&server, Version::Http1);
        assert_eq!(ue.send(Some(&ue.answer(&ue.challenged().await, 1))).await.status(), status);
        server.stop().await;
    }
}

#[tokio::test]
async fn what_is_no_answer_to_a_challenge_is_challenged_or_refused() {
    let bsf = Bsf::in_mood(Mood::Good).await;
    let server = server(bsf.bir(), false).await;
    let ue = Ue::at(&server, Version::Http1);
    for text in ["", "Basic YTpi", "Digest", "Digest username=\"x\"", "\u{e9}"] {
        let status = ue.send_text(Some(text)).await.status();
        assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST), "{text:?}: {status}");
    }
    let elsewhere = Authorization { uri: "/other".to_owned(), ..ue.answer(&ue.challenged().await, 1) };
    assert_eq!(ue.send(Some(&elsewhere)).await.status(), StatusCode::BAD_REQUEST);
    server.stop().await;
}
