//! freeDiameter as a peer, either side connecting, over TCP and TLS; and as a relay between a NAF and a BSF.

use crate::network::{ADDRESS, in_own_network};
use crate::programs::{Running, need, ours};
use ksnaf::config::Config;
use ksnaf::diameter::{Asker, Desk, Diameter, DisconnectCause, Listener, Plan, Service, acceptor};
use ksnaf_diameter::PeerState;
use ksnaf_proto::diameter::dictionary::{base, gba};
use ksnaf_proto::diameter::{
    Answer, ApplicationId, CommandCode, DiameterIdentity, LocalNode, Message, MessageReader, Outcome,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustix::process::Signal;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Far more than anything here needs; a watchdog interval is eight seconds at the most.
const PATIENCE: Duration = Duration::from_secs(40);

/// freeDiameter's ports. The network is the test's own.
pub(crate) const PORT: u16 = 3868;
const SECURE_PORT: u16 = 5658;

#[test]
fn free_diameter_is_known_by_its_address_watched_and_left_in_good_order() {
    in_own_network(|| {
        let folder = folder();
        let mut peer = FreeDiameter::start(&folder, "TwTimer = 30;", &["bsf.example"]);
        run(async {
            peer.until_it_listens(PORT).await;
            let tap = Tap::towards(format!("{ADDRESS}:{PORT}").parse().expect("an address")).await;
            let (node, _desk) = start(&format!(
                "{BSF}\n[[diameter.peer]]\naddress = \"{}\"\napplications = [\"zh\"]",
                tap.address
            ))
            .await;
            until(&node, |peers| {
                peers.iter().any(|peer| peer.connected && peer.name == identity("fd.example"))
            })
            .await;
            let seen = node.peers();
            assert_eq!(seen[0].realm, Some(identity("example")));
            assert!(seen[0].applications.contains(&ApplicationId::RELAY), "{seen:?}");
            tap.until(&[(Side::Near, CommandCode::DEVICE_WATCHDOG, true)]).await;
            tap.until(&[(Side::Far, CommandCode::DEVICE_WATCHDOG, false)]).await;
            node.shut_down(DisconnectCause::REBOOTING, PATIENCE).await;
            tap.until(&[
                (Side::Near, CommandCode::CAPABILITIES_EXCHANGE, true),
                (Side::Far, CommandCode::CAPABILITIES_EXCHANGE, false),
                (Side::Near, CommandCode::DEVICE_WATCHDOG, true),
                (Side::Far, CommandCode::DEVICE_WATCHDOG, false),
                (Side::Near, CommandCode::DISCONNECT_PEER, true),
                (Side::Far, CommandCode::DISCONNECT_PEER, false),
            ])
            .await;
        });
        assert!(peer.running.is_alive(), "{}", peer.running.log());
    });
}

#[test]
fn free_diameter_connects_watches_and_leaves_in_good_order() {
    in_own_network(|| {
        let folder = folder();
        run(async {
            let mut config = config("bsf.fqdn = \"bsf.example\"");
            config.diameter.watchdog = Default::default();
            let (node, _desk, address) = listen(&config, false).await;
            let tap = Tap::towards(address).await;
            let connect = connect_peer("bsf.example", tap.address.port(), "No_TLS;");
            let mut peer = FreeDiameter::start(&folder, &format!("TwTimer = 6;\n{connect}"), &[]);
            until(&node, |peers| peers.iter().any(|peer| peer.connected)).await;
            assert_eq!(node.peers()[0].name, identity("fd.example"));
            tap.until(&[
                (Side::Near, CommandCode::CAPABILITIES_EXCHANGE, true),
                (Side::Far, CommandCode::CAPABILITIES_EXCHANGE, false),
                (Side::Near, CommandCode::DEVICE_WATCHDOG, true),
                (Side::Far, CommandCode::DEVICE_WATCHDOG, false),
            ])
            .await;
            assert!(node.peers()[0].connected);
            peer.running.signal(Signal::TERM);
            tap.until(&[
                (Side::Near, CommandCode::DISCONNECT_PEER, true),
                (Side::Far, CommandCode::DISCONNECT_PEER, false),
            ])
            .await;
            until(&node, Vec::is_empty).await;
            peer.running.wait(PATIENCE);
        });
    });
}

#[test]
fn both_sides_connect_over_tls() {
    in_own_network(|| {
        let folder = folder();
        let files = |name: &str| {
            format!(
                "[diameter]\nidentity = \"{name}\"\ntls_certificate = \"{0}/{name}.pem\"\ntls_key = \"{0}/{name}.key\"\n\
                 tls_ca = \"{0}/ca.pem\"\nwatchdog = \"6s\"\n",
                folder.path().display()
            )
        };
        run(async {
            let bsf = config(&files("bsf.example"));
            let (bsf, _desk, address) = listen(&bsf, true).await;
            let connect = connect_peer("bsf.example", address.port(), "");
            let mut peer = FreeDiameter::start(&folder, &connect, &[]);
            until(&bsf, |peers| peers.iter().any(|peer| peer.connected)).await;
            assert_eq!(bsf.peers()[0].name, identity("fd.example"));
            peer.until_it_listens(SECURE_PORT).await;
            let naf = format!(
                "{}[[diameter.peer]]\nhost = \"fd.example\"\n\
                 address = \"{ADDRESS}:{SECURE_PORT}\"\napplications = [\"zn\"]\ntls = true\n",
                files("naf.example")
            );
            let (naf, _desk) = start(&naf).await;
            until(&naf, |peers| peers.iter().any(|peer| peer.connected)).await;
            assert!(naf.peers()[0].applications.contains(&ApplicationId::RELAY));
            naf.shut_down(DisconnectCause::REBOOTING, PATIENCE).await;
            assert!(peer.running.is_alive(), "{}", peer.running.log());
        });
    });
}

#[test]
fn free_diameter_relays_between_a_naf_and_a_bsf() {
    in_own_network(|| {
        let folder = folder();
        run(async {
            let (bsf, desk, address) = listen(&config(BSF), false).await;
            let (asked, mut requests) = tokio::sync::mpsc::unbounded_channel();
            desk.serve(ApplicationId::ZN, Arc::new(Bsf { local: bsf.local().clone(), asked }));
            let connect = connect_peer("bsf.example", address.port(), "No_TLS;");
            let mut peer = FreeDiameter::start(&folder, &connect, &["naf.example"]);
            peer.until_it_listens(PORT).await;
            until(&bsf, |peers| peers.iter().any(|peer| peer.connected)).await;
            let (naf, _desk) = start(&format!(
                "diameter.identity = \"naf.example\"\n[[diameter.peer]]\nhost = \"fd.example\"\n\
                 address = \"{ADDRESS}:{PORT}\"\napplications = [\"zn\"]\n"
            ))
            .await;
            until(&naf, |peers| peers.iter().any(|peer| peer.connected)).await;
            for number in 0..20 {
                let b_tid = format!("{number}@bsf.example");
                let asking = naf.request(bootstrapping_info(&naf, &b_tid), PATIENCE).await;
                let (from, answer) = asking.unwrap_or_else(|error| panic!("{error}: {}", peer.running.log()));
                assert_eq!(from, identity("fd.example"), "the peer is the relay");
                assert_eq!(answer.outcome(), Ok(Outcome::SUCCESS));
                let origin = answer.avps.required(&base::ORIGIN_HOST).expect("an origin").identity();
                assert_eq!(origin, Ok(identity("bsf.example")));
                let (asker, request) = requests.recv().await.expect("a request");
                assert_eq!(asker.peer, identity("fd.example"));
                let told = request.avps.required(&gba::TRANSACTION_IDENTIFIER).expect("a B-TID").text();
                assert_eq!(told, Ok(b_tid.as_str()));
                let route = request.avps.first(&base::ROUTE_RECORD).expect("a record of the way").identity();
                assert_eq!(route, Ok(identity("naf.example")));
            }
            assert!(peer.running.is_alive(), "{}", peer.running.log());
        });
    });
}

const BSF: &str = "bsf.fqdn = \"bsf.example\"\ndiameter.watchdog = \"6s\"";

fn identity(text: &str) -> DiameterIdentity {
    DiameterIdentity::parse(text).expect("a name")
}

/// On this thread: what it starts dies with it.
fn run(body: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(body);
}

fn config(text: &str) -> Config {
    toml::from_str(text).expect("a configuration")
}

async fn start(text: &str) -> (Diameter, Arc<Desk>) {
    Plan::from_config(&config(text)).expect("a plan").start().await
}

/// A BSF that peers connect to.
async fn listen(config: &Config, over_tls: bool) -> (Diameter, Arc<Desk>, SocketAddr) {
    let mut plan = Plan::from_config(config).expect("a plan");
    plan.advertise(ApplicationId::ZN);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let listener = if over_tls {
        Listener::Tls(listener, acceptor(&config.diameter).expect("files").expect("TLS"))
    } else {
        Listener::Tcp(listener)
    };
    plan.listen(listener, address);
    let (node, desk) = plan.start().await;
    (node, desk, address)
}

async fn until(node: &Diameter, wanted: impl FnMut(&Vec<PeerState>) -> bool) {
    let mut peers = node.watch_peers();
    let reached = tokio::time::timeout(PATIENCE, peers.wait_for(wanted)).await.is_ok_and(|seen| seen.is_ok());
    assert!(reached, "{:?}", node.peers());
}

fn bootstrapping_info(naf: &Diameter, b_tid: &str) -> Message {
    let origin = &naf.local().origin;
    let avps = vec![
        base::SESSION_ID.text(&naf.session_id()),
        ksnaf_proto::diameter::addressing::vendor_specific(ApplicationId::ZN),
        base::ORIGIN_HOST.identity(&origin.host),
        base::ORIGIN_REALM.identity(&origin.realm),
        base::DESTINATION_REALM.text("example"),
        base::DESTINATION_HOST.text("bsf.example"),
        gba::TRANSACTION_IDENTIFIER.text(b_tid),
        gba::NAF_ID.octets(b"naf.example\x01\x00\x00\x00\x02"),
    ];
    Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZN, avps)
}

/// Answers 2001, and shows what it was asked.
struct Bsf {
    local: LocalNode,
    asked: tokio::sync::mpsc::UnboundedSender<(Asker, Message)>,
}

impl Service for Bsf {
    fn answer<'a>(
        &'a self,
        asker: &'a Asker,
        request: Message,
    ) -> Pin<Box<dyn Future<Output = Message> + Send + 'a>> {
        let answer = Answer::new(&request, &self.local.origin, Outcome::SUCCESS).build();
        let _ = self.asked.send((asker.clone(), request));
        Box::pin(async move { answer })
    }
}

pub(crate) struct FreeDiameter {
    pub(crate) running: Running,
}

impl FreeDiameter {
    /// Starts it as `fd.example`. `welcome` may connect without TLS.
    pub(crate) fn start(folder: &TempDir, settings: &str, welcome: &[&str]) -> Self {
        need(&["freeDiameterd", "/usr/lib/freeDiameter/acl_wl.fdx"], "freediameter");
        let path = folder.path();
        let allowed: String = welcome.iter().map(|name| format!("ALLOW_IPSEC {name}\n")).collect();
        let allowed = format!("{allowed}naf.example\n");
        std::fs::write(path.join("allowed"), allowed).expect("a file");
        let configuration = format!(
            "Identity = \"fd.example\";\nRealm = \"example\";\nPort = {PORT};\nSecPort = {SECURE_PORT};\n\
             No_SCTP;\nListenOn = \"{ADDRESS}\";\nTcTimer = 1;\n\
             TLS_Cred = \"{0}/fd.example.pem\", \"{0}/fd.example.key\";\nTLS_CA = \"{0}/ca.pem\";\n\
             LoadExtension = \"/usr/lib/freeDiameter/acl_wl.fdx\" : \"{0}/allowed\";\n{settings}\n",
            path.display()
        );
        let file = path.join("fd.conf");
        std::fs::write(&file, configuration).expect("a file");
        Self { running: Running::start(ours("freeDiameterd").arg("-c").arg(file)) }
    }

    async fn until_it_listens(&mut self, port: u16) {
        let listens = async {
            while TcpStream::connect((ADDRESS, port)).await.is_err() {
                assert!(self.running.is_alive(), "it ended: {}", self.running.log());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens).await.expect("freeDiameter listens");
    }
}

pub(crate) fn connect_peer(name: &str, port: u16, further: &str) -> String {
    format!("ConnectPeer = \"{name}\" {{ ConnectTo = \"127.0.0.1\"; Port = {port}; {further} }};")
}

/// With a certification authority, and certificates of freeDiameter, a BSF and a NAF.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("ksnaf-").tempdir().expect("a folder");
    let write = |name: &str, content: String| {
        std::fs::write(folder.path().join(name), content).expect("a file");
    };
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "peers of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("ca.pem", params.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(params, key);
    for name in ["fd.example", "bsf.example", "naf.example"] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        write(&format!("{name}.pem"), params.signed_by(&key, &issuer).expect("a certificate").pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
    assert!(Path::new(folder.path()).is_dir());
    folder
}

/// Who said something on a connection: the side that opened it, or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Near,
    Far,
}

/// A message as it went by: who said it, which, and whether it is a request.
type Said = (Side, CommandCode, bool);

/// Stands between two peers and sees what they say.
struct Tap {
    address: SocketAddr,
    said: Arc<Mutex<Vec<Said>>>,
}

impl Tap {
    async fn towards(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let said = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(target).await else { continue };
                let (from_near, to_near) = near.into_split();
                let (from_far, to_far) = far.into_split();
                tokio::spawn(pass_on(Side::Near, from_near, to_far, Arc::clone(&sink)));
                tokio::spawn(pass_on(Side::Far, from_far, to_near, Arc::clone(&sink)));
            }
        });
        Self { address, said }
    }

    /// Waits until these have gone by, in this order, others between them perhaps.
    async fn until(&self, wanted: &[Said]) {
        let seen = async {
            loop {
                let said = self.said.lock().expect("no panic").clone();
                let mut missing = wanted.iter().peekable();
                for one in &said {
                    missing.next_if_eq(&one);
                }
                if missing.peek().is_none() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, seen).await;
        assert!(waited.is_ok(), "{wanted:?} in {:?}", self.said.lock().expect("no panic"));
    }
}

async fn pass_on(side: Side, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, said: Arc<Mutex<Vec<Said>>>) {
    let mut reader = MessageReader::new(65_536);
    let mut chunk = vec![0; 4096];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let octets = &chunk[..length];
        reader.push(octets);
        while let Some(Ok(message)) = reader.next_message() {
            said.lock().expect("no panic").push((side, message.header.command, message.is_request()));
        }
        if to.write_all(octets).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
