//! Requests of peers: duplicates, answers, answers that never come.

use super::duplicates::{Key, Seen};
use super::{ConnectionId, Event, Node};
use crate::diameter::answer::{RequestHead, readdress};
use crate::diameter::peer::{Generation, Gone, Role};
use crate::diameter::{Answer, DiameterIdentity, Fault, Message, ResultCode};
use std::time::Instant;

/// How many copies of one request wait for its answer; the oldest is forgotten for a newer one.
const MAX_ASKERS: usize = 4;

/// Names a request of a peer from [`Event::Request`] to [`Node::answer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InboundId(pub(super) u64);

/// A request that the application has.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) deadline: Instant,
    key: Option<Key>,
    askers: Vec<Asker>,
}

/// Where a copy of the request came from.
#[derive(Debug)]
struct Asker {
    peer: DiameterIdentity,
    generation: Generation,
    head: RequestHead,
}

impl Node {
    /// Answers a request, all of its copies with it. Identifiers, P flag and Proxy-Info are set here.
    /// [`Gone`] if nobody waits any more.
    pub fn answer(&mut self, id: InboundId, answer: &Message, now: Instant) -> Result<(), Gone> {
        let inbound = self.inbound.remove(&id).ok_or(Gone)?;
        if let Some(key) = &inbound.key {
            self.duplicates.finish(key, answer);
        }
        let mut delivered = Err(Gone);
        for asker in inbound.askers {
            delivered = self.reply(&asker, answer).or(delivered);
        }
        self.settle(now);
        delivered
    }

    pub(super) fn requested(
        &mut self,
        peer: &DiameterIdentity,
        role: Role,
        generation: Generation,
        request: Message,
        now: Instant,
    ) {
        let Some(connection) = self.peers.get_mut(peer).and_then(|entry| *entry.connection_mut(role)) else {
            return;
        };
        let asker = Asker { peer: peer.clone(), generation, head: RequestHead::of(&request) };
        let key = Key::of(&request);
        match key.as_ref().and_then(|key| self.duplicates.find(key, now).cloned()) {
            Some(Seen::Answered(answer)) => {
                let _ = self.reply(&asker, &answer);
            }
            Some(Seen::Waiting(id)) => self.wait_too(id, asker),
            None => self.begin(asker, connection, key, request, now),
        }
    }

    /// Answers 5012 for an application that did not answer in time.
    pub(super) fn give_up_inbound(&mut self, now: Instant) {
        while let Some(first) = self.inbound.first_entry() {
            if first.get().deadline > now {
                return;
            }
            let inbound = first.remove();
            if let Some(key) = &inbound.key {
                self.duplicates.forget(key);
            }
            let fault = Fault::new(ResultCode::UNABLE_TO_COMPLY);
            for asker in inbound.askers {
                let answer = Answer::error(&asker.head.0, &self.local.origin, &fault).build();
                let _ = self.reply(&asker, &answer);
            }
        }
    }

    fn begin(
        &mut self,
        asker: Asker,
        connection: ConnectionId,
        key: Option<Key>,
        request: Message,
        now: Instant,
    ) {
        let id = InboundId(self.next_inbound);
        self.next_inbound += 1;
        if let Some(key) = &key {
            self.duplicates.begin(key.clone(), id, now);
        }
        let peer = self.name_of(&asker.peer);
        let deadline = now.checked_add(self.config.answer_timeout).unwrap_or(now);
        self.inbound.insert(id, Inbound { deadline, key, askers: vec![asker] });
        self.event(Event::Request { id, peer, connection, request });
    }

    fn wait_too(&mut self, id: InboundId, asker: Asker) {
        let Some(inbound) = self.inbound.get_mut(&id) else { return };
        let oldest = (inbound.askers.len() >= MAX_ASKERS).then(|| inbound.askers.remove(0));
        inbound.askers.push(asker);
        if let Some(oldest) = oldest
            && let Some(entry) = self.peers.get_mut(&oldest.peer)
        {
            entry.peer.forget(oldest.generation);
        }
    }

    fn reply(&mut self, asker: &Asker, answer: &Message) -> Result<(), Gone> {
        let entry = self.peers.get_mut(&asker.peer).ok_or(Gone)?;
        entry.peer.answer(asker.generation, &readdress(answer, &asker.head))?;
        self.stirred.insert(asker.peer.clone());
        Ok(())
    }
}
