//! A Diameter node on real sockets: what drives [`ksnaf_proto::diameter::node::Node`].
//!
//! [`Diameter::start`] spawns one task that owns the node, one for each listener and one for each connection; the
//! handle it returns is cheap to clone. Everything that has to be decided is decided in the node, with the time as
//! an argument; this crate opens, reads, writes and closes.
//!
//! No peer can hold up another: the owner never waits for a connection. A connection reads no further than the owner
//! has kept up with, and one whose peer does not read loses its place once too much waits for it. Each request of a
//! peer is answered in a task of its own.

mod accept;
mod connection;
mod dial;
mod handle;
mod owner;
mod settings;

pub use handle::{Diameter, PeerState, RequestError};
pub use ksnaf_proto::diameter::node::{Failure, NodeConfig, Route, RoutingTable, SendError, UnknownPeers};
pub use ksnaf_proto::diameter::peer::{
    CloseReason, DisconnectCause, PeerConfig, PeerStatus, WatchdogInterval,
};
pub use settings::{Asker, Listener, PeerAddress, Service, Settings};
