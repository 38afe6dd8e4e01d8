//! The HSS as a Diameter node: any peer may connect.

use crate::behaviour::Behaviour;
use ksnaf_diameter::{Asker, Diameter, Listener, NodeConfig, PeerConfig, Service, Settings, UnknownPeers};
use ksnaf_proto::diameter::{Application, ApplicationId, LocalNode, Message, Origin, VendorId};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;

/// Peers at once.
const MAX_PEERS: usize = 64;

/// How long an answer may take. A delay that is asked for, or a request that is dropped, is nobody's failure here.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// Whether Cx is spoken beside Zh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WithCx(pub(crate) bool);

struct Answers {
    behaviour: Arc<Behaviour>,
    origin: Origin,
}

impl Service for Answers {
    fn answer<'a>(
        &'a self,
        _: &'a Asker,
        request: Message,
    ) -> Pin<Box<dyn Future<Output = Message> + Send + 'a>> {
        Box::pin(async move {
            match self.behaviour.diameter(&self.origin, &request).await {
                Ok(answer) => answer,
                Err(_dropped) => std::future::pending().await,
            }
        })
    }
}

/// Starts the node on its listener.
pub(crate) fn start(
    behaviour: Arc<Behaviour>,
    origin: Origin,
    cx: WithCx,
    address: IpAddr,
    listener: TcpListener,
) -> Diameter {
    let zh = Application::of_vendor(VendorId::TGPP, ApplicationId::ZH);
    let cx = cx.0.then(|| Application::of_vendor(VendorId::TGPP, ApplicationId::CX));
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let local = LocalNode {
        origin: origin.clone(),
        addresses: vec![if address.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address }],
        vendor: VendorId::IETF,
        product: "ksnaf sim hss".to_owned(),
        firmware: None,
        origin_state_id: u32::try_from(since.as_secs()).unwrap_or(u32::MAX),
        applications: std::iter::once(zh).chain(cx).collect(),
        served_realms: Vec::new(),
    };
    let template = PeerConfig { connects: false, ..PeerConfig::new(origin.host.clone()) };
    let unknown_peers = UnknownPeers::Accept { at_most: MAX_PEERS, template: Box::new(template) };
    let config = NodeConfig { unknown_peers, answer_timeout: ANSWER_TIMEOUT, ..NodeConfig::new(local) };
    let service: Arc<dyn Service> = Arc::new(Answers { behaviour, origin });
    Diameter::start(Settings::new(config), vec![Listener::Tcp(listener)], Some(service))
}
