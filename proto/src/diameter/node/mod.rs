//! All peers of one node: connections, routes, fail-over, duplicates.
//!
//! A poll machine above [`Peer`]: feed what happens ([`Node::handle_input`]), send and answer
//! ([`Node::send`], [`Node::answer`]), then take [`Node::poll_output`] until it is empty, and come back with
//! [`Input::Timeout`] at [`Node::poll_timeout`]. Whoever drives it needs one task, for no call waits: a peer
//! that is slow, dead or talks nonsense costs the others nothing.
//!
//! A request goes to the best route's peer that is in service. If that peer becomes suspect or lost, the
//! request goes to the next one with its T flag set; if it refuses with 3002, 3004 or 3006, to the next one
//! without. When no other peer is left the application hears of it.

mod config;
mod duplicates;
mod event;
mod inbound;
mod incoming;
mod outbound;
mod routing;

#[cfg(test)]
mod tests;

pub use config::{NodeConfig, UnknownPeers};
pub use event::{Event, Input, Output};
pub use inbound::InboundId;
pub use outbound::{Failure, SendError};
pub use routing::{Route, RoutingTable};

use super::capabilities::{Capabilities, LocalNode};
use super::identifier::EndToEndIds;
use super::identity::DiameterIdentity;
use super::jitter::Jitter;
use super::peer::{self, DisconnectCause, Peer, PeerConfig, PeerStatus, Role, Ticket};
use duplicates::Duplicates;
use inbound::Inbound;
use incoming::Stranger;
use outbound::Flight;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// A transport connection, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Too many connections have not shown who they are, or the node is shutting down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no more connections are accepted")]
pub struct TooManyConnections;

#[derive(Debug)]
struct Entry {
    peer: Peer,
    initiator: Option<ConnectionId>,
    responder: Option<ConnectionId>,
    /// Goes away with its connection.
    is_stranger: bool,
}

impl Entry {
    const fn connection_mut(&mut self, role: Role) -> &mut Option<ConnectionId> {
        match role {
            Role::Initiator => &mut self.initiator,
            Role::Responder => &mut self.responder,
        }
    }
}

/// Whose a connection is.
#[derive(Debug)]
enum Place {
    Stranger(Stranger),
    Of(DiameterIdentity, Role),
}

/// A node.
#[derive(Debug)]
pub struct Node {
    local: Arc<LocalNode>,
    config: NodeConfig,
    routes: RoutingTable,
    ids: EndToEndIds,
    jitter: Jitter,
    peers: BTreeMap<DiameterIdentity, Entry>,
    connections: BTreeMap<ConnectionId, Place>,
    next_connection: u64,
    flights: BTreeMap<Ticket, Flight>,
    next_ticket: u64,
    inbound: BTreeMap<InboundId, Inbound>,
    next_inbound: u64,
    duplicates: Duplicates,
    /// Peers that may have outputs.
    stirred: BTreeSet<DiameterIdentity>,
    shutting_down: bool,
    outputs: VecDeque<Output>,
}

impl Node {
    /// A node without peers. `ids` are for all that it sends; `seed` begins the spread of its timers.
    #[must_use]
    pub fn new(config: NodeConfig, routes: RoutingTable, ids: EndToEndIds, seed: u64) -> Self {
        Self {
            local: Arc::new(config.local.clone()),
            duplicates: Duplicates::new(config.duplicate_window, config.max_duplicates),
            config,
            routes,
            ids,
            jitter: Jitter::new(seed),
            peers: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            flights: BTreeMap::new(),
            next_ticket: 0,
            inbound: BTreeMap::new(),
            next_inbound: 0,
            stirred: BTreeSet::new(),
            shutting_down: false,
            outputs: VecDeque::new(),
        }
    }

    /// This node, as it tells its peers.
    #[must_use]
    pub fn local(&self) -> &LocalNode {
        &self.local
    }

    /// Puts a peer into the table; nothing changes if one of that name is there.
    pub fn add_peer(&mut self, config: PeerConfig, now: Instant) {
        self.add(config, false, now);
        self.settle(now);
    }

    /// Closes a peer in good order. It stays in the table, closed, until it is started again.
    pub fn stop_peer(&mut self, peer: &DiameterIdentity, cause: DisconnectCause, now: Instant) {
        self.feed(peer, peer::Input::Stop(cause), now);
        self.settle(now);
    }

    /// Connects to a peer now, whatever its schedule.
    pub fn start_peer(&mut self, peer: &DiameterIdentity, now: Instant) {
        self.feed(peer, peer::Input::Start, now);
        self.settle(now);
    }

    /// Closes all peers in good order; nothing is accepted or sent any more. [`Self::is_closed`] tells when it
    /// is done.
    pub fn shut_down(&mut self, cause: DisconnectCause, now: Instant) {
        self.shutting_down = true;
        let strangers: Vec<_> = self.strangers().map(|(connection, _)| connection).collect();
        strangers.into_iter().for_each(|connection| self.close_connection(connection));
        let peers: Vec<_> = self.peers.keys().cloned().collect();
        for peer in peers {
            self.feed(&peer, peer::Input::Stop(cause), now);
        }
        self.settle(now);
    }

    /// Whether there is no connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.connections.is_empty()
    }

    /// The peers in the table.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values().map(|entry| &entry.peer)
    }

    /// Takes in what happened at `now`.
    pub fn handle_input(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Connected(connection) => self.on_connection(connection, now, |_| peer::Input::Connected),
            Input::ConnectedTo(connection, names) => {
                self.on_connection(connection, now, |_| peer::Input::ConnectedTo(names));
            }
            Input::ConnectFailed(connection) => {
                self.on_connection(connection, now, |_| peer::Input::ConnectFailed);
                self.forget_connection(connection);
            }
            Input::Received(connection, octets) => match self.connections.get(&connection) {
                Some(Place::Stranger(_)) => self.identify(connection, octets, now),
                Some(Place::Of(..)) => {
                    self.on_connection(connection, now, |role| peer::Input::Received(role, octets));
                }
                None => {}
            },
            Input::Disconnected(connection) => {
                self.on_connection(connection, now, peer::Input::Disconnected);
                self.forget_connection(connection);
            }
            Input::Timeout => self.timeout(now),
        }
        self.settle(now);
    }

    /// What to do next; `None` when there is nothing until the next input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to feed [`Input::Timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let peers = self.peers.values().filter_map(|entry| entry.peer.poll_timeout());
        let strangers = self.strangers().map(|(_, stranger)| stranger.deadline);
        // All have the same time, so the first that came is the first that is late.
        let inbound = self.inbound.values().next().map(|inbound| inbound.deadline);
        peers.chain(strangers).chain(inbound).min()
    }

    fn timeout(&mut self, now: Instant) {
        let due = |entry: &Entry| entry.peer.poll_timeout().is_some_and(|at| at <= now);
        let peers: Vec<_> =
            self.peers.iter().filter(|(_, entry)| due(entry)).map(|(name, _)| name.clone()).collect();
        for peer in peers {
            self.feed(&peer, peer::Input::Timeout, now);
        }
        let late: Vec<_> = self
            .strangers()
            .filter(|(_, stranger)| stranger.deadline <= now)
            .map(|(connection, _)| connection)
            .collect();
        late.into_iter().for_each(|connection| self.close_connection(connection));
        self.give_up_inbound(now);
    }

    fn add(&mut self, config: PeerConfig, is_stranger: bool, now: Instant) {
        let host = config.host.clone();
        if !self.peers.contains_key(&host) {
            let seed = self.jitter.draw();
            let peer = Peer::new(Arc::clone(&self.local), config, self.ids.clone(), seed, now);
            self.peers.insert(host.clone(), Entry { peer, initiator: None, responder: None, is_stranger });
            self.feed(&host, peer::Input::Timeout, now);
        }
    }

    fn feed(&mut self, peer: &DiameterIdentity, input: peer::Input<'_>, now: Instant) {
        if let Some(entry) = self.peers.get_mut(peer) {
            entry.peer.handle_input(input, now);
            self.stirred.insert(peer.clone());
        }
    }

    /// Feeds the peer whose connection it is.
    fn on_connection<'a>(
        &mut self,
        connection: ConnectionId,
        now: Instant,
        input: impl FnOnce(Role) -> peer::Input<'a>,
    ) {
        if let Some(Place::Of(peer, role)) = self.connections.get(&connection) {
            let (peer, input) = (peer.clone(), input(*role));
            self.feed(&peer, input, now);
        }
    }

    /// Carries out what peers want, until none wants anything.
    fn settle(&mut self, now: Instant) {
        while let Some(host) = self.stirred.pop_first() {
            while let Some(output) = self.peers.get_mut(&host).and_then(|entry| entry.peer.poll_output()) {
                self.carry_out(&host, output, now);
            }
            let gone = |entry: &Entry| entry.is_stranger && entry.peer.is_closed();
            if self.peers.get(&host).is_some_and(gone) {
                self.peers.remove(&host);
            }
        }
    }

    fn carry_out(&mut self, host: &DiameterIdentity, output: peer::Output, now: Instant) {
        match output {
            peer::Output::Connect => {
                let connection = self.place(Place::Of(host.clone(), Role::Initiator));
                if let Some(entry) = self.peers.get_mut(host) {
                    entry.initiator = Some(connection);
                }
                self.outputs.push_back(Output::Connect { connection, peer: host.clone() });
            }
            peer::Output::Transmit(role, octets) => {
                let connection = self.peers.get_mut(host).and_then(|entry| *entry.connection_mut(role));
                self.outputs.extend(connection.map(|connection| Output::Transmit(connection, octets)));
            }
            peer::Output::Close(role) => {
                let connection = self.peers.get_mut(host).and_then(|entry| *entry.connection_mut(role));
                connection.into_iter().for_each(|connection| self.close_connection(connection));
            }
            peer::Output::Event(event) => self.on_event(host, event, now),
        }
    }

    fn on_event(&mut self, host: &DiameterIdentity, event: peer::Event, now: Instant) {
        let peer = host.clone();
        match event {
            peer::Event::Opened { capabilities, .. } => self.event(Event::PeerOpened { peer, capabilities }),
            peer::Event::Status(status) => {
                self.event(Event::PeerStatus { peer, status });
                if status == PeerStatus::Suspect {
                    self.fail_over(host, now);
                }
            }
            peer::Event::Closed(reason) => self.event(Event::PeerClosed { peer, reason }),
            peer::Event::Request { role, generation, request } => {
                self.requested(host, role, generation, request, now);
            }
            peer::Event::Answer { outstanding, answer } => self.answered(host, outstanding, answer, now),
            peer::Event::Unanswered { outstanding, reason } => self.unanswered(outstanding, reason, now),
        }
    }

    fn place(&mut self, place: Place) -> ConnectionId {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.connections.insert(connection, place);
        connection
    }

    fn close_connection(&mut self, connection: ConnectionId) {
        self.forget_connection(connection);
        self.outputs.push_back(Output::Close(connection));
    }

    fn forget_connection(&mut self, connection: ConnectionId) {
        if let Some(Place::Of(host, role)) = self.connections.remove(&connection)
            && let Some(entry) = self.peers.get_mut(&host)
        {
            let slot = entry.connection_mut(role);
            if *slot == Some(connection) {
                *slot = None;
            }
        }
    }

    /// What the table calls the peer of that Origin-Host.
    fn called(&self, host: &DiameterIdentity) -> Option<&DiameterIdentity> {
        let listed = self.peers.get_key_value(host);
        let configured = listed.filter(|(_, entry)| !entry.is_stranger);
        // A stranger of that name does not come before a peer that the configuration has, by whatever name.
        let learnt = || self.peers.iter().find(|(_, entry)| !entry.is_stranger && entry.peer.name() == host);
        configured.or_else(learnt).or(listed).map(|(key, _)| key)
    }

    /// The Origin-Host of a peer in the table.
    fn name_of(&self, key: &DiameterIdentity) -> DiameterIdentity {
        self.peers.get(key).map_or(key, |entry| entry.peer.name()).clone()
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}
