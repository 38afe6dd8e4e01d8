//! `[ua_proxy]`: Ua, the network side, in front of a CSE or any other HTTP server.

use super::{AppRuleConfig, Lifetime, loopback};
use ksnaf_proto::identity::Fqdn;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[ua_proxy]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UaProxyConfig {
    /// Where TLS is served: pre-shared keys, and with a certificate HTTP Digest inside.
    pub listen: SocketAddr,
    /// Where plain HTTP is served with HTTP Digest, if anywhere.
    pub http_listen: Option<SocketAddr>,
    /// Where CoAP over DTLS is served, if anywhere.
    pub dtls_listen: Option<SocketAddr>,
    /// PEM certificate chain for clients without a pre-shared key.
    pub certificate: Option<PathBuf>,
    /// PEM private key of the certificate.
    pub key: Option<PathBuf>,
    /// The name by which UEs address what stands behind: it is in every key. With it, the proxy is served.
    #[serde(deserialize_with = "some_fqdn")]
    pub naf_fqdn: Option<Fqdn>,
    /// Where requests go: `http://host:port`, with a path before every request's where it has one.
    #[serde(deserialize_with = "upstream")]
    pub upstream: Option<http::Uri>,
    /// Where CoAP goes: `coap://host:port`; port 5683 of the upstream's host unless set.
    #[serde(deserialize_with = "coap_upstream")]
    pub coap_upstream: Option<http::Uri>,
    /// A file with a bearer token for the upstream, so that it can refuse whoever comes past the proxy.
    pub upstream_token_file: Option<PathBuf>,
    /// Where the keys come from.
    pub zn: UaZn,
    /// The Diameter peer, for `diameter`.
    pub peer: Option<SocketAddr>,
    /// The BSF's Nbsp_GBA, for `nbsp`.
    #[serde(deserialize_with = "upstream")]
    pub base_url: Option<http::Uri>,
    /// A file with the bearer token for `base_url`.
    pub token_file: Option<PathBuf>,
    /// GAA service identifiers whose settings (USS) are asked for with a key: the identities in them are what
    /// `X-3GPP-Intended-Identity` may name.
    pub gs_ids: Vec<u32>,
    /// Whether the card's own key, Ks_int_NAF, is offered too.
    pub uicc_key: bool,
    /// The CSE-ID behind the proxy, for the longer spellings of an originator; the first label of `naf_fqdn` unless set.
    pub cse_id: Option<String>,
    /// The service provider's domain; `naf_fqdn` without its first label unless set.
    pub sp_domain: Option<String>,
    /// Originators that nobody may be by way of this proxy, whatever an `[[enrolee]]` says: the CSE's administrator.
    pub refused_origins: Vec<String>,
    /// Header fields that pass beside those of oneM2M and of HTTP itself, where an Enrolee speaks.
    pub forward_headers: Vec<String>,
    /// Whether a connection may turn into a WebSocket. Its frames are not read, so oneM2M's own is never among them.
    pub websocket: bool,
    /// Whether a digest URI may differ from the request line by a slash at its end, as XCAP clients in the field do it.
    pub digest_trailing_slash: bool,
    /// How long a nonce is good.
    pub nonce_lifetime: Lifetime,
    /// Octets of a body that auth-int is computed over; a longer one is refused, in an answer it goes without proof.
    pub digest_body: usize,
    /// Connections at once on each listener.
    pub max_connections: usize,
    /// Handshakes at once; one address gets a quarter of them at the most.
    pub max_handshakes: usize,
    /// For one handshake, the fetch of its key included.
    pub handshake_timeout: Lifetime,
    /// For a request's header, and for an idle connection.
    pub request_timeout: Lifetime,
    /// For a client of CoAP that says nothing.
    pub dtls_idle: Lifetime,
    /// For the upstream to begin its answer.
    pub upstream_timeout: Lifetime,
    /// How long a B-TID stays unknown before the BSF is asked again.
    pub negative_cache: Lifetime,
    /// Unknown B-TIDs that one address may make the proxy ask for at once; one a second after that.
    pub unknown_burst: u32,
    /// How often an open connection's key is asked for again: after a revocation it lives no longer than this.
    pub recheck: Lifetime,
    /// Which applications may register by whose key; without any, the CSE decides alone.
    pub rule: Vec<AppRuleConfig>,
}

/// `ua_proxy.zn`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UaZn {
    /// This process's own BSF.
    #[default]
    Local,
    /// A BSF by Diameter.
    Diameter,
    /// A BSF by Nbsp_GBA.
    Nbsp,
}

impl Default for UaProxyConfig {
    fn default() -> Self {
        Self {
            listen: loopback(8444),
            http_listen: None,
            dtls_listen: None,
            certificate: None,
            key: None,
            naf_fqdn: None,
            upstream: None,
            coap_upstream: None,
            upstream_token_file: None,
            zn: UaZn::Local,
            peer: None,
            base_url: None,
            token_file: None,
            gs_ids: Vec::new(),
            uicc_key: false,
            cse_id: None,
            sp_domain: None,
            refused_origins: vec!["CAdmin".to_owned()],
            forward_headers: Vec::new(),
            websocket: true,
            digest_trailing_slash: false,
            nonce_lifetime: Lifetime(Duration::from_secs(300)),
            digest_body: 1024 * 1024,
            max_connections: 1024,
            max_handshakes: 256,
            handshake_timeout: Lifetime(Duration::from_secs(10)),
            request_timeout: Lifetime(Duration::from_secs(30)),
            dtls_idle: Lifetime(Duration::from_secs(300)),
            upstream_timeout: Lifetime(Duration::from_secs(60)),
            negative_cache: Lifetime(Duration::from_secs(30)),
            unknown_burst: 50,
            recheck: Lifetime(Duration::from_secs(10)),
            rule: Vec::new(),
        }
    }
}

fn some_fqdn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Fqdn>, D::Error> {
    super::fqdn(deserializer).map(Some)
}

fn upstream<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<http::Uri>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let uri: Option<http::Uri> = text.parse().ok();
    uri.filter(|uri| uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none())
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format_args!("{text:?}: not http://host:port")))
}

fn coap_upstream<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<http::Uri>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let uri: Option<http::Uri> = text.parse().ok();
    let bare = |uri: &http::Uri| uri.path().len() <= 1 && uri.query().is_none();
    uri.filter(|uri| uri.scheme_str() == Some("coap") && uri.host().is_some() && bare(uri))
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format_args!("{text:?}: not coap://host:port")))
}
