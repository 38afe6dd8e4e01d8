//! Nodes over real sockets on loopback, with peers that are nodes too and peers that are played octet by octet.
//!
//! | module | what is tried |
//! |---|---|
//! | [`answers`] | both sides ask and answer; what nobody serves |
//! | [`tls`] | the same with certificates, and names that do not fit them |
//! | [`lost_peers`] | fail-over, coming back, ending in good order |
//! | [`bad_peers`] | peers that do not answer, do not read, do not stop |
//! | [`malformed`] | a thousand messages that are none |

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, and says where")]

mod answers;
mod bad_peers;
mod lost_peers;
mod malformed;
mod tls;

use ksnaf_diameter::{
    Asker, Diameter, Listener, NodeConfig, PeerAddress, PeerConfig, PeerState, Route, RoutingTable, Service,
    Settings,
};
use ksnaf_proto::diameter::dictionary::base;
use ksnaf_proto::diameter::peer::Backoff;
use ksnaf_proto::diameter::{
    Answer, Application, ApplicationId, CommandCode, DiameterIdentity, LocalNode, Message, MessageReader,
    Origin, Outcome, VendorId,
};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Far more than anything here needs.
const PATIENCE: Duration = Duration::from_secs(20);

const APPLICATIONS: [ApplicationId; 2] = [ApplicationId::ZH, ApplicationId::ZN];

fn identity(text: &str) -> DiameterIdentity {
    DiameterIdentity::parse(text).unwrap()
}

fn local(host: &str) -> LocalNode {
    LocalNode {
        origin: Origin { host: identity(host), realm: identity("home") },
        addresses: vec![[127, 0, 0, 1].into()],
        vendor: VendorId::IETF,
        product: "test".to_owned(),
        firmware: None,
        origin_state_id: 1,
        applications: APPLICATIONS.map(|id| Application::of_vendor(VendorId::TGPP, id)).to_vec(),
        served_realms: vec![],
    }
}

/// A node to be started.
struct Plan {
    settings: Settings,
    routes: Vec<Route>,
    service: Option<Arc<dyn Service>>,
}

impl Plan {
    fn new(host: &str) -> Self {
        Self { settings: Settings::new(NodeConfig::new(local(host))), routes: vec![], service: None }
    }

    fn serving(mut self, service: impl Service) -> Self {
        self.service = Some(Arc::new(service));
        self
    }

    /// Who may connect.
    fn knowing(mut self, peer: &str) -> Self {
        let config = PeerConfig { connects: false, ..PeerConfig::new(identity(peer)) };
        self.settings.peers.push(PeerAddress { config, address: String::new(), tls: None });
        self
    }

    /// Whom it connects to. The earlier ones take requests first.
    fn connecting(mut self, peer: &str, address: SocketAddr) -> Self {
        let config = PeerConfig {
            backoff: Backoff::new(Duration::from_millis(20), Duration::from_millis(200)),
            ..PeerConfig::new(identity(peer))
        };
        let priority = u16::try_from(self.routes.len()).unwrap();
        self.routes.push(Route { realm: None, application: None, peer: identity(peer), priority });
        self.settings.peers.push(PeerAddress { config, address: address.to_string(), tls: None });
        self
    }

    fn start_with(self, listeners: Vec<Listener>) -> Diameter {
        let Self { mut settings, routes, service } = self;
        settings.routes = RoutingTable::new(routes);
        Diameter::start(settings, listeners, service)
    }

    /// With nothing to connect to.
    fn start(self) -> Diameter {
        self.start_with(vec![])
    }

    async fn listen(self) -> (Diameter, SocketAddr) {
        self.listen_at(([127, 0, 0, 1], 0).into()).await
    }

    async fn listen_at(self, address: SocketAddr) -> (Diameter, SocketAddr) {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        (self.start_with(vec![Listener::Tcp(listener)]), address)
    }
}

type Answering<'a> = Pin<Box<dyn Future<Output = Message> + Send + 'a>>;

/// Answers 2001 and tells what it saw: the asker and the T flag.
#[derive(Clone)]
struct Succeed(&'static str, tokio::sync::mpsc::UnboundedSender<(Asker, bool)>);

impl Succeed {
    fn named(name: &'static str) -> (Self, tokio::sync::mpsc::UnboundedReceiver<(Asker, bool)>) {
        let (sender, seen) = tokio::sync::mpsc::unbounded_channel();
        (Self(name, sender), seen)
    }
}

impl Service for Succeed {
    fn answer<'a>(&'a self, asker: &'a Asker, request: Message) -> Answering<'a> {
        let _ = self.1.send((asker.clone(), request.header.flags.is_retransmitted()));
        Box::pin(async move { success(self.0, &request) })
    }
}

/// Never answers.
struct Hang;

impl Service for Hang {
    fn answer<'a>(&'a self, _: &'a Asker, _: Message) -> Answering<'a> {
        Box::pin(std::future::pending())
    }
}

fn success(host: &str, request: &Message) -> Message {
    Answer::new(request, &local(host).origin, Outcome::SUCCESS).build()
}

/// A request to whoever serves the realm.
fn request(from: &Diameter) -> Message {
    request_of(ApplicationId::ZH, &from.session_id())
}

fn request_of(application: ApplicationId, session: &str) -> Message {
    let avps = vec![
        base::SESSION_ID.text(session),
        base::ORIGIN_HOST.text("somebody"),
        base::ORIGIN_REALM.text("home"),
        base::DESTINATION_REALM.text("home"),
    ];
    Message::request(CommandCode::MULTIMEDIA_AUTH, application, avps)
}

/// Waits until the peers of a node are as wanted.
async fn until(node: &Diameter, wanted: impl FnMut(&Vec<PeerState>) -> bool) {
    let mut peers = node.watch_peers();
    let reached = tokio::time::timeout(PATIENCE, peers.wait_for(wanted)).await.map(|seen| seen.is_ok());
    assert_eq!(reached, Ok(true), "{:?}", node.peers());
}

/// Waits until so many peers are connected.
async fn until_connected(node: &Diameter, count: usize) {
    until(node, |peers| peers.iter().filter(|peer| peer.connected).count() == count).await;
}

/// A peer that a test plays.
struct Raw {
    stream: TcpStream,
    reader: MessageReader,
}

impl Raw {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream, reader: MessageReader::new(1 << 20) }
    }

    /// Connects and exchanges capabilities.
    async fn introduced(name: &str, address: SocketAddr) -> Self {
        let mut raw = Self::connect(address).await;
        let avps = local(name).avps();
        raw.send(&Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, avps)).await;
        assert_eq!(raw.receive().await.unwrap().outcome(), Ok(Outcome::SUCCESS));
        raw
    }

    async fn send(&mut self, message: &Message) {
        self.stream.write_all(message.encode().unwrap().danger_expose()).await.unwrap();
    }

    /// The next message; `None` if the node closed.
    async fn receive(&mut self) -> Option<Message> {
        let mut chunk = vec![0; 4096];
        loop {
            if let Some(message) = self.reader.next_message() {
                return Some(message.unwrap());
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut chunk)).await;
            match read.expect("the node says something or closes") {
                Ok(length) if length > 0 => self.reader.push(&chunk[..length]),
                _ => return None,
            }
        }
    }
}
