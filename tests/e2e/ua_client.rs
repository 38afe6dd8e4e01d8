//! Clients of the proxy, octet by octet: TLS with a pre-shared key, and HTTP Digest with what a test wants wrong in it.

use crate::lab::Lab;
use crate::ua_lab::{CSE, text};
use crate::wire::{Answer, Wire};
use ksnaf_proto::digest::{Algorithm, AuthenticationInfo, Authorization, Calculation, Challenge, Qop};
use ksnaf_proto::hex;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use serde_json::Value;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// A connection over TLS with a pre-shared key.
pub(crate) type Psk = Wire<SslStream<TcpStream>>;

/// Shakes hands over TLS 1.2 with one suite.
pub(crate) async fn psk(lab: &Lab, credential: &Value, suite: &str) -> Psk {
    try_psk(lab.ua(), text(credential, "identity"), text(credential, "key"), suite)
        .await
        .expect("a handshake")
}

/// As [`psk`], where it may come to nothing.
pub(crate) async fn try_psk(
    address: SocketAddr,
    identity: &str,
    key: &str,
    suite: &str,
) -> Result<Psk, openssl::ssl::Error> {
    let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
    context.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    context.set_cipher_list(suite).unwrap();
    let (identity, key) = (identity.as_bytes().to_vec(), hex::decode(key).unwrap());
    context.set_psk_client_callback(move |_, _, identity_out, key_out| {
        identity_out[..identity.len()].copy_from_slice(&identity);
        identity_out[identity.len()] = 0;
        key_out[..key.len()].copy_from_slice(&key);
        Ok(key.len())
    });
    let stream = TcpStream::connect(address).await.expect("a listener");
    let mut stream = SslStream::new(Ssl::new(&context.build()).unwrap(), stream).unwrap();
    Pin::new(&mut stream).connect().await?;
    Ok(Wire::over(stream))
}

/// A request as text, with a body.
pub(crate) fn request(method: &str, target: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {CSE}\r\n{length}{lines}\r\n");
    [head.as_bytes(), body].concat()
}

/// A UE that speaks Digest on a connection.
pub(crate) struct DigestUe {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) realm: String,
    pub(crate) nonce: String,
    pub(crate) count: u32,
    pub(crate) qop: Qop,
    /// In place of the request's own target.
    pub(crate) uri: Option<String>,
}

impl DigestUe {
    pub(crate) fn new(credential: &Value, qop: Qop) -> Self {
        Self {
            username: text(credential, "username").to_owned(),
            password: text(credential, "password").to_owned(),
            realm: text(credential, "realm").to_owned(),
            nonce: String::new(),
            count: 0,
            qop,
            uri: None,
        }
    }

    /// Takes a 401's nonce.
    pub(crate) fn hear(&mut self, answer: &Answer) -> Challenge {
        let challenge = challenge(answer);
        (self.nonce, self.count) = (challenge.nonce.clone(), 0);
        challenge
    }

    /// The Authorization line of the next request.
    pub(crate) fn authorize(&mut self, method: &str, target: &str, body: &[u8]) -> String {
        self.count += 1;
        let uri = self.uri.clone().unwrap_or_else(|| target.to_owned());
        let nc = format!("{:08x}", self.count);
        let response = self.calculation(&uri, &nc).response(method, body).unwrap();
        let authorization = Authorization {
            username: self.username.clone(),
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            uri,
            response: Some(response),
            algorithm: Some(Algorithm::Md5),
            qop: Some(self.qop),
            nc: Some(nc),
            cnonce: Some("c".to_owned()),
            ..Authorization::default()
        };
        format!("Authorization: {authorization}")
    }

    /// Whether an answer proves that the NAF has the key.
    pub(crate) fn is_proved(&self, answer: &Answer, target: &str) -> bool {
        let Some(info) = answer.header("authentication-info") else { return false };
        let info = AuthenticationInfo::parse(info).expect("an Authentication-Info");
        let nc = format!("{:08x}", self.count);
        let uri = self.uri.as_deref().unwrap_or(target);
        info.nc.as_deref() == Some(&nc)
            && self
                .calculation(uri, &nc)
                .rspauth_is(info.rspauth.as_deref().unwrap_or_default(), &answer.body)
    }

    /// One request, a challenge first where there was none.
    pub(crate) async fn ask(
        &mut self,
        wire: &mut Wire,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Answer {
        if self.nonce.is_empty() {
            let answer = wire.exchange(request("GET", "/", &["User-Agent: 3gpp-gba"], b"")).await;
            self.hear(&answer);
        }
        let authorization = self.authorize(method, target, body);
        let headers = [headers, &[authorization.as_str()]].concat();
        wire.exchange(request(method, target, &headers, body)).await
    }

    fn calculation<'a>(&'a self, uri: &'a str, nc: &'a str) -> Calculation<'a> {
        Calculation {
            algorithm: &Algorithm::Md5,
            username: &self.username,
            realm: &self.realm,
            password: self.password.as_bytes(),
            nonce: &self.nonce,
            nc,
            cnonce: "c",
            qop: self.qop,
            uri,
        }
    }
}

/// The challenge of a 401.
pub(crate) fn challenge(answer: &Answer) -> Challenge {
    assert_eq!(answer.status, 401, "{}", answer.text());
    let header = answer.header("www-authenticate").expect("a challenge");
    Challenge::parse_all(header).expect("a challenge of Digest").remove(0)
}
