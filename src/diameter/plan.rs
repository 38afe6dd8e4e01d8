//! What the node is to be, collected before it starts.

use super::{Desk, tls};
use crate::config::{Config, DiameterConfig, DiameterPeerConfig, host_of};
use crate::http::tls::TlsError;
use ksnaf_diameter::{
    Diameter, Listener, NodeConfig, PeerAddress, PeerConfig, Route, RoutingTable, Settings, UnknownPeers,
};
use ksnaf_proto::diameter::{
    Application, ApplicationId, DiameterIdentity, LocalNode, NotAnIdentity, Origin, VendorId,
};
use rustls::pki_types::ServerName;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::UdpSocket;

/// How long the look for the address that connections to a peer come from may take; a name server may be asked.
const SOURCE_PATIENCE: Duration = Duration::from_secs(2);

/// Why there is no node. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A certificate or key is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Something in the place of a name or an address is none.
    #[error("{text:?}: {source}")]
    Name {
        /// What it is.
        text: String,
        /// What it should be.
        source: NotAnIdentity,
    },
    /// No certificate can have the name of a peer that is reached over TLS.
    #[error("diameter.peer {0:?} is no name that a certificate could have")]
    ServerName(String),
}

/// A node to be started.
pub struct Plan {
    config: DiameterConfig,
    origin: Origin,
    applications: Vec<ApplicationId>,
    routes: Vec<Route>,
    settings: Settings,
    listeners: Vec<Listener>,
    addresses: Vec<IpAddr>,
}

impl Plan {
    /// With the identity and the peers of the configuration.
    pub fn from_config(config: &Config) -> Result<Self, PlanError> {
        let origin = origin(config)?;
        let config = config.diameter.clone();
        let mut settings = Settings::new(NodeConfig::new(local(&config, origin.clone())));
        settings.tls = tls::client(&config)?;
        settings.names_from_certificates = config.names_from_certificates;
        let peers = config.peer.clone();
        let (applications, routes, listeners, addresses) = Default::default();
        let mut plan = Self { config, origin, applications, routes, settings, listeners, addresses };
        for peer in &peers {
            plan.add(peer)?;
        }
        Ok(plan)
    }

    /// Advertises an application, whichever side of it this node is.
    pub fn advertise(&mut self, application: ApplicationId) {
        if !self.applications.contains(&application) {
            self.applications.push(application);
        }
    }

    /// Sends requests of an application, for one realm or for any, to the peer at `host:port`: one of the
    /// configuration's peers if that is where it is, else one more, whose name it tells itself.
    pub fn ask(
        &mut self,
        application: ApplicationId,
        address: &str,
        realm: Option<&DiameterIdentity>,
    ) -> Result<(), PlanError> {
        self.advertise(application);
        let known = self.settings.peers.iter().find(|peer| peer.address == address);
        let peer = match known {
            Some(peer) => peer.config.host.clone(),
            None => {
                let label = name(address)?;
                let peer = DiameterPeerConfig { address: Some(address.to_owned()), ..Default::default() };
                self.know(&peer, label.clone())?;
                label
            }
        };
        self.routes.push(Route { realm: realm.cloned(), application: Some(application), peer, priority: 0 });
        Ok(())
    }

    /// Accepts peers there, strangers among them: NAFs, whose rights stand in `[[naf]]`.
    pub fn listen(&mut self, listener: Listener, address: SocketAddr) {
        self.listeners.push(listener);
        if !address.ip().is_unspecified() && !self.addresses.contains(&address.ip()) {
            self.addresses.push(address.ip());
        }
    }

    /// Whether there is nothing for the node to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.listeners.is_empty() && self.settings.peers.is_empty()
    }

    /// Starts the node.
    pub async fn start(mut self) -> (Diameter, Arc<Desk>) {
        if self.addresses.is_empty() {
            let connects = self.settings.peers.iter().find(|peer| peer.config.connects);
            let source = match connects {
                Some(peer) => source_towards(&peer.address).await,
                None => None,
            };
            self.addresses.push(source.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        }
        let local = &mut self.settings.node.local;
        local.addresses = self.addresses;
        local.applications =
            self.applications.iter().map(|id| Application::of_vendor(VendorId::TGPP, *id)).collect();
        if !self.listeners.is_empty() {
            let template =
                PeerConfig { watchdog: self.config.watchdog, ..PeerConfig::new(self.origin.host.clone()) };
            self.settings.node.unknown_peers =
                UnknownPeers::Accept { at_most: self.config.unknown_peers, template: Box::new(template) };
        }
        self.settings.routes = RoutingTable::new(self.routes);
        let desk = Arc::new(Desk::new(self.origin));
        (Diameter::start(self.settings, self.listeners, Some(desk.clone())), desk)
    }

    fn add(&mut self, peer: &DiameterPeerConfig) -> Result<(), PlanError> {
        let label = match (&peer.host, &peer.address) {
            (Some(host), _) => host.clone(),
            (None, address) => name(address.as_deref().unwrap_or_default())?,
        };
        self.know(peer, label.clone())?;
        for application in &peer.applications {
            self.advertise(application.0);
        }
        let realms = any_if_empty(peer.realms.iter().cloned());
        let applications = any_if_empty(peer.applications.iter().map(|name| name.0));
        for realm in &realms {
            for application in &applications {
                self.routes.push(Route {
                    realm: realm.clone(),
                    application: *application,
                    peer: label.clone(),
                    priority: peer.priority,
                });
            }
        }
        Ok(())
    }

    fn know(&mut self, peer: &DiameterPeerConfig, label: DiameterIdentity) -> Result<(), PlanError> {
        let config = PeerConfig {
            any_host: peer.host.is_none(),
            connects: peer.address.is_some(),
            watchdog: self.config.watchdog,
            ..PeerConfig::new(label)
        };
        let address = peer.address.clone().unwrap_or_default();
        let certified = match &peer.host {
            Some(host) => host.as_str(),
            None => host_of(&address).unwrap_or_default(),
        };
        let server = || {
            ServerName::try_from(certified.to_owned())
                .map_err(|_| PlanError::ServerName(certified.to_owned()))
        };
        let tls = peer.tls.then(server).transpose()?;
        self.settings.peers.push(PeerAddress { config, address, tls });
        Ok(())
    }
}

fn origin(config: &Config) -> Result<Origin, PlanError> {
    let host = match &config.diameter.identity {
        Some(identity) => identity.clone(),
        None => name(config.bsf.fqdn.as_str())?,
    };
    let realm = match &config.diameter.realm {
        Some(realm) => realm.clone(),
        None => {
            let after_first_label = host.as_str().split_once('.').map(|(_, rest)| rest);
            name(after_first_label.filter(|rest| !rest.is_empty()).unwrap_or(host.as_str()))?
        }
    };
    Ok(Origin { host, realm })
}

fn local(config: &DiameterConfig, origin: Origin) -> LocalNode {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    LocalNode {
        origin,
        addresses: Vec::new(),
        vendor: VendorId::IETF,
        product: config.product.clone(),
        firmware: None,
        origin_state_id: u32::try_from(since_1970.as_secs()).unwrap_or(u32::MAX),
        applications: Vec::new(),
        served_realms: Vec::new(),
    }
}

fn name(text: &str) -> Result<DiameterIdentity, PlanError> {
    DiameterIdentity::parse(text).map_err(|source| PlanError::Name { text: text.to_owned(), source })
}

fn any_if_empty<T>(values: impl Iterator<Item = T>) -> Vec<Option<T>> {
    let values: Vec<_> = values.map(Some).collect();
    if values.is_empty() { vec![None] } else { values }
}

/// The address that connections to a peer come from: what Host-IP-Address is for. Nothing is sent.
async fn source_towards(address: &str) -> Option<IpAddr> {
    let look = async {
        let target = tokio::net::lookup_host(address).await.ok()?.next()?;
        let any: IpAddr = if target.is_ipv4() {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            std::net::Ipv6Addr::UNSPECIFIED.into()
        };
        let socket = UdpSocket::bind((any, 0)).await.ok()?;
        socket.connect(target).await.ok()?;
        socket.local_addr().ok().map(|local| local.ip())
    };
    tokio::time::timeout(SOURCE_PATIENCE, look).await.ok().flatten()
}

#[cfg(test)]
mod tests;
