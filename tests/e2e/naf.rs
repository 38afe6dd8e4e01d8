//! A NAF that asks over Diameter and over Nbsp_GBA. What keys it is told go to its lab's watch.

use crate::api::{Answer, Api, NAF, tcp};
use crate::lab::{BSF, Lab, fqdn};
use http::Method;
use ksnaf_diameter::{Diameter, NodeConfig, PeerAddress, PeerConfig, Route, RoutingTable, Settings};
use ksnaf_proto::diameter::addressing::Addressing;
use ksnaf_proto::diameter::{
    Application, ApplicationId, DiameterIdentity, LocalNode, Message, Origin, Outcome, VendorId,
};
use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::gba::{BTid, NafId, UaSecurityProtocolId};
use ksnaf_proto::zn::{self, NafAnswer, NafQuery, ZnError};
use ksnaf_proto::zpn::{self, PushAnswer, PushQuery};
use rustls::ClientConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const KEYS: &str = "/nbsp-gba/v1/bootstrapping-info-retrieval";
const PUSH: &str = "/nbsp-gba/v1/push-info-retrieval";

/// Far more than anything here needs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn identity(text: &str) -> DiameterIdentity {
    DiameterIdentity::parse(text).expect("a name")
}

/// The realm of the lab's BSF.
pub(crate) fn realm() -> DiameterIdentity {
    identity(BSF.split_once('.').expect("a name with dots").1)
}

/// A question of the lab's NAF about this B-TID.
pub(crate) fn query(b_tid: &str) -> NafQuery {
    NafQuery {
        b_tid: BTid::parse(b_tid).expect("a B-TID"),
        naf_id: NafId::new(fqdn(NAF), UaSecurityProtocolId::HTTP_DIGEST),
        gba_u_aware: false,
        gs_ids: Vec::new(),
    }
}

/// The same question of another NAF.
pub(crate) fn query_of(naf: &str, b_tid: &str) -> NafQuery {
    NafQuery { naf_id: NafId::new(fqdn(naf), UaSecurityProtocolId::HTTP_DIGEST), ..query(b_tid) }
}

/// The same question with settings wanted.
pub(crate) fn query_with(b_tid: &str, gs_ids: &[u32]) -> NafQuery {
    NafQuery { gs_ids: gs_ids.iter().copied().map(GsId).collect(), ..query(b_tid) }
}

/// A Diameter node that is connected to the BSF.
pub(crate) struct Peer {
    node: Diameter,
}

/// How a peer comes to the BSF.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    /// What it trusts and shows, for TLS.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Peer {
    /// Connects by this Origin-Host, over TCP.
    pub(crate) async fn connect(lab: &Lab, host: &str) -> Self {
        let address = lab.service().addresses.zn_diameter.expect("Zn is served over Diameter");
        Self::by(Way { address, tls: None }, host).await.expect("a BSF that lets its NAF in")
    }

    /// Connects by this Origin-Host; `None` if the BSF does not let it in.
    pub(crate) async fn by(way: Way, host: &str) -> Option<Self> {
        let mut settings = Settings::new(NodeConfig::new(LocalNode {
            origin: Origin { host: identity(host), realm: identity("nafs.example") },
            addresses: vec![[127, 0, 0, 1].into()],
            vendor: VendorId::IETF,
            product: "e2e".to_owned(),
            firmware: None,
            origin_state_id: 1,
            applications: [ApplicationId::ZN, ApplicationId::ZPN]
                .map(|id| Application::of_vendor(VendorId::TGPP, id))
                .to_vec(),
            served_realms: Vec::new(),
        }));
        settings.routes = RoutingTable::new(vec![Route {
            realm: None,
            application: None,
            peer: identity(BSF),
            priority: 0,
        }]);
        let server = way.tls.is_some().then(|| "localhost".try_into().expect("a name"));
        settings.tls = way.tls;
        settings.peers.push(PeerAddress {
            config: PeerConfig::new(identity(BSF)),
            address: way.address.to_string(),
            tls: server,
        });
        let node = Diameter::start(settings, Vec::new(), None);
        let mut peers = node.watch_peers();
        let connected = peers.wait_for(|peers| peers.iter().any(|peer| peer.connected));
        let waited = tokio::time::timeout(Duration::from_secs(5), connected).await;
        let is_connected = matches!(waited, Ok(Ok(_)));
        is_connected.then_some(Self { node })
    }

    pub(crate) fn addressing(&self) -> Addressing {
        Addressing {
            session_id: self.node.session_id(),
            origin: self.node.local().origin.clone(),
            destination_realm: realm(),
            destination_host: None,
        }
    }

    /// One request as it is.
    pub(crate) async fn send(&self, request: Message) -> Message {
        let (_, answer) = self.node.request(request, PATIENCE).await.expect("an answer");
        answer
    }

    /// BIR.
    pub(crate) async fn ask(&self, query: &NafQuery) -> Message {
        self.send(query.to_message(&self.addressing())).await
    }

    /// GPR.
    pub(crate) async fn push(&self, query: &PushQuery) -> Message {
        self.send(query.to_message(&self.addressing()).expect("an end that Diameter can say")).await
    }
}

/// A NAF with both faces, the lab's NAF by its token and by its Origin-Host.
pub(crate) struct Naf<'l> {
    lab: &'l Lab,
    pub(crate) peer: Peer,
    pub(crate) api: Api,
}

/// What an answer on each face was: HTTP status and Diameter's outcome.
pub(crate) type Outcomes = (u16, Outcome);

impl<'l> Naf<'l> {
    pub(crate) async fn new(lab: &'l Lab) -> Self {
        let address = lab.service().addresses.zn_sbi.expect("Nbsp_GBA is served");
        let api = Api::new(tcp(address), Some(lab.token.clone()), Arc::clone(&lab.watch));
        Self { lab, peer: Peer::connect(lab, NAF).await, api }
    }

    /// Asks on both faces: the one answer, or the one error.
    pub(crate) async fn ask(&self, query: &NafQuery) -> Result<NafAnswer, (ZnError, Outcomes)> {
        let http = post(&self.api, KEYS, &query.to_json()).await;
        let diameter = self.peer.ask(query).await;
        let by_http = zn::nbsp_gba::read_answer(http.status.as_u16(), &http.body);
        let by_diameter = zn::diameter::read_answer(&diameter);
        let outcomes = (http.status.as_u16(), diameter.outcome().expect("an outcome"));
        match (by_http, by_diameter) {
            (Ok(one), Ok(other)) => {
                self.remember(&one);
                assert_eq!(one, other, "the faces differ");
                Ok(one)
            }
            (Err(one), Err(other)) => {
                assert!(http.body.len() < 200, "an error says little: {}", http.text());
                assert_eq!(diameter.avps.iter().count(), 5, "Session-Id, result, origin and application");
                let error = one.zn_error();
                // Diameter has no name for some of them.
                assert!([error, ZnError::Unavailable].contains(&other.zn_error()), "{one} {other}");
                Err((error, outcomes))
            }
            (one, other) => panic!("the faces differ: {} {}", one.is_ok(), other.is_ok()),
        }
    }

    /// Pushes over Nbsp_GBA.
    pub(crate) async fn push_by_http(&self, query: &PushQuery) -> Result<PushAnswer, ZnError> {
        let http = post(&self.api, PUSH, &query.to_json()).await;
        let answer = zpn::nbsp_gba::read_answer(http.status.as_u16(), &http.body);
        answer.inspect(|answer| self.remember(&answer.keys)).map_err(|error| error.zn_error())
    }

    /// Pushes over Diameter.
    pub(crate) async fn push_by_diameter(&self, query: &PushQuery) -> Result<PushAnswer, Outcome> {
        let answer = self.peer.push(query).await;
        let read = zpn::diameter::read_answer(&answer);
        read.inspect(|read| self.remember(&read.keys)).map_err(|_| answer.outcome().expect("an outcome"))
    }

    fn remember(&self, keys: &NafAnswer) {
        self.lab.secret("a NAF's key", keys.me_key.danger_expose());
        if let Some(key) = &keys.uicc_key {
            self.lab.secret("Ks_int_NAF", key.danger_expose());
        }
    }
}

/// One request to Nbsp_GBA.
pub(crate) async fn post(api: &Api, path: &str, body: &[u8]) -> Answer {
    api.send(Method::POST, path, &[("content-type", "application/json")], body).await
}
