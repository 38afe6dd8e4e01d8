//! What belongs to Zn over Diameter: who is let in, what is wrong with a request, certificates.

use crate::api::NAF;
use crate::certificates::Ca;
use crate::lab::{BSF, Lab, Setup, any_port};
use crate::naf::{Peer, Way, query, query_of, realm};
use ksnaf_proto::diameter::dictionary::{base, gba};
use ksnaf_proto::diameter::{Avp, Message, Outcome, ResultCode, TgppResultCode, VendorId};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::zn;
use std::sync::Arc;

const FORBIDDEN: Outcome = Outcome::tgpp(TgppResultCode::NOT_AUTHORIZED);

fn setup() -> Setup {
    Setup::new(GbaMode::U).config(|config| config.naf[0].principals.push(NAF.to_owned()))
}

/// The key of an answer goes to the watch.
fn outcome(lab: &Lab, answer: &Message) -> Outcome {
    if let Ok(answer) = zn::diameter::read_answer(answer) {
        lab.secret("a NAF's key", answer.me_key.danger_expose());
    }
    answer.outcome().unwrap()
}

#[tokio::test]
async fn an_answer_is_addressed_as_its_request_wants() {
    let lab = setup().start().await;
    let b_tid = lab.api().b_tid(false).await;
    let peer = Peer::connect(&lab, NAF).await;
    let request = query(&b_tid).to_message(&peer.addressing());
    let session = request.avps.first(&base::SESSION_ID).unwrap().clone();
    let answer = peer.send(request).await;
    assert_eq!(outcome(&lab, &answer), Outcome::SUCCESS);
    assert_eq!(answer.avps.iter().next(), Some(&session));
    let identity = |def| answer.avps.first(def).unwrap().identity().unwrap();
    assert_eq!((identity(&base::ORIGIN_HOST).as_str(), identity(&base::ORIGIN_REALM)), (BSF, realm()));
    lab.finish().await;
}

#[tokio::test]
async fn who_is_no_principal_and_no_relay_gets_nothing() {
    let lab = setup().start().await;
    let b_tid = lab.api().b_tid(false).await;
    let stranger = Peer::connect(&lab, "stranger.example").await;
    for (naf, b_tid) in [(NAF, &*b_tid), (NAF, "AAAA@bsf.example"), ("stranger.example", &*b_tid)] {
        assert_eq!(outcome(&lab, &stranger.ask(&query_of(naf, b_tid)).await), FORBIDDEN, "{naf} {b_tid}");
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_peer_speaks_for_itself_alone_unless_it_is_a_relay() {
    let lab = setup().config(|config| {
        let mut other = config.naf[0].clone();
        other.fqdn = crate::lab::fqdn("other.example");
        other.principals = vec!["other.example".to_owned()];
        config.naf.push(other);
        config.zn.relays = vec![crate::naf::identity("dra.example")];
    });
    let lab = lab.start().await;
    let b_tid = lab.api().b_tid(false).await;
    let behind = |peer: &Peer, host: &str| {
        let mut addressing = peer.addressing();
        addressing.origin.host = crate::naf::identity(host);
        query(&b_tid).to_message(&addressing)
    };
    let relay = Peer::connect(&lab, "dra.example").await;
    let mut relayed = behind(&relay, NAF);
    assert_eq!(outcome(&lab, &relay.send(relayed.clone()).await), Outcome::SUCCESS);
    relayed.avps.push(base::ROUTE_RECORD.text(NAF));
    assert_eq!(outcome(&lab, &relay.send(relayed).await), Outcome::SUCCESS);
    let own = relay.ask(&query(&b_tid)).await;
    assert_eq!(outcome(&lab, &own), FORBIDDEN, "a relay has no keys of its own");

    let other = Peer::connect(&lab, "other.example").await;
    assert_eq!(outcome(&lab, &other.ask(&query_of("other.example", &b_tid)).await), Outcome::SUCCESS);
    assert_eq!(outcome(&lab, &other.send(behind(&other, NAF)).await), FORBIDDEN);
    let mut routed = behind(&other, "other.example");
    routed.avps.push(base::ROUTE_RECORD.text(NAF));
    assert_eq!(outcome(&lab, &other.send(routed).await), FORBIDDEN);
    lab.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_shown() {
    let lab = setup().start().await;
    let b_tid = lab.api().b_tid(false).await;
    let peer = Peer::connect(&lab, NAF).await;
    let good = || query(&b_tid).to_message(&peer.addressing());
    let without = |def| {
        let mut request = good();
        request.avps.retain(|avp| !avp.is(def));
        request
    };
    let with = |avp: Avp| {
        let mut request = good();
        request.avps.push(avp);
        request
    };
    let strange = Avp::new(9999, VendorId(77), true, [1, 2, 3][..].into());
    let short = gba::NAF_ID.octets(b"naf");
    let replaced = {
        let mut request = without(&gba::NAF_ID);
        request.avps.push(short.clone());
        request
    };
    let second = gba::TRANSACTION_IDENTIFIER.text("other@bsf.example");
    for (request, result, failed) in [
        (without(&gba::NAF_ID), ResultCode::MISSING_AVP, None),
        (without(&gba::TRANSACTION_IDENTIFIER), ResultCode::MISSING_AVP, None),
        (with(strange.clone()), ResultCode::AVP_UNSUPPORTED, Some(strange)),
        (with(second.clone()), ResultCode::AVP_OCCURS_TOO_MANY_TIMES, Some(second)),
        (replaced, ResultCode::INVALID_AVP_VALUE, Some(short)),
    ] {
        let answer = peer.send(request).await;
        assert_eq!(outcome(&lab, &answer), Outcome::Result(result));
        let shown = answer.avps.first(&base::FAILED_AVP).unwrap().grouped().unwrap();
        assert!(failed.is_none_or(|failed| shown.iter().any(|avp| *avp == failed)), "{result}");
        assert_eq!(answer.avps.first(&gba::ME_KEY_MATERIAL), None);
    }
    let optional = Avp::new(9999, VendorId(77), false, [1, 2, 3][..].into());
    assert_eq!(outcome(&lab, &peer.send(with(optional)).await), Outcome::SUCCESS);
    let mut other_command = good();
    other_command.header.command = ksnaf_proto::diameter::CommandCode::GBA_PUSH_INFO;
    let answer = peer.send(other_command).await;
    assert_eq!(outcome(&lab, &answer), Outcome::Result(ResultCode::COMMAND_UNSUPPORTED));
    lab.finish().await;
}

#[tokio::test]
async fn a_certificate_decides_over_tls_and_the_origin_host_must_agree() {
    let (ca, others) = (Ca::new(), Ca::new());
    let server = ca.server_called(BSF);
    let setup = setup().config(|config| {
        config.naf[0].principals.push("further.example".to_owned());
        config.zn.diameter_listen = None;
        config.diameter.tls_listen = Some(any_port());
        config.diameter.tls_certificate = Some(server.certificate.clone());
        config.diameter.tls_key = Some(server.key.clone());
        config.diameter.tls_ca = Some(ca.file());
    });
    let lab = setup.start().await;
    let b_tid = lab.api().b_tid(false).await;
    assert_eq!(lab.service().addresses.zn_diameter, None);
    let address = lab.service().addresses.zn_diameter_tls.unwrap();
    let by = |trust, host: &'static str| Peer::by(Way { address, tls: Some(trust) }, host);
    let own = ca.client(NAF);
    let peer = by(ca.trust(Some(&own)), NAF).await.unwrap();
    assert_eq!(outcome(&lab, &peer.ask(&query(&b_tid)).await), Outcome::SUCCESS);
    assert!(by(ca.trust(Some(&own)), "further.example").await.is_none(), "not the certificate's name");
    assert!(by(ca.trust(None), NAF).await.is_none(), "no certificate");
    let foreign = others.client(NAF);
    let trusting: Arc<_> = ca.trust(Some(&foreign));
    assert!(by(trusting, NAF).await.is_none(), "another CA's certificate");
    assert!(Peer::by(Way { address, tls: None }, NAF).await.is_none(), "no TLS");
    lab.finish().await;
}
