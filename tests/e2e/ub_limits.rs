//! What one client may do to Ub's listener, and that the next one is served all the same.

use crate::lab::{BSF, Lab, Setup, seconds};
use crate::people::random;
use crate::wire::{Wire, first_request};
use ksnaf_proto::gba::GbaMode;
use std::time::{Duration, Instant};

async fn lab(request_timeout: f64) -> Lab {
    let setup = Setup::new(GbaMode::Me).without_card();
    setup.config(|config| config.ub.request_timeout = seconds(request_timeout)).start().await
}

fn good(lab: &Lab) -> String {
    first_request(lab.person.impi.as_str(), "")
}

async fn serves(lab: &Lab) {
    assert_eq!(Wire::to(lab.ub()).await.exchange(good(lab)).await.status, 401, "a good client is served");
}

#[tokio::test]
async fn sixty_four_header_lines_are_enough_and_sixty_five_too_many() {
    let lab = lab(10.0).await;
    // Host, User-Agent and Authorization are there already.
    for (further, status) in [(61, 401), (62, 431)] {
        let lines: String = (0..further).map(|at| format!("X-Line-{at}: x\r\n")).collect();
        let answer = Wire::to(lab.ub()).await.exchange(first_request(lab.person.impi.as_str(), &lines)).await;
        assert_eq!(answer.status, status, "{further} further lines");
    }
    serves(&lab).await;
    lab.finish().await;
}

#[tokio::test]
async fn a_header_has_room_for_a_long_opaque_and_not_for_twenty_kibibytes() {
    let lab = lab(10.0).await;
    for (octets, status) in [(8 * 1024, 401), (20 * 1024, 431)] {
        let line = format!("X-Long: {}\r\n", "x".repeat(octets));
        let mut wire = Wire::to(lab.ub()).await;
        let answer = wire.exchange(first_request(lab.person.impi.as_str(), &line)).await;
        assert_eq!(answer.status, status, "{octets} octets");
        if status == 431 {
            assert!(wire.is_closed_within(Duration::from_secs(2)).await);
        }
    }
    let mut wire = Wire::to(lab.ub()).await;
    let answer = wire.exchange(format!("GET /{} HTTP/1.1\r\nHost: {BSF}\r\n\r\n", "x".repeat(20_000))).await;
    assert!(matches!(answer.status, 414 | 431), "{}", answer.status);
    serves(&lab).await;
    lab.finish().await;
}

#[tokio::test]
async fn a_header_that_does_not_end_in_time_ends_the_connection() {
    let lab = lab(0.6).await;
    let started = Instant::now();
    let mut stalled = Wire::to(lab.ub()).await;
    stalled.send(&good(&lab).as_bytes()[..60]).await;
    let mut silent = Wire::to(lab.ub()).await;
    let address = lab.ub();
    let request = good(&lab);
    let trickle = tokio::spawn(async move {
        let mut wire = Wire::to(address).await;
        for octet in request.as_bytes() {
            wire.send([*octet]).await;
            if wire.is_closed_within(Duration::from_millis(50)).await {
                return true;
            }
        }
        false
    });
    assert!(stalled.is_closed_within(Duration::from_secs(3)).await, "half a header");
    assert!(silent.is_closed_within(Duration::from_secs(3)).await, "no header");
    assert!(trickle.await.unwrap(), "one octet now and then");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    serves(&lab).await;
    lab.finish().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_or_does_not_come_is_refused() {
    let lab = lab(0.6).await;
    let impi = lab.person.impi.as_str();
    let with = |length: usize| first_request(impi, &format!("Content-Length: {length}\r\n"));
    let mut wire = Wire::to(lab.ub()).await;
    assert_eq!(wire.exchange(with(20_000) + &"x".repeat(20_000)).await.status, 413);
    let chunks = format!(
        "{}5000\r\n{}\r\n0\r\n\r\n",
        first_request(impi, "Transfer-Encoding: chunked\r\n"),
        "x".repeat(0x5000)
    );
    assert_eq!(Wire::to(lab.ub()).await.exchange(chunks).await.status, 413);
    assert_eq!(
        Wire::to(lab.ub()).await.exchange(with(5) + "five!").await.status,
        401,
        "a small one is no harm"
    );
    let started = Instant::now();
    let late = Wire::to(lab.ub()).await.exchange(with(100)).await;
    assert!((400..=503).contains(&late.status), "{}", late.status);
    assert!(started.elapsed() < Duration::from_secs(3));
    serves(&lab).await;
    lab.finish().await;
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order_pipelined_or_not() {
    let lab = lab(10.0).await;
    let mut wire = Wire::to(lab.ub()).await;
    wire.send(good(&lab).repeat(5)).await;
    let mut challenges = Vec::new();
    for _ in 0..5 {
        challenges.push(wire.answer().await.unwrap().header("www-authenticate").unwrap().to_owned());
    }
    for _ in 0..5 {
        challenges.push(wire.exchange(good(&lab)).await.header("www-authenticate").unwrap().to_owned());
    }
    challenges.sort();
    challenges.dedup();
    assert_eq!(challenges.len(), 10, "each has a RAND of its own");
    let mixed = format!("GET / HTTP/1.1\r\nHost: {BSF}\r\n\r\n{}", good(&lab));
    wire.send(mixed).await;
    let statuses = [wire.answer().await.unwrap().status, wire.answer().await.unwrap().status];
    assert_eq!(statuses, [400, 401], "a bad request leaves the connection in order");
    lab.finish().await;
}

#[tokio::test]
async fn a_client_that_closes_its_half_after_the_request_still_gets_its_answer() {
    let lab = lab(10.0).await;
    let mut wire = Wire::to(lab.ub()).await;
    wire.send(good(&lab)).await;
    wire.shut_down_writing().await;
    assert_eq!(wire.answer().await.expect("an answer").status, 401);
    assert!(wire.is_closed_within(Duration::from_secs(2)).await);
    lab.finish().await;
}

#[tokio::test]
async fn an_old_or_closing_client_gets_its_answer_and_the_end() {
    let lab = lab(10.0).await;
    let old = good(&lab).replace("HTTP/1.1", "HTTP/1.0");
    let closing = first_request(lab.person.impi.as_str(), "Connection: close\r\n");
    for request in [old, closing] {
        let mut wire = Wire::to(lab.ub()).await;
        assert_eq!(wire.exchange(request).await.status, 401);
        assert!(wire.is_closed_within(Duration::from_secs(2)).await);
    }
    lab.finish().await;
}

#[tokio::test]
async fn what_is_no_http_ends_its_connection_and_nothing_else() {
    let lab = lab(0.6).await;
    for _ in 0..20 {
        let mut wire = Wire::to(lab.ub()).await;
        wire.send(random::<200>()).await;
        if let Some(answer) = wire.answer().await {
            assert_eq!(answer.status, 400);
        }
        assert!(wire.is_closed_within(Duration::from_secs(3)).await);
    }
    serves(&lab).await;
    lab.finish().await;
}

#[tokio::test]
async fn idle_connections_up_to_the_cap_delay_a_good_client_for_their_timeout_only() {
    let setup = Setup::new(GbaMode::Me).without_card().config(|config| {
        config.ub.request_timeout = seconds(0.8);
        config.ub.max_connections = 20;
    });
    let lab = setup.start().await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(Wire::to(lab.ub()).await);
    }
    let started = Instant::now();
    serves(&lab).await;
    // Two generations of idle clients are before it.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    lab.finish().await;
}

#[tokio::test]
async fn clients_that_come_and_go_leave_nothing_behind() {
    let setup = Setup::new(GbaMode::Me).without_card().config(|config| config.ub.max_connections = 4);
    let lab = setup.start().await;
    for at in 0..60 {
        let mut wire = Wire::to(lab.ub()).await;
        match at % 3 {
            0 => {}
            1 => wire.send(&good(&lab).as_bytes()[..at]).await,
            _ => wire.send(good(&lab)).await,
        }
    }
    serves(&lab).await;
    lab.finish().await;
}
