//! Connections that somebody opened to this node, until their CER says whose they are (RFC 6733 clause 5.6.1).

use super::{ConnectionId, Node, Output, Place, TooManyConnections, UnknownPeers};
use crate::diameter::dictionary::base;
use crate::diameter::peer::{Accepted, PeerConfig, Role, refusal};
use crate::diameter::{CommandCode, DiameterIdentity, Fault, Message, MessageReader, ResultCode};
use crate::secret::SecretBytes;
use std::time::Instant;

/// A connection without a CER so far.
#[derive(Debug)]
pub(super) struct Stranger {
    pub(super) deadline: Instant,
    reader: MessageReader,
    /// The names that its certificate proves; `None` without a certificate.
    proven: Option<Vec<DiameterIdentity>>,
}

impl Node {
    /// Takes a connection that was opened to this node, TLS included. `proven` are the names in the peer's
    /// certificate, where it showed one: its Origin-Host must then be among them (3010).
    pub fn accept(
        &mut self,
        proven: Option<Vec<DiameterIdentity>>,
        now: Instant,
    ) -> Result<ConnectionId, TooManyConnections> {
        let deadline = now.checked_add(self.config.identify_timeout).ok_or(TooManyConnections)?;
        if self.shutting_down || self.strangers().count() >= self.config.max_unidentified {
            return Err(TooManyConnections);
        }
        let reader = MessageReader::new(self.config.message_limit);
        Ok(self.place(Place::Stranger(Stranger { deadline, reader, proven })))
    }

    pub(super) fn strangers(&self) -> impl Iterator<Item = (ConnectionId, &Stranger)> {
        self.connections.iter().filter_map(|(connection, place)| match place {
            Place::Stranger(stranger) => Some((*connection, stranger)),
            Place::Of(..) => None,
        })
    }

    pub(super) fn identify(&mut self, connection: ConnectionId, octets: &[u8], now: Instant) {
        let Some(Place::Stranger(stranger)) = self.connections.get_mut(&connection) else { return };
        stranger.reader.push(octets);
        let Some(message) = stranger.reader.next_message() else { return };
        match message {
            Ok(message) if is_cer(&message) => self.introduce(connection, &message, now),
            // RFC 6733: anything else closes the connection without a word.
            Ok(_) => self.close_connection(connection),
            Err(unreadable) if is_cer(&unreadable.message) => {
                let cea = refusal(&self.local, &unreadable.message, &unreadable.fault);
                self.turn_away(connection, cea);
            }
            Err(_) => self.close_connection(connection),
        }
    }

    fn introduce(&mut self, connection: ConnectionId, cer: &Message, now: Instant) {
        let host = match self.admit(connection, cer, now) {
            Ok(host) => host,
            Err(fault) => {
                let cea = refusal(&self.local, cer, &fault);
                return self.turn_away(connection, cea);
            }
        };
        let Some(Place::Stranger(stranger)) = self.connections.remove(&connection) else { return };
        let Some(entry) = self.peers.get_mut(&host) else { return };
        match entry.peer.accept(cer, stranger.reader, now) {
            Accepted::Taken => {
                entry.responder = Some(connection);
                self.connections.insert(connection, Place::Of(host.clone(), Role::Responder));
            }
            Accepted::Rejected(cea) => self.turn_away(connection, cea),
        }
        self.stirred.insert(host);
    }

    /// The peer whose CER it is, made for the occasion where strangers are welcome.
    fn admit(
        &mut self,
        connection: ConnectionId,
        cer: &Message,
        now: Instant,
    ) -> Result<DiameterIdentity, Fault> {
        let host = cer.avps.required(&base::ORIGIN_HOST)?.identity()?;
        let unknown = Fault::new(ResultCode::UNKNOWN_PEER);
        let Some(Place::Stranger(stranger)) = self.connections.get(&connection) else { return Err(unknown) };
        let proven = stranger.proven.as_ref().is_none_or(|names| names.contains(&host));
        if !proven || host == self.local.origin.host {
            return Err(unknown);
        }
        if let Some(key) = self.called(&host) {
            return Ok(key.clone());
        }
        match &self.config.unknown_peers {
            UnknownPeers::Accept { at_most, template }
                if self.peers.values().filter(|entry| entry.is_stranger).count() < *at_most =>
            {
                let config = PeerConfig { host: host.clone(), connects: false, ..(**template).clone() };
                self.add(config, true, now);
                Ok(host)
            }
            UnknownPeers::Accept { .. } | UnknownPeers::Refuse => Err(unknown),
        }
    }

    fn turn_away(&mut self, connection: ConnectionId, cea: Option<SecretBytes>) {
        self.outputs.extend(cea.map(|cea| Output::Transmit(connection, cea)));
        self.close_connection(connection);
    }
}

fn is_cer(message: &Message) -> bool {
    message.is_request() && message.header.command == CommandCode::CAPABILITIES_EXCHANGE
}
