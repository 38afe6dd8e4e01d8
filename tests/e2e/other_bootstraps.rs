//! 2G GBA and GBA_Digest: the key on the device, on the API and on Zn; off by default; over TLS only.

use crate::api::{Api, DIGEST, NAF, tcp};
use crate::certificates::Ca;
use crate::hlr::Fault;
use crate::hss::Network;
use crate::lab::{BSF, Lab, Setup, any_port};
use crate::people::{Person, random};
use crate::proxy::Proxy;
use crate::wire::{Wire, first_request};
use http::Method;
use ksnaf::config::{GbaTypes, OtherBootstrap, UeBootstrap, ZhSource};
use ksnaf_proto::hex;
use ksnaf_sim_hss::Faults;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const HOME: &str = "home1.net";

/// A lab with a relay before its TLS listener, and what must live as long as it.
struct OverTls {
    lab: Lab,
    proxy: Proxy,
    files: (Ca, TempDir),
    network: Option<Network>,
}

impl OverTls {
    async fn finish(self) {
        self.lab.finish().await;
        if let Some(network) = self.network {
            network.stop().await;
        }
    }
}

/// What differs between the tests.
struct Terms {
    person: Person,
    bootstrap: UeBootstrap,
    switched_on: Vec<OtherBootstrap>,
    gba_types: GbaTypes,
    /// Whose certificate the BSF has.
    certificate: &'static str,
    source: ZhSource,
}

impl Terms {
    fn two_g() -> Self {
        Self {
            person: Person::with_sim(),
            bootstrap: UeBootstrap::TwoG,
            switched_on: vec![OtherBootstrap::TwoG],
            gba_types: GbaTypes::all(),
            certificate: BSF,
            source: ZhSource::BuiltIn,
        }
    }

    fn digest(ha1: Vec<u8>) -> Self {
        Self {
            person: Person::with_digest(HOME, ha1),
            bootstrap: UeBootstrap::Digest,
            switched_on: vec![OtherBootstrap::Digest],
            ..Self::two_g()
        }
    }

    async fn start(self) -> OverTls {
        let Self { person, bootstrap, switched_on, gba_types, certificate, source } = self;
        let (ca, folder) = (Ca::new(), crate::lab::folder());
        let (server, root) = (ca.server_of(certificate), ca.file());
        let file = folder.path().join("digest.toml");
        if let Some(digest) = &person.digest {
            let (impi, ha1) = (person.impi.as_str(), hex::encode(digest.ha1.danger_expose()));
            let text = format!("impi = \"{impi}\"\nrealm = \"{HOME}\"\nha1 = \"{ha1}\"\n");
            std::fs::write(&file, text).unwrap();
        }
        let proxy = Proxy::start().await;
        let url = format!("https://{}/", proxy.address);
        let network = match source {
            ZhSource::BuiltIn => None,
            _ => Some(Network::start(source, std::slice::from_ref(&person), Faults::default()).await),
        };
        if let Some(Network::Hlr(hlr)) = &network {
            hlr.misbehave(&person.imsi, Some(Fault::Triplets));
        }
        let setup = match &network {
            None => Setup::of(person),
            Some(network) => crate::hss::setup(source, network, &person),
        };
        let setup = setup.config(|config| {
            config.ub.tls_listen = Some(any_port());
            config.ub.tls_certificate = Some(server.certificate);
            config.ub.tls_key = Some(server.key);
            config.bsf.other_bootstraps = switched_on;
            config.naf[0].gba_types = gba_types;
            config.ue.bootstrap = bootstrap;
            config.ue.digest_file = Some(file);
            config.ue.bsf = Some(url);
            config.ue.bsf_name = Some(BSF.to_owned());
            config.ue.bsf_ca = Some(root);
        });
        let setup = if bootstrap == UeBootstrap::Digest { setup.without_card() } else { setup };
        let lab = setup.start().await;
        proxy.lead_to(lab.service().addresses.ub_tls.unwrap());
        OverTls { lab, proxy, files: (ca, folder), network }
    }
}

async fn zn(lab: &Lab, b_tid: &str) -> crate::api::Answer {
    let address = lab.service().addresses.zn_sbi.unwrap();
    let zn = Api::new(tcp(address), Some(lab.token.clone()), Arc::clone(&lab.watch));
    let query = json!({ "btId": b_tid, "nafId": { "nafFqdn": NAF, "uaSecProtId": DIGEST } }).to_string();
    let path = "/nbsp-gba/v1/bootstrapping-info-retrieval";
    zn.send(Method::POST, path, &[("content-type", "application/json")], query.as_bytes()).await
}

/// The device's key is the network's, on the API and on Zn, where its kind is told.
async fn holds_everywhere(over_tls: &OverTls, gba_type: &str) -> String {
    let lab = &over_tls.lab;
    let device = lab.api().device_side("raw").await.ok();
    let b_tid = device["b_tid"].as_str().unwrap().to_owned();
    assert_eq!(lab.api().network_side(&b_tid, "raw").await.ok(), device);
    let on_zn = zn(lab, &b_tid).await.ok();
    let key = on_zn["meKeyMaterial"].as_str().map(str::to_ascii_lowercase);
    assert_eq!(key.as_deref(), device["key"].as_str());
    assert_eq!(on_zn["gbaType"], gba_type);
    let methods = lab.api().get("/v1/capabilities").await.ok()["methods"].clone();
    assert_eq!(methods, json!([gba_type]));
    let seen = over_tls.proxy.requests() + &over_tls.proxy.answers();
    assert!(!seen.contains("Digest"), "TLS covers all of it");
    b_tid
}

#[tokio::test]
async fn a_sim_bootstraps_and_device_network_and_zn_have_one_key() {
    let over_tls = Terms::two_g().start().await;
    let b_tid = holds_everywhere(&over_tls, "2G_GBA").await;
    assert!(b_tid.ends_with(BSF));
    over_tls.lab.finish().await;
}

#[tokio::test]
async fn a_digest_credential_bootstraps_without_a_card_and_all_have_one_key() {
    for ha1 in [random::<16>().to_vec(), random::<32>().to_vec()] {
        let over_tls = Terms::digest(ha1).start().await;
        holds_everywhere(&over_tls, "GBA_DIGEST").await;
        let card = over_tls.lab.api().get("/v1/capabilities").await.ok()["card"].clone();
        assert_eq!(card["present"], false);
        over_tls.lab.finish().await;
    }
}

#[tokio::test]
async fn an_hss_gives_the_digest_credential_and_an_hlr_the_triplet() {
    for source in [ZhSource::Diameter, ZhSource::Nhss] {
        let terms = Terms { source, ..Terms::digest(random::<16>().to_vec()) };
        let over_tls = terms.start().await;
        holds_everywhere(&over_tls, "GBA_DIGEST").await;
        over_tls.finish().await;
    }
    let over_tls = Terms { source: ZhSource::Gsup, ..Terms::two_g() }.start().await;
    holds_everywhere(&over_tls, "2G_GBA").await;
    over_tls.finish().await;
}

#[tokio::test]
async fn a_source_without_digest_credentials_and_a_subscriber_without_one_are_refused() {
    let person = Person::new(ksnaf_proto::gba::GbaMode::Me);
    for source in [ZhSource::Diameter, ZhSource::Nhss, ZhSource::Nudm] {
        let network = Network::start(source, std::slice::from_ref(&person), Faults::default()).await;
        let (ca, setup) = (Ca::new(), crate::hss::setup(source, &network, &person));
        let server = ca.server_of(BSF);
        let lab = setup.without_card().config(|config| {
            config.ub.tls_listen = Some(any_port());
            config.ub.tls_certificate = Some(server.certificate);
            config.ub.tls_key = Some(server.key);
            config.bsf.other_bootstraps = vec![OtherBootstrap::Digest];
        });
        let lab = lab.start().await;
        let request = first_request(person.impi.as_str(), "User-Agent: x GBA_Digest\r\n");
        let address = lab.service().addresses.ub_tls.unwrap();
        let tcp = TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(ca.trust(None));
        let mut tls = connector.connect(BSF.try_into().unwrap(), tcp).await.unwrap();
        tls.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        tls.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 403", "{source:?}");
        lab.finish().await;
        network.stop().await;
    }
}

#[tokio::test]
async fn a_bootstrap_is_reused_renewed_and_kept_over_a_restart() {
    for terms in [Terms::two_g(), Terms::digest(random::<16>().to_vec())] {
        let mut over_tls = terms.start().await;
        let first = over_tls.lab.api().device_side("raw").await.ok();
        assert_eq!(over_tls.lab.api().device_side("raw").await.ok(), first);
        over_tls.lab.stop().await;
        over_tls.lab.start_again().await;
        assert_eq!(over_tls.lab.api().device_side("raw").await.ok(), first);
        let b_tid = first["b_tid"].as_str().unwrap();
        assert_eq!(over_tls.lab.api().network_side(b_tid, "raw").await.ok(), first);
        over_tls.proxy.lead_to(over_tls.lab.service().addresses.ub_tls.unwrap());
        let second = over_tls.lab.api().b_tid(true).await;
        assert_ne!(json!(second), first["b_tid"]);
        assert_eq!(over_tls.lab.live().await, [second]);
        over_tls.lab.finish().await;
    }
}

#[tokio::test]
async fn neither_runs_unless_it_is_switched_on() {
    for terms in [Terms::two_g(), Terms::digest(random::<16>().to_vec())] {
        let over_tls = Terms { switched_on: Vec::new(), ..terms }.start().await;
        let detail = over_tls.lab.api().bootstrap(false).await.refused(502, "AUTHENTICATION_REJECTED");
        assert!(detail.contains("403"), "{detail}");
        assert_eq!(over_tls.lab.live().await, [""; 0]);
        over_tls.lab.finish().await;
    }
}

#[tokio::test]
async fn plain_http_is_refused() {
    for terms in [Terms::two_g(), Terms::digest(random::<16>().to_vec())] {
        let wants_digest = terms.bootstrap == UeBootstrap::Digest;
        let over_tls = terms.start().await;
        let lab = &over_tls.lab;
        let token = if wants_digest { "User-Agent: x GBA_Digest\r\n" } else { "" };
        let request = first_request(lab.person.impi.as_str(), token);
        let answer = Wire::to(lab.ub()).await.exchange(request).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (403, None), "{}", answer.text());
        assert_eq!(lab.live().await, [""; 0]);
        over_tls.lab.finish().await;
    }
}

#[tokio::test]
async fn a_naf_that_takes_aka_alone_gets_nothing() {
    for terms in [Terms::two_g(), Terms::digest(random::<16>().to_vec())] {
        let over_tls = Terms { gba_types: GbaTypes::default(), ..terms }.start().await;
        let lab = &over_tls.lab;
        let b_tid = lab.api().b_tid(false).await;
        lab.api().device_side("raw").await.problem(403);
        let refused = lab.api().network_side(&b_tid, "raw").await;
        refused.problem(403);
        let foreign = lab.api().post("/v1/naf/credentials", &question(&b_tid, "other.example")).await;
        assert_eq!(foreign.body, refused.body, "as for a NAF that may not ask at all");
        assert_eq!(zn(lab, &b_tid).await.status.as_u16(), 403);
        over_tls.lab.finish().await;
    }
}

fn question(b_tid: &str, naf: &str) -> Value {
    crate::api::question(Some(b_tid), naf, DIGEST, "raw")
}

#[tokio::test]
async fn a_certificate_that_is_not_the_bsfs_ends_it_before_anything_is_said() {
    for terms in [Terms::two_g(), Terms::digest(random::<16>().to_vec())] {
        let over_tls = Terms { certificate: "localhost", ..terms }.start().await;
        let detail = over_tls.lab.api().bootstrap(false).await.refused(503, "BSF_UNREACHABLE");
        assert!(detail.contains("certificate") && detail.contains(BSF), "{detail}");
        over_tls.lab.finish().await;
    }
}

/// Ends TLS with the BSF's own certificate and begins it anew towards the BSF, as somebody does who has its key.
async fn man_in_the_middle(over_tls: &OverTls) -> SocketAddr {
    let (ca, _) = &over_tls.files;
    let files = ca.server_of(BSF);
    let server = ksnaf::http::tls::server(&files.certificate, &files.key, None, &[b"http/1.1"]).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(server);
    let connector = tokio_rustls::TlsConnector::from(ca.trust(None));
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let bsf = over_tls.lab.service().addresses.ub_tls.unwrap();
    tokio::spawn(async move {
        while let Ok((device, _)) = listener.accept().await {
            let Ok(mut device) = acceptor.accept(device).await else { continue };
            let bsf = TcpStream::connect(bsf).await.unwrap();
            let mut bsf = connector.connect(BSF.try_into().unwrap(), bsf).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut device, &mut bsf).await;
        }
    });
    address
}

#[tokio::test]
async fn whoever_stands_between_with_the_bsfs_certificate_gets_no_gba_digest_through() {
    let over_tls = Terms::digest(random::<16>().to_vec()).start().await;
    over_tls.proxy.lead_to(man_in_the_middle(&over_tls).await);
    let detail = over_tls.lab.api().bootstrap(false).await.refused(502, "AUTHENTICATION_REJECTED");
    assert!(detail.contains("403"), "{detail}");
    assert_eq!(over_tls.lab.live().await, [""; 0]);
    over_tls.proxy.lead_to(over_tls.lab.service().addresses.ub_tls.unwrap());
    over_tls.lab.api().b_tid(false).await;
    over_tls.lab.finish().await;
}

#[tokio::test]
async fn a_wrong_credential_is_refused() {
    let over_tls = Terms::digest(random::<32>().to_vec()).start().await;
    let file = over_tls.files.1.path().join("digest.toml");
    let (impi, ha1) = (over_tls.lab.person.impi.as_str(), hex::encode(&random::<32>()));
    std::fs::write(&file, format!("impi = \"{impi}\"\nrealm = \"{HOME}\"\nha1 = \"{ha1}\"\n")).unwrap();
    let mut over_tls = over_tls;
    over_tls.lab.stop().await;
    over_tls.lab.start_again().await;
    over_tls.proxy.lead_to(over_tls.lab.service().addresses.ub_tls.unwrap());
    over_tls.lab.api().bootstrap(false).await.refused(502, "AUTHENTICATION_REJECTED");
    assert_eq!(over_tls.lab.live().await, [""; 0]);
    over_tls.lab.finish().await;
}

#[tokio::test]
async fn a_subscriber_with_a_usim_is_never_bid_down() {
    let terms = Terms { person: Person::new(ksnaf_proto::gba::GbaMode::Me), ..Terms::two_g() };
    let over_tls = terms.start().await;
    over_tls.lab.api().bootstrap(false).await.refused(502, "BSF_PROTOCOL_ERROR");
    assert_eq!(over_tls.lab.live().await, [""; 0]);
    over_tls.lab.finish().await;
}
