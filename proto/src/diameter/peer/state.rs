//! The peer state machine of RFC 6733 clause 5.6, but for the election.

use super::watchdog::Action;
use super::{CloseReason, DisconnectCause, Event, Input, Output, Peer, PeerStatus, Role, Unanswered};
use crate::diameter::capabilities::Capabilities;
use crate::diameter::dictionary::base;
use crate::diameter::{ApplicationId, Avp, CommandCode, DiameterIdentity, Fault, Message, MessageReader};
use crate::secret::SecretBytes;
use std::time::Instant;

/// Where a peer is. Names are those of RFC 6733 clause 5.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    WaitConnAck,
    WaitICea,
    WaitConnAckElect,
    WaitReturns,
    /// I-Open and R-Open.
    Open(Role),
    /// DPR is sent, or DPA.
    Closing(Role, Closing),
}

/// Who ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    ByUs,
    ByPeer(DisconnectCause),
}

/// A transport connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) reader: MessageReader,
    /// The CEA that goes out if this connection wins, and what the peer's CER told.
    pub(super) accepted: Option<(SecretBytes, Capabilities)>,
}

impl Peer {
    /// Takes in what happened at `now`.
    pub fn handle_input(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Start => self.start(now),
            Input::Stop(cause) => self.stop(cause, now),
            Input::Connected => self.connected(None, now),
            Input::ConnectedTo(names) => self.connected(Some(names.to_vec()), now),
            Input::ConnectFailed => self.connect_failed(CloseReason::ConnectFailed, now),
            Input::Received(role, octets) => self.received(role, octets, now),
            Input::Disconnected(role) => self.disconnected(role, now),
            Input::Timeout => self.timeout(now),
        }
    }

    fn start(&mut self, now: Instant) {
        (self.stopped, self.unwelcome) = (false, false);
        if self.state == State::Closed {
            self.reconnect = None;
            self.wait(State::WaitConnAck, now);
            self.outputs.push_back(Output::Connect);
        }
    }

    /// A request has nowhere else to go: a good reason to call a peer that asked not to be called.
    pub fn want(&mut self, now: Instant) {
        if self.config.connects && self.unwelcome && !self.stopped {
            self.start(now);
        }
    }

    fn stop(&mut self, cause: DisconnectCause, now: Instant) {
        self.stopped = true;
        self.reconnect = None;
        match self.state {
            State::Open(role) => {
                let mut avps = self.local.origin_avps();
                avps.push(base::DISCONNECT_CAUSE.unsigned32(cause.0));
                self.transmit_own(role, CommandCode::DISCONNECT_PEER, avps);
                self.wait(State::Closing(role, Closing::ByUs), now);
            }
            State::Closing(..) => {}
            _ => self.close(CloseReason::ByUs, now),
        }
    }

    fn connected(&mut self, proven: Option<Vec<DiameterIdentity>>, now: Instant) {
        if !matches!(self.state, State::WaitConnAck | State::WaitConnAckElect) {
            return;
        }
        self.proven = proven;
        self.initiator = Some(Link { reader: MessageReader::new(self.config.message_limit), accepted: None });
        let avps = self.local.avps();
        self.transmit_own(Role::Initiator, CommandCode::CAPABILITIES_EXCHANGE, avps);
        let election = self.state == State::WaitConnAckElect;
        self.wait(State::WaitICea, now);
        if election {
            self.elect(now);
        }
    }

    pub(super) fn connect_failed(&mut self, reason: CloseReason, now: Instant) {
        match self.state {
            State::WaitConnAck => self.close(reason, now),
            State::WaitConnAckElect => self.open_responder(now),
            _ => {}
        }
    }

    fn disconnected(&mut self, role: Role, now: Instant) {
        let existed = self.link_mut(role).take().is_some();
        match (self.state, role) {
            _ if !existed => {}
            (State::Closing(at, closing), role) if at == role => self.closed_in_good_order(closing, now),
            (State::WaitConnAckElect, Role::Responder) => self.state = State::WaitConnAck,
            (State::WaitReturns, Role::Responder) => self.state = State::WaitICea,
            (State::WaitReturns, Role::Initiator) => self.open_responder(now),
            (State::Open(at), role) if at != role => {}
            _ => self.close(CloseReason::Lost, now),
        }
    }

    fn timeout(&mut self, now: Instant) {
        while let Some(outstanding) = self.pending.expired(now) {
            self.event(Event::Unanswered { outstanding, reason: Unanswered::TimedOut });
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.step_timed_out(now);
        }
        if self.watchdog.deadline().is_some_and(|deadline| deadline <= now) {
            let action = self.watchdog.elapsed(now, &mut self.jitter);
            self.act(action, now);
        }
        if self.reconnect.is_some_and(|at| at <= now) {
            self.start(now);
        }
    }

    fn step_timed_out(&mut self, now: Instant) {
        self.deadline = None;
        match self.state {
            State::WaitConnAck => self.close(CloseReason::ConnectTimedOut, now),
            // RFC 6733 would drop the peer's own connection too. An attempt that hangs is an attempt that
            // failed; the other connection works.
            State::WaitConnAckElect => {
                self.outputs.push_back(Output::Close(Role::Initiator));
                self.open_responder(now);
            }
            State::WaitICea | State::WaitReturns => self.close(CloseReason::ExchangeTimedOut, now),
            State::Closing(_, closing) => self.closed_in_good_order(closing, now),
            State::Closed | State::Open(_) => {}
        }
    }

    /// CEA on the connection that this node opened, or what came in its place.
    pub(super) fn capabilities_answered(&mut self, answer: &Message, now: Instant) {
        match self.read_answer(answer) {
            Ok(capabilities) => {
                if self.responder.take().is_some() {
                    self.outputs.push_back(Output::Close(Role::Responder));
                }
                self.open(Role::Initiator, capabilities, now);
            }
            Err(_) if self.state == State::WaitReturns => {
                self.initiator = None;
                self.outputs.push_back(Output::Close(Role::Initiator));
                self.open_responder(now);
            }
            Err(reason) => self.close(reason, now),
        }
    }

    fn read_answer(&self, answer: &Message) -> Result<Capabilities, CloseReason> {
        let bad = |fault: Fault| CloseReason::BadCapabilities(fault.result);
        let outcome = answer.outcome().map_err(bad)?;
        if !outcome.is_success() {
            return Err(CloseReason::Refused(outcome));
        }
        let capabilities = Capabilities::parse(&answer.avps).map_err(bad)?;
        let host = &capabilities.origin.host;
        let expected = host == &self.config.host || self.config.any_host && host != &self.local.origin.host;
        let proven = self.proven.as_ref().is_none_or(|names| names.contains(host));
        if !expected || !proven {
            Err(CloseReason::WrongPeer)
        } else if !capabilities.has_common_application(&self.local) {
            Err(CloseReason::NoCommonApplication)
        } else {
            Ok(capabilities)
        }
    }

    pub(super) fn open(&mut self, role: Role, capabilities: Capabilities, now: Instant) {
        self.state = State::Open(role);
        self.deadline = None;
        self.reconnect = None;
        self.unwelcome = false;
        self.generation += 1;
        self.inbound = 0;
        self.capabilities = Some(capabilities.clone());
        let action = self.watchdog.connected(now, &mut self.jitter);
        self.event(Event::Opened { role, capabilities });
        self.event(Event::Status(self.status()));
        if self.status() == PeerStatus::Okay {
            self.config.backoff.reset();
        }
        self.act(action, now);
    }

    pub(super) fn act(&mut self, action: Option<Action>, now: Instant) {
        match (action, self.state) {
            (Some(Action::Probe), State::Open(role) | State::Closing(role, _)) => {
                let mut avps = self.local.origin_avps();
                avps.push(self.local.origin_state());
                self.probe = self.transmit_own(role, CommandCode::DEVICE_WATCHDOG, avps);
            }
            (Some(Action::FailOver), _) => self.event(Event::Status(PeerStatus::Suspect)),
            (Some(Action::FailBack), _) => {
                self.config.backoff.reset();
                self.event(Event::Status(PeerStatus::Okay));
            }
            (Some(Action::Close), _) => self.close(CloseReason::Watchdog, now),
            (Some(Action::Probe) | None, _) => {}
        }
    }

    pub(super) fn closed_in_good_order(&mut self, closing: Closing, now: Instant) {
        match closing {
            Closing::ByUs => self.close(CloseReason::ByUs, now),
            Closing::ByPeer(cause) => {
                // BUSY and DO_NOT_WANT_TO_TALK_TO_YOU ask not to be called again (RFC 6733 clause 5.4.3).
                self.unwelcome |= cause != DisconnectCause::REBOOTING;
                self.close(CloseReason::ByPeer(cause), now);
            }
        }
    }

    /// Drops all connections and what waits on them.
    pub(super) fn close(&mut self, reason: CloseReason, now: Instant) {
        if self.state == State::Closed {
            return;
        }
        let attempt = matches!(self.state, State::WaitConnAck | State::WaitConnAckElect);
        if self.initiator.take().is_some() || attempt && reason != CloseReason::ConnectFailed {
            self.outputs.push_back(Output::Close(Role::Initiator));
        }
        if self.responder.take().is_some() {
            self.outputs.push_back(Output::Close(Role::Responder));
        }
        let was_open = matches!(self.state, State::Open(_) | State::Closing(..));
        self.state = State::Closed;
        (self.deadline, self.probe, self.capabilities) = (None, None, None);
        if was_open {
            self.watchdog.disconnected(matches!(reason, CloseReason::ByUs | CloseReason::ByPeer(_)));
            self.event(Event::Status(self.status()));
        }
        for outstanding in self.pending.withdraw(|_| true) {
            self.event(Event::Unanswered { outstanding, reason: Unanswered::ConnectionLost });
        }
        self.event(Event::Closed(reason));
        if self.config.connects && !self.stopped && !self.unwelcome {
            self.reconnect = now.checked_add(self.config.backoff.draw(&mut self.jitter));
        }
    }

    /// Sends a request between peers; gives its Hop-by-Hop and End-to-End Identifiers.
    fn transmit_own(&mut self, role: Role, command: CommandCode, avps: Vec<Avp>) -> Option<(u32, u32)> {
        let mut request = Message::request(command, ApplicationId::BASE, avps);
        request.header.hop_by_hop = self.pending.draw_hop();
        request.header.end_to_end = self.ids.draw();
        self.transmit(role, &request);
        Some((request.header.hop_by_hop, request.header.end_to_end))
    }

    /// Sends a message of this node's making, which never is too long for its length field.
    pub(super) fn transmit(&mut self, role: Role, message: &Message) {
        if let Ok(octets) = message.encode() {
            self.outputs.push_back(Output::Transmit(role, octets));
        }
    }

    /// Goes to a state that must be left in time.
    pub(super) fn wait(&mut self, state: State, now: Instant) {
        let patience = match state {
            State::WaitConnAck | State::WaitConnAckElect => self.config.connect_timeout,
            _ => self.config.exchange_timeout,
        };
        self.state = state;
        self.deadline = now.checked_add(patience);
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) const fn link_mut(&mut self, role: Role) -> &mut Option<Link> {
        match role {
            Role::Initiator => &mut self.initiator,
            Role::Responder => &mut self.responder,
        }
    }
}
