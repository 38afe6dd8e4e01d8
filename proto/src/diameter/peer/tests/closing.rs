use super::*;

#[test]
fn a_stop_is_answered_and_both_close_in_good_order() {
    let mut pair = Pair::connected();
    pair.events(B);
    pair.input(A, Input::Stop(DisconnectCause::REBOOTING));
    assert_eq!(pair.closed(A), [CloseReason::ByUs]);
    assert_eq!(pair.closed(B), [CloseReason::ByPeer(DisconnectCause::REBOOTING)]);
    assert_eq!(pair.statuses(), [PeerStatus::Initial; 2]);
    assert!(pair.sides.iter().all(|side| side.open.is_empty()));
    pair.advance(SECOND * 3600);
    assert!(pair.sides[A].peer.is_closed(), "a stopped peer stays closed");
    pair.input(A, Input::Start);
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn a_rebooting_peer_is_called_again_and_one_that_is_busy_is_not() {
    for (cause, again) in [
        (DisconnectCause::REBOOTING, true),
        (DisconnectCause::BUSY, false),
        (DisconnectCause::DO_NOT_WANT_TO_TALK_TO_YOU, false),
    ] {
        let mut pair = Pair::connected();
        pair.input(B, Input::Stop(cause));
        assert_eq!(pair.closed(A), [CloseReason::ByPeer(cause)]);
        pair.advance(SECOND * 3600);
        assert_eq!(pair.statuses() == [PeerStatus::Okay; 2], again, "{cause}");
    }
}

#[test]
fn a_lost_connection_gives_back_what_waited_with_the_t_flag() {
    let mut pair = Pair::connected();
    pair.send(A, 1, request("one")).unwrap();
    pair.send(A, 2, request("two")).unwrap();
    pair.input(A, Input::Disconnected(Role::Initiator));
    let lost: Vec<_> = pair
        .events(A)
        .into_iter()
        .filter_map(|event| match event {
            Event::Unanswered { outstanding, reason } => Some((outstanding, reason)),
            _ => None,
        })
        .collect();
    assert_eq!(lost.len(), 2);
    for (outstanding, reason) in lost {
        assert_eq!(reason, Unanswered::ConnectionLost);
        assert!(outstanding.request.header.flags.is_retransmitted());
    }
    assert_eq!(pair.sides[A].peer.outstanding(), 0);
}

#[test]
fn requests_are_neither_sent_nor_served_while_closing() {
    let mut pair = Pair::connected();
    pair.send(A, 1, request("before")).unwrap();
    pair.cut = true;
    pair.input(A, Input::Stop(DisconnectCause::REBOOTING));
    pair.cut = false;
    assert_eq!(pair.send(A, 2, request("after")), Err(SendError::NotOpen));
    pair.events(A);
    pair.send(B, 3, request("from the other side")).unwrap();
    let undelivered = Outcome::Result(ResultCode::UNABLE_TO_DELIVER);
    assert_eq!(pair.answers(B), [(Ticket(3), undelivered)]);
}

#[test]
fn answers_still_arrive_while_closing() {
    let mut pair = Pair::connected();
    pair.send(A, 1, request("before")).unwrap();
    pair.cut = true;
    pair.input(A, Input::Stop(DisconnectCause::REBOOTING));
    pair.cut = false;
    pair.answer_all(B);
    assert_eq!(pair.answers(A), [(Ticket(1), Outcome::SUCCESS)]);
}

#[test]
fn a_peer_that_does_not_answer_dpr_or_does_not_close_is_closed() {
    let mut pair = Pair::connected();
    pair.cut = true;
    pair.input(A, Input::Stop(DisconnectCause::REBOOTING));
    pair.advance(SECOND * 10);
    assert_eq!(pair.closed(A), [CloseReason::ByUs]);

    let mut pair = Pair::connected();
    let dpr = Message::request(
        CommandCode::DISCONNECT_PEER,
        ApplicationId::BASE,
        vec![base::DISCONNECT_CAUSE.unsigned32(1)],
    );
    pair.events(A);
    pair.inject(A, Role::Initiator, dpr.encode().unwrap().danger_expose());
    assert_eq!(pair.closed(A), []);
    pair.advance(SECOND * 10);
    assert_eq!(pair.closed(A), [CloseReason::ByPeer(DisconnectCause::BUSY)]);
}

#[test]
fn both_may_say_goodbye_at_once() {
    let mut pair = Pair::connected();
    for side in [A, B] {
        let now = pair.now;
        pair.sides[side].peer.handle_input(Input::Stop(DisconnectCause::REBOOTING), now);
    }
    pair.settle();
    assert!(pair.sides.iter().all(|side| side.peer.is_closed()));
}

#[test]
fn a_dpr_without_a_cause_is_5005_and_the_connection_stays() {
    let mut pair = Pair::connected();
    let dpr = Message::request(CommandCode::DISCONNECT_PEER, ApplicationId::BASE, vec![]);
    pair.inject(A, Role::Initiator, dpr.encode().unwrap().danger_expose());
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
    assert!(!pair.sides[A].peer.is_closed());
}

#[test]
fn a_stop_before_the_connection_is_up_cancels_it() {
    let mut pair = Pair::new();
    pair.cut = true;
    pair.advance(Duration::ZERO);
    pair.input(A, Input::Stop(DisconnectCause::REBOOTING));
    assert_eq!(pair.closed(A), [CloseReason::ByUs]);
    pair.input(A, Input::Connected);
    assert!(pair.sides[A].peer.is_closed());
    assert_eq!(pair.sides[A].peer.poll_timeout(), None);
}
