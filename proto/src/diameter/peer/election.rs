//! Connections that the peer opens, and what happens when both ends connect at once (RFC 6733 clauses 5.6.1
//! and 5.6.4).

use super::state::{Link, State};
use super::{Accepted, Output, Peer, Role};
use crate::diameter::capabilities::{Capabilities, LocalNode};
use crate::diameter::{Answer, Fault, Message, MessageReader, Outcome, ResultCode};
use crate::secret::SecretBytes;
use std::time::Instant;

/// CEA to a CER that is not accepted.
pub(in crate::diameter) fn refusal(local: &LocalNode, cer: &Message, fault: &Fault) -> Option<SecretBytes> {
    // All that a CEA requires is there, so E marks protocol errors only: 3010.
    Answer::fault(cer, &local.origin, fault).with_all(local.capability_avps()).build().encode().ok()
}

/// CEA to a CER that is.
fn welcome(local: &LocalNode, cer: &Message) -> Option<SecretBytes> {
    let answer = Answer::new(cer, &local.origin, Outcome::SUCCESS);
    answer.with_all(local.capability_avps()).build().encode().ok()
}

impl Peer {
    /// R-Conn-CER: a connection whose first message is this CER, from this peer. `reader` holds what came after
    /// it.
    pub fn accept(&mut self, cer: &Message, reader: MessageReader, now: Instant) -> Accepted {
        // One connection is enough (RFC 6733 clause 5.6: R-Reject).
        if !matches!(self.state, State::Closed | State::WaitConnAck | State::WaitICea) {
            return Accepted::Rejected(None);
        }
        let capabilities = match self.read_request(cer) {
            Ok(capabilities) => capabilities,
            Err(fault) => return Accepted::Rejected(refusal(&self.local, cer, &fault)),
        };
        let Some(cea) = welcome(&self.local, cer) else { return Accepted::Rejected(None) };
        let reader = reader.with_limit(self.config.message_limit);
        self.responder = Some(Link { reader, accepted: Some((cea, capabilities)) });
        match self.state {
            State::WaitConnAck => self.state = State::WaitConnAckElect,
            State::WaitICea => self.elect(now),
            _ => self.open_responder(now),
        }
        Accepted::Taken
    }

    /// The responder connection survives at the node whose name is the greater one.
    pub(super) fn elect(&mut self, now: Instant) {
        if self.local.origin.host > self.config.host {
            self.initiator = None;
            self.outputs.push_back(Output::Close(Role::Initiator));
            self.open_responder(now);
        } else {
            self.wait(State::WaitReturns, now);
        }
    }

    /// R-Snd-CEA, R-Open.
    pub(super) fn open_responder(&mut self, now: Instant) {
        let accepted = self.responder.as_mut().and_then(|link| link.accepted.take());
        if let Some((cea, capabilities)) = accepted {
            self.outputs.push_back(Output::Transmit(Role::Responder, cea));
            self.open(Role::Responder, capabilities, now);
            self.drain(Role::Responder, now);
        }
    }

    fn read_request(&self, cer: &Message) -> Result<Capabilities, Fault> {
        let capabilities = Capabilities::parse(&cer.avps)?;
        // What stands for an unknown name is no name to connect by.
        if self.config.any_host || capabilities.origin.host != self.config.host {
            Err(Fault::new(ResultCode::UNKNOWN_PEER))
        } else if capabilities.has_common_application(&self.local) {
            Ok(capabilities)
        } else {
            Err(Fault::new(ResultCode::NO_COMMON_APPLICATION))
        }
    }
}
