//! Ua, the device side: plain HTTP to a proxy on loopback, out under the card's key to the proxy before a server.

use crate::api;
use crate::lab::{Lab, Setup, any_port, seconds};
use crate::program::Place;
use crate::ua_client::request;
use crate::ua_lab::{Behind, CSE, plain, setup, with_certificate};
use crate::wire::Wire;
use http::StatusCode;
use ksnaf::config::{Config, Role, UaUse};
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// A device of the network's subscriber, whose proxy leads to the network's.
async fn device(network: &Lab, change: impl FnOnce(&mut Config)) -> Lab {
    let (bsf, proxy) = (network.ub(), network.ua());
    let setup = Setup::of(network.person.clone()).config(|config| {
        config.service.roles = vec![Role::Api];
        config.ue.bsf = Some(format!("http://{bsf}/"));
        config.ue.bsf_name = Some(crate::lab::BSF.to_owned());
        let client = &mut config.ua_client;
        client.listen = any_port();
        client.target = Some(format!("https://{CSE}").parse().unwrap());
        client.connect = Some(proxy.to_string());
        change(config);
    });
    setup.start().await
}

fn door(device: &Lab) -> SocketAddr {
    device.service().addresses.ua_client.expect("the device's proxy")
}

async fn through(device: &Lab) -> Wire {
    Wire::to(door(device)).await
}

async fn revoke_everything(network: &Lab) {
    for b_tid in network.live().await {
        let path = format!("/v1/associations/{}", api::segment(&b_tid));
        assert_eq!(network.api().delete(&path).await.status.as_u16(), 204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_both_ways_and_connections_are_kept() {
    let behind = Behind::answering(|request| {
        let body = String::from_utf8(request.into_body().to_vec()).unwrap();
        plain(StatusCode::OK, &body)
    })
    .await;
    let network = setup(&behind).start().await;
    let device = device(&network, |_| {}).await;
    let mut wire = through(&device).await;
    let body = "0123456789".repeat(800_000);
    for _ in 0..2 {
        let answer = wire.exchange(request("PUT", "/big?x=1", &[], body.as_bytes())).await;
        assert_eq!((answer.status, answer.body.len()), (200, body.len()), "{}", answer.text());
    }
    let chunked =
        "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(wire.exchange(chunked).await.text(), "abcde");
    let reached = behind.reached();
    assert_eq!((reached.len(), reached[0].target.as_str()), (3, "/big?x=1"));
    assert_eq!(
        reached[0].header("x-m2m-origin"),
        Some("Cdevice1"),
        "the proxy before the server says who it is"
    );
    assert_eq!(network.live().await.len(), 1, "one bootstrap for all");
    device.finish().await;
    network.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_share_one_bootstrap() {
    let behind = Behind::start().await;
    let network = setup(&behind).start().await;
    let device = device(&network, |_| {}).await;
    let door = door(&device);
    let asked = (0..30).map(|_| async move {
        let answer = Wire::to(door).await.exchange(request("GET", "/", &[], b"")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    });
    futures_util::future::join_all(asked).await;
    assert_eq!((behind.reached().len(), network.live().await.len()), (30, 1));
    device.finish().await;
    network.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_goes_through_both_proxies() {
    let behind = crate::ua_passage::echoing().await;
    let network = setup(&behind).start().await;
    let device = device(&network, |_| {}).await;
    let mut wire = through(&device).await;
    let answer = wire.exchange(request("GET", "/ws", &crate::ua_passage::WEBSOCKET, b"")).await;
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")), "{}", answer.text());
    for words in ["one frame", "another frame"] {
        wire.send(words).await;
        wire.arrives(words).await;
    }
    device.finish().await;
    network.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_made_anew_and_a_body_that_went_once_is_asked_for_again() {
    let behind = Behind::start().await;
    let network = setup(&behind).config(|config| config.ua_proxy.recheck = seconds(60.0)).start().await;
    let device = device(&network, |_| {}).await;
    let mut wire = through(&device).await;
    let get = || request("GET", "/", &[], b"");
    assert_eq!(wire.exchange(get()).await.status, 200);
    revoke_everything(&network).await;
    assert_eq!(wire.exchange(get()).await.status, 200, "the client notices nothing");
    revoke_everything(&network).await;
    let long = "x".repeat(200_000);
    let answer = wire.exchange(request("PUT", "/", &[], long.as_bytes())).await;
    // The refusal may overtake the body, or the end of the connection may overtake the refusal.
    assert!(matches!(answer.status, 502 | 503), "{}", answer.text());
    assert_eq!(
        Wire::to(door(&device)).await.exchange(request("PUT", "/", &[], long.as_bytes())).await.status,
        200
    );
    device.finish().await;
    network.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_renewed_before_it_ends_and_requests_go_on() {
    let behind = Behind::start().await;
    let network = setup(&behind).config(|config| config.bsf.key_lifetime = seconds(6.0)).start().await;
    let device = device(&network, |_| {}).await;
    let mut wire = through(&device).await;
    let mut seen = std::collections::BTreeSet::new();
    let began = std::time::Instant::now();
    while seen.len() < 3 {
        assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
        seen.extend(network.live().await);
        assert!(began.elapsed() < Duration::from_secs(60), "{seen:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    device.finish().await;
    network.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digest_inside_tls_and_without_it_is_answered_and_proved() {
    let folder = tempfile::tempdir().unwrap();
    let behind = Behind::answering(|request| {
        let body = String::from_utf8(request.into_body().to_vec()).unwrap();
        plain(StatusCode::OK, &format!("<{body}>"))
    })
    .await;
    let mut certificate = None;
    let network = setup(&behind)
        .config(|config| certificate = Some(with_certificate(config, folder.path())))
        .start()
        .await;
    for tls in [true, false] {
        let plain_http = network.ua_http();
        let ca = certificate.clone();
        let device = device(&network, |config| {
            let client = &mut config.ua_client;
            client.protection = UaUse::HttpDigest;
            client.ca = ca;
            client.digest_body = 1000;
            if !tls {
                client.target = Some(format!("http://{CSE}").parse().unwrap());
                client.connect = Some(plain_http.to_string());
            }
        })
        .await;
        let mut wire = through(&device).await;
        for body in ["", "words", "more words"] {
            let answer = wire.exchange(request("POST", "/a?b=c", &[], body.as_bytes())).await;
            assert_eq!((answer.status, answer.text()), (200, format!("<{body}>")), "tls {tls}");
        }
        let long = "x".repeat(1001);
        let answer = Wire::to(door(&device)).await.exchange(request("POST", "/", &[], long.as_bytes())).await;
        assert_eq!(answer.status, 413);
        revoke_everything(&network).await;
        let answer = Wire::to(door(&device)).await.exchange(request("POST", "/", &[], b"again")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "<again>"), "renegotiation, tls {tls}");
        device.finish().await;
    }
    network.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leads_to_its_target_only_and_says_what_is_wrong() {
    let behind = Behind::start().await;
    let network = setup(&behind).start().await;
    let device = device(&network, |_| {}).await;
    let ask = async |target: &str, head: &str| {
        let request = format!("{target} HTTP/1.1\r\n{head}\r\n\r\n");
        Wire::to(door(&device)).await.exchange(request).await.status
    };
    assert_eq!(ask("GET http://other.example/", "Host: other.example").await, 403);
    assert_eq!(ask("CONNECT other.example:443", "Host: other.example:443").await, 405);
    assert_eq!(ask("GET /", "Host: a\r\nHost: b").await, 400);
    assert_eq!(ask(&format!("GET http://{}/", CSE.to_uppercase()), &format!("Host: {CSE}")).await, 200);
    assert_eq!(behind.reached().len(), 1);
    device.finish().await;

    // Nobody listens at the target; the BSF is away; the target takes none of this card's keys.
    let closed = tokio::net::TcpListener::bind(any_port()).await.unwrap().local_addr().unwrap();
    let no_target = |config: &mut Config| config.ua_client.connect = Some(closed.to_string());
    let no_bsf = |config: &mut Config| config.ue.bsf = Some(format!("http://{closed}/"));
    let wrong_name = |config: &mut Config| {
        config.ua_client.target = Some("https://other.example".parse().unwrap());
    };
    for (status, words, wrong) in [
        (502, "cannot be reached", &no_target as &(dyn Fn(&mut Config) + Sync)),
        (503, "no key from the card", &no_bsf),
        (502, "does not accept the key", &wrong_name),
    ] {
        let device = self::device(&network, |config| wrong(config)).await;
        let answer = Wire::to(door(&device)).await.exchange(request("GET", "/", &[], b"")).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(words), "{}", answer.text());
        device.finish().await;
    }
    assert_eq!(behind.reached().len(), 1);
    network.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_idles_is_let_go() {
    let behind = Behind::start().await;
    let network = setup(&behind).start().await;
    let device = device(&network, |config| config.ua_client.request_timeout = seconds(0.5)).await;
    let mut wire = through(&device).await;
    assert_eq!(wire.exchange(request("GET", "/", &[], b"")).await.status, 200);
    assert!(wire.is_closed_within(SOON).await);
    device.finish().await;
    network.finish().await;
}

#[test]
fn settings_that_do_not_go_together_are_named() {
    let place = Place::empty();
    let target = format!("--set=ua_client.target=https://{CSE}");
    let free = ["ub.listen", "api.listen", "zn.sbi_listen", "ua_client.listen"];
    let free: Vec<String> = free.iter().map(|key| format!("--set={key}=127.0.0.1:0")).collect();
    for (further, told) in [
        (&["--set=ua_client.listen=0.0.0.0:0", "--set=card.use=sim"][..], "ua_client.listen: "),
        (&["--set=ua_client.use=http-digest", "--set=card.use=sim"], "needs ua_client.ca"),
        (&["--set=ua_client.target=http://a.example", "--set=card.use=sim"], "needs https://"),
        (&["--set=ua_client.target=https://a.example/path"], "requests bring their own paths"),
        (&["--set=ua_client.target=ftp://a.example"], "a URL begins with"),
        (&["--set=ua_client.suite=TLS_RSA_WITH_RC4"], "no cipher suite by that name"),
        (&["--set=ua_client.suite=TLS_PSK_WITH_AES_128_CCM_8", "--set=card.use=sim"], "ua_client.suite: "),
        (&[], "set card.use"),
    ] {
        let free = free.iter().map(String::as_str);
        let all: Vec<&str> =
            ["serve", &target].into_iter().chain(free).chain(further.iter().copied()).collect();
        place.run(&all).failed(2, &[told]);
    }
    place.finish();
}
