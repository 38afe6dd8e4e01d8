use super::*;

#[test]
fn two_nodes_that_connect_to_each_other_end_up_with_one_connection() {
    for names in [["a", "b"], ["b", "a"]] {
        let mut net = Net::new();
        for (name, other) in [(names[0], names[1]), (names[1], names[0])] {
            let at = net.host(NodeConfig::new(local(name, ZH)), vec![route(other, 1)]);
            net.hosts[at].node.add_peer(PeerConfig::new(identity(other)), net.now);
        }
        net.settle();
        assert_eq!([0, 1].map(|at| net.okay(at)), [1, 1]);
        assert_eq!(net.links.len(), 2);
        net.advance(SECOND * 3600);
        assert_eq!(net.links.len(), 2);
        let ticket = net.send(request("x"));
        assert_eq!(net.answer(1, ResultCode::SUCCESS), [false]);
        assert!(matches!(&net.outcomes()[..], [(answered, Ok(_))] if *answered == ticket));
    }
}

#[test]
fn a_slow_server_holds_nobody_else_up() {
    let mut net = Net::with_servers(&[("hss1", 1)]);
    let slow = net.send(request("slow"));
    let (id, first) = net.requests(1).pop().unwrap();
    for _ in 0..10 {
        let quick = net.send(request("quick"));
        net.answer(1, ResultCode::SUCCESS);
        assert!(matches!(&net.outcomes()[..], [(ticket, Ok(_))] if *ticket == quick));
    }
    let node = &mut net.hosts[1].node;
    let answer = Answer::new(&first, &node.local().origin.clone(), Outcome::SUCCESS).build();
    node.answer(id, &answer, net.now).unwrap();
    net.settle();
    assert!(matches!(&net.outcomes()[..], [(ticket, Ok(_))] if *ticket == slow));
}

#[test]
fn requests_get_identifiers_that_differ_and_flags_that_fit() {
    let mut net = Net::with_servers(&[("hss1", 1)]);
    let mut marked = request("a");
    marked.header.flags = HeaderFlags(0xff);
    net.send(marked);
    net.send(request("b"));
    let requests = net.requests(1);
    let [(_, a), (_, b)] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(a.header.flags, HeaderFlags(0xc0));
    assert_ne!(a.header.end_to_end, b.header.end_to_end);
    assert_ne!(a.header.hop_by_hop, b.header.hop_by_hop);
}

#[test]
fn a_shut_down_node_says_goodbye_and_takes_nothing_more() {
    let mut net = Net::with_servers(&[("hss1", 1), ("hss2", 2)]);
    let stranger = net.hosts[0].node.accept(None, net.now).unwrap();
    let ticket = net.send(request("a"));
    net.hosts[0].node.shut_down(DisconnectCause::REBOOTING, net.now);
    net.settle();
    assert!(net.hosts[0].node.is_closed());
    assert_eq!(net.outcomes(), [(ticket, Err(Failure::Undeliverable))]);
    assert_eq!(net.hosts[0].node.accept(None, net.now), Err(TooManyConnections));
    assert_eq!(net.hosts[0].node.send(request("b"), PATIENCE, net.now), Err(SendError::NoPeer));
    net.hosts[0].node.handle_input(Input::Received(stranger, &[1; 20]), net.now);
    net.advance(SECOND * 3600);
    assert!(net.hosts[0].node.is_closed());
    let by_peer = |event: &Event| {
        let rebooting = CloseReason::ByPeer(DisconnectCause::REBOOTING);
        matches!(event, Event::PeerClosed { reason, .. } if *reason == rebooting)
    };
    assert!(net.events(1).iter().any(by_peer));
}

#[test]
fn a_stopped_peer_stays_closed_until_it_is_started() {
    let mut net = Net::with_servers(&[("hss1", 1)]);
    net.hosts[0].node.stop_peer(&identity("hss1"), DisconnectCause::BUSY, net.now);
    net.advance(SECOND * 600);
    assert_eq!(net.okay(0), 0);
    net.hosts[0].node.start_peer(&identity("hss1"), net.now);
    net.advance(SECOND);
    assert_eq!(net.okay(0), 1);
}

#[test]
fn events_tell_how_peers_come_and_go_and_show_no_data() {
    let mut net = Net::with_servers(&[("hss1", 1)]);
    net.send(request("001010123456789"));
    net.break_connections(1);
    let told = format!("{:?} {:?}", net.events(0), net.events(1));
    assert!(told.contains("PeerClosed") && told.contains("Lost") && told.contains("User-Name"));
    assert!(!told.contains("001010123456789"));
}

#[test]
fn connections_that_fail_leave_nothing_behind() {
    let mut net = Net::with_servers(&[("hss1", 1)]);
    net.hosts[1].cut = true;
    net.break_connections(1);
    net.advance(SECOND * 600);
    assert!(net.hosts[0].node.is_closed());
    assert!(net.events(0).len() > 20);
}
