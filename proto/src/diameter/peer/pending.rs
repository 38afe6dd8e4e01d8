//! Requests sent to a peer that wait for their answers (RFC 6733 clauses 5.5.4 and 6.2.1).

use super::Ticket;
use crate::diameter::Header;
use crate::diameter::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Outstanding {
    /// Who asked.
    pub ticket: Ticket,
    /// The request as sent; with its T flag set where it is to be sent again.
    pub request: Message,
    /// When its answer is too late.
    pub deadline: Instant,
}

/// Outstanding requests by Hop-by-Hop Identifier and by deadline.
#[derive(Debug)]
pub(super) struct Pending {
    by_hop: BTreeMap<u32, Outstanding>,
    by_deadline: BTreeSet<(Instant, u32)>,
    next_hop: u32,
}

impl Pending {
    pub(super) const fn new(first_hop: u32) -> Self {
        Self { by_hop: BTreeMap::new(), by_deadline: BTreeSet::new(), next_hop: first_hop }
    }

    pub(super) fn len(&self) -> usize {
        self.by_hop.len()
    }

    /// A Hop-by-Hop Identifier that no outstanding request has.
    pub(super) fn draw_hop(&mut self) -> u32 {
        // There are far fewer outstanding requests than identifiers, so this ends.
        loop {
            let hop = self.next_hop;
            self.next_hop = hop.wrapping_add(1);
            if !self.by_hop.contains_key(&hop) {
                return hop;
            }
        }
    }

    pub(super) fn insert(&mut self, outstanding: Outstanding) {
        let hop = outstanding.request.header.hop_by_hop;
        self.by_deadline.insert((outstanding.deadline, hop));
        self.by_hop.insert(hop, outstanding);
    }

    /// The request that an answer belongs to: same identifiers and command. Anything else is not an answer to
    /// a question of ours.
    pub(super) fn matching(&mut self, answer: &Header) -> Option<Outstanding> {
        let request = &self.by_hop.get(&answer.hop_by_hop)?.request.header;
        let same = request.end_to_end == answer.end_to_end && request.command == answer.command;
        if same { self.remove(answer.hop_by_hop) } else { None }
    }

    /// A request whose deadline has passed.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Outstanding> {
        let (deadline, hop) = *self.by_deadline.first()?;
        if deadline <= now { self.remove(hop) } else { None }
    }

    /// The first deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out what is to be sent again somewhere else, marked as a possible duplicate.
    pub(super) fn withdraw(&mut self, mut choose: impl FnMut(&Outstanding) -> bool) -> Vec<Outstanding> {
        let chosen: Vec<_> =
            self.by_hop.iter().filter(|(_, outstanding)| choose(outstanding)).map(|(hop, _)| *hop).collect();
        chosen
            .into_iter()
            .filter_map(|hop| self.remove(hop))
            .map(|mut outstanding| {
                let flags = &mut outstanding.request.header.flags;
                *flags = flags.retransmitted();
                outstanding
            })
            .collect()
    }

    fn remove(&mut self, hop: u32) -> Option<Outstanding> {
        let outstanding = self.by_hop.remove(&hop)?;
        self.by_deadline.remove(&(outstanding.deadline, hop));
        Some(outstanding)
    }
}
