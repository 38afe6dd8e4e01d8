use super::*;
use ksnaf_diameter::{RequestError, SendError, UnknownPeers};
use ksnaf_proto::diameter::ResultCode;

#[tokio::test]
async fn both_sides_of_a_connection_ask_and_answer() {
    let (service, mut seen_by_hss) = Succeed::named("hss");
    let (hss, address) = Plan::new("hss").serving(service).knowing("bsf").listen().await;
    let (service, mut seen_by_bsf) = Succeed::named("bsf");
    let bsf = Plan::new("bsf").serving(service).connecting("hss", address).start();
    until_connected(&bsf, 1).await;
    until_connected(&hss, 1).await;
    let (from, answer) = bsf.request(request(&bsf), PATIENCE).await.unwrap();
    assert_eq!((from.as_str(), answer.outcome()), ("hss", Ok(Outcome::SUCCESS)));
    let mut asked = request(&hss);
    asked.avps.push(base::DESTINATION_HOST.text("bsf"));
    let (from, answer) = hss.request(asked, PATIENCE).await.unwrap();
    assert_eq!((from.as_str(), answer.outcome()), ("bsf", Ok(Outcome::SUCCESS)));
    let (asker, _) = seen_by_hss.recv().await.unwrap();
    assert_eq!(asker.peer, identity("bsf"));
    assert!(asker.address.unwrap().ip().is_loopback() && asker.certificate_names.is_empty());
    assert_eq!(seen_by_bsf.recv().await.unwrap().0.address, Some(address));
}

#[tokio::test]
async fn many_requests_at_once_get_each_their_own_answer() {
    let (service, _seen) = Succeed::named("hss");
    let (_hss, address) = Plan::new("hss").serving(service).knowing("bsf").listen().await;
    let bsf = Plan::new("bsf").connecting("hss", address).start();
    until_connected(&bsf, 1).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let bsf = bsf.clone();
        asking.spawn(async move {
            let request = request(&bsf);
            let session = request.avps.first(&base::SESSION_ID).cloned();
            let (_, answer) = bsf.request(request, PATIENCE).await.unwrap();
            assert_eq!(answer.avps.first(&base::SESSION_ID).cloned(), session);
        });
    }
    assert_eq!(asking.join_all().await.len(), 500);
}

#[tokio::test]
async fn a_peer_known_by_its_address_only_is_asked_and_named() {
    let (service, _seen) = Succeed::named("hss");
    let (_hss, address) = Plan::new("hss").serving(service).knowing("bsf").listen().await;
    let mut plan = Plan::new("bsf").connecting(&address.to_string(), address);
    plan.settings.peers[0].config.any_host = true;
    let bsf = plan.start();
    until(&bsf, |peers| peers.iter().any(|peer| peer.connected && peer.name == identity("hss"))).await;
    let (from, _) = bsf.request(request(&bsf), PATIENCE).await.unwrap();
    assert_eq!(from, identity("hss"));
}

#[tokio::test]
async fn what_nobody_serves_is_refused_as_such() {
    let (_hss, address) = Plan::new("hss").knowing("bsf").listen().await;
    let mut raw = Raw::introduced("bsf", address).await;
    for (application, result) in [
        (ApplicationId::ZH, ResultCode::COMMAND_UNSUPPORTED),
        (ApplicationId(4), ResultCode::APPLICATION_UNSUPPORTED),
    ] {
        raw.send(&request_of(application, "s")).await;
        let answer = raw.receive().await.unwrap();
        assert_eq!(answer.outcome(), Ok(Outcome::Result(result)));
        assert!(answer.header.flags.is_error());
    }
}

#[tokio::test]
async fn a_request_without_a_peer_is_an_error_at_once() {
    let nowhere = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let bsf = Plan::new("bsf").connecting("hss", nowhere).start();
    let refused = bsf.request(request(&bsf), PATIENCE).await;
    assert_eq!(refused, Err(RequestError::NotSent(SendError::NoPeer)));
    let alone = Plan::new("bsf").start();
    let refused = alone.request(request(&alone), PATIENCE).await;
    assert_eq!(refused, Err(RequestError::NotSent(SendError::NoRoute)));
}

#[tokio::test]
async fn strangers_are_served_up_to_their_number() {
    let (service, mut seen) = Succeed::named("hss");
    let mut plan = Plan::new("hss").serving(service);
    let template = Box::new(PeerConfig::new(identity("anybody")));
    plan.settings.node.unknown_peers = UnknownPeers::Accept { at_most: 1, template };
    let (hss, address) = plan.listen().await;
    let mut naf = Raw::introduced("naf", address).await;
    naf.send(&request_of(ApplicationId::ZN, "s")).await;
    assert_eq!(naf.receive().await.unwrap().outcome(), Ok(Outcome::SUCCESS));
    assert_eq!(seen.recv().await.unwrap().0.peer, identity("naf"));
    let mut second = Raw::connect(address).await;
    let avps = local("naf2").avps();
    second.send(&Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, avps)).await;
    let refused = second.receive().await.unwrap();
    assert_eq!(refused.outcome(), Ok(Outcome::Result(ResultCode::UNKNOWN_PEER)));
    assert_eq!(second.receive().await, None);
    drop(naf);
    until(&hss, Vec::is_empty).await;
}

#[tokio::test]
async fn session_ids_differ_and_begin_with_the_node() {
    let bsf = Plan::new("bsf").start();
    let (first, second) = (bsf.session_id(), bsf.clone().session_id());
    assert_ne!(first, second);
    assert!(first.starts_with("bsf;"), "{first}");
    assert_eq!(bsf.local().origin.host, identity("bsf"));
}
