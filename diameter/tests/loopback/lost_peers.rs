use super::*;
use ksnaf_diameter::{DisconnectCause, PeerStatus, RequestError};
use ksnaf_proto::diameter::ResultCode;

#[tokio::test]
async fn a_request_of_a_lost_peer_goes_to_the_next_one_marked_as_retransmitted() {
    let (first, at_first) = Plan::new("hss1").serving(Hang).knowing("bsf").listen().await;
    let (service, mut seen) = Succeed::named("hss2");
    let (_second, at_second) = Plan::new("hss2").serving(service).knowing("bsf").listen().await;
    let bsf = Plan::new("bsf").connecting("hss1", at_first).connecting("hss2", at_second).start();
    until_connected(&bsf, 2).await;
    let asked = tokio::spawn({
        let bsf = bsf.clone();
        async move { bsf.request(request(&bsf), PATIENCE).await }
    });
    // The first has it when the second, which is asked directly, has answered a later one.
    let mut direct = request(&bsf);
    direct.avps.push(base::DESTINATION_HOST.text("hss2"));
    bsf.request(direct, PATIENCE).await.unwrap();
    assert!(!seen.recv().await.unwrap().1);
    assert!(!asked.is_finished());
    drop(first);
    let (from, _) = asked.await.unwrap().unwrap();
    assert_eq!(from, identity("hss2"));
    assert!(seen.recv().await.unwrap().1, "the T flag");
}

#[tokio::test]
async fn a_lost_peer_without_another_is_an_error_and_is_connected_again_when_it_is_back() {
    let (hss, address) = Plan::new("hss").serving(Hang).knowing("bsf").listen().await;
    let bsf = Plan::new("bsf").connecting("hss", address).start();
    until_connected(&bsf, 1).await;
    let asking = bsf.request(request(&bsf), PATIENCE);
    let losing = async {
        until_connected(&hss, 1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(hss);
    };
    let (outcome, ()) = tokio::join!(asking, losing);
    assert!(matches!(outcome, Err(RequestError::NotAnswered(_) | RequestError::NotSent(_))), "{outcome:?}");
    until(&bsf, |peers| peers[0].status == PeerStatus::Down).await;
    let (service, _seen) = Succeed::named("hss");
    let (_hss, _) = Plan::new("hss").serving(service).knowing("bsf").listen_at(address).await;
    until_connected(&bsf, 1).await;
    bsf.request(request(&bsf), PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_server_that_ends_says_so_and_gives_the_answers_that_it_owes() {
    let (started, mut began) = tokio::sync::mpsc::unbounded_channel();
    let (release, released) = tokio::sync::watch::channel(false);
    let slow = Slow { started, released };
    let (hss, address) = Plan::new("hss").serving(slow).knowing("bsf").listen().await;
    let bsf = Plan::new("bsf").connecting("hss", address).start();
    until_connected(&bsf, 1).await;
    let owed = tokio::spawn({
        let bsf = bsf.clone();
        async move { bsf.request(request(&bsf), PATIENCE).await }
    });
    began.recv().await.unwrap();
    let ending = tokio::spawn({
        let hss = hss.clone();
        async move { hss.shut_down(DisconnectCause::REBOOTING, PATIENCE).await }
    });
    // From here on it takes nothing more on; that is seen when it refuses a request that it would hang on.
    loop {
        let (_, answer) = bsf
            .request(request(&bsf), Duration::from_millis(200))
            .await
            .unwrap_or_else(|_| (identity("nobody"), success("nobody", &request(&bsf))));
        if answer.outcome() == Ok(Outcome::Result(ResultCode::UNABLE_TO_DELIVER)) {
            break;
        }
    }
    release.send(true).unwrap();
    assert_eq!(owed.await.unwrap().unwrap().1.outcome(), Ok(Outcome::SUCCESS));
    ending.await.unwrap();
    until(&bsf, |peers| !peers[0].connected).await;
    assert_eq!(hss.request(request(&hss), PATIENCE).await, Err(RequestError::Ended));
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn dpr_closes_in_good_order_whoever_connected() {
    for client_ends in [true, false] {
        let (service, _seen) = Succeed::named("hss");
        let (hss, address) = Plan::new("hss").serving(service).knowing("bsf").listen().await;
        let bsf = Plan::new("bsf").connecting("hss", address).start();
        until_connected(&bsf, 1).await;
        until_connected(&hss, 1).await;
        let (ends, stays) = if client_ends { (&bsf, &hss) } else { (&hss, &bsf) };
        ends.shut_down(DisconnectCause::DO_NOT_WANT_TO_TALK_TO_YOU, PATIENCE).await;
        // Lost without DPR, it would be Down.
        until(stays, |peers| !peers[0].connected && peers[0].status == PeerStatus::Initial).await;
    }
}

#[tokio::test]
async fn a_node_ends_within_its_bound_though_a_peer_says_nothing() {
    let (_hss, address) = Plan::new("hss").serving(Hang).knowing("bsf").listen().await;
    let raw = Raw::introduced("bsf", address).await;
    let hss = _hss;
    tokio::time::timeout(PATIENCE, hss.shut_down(DisconnectCause::REBOOTING, Duration::from_millis(100)))
        .await
        .expect("it ends");
    drop(raw);
}

#[tokio::test]
async fn a_node_ends_with_its_last_handle() {
    let (service, _seen) = Succeed::named("hss");
    let (hss, address) = Plan::new("hss").serving(service).knowing("bsf").listen().await;
    let bsf = Plan::new("bsf").connecting("hss", address).start();
    until_connected(&hss, 1).await;
    let other = bsf.clone();
    drop(bsf);
    until_connected(&hss, 1).await;
    drop(other);
    until_connected(&hss, 0).await;
}

/// Says when it began, and answers when it is let go.
struct Slow {
    started: tokio::sync::mpsc::UnboundedSender<()>,
    released: tokio::sync::watch::Receiver<bool>,
}

impl Service for Slow {
    fn answer<'a>(&'a self, _: &'a Asker, request: Message) -> Answering<'a> {
        let _ = self.started.send(());
        let mut released = self.released.clone();
        Box::pin(async move {
            let _ = released.wait_for(|released| *released).await;
            success("hss", &request)
        })
    }
}
