//! Ua by DTLS with a pre-shared key, and CoAP inside: `openssl s_client` as the client.

use crate::api::{self, question};
use crate::lab::{Lab, any_port, seconds};
use crate::ua_coap_lab::{BLOCK1, BLOCK2, Client, CoapBehind, lossy, until};
use crate::ua_lab::{Behind, setup, text};
use ksnaf::config::{Config, NafConfig, UaProtocols};
use ksnaf_proto::coap::{Kind, Message, option};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::UdpSocket;

const UA: &str = "010001c0a8";
const URI_PATH: u16 = 11;

/// What `openssl` says of the alerts.
const UNKNOWN_PSK_IDENTITY: &str = "unknown psk identity";
const HANDSHAKE_FAILURE: &str = "handshake failure";

fn get(id: u16, originators: &[(u16, &str)]) -> Message {
    let mut message = Message {
        kind: Kind::Confirmable,
        code: (0, 1),
        id,
        token: vec![0x21, 0x22],
        options: vec![(URI_PATH, b"cse-in".to_vec()), (option::RQI, b"r1".to_vec())],
        payload: Vec::new(),
    };
    for (number, originator) in originators {
        message.add(*number, originator.as_bytes().to_vec());
    }
    message
}

struct Started {
    lab: Lab,
    address: SocketAddr,
    coap: CoapBehind,
    credential: Value,
}

impl Started {
    async fn new(change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        let (behind, coap) = (Behind::start().await, CoapBehind::start().await);
        let upstream = format!("coap://{}", coap.address).parse().unwrap();
        let lab = setup(&behind).config(move |config| {
            config.ua_proxy.dtls_listen = Some(any_port());
            config.ua_proxy.coap_upstream = Some(upstream);
            config.ua_proxy.recheck = seconds(0.2);
            change(config);
        });
        let lab = lab.start().await;
        let address = lab.service().addresses.ua_proxy_dtls.expect("DTLS is served");
        let credential = lab.ua_credential(UA, "tls-psk").await;
        Self { lab, address, coap, credential }
    }

    fn identity(&self) -> &str {
        text(&self.credential, "identity")
    }

    fn key(&self) -> &str {
        text(&self.credential, "key")
    }

    fn client(&self) -> Client {
        Client::start(self.address, self.identity(), self.key())
    }

    /// Asks for something by a connection, and has the answer.
    async fn asks(&self, client: &mut Client, id: u16) {
        client.send(&get(id, &[]));
        client.says(format!("answer {id} ").as_bytes()).await;
    }

    /// A client that does not get in, and hears why.
    async fn refuses(&self, identity: &str, key: &str, alert: &str) {
        let before = self.coap.reached().len();
        let mut client = Client::start(self.address, identity, key);
        client.send(&get(1, &[]));
        let said = client.ends().await;
        assert!(said.contains(alert) && !said.contains("answer 1 "), "{said}");
        assert_eq!(self.coap.reached().len(), before);
    }

    async fn revoke(&self) {
        let path = format!("/v1/associations/{}", api::segment(text(&self.credential, "b_tid")));
        assert_eq!(self.lab.api().delete(&path).await.status.as_u16(), 204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coap_passes_block_by_block_with_the_originator_of_the_key() {
    let started = Started::new(|_| {}).await;
    for identity in [started.identity(), text(&started.credential, "b_tid")] {
        let mut client = Client::start(started.address, identity, started.key());
        client.says(b"Cipher is PSK-AES128-CCM8").await;
        client.says(b"PSK identity hint: 3GPP-bootstrapping").await;
        for (id, option, block) in [(0x3031, BLOCK2, 0x06), (0x3032, BLOCK2, 0x16), (0x3033, BLOCK1, 0x06)] {
            let mut request = get(id, &[(option::FR, "/id-in/Cdevice1")]);
            request.add(option, vec![block]);
            if option == BLOCK1 {
                // A whole block, up and down.
                (request.code, request.payload) = ((0, 3), vec![b'x'; 1024]);
            }
            client.send(&request);
            client.says(&[format!("answer {id} ").as_bytes(), &request.payload].concat()).await;
        }
    }
    let reached = started.coap.reached();
    assert_eq!(reached.len(), 6);
    for message in &reached {
        assert_eq!(message.values(option::FR).collect::<Vec<_>>(), [b"Cdevice1"]);
        assert_eq!(message.values(BLOCK1).chain(message.values(BLOCK2)).count(), 1);
        assert_eq!(message.token, [0x21, 0x22]);
    }
    started.lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_originator_is_answered_by_the_proxy() {
    let started = Started::new(|_| {}).await;
    let mut client = started.client();
    client.says(b"Cipher is").await;
    let forged: [&[(u16, &str)]; 4] = [
        &[(option::FR, "CAdmin")],
        &[(option::FR, "CAdmin"), (option::FR, "Cdevice1")],
        &[(option::FR, "Cdevice1"), (option::FR, "CAdmin")],
        &[(option::FR, "C%64evice1")],
    ];
    for (number, originators) in forged.iter().enumerate() {
        let request = get(0x4140 + u16::try_from(number).unwrap(), originators);
        client.send(&request);
        let (code, rsc) = if originators.len() > 1 { ((4, 0), 4000_u16) } else { ((4, 3), 4106) };
        let mut refused = request.answer(code);
        refused.add(option::RQI, b"r1".to_vec());
        refused.add(option::RSC, rsc.to_be_bytes().to_vec());
        client.says(&refused.encode()).await;
    }
    assert_eq!(started.coap.reached().len(), 0);
    started.asks(&mut client, 0x4150).await;
    let reached = started.coap.reached();
    assert_eq!(reached[0].values(option::FR).collect::<Vec<_>>(), [b"Cdevice1"], "the default");
    started.lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_key_of_an_identity_opens_nothing() {
    let started = Started::new(|config| {
        let other = crate::lab::fqdn("other.example");
        config.naf.push(NafConfig { ua_protocols: UaProtocols::Any, ..NafConfig::for_lab(other) });
    });
    let started = started.await;
    let of_tls = started.lab.ua_credential("01000100ae", "tls-psk").await;
    let asked = question(None, "other.example", UA, "tls-psk");
    let of_another = started.lab.api().post("/v1/ue/credentials", &asked).await.ok();
    for other in [&of_tls, &of_another] {
        assert_ne!(text(other, "key"), started.key());
        started.refuses(text(other, "identity"), text(other, "key"), HANDSHAKE_FAILURE).await;
    }
    for unknown in [
        "3GPP-bootstrapping;AAAAAAAAAAAAAAAAAAAAAA==@bsf.example",
        "3GPP-bootstrapping-uicc;AAAAAAAAAAAAAAAAAAAAAA==@bsf.example",
        "Client_identity",
    ] {
        started.refuses(unknown, started.key(), UNKNOWN_PSK_IDENTITY).await;
    }
    started.asks(&mut started.client(), 2).await;
    started.lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_the_revocation_of_its_key() {
    let started = Started::new(|_| {}).await;
    let mut client = started.client();
    started.asks(&mut client, 2).await;
    started.revoke().await;
    client.ends().await;
    started.refuses(started.identity(), started.key(), UNKNOWN_PSK_IDENTITY).await;
    started.lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_when_its_key_expires() {
    let started = Started::new(|config| config.bsf.key_lifetime = seconds(6.0)).await;
    let mut client = started.client();
    started.asks(&mut client, 2).await;
    client.ends().await;
    started.refuses(started.identity(), started.key(), UNKNOWN_PSK_IDENTITY).await;
    started.lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_any_more_has_gone() {
    let started = Started::new(|config| config.ua_proxy.dtls_idle = seconds(3.0)).await;
    let mut client = started.client();
    started.asks(&mut client, 2).await;
    client.ends().await;
    started.asks(&mut started.client(), 3).await;
    started.lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hellos_that_bring_no_cookie_back_take_nobodys_place() {
    let started = Started::new(|config| config.ua_proxy.max_connections = 1).await;
    let stranger = UdpSocket::bind(any_port()).await.unwrap();
    let mut answer = [0; 2048];
    for number in 0..500_u16 {
        let cookie = if number % 2 == 0 { &[][..] } else { &[9; 32] };
        let hello = hello(number, cookie);
        stranger.send_to(&hello, started.address).await.unwrap();
        let length = stranger.recv(&mut answer).await.unwrap();
        // HelloVerifyRequest, again and again.
        assert_eq!((answer[13], length), (3, 60));
    }
    let mut client = started.client();
    started.asks(&mut client, 2).await;
    started.lab.finish().await;
}

/// A ClientHello with a random of this number.
fn hello(number: u16, cookie: &[u8]) -> Vec<u8> {
    let cookie_length = u8::try_from(cookie.len()).unwrap();
    let suites = [0, 2, 0xc0, 0xa8, 1, 0];
    let random = [number.to_be_bytes(); 16].concat();
    let body = [&[0xfe, 0xfd][..], &random, &[0, cookie_length], cookie, &suites].concat();
    let length = u8::try_from(body.len()).unwrap();
    let message = [&[1, 0, 0, length, 0, 1, 0, 0, 0, 0, 0, length][..], &body].concat();
    let record_length = u8::try_from(message.len()).unwrap();
    [&[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, record_length][..], &message].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_a_connection_begins_anew_from_the_same_port() {
    let started = Started::new(|config| config.ua_proxy.max_connections = 1).await;
    let port = UdpSocket::bind(any_port()).await.unwrap().local_addr().unwrap().to_string();
    for id in [2, 3] {
        let more = ["-bind", &port];
        let mut client = Client::with(started.address, started.identity(), started.key(), &more);
        started.asks(&mut client, id).await;
        client.kill();
    }
    started.lab.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_survives_losses() {
    let started = Started::new(|config| config.ua_proxy.handshake_timeout = seconds(30.0)).await;
    // A hello of each kind, a piece of each flight.
    for lost in [[&[0, 2][..], &[][..]], [&[][..], &[0, 2][..]], [&[2][..], &[3][..]]] {
        let line = lossy(started.address, lost).await;
        let mut client = Client::start(line, started.identity(), started.key());
        client.says(b"Cipher is PSK-AES128-CCM8").await;
        // A request may be lost too, and what is confirmable is sent again (RFC 7252 clause 4.2).
        let mut tries = 0;
        let answered = || {
            if tries % 100 == 0 {
                client.send(&get(2, &[]));
            }
            tries += 1;
            client.has_said(b"answer 2 ")
        };
        until(answered, String::new).await;
    }
    started.lab.finish().await;
}
