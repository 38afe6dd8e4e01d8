//! Keys from a BSF by Nbsp_GBA (TS 29.309): HTTP/2 with prior knowledge, one connection for all requests.

use super::key_source::{Granted, KeyFuture, KeySource, NafQuestion, granted};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ksnaf_proto::gba::{BTid, UaSecurityProtocolId};
use ksnaf_proto::zn::{ZnError, nbsp_gba};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// Octets of an answer; a key with some settings has a few thousand.
const MAX_ANSWER: usize = 256 * 1024;

/// For one question, the connection included.
const BOUND: Duration = Duration::from_secs(8);

/// A BSF elsewhere.
pub struct NbspKeys {
    /// `http://host:port` and a path, without a slash at its end.
    base_url: http::Uri,
    token: Option<Zeroizing<String>>,
    question: NafQuestion,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl NbspKeys {
    /// At this base URL, with this bearer token.
    #[must_use]
    pub fn new(base_url: http::Uri, token: Option<Zeroizing<String>>, question: NafQuestion) -> Self {
        Self { base_url, token, question, connection: Mutex::default() }
    }

    async fn ask(&self, b_tid: &BTid, ua: UaSecurityProtocolId) -> Result<Granted, ZnError> {
        let query = self.question.about(b_tid, ua);
        let exchanged = tokio::time::timeout(BOUND, self.exchange(query.to_json())).await;
        let (status, body) = match exchanged {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(bsf = %self.base_url, error, "the BSF cannot be asked");
                return Err(ZnError::Unavailable);
            }
            Err(_) => {
                tracing::warn!(bsf = %self.base_url, "the BSF does not answer in time");
                return Err(ZnError::Unavailable);
            }
        };
        nbsp_gba::read_answer(status, &body).map(granted).map_err(|error| {
            let kind = error.zn_error();
            if kind == ZnError::Unavailable {
                tracing::warn!(bsf = %self.base_url, %error, "the BSF's answer is of no use");
            }
            kind
        })
    }

    /// Status and body. A connection that has ended since is replaced once.
    async fn exchange(&self, question: Vec<u8>) -> Result<(u16, Zeroizing<Vec<u8>>), String> {
        let question = Bytes::from(question);
        let fresh = {
            let mut kept = self.connection.lock().await;
            match kept.as_ref().filter(|sender| !sender.is_closed()) {
                Some(sender) => {
                    let mut sender = sender.clone();
                    drop(kept);
                    match self.send(&mut sender, question.clone()).await {
                        Ok(answer) => return Ok(answer),
                        Err(_) => self.connect().await?,
                    }
                }
                None => {
                    let sender = self.connect().await?;
                    *kept = Some(sender.clone());
                    sender
                }
            }
        };
        let mut sender = fresh;
        let answer = self.send(&mut sender, question).await;
        if answer.is_ok() {
            *self.connection.lock().await = Some(sender);
        }
        answer
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let host = self.base_url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let address = (host, self.base_url.port_u16().unwrap_or(80));
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn send(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        question: Bytes,
    ) -> Result<(u16, Zeroizing<Vec<u8>>), String> {
        let base = self.base_url.to_string();
        let uri = format!("{}/{}{}", base.trim_end_matches('/'), nbsp_gba::API, nbsp_gba::PATH);
        let mut request = Request::post(uri).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            let mut value = header::HeaderValue::try_from(format!("Bearer {}", token.as_str()))
                .map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let request = request.body(Full::new(question)).map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        Ok((status, Zeroizing::new(body.map_err(|error| error.to_string())?.to_bytes().to_vec())))
    }
}

impl KeySource for NbspKeys {
    fn naf_key<'a>(&'a self, b_tid: &'a BTid, ua: UaSecurityProtocolId) -> KeyFuture<'a> {
        Box::pin(self.ask(b_tid, ua))
    }
}
