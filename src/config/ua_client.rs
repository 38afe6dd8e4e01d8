//! `[ua_client]`: Ua, the device side: plain HTTP in, GBA-protected out.

use super::{Lifetime, loopback};
use ksnaf_proto::gba::CipherSuite;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[ua_client]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UaClientConfig {
    /// Where plain HTTP is taken. Whoever connects speaks as the card's subscriber, so it is a loopback address.
    pub listen: SocketAddr,
    /// Where plain HTTP is taken too, if anywhere: a Unix socket that only the service's user reaches.
    pub unix_socket: Option<PathBuf>,
    /// Where CoAP is taken, if anywhere; a loopback address, too. It goes out over DTLS 1.2 with the pre-shared key,
    /// whatever `use` says.
    pub coap_listen: Option<SocketAddr>,
    /// Host and port of the target's DTLS; its name and 5684 unless set.
    pub coap_connect: Option<String>,
    /// Where requests go: `https://host:port`, or `http://…` for HTTP Digest without TLS. With it, the role is on.
    #[serde(deserialize_with = "target")]
    pub target: Option<http::Uri>,
    /// Host and port to connect to, where the target's name does not resolve.
    pub connect: Option<String>,
    /// How the target is to be reached.
    #[serde(rename = "use")]
    pub protection: UaUse,
    /// The suite of `tls-psk`, by its name or as four hex digits: the key is made for it. The default is the one that every
    /// oneM2M target has (TS-0003 clause 10.2.2).
    #[serde(deserialize_with = "suite")]
    pub suite: CipherSuite,
    /// How the PSK identity is written.
    pub psk_identity: PskIdentityForm,
    /// PEM certificates to trust for `http-digest` over TLS.
    pub ca: Option<PathBuf>,
    /// Octets of a body that Digest may have to send again or to compute over; a longer one is refused.
    pub digest_body: usize,
    /// Connections at once, on each side.
    pub max_connections: usize,
    /// For a connection with its handshake, and a bootstrap where it needs one.
    pub connect_timeout: Lifetime,
    /// For a request's header, and for an idle connection.
    pub request_timeout: Lifetime,
}

/// `ua_client.use`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UaUse {
    /// TLS 1.2 with the NAF key.
    #[default]
    TlsPsk,
    /// TLS 1.3 with the NAF key.
    Tls13Psk,
    /// HTTP Digest, inside TLS where the target is `https`.
    HttpDigest,
}

/// `ua_client.psk_identity`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PskIdentityForm {
    /// The B-TID alone, as oneM2M has it.
    #[default]
    Bare,
    /// `3GPP-bootstrapping;` before it, as 3GPP has it.
    Prefixed,
}

impl Default for UaClientConfig {
    fn default() -> Self {
        Self {
            listen: loopback(8445),
            unix_socket: None,
            coap_listen: None,
            coap_connect: None,
            target: None,
            connect: None,
            protection: UaUse::TlsPsk,
            suite: CipherSuite::PSK_AES_128_CBC_SHA256,
            psk_identity: PskIdentityForm::Bare,
            ca: None,
            digest_body: 1024 * 1024,
            max_connections: 64,
            connect_timeout: Lifetime(Duration::from_secs(30)),
            request_timeout: Lifetime(Duration::from_secs(60)),
        }
    }
}

fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<http::Uri>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |reason: &str| D::Error::custom(format_args!("{text:?}: {reason}"));
    let uri: http::Uri = text.parse().map_err(|_| wrong("not a URL"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("https" | "http"), Some(_)) if uri.path() == "/" && uri.query().is_none() => Ok(Some(uri)),
        (Some("https" | "http"), Some(_)) => Err(wrong("requests bring their own paths")),
        _ => Err(wrong("a URL begins with https:// or http:// and a host")),
    }
}

fn suite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CipherSuite, D::Error> {
    let text = String::deserialize(deserializer)?;
    let by_code = || u16::from_str_radix(&text, 16).ok().filter(|_| text.len() == 4).map(CipherSuite);
    let named = CipherSuite::by_name(&text).or_else(by_code);
    named.ok_or_else(|| D::Error::custom(format_args!("{text:?}: no cipher suite by that name")))
}
