//! Ub over HTTPS: the device trusts one CA, and the BSF's certificate must fit its name.

use crate::certificates::Ca;
use crate::device::Device;
use crate::lab::{Lab, Setup, any_port, seconds};
use crate::proxy::Proxy;
use crate::wire::{Wire, first_request};
use ksnaf_proto::gba::GbaMode;
use std::time::Duration;
use tokio::net::TcpStream;

/// A lab whose device goes to its own BSF by this URL's host, through a relay.
async fn lab(serving: &Ca, trusted: &Ca, host: &str) -> (Lab, Proxy) {
    let proxy = Proxy::start().await;
    let (server, root) = (serving.server(), trusted.file());
    let url = format!("https://{host}:{}/", proxy.address.port());
    let setup = Setup::new(GbaMode::Me).config(|config| {
        config.ub.tls_listen = Some(any_port());
        config.ub.tls_certificate = Some(server.certificate);
        config.ub.tls_key = Some(server.key);
        config.ub.request_timeout = seconds(1.0);
        config.ue.bsf = Some(url);
        config.ue.bsf_name = Some(crate::lab::BSF.to_owned());
        config.ue.bsf_ca = Some(root);
    });
    let lab = setup.start().await;
    proxy.lead_to(lab.service().addresses.ub_tls.unwrap());
    (lab, proxy)
}

#[tokio::test]
async fn a_device_bootstraps_over_https_and_nothing_of_it_is_readable_on_the_way() {
    let ca = Ca::new();
    let (lab, proxy) = lab(&ca, &ca, "localhost").await;
    let device = lab.api().device_side("raw").await.ok();
    assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
    let seen = proxy.requests() + &proxy.answers();
    assert!(!seen.contains("Digest") && !seen.contains(lab.person.imsi.as_str()));
    lab.finish().await;
}

#[tokio::test]
async fn a_certificate_of_another_ca_or_name_is_refused_and_the_error_says_so() {
    let (ca, other) = (Ca::new(), Ca::new());
    for (trusted, host, reason) in [(&other, "localhost", "UnknownIssuer"), (&ca, "127.0.0.1", "127.0.0.1")] {
        let (lab, _proxy) = lab(&ca, trusted, host).await;
        let detail = lab.api().bootstrap(false).await.refused(503, "BSF_UNREACHABLE");
        assert!(detail.contains("certificate") && detail.contains(reason), "{detail}");
        assert_eq!(lab.live().await, [""; 0]);
        lab.finish().await;
    }
}

#[tokio::test]
async fn plain_http_and_silence_on_the_tls_port_harm_nobody() {
    let ca = Ca::new();
    let (lab, _proxy) = lab(&ca, &ca, "localhost").await;
    let address = lab.service().addresses.ub_tls.unwrap();
    for octets in [first_request(lab.person.impi.as_str(), ""), String::new()] {
        let mut wire = Wire::to(address).await;
        wire.send(octets).await;
        assert!(wire.is_closed_within(Duration::from_secs(4)).await);
    }
    lab.api().b_tid(false).await;
    lab.finish().await;
}

#[tokio::test]
async fn both_listeners_are_one_bsf() {
    let ca = Ca::new();
    let (lab, _proxy) = lab(&ca, &ca, "localhost").await;
    let mut device = Device::new(lab.person.clone());
    let Err(answer) = device.go_on(lab.ub(), device.begin()).await.unwrap() else { panic!("a challenge") };
    let connector = tokio_rustls::TlsConnector::from(ca.trust(None));
    let stream = TcpStream::connect(lab.service().addresses.ub_tls.unwrap()).await.unwrap();
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let mut wire = Wire::over(stream);
    let lines: String =
        answer.request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", crate::lab::BSF);
    assert_eq!(wire.exchange(request).await.status, 200, "a challenge of one is answered at the other");
    lab.finish().await;
}
