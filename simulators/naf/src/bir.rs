//! Zn over Diameter: Bootstrapping-Info (TS 29.109 clause 5), with the BSF or an agent as the only peer.

use crate::zn::FetchError;
use ksnaf_diameter::{
    Diameter, DisconnectCause, Failure, NodeConfig, PeerAddress, PeerConfig, RequestError, Route,
    RoutingTable, Settings,
};
use ksnaf_proto::diameter::{
    Addressing, Application, ApplicationId, DiameterIdentity, LocalNode, Origin, Outcome, ResultCode,
    VendorId,
};
use ksnaf_proto::zn::diameter::{self, AnswerError};
use ksnaf_proto::zn::{NafAnswer, NafQuery, ZnError};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime};

/// For the peer to take its DPR.
const STOP_BOUND: Duration = Duration::from_secs(2);

/// A Diameter node that asks one peer.
pub struct Bir {
    node: Diameter,
    address: String,
    realm: Option<DiameterIdentity>,
    patience: Duration,
}

impl Bir {
    /// Begins to connect to `address`, host and port, as this NAF. `realm` is the BSF's; the peer's own unless given.
    #[must_use]
    pub fn start(
        address: String,
        origin: Origin,
        realm: Option<DiameterIdentity>,
        patience: Duration,
    ) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let local = LocalNode {
            origin,
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
            vendor: VendorId::IETF,
            product: "ksnaf sim naf".to_owned(),
            firmware: None,
            origin_state_id: u32::try_from(since.as_secs()).unwrap_or(u32::MAX),
            applications: vec![Application::of_vendor(VendorId::TGPP, ApplicationId::ZN)],
            served_realms: Vec::new(),
        };
        // Any name will do for a peer whose own is not known yet.
        let label = local.origin.realm.clone();
        let route = Route { realm: None, application: None, peer: label.clone(), priority: 0 };
        let peer = PeerAddress { config: PeerConfig::unnamed(label), address: address.clone(), tls: None };
        let settings = Settings {
            routes: RoutingTable::new(vec![route]),
            peers: vec![peer],
            ..Settings::new(NodeConfig::new(local))
        };
        Self { node: Diameter::start(settings, Vec::new(), None), address, realm, patience }
    }

    pub(crate) async fn fetch(&self, query: &NafQuery) -> Result<NafAnswer, FetchError> {
        let until = Instant::now().checked_add(self.patience);
        let realm = self.connected().await?;
        let addressing = Addressing {
            session_id: self.node.session_id(),
            origin: self.node.local().origin.clone(),
            destination_realm: self.realm.clone().unwrap_or(realm),
            destination_host: None,
        };
        let left = until.map_or(self.patience, |until| until.saturating_duration_since(Instant::now()));
        let answered = self.node.request(query.to_message(&addressing), left).await;
        let (_, answer) = answered.map_err(|error| self.unanswered(error))?;
        diameter::read_answer(&answer).map_err(refusal)
    }

    /// Waits until the peer is there; its realm.
    async fn connected(&self) -> Result<DiameterIdentity, FetchError> {
        let mut peers = self.node.watch_peers();
        let connected = peers.wait_for(|peers| peers.iter().any(|peer| peer.connected));
        let found = tokio::time::timeout(self.patience, connected).await.ok().and_then(Result::ok);
        let realm = found.and_then(|peers| {
            let connected = peers.iter().find(|peer| peer.connected)?;
            connected.realm.clone()
        });
        realm.ok_or_else(|| {
            let (seconds, own) = (self.patience.as_secs(), &self.node.local().origin.host);
            let told = format!("no Diameter peer at {} within {seconds} s that takes {own}", self.address);
            FetchError::Unreachable(told)
        })
    }

    fn unanswered(&self, error: RequestError) -> FetchError {
        let told = format!("{}: {error}", self.address);
        match error {
            RequestError::NotAnswered(Failure::Malformed) => FetchError::Unusable(told),
            _ => FetchError::Unreachable(told),
        }
    }

    /// Takes leave of the peer.
    pub(crate) async fn close(&self) {
        self.node.shut_down(DisconnectCause::DO_NOT_WANT_TO_TALK_TO_YOU, STOP_BOUND).await;
    }
}

fn refusal(error: AnswerError) -> FetchError {
    let told = error.to_string();
    let undelivered = |code| matches!(code, ResultCode::UNABLE_TO_DELIVER | ResultCode::REALM_NOT_SERVED);
    match error {
        AnswerError::Refused(Outcome::Result(code)) if undelivered(code) => FetchError::Unreachable(told),
        AnswerError::Refused(_) => match error.zn_error() {
            ZnError::Unavailable | ZnError::Settings => FetchError::Failed(told),
            error => FetchError::Refused { error, told },
        },
        _ => FetchError::Unusable(told),
    }
}
