use super::*;
use ksnaf_diameter::{Failure, RequestError};
use ksnaf_proto::diameter::ResultCode;
use ksnaf_proto::diameter::dictionary::gba;

#[tokio::test]
async fn a_peer_that_never_answers_does_not_hold_up_another() {
    let (_silent, at_silent) = Plan::new("hss1").serving(Hang).knowing("bsf").listen().await;
    let (service, _seen) = Succeed::named("hss2");
    let (_second, at_second) = Plan::new("hss2").serving(service).knowing("bsf").listen().await;
    let bsf = Plan::new("bsf").connecting("hss1", at_silent).connecting("hss2", at_second).start();
    until_connected(&bsf, 2).await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let bsf = bsf.clone();
        waiting.spawn(async move { bsf.request(request(&bsf), Duration::from_secs(3)).await });
    }
    for _ in 0..50 {
        let mut direct = request(&bsf);
        direct.avps.push(base::DESTINATION_HOST.text("hss2"));
        bsf.request(direct, PATIENCE).await.unwrap();
    }
    let outcomes = waiting.join_all().await;
    assert!(outcomes.iter().all(|outcome| *outcome == Err(RequestError::NotAnswered(Failure::TimedOut))));
}

#[tokio::test]
async fn late_and_foreign_answers_are_nobodys() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let bsf = Plan::new("bsf").connecting("hss", listener.local_addr().unwrap()).start();
    let (stream, _) = listener.accept().await.unwrap();
    let mut hss = Raw { stream, reader: MessageReader::new(65_536) };
    let cer = hss.receive().await.unwrap();
    let cea =
        Answer::new(&cer, &local("hss").origin, Outcome::SUCCESS).with_all(local("hss").capability_avps());
    hss.send(&cea.build()).await;
    until_connected(&bsf, 1).await;
    let late = bsf.request(request(&bsf), Duration::from_millis(50)).await;
    assert_eq!(late, Err(RequestError::NotAnswered(Failure::TimedOut)));
    let first = hss.receive().await.unwrap();
    hss.send(&success("hss", &first)).await;
    let mut foreign = success("hss", &first);
    foreign.header.hop_by_hop ^= 0x8000_0000;
    hss.send(&foreign).await;
    let asking = bsf.request(request(&bsf), PATIENCE);
    let answering = async {
        let second = hss.receive().await.unwrap();
        hss.send(&success("hss", &second)).await;
        second
    };
    let (answered, second) = tokio::join!(asking, answering);
    let session = |message: &Message| message.avps.first(&base::SESSION_ID).cloned();
    assert_eq!(session(&answered.unwrap().1), session(&second));
}

#[tokio::test]
async fn a_dropped_request_is_forgotten_and_the_next_one_served() {
    let (service, _seen) = Succeed::named("hss2");
    let (_hss, address) = Plan::new("hss2").serving(service).knowing("bsf").listen().await;
    let (_silent, at_silent) = Plan::new("hss1").serving(Hang).knowing("bsf").listen().await;
    let bsf = Plan::new("bsf").connecting("hss1", at_silent).connecting("hss2", address).start();
    until_connected(&bsf, 2).await;
    for _ in 0..100 {
        let dropped =
            tokio::time::timeout(Duration::from_millis(1), bsf.request(request(&bsf), PATIENCE)).await;
        assert!(dropped.is_err());
    }
    let mut direct = request(&bsf);
    direct.avps.push(base::DESTINATION_HOST.text("hss2"));
    bsf.request(direct, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_service_that_takes_too_long_is_5012_and_its_place_is_free_again() {
    let mut plan = Plan::new("hss").serving(Hang).knowing("bsf");
    plan.settings.node.answer_timeout = Duration::from_millis(100);
    let (_hss, address) = plan.listen().await;
    let mut raw = Raw::introduced("bsf", address).await;
    for session in ["a", "b"] {
        raw.send(&request_of(ApplicationId::ZH, session)).await;
        let answer = raw.receive().await.unwrap();
        assert_eq!(answer.outcome(), Ok(Outcome::Result(ResultCode::UNABLE_TO_COMPLY)));
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_is_closed_and_others_are_served() {
    let (hss, address) = Plan::new("hss").serving(Wordy).knowing("bsf").knowing("deaf").listen().await;
    let mut deaf = Raw::introduced("deaf", address).await;
    let bsf = Plan::new("bsf").connecting("hss", address).start();
    until_connected(&bsf, 1).await;
    let closed = async {
        // A connection that is closed refuses further octets sooner or later.
        let mut sent = 0_u32;
        loop {
            let mut message = request_of(ApplicationId::ZH, &format!("deaf;{sent}"));
            message.header.hop_by_hop = sent;
            message.header.end_to_end = sent;
            let octets = message.encode().unwrap();
            if deaf.stream.write_all(octets.danger_expose()).await.is_err() {
                return sent;
            }
            sent += 1;
        }
    };
    let served = async {
        loop {
            bsf.request(request(&bsf), PATIENCE).await.unwrap();
        }
    };
    let sent = tokio::time::timeout(PATIENCE * 2, async {
        tokio::select! {
            sent = closed => sent,
            () = served => unreachable!("it goes on for ever"),
        }
    });
    let sent = sent.await.expect("the deaf peer is closed");
    assert!(sent < 20_000, "{sent} requests were taken from a peer that reads no answer");
    until(&hss, |peers| peers.iter().all(|peer| peer.connected == (peer.name == identity("bsf")))).await;
    bsf.request(request(&bsf), PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_never_stop_leave_time_for_others() {
    let (service, _seen) = Succeed::named("hss");
    let plan = Plan::new("hss").serving(service).knowing("bsf").knowing("noisy1").knowing("noisy2");
    let (hss, address) = plan.listen().await;
    let mut noise = tokio::task::JoinSet::new();
    for name in ["noisy1", "noisy2"] {
        let mut noisy = Raw::introduced(name, address).await;
        noise.spawn(async move {
            let avps = local(name).origin_avps();
            let watchdog = Message::request(CommandCode::DEVICE_WATCHDOG, ApplicationId::BASE, avps);
            let many = watchdog.encode().unwrap().danger_expose().repeat(1000);
            let (mut answers, mut questions) = noisy.stream.split();
            let asking = async { while questions.write_all(&many).await.is_ok() {} };
            let mut chunk = vec![0; 65_536];
            let reading = async { while answers.read(&mut chunk).await.is_ok_and(|length| length > 0) {} };
            tokio::join!(asking, reading);
        });
    }
    let bsf = Plan::new("bsf").connecting("hss", address).start();
    until_connected(&bsf, 1).await;
    for _ in 0..100 {
        bsf.request(request(&bsf), PATIENCE).await.unwrap();
    }
    assert_eq!(hss.peers().iter().filter(|peer| peer.connected).count(), 3);
    noise.abort_all();
}

/// Answers with 60 kB.
struct Wordy;

impl Service for Wordy {
    fn answer<'a>(&'a self, _: &'a Asker, request: Message) -> Answering<'a> {
        let padding = gba::GBA_USER_SEC_SETTINGS.octets(&[b' '; 60_000]);
        Box::pin(async move {
            Answer::new(&request, &local("hss").origin, Outcome::SUCCESS).with(padding).build()
        })
    }
}
