use super::*;

const BSF: usize = 0;
const HSS1: usize = 1;
const HSS2: usize = 2;

fn two() -> Net {
    Net::with_servers(&[("hss1", 1), ("hss2", 2)])
}

fn from(peer: &str, code: ResultCode) -> Fate {
    Ok((peer.to_owned(), Outcome::Result(code)))
}

#[test]
fn the_first_peer_of_the_route_serves_while_it_is_well() {
    let mut net = two();
    for user in ["a", "b", "c"] {
        net.send(request(user));
    }
    assert_eq!(net.answer(HSS1, ResultCode::SUCCESS), [false; 3]);
    assert_eq!(net.answer(HSS2, ResultCode::SUCCESS).len(), 0);
    assert_eq!(net.outcomes().len(), 3);
}

#[test]
fn a_suspect_peers_requests_go_to_the_next_with_the_t_flag_and_service_returns_later() {
    let mut net = two();
    net.advance(SECOND * 20);
    net.hosts[HSS1].cut = true;
    let ticket = net.send(request("a"));
    net.advance(SECOND * 66);
    assert_eq!(net.answer(HSS2, ResultCode::SUCCESS), [true]);
    assert_eq!(net.outcomes(), [(ticket, from("hss2", ResultCode::SUCCESS))]);

    // While the first is away the second gets what is new, as new.
    net.send(request("b"));
    assert_eq!(net.answer(HSS2, ResultCode::SUCCESS), [false]);
    net.advance(SECOND * 60);
    assert_eq!(net.okay(BSF), 1);

    // Fail-back: connected again, proven by three watchdog answers, then first again.
    net.hosts[HSS1].cut = false;
    net.advance(SECOND * 120);
    assert_eq!(net.okay(BSF), 2);
    net.events(BSF);
    let ticket = net.send(request("c"));
    assert_eq!(net.answer(HSS1, ResultCode::SUCCESS), [false]);
    assert_eq!(net.outcomes(), [(ticket, from("hss1", ResultCode::SUCCESS))]);
}

#[test]
fn a_lost_peers_requests_go_to_the_next_at_once() {
    let mut net = two();
    let tickets = [net.send(request("a")), net.send(request("b"))];
    net.break_connections(HSS1);
    assert_eq!(net.answer(HSS2, ResultCode::SUCCESS), [true, true]);
    let expected = tickets.map(|ticket| (ticket, from("hss2", ResultCode::SUCCESS)));
    assert_eq!(net.outcomes(), expected);
}

#[test]
fn a_peer_that_disconnects_in_good_order_hands_over() {
    let mut net = two();
    let ticket = net.send(request("a"));
    net.hosts[HSS1].node.shut_down(DisconnectCause::REBOOTING, net.now);
    net.settle();
    assert!(net.hosts[HSS1].node.is_closed());
    assert_eq!(net.answer(HSS2, ResultCode::SUCCESS), [true]);
    assert_eq!(net.outcomes(), [(ticket, from("hss2", ResultCode::SUCCESS))]);
}

#[test]
fn without_another_peer_a_suspect_may_still_answer() {
    let mut net = Net::with_servers(&[("hss1", 1)]);
    let ticket = net.send(request("a"));
    net.hosts[HSS1].cut = true;
    net.advance(SECOND * 66);
    assert_eq!(net.okay(BSF), 0);
    assert_eq!(net.hosts[BSF].node.send(request("b"), PATIENCE, net.now), Err(SendError::NoPeer));
    net.hosts[HSS1].cut = false;
    assert_eq!(net.answer(HSS1, ResultCode::SUCCESS), [false]);
    assert_eq!(net.outcomes(), [(ticket, from("hss1", ResultCode::SUCCESS))]);
    assert_eq!(net.okay(BSF), 1);
}

#[test]
fn without_another_peer_a_lost_request_fails_and_a_silent_one_times_out() {
    let mut net = Net::with_servers(&[("hss1", 1)]);
    let ticket = net.send(request("a"));
    net.break_connections(HSS1);
    assert_eq!(net.outcomes(), [(ticket, Err(Failure::Undeliverable))]);
    net.advance(SECOND * 200);
    let ticket = net.send(request("b"));
    net.advance(PATIENCE);
    assert_eq!(net.outcomes(), [(ticket, Err(Failure::TimedOut))]);
}

#[test]
fn a_reopened_peer_is_used_only_where_there_is_no_better_one() {
    let mut net = two();
    net.break_connections(HSS1);
    net.advance(SECOND * 3);
    net.send(request("a"));
    assert_eq!(net.answer(HSS1, ResultCode::SUCCESS).len(), 0);
    assert_eq!(net.answer(HSS2, ResultCode::SUCCESS), [false]);
    net.hosts[HSS2].cut = true;
    net.break_connections(HSS2);
    net.send(request("b"));
    assert_eq!(net.answer(HSS1, ResultCode::SUCCESS), [false]);
}

#[test]
fn a_request_for_a_certain_host_goes_there_and_nowhere_else() {
    let mut net = two();
    let fixed = || {
        let mut request = request("a");
        request.avps.push(base::DESTINATION_HOST.text("HSS2"));
        request
    };
    let ticket = net.send(fixed());
    assert_eq!(net.answer(HSS2, ResultCode::SUCCESS), [false]);
    assert_eq!(net.outcomes(), [(ticket, from("hss2", ResultCode::SUCCESS))]);
    let ticket = net.send(fixed());
    net.break_connections(HSS2);
    assert_eq!(net.outcomes(), [(ticket, Err(Failure::Undeliverable))]);
    assert_eq!(net.answer(HSS1, ResultCode::SUCCESS).len(), 0);
}

#[test]
fn a_host_that_is_no_peer_is_reached_by_its_realm() {
    let mut net = two();
    let mut request = request("a");
    request.avps.push(base::DESTINATION_HOST.text("hss9"));
    let ticket = net.send(request);
    // The server is no agent and says so; the other one says the same.
    let undelivered = ResultCode::UNABLE_TO_DELIVER;
    assert_eq!(net.outcomes(), [(ticket, from("hss2", undelivered))]);
}

#[test]
fn a_peer_that_cannot_or_is_busy_passes_the_request_on_without_the_t_flag() {
    for code in [ResultCode::UNABLE_TO_DELIVER, ResultCode::TOO_BUSY] {
        let mut net = two();
        let ticket = net.send(request("a"));
        net.answer(HSS1, code);
        assert_eq!(net.answer(HSS2, ResultCode::SUCCESS), [false]);
        assert_eq!(net.outcomes(), [(ticket, from("hss2", ResultCode::SUCCESS))]);
        let ticket = net.send(request("b"));
        net.answer(HSS1, code);
        net.answer(HSS2, code);
        assert_eq!(net.outcomes(), [(ticket, from("hss2", code))]);
    }
}

#[test]
fn other_errors_are_the_applications_to_judge() {
    for code in [ResultCode::REALM_NOT_SERVED, ResultCode::UNABLE_TO_COMPLY, ResultCode::LOOP_DETECTED] {
        let mut net = two();
        let ticket = net.send(request("a"));
        net.answer(HSS1, code);
        assert_eq!(net.outcomes(), [(ticket, from("hss1", code))]);
    }
}

#[test]
fn a_redirect_is_followed_to_a_peer_and_told_where_it_leads_to_none() {
    let redirect = |net: &mut Net, host: &str| {
        let (id, request) = net.requests(HSS1).pop().unwrap();
        let node = &mut net.hosts[HSS1].node;
        let origin = node.local().origin.clone();
        let indication = Outcome::Result(ResultCode::REDIRECT_INDICATION);
        let answer = Answer::new(&request, &origin, indication)
            .with(base::REDIRECT_HOST.text(&format!("aaa://{host}:3868;transport=tcp")));
        node.answer(id, &answer.build(), net.now).unwrap();
        net.settle();
    };
    let mut net = two();
    let ticket = net.send(request("a"));
    redirect(&mut net, "hss2");
    assert_eq!(net.answer(HSS2, ResultCode::SUCCESS), [false]);
    assert_eq!(net.outcomes(), [(ticket, from("hss2", ResultCode::SUCCESS))]);
    for nowhere in ["hss9", "hss1"] {
        let ticket = net.send(request("b"));
        redirect(&mut net, nowhere);
        assert_eq!(net.outcomes(), [(ticket, from("hss1", ResultCode::REDIRECT_INDICATION))]);
    }
}

#[test]
fn peers_of_equal_priority_share_the_load() {
    let mut net = Net::with_servers(&[("hss1", 1), ("hss2", 1), ("hss3", 2)]);
    for user in 0..10 {
        net.send(request(&user.to_string()));
    }
    let shares = [1, 2, 3].map(|at| net.requests(at).len());
    assert_eq!(shares, [5, 5, 0]);
}

#[test]
fn a_full_peer_leaves_the_rest_to_the_next_and_then_there_is_no_room() {
    let mut net = Net::new();
    let routes = vec![route("hss1", 1), route("hss2", 2)];
    net.host(NodeConfig::new(local("bsf", ZH)), routes);
    for name in ["hss1", "hss2"] {
        let server = net.host(NodeConfig::new(local(name, ZH)), vec![]);
        net.hosts[server]
            .node
            .add_peer(PeerConfig { connects: false, ..PeerConfig::new(identity("bsf")) }, net.now);
        let config = PeerConfig { max_outstanding: 1, ..PeerConfig::new(identity(name)) };
        net.hosts[BSF].node.add_peer(config, net.now);
    }
    net.advance(Duration::ZERO);
    net.send(request("a"));
    net.send(request("b"));
    assert_eq!([HSS1, HSS2].map(|at| net.requests(at).len()), [1, 1]);
    let third = net.hosts[BSF].node.send(request("c"), PATIENCE, net.now);
    assert_eq!(third, Err(SendError::TooManyOutstanding));
}

#[test]
fn a_realm_without_a_route_is_told_apart_from_peers_out_of_service() {
    let mut net = two();
    let mut elsewhere = request("a");
    elsewhere.avps.retain(|avp| !avp.is(&base::DESTINATION_REALM));
    assert_eq!(net.hosts[BSF].node.send(elsewhere, PATIENCE, net.now), Err(SendError::NoRoute));
    let mut zn = request("a");
    zn.header.application = ApplicationId::ZN;
    assert_eq!(net.hosts[BSF].node.send(zn, PATIENCE, net.now), Err(SendError::NoPeer));
}

#[test]
fn a_peer_that_asked_not_to_be_called_is_called_when_a_request_has_no_other_way() {
    let mut net = Net::with_servers(&[("hss1", 1)]);
    net.hosts[HSS1].node.stop_peer(&identity("bsf"), DisconnectCause::BUSY, net.now);
    net.settle();
    net.advance(SECOND * 3600);
    assert_eq!(net.okay(BSF), 0);
    assert_eq!(net.hosts[BSF].node.send(request("a"), PATIENCE, net.now), Err(SendError::NoPeer));
    net.settle();
    assert_eq!(net.okay(BSF), 1);
    net.send(request("a"));
    assert_eq!(net.answer(HSS1, ResultCode::SUCCESS), [false]);
}

#[test]
fn a_relay_takes_what_a_certain_host_does_not() {
    let mut net = Net::new();
    net.host(NodeConfig::new(local("bsf", ZH)), vec![route("relay", 5)]);
    let relay = net.host(NodeConfig::new(local("relay", RELAY)), vec![]);
    net.hosts[relay]
        .node
        .add_peer(PeerConfig { connects: false, ..PeerConfig::new(identity("bsf")) }, net.now);
    net.hosts[BSF].node.add_peer(PeerConfig::new(identity("relay")), net.now);
    let hss = PeerConfig { connects: false, ..PeerConfig::new(identity("hss1")) };
    net.hosts[BSF].node.add_peer(hss, net.now);
    net.advance(Duration::ZERO);
    let mut fixed = request("a");
    fixed.avps.push(base::DESTINATION_HOST.text("hss1"));
    net.hosts[BSF].node.send(fixed, PATIENCE, net.now).unwrap();
    net.settle();
    // It got there; that this test's relay forwards nothing is its own business.
    assert!(matches!(net.outcomes()[..], [(_, Ok(_))]));
}
