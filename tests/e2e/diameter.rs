//! The service as a Diameter node: who connects, whom it connects to, how it ends.

use crate::certificates::Ca;
use crate::lab::{BSF, Setup, any_port};
use ksnaf::config::Config;
use ksnaf::diameter::{Desk, Diameter, DisconnectCause, Listener, Plan};
use ksnaf_diameter::{CloseReason, PeerState};
use ksnaf_proto::diameter::dictionary::base;
use ksnaf_proto::diameter::peer::PeerStatus;
use ksnaf_proto::diameter::{ApplicationId, CommandCode, DiameterIdentity, Message, Outcome, ResultCode};
use ksnaf_proto::gba::GbaMode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_naf_that_nobody_listed_connects_and_is_told_of_the_end() {
    let mut lab = Setup::new(GbaMode::U)
        .without_card()
        .config(|config| config.zn.diameter_listen = Some(any_port()))
        .start()
        .await;
    let address = lab.service().addresses.zn_diameter.expect("Zn is served over Diameter");
    let (naf, _desk) = node(&format!(
        "diameter.identity = \"naf.example\"\n\
         [[diameter.peer]]\naddress = \"{address}\"\napplications = [\"zn\", \"zpn\"]\n"
    ))
    .await;
    until(&naf, |peers| peers[0].connected).await;
    let peer = &naf.peers()[0];
    assert_eq!(peer.name, identity(BSF));
    assert_eq!(peer.realm, Some(identity("mnc001.mcc001.pub.3gppnetwork.org")));
    assert!([ApplicationId::ZN, ApplicationId::ZPN].iter().all(|id| peer.applications.contains(id)));
    lab.stop().await;
    // Lost without DPR, it would be Down.
    until(&naf, |peers| !peers[0].connected && peers[0].status == PeerStatus::Initial).await;
    lab.finish().await;
}

#[tokio::test]
async fn the_service_connects_to_its_listed_peer_and_refuses_what_it_does_not_serve() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut plan = plan("diameter.identity = \"hss.example\"\n[[diameter.peer]]\nhost = \"bsf.example\"\n");
    plan.advertise(ApplicationId::ZH);
    plan.listen(Listener::Tcp(listener), address);
    let (hss, _desk) = plan.start().await;
    let lab = Setup::new(GbaMode::U)
        .without_card()
        .config(|config| {
            let written = "identity = \"bsf.example\"\n[[peer]]\nhost = \"hss.example\"\n\
                           address = \"ADDRESS\"\napplications = [\"zh\"]\n";
            config.diameter = toml::from_str(&written.replace("ADDRESS", &address.to_string())).unwrap();
        })
        .start()
        .await;
    until(&hss, |peers| peers.iter().any(|peer| peer.connected && peer.name == identity("bsf.example")))
        .await;
    let avps = vec![
        base::SESSION_ID.text(&hss.session_id()),
        base::ORIGIN_HOST.text("hss.example"),
        base::ORIGIN_REALM.text("example"),
        base::DESTINATION_REALM.text("example"),
        base::DESTINATION_HOST.text("bsf.example"),
    ];
    let request = Message::request(CommandCode::MULTIMEDIA_AUTH, ApplicationId::ZH, avps);
    let (from, answer) = hss.request(request, PATIENCE).await.unwrap();
    assert_eq!(from, identity("bsf.example"));
    let unsupported = Outcome::Result(ResultCode::APPLICATION_UNSUPPORTED);
    assert_eq!(answer.outcome(), Ok(unsupported), "a BSF asks on Zh, and answers nobody");
    hss.shut_down(DisconnectCause::REBOOTING, PATIENCE).await;
    lab.finish().await;
}

#[tokio::test]
async fn over_tls_a_naf_needs_a_certificate_of_its_name() {
    let ca = Ca::new();
    let server = ca.server();
    let lab = Setup::new(GbaMode::U)
        .without_card()
        .config(|config| {
            config.diameter.tls_listen = Some(any_port());
            config.diameter.tls_certificate = Some(server.certificate.clone());
            config.diameter.tls_key = Some(server.key.clone());
            config.diameter.tls_ca = Some(ca.file());
        })
        .start()
        .await;
    let address = lab.service().addresses.zn_diameter_tls.expect("Zn is served over TLS");
    let client = ca.client("naf.example");
    let naf = |identity: &str| {
        format!(
            "[diameter]\nidentity = \"{identity}\"\nnames_from_certificates = false\ntls_ca = \"{}\"\ntls_certificate = \"{}\"\n\
             tls_key = \"{}\"\n[[diameter.peer]]\naddress = \"localhost:{}\"\n\
             applications = [\"zn\"]\ntls = true\n",
            ca.file().display(),
            client.certificate.display(),
            client.key.display(),
            address.port(),
        )
    };
    let (other, _desk) = node(&naf("other.example")).await;
    let (named, _desk) = node(&naf("naf.example")).await;
    until(&named, |peers| peers[0].connected).await;
    let unknown = Outcome::Result(ResultCode::UNKNOWN_PEER);
    until(&other, |peers| peers[0].trouble == Some(CloseReason::Refused(unknown))).await;
    lab.finish().await;
}

fn identity(text: &str) -> DiameterIdentity {
    DiameterIdentity::parse(text).unwrap()
}

fn plan(text: &str) -> Plan {
    let config: Config = toml::from_str(text).unwrap();
    Plan::from_config(&config).unwrap()
}

async fn node(text: &str) -> (Diameter, Arc<Desk>) {
    plan(text).start().await
}

async fn until(node: &Diameter, wanted: impl FnMut(&Vec<PeerState>) -> bool) {
    let mut peers = node.watch_peers();
    let reached = tokio::time::timeout(PATIENCE, peers.wait_for(wanted)).await.is_ok_and(|seen| seen.is_ok());
    assert!(reached, "{:?}", node.peers());
}
