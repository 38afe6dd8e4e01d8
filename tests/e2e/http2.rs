//! HTTP/2 on the API: with prior knowledge on the plain port, by ALPN over TLS; and none on Ub.

use crate::api::{DIGEST, NAF, question};
use crate::certificates::Ca;
use crate::lab::{Lab, Setup, any_port, seconds};
use crate::wire::{Wire, first_request};
use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ksnaf_proto::gba::GbaMode;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

type Connection = SendRequest<Full<Bytes>>;

async fn over<S>(stream: S) -> Connection
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn prior_knowledge(address: SocketAddr) -> Connection {
    over(TcpStream::connect(address).await.unwrap()).await
}

async fn post(connection: &mut Connection, token: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(format!("http://api.example{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let response = connection.send_request(request).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn api_address(lab: &Lab) -> SocketAddr {
    lab.service().addresses.api.unwrap()
}

#[tokio::test]
async fn one_connection_with_prior_knowledge_carries_many_requests_at_once() {
    let lab = Setup::new(GbaMode::U).start().await;
    let device = lab.api().device_side("raw").await.ok();
    let ask = question(device["b_tid"].as_str(), NAF, DIGEST, "raw");
    let connection = prior_knowledge(api_address(&lab)).await;
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let (mut connection, token, ask) = (connection.clone(), lab.token.clone(), ask.clone());
            tokio::spawn(async move { post(&mut connection, &token, "/v1/naf/credentials", &ask).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), (StatusCode::OK, device.clone()));
    }
    let mut connection = connection;
    let (status, problem) = post(&mut connection, "wrong", "/v1/naf/credentials", &ask).await;
    assert_eq!((status, &problem["status"]), (StatusCode::UNAUTHORIZED, &Value::from(401)));
    lab.finish().await;
}

#[tokio::test]
async fn nafs_of_the_service_based_architecture_speak_http_2_from_the_start() {
    let lab = Setup::new(GbaMode::U).start().await;
    let device = lab.api().device_side("raw").await.ok();
    let mut connection = prior_knowledge(lab.service().addresses.zn_sbi.unwrap()).await;
    let naf_id = serde_json::json!({ "nafFqdn": NAF, "uaSecProtId": DIGEST });
    let ask = serde_json::json!({ "btId": device["b_tid"], "nafId": naf_id });
    let path = "/nbsp-gba/v1/bootstrapping-info-retrieval";
    let (status, answer) = post(&mut connection, &lab.token, path, &ask).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["meKeyMaterial"].as_str().map(str::to_lowercase).as_deref(), device["key"].as_str());
    lab.finish().await;
}

#[tokio::test]
async fn over_tls_the_client_chooses_by_alpn() {
    let ca = Ca::new();
    let (server, root) = (ca.server(), ca.file());
    let setup = Setup::new(GbaMode::U).config(|config| {
        config.api.tls_listen = Some(any_port());
        config.api.tls_certificate = Some(server.certificate);
        config.api.tls_key = Some(server.key);
        config.api.client_ca = Some(root);
    });
    let lab = setup.start().await;
    let client = ca.client("cse.example");
    let mut config = rustls::ClientConfig::clone(&ca.trust(Some(&client)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = TcpStream::connect(lab.service().addresses.api_tls.unwrap()).await.unwrap();
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut connection = over(stream).await;
    let body = serde_json::json!({ "force": false });
    assert_eq!(post(&mut connection, &lab.token, "/v1/ue/bootstrap", &body).await.0, StatusCode::OK);
    lab.finish().await;
}

#[tokio::test]
async fn a_header_list_that_is_too_large_fails_alone() {
    let lab = Setup::new(GbaMode::U).start().await;
    let mut connection = prior_knowledge(api_address(&lab)).await;
    let request = Request::get("http://api.example/healthz")
        .header("x-large", "x".repeat(20_000))
        .body(Full::new(Bytes::new()))
        .unwrap();
    match connection.send_request(request).await {
        Ok(response) => assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => assert!(!error.is_canceled(), "{error}"),
    }
    let mut connection = prior_knowledge(api_address(&lab)).await;
    let body = serde_json::json!({ "force": false });
    assert_eq!(post(&mut connection, &lab.token, "/v1/ue/bootstrap", &body).await.0, StatusCode::OK);
    lab.finish().await;
}

#[tokio::test]
async fn ub_does_not_speak_it() {
    let lab = Setup::new(GbaMode::U).start().await;
    let mut wire = Wire::to(lab.ub()).await;
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    if let Some(answer) = wire.answer().await {
        assert!((400..=505).contains(&answer.status), "{}", answer.status);
    }
    assert!(wire.is_closed_within(Duration::from_secs(2)).await);
    let impi = lab.person.impi.as_str().to_owned();
    assert_eq!(Wire::to(lab.ub()).await.exchange(first_request(&impi, "")).await.status, 401);
    lab.finish().await;
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_or_half_a_preface_is_let_go() {
    let setup = Setup::new(GbaMode::U).config(|config| config.api.request_timeout = seconds(0.5));
    let lab = setup.start().await;
    let settled = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for beginning in ["", "PRI * HT", settled, "GET /heal"] {
        let mut wire = Wire::to(api_address(&lab)).await;
        wire.send(beginning).await;
        assert!(wire.is_closed_within(Duration::from_secs(3)).await, "{beginning:?}");
    }
    lab.finish().await;
}
