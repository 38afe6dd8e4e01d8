//! Ua, the device side: a forward proxy for a CSE or AE that knows nothing of GBA. Plain HTTP comes in on loopback; it goes
//! out under the key that the card leads to, by TLS with a pre-shared key or by HTTP Digest (TS 33.222 clause 5, TS 24.109
//! clause 5, TS-0003 clause 8.2).
//!
//! | module | what |
//! |---|---|
//! | `credential` | the NAF key at hand, made anew before its bootstrap ends |
//! | `way` | connections to the target |
//! | `pool` | connections that are open, as long as their key is the one at hand |
//! | `digest` | challenges of the target, responses, and its proof |
//! | `carry` | one request there, one answer back |
//! | `coap` | datagrams, over DTLS |

mod carry;
mod coap;
mod credential;
mod digest;
mod pool;
mod way;

use crate::config::UaClientConfig;
use crate::http::server::{Handler, Peer, host_is_valid};
use crate::http::tls::TlsError;
use crate::ue::{Device, UeError};
use bytes::Bytes;
use carry::Carrier;
use coap::Coap;
use credential::Credentials;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use ksnaf_proto::identity::Fqdn;
use std::error::Error;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use way::Way;

/// Where CoAP over DTLS is (RFC 7252 clause 12.7).
const COAPS_PORT: u16 = 5684;

/// A body of any kind on its way through.
type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Why the role does not start. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UaClientError {
    /// A value of the configuration, named in the text.
    #[error("{0}")]
    Setting(String),
    /// The trusted certificates are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// OpenSSL does not do what is needed.
    #[error("OpenSSL: {0}")]
    Openssl(#[from] openssl::error::ErrorStack),
}

/// Why a request got no answer of the target.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// No key: the card, the BSF, or the way there.
    #[error("no key from the card: {0}")]
    Key(#[from] UeError),
    /// The target cannot be reached.
    #[error("the target cannot be reached: {0}")]
    Unreachable(String),
    /// The target takes no key of this card's, not even of a bootstrap made for it.
    #[error("the target does not accept the key of this card: {0}")]
    Refused(String),
    /// The target is not who it says, or does not know the key.
    #[error("the target does not prove itself: {0}")]
    Unproven(&'static str),
    /// The key was made anew while a long body was under way.
    #[error("the key has been renewed meanwhile: send it again")]
    Renewed,
    /// It broke off.
    #[error("no answer: {0}")]
    Broken(String),
    /// Digest cannot compute over as much.
    #[error("a body above ua_client.digest_body cannot be protected by Digest")]
    TooLarge,
    /// All connections are in use.
    #[error("too many requests at once")]
    Busy,
}

/// The handler of `ua_client.listen`; clones are the same client.
#[derive(Clone)]
pub struct UaClient {
    carrier: Arc<Carrier>,
}

impl UaClient {
    /// By configuration, over this device's card.
    pub fn new(
        settings: &UaClientConfig,
        target: &http::Uri,
        device: Arc<Device>,
    ) -> Result<Self, UaClientError> {
        for (key, address) in
            [("ua_client.listen", Some(settings.listen)), ("ua_client.coap_listen", settings.coap_listen)]
        {
            if address.is_some_and(|address| !address.ip().is_loopback()) {
                let why =
                    "whoever connects speaks as the card's subscriber, so it has to be a loopback address";
                return Err(UaClientError::Setting(format!("{key}: {why}")));
            }
        }
        let naf = naf_of(target)?;
        let way = Way::new(settings, target, &naf)?;
        Ok(Self { carrier: Arc::new(Carrier::new(settings, target, naf, way, device)) })
    }
}

/// CoAP in, DTLS out.
pub struct UaCoap(Arc<Coap>);

impl UaCoap {
    /// By the same configuration, on a socket that is bound already.
    pub fn new(
        settings: &UaClientConfig,
        target: &http::Uri,
        device: Arc<Device>,
        socket: UdpSocket,
    ) -> Result<Self, UaClientError> {
        let naf = naf_of(target)?;
        let connect = settings.coap_connect.clone();
        Ok(Self(Arc::new(Coap {
            socket,
            target: connect.unwrap_or_else(|| format!("{naf}:{COAPS_PORT}")),
            credentials: Credentials::new(device, naf),
            form: settings.psk_identity,
            most: settings.max_connections,
            connect_bound: settings.connect_timeout.0,
            idle: settings.request_timeout.0,
        })))
    }

    /// Carries datagrams until the shutdown.
    pub async fn serve(self, shutdown: CancellationToken, tracker: TaskTracker) {
        coap::serve(self.0, shutdown, tracker).await;
    }
}

fn naf_of(target: &http::Uri) -> Result<Fqdn, UaClientError> {
    let host = target.host().unwrap_or_default();
    Fqdn::parse(host).map_err(|error| {
        UaClientError::Setting(format!("ua_client.target: {host:?}: {error}: the NAF's name is in the key"))
    })
}

impl Handler for UaClient {
    type Body = Body;

    async fn handle(&self, request: Request<Incoming>, _: Arc<Peer>) -> Response<Body> {
        if !host_is_valid(&request) {
            return plain(StatusCode::BAD_REQUEST, "a request names one host");
        }
        if request.method() == Method::CONNECT {
            return plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "this proxy protects requests itself: send them plainly",
            );
        }
        if let Some(asked) = request.uri().host()
            && !self.carrier.is_target(asked)
        {
            return plain(StatusCode::FORBIDDEN, "this proxy leads to its one target only");
        }
        match Arc::clone(&self.carrier).carry(request).await {
            Ok(response) => response,
            Err(trouble) => {
                tracing::warn!(%trouble, "a request got no answer of the target");
                let status = match trouble {
                    Trouble::Key(_) | Trouble::Busy | Trouble::Renewed => StatusCode::SERVICE_UNAVAILABLE,
                    Trouble::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                    _ => StatusCode::BAD_GATEWAY,
                };
                let mut response = plain(status, &trouble.to_string());
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                }
                response
            }
        }
    }
}

fn whole(octets: impl Into<Bytes>) -> Body {
    Full::new(octets.into()).map_err(|never| match never {}).boxed_unsync()
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(whole(format!("ksnaf: {text}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
