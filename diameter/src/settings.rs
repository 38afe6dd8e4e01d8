//! What a node is made of.

use ksnaf_proto::diameter::node::{NodeConfig, RoutingTable};
use ksnaf_proto::diameter::peer::PeerConfig;
use ksnaf_proto::diameter::{DiameterIdentity, Message};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a node is made of, but for its listeners and its service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who it is, and its limits.
    pub node: NodeConfig,
    /// Which peers take what it sends.
    pub routes: RoutingTable,
    /// Whom it knows.
    pub peers: Vec<PeerAddress>,
    /// For the peers that are reached over TLS; without it, these cannot be reached.
    pub tls: Option<Arc<ClientConfig>>,
    /// Whether a peer over TLS with a certificate that has names must be called like one of them in its CER (3010
    /// otherwise) or CEA, whichever end connects.
    pub names_from_certificates: bool,
}

impl Settings {
    /// A node that knows nobody.
    #[must_use]
    pub fn new(node: NodeConfig) -> Self {
        Self {
            node,
            routes: RoutingTable::default(),
            peers: Vec::new(),
            tls: None,
            names_from_certificates: true,
        }
    }
}

/// A peer, and where it is.
#[derive(Debug, Clone)]
pub struct PeerAddress {
    /// What is known of it.
    pub config: PeerConfig,
    /// `host:port`. Not looked at where `config.connects` is false.
    pub address: String,
    /// The name that its certificate must have, for a peer that is reached over TLS.
    pub tls: Option<ServerName<'static>>,
}

/// Where connections come from.
pub enum Listener {
    /// Plain TCP.
    Tcp(TcpListener),
    /// TLS from the first octet, as RFC 6733 clause 13.1 wants on a port of its own.
    Tls(TcpListener, TlsAcceptor),
}

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The peer it came from; the request's Origin-Host may be somebody behind it.
    pub peer: DiameterIdentity,
    /// Where that peer is.
    pub address: Option<SocketAddr>,
    /// The names in its certificate, where it showed one that was verified: DNS names and URIs, else the common name.
    pub certificate_names: Vec<String>,
}

/// Answers the requests of peers.
pub trait Service: Send + Sync + 'static {
    /// Answers one request, of an application that the node advertises. Identifiers, P flag and Proxy-Info are set
    /// later. A future that takes longer than `NodeConfig::answer_timeout` is dropped, and 5012 is the answer.
    fn answer<'a>(
        &'a self,
        asker: &'a Asker,
        request: Message,
    ) -> Pin<Box<dyn Future<Output = Message> + Send + 'a>>;
}
