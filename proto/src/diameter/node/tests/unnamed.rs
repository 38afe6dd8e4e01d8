//! Peers that are known by where they are reached.

use super::*;

const LABEL: &str = "10.0.0.1:3868";

/// "bsf" knows an address, behind which is the second host; "hss1" and "hss2" are the second and the third.
fn net() -> Net {
    let mut net = Net::new();
    let bsf = net.host(NodeConfig::new(local("bsf", ZH)), vec![route(LABEL, 0)]);
    for name in ["hss1", "hss2"] {
        let server = net.host(NodeConfig::new(local(name, ZH)), vec![]);
        let config = PeerConfig { connects: false, ..PeerConfig::new(identity("bsf")) };
        net.hosts[server].node.add_peer(config, net.now);
    }
    net.addresses.insert(identity(LABEL), 1);
    net.hosts[bsf].node.add_peer(PeerConfig::unnamed(identity(LABEL)), net.now);
    net.advance(Duration::ZERO);
    net
}

fn names(net: &Net) -> Vec<String> {
    net.hosts[0].node.peers().map(|peer| peer.name().to_string()).collect()
}

#[test]
fn a_peer_known_by_its_address_tells_its_name() {
    let mut net = net();
    assert_eq!(net.okay(0), 1);
    assert_eq!(names(&net), ["hss1"]);
    net.events(0);
    let ticket = net.send(request("a"));
    net.answer(1, ResultCode::SUCCESS);
    assert_eq!(net.outcomes(), [(ticket, Ok(("hss1".to_owned(), Outcome::SUCCESS)))]);
}

#[test]
fn a_request_for_a_certain_host_finds_it_by_the_name_it_told() {
    let mut net = net();
    let mut asked = request("a");
    asked.avps.push(base::DESTINATION_HOST.text("HSS1"));
    net.send(asked);
    assert_eq!(net.answer(1, ResultCode::SUCCESS), [false]);
}

#[test]
fn another_node_at_the_same_address_is_the_same_peer_under_another_name() {
    let mut net = net();
    net.addresses.insert(identity(LABEL), 2);
    net.break_connections(0);
    assert_eq!(names(&net), [LABEL]);
    net.advance(SECOND * 2);
    assert_eq!(names(&net), ["hss2"]);
    net.send(request("a"));
    assert_eq!(net.requests(2).len(), 1);
}

#[test]
fn a_named_peer_must_have_its_name() {
    let mut net = Net::with_servers(&[]);
    let hss = net.host(NodeConfig::new(local("hss1", ZH)), vec![]);
    net.hosts[hss].node.add_peer(PeerConfig { connects: false, ..PeerConfig::new(identity("bsf")) }, net.now);
    net.addresses.insert(identity("hss2"), hss);
    net.hosts[0].node.add_peer(PeerConfig::new(identity("hss2")), net.now);
    net.advance(Duration::ZERO);
    let wrong = |event: &Event| matches!(event, Event::PeerClosed { reason: CloseReason::WrongPeer, .. });
    assert!(net.events(0).iter().any(wrong));
}

#[test]
fn a_node_that_reaches_itself_has_no_peer_there() {
    let mut net = net();
    net.addresses.insert(identity(LABEL), 0);
    net.break_connections(0);
    net.advance(SECOND * 2);
    assert_eq!(net.okay(0), 0);
}

#[test]
fn nobody_connects_as_the_peer_at_an_address() {
    let mut bench = Bench::new(NodeConfig::new(local("hss", ZH)));
    let config = PeerConfig { connects: false, ..PeerConfig::unnamed(identity(LABEL)) };
    bench.node.add_peer(config, bench.now);
    let connection = bench.connect(LABEL);
    assert_eq!(bench.results(connection), [3010]);
    let mut net = net();
    let connection = net.hosts[0].node.accept(None, net.now).unwrap();
    let cer =
        Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, local("hss1", ZH).avps());
    let octets = cer.encode().unwrap();
    let now = net.now;
    net.hosts[0].node.handle_input(Input::Received(connection, octets.danger_expose()), now);
    net.settle();
    assert_eq!(net.okay(0), 1, "the connection that is there stays");
}

#[test]
fn a_stranger_does_not_take_requests_for_a_name_that_was_told() {
    let mut config = NodeConfig::new(local("bsf", ZH));
    let template = Box::new(PeerConfig::new(identity("anybody")));
    config.unknown_peers = UnknownPeers::Accept { at_most: 9, template };
    let mut net = Net::new();
    net.host(config, vec![]);
    let hss = net.host(NodeConfig::new(local("hss1", ZH)), vec![]);
    net.hosts[hss].node.add_peer(PeerConfig { connects: false, ..PeerConfig::new(identity("bsf")) }, net.now);
    let stranger = net.hosts[0].node.accept(None, net.now).unwrap();
    let avps = local("hss1", ZH).avps();
    let cer = Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, avps);
    let (octets, now) = (cer.encode().unwrap(), net.now);
    net.hosts[0].node.handle_input(Input::Received(stranger, octets.danger_expose()), now);
    net.addresses.insert(identity(LABEL), 1);
    net.hosts[0].node.add_peer(PeerConfig::unnamed(identity(LABEL)), net.now);
    net.advance(Duration::ZERO);
    let mut asked = request("a");
    asked.avps.push(base::DESTINATION_HOST.text("hss1"));
    net.send(asked);
    assert_eq!(net.requests(1).len(), 1);
}
