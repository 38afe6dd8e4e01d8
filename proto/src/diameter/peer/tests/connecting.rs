use super::*;

#[test]
fn two_peers_exchange_capabilities_and_are_in_service() {
    let mut pair = Pair::connected();
    for (side, role, host) in [(A, Role::Initiator, "b.example"), (B, Role::Responder, "a.example")] {
        let events = pair.events(side);
        let [Event::Opened { role: opened, capabilities }, Event::Status(PeerStatus::Okay)] = &events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!((*opened, &capabilities.origin.host), (role, &identity(host)));
        assert!(capabilities.speaks(ApplicationId::ZN));
    }
    assert!(pair.sides[A].peer.speaks(ApplicationId::ZH));
    assert!(!pair.sides[B].peer.speaks(ApplicationId::ZH));
}

#[test]
fn no_application_in_common_is_5010_and_the_connection_closes() {
    let mut pair = Pair::of(local("a.example", vec![ZN]), local("b.example", vec![ZH]), [true, false]);
    pair.advance(Duration::ZERO);
    let refused = Outcome::Result(ResultCode::NO_COMMON_APPLICATION);
    assert_eq!(pair.closed(A), [CloseReason::Refused(refused)]);
    let cea = &pair.sides[B].stray[0];
    assert!(!cea.header.flags.is_error());
    assert_eq!(cea.avps.required(&base::AUTH_APPLICATION_ID).unwrap_err().result, ResultCode::MISSING_AVP);
    assert!(cea.avps.first(&base::VENDOR_SPECIFIC_APPLICATION_ID).is_some());
    assert!(pair.sides[B].peer.is_closed());
}

#[test]
fn a_relay_has_every_application_in_common() {
    let relay = Application::auth(ApplicationId::RELAY);
    let mut pair = Pair::of(local("a.example", vec![ZN]), local("b.example", vec![relay]), [true, false]);
    pair.advance(Duration::ZERO);
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn an_unexpected_name_is_3010_at_the_responder_and_a_wrong_peer_at_the_initiator() {
    let mut pair = Pair::new();
    pair.sides[B].peer.config.host = identity("c.example");
    pair.advance(Duration::ZERO);
    let unknown = Outcome::Result(ResultCode::UNKNOWN_PEER);
    assert_eq!(pair.closed(A), [CloseReason::Refused(unknown)]);
    assert!(pair.sides[B].stray[0].header.flags.is_error());

    let mut pair = Pair::new();
    pair.sides[A].peer.config.host = identity("c.example");
    pair.advance(Duration::ZERO);
    assert_eq!(pair.closed(A), [CloseReason::WrongPeer]);
    assert_eq!(pair.closed(B), [CloseReason::Lost]);
}

#[test]
fn the_initiator_holds_the_other_end_to_the_names_in_its_certificate() {
    for (names, wrong) in [(&["x.example", "B.example"][..], false), (&["x.example"], true), (&[], true)] {
        let names: Vec<_> = names.iter().map(|name| identity(name)).collect();
        let [Side { mut peer, .. }, _] = Pair::new().sides;
        let now = first_moment();
        peer.handle_input(Input::Start, now);
        peer.handle_input(Input::ConnectedTo(&names), now);
        let mut sent = MessageReader::new(1000);
        while let Some(output) = peer.poll_output() {
            if let Output::Transmit(_, octets) = output {
                sent.push(octets.danger_expose());
            }
        }
        let cer = sent.next_message().unwrap().unwrap();
        let other = local("b.example", vec![ZN]);
        let cea = crate::diameter::Answer::new(&cer, &other.origin, Outcome::SUCCESS)
            .with_all(other.capability_avps())
            .build();
        let octets = cea.encode().unwrap();
        peer.handle_input(Input::Received(Role::Initiator, octets.danger_expose()), now);
        let is_wrong = |output| matches!(output, Output::Event(Event::Closed(CloseReason::WrongPeer)));
        assert_eq!(std::iter::from_fn(|| peer.poll_output()).any(is_wrong), wrong, "{names:?}");
        assert_eq!(peer.is_open(), !wrong);
    }
}

#[test]
fn a_cer_that_lacks_something_is_refused_with_an_example() {
    let mut pair = Pair::new();
    let mut lacking = Message::request(
        CommandCode::CAPABILITIES_EXCHANGE,
        ApplicationId::BASE,
        local("a.example", vec![ZN]).avps(),
    );
    lacking.avps.retain(|avp| !avp.is(&base::PRODUCT_NAME));
    let accepted = pair.sides[B].peer.accept(&lacking, MessageReader::default(), pair.now);
    let Accepted::Rejected(Some(cea)) = accepted else { panic!("{accepted:?}") };
    let cea = Message::decode(cea.danger_expose()).unwrap();
    assert_eq!(cea.outcome(), Ok(Outcome::Result(ResultCode::MISSING_AVP)));
    let failed = cea.avps.required(&base::FAILED_AVP).unwrap().grouped().unwrap();
    assert!(failed.first(&base::PRODUCT_NAME).is_some());
}

#[test]
fn refused_connections_are_tried_again_ever_more_slowly() {
    let mut pair = Pair::new();
    pair.refusing = true;
    pair.advance(SECOND * 10);
    let early = pair.closed(A).len();
    assert!((3..=5).contains(&early), "{early}");
    pair.advance(SECOND * 300);
    let late = pair.closed(A).len();
    assert!((8..=14).contains(&late), "{late}");
    pair.refusing = false;
    pair.advance(SECOND * 40);
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn a_connection_that_hangs_is_given_up() {
    let mut pair = Pair::new();
    pair.cut = true;
    pair.advance(SECOND * 10);
    assert_eq!(pair.closed(A), [CloseReason::ConnectTimedOut]);
    pair.cut = false;
    pair.advance(SECOND * 2);
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn a_peer_that_does_not_answer_the_cer_is_given_up() {
    let mut pair = Pair::new();
    pair.sides[A].peer.handle_input(Input::Start, pair.now);
    pair.sides[A].peer.handle_input(Input::Connected, pair.now);
    pair.cut = true;
    pair.advance(SECOND * 10);
    assert_eq!(pair.closed(A), [CloseReason::ExchangeTimedOut]);
}

#[test]
fn anything_but_a_cea_ends_the_attempt() {
    let dwr = Message::request(CommandCode::DEVICE_WATCHDOG, ApplicationId::BASE, vec![]);
    let dwr = dwr.encode().unwrap().danger_expose().to_vec();
    for (octets, result) in [
        (dwr, ResultCode::COMMAND_UNSUPPORTED),
        (b"HTTP/1.1 400 Bad Request\r\n".to_vec(), ResultCode::UNSUPPORTED_VERSION),
    ] {
        let mut pair = Pair::new();
        let now = pair.now;
        for input in [Input::Start, Input::Connected, Input::Received(Role::Initiator, &octets)] {
            pair.sides[A].peer.handle_input(input, now);
        }
        pair.settle();
        assert_eq!(pair.closed(A), [CloseReason::BadCapabilities(result)]);
    }
}

#[test]
fn a_second_connection_is_rejected_while_one_is_open() {
    let mut pair = Pair::connected();
    let cer = Message::request(
        CommandCode::CAPABILITIES_EXCHANGE,
        ApplicationId::BASE,
        local("a.example", vec![ZN]).avps(),
    );
    let again = pair.sides[B].peer.accept(&cer, MessageReader::default(), pair.now);
    assert!(matches!(again, Accepted::Rejected(None)));
    assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
}

#[test]
fn what_is_sent_right_behind_the_cer_is_read_once_the_peer_is_open() {
    let mut pair = Pair::new();
    let cer = Message::request(
        CommandCode::CAPABILITIES_EXCHANGE,
        ApplicationId::BASE,
        local("a.example", vec![ZN]).avps(),
    );
    let mut reader = MessageReader::default();
    reader.push(request("early").encode().unwrap().danger_expose());
    let accepted = pair.sides[B].peer.accept(&cer, reader, pair.now);
    assert!(matches!(accepted, Accepted::Taken));
    pair.settle();
    assert!(pair.events(B).iter().any(|event| matches!(event, Event::Request { .. })));
}
