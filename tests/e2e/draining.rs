//! The end of a service in this process: open requests finish, idle connections close, nothing hangs.

use crate::lab::{Setup, seconds};
use crate::wire::{Wire, first_request};
use ksnaf_proto::gba::GbaMode;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_open_request_finishes_and_a_new_connection_is_refused() {
    let mut lab =
        Setup::new(GbaMode::U).config(|config| config.service.drain_timeout = seconds(5.0)).start().await;
    lab.reader().misbehave(|faults| faults.delay = Duration::from_millis(8));
    let (api, ub) = (lab.api(), lab.ub());
    let open = tokio::spawn(async move { api.device_side("raw").await });
    let until = Instant::now() + Duration::from_secs(3);
    let before = lab.reader().commands();
    while lab.reader().commands() == before {
        assert!(Instant::now() < until, "the request does not reach the card");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let started = Instant::now();
    lab.stop().await;
    open.await.unwrap().ok();
    assert!(started.elapsed() > Duration::from_millis(100), "it was under way: {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(4), "and nothing else was waited for");
    assert!(TcpStream::connect(ub).await.is_err());
    lab.finish().await;
}

#[tokio::test]
async fn idle_connections_do_not_hold_a_service_up() {
    let mut lab =
        Setup::new(GbaMode::Me).config(|config| config.service.drain_timeout = seconds(5.0)).start().await;
    let mut used = Wire::to(lab.ub()).await;
    assert_eq!(used.exchange(first_request(lab.person.impi.as_str(), "")).await.status, 401);
    let mut unused = Wire::to(lab.ub()).await;
    let mut on_api = Wire::to(lab.service().addresses.api.unwrap()).await;
    assert_eq!(on_api.exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 200);
    let mut unused_api = Wire::to(lab.service().addresses.api.unwrap()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    lab.stop().await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    for wire in [&mut used, &mut unused, &mut on_api, &mut unused_api] {
        assert!(wire.is_closed_within(Duration::from_secs(1)).await);
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_client_that_hangs_is_cut_after_the_drain_time() {
    let mut lab =
        Setup::new(GbaMode::Me).config(|config| config.service.drain_timeout = seconds(0.5)).start().await;
    let mut half = Wire::to(lab.ub()).await;
    half.send(&first_request(lab.person.impi.as_str(), "").as_bytes()[..50]).await;
    let mut body = Wire::to(lab.ub()).await;
    body.send(first_request(lab.person.impi.as_str(), "Content-Length: 100\r\n")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    lab.stop().await;
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    assert!(half.is_closed_within(Duration::from_secs(1)).await);
    assert!(body.is_closed_within(Duration::from_secs(1)).await);
    lab.finish().await;
}

#[tokio::test]
async fn a_card_that_hangs_does_not_hold_a_service_up() {
    let mut lab =
        Setup::new(GbaMode::U).config(|config| config.service.drain_timeout = seconds(0.5)).start().await;
    lab.api().b_tid(false).await;
    lab.reader().freeze();
    let api = lab.api();
    let hanging = tokio::spawn(async move {
        let _ = api.try_send(http::Method::POST, "/v1/ue/bootstrap", &[], b"{\"force\":true}").await;
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    lab.stop().await;
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    hanging.await.unwrap();
    lab.reader().thaw();
    lab.start_again().await;
    lab.api().b_tid(false).await;
    lab.finish().await;
}
