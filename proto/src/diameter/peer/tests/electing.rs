use super::*;

/// Both ends begin to connect before either hears of the other.
fn both(a: &str, b: &str) -> Pair {
    let mut pair = Pair::of(local(a, vec![ZN]), local(b, vec![ZN]), [true, true]);
    for side in [A, B] {
        let now = pair.now;
        pair.sides[side].peer.handle_input(Input::Start, now);
    }
    pair.settle();
    pair
}

fn opened(pair: &mut Pair, side: usize) -> Vec<Role> {
    let opened = |event| match event {
        Event::Opened { role, .. } => Some(role),
        _ => None,
    };
    pair.events(side).into_iter().filter_map(opened).collect()
}

#[test]
fn one_connection_survives_and_it_is_the_one_to_the_greater_name() {
    for (a, b, role_of_a) in [
        ("a.example", "b.example", Role::Initiator),
        ("b.example", "a.example", Role::Responder),
        ("a.example", "B.EXAMPLE", Role::Initiator),
        ("a.example", "a.example.org", Role::Initiator),
    ] {
        let mut pair = both(a, b);
        assert_eq!(pair.statuses(), [PeerStatus::Okay; 2], "{a} {b}");
        assert_eq!(opened(&mut pair, A), [role_of_a], "{a} {b}");
        assert_eq!(opened(&mut pair, B), [other(role_of_a)], "{a} {b}");
        assert_eq!(pair.sides[A].open, [role_of_a]);
        assert_eq!(pair.sides[B].open, [other(role_of_a)]);
        pair.send(A, 1, request("s")).unwrap();
        assert_eq!(pair.answer_all(B), 1);
        assert_eq!(pair.answers(A), [(Ticket(1), Outcome::SUCCESS)]);
    }
}

fn cer_of_b() -> Message {
    let avps = local("b.example", vec![ZN]).avps();
    Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, avps)
}

/// "a" waits for its own connection and has the CER of "b" on the other.
fn waiting(a: &str) -> Pair {
    let mut pair = Pair::of(local(a, vec![ZN]), local("b.example", vec![ZN]), [false, false]);
    pair.cut = true;
    pair.input(A, Input::Start);
    let accepted = pair.sides[A].peer.accept(&cer_of_b(), MessageReader::default(), pair.now);
    assert!(matches!(accepted, Accepted::Taken));
    assert!(pair.sides[A].peer.capabilities().is_none());
    pair
}

#[test]
fn the_cea_waits_for_the_own_connection_and_goes_out_when_that_fails() {
    let mut pair = waiting("a.example");
    pair.input(A, Input::ConnectFailed);
    assert_eq!(opened(&mut pair, A), [Role::Responder]);
}

#[test]
fn an_own_connection_that_hangs_counts_as_failed() {
    let mut pair = waiting("a.example");
    pair.advance(SECOND * 10);
    assert_eq!(opened(&mut pair, A), [Role::Responder]);
}

#[test]
fn the_winner_takes_the_peers_connection_as_soon_as_its_own_is_up() {
    let mut pair = waiting("c.example");
    pair.input(A, Input::Connected);
    assert_eq!(opened(&mut pair, A), [Role::Responder]);
}

#[test]
fn the_loser_waits_for_its_own_connections_cea_and_takes_the_other_if_that_breaks() {
    let mut pair = waiting("a.example");
    pair.input(A, Input::Connected);
    assert_eq!(opened(&mut pair, A), []);
    pair.input(A, Input::Disconnected(Role::Initiator));
    assert_eq!(opened(&mut pair, A), [Role::Responder]);
}

#[test]
fn the_loser_takes_the_other_connection_if_its_own_is_refused() {
    let mut pair = waiting("a.example");
    pair.input(A, Input::Connected);
    let mut refusal = cer_of_b();
    refusal.header.flags = crate::diameter::HeaderFlags(0);
    refusal.avps.push(Outcome::Result(ResultCode::ELECTION_LOST).avp());
    let octets = refusal.encode().unwrap();
    pair.input(A, Input::Received(Role::Initiator, octets.danger_expose()));
    assert_eq!(opened(&mut pair, A), [Role::Responder]);
}

#[test]
fn the_peers_connection_may_go_away_meanwhile() {
    let mut pair = waiting("a.example");
    pair.input(A, Input::Disconnected(Role::Responder));
    pair.input(A, Input::Connected);
    pair.advance(SECOND * 10);
    assert_eq!(pair.closed(A), [CloseReason::ExchangeTimedOut]);

    let mut pair = waiting("a.example");
    pair.input(A, Input::Connected);
    pair.input(A, Input::Disconnected(Role::Responder));
    let mut cea = cer_of_b();
    cea.header.flags = crate::diameter::HeaderFlags(0);
    cea.avps.push(Outcome::SUCCESS.avp());
    let octets = cea.encode().unwrap();
    pair.input(A, Input::Received(Role::Initiator, octets.danger_expose()));
    assert_eq!(opened(&mut pair, A), [Role::Initiator]);
}

#[test]
fn a_third_connection_is_rejected_during_an_election() {
    let mut pair = waiting("a.example");
    for _ in 0..2 {
        let third = pair.sides[A].peer.accept(&cer_of_b(), MessageReader::default(), pair.now);
        assert!(matches!(third, Accepted::Rejected(None)));
        pair.input(A, Input::Connected);
    }
}

#[test]
fn a_flood_before_the_cea_closes_the_peer() {
    let mut pair = waiting("a.example");
    let flood = vec![1; DEFAULT_MESSAGE_LIMIT + 1];
    pair.input(A, Input::Received(Role::Responder, &flood));
    assert_eq!(pair.closed(A), [CloseReason::StreamLost(ResultCode::INVALID_MESSAGE_LENGTH)]);
}
