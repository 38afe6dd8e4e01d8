use super::*;
use crate::diameter::{Avp, Avps, HeaderFlags};
use proptest::prelude::*;

/// What "b" does with octets as if from "a": its answers, and the pair.
fn answers_to(octets: &[u8]) -> (Vec<Message>, Pair) {
    let mut pair = Pair::connected();
    pair.events(B);
    let (now, side) = (pair.now, &mut pair.sides[B]);
    side.peer.handle_input(Input::Received(Role::Responder, octets), now);
    let mut answers = vec![];
    while let Some(output) = side.peer.poll_output() {
        match output {
            Output::Transmit(_, octets) => answers.push(Message::decode(octets.danger_expose()).unwrap()),
            Output::Event(event) => side.events.push(event),
            Output::Close(_) | Output::Connect => {}
        }
    }
    (answers, pair)
}

fn results(answers: &[Message]) -> Vec<ResultCode> {
    let result = |answer: &Message| match answer.outcome() {
        Ok(Outcome::Result(code)) => code,
        other => panic!("{other:?}"),
    };
    answers.iter().map(result).collect()
}

fn octets(message: &Message) -> Vec<u8> {
    message.encode().unwrap().danger_expose().to_vec()
}

#[test]
fn answers_find_their_requests_in_any_order() {
    let mut pair = Pair::connected();
    for ticket in 1..=3 {
        pair.send(A, ticket, request("s")).unwrap();
    }
    pair.sides[B].events.reverse();
    assert_eq!(pair.answer_all(B), 3);
    let tickets: Vec<_> = pair.answers(A).into_iter().map(|(ticket, _)| ticket.0).collect();
    assert_eq!(tickets, [3, 2, 1]);
}

#[test]
fn a_request_without_an_answer_times_out_and_its_late_answer_is_dropped() {
    let mut pair = Pair::connected();
    pair.send(A, 1, request("s")).unwrap();
    pair.advance(SECOND * 5);
    let events = pair.events(A);
    let timed_out = |event: &Event| {
        matches!(event, Event::Unanswered { outstanding, reason: Unanswered::TimedOut }
            if outstanding.ticket == Ticket(1) && !outstanding.request.header.flags.is_retransmitted())
    };
    assert!(events.iter().any(timed_out));
    assert_eq!(pair.answer_all(B), 1);
    assert_eq!(pair.answers(A), []);
}

#[test]
fn an_answer_with_strange_identifiers_or_another_command_is_dropped() {
    let mut pair = Pair::connected();
    pair.send(A, 1, request("s")).unwrap();
    let Some(Event::Request { request, .. }) = pair.events(B).pop() else { panic!() };
    let right =
        crate::diameter::Answer::new(&request, &pair.sides[B].peer.local.origin, Outcome::SUCCESS).build();
    let wrong = |change: fn(&mut Message)| {
        let mut answer = right.clone();
        change(&mut answer);
        octets(&answer)
    };
    for octets in [
        wrong(|answer| answer.header.hop_by_hop ^= 1),
        wrong(|answer| answer.header.end_to_end ^= 1),
        wrong(|answer| answer.header.command = CommandCode::MULTIMEDIA_AUTH),
    ] {
        pair.inject(A, Role::Initiator, &octets);
        assert_eq!(pair.answers(A), []);
    }
    for _ in 0..2 {
        pair.inject(A, Role::Initiator, &octets(&right));
    }
    assert_eq!(pair.answers(A), [(Ticket(1), Outcome::SUCCESS)]);
}

#[test]
fn an_answer_that_cannot_be_read_ends_its_request_at_once() {
    let mut pair = Pair::connected();
    pair.send(A, 1, request("s")).unwrap();
    let Some(Event::Request { request, .. }) = pair.events(B).pop() else { panic!() };
    let answer =
        crate::diameter::Answer::new(&request, &pair.sides[B].peer.local.origin, Outcome::SUCCESS).build();
    let mut broken = octets(&answer);
    broken[27] = 0xff;
    pair.inject(A, Role::Initiator, &broken);
    let malformed = |event: &Event| matches!(event, Event::Unanswered { reason: Unanswered::Malformed, .. });
    assert!(pair.events(A).iter().any(malformed));
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn outstanding_requests_are_bounded() {
    let mut pair = Pair::connected();
    pair.sides[A].peer.config.max_outstanding = 2;
    assert_eq!(pair.send(A, 1, request("s")), Ok(()));
    assert_eq!(pair.send(A, 2, request("s")), Ok(()));
    assert_eq!(pair.send(A, 3, request("s")), Err(SendError::TooManyOutstanding));
    pair.answer_all(B);
    assert_eq!(pair.send(A, 3, request("s")), Ok(()));
}

#[test]
fn only_applications_that_the_peer_speaks_are_sent_to_it() {
    let mut pair = Pair::connected();
    let mut zh = request("s");
    zh.header.application = ApplicationId::ZH;
    assert_eq!(pair.send(B, 1, zh), Err(SendError::NotSpoken(ApplicationId::ZH)));
}

#[test]
fn the_peers_own_requests_are_bounded_until_they_are_answered() {
    for (destination, result) in [
        (vec![], ResultCode::UNABLE_TO_DELIVER),
        (vec![base::DESTINATION_HOST.text("b.example")], ResultCode::TOO_BUSY),
    ] {
        let mut pair = Pair::connected();
        pair.sides[B].peer.config.max_inbound = 1;
        pair.send(A, 1, request("s")).unwrap();
        let mut second = request("s");
        second.avps.extend(destination);
        pair.send(A, 2, second.clone()).unwrap();
        assert_eq!(pair.answers(A), [(Ticket(2), Outcome::Result(result))]);
        pair.answer_all(B);
        pair.send(A, 3, second).unwrap();
        assert_eq!(pair.answer_all(B), 1);
    }
}

#[test]
fn an_answer_goes_out_only_on_the_connection_of_its_request() {
    let mut pair = Pair::connected();
    pair.send(A, 1, request("s")).unwrap();
    let Some(Event::Request { generation, request, .. }) = pair.events(B).pop() else { panic!() };
    let answer =
        crate::diameter::Answer::new(&request, &pair.sides[B].peer.local.origin, Outcome::SUCCESS).build();
    pair.input(B, Input::Disconnected(Role::Responder));
    assert_eq!(pair.sides[B].peer.answer(generation, &answer), Err(Gone));
    pair.input(A, Input::Disconnected(Role::Initiator));
    pair.advance(SECOND * 2);
    assert_eq!(pair.sides[B].peer.answer(generation, &answer), Err(Gone));
}

#[test]
fn requests_that_cannot_be_served_get_the_answer_of_rfc_6733() {
    let with = |change: fn(&mut Message)| {
        let mut message = request("naf;1");
        change(&mut message);
        octets(&message)
    };
    let destination = |def: crate::diameter::AvpDef, text: &str| {
        let mut message = request("naf;1");
        message.avps.push(def.text(text));
        octets(&message)
    };
    for (octets, result) in [
        (with(|m| m.header.flags = HeaderFlags(0xa0)), 3008),
        (with(|m| m.header.application = ApplicationId(99)), 3007),
        (with(|m| m.header.application = ApplicationId::BASE), 3001),
        (destination(base::DESTINATION_REALM, "elsewhere"), 3003),
        (destination(base::DESTINATION_HOST, "c.example"), 3002),
        (destination(base::DESTINATION_HOST, "c d"), 5004),
        (
            with(|m| {
                (m.header.command, m.header.application) =
                    (CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE)
            }),
            5012,
        ),
    ] {
        let (answers, _) = answers_to(&octets);
        assert_eq!(results(&answers), [ResultCode(result)]);
        assert!(answers[0].header.flags.is_error());
        assert_eq!(answers[0].avps.required(&base::SESSION_ID).unwrap().text(), Ok("naf;1"));
        assert_eq!(answers[0].avps.required(&base::ORIGIN_HOST).unwrap().text(), Ok("b.example"));
    }
}

#[test]
fn an_unknown_command_of_a_known_application_is_the_applications_to_answer() {
    let mut message = request("s");
    message.header.command = CommandCode::new(777).unwrap();
    message.avps.push(Avp::new(9999, VendorId(1), true, [][..].into()));
    let (answers, mut pair) = answers_to(&octets(&message));
    assert_eq!(answers, []);
    assert!(matches!(&pair.events(B)[..], [Event::Request { .. }]));
}

#[test]
fn a_thousand_malformed_requests_are_answered_and_the_peer_stays() {
    let mut broken = octets(&request("naf;1"));
    broken[27] = 0xff;
    let (answers, pair) = answers_to(&broken.repeat(1000));
    assert_eq!(results(&answers), [ResultCode::INVALID_AVP_LENGTH; 1000]);
    assert!(answers[0].avps.first(&base::FAILED_AVP).is_some());
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn octets_that_cannot_be_followed_are_answered_once_and_the_connection_closes() {
    for (at, value, result) in [
        (0, 2, ResultCode::UNSUPPORTED_VERSION),
        (3, 0, ResultCode::INVALID_MESSAGE_LENGTH),
        (1, 0xff, ResultCode::INVALID_MESSAGE_LENGTH),
    ] {
        let mut broken = octets(&request("s"));
        broken[at] = value;
        let (answers, mut pair) = answers_to(&broken.repeat(3));
        assert_eq!(results(&answers), [result]);
        assert_eq!(pair.closed(B), [CloseReason::StreamLost(result)]);
    }
}

#[test]
fn a_watchdog_request_is_answered_with_the_origin_state() {
    let dwr = Message::request(CommandCode::DEVICE_WATCHDOG, ApplicationId::BASE, vec![]);
    let (answers, _) = answers_to(&octets(&dwr));
    assert_eq!(results(&answers), [ResultCode::SUCCESS]);
    assert_eq!(answers[0].header.flags, HeaderFlags(0));
    assert_eq!(answers[0].avps.required(&base::ORIGIN_STATE_ID).unwrap().unsigned32(), Ok(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_octets_leave_the_peer_up_or_closed(chunks: Vec<Vec<u8>>) {
        let mut pair = Pair::connected();
        for chunk in chunks {
            pair.inject(B, Role::Responder, &chunk);
        }
        pair.advance(SECOND * 300);
        prop_assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
    }

    #[test]
    fn random_messages_leave_the_peer_up_or_closed(
        headers in proptest::collection::vec((any::<u8>(), 255u32..320, any::<u32>(), any::<u8>()), 0..20),
    ) {
        let mut pair = Pair::connected();
        for (flags, command, hop, data) in headers {
            let mut message = request("s");
            message.header.flags = HeaderFlags(flags);
            message.header.command = CommandCode::new(command).unwrap();
            message.header.hop_by_hop = hop;
            message.avps = Avps::from(vec![base::DISCONNECT_CAUSE.octets(&[data; 4])]);
            pair.inject(B, Role::Responder, &octets(&message));
        }
        pair.advance(SECOND * 300);
        let dead = pair.statuses().iter().any(|status| matches!(status, PeerStatus::Suspect | PeerStatus::Down));
        prop_assert!(!dead);
    }
}
