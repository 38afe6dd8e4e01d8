use super::*;
use ksnaf_diameter::CloseReason;
use ksnaf_proto::diameter::ResultCode;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

#[tokio::test]
async fn both_sides_ask_and_answer_over_tls_and_see_each_others_names() {
    let authority = Authority::new();
    let (service, mut seen) = Succeed::named("hss");
    let plan = Plan::new("hss.home").serving(service).knowing("bsf.home");
    let (hss, address) = authority.listen(plan, "hss.home").await;
    let bsf = authority.connecting("bsf.home", "bsf.home", "hss.home", address).start();
    until_connected(&bsf, 1).await;
    until_connected(&hss, 1).await;
    bsf.request(request(&bsf), PATIENCE).await.unwrap();
    let (asker, _) = seen.recv().await.unwrap();
    assert_eq!(asker.certificate_names, ["bsf.home"]);
    assert_eq!(asker.peer, identity("bsf.home"));
}

#[tokio::test]
async fn a_peer_must_be_called_as_its_certificate_unless_that_is_switched_off() {
    for (held, connects) in [(true, false), (false, true)] {
        let authority = Authority::new();
        let (service, mut seen) = Succeed::named("hss");
        let mut plan = Plan::new("hss.home").serving(service).knowing("bsf.home");
        plan.settings.names_from_certificates = held;
        let (_hss, address) = authority.listen(plan, "hss.home").await;
        let bsf = authority.connecting("bsf.home", "other.home", "hss.home", address).start();
        if connects {
            until_connected(&bsf, 1).await;
            bsf.request(request(&bsf), PATIENCE).await.unwrap();
            assert_eq!(seen.recv().await.unwrap().0.certificate_names, ["other.home"]);
        } else {
            let unknown = Outcome::Result(ResultCode::UNKNOWN_PEER);
            until(&bsf, |peers| peers[0].trouble == Some(CloseReason::Refused(unknown))).await;
        }
    }
}

#[tokio::test]
async fn a_server_whose_certificate_has_another_name_or_authority_is_no_peer() {
    let authority = Authority::new();
    let (service, mut seen) = Succeed::named("hss");
    let plan = Plan::new("hss.home").serving(service).knowing("bsf.home");
    let (hss, address) = authority.listen(plan, "other.home").await;
    let by_name = authority.connecting("bsf.home", "bsf.home", "hss.home", address).start();
    let by_authority = Authority::new().connecting("bsf.home", "bsf.home", "other.home", address).start();
    // One that is right gets through although the others try all the time.
    let mut right = authority.connecting("bsf.home", "bsf.home", "hss.home", address);
    right.settings.peers[0].tls = Some(ServerName::try_from("other.home").unwrap());
    right.settings.names_from_certificates = false;
    let right = right.start();
    until_connected(&right, 1).await;
    right.request(request(&right), PATIENCE).await.unwrap();
    seen.recv().await.unwrap();
    until_connected(&hss, 1).await;
    for wrong in [by_name, by_authority] {
        until(&wrong, |peers| peers[0].trouble == Some(CloseReason::ConnectFailed)).await;
    }
}

#[tokio::test]
async fn a_peer_that_is_reached_must_be_called_as_its_certificate_too() {
    let authority = Authority::new();
    let plan = Plan::new("hss.home").serving(Hang).knowing("bsf.home").knowing("bsf2.home");
    let (_hss, address) = authority.listen(plan, "other.home").await;
    let held = authority.connecting("bsf.home", "bsf.home", "other.home", address).start();
    until(&held, |peers| peers[0].trouble == Some(CloseReason::WrongPeer)).await;
    let mut plan = authority.connecting("bsf2.home", "bsf2.home", "other.home", address);
    plan.settings.names_from_certificates = false;
    until_connected(&plan.start(), 1).await;
}

#[tokio::test]
async fn whoever_says_nothing_on_a_tls_listener_keeps_nobody_out() {
    let authority = Authority::new();
    let (service, _seen) = Succeed::named("hss");
    let mut plan = Plan::new("hss.home").serving(service).knowing("bsf.home");
    plan.settings.node.max_unidentified = 4;
    plan.settings.node.identify_timeout = Duration::from_millis(300);
    let (_hss, address) = authority.listen(plan, "hss.home").await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let bsf = authority.connecting("bsf.home", "bsf.home", "hss.home", address).start();
    until_connected(&bsf, 1).await;
    bsf.request(request(&bsf), PATIENCE).await.unwrap();
}

/// Signs certificates.
struct Authority {
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { root, issuer: Issuer::new(params, key) }
    }

    fn certificate(&self, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        Arc::new(roots)
    }

    async fn listen(&self, plan: Plan, name: &str) -> (Diameter, SocketAddr) {
        let (chain, key) = self.certificate(name);
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots(), provider()).build().unwrap();
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        (plan.start_with(vec![Listener::Tls(listener, acceptor)]), address)
    }

    fn client(&self, name: &str) -> Arc<ClientConfig> {
        let (chain, key) = self.certificate(name);
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(chain, key)
            .unwrap();
        Arc::new(config)
    }

    /// A node with a certificate for `certified` that connects to the server of that name.
    fn connecting(&self, host: &str, certified: &str, server: &'static str, address: SocketAddr) -> Plan {
        let mut plan = Plan::new(host).connecting("hss.home", address);
        plan.settings.tls = Some(self.client(certified));
        plan.settings.peers[0].tls = Some(ServerName::try_from(server).unwrap());
        plan
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
