//! What a node is fed and what comes out of it.

use super::{ConnectionId, Failure, InboundId};
use crate::diameter::peer::{CloseReason, PeerStatus, Ticket};
use crate::diameter::{Capabilities, DiameterIdentity, Message};
use crate::secret::SecretBytes;

/// What happens to a node. Of a connection that is closed, or was never opened, nothing is believed.
#[derive(Debug)]
pub enum Input<'a> {
    /// The connection that [`Output::Connect`] asked for is open.
    Connected(ConnectionId),
    /// It is open, and the certificate at its other end proves these names: one of them must be the Origin-Host.
    ConnectedTo(ConnectionId, &'a [DiameterIdentity]),
    /// It could not be opened.
    ConnectFailed(ConnectionId),
    /// Octets arrived.
    Received(ConnectionId, &'a [u8]),
    /// The other end closed it, or it broke.
    Disconnected(ConnectionId),
    /// [`super::Node::poll_timeout`] has passed.
    Timeout,
}

/// What a node wants done.
#[derive(Debug)]
pub enum Output {
    /// Open a connection to the peer, TLS included.
    Connect {
        /// How it is called from here on.
        connection: ConnectionId,
        /// Whom to reach, as the table calls it.
        peer: DiameterIdentity,
    },
    /// Send these octets.
    Transmit(ConnectionId, SecretBytes),
    /// Close the connection, or give up opening it, once what was to be sent is sent.
    Close(ConnectionId),
    /// Tell the application.
    Event(Event),
}

/// What an application learns. Peers are called as in the table where it is about their connection, and by their
/// Origin-Host where it is about a message.
#[derive(Debug)]
pub enum Event {
    /// A peer is connected.
    PeerOpened {
        /// Which.
        peer: DiameterIdentity,
        /// What it told.
        capabilities: Capabilities,
    },
    /// The watchdog's view of a peer changed.
    PeerStatus {
        /// Which.
        peer: DiameterIdentity,
        /// How it stands.
        status: PeerStatus,
    },
    /// A peer is not connected any more, or could not be.
    PeerClosed {
        /// Which.
        peer: DiameterIdentity,
        /// Why.
        reason: CloseReason,
    },
    /// A peer asks; to be answered with [`super::Node::answer`].
    Request {
        /// How the request is called.
        id: InboundId,
        /// The peer it came from: its Origin-Host may be somebody behind that peer.
        peer: DiameterIdentity,
        /// The connection it came in on.
        connection: ConnectionId,
        /// The request.
        request: Message,
    },
    /// The answer to a request of this node.
    Answer {
        /// From [`super::Node::send`].
        ticket: Ticket,
        /// The peer it came from.
        peer: DiameterIdentity,
        /// The answer.
        answer: Message,
    },
    /// There will be no answer.
    Failed {
        /// From [`super::Node::send`].
        ticket: Ticket,
        /// Why.
        failure: Failure,
    },
}
