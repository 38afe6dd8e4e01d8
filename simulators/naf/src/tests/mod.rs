//! The NAF over loopback, with a BSF of the tests' own that knows one bootstrap.

mod fetches;
mod ua;

use crate::{Bir, FetchError, Nbsp, Version, Zn};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use ksnaf_diameter::{Asker, Diameter, Listener, NodeConfig, PeerConfig, Service, Settings, UnknownPeers};
use ksnaf_proto::diameter::{
    Answer, Application, ApplicationId, DiameterIdentity, LocalNode, Message, Origin, Outcome, ResultCode,
    VendorId,
};
use ksnaf_proto::gba::guss::{GsId, Namespace, Uss};
use ksnaf_proto::gba::lifetime::from_unix_seconds;
use ksnaf_proto::gba::{BTid, GbaType, KsIntNaf, NafId, UaSecurityProtocolId};
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::zn::{MeKey, NafAnswer, NafQuery, ZnError, diameter, nbsp_gba};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

/// For anything that comes at all.
const BOUND: Duration = Duration::from_secs(20);

const NAF: &str = "naf.lab.example";
const B_TID: &str = "AAAAAAAAAAAAAAAAAAAAAA==@bsf.lab.example";
const ME_KEY: [u8; 32] = [0x11; 32];
const INT_KEY: [u8; 32] = [0x22; 32];

/// What the BSF does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// As it should.
    Good,
    /// Refuses or fails so.
    Says(ZnError),
    /// Cannot be asked from here: 3002, or 401.
    Closed,
    /// Leaves the key out.
    Senseless,
}

fn decide(mood: Mood, query: &NafQuery) -> Result<NafAnswer, ZnError> {
    if let Mood::Says(error) = mood {
        return Err(error);
    }
    if query.b_tid.as_str() != B_TID {
        return Err(ZnError::UnknownTransaction);
    }
    let uss = query.gs_ids.iter().map(|gs_id| Uss {
        gs_id: *gs_id,
        uids: vec!["sip:lab@ims.example".to_owned()],
        ..Uss::default()
    });
    Ok(NafAnswer {
        me_key: MeKey::new(ME_KEY),
        uicc_key: query.gba_u_aware.then(|| KsIntNaf::new(INT_KEY)),
        expires_at: Some(from_unix_seconds(4_000_000_000)),
        created_at: Some(from_unix_seconds(1_700_000_000)),
        uss: uss.collect(),
        gba_type: GbaType::ThreeG,
        impi: Some(Impi::parse("001010123456789@ims.mnc001.mcc001.3gppnetwork.org").unwrap()),
    })
}

fn query() -> NafQuery {
    NafQuery {
        b_tid: BTid::parse(B_TID).unwrap(),
        naf_id: naf_id(),
        gba_u_aware: true,
        gs_ids: vec![GsId(7)],
    }
}

fn naf_id() -> NafId {
    NafId::new(Fqdn::parse(NAF).unwrap(), UaSecurityProtocolId::HTTP_DIGEST)
}

fn origin(host: &str) -> Origin {
    let identity = |name| DiameterIdentity::parse(name).unwrap();
    Origin { host: identity(host), realm: identity("lab.example") }
}

/// A BSF with both interfaces, at these addresses until it is dropped.
struct Bsf {
    diameter: String,
    sbi: String,
    _node: Diameter,
    stop: CancellationToken,
}

impl Drop for Bsf {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bsf {
    async fn in_mood(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let diameter = listener.local_addr().unwrap().to_string();
        let node = Diameter::start(
            Settings::new(node()),
            vec![Listener::Tcp(listener)],
            Some(Arc::new(OnDiameter(mood))),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sbi = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let respond = move |request| async move { nbsp(mood, &request) };
        tokio::spawn(ksnaf_sim_http::serve(listener, respond, stop.clone(), TaskTracker::new()));
        Self { diameter, sbi, _node: node, stop }
    }

    fn nbsp(&self, version: Version, token: &str) -> Zn {
        let url = format!("http://{}/bsf", self.sbi).parse().unwrap();
        let token = Some(Zeroizing::new(token.to_owned()));
        Zn::Nbsp(Nbsp::new(&url, version, token, None, BOUND).unwrap())
    }

    fn bir(&self) -> Zn {
        Zn::Bir(Bir::start(self.diameter.clone(), origin(NAF), None, BOUND))
    }
}

fn node() -> NodeConfig {
    let local = LocalNode {
        origin: origin("bsf.lab.example"),
        addresses: vec!["127.0.0.1".parse().unwrap()],
        vendor: VendorId::IETF,
        product: "a BSF of a test".to_owned(),
        firmware: None,
        origin_state_id: 1,
        applications: vec![Application::of_vendor(VendorId::TGPP, ApplicationId::ZN)],
        served_realms: Vec::new(),
    };
    let template = PeerConfig { connects: false, ..PeerConfig::new(local.origin.host.clone()) };
    let unknown_peers = UnknownPeers::Accept { at_most: 8, template: Box::new(template) };
    NodeConfig { unknown_peers, ..NodeConfig::new(local) }
}

struct OnDiameter(Mood);

impl Service for OnDiameter {
    fn answer<'a>(
        &'a self,
        _: &'a Asker,
        request: Message,
    ) -> Pin<Box<dyn Future<Output = Message> + Send + 'a>> {
        let bsf = origin("bsf.lab.example");
        let query = NafQuery::parse(&request).unwrap();
        Box::pin(async move {
            match self.0 {
                Mood::Closed => {
                    Answer::new(&request, &bsf, Outcome::Result(ResultCode::UNABLE_TO_DELIVER)).build()
                }
                Mood::Senseless => Answer::new(&request, &bsf, Outcome::SUCCESS).build(),
                mood => diameter::answer(&request, &bsf, &decide(mood, &query), Namespace::R9),
            }
        })
    }
}

fn nbsp(mood: Mood, request: &Request<Bytes>) -> Response<Bytes> {
    assert_eq!(request.uri().path(), "/bsf/nbsp-gba/v1/bootstrapping-info-retrieval");
    assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer token-of-the-naf");
    let answer = |status: StatusCode, body: Vec<u8>| {
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        response
    };
    match mood {
        Mood::Closed => answer(StatusCode::UNAUTHORIZED, Vec::new()),
        Mood::Senseless => answer(StatusCode::OK, b"{}".to_vec()),
        mood => match decide(mood, &NafQuery::parse_json(request.body()).unwrap()) {
            Ok(keys) => answer(StatusCode::OK, nbsp_gba::answer(&keys).danger_expose().to_vec()),
            Err(error) => {
                let problem = error.problem();
                answer(StatusCode::from_u16(problem.status.unwrap()).unwrap(), problem.to_json())
            }
        },
    }
}

/// The kind of an error, as the exit status has it.
fn kind(error: &FetchError) -> &'static str {
    match error {
        FetchError::Refused { .. } => "refused",
        FetchError::Failed(_) => "failed",
        FetchError::Unusable(_) => "unusable",
        FetchError::Unreachable(_) => "unreachable",
        FetchError::Url(_) => "url",
    }
}
