//! SIGTERM: the program ends within `service.drain_timeout` and a second, whoever hangs.

use crate::people::Person;
use crate::program::Place;
use crate::wire::{Wire, first_request};
use ksnaf_proto::gba::GbaMode;
use rustix::process::Signal;
use std::time::{Duration, Instant};

const DRAIN: &str = "--set=service.drain_timeout=1s";

/// The drain time of these tests, and the second that goes with it.
const BOUND: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_program_with_nothing_to_do_ends_at_once() {
    let place = Place::of(&Person::new(GbaMode::U));
    let lab = place.lab(&[]);
    let mut idle = Wire::to(lab.address("ub")).await;
    assert!(lab.stop() < Duration::from_millis(900));
    assert!(idle.is_closed_within(Duration::from_secs(1)).await);
    place.finish();
}

#[tokio::test]
async fn clients_that_hang_do_not_hold_it_up() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[DRAIN]);
    let request = first_request(person.impi.as_str(), "Content-Length: 10\r\n");
    let mut hanging = Vec::new();
    for (name, octets) in [
        ("ub", &request[..40]),
        ("ub", &request[..]),
        ("api", "POST /v1/ue/bootstrap HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"),
    ] {
        let mut wire = Wire::to(lab.address(name)).await;
        wire.send(octets).await;
        hanging.push(wire);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let took = lab.stop();
    assert!(took < BOUND, "{took:?}");
    for wire in &mut hanging {
        assert!(wire.is_closed_within(Duration::from_secs(1)).await);
    }
    place.finish();
}

/// Opening a pipe blocks its thread in the kernel until somebody writes, as a driver does whose card is stuck.
#[tokio::test]
async fn a_card_that_never_answers_does_not_hold_it_up() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[DRAIN]);
    let b_tid = lab.api().b_tid(false).await;
    place.saw(&person, &b_tid);
    let kept = place.folder.path().join("kept-card.json");
    std::fs::rename(place.card_file(), &kept).unwrap();
    let made = std::process::Command::new("mkfifo").arg(place.card_file()).status().unwrap();
    assert!(made.success());
    let api = lab.api();
    let waiting = tokio::spawn(async move {
        let _ = api.try_send(http::Method::POST, "/v1/ue/bootstrap", &[], b"{\"force\":true}").await;
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let took = tokio::task::spawn_blocking(|| lab.stop()).await.unwrap();
    assert!(took < BOUND, "{took:?}");
    waiting.await.unwrap();
    std::fs::remove_file(place.card_file()).unwrap();
    std::fs::rename(kept, place.card_file()).unwrap();
    place.run(&["lab", "--once"]).ok();
    place.finish();
}

#[tokio::test]
async fn a_request_under_way_is_answered() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let mut lab = place.lab(&[]);
    let api = lab.api();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let api = api.clone();
            tokio::spawn(async move { api.try_send(http::Method::POST, "/v1/ue/bootstrap", &[], b"").await })
        })
        .collect();
    // All have sent their request when the first bootstrap is done.
    let until = Instant::now() + Duration::from_secs(5);
    while api.counter("ksnaf_ub_requests", "challenged").await == 0 {
        assert!(Instant::now() < until, "nothing is asked");
    }
    lab.signal(Signal::TERM);
    for call in calls {
        let answer = call.await.unwrap().expect("an answer").ok();
        place.saw(&person, answer["b_tid"].as_str().unwrap());
    }
    assert!(lab.wait().0.success());
    place.finish();
}
