//! The task that owns the node: the only place where its rules meet sockets and time.

use crate::connection::{Link, Socket, Stalled};
use crate::dial::{Target, dial};
use crate::handle::{PeerState, RequestError, unix_seconds};
use crate::{Asker, Service, Settings};
use ksnaf_proto::diameter::dictionary::base;
use ksnaf_proto::diameter::node::{ConnectionId, Event, InboundId, Input, Node, Output};
use ksnaf_proto::diameter::peer::{CloseReason, DisconnectCause, Peer, Ticket};
use ksnaf_proto::diameter::{Answer, DiameterIdentity, EndToEndIds, Fault, Message, ResultCode};
use ksnaf_proto::secret::SecretBytes;
use rustls::ClientConfig;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Requests of peers that are answered at once, over all peers; more are refused as the peer's own limit would. A peer
/// that connects anew begins its own limit anew, so this is the bound that holds.
const MAX_ANSWERING: usize = 4096;

/// Without any timer the owner looks at the time once in this span.
const IDLE: Duration = Duration::from_secs(3600);

/// What the owner is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// A handle wants an answer.
    Request { message: Message, deadline: Instant, reply: Reply },
    /// The service has one.
    Answer(InboundId, Message),
    /// Somebody connected.
    Accepted(Socket),
    /// An attempt to connect succeeded.
    Connected(ConnectionId, Socket),
    /// It failed.
    ConnectFailed(ConnectionId),
    /// Octets arrived. The connection has its next turn when these are read.
    Received(ConnectionId, SecretBytes, OwnedSemaphorePermit),
    /// The other end closed, or the network did.
    Disconnected(ConnectionId),
    /// Ends the node in good order; requests in progress get `patience`.
    ShutDown { cause: DisconnectCause, patience: Duration },
}

type Reply = oneshot::Sender<Result<(DiameterIdentity, Message), RequestError>>;

/// A connection, open or being opened.
enum Slot {
    /// Dropped, it gives up.
    Dialing(#[expect(dead_code, reason = "its drop is what counts")] DropGuard),
    Open(Link),
}

/// How far the end has come.
enum Ending {
    No,
    /// Until then, requests in progress may end.
    Draining(DisconnectCause, Instant),
    Disconnecting,
}

pub(crate) struct Owner {
    node: Node,
    targets: HashMap<DiameterIdentity, Target>,
    tls: Option<Arc<ClientConfig>>,
    names_from_certificates: bool,
    answer_timeout: Duration,
    service: Option<Arc<dyn Service>>,
    answering: Arc<Semaphore>,
    slots: HashMap<ConnectionId, Slot>,
    asked: HashMap<Ticket, Reply>,
    /// Why peers are not connected; of strangers that have gone, nothing.
    troubles: HashMap<DiameterIdentity, CloseReason>,
    ending: Ending,
    commands: mpsc::Sender<Command>,
    states: watch::Sender<Vec<PeerState>>,
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl Owner {
    pub(crate) fn new(
        settings: Settings,
        service: Option<Arc<dyn Service>>,
        commands: mpsc::Sender<Command>,
        states: watch::Sender<Vec<PeerState>>,
        tasks: TaskTracker,
        cut: CancellationToken,
    ) -> Self {
        // Spread and uniqueness come of these, nothing secret: where the system has no random octets, time will do.
        let seconds = unix_seconds();
        let seed = getrandom::u64().unwrap_or(seconds);
        let ids = EndToEndIds::new(seconds, getrandom::u32().unwrap_or_default());
        let answer_timeout = settings.node.answer_timeout;
        let mut node = Node::new(settings.node, settings.routes, ids, seed);
        let mut targets = HashMap::new();
        for peer in settings.peers {
            if peer.config.connects {
                let target = Target { address: peer.address, tls: peer.tls };
                targets.insert(peer.config.host.clone(), target);
            }
            node.add_peer(peer.config, Instant::now());
        }
        let owner = Self {
            node,
            targets,
            tls: settings.tls,
            names_from_certificates: settings.names_from_certificates,
            answer_timeout,
            service,
            answering: Arc::new(Semaphore::new(MAX_ANSWERING)),
            slots: HashMap::new(),
            asked: HashMap::new(),
            troubles: HashMap::new(),
            ending: Ending::No,
            commands,
            states,
            tasks,
            cut,
        };
        owner.tell_states();
        owner
    }

    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Command>, stop_listening: CancellationToken) {
        let cut = self.cut.clone();
        loop {
            self.carry_out_all();
            if self.end_is_reached() {
                return;
            }
            let wake = self.wake().unwrap_or_else(|| Instant::now() + IDLE);
            let command = tokio::select! {
                () = cut.cancelled() => return,
                () = tokio::time::sleep_until(wake.into()) => None,
                command = inbox.recv() => command,
            };
            match command {
                Some(Command::ShutDown { cause, patience }) => {
                    stop_listening.cancel();
                    let now = Instant::now();
                    self.ending = Ending::Draining(cause, now.checked_add(patience).unwrap_or(now));
                }
                Some(command) => self.obey(command),
                None => {}
            }
            // Commands without a pause must not keep the timers waiting.
            let now = Instant::now();
            if self.node.poll_timeout().is_some_and(|at| at <= now) {
                self.node.handle_input(Input::Timeout, now);
            }
        }
    }

    fn wake(&self) -> Option<Instant> {
        let drained = match self.ending {
            Ending::Draining(_, until) => Some(until),
            Ending::No | Ending::Disconnecting => None,
        };
        self.node.poll_timeout().into_iter().chain(drained).min()
    }

    fn end_is_reached(&mut self) -> bool {
        let now = Instant::now();
        if let Ending::Draining(cause, until) = self.ending {
            let idle = self.asked.is_empty() && self.answering.available_permits() == MAX_ANSWERING;
            if idle || until <= now {
                self.ending = Ending::Disconnecting;
                self.node.shut_down(cause, now);
                self.carry_out_all();
            }
        }
        matches!(self.ending, Ending::Disconnecting) && self.node.is_closed()
    }

    fn obey(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Request { message, deadline, reply } => self.send(message, deadline, reply, now),
            Command::Answer(id, answer) => {
                let _ = self.node.answer(id, &answer, now);
            }
            Command::Accepted(socket) => self.accepted(socket, now),
            Command::Connected(connection, socket) => {
                if self.slots.contains_key(&connection) {
                    let proven = self.proven(&socket);
                    self.open(connection, socket);
                    let input = match &proven {
                        Some(names) => Input::ConnectedTo(connection, names),
                        None => Input::Connected(connection),
                    };
                    self.node.handle_input(input, now);
                }
            }
            Command::ConnectFailed(connection) => {
                self.slots.remove(&connection);
                self.node.handle_input(Input::ConnectFailed(connection), now);
            }
            Command::Received(connection, octets, _turn) => {
                self.node.handle_input(Input::Received(connection, octets.danger_expose()), now);
            }
            Command::Disconnected(connection) => {
                self.slots.remove(&connection);
                self.node.handle_input(Input::Disconnected(connection), now);
            }
            Command::ShutDown { .. } => {}
        }
    }

    fn send(&mut self, message: Message, deadline: Instant, reply: Reply, now: Instant) {
        if reply.is_closed() {
            return;
        }
        match self.node.send(message, deadline.saturating_duration_since(now), now) {
            Ok(ticket) => {
                self.asked.insert(ticket, reply);
            }
            Err(error) => {
                let _ = reply.send(Err(error.into()));
            }
        }
    }

    fn accepted(&mut self, socket: Socket, now: Instant) {
        match self.node.accept(self.proven(&socket), now) {
            Ok(connection) => self.open(connection, socket),
            Err(error) => {
                tracing::debug!(address = ?socket.address, %error, "Diameter connection not accepted")
            }
        }
    }

    fn proven(&self, socket: &Socket) -> Option<Vec<DiameterIdentity>> {
        socket.proven().filter(|_| self.names_from_certificates)
    }

    fn open(&mut self, connection: ConnectionId, socket: Socket) {
        let link = Link::open(connection, socket, self.commands.clone(), &self.tasks, &self.cut);
        self.slots.insert(connection, Slot::Open(link));
    }

    fn carry_out_all(&mut self) {
        let mut changed = false;
        while let Some(output) = self.node.poll_output() {
            changed |= self.carry_out(output);
        }
        if changed {
            self.tell_states();
        }
    }

    /// Whether a peer stands otherwise than before.
    fn carry_out(&mut self, output: Output) -> bool {
        match output {
            Output::Connect { connection, peer } => self.dial(connection, &peer),
            Output::Transmit(connection, octets) => self.transmit(connection, octets),
            Output::Close(connection) => {
                self.slots.remove(&connection);
            }
            Output::Event(event) => return self.happened(event),
        }
        false
    }

    fn dial(&mut self, connection: ConnectionId, peer: &DiameterIdentity) {
        let Some(target) = self.targets.get(peer).cloned() else {
            self.node.handle_input(Input::ConnectFailed(connection), Instant::now());
            return;
        };
        let given_up = self.cut.child_token();
        self.slots.insert(connection, Slot::Dialing(given_up.clone().drop_guard()));
        let attempt = dial(connection, target, self.tls.clone(), self.commands.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = given_up.cancelled() => {}
                () = attempt => {}
            }
        });
    }

    fn transmit(&mut self, connection: ConnectionId, octets: SecretBytes) {
        let Some(Slot::Open(link)) = self.slots.get(&connection) else { return };
        if let Err(Stalled) = link.send(octets) {
            tracing::warn!(address = ?link.address, "a Diameter peer does not read: its connection is closed");
            self.slots.remove(&connection);
            self.node.handle_input(Input::Disconnected(connection), Instant::now());
        }
    }

    fn happened(&mut self, event: Event) -> bool {
        match event {
            Event::PeerOpened { peer, capabilities } => {
                self.troubles.remove(&peer);
                let host = &capabilities.origin.host;
                tracing::info!(peer = %host, product = capabilities.product, "Diameter peer connected");
                true
            }
            Event::PeerStatus { .. } => true,
            Event::PeerClosed { peer, reason } => {
                tracing::info!(%peer, %reason, "Diameter peer not connected");
                if self.node.peers().any(|known| *known.host() == peer) {
                    self.troubles.insert(peer, reason);
                }
                true
            }
            Event::Request { id, peer, connection, request } => {
                self.serve(id, peer, connection, request);
                false
            }
            Event::Answer { ticket, peer, answer } => {
                self.tell(ticket, Ok((peer, answer)));
                false
            }
            Event::Failed { ticket, failure } => {
                self.tell(ticket, Err(failure.into()));
                false
            }
        }
    }

    fn tell(&mut self, ticket: Ticket, outcome: Result<(DiameterIdentity, Message), RequestError>) {
        if let Some(reply) = self.asked.remove(&ticket) {
            let _ = reply.send(outcome);
        }
    }

    fn serve(&mut self, id: InboundId, peer: DiameterIdentity, connection: ConnectionId, request: Message) {
        let Some(service) = self.service.clone() else {
            let answer = Answer::command_unsupported(&request, &self.node.local().origin).build();
            return self.answer_at_once(id, &answer);
        };
        let slot = Arc::clone(&self.answering).try_acquire_owned();
        let (Ok(slot), Ending::No) = (slot, &self.ending) else {
            let fault = Fault::new(self.refusal(&request));
            let answer = Answer::error(&request, &self.node.local().origin, &fault).build();
            return self.answer_at_once(id, &answer);
        };
        let (address, certificate_names) = match self.slots.get(&connection) {
            Some(Slot::Open(link)) => (link.address, link.certificate_names.clone()),
            _ => (None, Vec::new()),
        };
        let asker = Asker { peer, address, certificate_names };
        let (commands, cut, patience) = (self.commands.clone(), self.cut.clone(), self.answer_timeout);
        self.tasks.spawn(async move {
            // The place is free only when the owner has the answer: whoever sees all places free sees no answer lost.
            let _slot = slot;
            let answer = tokio::select! {
                () = cut.cancelled() => return,
                answer = tokio::time::timeout(patience, service.answer(&asker, request)) => answer,
            };
            if let Ok(answer) = answer {
                let _ = commands.send(Command::Answer(id, answer)).await;
            }
        });
    }

    /// RFC 6733 keeps 3004 for requests to a certain server.
    fn refusal(&self, request: &Message) -> ResultCode {
        let fixed = request.avps.first(&base::DESTINATION_HOST).is_some();
        if fixed && matches!(self.ending, Ending::No) {
            ResultCode::TOO_BUSY
        } else {
            ResultCode::UNABLE_TO_DELIVER
        }
    }

    fn answer_at_once(&mut self, id: InboundId, answer: &Message) {
        let _ = self.node.answer(id, answer, Instant::now());
    }

    fn tell_states(&self) {
        let state = |peer: &Peer| PeerState {
            name: peer.name().clone(),
            realm: peer.capabilities().map(|told| told.origin.realm.clone()),
            address: self.targets.get(peer.host()).map(|target| target.address.clone()),
            connected: peer.is_open(),
            status: peer.status(),
            applications: peer.capabilities().map(|told| told.applications.clone()).unwrap_or_default(),
            trouble: self.troubles.get(peer.host()).copied(),
        };
        self.states.send_replace(self.node.peers().map(state).collect());
    }
}
