//! What goes through the proxy and for how long: streams, large bodies, WebSockets, kept connections, the end of a key.

use crate::api;
use crate::lab::{Lab, any_port, seconds};
use crate::ua_client::{Psk, psk, request, try_psk};
use crate::ua_lab::{Behind, CSE, plain, setup, text};
use crate::wire::Wire;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const SUITE: &str = "PSK-AES128-GCM-SHA256";
const UA: &str = "01000100a8";
const SOON: Duration = Duration::from_secs(20);

async fn connected(lab: &Lab) -> Psk {
    psk(lab, &lab.ua_credential(UA, "tls-psk").await, SUITE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_both_ways_and_the_connection_is_kept() {
    let behind = Behind::answering(|request| {
        let body = String::from_utf8(request.into_body().to_vec()).unwrap();
        plain(StatusCode::OK, &body)
    })
    .await;
    let lab = setup(&behind).start().await;
    let mut wire = connected(&lab).await;
    let body = "0123456789".repeat(800_000);
    for _ in 0..2 {
        let answer = wire.exchange(request("PUT", "/big", &[], body.as_bytes())).await;
        assert_eq!((answer.status, answer.body.len()), (200, body.len()));
        assert!(answer.body == body.as_bytes());
    }
    let chunked = format!(
        "PUT /c HTTP/1.1\r\nHost: {CSE}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    );
    assert_eq!(wire.exchange(chunked).await.text(), "abcde");
    assert_eq!(behind.reached().len(), 3);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_arrives_while_it_is_still_being_made() {
    let go_on = Arc::new(Notify::new());
    let waiting = Arc::clone(&go_on);
    let behind = Behind::listening(move |_, _| {
        let waiting = Arc::clone(&waiting);
        Box::pin(async move {
            let parts = futures_util::stream::unfold(0, move |number| {
                let waiting = Arc::clone(&waiting);
                async move {
                    if number == 1 {
                        waiting.notified().await;
                    }
                    let part = ["first ", "second"].get(number)?;
                    Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(part.as_bytes()))), number + 1))
                }
            });
            let mut answer = Response::new(StreamBody::new(parts).boxed());
            answer.headers_mut().insert("content-length", "12".parse().unwrap());
            answer
        })
    })
    .await;
    let lab = setup(&behind).start().await;
    let credential = lab.ua_credential(UA, "tls-psk").await;
    let mut wire = psk(&lab, &credential, SUITE).await;
    wire.send(request("GET", "/", &[], b"")).await;
    wire.arrives("first ").await;
    go_on.notify_one();
    assert_eq!(wire.answer().await.unwrap().text(), "first second");
    lab.finish().await;
}

/// Switches to an echo.
pub(crate) async fn echoing() -> Behind {
    Behind::listening(|mut request, _| {
        Box::pin(async move {
            let asked = request.headers().get("upgrade").cloned();
            tokio::spawn(async move {
                let Ok(upgraded) = hyper::upgrade::on(&mut request).await else { return };
                let mut stream = hyper_util::rt::TokioIo::new(upgraded);
                let mut octets = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut octets).await {
                    if stream.write_all(&octets[..count]).await.is_err() {
                        return;
                    }
                }
            });
            let Some(asked) = asked else { return plain(StatusCode::UPGRADE_REQUIRED, "") };
            let mut answer = plain(StatusCode::SWITCHING_PROTOCOLS, "");
            answer.headers_mut().insert("upgrade", asked);
            answer.headers_mut().insert("connection", "upgrade".parse().unwrap());
            answer
                .headers_mut()
                .insert("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".parse().unwrap());
            answer
        })
    })
    .await
}

pub(crate) const WEBSOCKET: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_turns_into_a_websocket_and_ends_with_its_key() {
    let behind = echoing().await;
    let lab = setup(&behind).config(|config| config.ua_proxy.recheck = seconds(0.2)).start().await;
    let credential = lab.ua_credential(UA, "tls-psk").await;
    let mut wire = psk(&lab, &credential, SUITE).await;
    let answer = wire.exchange(request("GET", "/ws", &WEBSOCKET, b"")).await;
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")), "{answer:?}");
    assert!(answer.header("sec-websocket-accept").is_some());
    for words in ["one frame", "another frame"] {
        wire.send(words).await;
        wire.arrives(words).await;
    }
    let path = format!("/v1/associations/{}", api::segment(text(&credential, "b_tid")));
    assert_eq!(lab.api().delete(&path).await.status.as_u16(), 204);
    assert!(wire.is_closed_within(SOON).await, "revoked");
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_with_originators_in_its_frames_is_refused() {
    let behind = echoing().await;
    let lab = setup(&behind).start().await;
    let mut wire = connected(&lab).await;
    let onem2m = [&WEBSOCKET[..], &["Sec-WebSocket-Protocol: oneM2M.json"]].concat();
    let answer = wire.exchange(request("GET", "/ws", &onem2m, b"")).await;
    assert_eq!((answer.status, answer.header("x-m2m-rsc")), (403, Some("4106")));
    lab.finish().await;
    let lab = setup(&behind).config(|config| config.ua_proxy.websocket = false).start().await;
    let answer = connected(&lab).await.exchange(request("GET", "/ws", &WEBSOCKET, b"")).await;
    assert_eq!(answer.status, 403);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_its_key() {
    let behind = Behind::start().await;
    let lab = setup(&behind).config(|config| config.bsf.key_lifetime = seconds(4.0)).start().await;
    let mut wire = connected(&lab).await;
    assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
    assert!(wire.is_closed_within(SOON).await, "expired");
    lab.finish().await;
    let lab = setup(&behind).start().await;
    let credential = lab.ua_credential(UA, "tls-psk").await;
    let mut wire = psk(&lab, &credential, SUITE).await;
    assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
    let path = format!("/v1/associations/{}", api::segment(text(&credential, "b_tid")));
    assert_eq!(lab.api().delete(&path).await.status.as_u16(), 204);
    let answer = wire.exchange(request("GET", "/", &[], b"")).await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")), "revoked");
    assert!(answer.header("www-authenticate").unwrap().contains("3GPP-bootstrapping@"));
    assert!(wire.is_closed_within(SOON).await);
    assert_eq!(behind.reached().len(), 2);
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_behind_may_be_away_or_silent() {
    let behind = Behind::listening(|_, _| Box::pin(std::future::pending())).await;
    let lab = setup(&behind).config(|config| config.ua_proxy.upstream_timeout = seconds(0.3)).start().await;
    assert_eq!(connected(&lab).await.exchange(request("GET", "/", &[], b"")).await.status, 504);
    lab.finish().await;
    let free = std::net::TcpListener::bind(any_port()).unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let lab = setup(&behind)
        .config(|config| config.ua_proxy.upstream = Some(nobody.parse().unwrap()))
        .start()
        .await;
    let mut wire = connected(&lab).await;
    for _ in 0..2 {
        assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 502);
    }
    lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_a_bsf_elsewhere_too_and_made_up_identities_cost_it_little() {
    let behind = Behind::start().await;
    let bsf = setup(&behind).config(|config| config.naf[1].private_identity = true).start().await;
    let mut subscriber = bsf.person.subscriber();
    subscriber.consent = true;
    bsf.store().add_subscribers(vec![subscriber], true).await.unwrap();
    let token = bsf.data_dir().join("lab.token");
    std::fs::write(&token, &bsf.token).unwrap();
    let base_url = format!("http://{}", bsf.service().addresses.zn_sbi.unwrap());
    let setup = setup(&behind).without_card().config(|config| {
        config.service.roles = vec![ksnaf::config::Role::Api, ksnaf::config::Role::Ua];
        config.enrolee[0].impi = bsf.person.impi.clone();
        config.ua_proxy.zn = ksnaf::config::UaZn::Nbsp;
        config.ua_proxy.base_url = Some(base_url.parse().unwrap());
        config.ua_proxy.token_file = Some(token.clone());
        config.ua_proxy.unknown_burst = 5;
    });
    let naf = setup.start().await;
    let credential = bsf.ua_credential(UA, "tls-psk").await;
    let (identity, key) = (text(&credential, "identity"), text(&credential, "key"));
    let mut wire = try_psk(naf.ua(), identity, key, SUITE).await.unwrap();
    assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
    assert_eq!(behind.only().header("x-m2m-origin"), Some("Cdevice1"));
    let asked = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with("ksnaf_credentials_total{side=\"zn\",outcome=\"unknown\"}"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
    };
    let started = std::time::Instant::now();
    for number in 0..200 {
        let made_up = format!("3GPP-bootstrapping;madeup{number}@bsf.example");
        assert!(try_psk(naf.ua(), &made_up, key, SUITE).await.is_err());
    }
    let allowed = 5 + started.elapsed().as_secs() + 1;
    assert!(asked(&bsf.api().metrics().await) <= allowed);
    let mut wire = try_psk(naf.ua(), identity, key, SUITE).await.expect("a good client is served");
    assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
    naf.finish().await;
    bsf.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_by_diameter_too() {
    let behind = Behind::start().await;
    let bsf = setup(&behind).config(|config| {
        config.zn.diameter_listen = Some(any_port());
        config.naf[1].private_identity = true;
        config.naf[1].principals.push(CSE.to_owned());
    });
    let bsf = bsf.start().await;
    let mut subscriber = bsf.person.subscriber();
    subscriber.consent = true;
    bsf.store().add_subscribers(vec![subscriber], true).await.unwrap();
    let setup = setup(&behind).without_card().config(|config| {
        config.service.roles = vec![ksnaf::config::Role::Api, ksnaf::config::Role::Ua];
        config.zn.diameter_listen = None;
        config.enrolee[0].impi = bsf.person.impi.clone();
        config.ua_proxy.zn = ksnaf::config::UaZn::Diameter;
        config.ua_proxy.peer = bsf.service().addresses.zn_diameter;
    });
    let naf = setup.start().await;
    let credential = bsf.ua_credential(UA, "tls-psk").await;
    let (identity, key) = (text(&credential, "identity"), text(&credential, "key"));
    let mut wire = try_psk(naf.ua(), identity, key, SUITE).await.unwrap();
    assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
    assert_eq!(behind.only().header("x-m2m-origin"), Some("Cdevice1"));
    let unknown = "3GPP-bootstrapping;AAAAAAAAAAAAAAAAAAAAAA==@bsf.example";
    assert!(try_psk(naf.ua(), unknown, key, SUITE).await.is_err());
    naf.finish().await;
    bsf.finish().await;
}

#[tokio::test]
async fn silent_clients_hold_no_handshake_up_for_ever() {
    let behind = Behind::start().await;
    let lab = setup(&behind)
        .config(|config| {
            config.ua_proxy.max_handshakes = 8;
            config.ua_proxy.handshake_timeout = seconds(1.0);
        })
        .start()
        .await;
    let mut silent = Vec::new();
    for _ in 0..30 {
        silent.push(Wire::over(TcpStream::connect(lab.ua()).await.unwrap()));
    }
    for wire in &mut silent {
        assert!(wire.is_closed_within(SOON).await);
    }
    let mut wire = connected(&lab).await;
    assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
    lab.finish().await;
}
