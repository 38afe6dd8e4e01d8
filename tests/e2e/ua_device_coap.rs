//! CoAP of a client that knows no DTLS, through both proxies and back.

use crate::api;
use crate::lab::{BSF, Lab, Setup, any_port, seconds};
use crate::ua_coap_lab::{BLOCK1, CoapBehind};
use crate::ua_lab::{Behind, CSE, setup};
use ksnaf::config::{PskIdentityForm, Role};
use ksnaf_proto::coap::{Kind, Message, option};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;

const URI_PATH: u16 = 11;

/// CoAP's own patience with a confirmable message, and how often it is sent (RFC 7252 clause 4.8).
const RETRANSMIT: Duration = Duration::from_secs(3);
const TRIES: usize = 8;

struct Chain {
    network: Lab,
    device: Lab,
    coap: CoapBehind,
}

impl Chain {
    async fn start(form: PskIdentityForm) -> Self {
        let (behind, coap) = (Behind::start().await, CoapBehind::start().await);
        let upstream = format!("coap://{}", coap.address).parse().unwrap();
        let network = setup(&behind).config(move |config| {
            config.ua_proxy.dtls_listen = Some(any_port());
            config.ua_proxy.coap_upstream = Some(upstream);
            config.ua_proxy.recheck = seconds(0.2);
        });
        let network = network.start().await;
        let (bsf, dtls) = (network.ub(), network.service().addresses.ua_proxy_dtls.unwrap());
        let device = Setup::of(network.person.clone()).config(|config| {
            config.service.roles = vec![Role::Api];
            config.ue.bsf = Some(format!("http://{bsf}/"));
            config.ue.bsf_name = Some(BSF.to_owned());
            let client = &mut config.ua_client;
            (client.listen, client.coap_listen) = (any_port(), Some(any_port()));
            client.target = Some(format!("https://{CSE}").parse().unwrap());
            client.coap_connect = Some(dtls.to_string());
            client.psk_identity = form;
        });
        Self { network, device: device.start().await, coap }
    }

    fn door(&self) -> SocketAddr {
        self.device.service().addresses.ua_client_coap.unwrap()
    }

    async fn client(&self) -> UdpSocket {
        let socket = UdpSocket::bind(any_port()).await.unwrap();
        socket.connect(self.door()).await.unwrap();
        socket
    }

    async fn finish(self) {
        self.device.finish().await;
        self.network.finish().await;
    }
}

fn get(id: u16) -> Message {
    Message {
        kind: Kind::Confirmable,
        code: (0, 1),
        id,
        token: vec![0x21, 0x22],
        options: vec![(URI_PATH, b"cse-in".to_vec()), (option::RQI, b"r1".to_vec())],
        payload: Vec::new(),
    }
}

/// Sends as CoAP does, again where nothing comes, and gives the answer.
async fn ask(client: &UdpSocket, request: &Message) -> Message {
    let mut buffer = [0; 4096];
    for _ in 0..TRIES {
        client.send(&request.encode()).await.unwrap();
        if let Ok(received) = tokio::time::timeout(RETRANSMIT, client.recv(&mut buffer)).await {
            let answer = Message::parse(&buffer[..received.unwrap()]).unwrap();
            if answer.id == request.id {
                return answer;
            }
        }
    }
    panic!("no answer to {}", request.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn coap_goes_through_both_proxies_block_by_block() {
    for form in [PskIdentityForm::Bare, PskIdentityForm::Prefixed] {
        let chain = Chain::start(form).await;
        let client = chain.client().await;
        let mut block = get(7);
        (block.code, block.payload) = ((0, 3), vec![b'x'; 1024]);
        block.add(BLOCK1, vec![0x06]);
        let answer = ask(&client, &block).await;
        assert_eq!((answer.code, answer.token.as_slice()), ((2, 5), &[0x21, 0x22][..]));
        assert!(answer.payload.ends_with(&block.payload));
        let other = chain.client().await;
        assert_eq!(ask(&other, &get(8)).await.code, (2, 5), "each client has a connection of its own");
        let reached = chain.coap.reached();
        assert!(reached.iter().all(|message| message.values(option::FR).eq([b"Cdevice1"])), "{reached:?}");
        assert_eq!(chain.network.live().await.len(), 1, "one bootstrap for both");
        chain.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_or_replaced_is_made_anew() {
    let chain = Chain::start(PskIdentityForm::Bare).await;
    let client = chain.client().await;
    assert_eq!(ask(&client, &get(1)).await.code, (2, 5));
    assert_eq!(chain.device.api().b_tid(true).await, chain.network.live().await[0]);
    assert_eq!(ask(&client, &get(2)).await.code, (2, 5), "replaced");
    for b_tid in chain.network.live().await {
        let path = format!("/v1/associations/{}", api::segment(&b_tid));
        assert_eq!(chain.network.api().delete(&path).await.status.as_u16(), 204);
    }
    assert_eq!(ask(&client, &get(3)).await.code, (2, 5), "revoked");
    chain.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_proxy_before_the_server_refuses_comes_back_as_its_answer() {
    let chain = Chain::start(PskIdentityForm::Bare).await;
    let client = chain.client().await;
    let mut forged = get(1);
    forged.add(option::FR, b"CAdmin".to_vec());
    assert_eq!(ask(&client, &forged).await.code, (4, 3));
    assert!(chain.coap.reached().is_empty());
    assert_eq!(ask(&client, &get(2)).await.code, (2, 5));
    chain.finish().await;
}
