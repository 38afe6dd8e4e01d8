//! One peer: its connections, its capabilities, its watchdog, what it owes (RFC 6733 clause 5, RFC 3539).
//!
//! A poll machine. The owner feeds it what happens ([`Peer::handle_input`], [`Peer::accept`],
//! [`Peer::send`], [`Peer::answer`]), then takes [`Peer::poll_output`] until it is empty, then waits until
//! [`Peer::poll_timeout`] at the latest and feeds [`Input::Timeout`].
//!
//! A peer may have two transport connections for a moment, when both ends connect at once; an election closes
//! one of them. [`Role`] says which is meant. After [`Output::Close`] the owner forgets that connection and
//! feeds nothing of it any more.

mod backoff;
mod election;
mod pending;
mod state;
mod traffic;
mod watchdog;

#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub(super) use election::refusal;
pub use pending::Outstanding;
pub use traffic::Gone;
pub use watchdog::{PeerStatus, WatchdogInterval};

use super::capabilities::{Capabilities, LocalNode};
use super::code::ApplicationId;
use super::identifier::EndToEndIds;
use super::identity::DiameterIdentity;
use super::jitter::Jitter;
use super::message::Message;
use super::result_code::{Outcome, ResultCode};
use super::stream::DEFAULT_MESSAGE_LIMIT;
use super::wire_code::wire_code;
use crate::secret::SecretBytes;
use pending::Pending;
use state::{Link, State};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchdog::Watchdog;

wire_code! {
    /// Why a peer closes a connection (RFC 6733 clause 5.4.3).
    DisconnectCause(pub u32),
    REBOOTING = 0 "REBOOTING",
    BUSY = 1 "BUSY",
    DO_NOT_WANT_TO_TALK_TO_YOU = 2 "DO_NOT_WANT_TO_TALK_TO_YOU",
}

/// Which end opened a transport connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// This node did.
    Initiator,
    /// The peer did.
    Responder,
}

/// Names a request of this node from [`Peer::send`] to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One life of a connection; an answer goes out only on the one its request came in on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(u64);

/// What is known of a peer beforehand, and how patient this node is with it.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// The Origin-Host it must have; of a peer that has no name yet, what it is called until it tells one.
    pub host: DiameterIdentity,
    /// Whether any Origin-Host will do: the peer is known by where it is reached, and tells its name in its CEA.
    /// Such a peer cannot connect to this node, for nobody would know it.
    pub any_host: bool,
    /// Whether this node opens connections to it, and keeps trying; it accepts the peer's in any case.
    pub connects: bool,
    /// Twinit.
    pub watchdog: WatchdogInterval,
    /// When to connect again.
    pub backoff: Backoff,
    /// How long a connection may take to open, TLS included.
    pub connect_timeout: Duration,
    /// How long the peer may take for its CEA, and for closing the connection after DPR or DPA.
    pub exchange_timeout: Duration,
    /// How many requests may wait for answers: more are refused, so that a slow peer costs bounded memory.
    pub max_outstanding: usize,
    /// How many of the peer's requests may wait for this node's answers: more are refused with 3004 or 3002.
    pub max_inbound: usize,
    /// The greatest message that is read, octets.
    pub message_limit: usize,
}

impl PeerConfig {
    /// With the defaults of RFC 6733 and RFC 3539 where these have some.
    #[must_use]
    pub fn new(host: DiameterIdentity) -> Self {
        Self {
            host,
            any_host: false,
            connects: true,
            watchdog: WatchdogInterval::default(),
            backoff: Backoff::default(),
            connect_timeout: Duration::from_secs(10),
            exchange_timeout: Duration::from_secs(10),
            max_outstanding: 1024,
            max_inbound: 1024,
            message_limit: DEFAULT_MESSAGE_LIMIT,
        }
    }

    /// A peer whose name is learnt from its CEA. `label` stands for it in routes until then and after it, for
    /// instance its address.
    #[must_use]
    pub fn unnamed(label: DiameterIdentity) -> Self {
        Self { any_host: true, ..Self::new(label) }
    }
}

/// What happens to a peer.
#[derive(Debug)]
pub enum Input<'a> {
    /// Connect now, whatever the schedule says.
    Start,
    /// Close in good order, and do not connect again until [`Input::Start`].
    Stop(DisconnectCause),
    /// The connection that [`Output::Connect`] asked for is open.
    Connected,
    /// It is open, and the certificate at its other end proves these names: one of them must be the Origin-Host.
    ConnectedTo(&'a [DiameterIdentity]),
    /// It could not be opened.
    ConnectFailed,
    /// Octets arrived.
    Received(Role, &'a [u8]),
    /// The other end closed the connection, or it broke.
    Disconnected(Role),
    /// [`Peer::poll_timeout`] has passed.
    Timeout,
}

/// What a peer wants done.
#[derive(Debug)]
pub enum Output {
    /// Open a connection to the peer, TLS included, and say [`Input::Connected`],
    /// [`Input::ConnectedTo`] or [`Input::ConnectFailed`].
    Connect,
    /// Send these octets.
    Transmit(Role, SecretBytes),
    /// Close the connection, or the attempt to open it, once what was to be sent is sent.
    Close(Role),
    /// Tell the application.
    Event(Event),
}

/// What an application learns of a peer.
#[derive(Debug)]
pub enum Event {
    /// Capabilities are exchanged on the connection that stays.
    Opened {
        /// Which end opened it.
        role: Role,
        /// What the peer told.
        capabilities: Capabilities,
    },
    /// The watchdog's view changed.
    Status(PeerStatus),
    /// There is no connection any more.
    Closed(CloseReason),
    /// The peer asks. To be answered with [`Peer::answer`].
    Request {
        /// The end that opened its connection.
        role: Role,
        /// The connection to answer on.
        generation: Generation,
        /// The request.
        request: Message,
    },
    /// The peer answered.
    Answer {
        /// Who asked.
        outstanding: Outstanding,
        /// The answer.
        answer: Message,
    },
    /// There will be no answer from this peer.
    Unanswered {
        /// Who asked, and what; with the T flag set where it may be sent again.
        outstanding: Outstanding,
        /// Why.
        reason: Unanswered,
    },
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// Its deadline passed.
    #[error("no answer in time")]
    TimedOut,
    /// The connection went away; somebody else may be asked.
    #[error("the connection was lost")]
    ConnectionLost,
    /// The answer cannot be read.
    #[error("the answer cannot be read")]
    Malformed,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The connection could not be opened.
    #[error("no connection")]
    ConnectFailed,
    /// It was not opened in time.
    #[error("no connection in time")]
    ConnectTimedOut,
    /// No CEA in time.
    #[error("no answer to the capabilities in time")]
    ExchangeTimedOut,
    /// The peer refused the capabilities.
    #[error("the peer refused the capabilities: {0}")]
    Refused(Outcome),
    /// The peer's CEA, or what came in its place, is wrong.
    #[error("the peer's capabilities are wrong: {0}")]
    BadCapabilities(ResultCode),
    /// The peer at the other end is not the one that was to be there.
    #[error("another peer answered")]
    WrongPeer,
    /// Nothing that both speak.
    #[error("no application in common")]
    NoCommonApplication,
    /// The other end closed, or the network did.
    #[error("the connection was lost")]
    Lost,
    /// The peer did not answer the watchdog.
    #[error("the peer did not answer the watchdog")]
    Watchdog,
    /// The octets cannot be followed any more.
    #[error("the octets cannot be followed: {0}")]
    StreamLost(ResultCode),
    /// The peer said DPR.
    #[error("the peer disconnected: {0}")]
    ByPeer(DisconnectCause),
    /// This node said DPR.
    #[error("closed by this node")]
    ByUs,
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no open connection.
    #[error("the peer is not connected")]
    NotOpen,
    /// The peer does not take messages of this application.
    #[error("the peer does not speak {0}")]
    NotSpoken(ApplicationId),
    /// Too many requests wait for answers.
    #[error("too many requests wait for answers")]
    TooManyOutstanding,
    /// Above 16 MiB.
    #[error("the message is too long")]
    TooLong,
}

/// What becomes of a connection that the peer opened.
#[derive(Debug)]
#[must_use]
pub enum Accepted {
    /// It is the peer's; from here on it is [`Role::Responder`].
    Taken,
    /// Send the CEA, if there is one, and close.
    Rejected(Option<SecretBytes>),
}

/// One peer.
#[derive(Debug)]
pub struct Peer {
    local: Arc<LocalNode>,
    config: PeerConfig,
    ids: EndToEndIds,
    jitter: Jitter,
    state: State,
    initiator: Option<Link>,
    responder: Option<Link>,
    /// The names that the certificate on the initiator's connection proves; `None` without a certificate.
    proven: Option<Vec<DiameterIdentity>>,
    capabilities: Option<Capabilities>,
    watchdog: Watchdog,
    probe: Option<(u32, u32)>,
    pending: Pending,
    inbound: usize,
    generation: u64,
    /// When the present step must be over.
    deadline: Option<Instant>,
    /// When to connect again.
    reconnect: Option<Instant>,
    /// The application wants no connection.
    stopped: bool,
    /// The peer wants none.
    unwelcome: bool,
    outputs: VecDeque<Output>,
}

impl Peer {
    /// A peer without a connection; one that this node connects to does so at the first [`Input::Timeout`] or
    /// [`Input::Start`]. `ids` are the node's; `seed` begins its timers' spread and its Hop-by-Hop Identifiers.
    #[must_use]
    pub fn new(local: Arc<LocalNode>, config: PeerConfig, ids: EndToEndIds, seed: u64, now: Instant) -> Self {
        let mut jitter = Jitter::new(seed);
        let first_hop = jitter.draw_u32();
        Self {
            watchdog: Watchdog::new(config.watchdog),
            reconnect: config.connects.then_some(now),
            local,
            config,
            ids,
            jitter,
            state: State::Closed,
            initiator: None,
            responder: None,
            proven: None,
            capabilities: None,
            probe: None,
            pending: Pending::new(first_hop),
            inbound: 0,
            generation: 0,
            deadline: None,
            stopped: false,
            unwelcome: false,
            outputs: VecDeque::new(),
        }
    }

    /// What to do next; `None` when there is nothing until the next input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to feed [`Input::Timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timers = [self.deadline, self.reconnect, self.watchdog.deadline(), self.pending.deadline()];
        timers.into_iter().flatten().min()
    }

    /// The watchdog's view.
    #[must_use]
    pub const fn status(&self) -> PeerStatus {
        self.watchdog.status()
    }

    /// What the peer told, while it is connected.
    #[must_use]
    pub const fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// How many requests wait for its answers.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.pending.len()
    }

    /// What it is called in routes: its Origin-Host, unless it is one whose name is learnt.
    #[must_use]
    pub const fn host(&self) -> &DiameterIdentity {
        &self.config.host
    }

    /// Its Origin-Host as far as it is known: what it told while it is connected, else [`Self::host`].
    #[must_use]
    pub fn name(&self) -> &DiameterIdentity {
        self.capabilities.as_ref().map_or(&self.config.host, |told| &told.origin.host)
    }

    /// Whether requests may be sent to it: capabilities are exchanged and nobody has said DPR.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether there is neither a connection nor an attempt at one.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }
}
