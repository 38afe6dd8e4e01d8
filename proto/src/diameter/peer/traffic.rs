//! Messages on an open connection: between peers, from the application, to the application.

use super::state::{Closing, State};
use super::{
    CloseReason, DisconnectCause, Event, Generation, Output, Outstanding, Peer, Role, SendError, Ticket,
    Unanswered,
};
use crate::diameter::dictionary::base;
use crate::diameter::{
    Answer, ApplicationId, Avp, CommandCode, Fault, Message, Outcome, ResultCode, Unreadable,
};
use std::time::Instant;

/// The connection that a request came in on is gone, and with it whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection of the request is gone")]
pub struct Gone;

impl Peer {
    /// Sends a request. Its Hop-by-Hop Identifier is set here; its End-to-End Identifier and T flag are the
    /// caller's. One of [`Event::Answer`] and [`Event::Unanswered`] follows, once.
    pub fn send(&mut self, ticket: Ticket, mut request: Message, deadline: Instant) -> Result<(), SendError> {
        let State::Open(role) = self.state else { return Err(SendError::NotOpen) };
        let application = request.header.application;
        if !self.speaks(application) {
            return Err(SendError::NotSpoken(application));
        }
        if self.pending.len() >= self.config.max_outstanding {
            return Err(SendError::TooManyOutstanding);
        }
        request.header.hop_by_hop = self.pending.draw_hop();
        let octets = request.encode().map_err(|_| SendError::TooLong)?;
        self.outputs.push_back(Output::Transmit(role, octets));
        self.pending.insert(Outstanding { ticket, request, deadline });
        Ok(())
    }

    /// Whether requests of that application may be sent to the peer as it is connected.
    #[must_use]
    pub fn speaks(&self, application: ApplicationId) -> bool {
        self.capabilities.as_ref().is_some_and(|capabilities| capabilities.speaks(application))
    }

    /// Takes back requests that are to be sent elsewhere; their T flag is set.
    pub fn withdraw(&mut self, choose: impl FnMut(&Outstanding) -> bool) -> Vec<Outstanding> {
        self.pending.withdraw(choose)
    }

    /// Sends the answer to a request of the peer.
    pub fn answer(&mut self, generation: Generation, answer: &Message) -> Result<(), Gone> {
        match self.state {
            State::Open(role) | State::Closing(role, _) if generation == Generation(self.generation) => {
                self.inbound = self.inbound.saturating_sub(1);
                self.transmit(role, answer);
                Ok(())
            }
            _ => Err(Gone),
        }
    }

    /// Forgets a request of the peer without an answer.
    pub fn forget(&mut self, generation: Generation) {
        if generation == Generation(self.generation) {
            self.inbound = self.inbound.saturating_sub(1);
        }
    }

    pub(super) fn received(&mut self, role: Role, octets: &[u8], now: Instant) {
        let limit = self.config.message_limit;
        let Some(link) = self.link_mut(role) else { return };
        link.reader.push(octets);
        // Nobody has a reason to send much before the capabilities are exchanged.
        if link.accepted.is_some() && link.reader.waiting() > limit {
            self.close(CloseReason::StreamLost(ResultCode::INVALID_MESSAGE_LENGTH), now);
            return;
        }
        self.drain(role, now);
    }

    /// Reads what has arrived on a connection, as long as the state lets it be read.
    pub(super) fn drain(&mut self, role: Role, now: Instant) {
        while self.reads(role) {
            let next = self.link_mut(role).as_mut().and_then(|link| link.reader.next_message());
            match next {
                None => return,
                Some(Ok(message)) => self.message(role, message, now),
                Some(Err(unreadable)) => self.unreadable(role, &unreadable, now),
            }
        }
    }

    fn reads(&self, role: Role) -> bool {
        match self.state {
            State::Open(at) | State::Closing(at, _) => at == role,
            State::WaitICea | State::WaitReturns => role == Role::Initiator,
            State::Closed | State::WaitConnAck | State::WaitConnAckElect => false,
        }
    }

    fn message(&mut self, role: Role, message: Message, now: Instant) {
        if matches!(self.state, State::WaitICea | State::WaitReturns) {
            let is_cea =
                !message.is_request() && message.header.command == CommandCode::CAPABILITIES_EXCHANGE;
            return if is_cea {
                self.capabilities_answered(&message, now);
            } else {
                self.close(CloseReason::BadCapabilities(ResultCode::COMMAND_UNSUPPORTED), now);
            };
        }
        self.heard(&message, now);
        match (message.header.command, message.is_request()) {
            (_, true) if message.header.flags.is_error() => {
                self.refuse(role, &message, &Fault::new(ResultCode::INVALID_HDR_BITS));
            }
            (CommandCode::DEVICE_WATCHDOG, true) => {
                let answer = self.success(&message).with(self.local.origin_state()).build();
                self.transmit(role, &answer);
            }
            (CommandCode::DISCONNECT_PEER, true) => self.disconnect_asked(role, &message, now),
            (CommandCode::CAPABILITIES_EXCHANGE, true) => {
                self.refuse(role, &message, &Fault::new(ResultCode::UNABLE_TO_COMPLY));
            }
            (CommandCode::DISCONNECT_PEER, false) => {
                if let State::Closing(_, Closing::ByUs) = self.state {
                    self.closed_in_good_order(Closing::ByUs, now);
                }
            }
            (CommandCode::DEVICE_WATCHDOG | CommandCode::CAPABILITIES_EXCHANGE, false) => {}
            (_, true) => self.request(role, message),
            (_, false) => {
                if let Some(outstanding) = self.pending.matching(&message.header) {
                    self.event(Event::Answer { outstanding, answer: message });
                }
            }
        }
    }

    /// Any message shows that the peer lives; only the answer to the last probe answers it.
    fn heard(&mut self, message: &Message, now: Instant) {
        let header = &message.header;
        let is_answer = !message.is_request()
            && header.command == CommandCode::DEVICE_WATCHDOG
            && self.probe == Some((header.hop_by_hop, header.end_to_end));
        if is_answer {
            self.probe = None;
        }
        let action = self.watchdog.received(is_answer, now, &mut self.jitter);
        self.act(action, now);
    }

    fn request(&mut self, role: Role, request: Message) {
        let checked = self.check_request(&request);
        match checked {
            Ok(()) => {
                self.inbound += 1;
                self.event(Event::Request { role, generation: Generation(self.generation), request });
            }
            Err(fault) => self.refuse(role, &request, &fault),
        }
    }

    fn check_request(&self, request: &Message) -> Result<(), Fault> {
        // A connection that is being closed delivers nothing more; the peer may ask somebody else.
        if !matches!(self.state, State::Open(_)) {
            return Err(Fault::new(ResultCode::UNABLE_TO_DELIVER));
        }
        let application = request.header.application;
        if application == ApplicationId::BASE && !self.local.speaks(application) {
            return Err(Fault::new(ResultCode::COMMAND_UNSUPPORTED));
        }
        if !self.local.speaks(application) {
            return Err(Fault::new(ResultCode::APPLICATION_UNSUPPORTED));
        }
        self.local.check_destination(&request.avps)?;
        if self.inbound >= self.config.max_inbound {
            // RFC 6733 keeps 3004 for requests to a certain server.
            let fixed = request.avps.first(&base::DESTINATION_HOST).is_some();
            let busy = if fixed { ResultCode::TOO_BUSY } else { ResultCode::UNABLE_TO_DELIVER };
            return Err(Fault::new(busy));
        }
        Ok(())
    }

    fn disconnect_asked(&mut self, role: Role, request: &Message, now: Instant) {
        let cause = request.avps.required(&base::DISCONNECT_CAUSE).and_then(Avp::unsigned32);
        match cause {
            Ok(cause) => {
                let answer = self.success(request).build();
                self.transmit(role, &answer);
                let closing = match self.state {
                    State::Closing(_, closing @ Closing::ByUs) => closing,
                    _ => Closing::ByPeer(DisconnectCause(cause)),
                };
                self.wait(State::Closing(role, closing), now);
            }
            Err(fault) => self.refuse(role, request, &fault),
        }
    }

    /// A message that cannot be read: a request is answered, an answer is no answer, and where nobody knows
    /// where the next message begins the connection ends.
    fn unreadable(&mut self, role: Role, unreadable: &Unreadable, now: Instant) {
        let Unreadable { message, fault, stream_lost } = unreadable;
        if matches!(self.state, State::WaitICea | State::WaitReturns) {
            return self.close(CloseReason::BadCapabilities(fault.result), now);
        }
        if message.is_request() {
            self.refuse(role, message, fault);
        } else if let Some(outstanding) = self.pending.matching(&message.header) {
            self.event(Event::Unanswered { outstanding, reason: Unanswered::Malformed });
        }
        if *stream_lost {
            self.close(CloseReason::StreamLost(fault.result), now);
        } else {
            self.heard(message, now);
        }
    }

    /// DPA and DWA: both always succeed.
    fn success(&self, request: &Message) -> Answer {
        Answer::new(request, &self.local.origin, Outcome::SUCCESS)
    }

    fn refuse(&mut self, role: Role, request: &Message, fault: &Fault) {
        let answer = Answer::error(request, &self.local.origin, fault).build();
        self.transmit(role, &answer);
    }
}
