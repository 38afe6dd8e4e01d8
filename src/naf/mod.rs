//! Ua, the network side: an authentication proxy in front of a CSE or any other HTTP server (TS 33.222 annex A, TS-0003
//! clause 8.2). A UE shows that it has the NAF's key, by TLS with a pre-shared key or by HTTP Digest; what stands behind
//! hears who that is from the proxy, and never from the UE.
//!
//! | module | what |
//! |---|---|
//! | [`key_source`], `local`, `nbsp`, `zn_diameter` | Zn: keys from this process's BSF, or from another by Nbsp_GBA or Diameter |
//! | [`keys`] | keys that are known, and B-TIDs that are known to be none |
//! | [`tls`], `tap` | handshakes with pre-shared keys and with certificates |
//! | `digest` | challenges and responses |
//! | `enrolees`, `identities` | who a subscriber is to what stands behind |
//! | `app_rules` | which applications may register by whose key |
//! | `provisioned` | deposited credentials, and connections by a deposited key |
//! | `gate`, `headers`, `answers`, `refusal` | one request, what passes of it, what comes back |
//! | `drain` | what is left of a body that is refused |
//! | `upstream`, `proxy`, `serve` | connections |
//! | `dtls`, `dtls_session`, `dtls_library`, `coap` | the same for CoAP over DTLS |

mod answers;
mod app_rules;
mod coap;
mod digest;
mod drain;
mod dtls;
pub(crate) mod dtls_library;
mod dtls_session;
mod enrolees;
mod gate;
mod headers;
mod holder;
mod identities;
pub mod key_source;
pub mod keys;
mod local;
mod nbsp;
mod provisioned;
mod proxy;
mod refusal;
mod serve;
mod tap;
pub mod tls;
mod upstream;
mod zn_diameter;

pub use local::LocalKeys;
pub use nbsp::NbspKeys;
pub use proxy::Tasks;
pub use zn_diameter::DiameterKeys;

use crate::config::UaProxyConfig;
use crate::credential::enrolment::Enrolment;
use crate::credential::provisioned::Provisioned;
use crate::metrics::Metrics;
use app_rules::AppRules;
use digest::Digest;
use dtls::DtlsListener;
use enrolees::Enrolees;
use http::{HeaderName, HeaderValue};
use identities::Identities;
use key_source::KeySource;
use keys::{CacheTimes, Keys};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::{CseId, Registrar, SpId};
use ksnaf_proto::secret::Secret;
use ksnaf_proto::ua::dtls::CookieKey;
use provisioned::{Deposits, WithDeposits};
use proxy::Proxy;
use serve::{Bounds, Speaks};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tls::{UaTls, UaTlsError};
use tokio::net::{TcpListener, UdpSocket};
use upstream::Upstream;

/// Where an Enrolee's AE-IDs are kept, in the data directory.
const ENROLEES: &str = "enrolees.json";

/// Why the proxy does not start. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UaProxyError {
    /// A setting is missing or does not go with another.
    #[error("ua_proxy.{0}")]
    Setting(&'static str),
    /// A file cannot be read, or what it holds is of no use.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] UaTlsError),
}

/// Secrets of the process that the proxy needs.
pub struct UaSecrets {
    /// Proves its nonces.
    pub nonces: Secret<32>,
    /// Makes its pseudonyms.
    pub pseudonyms: Secret<32>,
    /// Makes its cookies.
    pub cookies: Secret<32>,
    /// Deposited credentials, where this process has a network side.
    pub provisioned: Option<Arc<Provisioned>>,
}

/// A proxy before its listeners.
pub struct UaProxy {
    proxy: Arc<Proxy>,
    bounds: Bounds,
    tls: UaTls,
    cookies: CookieKey,
    dtls_idle: Duration,
}

impl UaProxy {
    /// From the configuration, with keys from `source`.
    pub fn new(
        config: &UaProxyConfig,
        enrolment: Enrolment,
        data_dir: &Path,
        source: Arc<dyn KeySource>,
        secrets: UaSecrets,
        metrics: Arc<Metrics>,
        tasks: Tasks,
    ) -> Result<Self, UaProxyError> {
        let naf = config.naf_fqdn.clone().ok_or(UaProxyError::Setting("naf_fqdn is missing"))?;
        let upstream = config.upstream.as_ref().ok_or(UaProxyError::Setting("upstream is missing"))?;
        let deposits = secrets.provisioned.map(|all| Deposits::new(all, enrolment.clone(), naf.clone()));
        let source = match deposits.clone() {
            Some(deposits) => Arc::new(WithDeposits { bootstraps: source, deposits }) as _,
            None => source,
        };
        let file = data_dir.join(ENROLEES);
        let enrolees = Enrolees::open(
            enrolment,
            naf.clone(),
            registrar(config, &naf)?,
            &config.refused_origins,
            file.clone(),
        )
        .map_err(|source| UaProxyError::File { path: file, source })?;
        // The store of this process says at once what it knows; a BSF elsewhere is asked again now and then.
        let known = if config.zn == crate::config::UaZn::Local { Duration::ZERO } else { config.recheck.0 };
        let times = CacheTimes { known, unknown: config.negative_cache.0, burst: config.unknown_burst };
        let certificate = config.certificate.as_deref().zip(config.key.as_deref());
        let names = config.forward_headers.iter().map(|name| HeaderName::try_from(name.as_str()));
        let forward_headers = names.collect::<Result<_, _>>();
        let proxy = Proxy {
            keys: Arc::new(Keys::new(Arc::clone(&source), times)),
            digest: Digest::new(config, &naf, secrets.nonces),
            enrolees,
            rules: AppRules::new(config.rule.iter().map(|rule| rule.rule().clone()).collect()),
            identities: Identities { naf, key: secrets.pseudonyms },
            deposits,
            upstream: Upstream::new(upstream, config.upstream_timeout.0),
            upstream_token: config.upstream_token_file.as_deref().map(upstream_token).transpose()?,
            forward_headers: forward_headers
                .map_err(|_| UaProxyError::Setting("forward_headers: not the name of a header field"))?,
            websocket: config.websocket,
            digest_body: config.digest_body,
            recheck: config.recheck.0,
            metrics,
            tasks,
        };
        let (shutdown, tracker) = (proxy.tasks.shutdown.clone(), proxy.tasks.tracker.clone());
        tracker.spawn(async move {
            shutdown.cancelled().await;
            source.close().await;
        });
        let bounds = Bounds {
            connections: config.max_connections,
            handshakes: config.max_handshakes,
            handshake: config.handshake_timeout.0,
            request: config.request_timeout.0,
        };
        let (tls, cookies) = (UaTls::new(certificate)?, CookieKey::new(secrets.cookies));
        Ok(Self { proxy: Arc::new(proxy), bounds, tls, cookies, dtls_idle: config.dtls_idle.0 })
    }

    /// Serves TLS.
    pub fn serve_tls(&self, listener: TcpListener) {
        self.serve(listener, Speaks::Tls(self.tls.clone()));
    }

    /// Serves plain HTTP with HTTP Digest.
    pub fn serve_http(&self, listener: TcpListener) {
        self.serve(listener, Speaks::Http);
    }

    /// Serves CoAP over DTLS; it goes to `upstream`.
    pub fn serve_dtls(&self, socket: UdpSocket, upstream: SocketAddr) -> Result<(), UaProxyError> {
        let (proxy, cookies) = (Arc::clone(&self.proxy), self.cookies.clone());
        let listener = DtlsListener::new(socket, upstream, self.bounds, self.dtls_idle, proxy, cookies);
        let listener =
            listener.ok_or(UaProxyError::Setting("dtls_listen: the library fails its own checks"))?;
        self.proxy.tasks.tracker.spawn(listener.serve());
        Ok(())
    }

    fn serve(&self, listener: TcpListener, speaks: Speaks) {
        let tracker = self.proxy.tasks.tracker.clone();
        tracker.spawn(serve::serve(listener, speaks, self.bounds, Arc::clone(&self.proxy)));
    }
}

/// The CSE's own identifiers: configured, or as its public domain name implies them (TS-0001 clause 6.5.1.1).
fn registrar(config: &UaProxyConfig, naf: &Fqdn) -> Result<Registrar, UaProxyError> {
    let (first, rest) = naf.as_str().split_once('.').unwrap_or((naf.as_str(), ""));
    let cse = config.cse_id.clone().unwrap_or_else(|| format!("/{first}"));
    let cse = CseId::parse(&cse)
        .map_err(|_| UaProxyError::Setting("cse_id is not a CSE-ID, or naf_fqdn implies none"))?;
    let provider = match &config.sp_domain {
        Some(domain) => {
            Some(SpId::parse(domain).map_err(|_| UaProxyError::Setting("sp_domain is not a domain"))?)
        }
        None => SpId::parse(rest).ok(),
    };
    Ok(Registrar::new(cse, provider))
}

fn upstream_token(path: &Path) -> Result<HeaderValue, UaProxyError> {
    let token = read_token(path)?;
    let value = HeaderValue::try_from(format!("Bearer {}", token.as_str()));
    let mut value = value.map_err(|_| UaProxyError::Setting("upstream_token_file: not a token"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A file with one token in it.
pub fn read_token(path: &Path) -> Result<zeroize::Zeroizing<String>, UaProxyError> {
    let wrong = |source| UaProxyError::File { path: path.to_owned(), source };
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(wrong)?);
    let token = text.trim();
    if token.is_empty() {
        return Err(wrong(std::io::Error::other("no token in it")));
    }
    Ok(zeroize::Zeroizing::new(token.to_owned()))
}
