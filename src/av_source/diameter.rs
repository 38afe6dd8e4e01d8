//! Vectors and settings from an HSS by Zh over Diameter (TS 29.109), and the node that Cx uses too.

use super::SourceError;
use super::failure::Failure;
use super::kept::KeptSettings;
use super::remote::Hss;
use crate::config::{Config, PeerAddress};
use crate::http::tls;
use ksnaf_diameter::{
    Diameter, DisconnectCause, NodeConfig, PeerConfig, PeerState, RequestError, Route, RoutingTable,
    SendError, Settings as NodeSettings,
};
use ksnaf_proto::diameter::peer::Backoff;
use ksnaf_proto::diameter::{
    Addressing, Application, ApplicationId, AvpDef, DiameterIdentity, LocalNode, Message, Origin, VendorId,
};
use ksnaf_proto::identity::Impi;
use ksnaf_proto::zh::diameter::{KNOWN, MultimediaAuthRequest};
use ksnaf_proto::zh::{AnswerError, HssAnswer, Settings, VectorRequest};
use rustls::pki_types::ServerName;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::UdpSocket;

/// The pause before an attempt to connect doubles from the first to the second: an HSS that is back is used soon.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// For the HSS to take its DPR.
const LEAVE: Duration = Duration::from_millis(500);

/// An HSS.
pub(super) struct Zh(pub(super) Peer);

impl Hss for Zh {
    const NAME: &'static str = "diameter";
    const TELLS_SETTINGS: bool = true;

    async fn ask(&self, request: &VectorRequest, kept: Option<&KeptSettings>) -> Result<HssAnswer, Failure> {
        let request = MultimediaAuthRequest::new(request, kept.and_then(|kept| kept.timestamp));
        let answer = self.0.ask(request.to_message(&self.0.addressing().await)).await?;
        checked(&answer, KNOWN, request.read_answer(&answer))
    }

    async fn digest(&self, impi: &Impi, kept: Option<&KeptSettings>) -> Result<HssAnswer, Failure> {
        let timestamp = kept.and_then(|kept| kept.timestamp);
        let request = MultimediaAuthRequest::for_digest(impi.clone(), timestamp);
        let answer = self.0.ask(request.to_message(&self.0.addressing().await)).await?;
        checked(&answer, KNOWN, request.read_answer(&answer))
    }

    /// There is no other way on Zh than to ask for a vector with them.
    async fn settings(&self, impi: &Impi) -> Result<Settings, Failure> {
        let request = VectorRequest { impi: impi.clone(), resync: None };
        Ok(self.ask(&request, None).await?.settings)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// An answer that is to be used must be understood whole (RFC 6733 clause 4.1).
pub(super) fn checked(
    answer: &Message,
    known: &[&[AvpDef]],
    read: Result<HssAnswer, AnswerError>,
) -> Result<HssAnswer, Failure> {
    let read = read?;
    answer.avps.check_mandatory(known).map_err(AnswerError::Malformed)?;
    Ok(read)
}

/// The HSS and whoever takes over, by a node of their own or by the process's.
pub(super) struct Peer {
    node: Diameter,
    application: ApplicationId,
    /// Destination-Realm; the connected HSS's own where the configuration says none.
    realm: Option<DiameterIdentity>,
    bound: Duration,
    /// Whether the node serves others too.
    is_shared: bool,
}

impl Peer {
    /// Connects at once, and again whenever the connection is lost. The peer's Origin-Host is learnt from its CEA.
    pub(super) async fn start(
        peer: &PeerAddress,
        application: ApplicationId,
        config: &Config,
    ) -> Result<Self, SourceError> {
        let zh = &config.zh;
        let identity = |key, text: &str| {
            DiameterIdentity::parse(text)
                .map_err(|error| SourceError::Identity { key, reason: error.to_string() })
        };
        let realm = zh.realm.as_deref().map(|realm| identity("zh.realm", realm)).transpose()?;
        let host = config.bsf.fqdn.as_str();
        let own_realm = host.split_once('.').map_or(host, |(_, realm)| realm);
        let origin = Origin { host: identity("bsf.fqdn", host)?, realm: identity("bsf.fqdn", own_realm)? };
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let local = LocalNode {
            origin,
            addresses: vec![own_address(peer).await],
            vendor: VendorId::IETF,
            product: "ksnaf".to_owned(),
            firmware: None,
            origin_state_id: u32::try_from(since.as_secs()).unwrap_or(u32::MAX),
            applications: vec![Application::of_vendor(VendorId::TGPP, application)],
            served_realms: Vec::new(),
        };
        let own = zh.tls_certificate.as_deref().zip(zh.tls_key.as_deref());
        let trust = zh.ca.as_deref().map(|ca| tls::client_as(ca, own)).transpose()?;
        let (mut peers, mut routes) = (Vec::new(), Vec::new());
        for (priority, (key, address)) in
            [("zh.peer", Some(peer)), ("zh.standby_peer", zh.standby_peer.as_ref())].into_iter().enumerate()
        {
            let Some(address) = address else { continue };
            let label = identity(key, LABELS[priority])?;
            let name = trust.as_ref().map(|_| ServerName::try_from(address.host.clone())).transpose();
            let name = name.map_err(|error| SourceError::Identity { key, reason: error.to_string() })?;
            let config = PeerConfig {
                backoff: Backoff::new(PAUSES.0, PAUSES.1),
                connect_timeout: zh.timeout.0,
                exchange_timeout: zh.timeout.0,
                max_outstanding: zh.max_requests,
                ..PeerConfig::unnamed(label.clone())
            };
            peers.push(ksnaf_diameter::PeerAddress { config, address: address.to_string(), tls: name });
            let priority = u16::try_from(priority).unwrap_or_default();
            routes.push(Route { realm: None, application: None, peer: label, priority });
        }
        let settings = NodeSettings {
            routes: RoutingTable::new(routes),
            peers,
            tls: trust.map(Arc::new),
            ..NodeSettings::new(NodeConfig::new(local))
        };
        let node = Diameter::start(settings, Vec::new(), None);
        Ok(Self { node, application, realm, bound: zh.timeout.0, is_shared: false })
    }

    /// By the process's node and the routes of `[[diameter.peer]]`.
    pub(super) fn over(
        node: Diameter,
        application: ApplicationId,
        config: &Config,
    ) -> Result<Self, SourceError> {
        let parse = |text: &str| {
            DiameterIdentity::parse(text)
                .map_err(|error| SourceError::Identity { key: "zh.realm", reason: error.to_string() })
        };
        let realm = config.zh.realm.as_deref().map(parse).transpose()?;
        Ok(Self { node, application, realm, bound: config.zh.timeout.0, is_shared: true })
    }

    /// For the next request. Which realm the HSS is in, it tells when it is connected.
    pub(super) async fn addressing(&self) -> Addressing {
        let mut realm = self.realm.clone().or_else(|| self.realm_of_hss());
        if realm.is_none() && self.is_connected_in(self.bound / 2).await {
            realm = self.realm_of_hss();
        }
        let origin = self.node.local().origin.clone();
        Addressing {
            session_id: self.node.session_id(),
            destination_realm: realm.unwrap_or_else(|| origin.realm.clone()),
            origin,
            destination_host: None,
        }
    }

    fn realm_of_hss(&self) -> Option<DiameterIdentity> {
        let speaks = |peer: &PeerState| peer.connected && peer.applications.contains(&self.application);
        self.node.peers().into_iter().find(speaks)?.realm
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&self, message: Message) -> Result<Message, Failure> {
        let sent = self.node.request(message.clone(), self.bound).await;
        if let Err(RequestError::NotSent(SendError::NoPeer)) = sent
            && self.is_connected_in(self.bound / 2).await
        {
            return Ok(self.node.request(message, self.bound).await?.1);
        }
        Ok(sent?.1)
    }

    /// DPR, so that the HSS does not take this for a failure.
    pub(super) async fn close(&self) {
        if !self.is_shared {
            self.node.shut_down(DisconnectCause::REBOOTING, LEAVE).await;
        }
    }

    /// Right after the start, or after an HSS's own restart, a connection is just about to be there.
    async fn is_connected_in(&self, bound: Duration) -> bool {
        let mut peers = self.node.watch_peers();
        let speaks = |peer: &PeerState| peer.connected && peer.applications.contains(&self.application);
        let connected = peers.wait_for(|peers| peers.iter().any(speaks));
        tokio::time::timeout(bound, connected).await.is_ok_and(|found| found.is_ok())
    }
}

/// What stands for the peers in routes until their names are known.
const LABELS: [&str; 2] = ["hss.invalid", "standby.hss.invalid"];

/// The address from which packets go to the peer. Connecting a datagram socket sends none.
async fn own_address(peer: &PeerAddress) -> IpAddr {
    let found = async {
        let mut targets = tokio::net::lookup_host((peer.host.as_str(), peer.port)).await?;
        let target = targets.next().ok_or(std::io::ErrorKind::NotFound)?;
        let any: IpAddr = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { [0_u16; 8].into() };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(target).await?;
        socket.local_addr()
    };
    found.await.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}
