//! Two peers in one process, with virtual time and a network that can be cut.

mod closing;
mod connecting;
mod electing;
mod messages;
mod watching;

use super::*;
use crate::diameter::dictionary::base;
use crate::diameter::{Application, CommandCode, MessageReader, Origin, VendorId, first_moment};
use std::net::IpAddr;

const ZN: Application = Application::of_vendor(VendorId::TGPP, ApplicationId::ZN);
const ZH: Application = Application::of_vendor(VendorId::TGPP, ApplicationId::ZH);
const SECOND: Duration = Duration::from_secs(1);

fn identity(text: &str) -> DiameterIdentity {
    DiameterIdentity::parse(text).unwrap()
}

fn local(host: &str, applications: Vec<Application>) -> LocalNode {
    LocalNode {
        origin: Origin { host: identity(host), realm: identity("example") },
        addresses: vec![IpAddr::from([127, 0, 0, 1])],
        vendor: VendorId::IETF,
        product: "test".to_owned(),
        firmware: None,
        origin_state_id: 1,
        applications,
        served_realms: vec![],
    }
}

fn request(session: &str) -> Message {
    Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZN, vec![base::SESSION_ID.text(session)])
}

const fn other(role: Role) -> Role {
    match role {
        Role::Initiator => Role::Responder,
        Role::Responder => Role::Initiator,
    }
}

/// What is under way to one side.
enum Wire {
    Connected,
    Octets(Vec<u8>),
    Closed,
}

struct Side {
    peer: Peer,
    events: Vec<Event>,
    /// A connection of the other side that has not shown its CER.
    listening: Option<MessageReader>,
    open: Vec<Role>,
    /// What came to a connection while nobody but the test was there: CEAs after a rejection.
    stray: Vec<Message>,
}

struct Pair {
    sides: [Side; 2],
    now: Instant,
    wires: VecDeque<(usize, Role, Wire)>,
    /// Octets get lost, connections hang.
    cut: bool,
    /// Connections are refused.
    refusing: bool,
}

const A: usize = 0;
const B: usize = 1;

impl Pair {
    /// "a.example" connects to "b.example"; both speak Zn.
    fn new() -> Self {
        Self::of(local("a.example", vec![ZN]), local("b.example", vec![ZN, ZH]), [true, false])
    }

    fn connected() -> Self {
        let mut pair = Self::new();
        pair.advance(Duration::ZERO);
        assert_eq!(pair.statuses(), [PeerStatus::Okay; 2]);
        pair
    }

    fn of(a: LocalNode, b: LocalNode, connects: [bool; 2]) -> Self {
        let configs = [&b, &a].map(|other| PeerConfig::new(other.origin.host.clone()));
        let now = first_moment();
        let side = |local: LocalNode, mut config: PeerConfig, connects, seed| {
            config.connects = connects;
            let ids = EndToEndIds::new(1000, seed);
            let peer = Peer::new(Arc::new(local), config, ids, seed.into(), now);
            Side { peer, events: vec![], listening: None, open: vec![], stray: vec![] }
        };
        let [config_a, config_b] = configs;
        let [connects_a, connects_b] = connects;
        let sides = [side(a, config_a, connects_a, 11), side(b, config_b, connects_b, 22)];
        Self { sides, now, wires: VecDeque::new(), cut: false, refusing: false }
    }

    fn statuses(&self) -> [PeerStatus; 2] {
        [A, B].map(|side| self.sides[side].peer.status())
    }

    fn input(&mut self, side: usize, input: Input<'_>) {
        let now = self.now;
        self.sides[side].peer.handle_input(input, now);
        self.settle();
    }

    /// Octets to `side` as if from the other.
    fn inject(&mut self, side: usize, role: Role, octets: &[u8]) {
        self.wires.push_back((side, role, Wire::Octets(octets.to_vec())));
        self.settle();
    }

    fn send(&mut self, side: usize, ticket: u64, mut request: Message) -> Result<(), SendError> {
        request.header.end_to_end = u32::try_from(ticket).unwrap();
        let deadline = self.now + SECOND * 5;
        let sent = self.sides[side].peer.send(Ticket(ticket), request, deadline);
        self.settle();
        sent
    }

    /// Answers all requests that `side` got, with success; how many there were.
    fn answer_all(&mut self, side: usize) -> usize {
        let requests: Vec<_> = self
            .events(side)
            .into_iter()
            .filter_map(|event| match event {
                Event::Request { generation, request, .. } => Some((generation, request)),
                _ => None,
            })
            .collect();
        for (generation, request) in &requests {
            let peer = &mut self.sides[side].peer;
            let answer = crate::diameter::Answer::new(request, &peer.local.origin, Outcome::SUCCESS).build();
            peer.answer(*generation, &answer).unwrap();
        }
        self.settle();
        requests.len()
    }

    fn events(&mut self, side: usize) -> Vec<Event> {
        std::mem::take(&mut self.sides[side].events)
    }

    fn answers(&mut self, side: usize) -> Vec<(Ticket, Outcome)> {
        let answered = |event| match event {
            Event::Answer { outstanding, answer } => Some((outstanding.ticket, answer.outcome().unwrap())),
            _ => None,
        };
        self.events(side).into_iter().filter_map(answered).collect()
    }

    fn closed(&mut self, side: usize) -> Vec<CloseReason> {
        let closed = |event| match event {
            Event::Closed(reason) => Some(reason),
            _ => None,
        };
        self.events(side).into_iter().filter_map(closed).collect()
    }

    /// Lets time pass, with all timers on the way.
    fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        loop {
            let next = self.sides.iter().filter_map(|side| side.peer.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            for side in [A, B] {
                self.input(side, Input::Timeout);
            }
        }
        self.now = end;
    }

    /// Moves everything that is under way, at once.
    fn settle(&mut self) {
        loop {
            for side in [A, B] {
                while let Some(output) = self.sides[side].peer.poll_output() {
                    self.carry_out(side, output);
                }
            }
            let Some((side, role, wire)) = self.wires.pop_front() else { return };
            self.deliver(side, role, wire);
        }
    }

    fn carry_out(&mut self, side: usize, output: Output) {
        let peer = 1 - side;
        match output {
            Output::Connect if self.cut => {}
            Output::Connect if self.refusing => {
                self.sides[side].peer.handle_input(Input::ConnectFailed, self.now)
            }
            Output::Connect => {
                self.sides[peer].listening = Some(MessageReader::default());
                self.sides[peer].open.push(Role::Responder);
                self.sides[side].open.push(Role::Initiator);
                self.wires.push_back((side, Role::Initiator, Wire::Connected));
            }
            Output::Transmit(role, octets) => {
                self.wires.push_back((peer, other(role), Wire::Octets(octets.danger_expose().to_vec())));
            }
            Output::Close(role) => {
                self.sides[side].open.retain(|open| *open != role);
                self.wires.push_back((peer, other(role), Wire::Closed));
            }
            Output::Event(event) => self.sides[side].events.push(event),
        }
    }

    fn deliver(&mut self, at: usize, role: Role, wire: Wire) {
        let (now, side) = (self.now, &mut self.sides[at]);
        if !side.open.contains(&role) || self.cut {
            return;
        }
        match wire {
            Wire::Connected => side.peer.handle_input(Input::Connected, now),
            Wire::Octets(octets) if role == Role::Responder && side.listening.is_some() => {
                self.listen(at, &octets);
            }
            Wire::Octets(octets) => side.peer.handle_input(Input::Received(role, &octets), now),
            Wire::Closed => {
                side.open.retain(|open| *open != role);
                if role == Role::Initiator || side.listening.take().is_none() {
                    side.peer.handle_input(Input::Disconnected(role), now);
                }
            }
        }
    }

    fn listen(&mut self, at: usize, octets: &[u8]) {
        let side = &mut self.sides[at];
        let mut reader = side.listening.take().unwrap();
        reader.push(octets);
        let Some(cer) = reader.next_message() else {
            side.listening = Some(reader);
            return;
        };
        if let Accepted::Rejected(cea) = side.peer.accept(&cer.unwrap(), reader, self.now) {
            side.open.retain(|open| *open != Role::Responder);
            side.stray.extend(cea.as_ref().map(|cea| Message::decode(cea.danger_expose()).unwrap()));
            let cea = cea.map(|cea| Wire::Octets(cea.danger_expose().to_vec()));
            let wires = cea.into_iter().chain([Wire::Closed]);
            self.wires.extend(wires.map(|wire| (1 - at, Role::Initiator, wire)));
        }
    }
}
