use super::*;

fn statuses(pair: &mut Pair, side: usize) -> Vec<PeerStatus> {
    let status = |event| match event {
        Event::Status(status) => Some(status),
        _ => None,
    };
    pair.events(side).into_iter().filter_map(status).collect()
}

#[test]
fn an_idle_day_leaves_both_in_service() {
    let mut pair = Pair::connected();
    pair.events(A);
    pair.advance(SECOND * 86_400);
    assert_eq!(statuses(&mut pair, A), []);
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn a_dead_link_is_suspected_then_lost_then_proven_anew() {
    let mut pair = Pair::connected();
    pair.events(A);
    pair.cut = true;
    pair.advance(SECOND * 66);
    assert_eq!(statuses(&mut pair, A), [PeerStatus::Suspect]);
    pair.advance(SECOND * 32);
    let events = pair.events(A);
    assert!(events.iter().any(|event| matches!(event, Event::Status(PeerStatus::Down))));
    assert!(events.iter().any(|event| matches!(event, Event::Closed(CloseReason::Watchdog))));
    pair.cut = false;
    pair.advance(SECOND * 40);
    assert_eq!(statuses(&mut pair, A), [PeerStatus::Reopen]);
    pair.advance(SECOND * 64);
    assert_eq!(statuses(&mut pair, A), [PeerStatus::Okay]);
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn a_link_that_comes_back_in_time_is_in_service_at_once() {
    let mut pair = Pair::connected();
    pair.events(A);
    pair.cut = true;
    pair.advance(SECOND * 66);
    pair.cut = false;
    let dwr = Message::request(CommandCode::DEVICE_WATCHDOG, ApplicationId::BASE, vec![]);
    pair.inject(A, Role::Initiator, dwr.encode().unwrap().danger_expose());
    assert_eq!(statuses(&mut pair, A), [PeerStatus::Suspect, PeerStatus::Okay]);
}

#[test]
fn a_reopened_peer_serves_requests_before_it_is_proven() {
    let mut pair = Pair::connected();
    pair.input(A, Input::Disconnected(Role::Initiator));
    pair.input(B, Input::Disconnected(Role::Responder));
    pair.advance(SECOND * 2);
    assert_eq!(pair.statuses(), [PeerStatus::Reopen; 2]);
    pair.events(B);
    pair.send(A, 1, request("s")).unwrap();
    assert_eq!(pair.answer_all(B), 1);
    assert_eq!(pair.answers(A), [(Ticket(1), Outcome::SUCCESS)]);
}

#[test]
fn an_answer_to_no_probe_of_ours_does_not_count_as_one() {
    let mut pair = Pair::connected();
    pair.cut = true;
    pair.advance(SECOND * 33);
    pair.cut = false;
    let probe = pair.sides[A].peer.probe.unwrap();
    let dwa = |end_to_end| {
        let mut dwa = Message::request(CommandCode::DEVICE_WATCHDOG, ApplicationId::BASE, vec![]);
        dwa.header.flags = crate::diameter::HeaderFlags(0);
        (dwa.header.hop_by_hop, dwa.header.end_to_end) = (probe.0, end_to_end);
        dwa.encode().unwrap()
    };
    pair.inject(A, Role::Initiator, dwa(probe.1 ^ 1).danger_expose());
    assert_eq!(pair.sides[A].peer.probe, Some(probe));
    pair.inject(A, Role::Initiator, dwa(probe.1).danger_expose());
    assert_eq!(pair.sides[A].peer.probe, None);
}
