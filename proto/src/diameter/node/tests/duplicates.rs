use super::*;

fn copy(hop: u32, retransmitted: bool, user: &str) -> Message {
    let mut message = request(user);
    message.avps.push(base::ORIGIN_HOST.text("bsf"));
    message.avps.push(base::SESSION_ID.text("bsf;1;1"));
    (message.header.hop_by_hop, message.header.end_to_end) = (hop, 77);
    if retransmitted {
        message.header.flags = message.header.flags.retransmitted();
    }
    message
}

#[test]
fn a_duplicate_on_another_connection_gets_the_answer_without_being_served_again() {
    let mut bench = Bench::with_peers(&["relay1", "relay2"]);
    let (one, two) = (bench.connect("relay1"), bench.connect("relay2"));
    assert_eq!([one, two].map(|connection| bench.results(connection)), [[2001], [2001]]);
    bench.receive(one, &copy(1, false, "x"));
    let mut second = copy(2, true, "x");
    let proxy = base::PROXY_INFO.grouped(&[base::PROXY_HOST.text("relay2"), base::PROXY_STATE.octets(&[9])]);
    second.avps.push(proxy.clone());
    bench.receive(two, &second);
    let requests = bench.requests();
    let [(id, first)] = &requests[..] else { panic!("{requests:?}") };
    bench.answer(*id, first).unwrap();
    let answers = [bench.sent(one).unwrap(), bench.sent(two).unwrap()];
    assert_eq!(answers.clone().map(|answer| answer.header.hop_by_hop), [1, 2]);
    assert!(answers.iter().all(|answer| answer.header.end_to_end == 77));
    assert_eq!(answers[0].avps.first(&base::PROXY_INFO), None);
    assert_eq!(answers[1].avps.first(&base::PROXY_INFO), Some(&proxy));

    // A third copy, after the answer, even on the connection of the first.
    bench.receive(one, &copy(3, true, "x"));
    assert_eq!(bench.sent(one).unwrap().header.hop_by_hop, 3);
    assert!(bench.requests().is_empty());
}

#[test]
fn the_answer_outlives_the_connection_of_its_first_copy() {
    let mut bench = Bench::with_peers(&["relay1", "relay2"]);
    let (one, two) = (bench.connect("relay1"), bench.connect("relay2"));
    bench.results(two);
    bench.receive(one, &copy(1, false, "x"));
    let (id, first) = bench.requests().pop().unwrap();
    bench.node.handle_input(Input::Disconnected(one), bench.now);
    bench.collect();
    assert_eq!(bench.answer(id, &first), Err(peer::Gone));
    bench.receive(two, &copy(2, true, "x"));
    assert_eq!(bench.results(two), [2001]);
    assert!(bench.requests().is_empty());
}

#[test]
fn the_same_identifier_with_other_content_is_another_request() {
    let mut bench = Bench::with_peers(&["relay1"]);
    let one = bench.connect("relay1");
    bench.results(one);
    bench.receive(one, &copy(1, false, "x"));
    let (id, first) = bench.requests().pop().unwrap();
    bench.answer(id, &first).unwrap();
    bench.receive(one, &copy(2, true, "somebody else"));
    assert_eq!(bench.requests().len(), 1);
    assert_eq!(bench.results(one), [2001]);
}

#[test]
fn an_answer_is_forgotten_after_four_minutes() {
    let mut bench = Bench::with_peers(&["relay1"]);
    let one = bench.connect("relay1");
    bench.receive(one, &copy(1, false, "x"));
    let (id, first) = bench.requests().pop().unwrap();
    bench.answer(id, &first).unwrap();
    bench.now += SECOND * 240;
    bench.receive(one, &copy(2, true, "x"));
    assert_eq!(bench.requests().len(), 1);
}

#[test]
fn a_flood_of_copies_keeps_only_the_last_few() {
    let mut bench = Bench::with_peers(&["relay1"]);
    let one = bench.connect("relay1");
    bench.sent(one);
    for hop in 1..=100 {
        bench.receive(one, &copy(hop, true, "x"));
    }
    let (id, first) = bench.requests().pop().unwrap();
    bench.answer(id, &first).unwrap();
    let hops: Vec<_> =
        std::iter::from_fn(|| bench.sent(one)).map(|answer| answer.header.hop_by_hop).collect();
    assert_eq!(hops, [97, 98, 99, 100]);
}

#[test]
fn a_request_that_was_not_served_is_no_duplicate() {
    let mut bench = Bench::with_peers(&["relay1"]);
    let one = bench.connect("relay1");
    bench.sent(one);
    bench.receive(one, &copy(1, false, "x"));
    let (id, first) = bench.requests().pop().unwrap();
    assert!(bench.node.poll_timeout().unwrap() <= bench.now + SECOND * 30);
    bench.advance(SECOND * 30);
    let unanswered = std::iter::from_fn(|| bench.sent(one)).find(|message| !message.is_request()).unwrap();
    assert_eq!(unanswered.outcome(), Ok(Outcome::Result(ResultCode::UNABLE_TO_COMPLY)));
    assert_eq!(unanswered.avps.required(&base::SESSION_ID).unwrap().text(), Ok("bsf;1;1"));
    assert_eq!(bench.answer(id, &first), Err(peer::Gone));
    bench.receive(one, &copy(2, true, "x"));
    assert_eq!(bench.requests().len(), 1);
}
