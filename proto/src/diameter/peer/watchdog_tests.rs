use super::*;
use crate::diameter::first_moment;
use PeerStatus::{Down, Initial, Okay, Reopen, Suspect};

enum Event {
    Connected,
    Answer,
    Other,
    Elapsed,
    Lost,
}
use Event::{Answer, Connected, Elapsed, Lost, Other};

/// Walks a new watchdog through events; after each, its action and status.
fn walk(events: &[(Event, Option<Action>, PeerStatus)]) {
    let (mut watchdog, mut jitter) = (Watchdog::new(WatchdogInterval::default()), Jitter::new(3));
    let mut now = first_moment();
    for (at, (event, action, status)) in events.iter().enumerate() {
        let did = match event {
            Connected => watchdog.connected(now, &mut jitter),
            Answer => watchdog.received(true, now, &mut jitter),
            Other => watchdog.received(false, now, &mut jitter),
            Elapsed => {
                now = watchdog.deadline().unwrap();
                watchdog.elapsed(now, &mut jitter)
            }
            Lost => {
                watchdog.disconnected(false);
                None
            }
        };
        assert_eq!((did, watchdog.status()), (*action, *status), "event {at}");
    }
}

#[test]
fn a_silent_peer_is_probed_then_suspected_then_given_up() {
    walk(&[
        (Connected, None, Okay),
        (Elapsed, Some(Action::Probe), Okay),
        (Elapsed, Some(Action::FailOver), Suspect),
        (Elapsed, Some(Action::Close), Suspect),
        (Lost, None, Down),
    ]);
}

#[test]
fn an_answer_or_any_message_keeps_the_peer_in_service() {
    walk(&[
        (Connected, None, Okay),
        (Elapsed, Some(Action::Probe), Okay),
        (Answer, None, Okay),
        (Elapsed, Some(Action::Probe), Okay),
        (Other, None, Okay),
        (Elapsed, Some(Action::FailOver), Suspect),
        (Other, Some(Action::FailBack), Okay),
        (Elapsed, Some(Action::FailOver), Suspect),
        (Answer, Some(Action::FailBack), Okay),
        (Elapsed, Some(Action::Probe), Okay),
    ]);
}

#[test]
fn a_lost_peer_comes_back_after_three_answers() {
    walk(&[
        (Connected, None, Okay),
        (Lost, None, Down),
        (Connected, Some(Action::Probe), Reopen),
        (Answer, None, Reopen),
        (Other, None, Reopen),
        (Elapsed, Some(Action::Probe), Reopen),
        (Answer, None, Reopen),
        (Elapsed, Some(Action::Probe), Reopen),
        (Answer, Some(Action::FailBack), Okay),
        (Elapsed, Some(Action::Probe), Okay),
    ]);
}

#[test]
fn a_reopened_peer_may_be_late_once_and_begins_its_proof_anew() {
    walk(&[
        (Connected, None, Okay),
        (Lost, None, Down),
        (Connected, Some(Action::Probe), Reopen),
        (Answer, None, Reopen),
        (Elapsed, Some(Action::Probe), Reopen),
        (Elapsed, None, Reopen),
        (Answer, None, Reopen),
        (Elapsed, Some(Action::Probe), Reopen),
        (Elapsed, None, Reopen),
        (Elapsed, Some(Action::Close), Reopen),
    ]);
}

#[test]
fn nothing_happens_without_a_connection() {
    walk(&[(Other, None, Initial), (Answer, None, Initial), (Lost, None, Down), (Answer, None, Down)]);
}

#[test]
fn the_interval_has_a_floor_and_its_jitter() {
    assert_eq!(WatchdogInterval::new(Duration::from_millis(5999)), None);
    let interval = WatchdogInterval::new(FLOOR).unwrap();
    let (mut watchdog, mut jitter) = (Watchdog::new(interval), Jitter::new(9));
    let now = first_moment();
    for _ in 0..100 {
        watchdog.connected(now, &mut jitter);
        let wait = watchdog.deadline().unwrap() - now;
        assert!((4..8).contains(&wait.as_secs()), "{wait:?}");
    }
}
