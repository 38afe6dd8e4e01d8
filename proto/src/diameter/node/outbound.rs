//! Requests of this node: routing, fail-over, refusals (RFC 6733 clauses 5.5.4 and 6.1, RFC 3539 clause 3.10).

use super::routing::{Rank, redirect_hosts};
use super::{Entry, Event, Node};
use crate::diameter::dictionary::base;
use crate::diameter::header::HeaderFlags;
use crate::diameter::peer::{self, Outstanding, PeerStatus, Ticket, Unanswered};
use crate::diameter::{Avp, AvpDef, DiameterIdentity, Message, Outcome, ResultCode};
use std::time::{Duration, Instant};

/// A request from [`Node::send`] to its end.
#[derive(Debug)]
pub(super) struct Flight {
    deadline: Instant,
    /// Peers that said no.
    refused: Vec<DiameterIdentity>,
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No route leads to its destination.
    #[error("no route")]
    NoRoute,
    /// No peer of its routes is in service.
    #[error("no peer in service")]
    NoPeer,
    /// The peers of its routes have too many requests to answer.
    #[error("too many requests wait for answers")]
    TooManyOutstanding,
    /// Above 16 MiB.
    #[error("the message is too long")]
    TooLong,
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Its time is over.
    #[error("no answer in time")]
    TimedOut,
    /// Its peer was lost, and no other could take it.
    #[error("the peer was lost, and there is no other")]
    Undeliverable,
    /// The answer cannot be read.
    #[error("the answer cannot be read")]
    Malformed,
}

impl Node {
    /// Sends a request by its Destination-Host, Destination-Realm and application. Identifiers are set here.
    /// One of [`Event::Answer`] and [`Event::Failed`] follows within `patience`, once.
    pub fn send(
        &mut self,
        mut request: Message,
        patience: Duration,
        now: Instant,
    ) -> Result<Ticket, SendError> {
        let deadline = now.checked_add(patience).unwrap_or(now);
        let flags = request.header.flags.0 & HeaderFlags::PROXIABLE;
        request.header.flags = HeaderFlags(flags | HeaderFlags::REQUEST);
        request.header.end_to_end = self.ids.draw();
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let flight = Flight { deadline, refused: Vec::new() };
        let sent = self.dispatch(ticket, &request, flight);
        if sent == Err(SendError::NoPeer) {
            self.want_peers(&request, now);
        }
        self.settle(now);
        sent.map(|()| ticket)
    }

    /// Moves what waits for a suspect peer to others, as far as there are others; the rest may still be
    /// answered.
    pub(super) fn fail_over(&mut self, host: &DiameterIdentity, now: Instant) {
        // Out of the table meanwhile, so that it is not its own alternative.
        let Some(mut entry) = self.peers.remove(host) else { return };
        let movable = |outstanding: &Outstanding| {
            let refused = self.flights.get(&outstanding.ticket).map_or(&[][..], |flight| &flight.refused);
            outstanding.deadline > now && !self.candidates(&outstanding.request, refused).is_empty()
        };
        let moved = entry.peer.withdraw(movable);
        self.peers.insert(host.clone(), entry);
        for outstanding in moved {
            self.send_again(outstanding, now);
        }
    }

    pub(super) fn unanswered(&mut self, outstanding: Outstanding, reason: Unanswered, now: Instant) {
        match reason {
            Unanswered::ConnectionLost => self.send_again(outstanding, now),
            Unanswered::Malformed => self.fail(outstanding.ticket, Failure::Malformed),
            Unanswered::TimedOut => self.fail(outstanding.ticket, Failure::TimedOut),
        }
    }

    pub(super) fn answered(
        &mut self,
        host: &DiameterIdentity,
        outstanding: Outstanding,
        answer: Message,
        now: Instant,
    ) {
        let Outstanding { ticket, request, .. } = outstanding;
        let Some(mut flight) = self.flights.remove(&ticket) else { return };
        if answer.header.flags.is_error() && flight.deadline > now {
            flight.refused.push(host.clone());
            // An answer has come, so what goes to the next peer is no retransmission (RFC 6733 clause 3).
            let mut request = request;
            request.header.flags = HeaderFlags(request.header.flags.0 & !HeaderFlags::RETRANSMITTED);
            let sent_on = match answer.outcome() {
                Ok(Outcome::Result(ResultCode::UNABLE_TO_DELIVER | ResultCode::TOO_BUSY)) => {
                    self.dispatch(ticket, &request, flight).is_ok()
                }
                Ok(Outcome::Result(ResultCode::REDIRECT_INDICATION)) => {
                    self.redirect(ticket, &request, &answer, flight)
                }
                _ => false,
            };
            if sent_on {
                return;
            }
        }
        let peer = self.name_of(host);
        self.event(Event::Answer { ticket, peer, answer });
    }

    /// A request whose peer is in doubt; its T flag is set.
    fn send_again(&mut self, outstanding: Outstanding, now: Instant) {
        let Outstanding { ticket, request, .. } = outstanding;
        let Some(flight) = self.flights.remove(&ticket) else { return };
        if flight.deadline <= now {
            self.event(Event::Failed { ticket, failure: Failure::TimedOut });
        } else if self.dispatch(ticket, &request, flight).is_err() {
            self.event(Event::Failed { ticket, failure: Failure::Undeliverable });
        }
    }

    fn fail(&mut self, ticket: Ticket, failure: Failure) {
        if self.flights.remove(&ticket).is_some() {
            self.event(Event::Failed { ticket, failure });
        }
    }

    /// Gives the request to the first candidate that takes it, and remembers its flight.
    fn dispatch(&mut self, ticket: Ticket, request: &Message, flight: Flight) -> Result<(), SendError> {
        let candidates = self.candidates(request, &flight.refused);
        self.try_each(candidates, ticket, request, flight)
    }

    /// Follows a redirect to the first of its hosts that is a peer in service. Routes are not learnt from it.
    fn redirect(&mut self, ticket: Ticket, request: &Message, answer: &Message, flight: Flight) -> bool {
        let usable = |host: &DiameterIdentity| {
            !flight.refused.contains(host)
                && self.peers.get(host).is_some_and(|entry| service(entry, request).is_some())
        };
        let called = |host: DiameterIdentity| self.called(&host).cloned();
        let hosts: Vec<_> = redirect_hosts(answer).into_iter().filter_map(called).filter(usable).collect();
        self.try_each(hosts, ticket, request, flight).is_ok()
    }

    fn try_each(
        &mut self,
        candidates: Vec<DiameterIdentity>,
        ticket: Ticket,
        request: &Message,
        flight: Flight,
    ) -> Result<(), SendError> {
        if candidates.is_empty() {
            let routed = self.routed(request).next().is_some();
            return Err(if routed { SendError::NoPeer } else { SendError::NoRoute });
        }
        let mut last = SendError::NoPeer;
        for host in candidates {
            let Some(entry) = self.peers.get_mut(&host) else { continue };
            match entry.peer.send(ticket, request.clone(), flight.deadline) {
                Ok(()) => {
                    self.stirred.insert(host);
                    self.flights.insert(ticket, flight);
                    return Ok(());
                }
                Err(peer::SendError::TooManyOutstanding) => last = SendError::TooManyOutstanding,
                Err(peer::SendError::TooLong) => return Err(SendError::TooLong),
                Err(_) => {}
            }
        }
        Err(last)
    }

    /// Peers that could take the request now, the best first: in service before merely reopened, then by route,
    /// then by load.
    fn candidates(&self, request: &Message, refused: &[DiameterIdentity]) -> Vec<DiameterIdentity> {
        let mut found: Vec<_> = self
            .routed(request)
            .filter(|(_, host)| !refused.contains(host))
            .filter_map(|(rank, host)| {
                let entry = self.peers.get(host)?;
                Some((service(entry, request)?, rank, entry.peer.outstanding(), host))
            })
            .collect();
        found.sort();
        found.dedup_by(|later, earlier| later.3 == earlier.3);
        found.into_iter().map(|(_, _, _, host)| host.clone()).collect()
    }

    /// Peers that the table and Destination-Host give, well or not. A request for a certain host goes to that
    /// host where it is a peer, or else to relays; where it is not, the realm decides.
    fn routed<'a>(&'a self, request: &Message) -> impl Iterator<Item = (Option<Rank>, &'a DiameterIdentity)> {
        let named = |def: &AvpDef| request.avps.first(def).and_then(|avp| Avp::identity(avp).ok());
        let realm = named(&base::DESTINATION_REALM);
        let direct = named(&base::DESTINATION_HOST).and_then(|host| self.called(&host));
        let is_relay = |host: &DiameterIdentity| {
            let capabilities = self.peers.get(host).and_then(|entry| entry.peer.capabilities());
            capabilities.is_some_and(super::Capabilities::is_relay)
        };
        let by_realm: Vec<_> = self
            .routes
            .lookup(realm.as_ref(), request.header.application)
            .map(|(rank, host)| (rank, host.clone()))
            .collect();
        let by_realm = by_realm.into_iter().filter_map(|(rank, host)| {
            let (host, _) = self.peers.get_key_value(&host)?;
            Some((Some(rank), host))
        });
        let by_realm = by_realm.filter(move |(_, host)| direct.is_none() || is_relay(host));
        direct.map(|host| (None, host)).into_iter().chain(by_realm)
    }

    fn want_peers(&mut self, request: &Message, now: Instant) {
        let hosts: Vec<_> = self.routed(request).map(|(_, host)| host.clone()).collect();
        for host in hosts {
            if let Some(entry) = self.peers.get_mut(&host) {
                entry.peer.want(now);
                self.stirred.insert(host);
            }
        }
    }
}

/// Whether a peer may get the request, and how gladly: 0 in service, 1 reopened and not yet proven. RFC 3539
/// would have the latter wait; where it is the only one, a try is better than a refusal.
fn service(entry: &Entry, request: &Message) -> Option<u8> {
    let takes = entry.peer.is_open() && entry.peer.speaks(request.header.application);
    match entry.peer.status() {
        PeerStatus::Okay if takes => Some(0),
        PeerStatus::Reopen if takes => Some(1),
        _ => None,
    }
}
