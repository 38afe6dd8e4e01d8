//! Several nodes in one process, with virtual time, a network that can be cut, and peers played by hand.

mod duplicates;
mod failover;
mod serving;
mod strangers;
mod unnamed;

use super::*;
use crate::diameter::dictionary::base;
use crate::diameter::peer::CloseReason;
use crate::diameter::{
    Answer, Application, ApplicationId, CommandCode, HeaderFlags, Message, MessageReader, Origin, Outcome,
    ResultCode, VendorId, first_moment,
};
use std::net::IpAddr;
use std::time::Duration;

const ZH: Application = Application::of_vendor(VendorId::TGPP, ApplicationId::ZH);
const RELAY: Application = Application::auth(ApplicationId::RELAY);
const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(200);

fn identity(text: &str) -> DiameterIdentity {
    DiameterIdentity::parse(text).unwrap()
}

fn local(host: &str, application: Application) -> LocalNode {
    LocalNode {
        origin: Origin { host: identity(host), realm: identity("home") },
        addresses: vec![IpAddr::from([127, 0, 0, 1])],
        vendor: VendorId::IETF,
        product: "test".to_owned(),
        firmware: None,
        origin_state_id: 1,
        applications: vec![application],
        served_realms: vec![],
    }
}

fn route(peer: &str, priority: u16) -> Route {
    Route { realm: Some(identity("home")), application: None, peer: identity(peer), priority }
}

fn request(user: &str) -> Message {
    let avps = vec![base::USER_NAME.text(user), base::DESTINATION_REALM.text("home")];
    Message::request(CommandCode::MULTIMEDIA_AUTH, ApplicationId::ZH, avps)
}

/// Who answered and how, or why nobody did.
type Fate = Result<(String, Outcome), Failure>;

struct Host {
    name: DiameterIdentity,
    node: Node,
    events: Vec<Event>,
    /// Octets to and from it get lost.
    cut: bool,
}

enum Wire {
    Connected,
    Octets(Vec<u8>),
    Closed,
}

struct Net {
    hosts: Vec<Host>,
    links: BTreeMap<(usize, ConnectionId), (usize, ConnectionId)>,
    wires: VecDeque<(usize, ConnectionId, Wire)>,
    /// Which host is reached under a label that is not its name.
    addresses: BTreeMap<DiameterIdentity, usize>,
    now: Instant,
}

impl Net {
    fn new() -> Self {
        let (links, addresses) = (BTreeMap::new(), BTreeMap::new());
        Self { hosts: vec![], links, wires: VecDeque::new(), addresses, now: first_moment() }
    }

    /// "bsf" knows and connects to these servers; each with its priority in the realm "home".
    fn with_servers(servers: &[(&str, u16)]) -> Self {
        let mut net = Self::new();
        let routes = servers.iter().map(|(name, priority)| route(name, *priority)).collect();
        let bsf = net.host(NodeConfig::new(local("bsf", ZH)), routes);
        for (name, _) in servers {
            let answer_timeout = PATIENCE * 5;
            let server = NodeConfig { answer_timeout, ..NodeConfig::new(local(name, ZH)) };
            let server = net.host(server, vec![]);
            let config = PeerConfig { connects: false, ..PeerConfig::new(identity("bsf")) };
            net.hosts[server].node.add_peer(config, net.now);
            net.hosts[bsf].node.add_peer(PeerConfig::new(identity(name)), net.now);
        }
        net.advance(Duration::ZERO);
        assert_eq!(net.okay(0), servers.len());
        net.events(0);
        net
    }

    fn host(&mut self, config: NodeConfig, routes: Vec<Route>) -> usize {
        let (at, name) = (self.hosts.len(), config.local.origin.host.clone());
        let seed = u32::try_from(at).unwrap() * 7;
        let ids = EndToEndIds::new(1000, seed);
        let node = Node::new(config, RoutingTable::new(routes), ids, seed.into());
        self.hosts.push(Host { name, node, events: vec![], cut: false });
        at
    }

    /// How many of a host's peers are in service.
    fn okay(&self, at: usize) -> usize {
        self.hosts[at].node.peers().filter(|peer| peer.status() == PeerStatus::Okay).count()
    }

    fn send(&mut self, request: Message) -> Ticket {
        let ticket = self.hosts[0].node.send(request, PATIENCE, self.now).unwrap();
        self.settle();
        ticket
    }

    fn events(&mut self, at: usize) -> Vec<Event> {
        std::mem::take(&mut self.hosts[at].events)
    }

    /// Requests that a host has got.
    fn requests(&mut self, at: usize) -> Vec<(InboundId, Message)> {
        let asked = |event| match event {
            Event::Request { id, request, .. } => Some((id, request)),
            _ => None,
        };
        self.events(at).into_iter().filter_map(asked).collect()
    }

    /// Answers with this result; how the requests' T flags were.
    fn answer(&mut self, at: usize, code: ResultCode) -> Vec<bool> {
        let requests = self.requests(at);
        let now = self.now;
        for (id, request) in &requests {
            let node = &mut self.hosts[at].node;
            let answer = Answer::new(request, &node.local().origin.clone(), Outcome::Result(code)).build();
            node.answer(*id, &answer, now).unwrap();
        }
        self.settle();
        requests.iter().map(|(_, request)| request.header.flags.is_retransmitted()).collect()
    }

    /// What "bsf" heard of its requests.
    fn outcomes(&mut self) -> Vec<(Ticket, Fate)> {
        let outcome = |event| match event {
            Event::Answer { ticket, peer, answer } => {
                Some((ticket, Ok((peer.to_string(), answer.outcome().unwrap()))))
            }
            Event::Failed { ticket, failure } => Some((ticket, Err(failure))),
            _ => None,
        };
        self.events(0).into_iter().filter_map(outcome).collect()
    }

    /// Breaks all connections of a host, so that both ends notice.
    fn break_connections(&mut self, at: usize) {
        let broken: Vec<_> = self.links.keys().filter(|(host, _)| *host == at).copied().collect();
        for end in broken {
            let Some(far) = self.links.remove(&end) else { continue };
            self.links.remove(&far);
            for (host, connection) in [end, far] {
                let now = self.now;
                self.hosts[host].node.handle_input(Input::Disconnected(connection), now);
            }
        }
        self.settle();
    }

    fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        loop {
            let next = self.hosts.iter().filter_map(|host| host.node.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            let now = self.now;
            self.hosts.iter_mut().for_each(|host| host.node.handle_input(Input::Timeout, now));
            self.settle();
        }
        self.now = end;
    }

    fn settle(&mut self) {
        loop {
            for at in 0..self.hosts.len() {
                while let Some(output) = self.hosts[at].node.poll_output() {
                    self.carry_out(at, output);
                }
            }
            let Some((at, connection, wire)) = self.wires.pop_front() else { return };
            let input = match &wire {
                Wire::Connected => Input::Connected(connection),
                Wire::Octets(octets) => Input::Received(connection, octets),
                Wire::Closed => Input::Disconnected(connection),
            };
            let now = self.now;
            self.hosts[at].node.handle_input(input, now);
        }
    }

    fn carry_out(&mut self, at: usize, output: Output) {
        let now = self.now;
        match output {
            Output::Connect { connection, peer } => {
                let named = || self.hosts.iter().position(|host| host.name == peer);
                let to = self.addresses.get(&peer).copied().or_else(named).unwrap();
                if self.hosts[at].cut || self.hosts[to].cut {
                    self.hosts[at].node.handle_input(Input::ConnectFailed(connection), now);
                    return;
                }
                let far = self.hosts[to].node.accept(None, now).unwrap();
                self.links.insert((at, connection), (to, far));
                self.links.insert((to, far), (at, connection));
                self.wires.push_back((at, connection, Wire::Connected));
            }
            Output::Transmit(connection, octets) => {
                if let Some((to, far)) = self.links.get(&(at, connection))
                    && !self.hosts[at].cut
                    && !self.hosts[*to].cut
                {
                    self.wires.push_back((*to, *far, Wire::Octets(octets.danger_expose().to_vec())));
                }
            }
            Output::Close(connection) => {
                if let Some((to, far)) = self.links.remove(&(at, connection)) {
                    self.links.remove(&(to, far));
                    self.wires.push_back((to, far, Wire::Closed));
                }
            }
            Output::Event(event) => self.hosts[at].events.push(event),
        }
    }
}

/// A node alone, with peers that the test plays octet by octet.
struct Bench {
    node: Node,
    now: Instant,
    events: Vec<Event>,
    sent: BTreeMap<ConnectionId, MessageReader>,
    closed: Vec<ConnectionId>,
}

impl Bench {
    fn new(config: NodeConfig) -> Self {
        let node = Node::new(config, RoutingTable::default(), EndToEndIds::new(0, 0), 1);
        Self { node, now: first_moment(), events: vec![], sent: BTreeMap::new(), closed: vec![] }
    }

    /// "hss" with peers that connect to it.
    fn with_peers(peers: &[&str]) -> Self {
        let mut bench = Self::new(NodeConfig::new(local("hss", ZH)));
        for name in peers {
            let config = PeerConfig { connects: false, ..PeerConfig::new(identity(name)) };
            bench.node.add_peer(config, bench.now);
        }
        bench
    }

    /// A peer connects and shows its CER.
    fn connect(&mut self, name: &str) -> ConnectionId {
        self.connect_proven(name, None)
    }

    fn connect_proven(&mut self, name: &str, proven: Option<&[&str]>) -> ConnectionId {
        let proven = proven.map(|names| names.iter().map(|name| identity(name)).collect());
        let connection = self.node.accept(proven, self.now).unwrap();
        let avps = local(name, ZH).avps();
        let cer = Message::request(CommandCode::CAPABILITIES_EXCHANGE, ApplicationId::BASE, avps);
        self.receive(connection, &cer);
        connection
    }

    fn receive(&mut self, connection: ConnectionId, message: &Message) {
        self.receive_octets(connection, message.encode().unwrap().danger_expose());
    }

    fn receive_octets(&mut self, connection: ConnectionId, octets: &[u8]) {
        let now = self.now;
        self.node.handle_input(Input::Received(connection, octets), now);
        self.collect();
    }

    fn advance(&mut self, span: Duration) {
        self.now += span;
        let now = self.now;
        self.node.handle_input(Input::Timeout, now);
        self.collect();
    }

    fn answer(&mut self, id: InboundId, request: &Message) -> Result<(), peer::Gone> {
        let origin = self.node.local().origin.clone();
        let answer = Answer::new(request, &origin, Outcome::SUCCESS).build();
        let answered = self.node.answer(id, &answer, self.now);
        self.collect();
        answered
    }

    fn requests(&mut self) -> Vec<(InboundId, Message)> {
        let asked = |event| match event {
            Event::Request { id, request, .. } => Some((id, request)),
            _ => None,
        };
        std::mem::take(&mut self.events).into_iter().filter_map(asked).collect()
    }

    /// The next message that the node sent on a connection.
    fn sent(&mut self, connection: ConnectionId) -> Option<Message> {
        self.sent.get_mut(&connection)?.next_message().map(Result::unwrap)
    }

    fn results(&mut self, connection: ConnectionId) -> Vec<u32> {
        let result = |message: Message| match message.outcome().unwrap() {
            Outcome::Result(code) => code.0,
            outcome => panic!("{outcome}"),
        };
        std::iter::from_fn(|| self.sent(connection).map(result)).collect()
    }

    fn collect(&mut self) {
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Transmit(connection, octets) => {
                    self.sent.entry(connection).or_default().push(octets.danger_expose());
                }
                Output::Close(connection) => self.closed.push(connection),
                Output::Event(event) => self.events.push(event),
                Output::Connect { .. } => {}
            }
        }
    }
}
