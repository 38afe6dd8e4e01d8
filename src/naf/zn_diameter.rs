//! Keys from a BSF by Zn over Diameter (TS 29.109): the proxy is a node of its own, under the NAF's name.

use super::key_source::{CloseFuture, Granted, KeyFuture, KeySource, NafQuestion, granted};
use ksnaf_diameter::{
    Diameter, DisconnectCause, NodeConfig, PeerAddress, PeerConfig, RequestError, Route, RoutingTable,
    SendError, Settings,
};
use ksnaf_proto::diameter::peer::Backoff;
use ksnaf_proto::diameter::{
    Addressing, Application, ApplicationId, DiameterIdentity, LocalNode, Message, Origin, VendorId,
};
use ksnaf_proto::gba::{BTid, UaSecurityProtocolId};
use ksnaf_proto::zn::{ZnError, diameter};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

/// For one question, the wait for a connection included.
const BOUND: Duration = Duration::from_secs(8);

/// The pause before an attempt to connect doubles from the first to the second: a BSF that is back is used soon.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// For the peer to take a DPR.
const LEAVE: Duration = Duration::from_millis(500);

/// What stands for the peer in the routes until its name is known.
const PEER: &str = "bsf.invalid";

/// A BSF, or a relay before it.
pub struct DiameterKeys {
    node: Diameter,
    question: NafQuestion,
}

impl DiameterKeys {
    /// Connects, and again whenever the connection is lost. `None` where the NAF's name is no Diameter identity.
    #[must_use]
    pub fn start(peer: SocketAddr, question: NafQuestion) -> Option<Self> {
        let host = question.naf.as_str();
        let origin = Origin { host: DiameterIdentity::parse(host).ok()?, realm: realm_of(host)? };
        let label = DiameterIdentity::parse(PEER).ok()?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let any: IpAddr = if peer.ip().is_loopback() { peer.ip() } else { Ipv4Addr::UNSPECIFIED.into() };
        let local = LocalNode {
            origin,
            addresses: vec![any],
            vendor: VendorId::IETF,
            product: "ksnaf".to_owned(),
            firmware: None,
            origin_state_id: u32::try_from(since.as_secs()).unwrap_or(u32::MAX),
            applications: vec![Application::of_vendor(VendorId::TGPP, ApplicationId::ZN)],
            served_realms: Vec::new(),
        };
        let config =
            PeerConfig { backoff: Backoff::new(PAUSES.0, PAUSES.1), ..PeerConfig::unnamed(label.clone()) };
        let settings = Settings {
            routes: RoutingTable::new(vec![Route {
                realm: None,
                application: None,
                peer: label,
                priority: 0,
            }]),
            peers: vec![PeerAddress { config, address: peer.to_string(), tls: None }],
            ..Settings::new(NodeConfig::new(local))
        };
        Some(Self { node: Diameter::start(settings, Vec::new(), None), question })
    }

    async fn ask(&self, b_tid: &BTid, ua: UaSecurityProtocolId) -> Result<Granted, ZnError> {
        let addressing = Addressing {
            session_id: self.node.session_id(),
            origin: self.node.local().origin.clone(),
            // The BSF is named in the B-TID (TS 29.109 clause 5.2).
            destination_realm: realm_of(b_tid.bsf()).ok_or(ZnError::UnknownTransaction)?,
            destination_host: None,
        };
        let message = self.question.about(b_tid, ua).to_message(&addressing);
        let answer = tokio::time::timeout(BOUND, self.request(message)).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the BSF cannot be asked");
                return Err(ZnError::Unavailable);
            }
            Err(_) => {
                tracing::warn!("the BSF does not answer in time");
                return Err(ZnError::Unavailable);
            }
        };
        diameter::read_answer(&answer).map(granted).map_err(|error| error.zn_error())
    }

    /// Right after the start, or after the BSF's own restart, a connection is just about to be there.
    async fn request(&self, message: Message) -> Result<Message, RequestError> {
        let sent = self.node.request(message.clone(), BOUND).await;
        if !matches!(sent, Err(RequestError::NotSent(SendError::NoPeer))) {
            return sent.map(|(_, answer)| answer);
        }
        let mut peers = self.node.watch_peers();
        let connected = peers.wait_for(|peers| peers.iter().any(|peer| peer.connected));
        let _ = tokio::time::timeout(BOUND / 2, connected).await;
        self.node.request(message, BOUND).await.map(|(_, answer)| answer)
    }
}

impl KeySource for DiameterKeys {
    fn naf_key<'a>(&'a self, b_tid: &'a BTid, ua: UaSecurityProtocolId) -> KeyFuture<'a> {
        Box::pin(self.ask(b_tid, ua))
    }

    fn close(&self) -> CloseFuture<'_> {
        Box::pin(async move { self.node.shut_down(DisconnectCause::REBOOTING, LEAVE).await })
    }
}

/// What follows the first label of a host's name.
fn realm_of(host: &str) -> Option<DiameterIdentity> {
    let realm = host.split_once('.').map_or(host, |(_, realm)| realm);
    DiameterIdentity::parse(realm).ok()
}
