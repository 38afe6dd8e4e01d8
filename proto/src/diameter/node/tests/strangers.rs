use super::*;
use proptest::prelude::*;

fn accepting(at_most: usize) -> Bench {
    let mut config = NodeConfig::new(local("hss", ZH));
    let template = Box::new(PeerConfig::new(identity("anybody")));
    config.unknown_peers = UnknownPeers::Accept { at_most, template };
    Bench::new(config)
}

#[test]
fn an_unknown_peer_is_3010_and_closed() {
    let mut bench = Bench::with_peers(&["bsf"]);
    let connection = bench.connect("stranger");
    let cea = bench.sent(connection).unwrap();
    assert_eq!(cea.outcome(), Ok(Outcome::Result(ResultCode::UNKNOWN_PEER)));
    assert_eq!(cea.header.flags, HeaderFlags(HeaderFlags::ERROR));
    assert_eq!(bench.closed, [connection]);
    assert!(bench.node.is_closed());
}

#[test]
fn nobody_may_use_this_nodes_own_name() {
    let mut bench = accepting(10);
    let connection = bench.connect("HSS");
    assert_eq!(bench.results(connection), [3010]);
}

#[test]
fn a_name_must_be_one_that_the_certificate_proves() {
    for (proven, result) in [(&["bsf", "other"][..], 2001), (&["other"], 3010), (&[], 3010)] {
        let mut bench = Bench::with_peers(&["bsf"]);
        let connection = bench.connect_proven("BSF", Some(proven));
        assert_eq!(bench.results(connection), [result], "{proven:?}");
    }
}

#[test]
fn strangers_are_peers_while_connected_where_they_are_welcome_up_to_a_number() {
    let mut bench = accepting(2);
    let connections = ["a", "b", "c"].map(|name| bench.connect(name));
    assert_eq!(connections.map(|connection| bench.results(connection)), [vec![2001], vec![2001], vec![3010]]);
    assert_eq!(bench.node.peers().count(), 2);
    bench.node.handle_input(Input::Disconnected(connections[0]), bench.now);
    bench.collect();
    assert_eq!(bench.node.peers().count(), 1);
    let again = bench.connect("c");
    assert_eq!(bench.results(again), [2001]);
}

#[test]
fn a_stranger_without_a_common_application_leaves_nothing_behind() {
    let mut bench = accepting(2);
    let connection = bench.node.accept(None, bench.now).unwrap();
    let zn = Application::of_vendor(VendorId::TGPP, ApplicationId::ZN);
    let avps = local("naf", zn).avps();
    let cer = Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, avps);
    bench.receive(connection, &cer);
    assert_eq!(bench.results(connection), [5010]);
    assert_eq!(bench.node.peers().count(), 0);
    assert!(bench.node.is_closed());
}

#[test]
fn a_second_connection_of_a_connected_peer_is_closed() {
    let mut bench = Bench::with_peers(&["bsf"]);
    let first = bench.connect("bsf");
    let second = bench.connect("bsf");
    assert_eq!(bench.results(first), [2001]);
    assert!(bench.results(second).is_empty());
    assert_eq!(bench.closed, [second]);
}

#[test]
fn whatever_is_no_cer_closes_the_connection_without_a_word() {
    let dwr = Message::request(CommandCode::DEVICE_WATCHDOG, ApplicationId::BASE, vec![]);
    let mut cea = Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, vec![]);
    cea.header.flags = HeaderFlags(0);
    for octets in [
        dwr.encode().unwrap().danger_expose().to_vec(),
        cea.encode().unwrap().danger_expose().to_vec(),
        b"GET / HTTP/1.1\r\nHost: hss\r\n\r\n".to_vec(),
        vec![0x16; 300],
    ] {
        let mut bench = Bench::with_peers(&["bsf"]);
        let connection = bench.node.accept(None, bench.now).unwrap();
        bench.receive_octets(connection, &octets);
        assert_eq!((bench.sent(connection), bench.closed), (None, vec![connection]));
    }
}

#[test]
fn a_cer_that_cannot_be_read_is_answered_and_the_connection_closed() {
    let avps = local("bsf", ZH).avps();
    let cer = Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, avps);
    let octets = cer.encode().unwrap().danger_expose().to_vec();
    for (at, value, result) in [(27, 0xff, 5014), (0, 9, 5011), (3, 1, 5015)] {
        let mut broken = octets.clone();
        broken[at] = value;
        let mut bench = Bench::with_peers(&["bsf"]);
        let connection = bench.node.accept(None, bench.now).unwrap();
        bench.receive_octets(connection, &broken);
        assert_eq!((bench.results(connection), bench.closed), (vec![result], vec![connection]));
    }
}

#[test]
fn unidentified_connections_are_few_and_short() {
    let mut bench = Bench::with_peers(&["bsf"]);
    let connections: Vec<_> = (0..64).map(|_| bench.node.accept(None, bench.now).unwrap()).collect();
    assert_eq!(bench.node.accept(None, bench.now), Err(TooManyConnections));
    assert_eq!(bench.node.poll_timeout(), Some(bench.now + SECOND * 10));
    bench.advance(SECOND * 10);
    assert_eq!(bench.closed, connections);
    assert!(bench.node.accept(None, bench.now).is_ok());
}

#[test]
fn nothing_is_believed_of_a_connection_that_is_closed() {
    let mut bench = Bench::with_peers(&["bsf"]);
    let connection = bench.connect("stranger");
    bench.sent(connection);
    for input in [
        Input::Received(connection, &[1; 40]),
        Input::Connected(connection),
        Input::ConnectFailed(connection),
        Input::Disconnected(connection),
        Input::Disconnected(ConnectionId(999)),
    ] {
        bench.node.handle_input(input, bench.now);
    }
    bench.collect();
    assert_eq!((bench.closed.len(), bench.sent(connection)), (1, None));
}

proptest! {
    #[test]
    fn random_octets_from_strangers_never_panic(chunks: Vec<Vec<u8>>) {
        let mut bench = accepting(2);
        let connection = bench.node.accept(None, bench.now).unwrap();
        for chunk in chunks {
            bench.receive_octets(connection, &chunk);
        }
        bench.advance(SECOND * 10);
        prop_assert!(bench.node.is_closed());
    }

    #[test]
    fn a_cer_with_octets_changed_never_panics(changes in proptest::collection::vec((0usize..140, any::<u8>()), 1..4)) {
        let cer = Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, local("bsf", ZH).avps());
        let mut octets = cer.encode().unwrap().danger_expose().to_vec();
        for (at, value) in changes {
            if let Some(octet) = octets.get_mut(at) {
                *octet = value;
            }
        }
        let mut bench = accepting(2);
        let connection = bench.node.accept(None, bench.now).unwrap();
        bench.receive_octets(connection, &octets);
        bench.advance(SECOND * 300);
    }
}
