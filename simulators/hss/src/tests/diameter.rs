//! Zh and Cx, with the Diameter node of a BSF at the other end.

use super::{Card, listener, origin, start, subscribers};
use crate::{Hss, Listeners, Setup};
use ksnaf_diameter::{
    Diameter, Failure, NodeConfig, PeerAddress, PeerConfig, RequestError, Route, RoutingTable, SendError,
    Settings,
};
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::diameter::dictionary::base;
use ksnaf_proto::diameter::{
    Addressing, Answer, Application, ApplicationId, CommandCode, DiameterIdentity, Fault, LocalNode, Message,
    MessageReader, Outcome, ResultCode, TgppResultCode, VendorId,
};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::identity::{Impi, Impu};
use ksnaf_proto::zh::cx::{CxAuthRequest, ServerName};
use ksnaf_proto::zh::diameter::{KNOWN, MultimediaAuthRequest};
use ksnaf_proto::zh::{AnswerError, HssAnswer, Settings as GussSettings, VectorError, VectorRequest};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// For anything that comes at all.
const BOUND: Duration = Duration::from_secs(20);

/// Tests that wait for an answer that must not come end by themselves before.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A BSF, as it tells its peers.
fn local() -> LocalNode {
    let applications = [ApplicationId::ZH, ApplicationId::CX];
    LocalNode {
        origin: origin("bsf.lab.example"),
        addresses: vec!["127.0.0.1".parse().unwrap()],
        vendor: VendorId::IETF,
        product: "a BSF of a test".to_owned(),
        firmware: None,
        origin_state_id: 1,
        applications: applications.map(|id| Application::of_vendor(VendorId::TGPP, id)).into(),
        served_realms: Vec::new(),
    }
}

/// A BSF's node with the HSS as its only peer, connected.
struct Bsf(Diameter);

impl Bsf {
    async fn of(hss: &Hss) -> Self {
        let name = DiameterIdentity::parse("hss.lab.example").unwrap();
        let route = Route { realm: None, application: None, peer: name.clone(), priority: 0 };
        let address = hss.addresses().diameter.unwrap().to_string();
        let settings = Settings {
            routes: RoutingTable::new(vec![route]),
            peers: vec![PeerAddress { config: PeerConfig::new(name), address, tls: None }],
            ..Settings::new(NodeConfig::new(local()))
        };
        let node = Diameter::start(settings, Vec::new(), None);
        let mut peers = node.watch_peers();
        let connected = peers.wait_for(|peers| peers.iter().any(|peer| peer.connected));
        tokio::time::timeout(BOUND, connected).await.expect("in time").unwrap();
        drop(peers);
        Self(node)
    }

    fn addressing(&self) -> Addressing {
        Addressing {
            session_id: self.0.session_id(),
            origin: origin("bsf.lab.example"),
            destination_realm: DiameterIdentity::parse("lab.example").unwrap(),
            destination_host: None,
        }
    }

    async fn send(&self, message: Message, patience: Duration) -> Result<Message, RequestError> {
        self.0.request(message, patience).await.map(|(_, answer)| answer)
    }

    async fn zh(&self, request: &MultimediaAuthRequest) -> Result<HssAnswer, AnswerError> {
        let answer = self.send(request.to_message(&self.addressing()), BOUND).await.expect("an answer");
        request.read_answer(&answer)
    }

    async fn cx(&self, request: &CxAuthRequest) -> Result<HssAnswer, AnswerError> {
        let answer = self.send(request.to_message(&self.addressing()), BOUND).await.expect("an answer");
        request.read_answer(&answer)
    }
}

fn asked(impi: Impi) -> MultimediaAuthRequest {
    MultimediaAuthRequest::new(&VectorRequest { impi, resync: None }, None)
}

fn cx_asked(impi: Impi) -> CxAuthRequest {
    CxAuthRequest::new(&VectorRequest { impi, resync: None }, ServerName("sip:bsf.lab.example".to_owned()))
}

#[tokio::test]
async fn vectors_of_zh_and_cx_are_what_the_card_expects_and_zh_brings_settings() {
    let hss = start("").await;
    let bsf = Bsf::of(&hss).await;
    for mut card in [Card::lab(), Card::other()] {
        let by_zh = bsf.zh(&asked(card.impi())).await.unwrap();
        assert_eq!(card.authenticate(&by_zh.vectors[0]), None);
        let by_cx = bsf.cx(&cx_asked(card.impi())).await.unwrap();
        assert_eq!(card.authenticate(&by_cx.vectors[0]), None);
        assert_eq!(by_cx.settings, GussSettings::Unsaid);
    }
    let GussSettings::Sent { guss, timestamp } = bsf.zh(&asked(Card::lab().impi())).await.unwrap().settings
    else {
        panic!("no settings")
    };
    assert_eq!((guss.bsf_info.gba_mode(), guss.uss.len()), (GbaMode::U, 1));
    let kept = MultimediaAuthRequest { guss_timestamp: timestamp, ..asked(Card::lab().impi()) };
    assert_eq!(bsf.zh(&kept).await.unwrap().settings, GussSettings::Unchanged);
    hss.stop().await;
}

#[tokio::test]
async fn a_card_that_is_ahead_resynchronises_and_a_forged_auts_is_refused() {
    let hss = start("").await;
    let bsf = Bsf::of(&hss).await;
    for (round, zh) in [true, false].into_iter().enumerate() {
        let mut card = Card::lab();
        card.numbers.accept(SqnFormat::default().join(1 << (20 + round), 31).unwrap());
        let ask = async |resync| match zh {
            true => bsf.zh(&MultimediaAuthRequest { resync, ..asked(Card::lab().impi()) }).await,
            false => bsf.cx(&CxAuthRequest { resync, ..cx_asked(Card::lab().impi()) }).await,
        };
        let stale = ask(None).await.unwrap().vectors.remove(0);
        let auts = card.authenticate(&stale).expect("a number that is not fresh");
        let mut forged = auts;
        forged.0[13] ^= 1;
        let error = ask(Some((stale.rand, forged))).await.unwrap_err();
        assert_eq!(error.vector_error(true), VectorError::AuthenticationRejected);
        let fresh = ask(Some((stale.rand, auts))).await.unwrap().vectors.remove(0);
        assert_eq!(card.authenticate(&fresh), None);
    }
    hss.stop().await;
}

#[tokio::test]
async fn who_is_unknown_and_names_that_do_not_match_are_refused() {
    let hss = start("").await;
    let bsf = Bsf::of(&hss).await;
    let nobody = Impi::parse("001010000000000@ims.mnc001.mcc001.3gppnetwork.org").unwrap();
    let refused = |answer: Result<HssAnswer, AnswerError>| match answer {
        Err(AnswerError::Refused(outcome)) => outcome,
        other => panic!("{other:?}"),
    };
    let tgpp = Outcome::tgpp;
    assert_eq!(refused(bsf.zh(&asked(nobody.clone())).await), tgpp(TgppResultCode::IDENTITY_UNKNOWN));
    assert_eq!(refused(bsf.cx(&cx_asked(nobody.clone())).await), tgpp(TgppResultCode::USER_UNKNOWN));
    let others = CxAuthRequest { public_identity: Impu::from_impi(&nobody), ..cx_asked(Card::lab().impi()) };
    assert_eq!(refused(bsf.cx(&others).await), tgpp(TgppResultCode::IDENTITIES_DONT_MATCH));
    let by_impu = MultimediaAuthRequest {
        impi: None,
        public_identity: Some(Impu::parse("sip:lab@ims.example").unwrap()),
        ..asked(nobody)
    };
    assert_eq!(bsf.zh(&by_impu).await.unwrap().impi, Some(Card::lab().impi()));

    let mut nameless = asked(Card::lab().impi()).to_message(&bsf.addressing());
    nameless.avps.retain(|avp| !avp.is(&base::USER_NAME));
    let answer = bsf.send(nameless, BOUND).await.unwrap();
    assert_eq!(answer.outcome(), Ok(Outcome::Result(ResultCode::MISSING_AVP)));
    let head = bsf.addressing().head(ApplicationId::ZH, true);
    let other = Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZH, head);
    let answer = bsf.send(other, BOUND).await.unwrap();
    assert_eq!(answer.outcome(), Ok(Outcome::Result(ResultCode::COMMAND_UNSUPPORTED)));
    hss.stop().await;
}

#[tokio::test]
async fn faults_reach_the_answers() {
    let answer = async |faults: &str| {
        let hss = start(faults).await;
        let bsf = Bsf::of(&hss).await;
        let request = asked(Card::lab().impi());
        let answer = bsf.send(request.to_message(&bsf.addressing()), BOUND).await.unwrap();
        hss.stop().await;
        answer
    };
    let request = asked(Card::lab().impi());
    let realm =
        |answer: &Message| answer.avps.required(&base::ORIGIN_REALM).unwrap().text().unwrap().to_owned();
    assert_eq!(realm(&answer("").await), "lab.example");
    assert_eq!(realm(&answer("wrong-realm").await), "elsewhere.invalid");
    for (fault, outcome) in [
        ("error=3004", Outcome::Result(ResultCode::TOO_BUSY)),
        ("error=5401", Outcome::tgpp(TgppResultCode::IDENTITY_UNKNOWN)),
        ("error=77:9", Outcome::Experimental { vendor: VendorId(77), code: 9 }),
    ] {
        assert_eq!(answer(fault).await.outcome(), Ok(outcome), "{fault}");
    }
    assert!(answer("error=503").await.outcome().unwrap().is_success(), "of HTTP alone");
    let optional = answer("garbage-avps").await;
    assert_eq!(optional.avps.check_mandatory(KNOWN), Ok(()));
    assert_eq!(Card::lab().authenticate(&request.read_answer(&optional).unwrap().vectors[0]), None);
    let mandatory = answer("garbage-mandatory").await;
    assert!(matches!(
        mandatory.avps.check_mandatory(KNOWN),
        Err(Fault { result: ResultCode::AVP_UNSUPPORTED, .. })
    ));
    assert_eq!(request.read_answer(&answer("other-subscriber").await), Err(AnswerError::OtherSubscriber));
    assert_eq!(request.read_answer(&answer("no-guss").await).unwrap().settings, GussSettings::Absent);
}

#[tokio::test]
async fn garbage_and_half_an_answer_end_the_connection_and_the_peer_comes_back() {
    for fault in ["garbage", "truncate"] {
        let hss = start(fault).await;
        let bsf = Bsf::of(&hss).await;
        let request = asked(Card::lab().impi()).to_message(&bsf.addressing());
        let error = bsf.send(request, BOUND).await.expect_err("no answer of use");
        assert!(matches!(error, RequestError::NotAnswered(_)), "{fault}: {error}");
        let again = Bsf::of(&hss).await;
        assert!(again.0.peers()[0].connected);
        hss.stop().await;
    }
}

#[tokio::test]
async fn a_dropped_request_and_a_slow_subscriber_do_not_hold_up_others() {
    let hss = start("slow-for=001010123456789:600000,drop-nth=1").await;
    let bsf = Bsf::of(&hss).await;
    let send = async |card: Card, patience| {
        bsf.send(asked(card.impi()).to_message(&bsf.addressing()), patience).await
    };
    let dropped = send(Card::other(), Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(dropped, RequestError::NotAnswered(Failure::TimedOut));
    let answered = tokio::select! {
        slow = send(Card::lab(), FOR_EVER) => panic!("{slow:?}"),
        fast = send(Card::other(), BOUND) => fast.unwrap(),
    };
    assert!(answered.outcome().unwrap().is_success());
    hss.stop().await;
}

/// A peer without a node: what comes in, message by message.
struct Raw {
    stream: TcpStream,
    messages: MessageReader,
}

impl Raw {
    async fn send(&mut self, message: &Message) {
        self.stream.write_all(message.encode().unwrap().danger_expose()).await.unwrap();
    }

    /// The next message; `None` at the end of the connection.
    async fn next(&mut self) -> Option<Message> {
        let mut octets = [0; 4096];
        loop {
            if let Some(message) = self.messages.next_message() {
                return Some(message.unwrap());
            }
            let count = tokio::time::timeout(BOUND, self.stream.read(&mut octets)).await.unwrap().unwrap();
            if count == 0 {
                return None;
            }
            self.messages.push(&octets[..count]);
        }
    }
}

#[tokio::test]
async fn the_end_is_told_to_the_peers() {
    let hss = start("").await;
    let stream = TcpStream::connect(hss.addresses().diameter.unwrap()).await.unwrap();
    let mut peer = Raw { stream, messages: MessageReader::default() };
    peer.send(&Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, local().avps()))
        .await;
    let answer = peer.next().await.expect("a CEA");
    assert_eq!(answer.outcome(), Ok(Outcome::SUCCESS));
    let ended = tokio::spawn(hss.stop());
    let asked = peer.next().await.expect("a DPR");
    assert!(asked.is_request());
    assert_eq!(asked.header.command, CommandCode::DISCONNECT_PEER);
    peer.send(&Answer::new(&asked, &origin("bsf.lab.example"), Outcome::SUCCESS).build()).await;
    tokio::time::timeout(BOUND, ended).await.expect("in time").unwrap();
    assert_eq!(peer.next().await, None);
}

#[tokio::test]
async fn cx_is_not_spoken_unless_wanted() {
    let listeners = Listeners { diameter: Some(listener().await), sbi: None };
    let setup = Setup::new(subscribers(), origin("hss.lab.example"));
    let hss = Hss::start(setup, listeners).await.unwrap();
    assert_eq!(hss.addresses().sbi, None);
    let bsf = Bsf::of(&hss).await;
    assert!(bsf.zh(&asked(Card::lab().impi())).await.is_ok());
    let request = cx_asked(Card::lab().impi()).to_message(&bsf.addressing());
    assert_eq!(bsf.send(request, BOUND).await, Err(RequestError::NotSent(SendError::NoPeer)));
    hss.stop().await;
}
