//! `[zh]`: where vectors and settings come from.

use super::Lifetime;
use http::Uri;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// `[zh]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZhConfig {
    /// Which AuC or HSS gives the vectors.
    pub source: ZhSource,
    /// Host and port, for `diameter`, `cx` and `gsup`. Without it, `diameter` and `cx` ask by `[[diameter.peer]]`.
    pub peer: Option<PeerAddress>,
    /// Another HSS of the same realm, for `diameter` and `cx`: it takes over while the first one is away.
    pub standby_peer: Option<PeerAddress>,
    /// The apiRoot, before `/nhss-gba-ueau/v1` and the like, for `nhss` and `nudm`.
    pub base_url: Option<BaseUrl>,
    /// Destination-Realm, for `diameter` and `cx`; the connected HSS's own unless set.
    pub realm: Option<String>,
    /// For one answer, all that is needed for it included. Four seconds: an HSS answers in milliseconds, and Ub's own
    /// bound has not passed yet, so that the UE is told to come again.
    pub timeout: Lifetime,
    /// Requests on their way at once, one a subscriber: as many as an HSS of a lab bears. More wait.
    pub max_requests: usize,
    /// Which HTTP `nhss` and `nudm` speak. Version 2 is the service-based interface's own; a peer that does not speak
    /// it gets version 1.1 anyway.
    pub http: ZhHttp,
    /// PEM certificates that an HTTPS peer is checked against. For `diameter` and `cx` it turns TLS on.
    pub ca: Option<PathBuf>,
    /// PEM certificate chain of this BSF, where a peer wants one.
    pub tls_certificate: Option<PathBuf>,
    /// PEM private key that goes with it.
    pub tls_key: Option<PathBuf>,
    /// Access tokens, where the peer wants them.
    pub oauth: Option<OauthClientConfig>,
    /// The SIP URI under which the BSF shows itself as an S-CSCF, for `cx`; `sip:` and `bsf.fqdn` unless set.
    pub server_name: Option<String>,
    /// The client's name towards an HLR, for `gsup`. osmo-hlr gives every name an IND of its own, so that bootstraps
    /// do not disturb the sequence numbers of an MSC or SGSN.
    pub gsup_name: String,
    /// How long settings are used before the HSS is asked again, for `nhss`; over Diameter the HSS says with every
    /// vector whether they have changed. Ten minutes: what an operator changes counts soon, and a run of bootstraps
    /// asks once.
    pub settings_lifetime: Lifetime,
    /// Whether vectors beyond the one that is needed are kept for the subscriber's next bootstrap. An HLR moves the
    /// sequence number on by as many as it sends, so dropping them wastes four of five.
    pub keep_vectors: bool,
    /// How long they are kept. Five minutes: they are keys at rest.
    pub vector_lifetime: Lifetime,
}

impl Default for ZhConfig {
    fn default() -> Self {
        Self {
            source: ZhSource::BuiltIn,
            peer: None,
            standby_peer: None,
            base_url: None,
            realm: None,
            timeout: Lifetime(Duration::from_secs(4)),
            max_requests: 256,
            http: ZhHttp::Two,
            ca: None,
            tls_certificate: None,
            tls_key: None,
            oauth: None,
            server_name: None,
            gsup_name: "ksnaf".to_owned(),
            settings_lifetime: Lifetime(Duration::from_secs(600)),
            keep_vectors: true,
            vector_lifetime: Lifetime(Duration::from_secs(300)),
        }
    }
}

/// `zh.source`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZhSource {
    /// The subscribers of the store.
    #[default]
    BuiltIn,
    /// An HSS by Zh over Diameter.
    Diameter,
    /// An HSS by Nhss_gbaUEAU and Nhss_gbaSDM.
    Nhss,
    /// A UDM by Nudm_UEAU.
    Nudm,
    /// An HSS without Zh, by Cx over Diameter.
    Cx,
    /// An HLR by GSUP.
    Gsup,
}

/// `zh.http`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum ZhHttp {
    /// With prior knowledge, or by ALPN.
    #[default]
    #[serde(rename = "2")]
    Two,
    /// HTTP/1.1 from the start.
    #[serde(rename = "1.1")]
    OneOne,
}

/// `[zh.oauth]`: client credentials (RFC 6749 clause 4.4, TS 29.510 clause 5.4).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OauthClientConfig {
    /// The token endpoint. Needed.
    pub token_url: Option<BaseUrl>,
    /// The client. Needed; it is the BSF's instance id where an NRF gives the tokens.
    pub client_id: String,
    /// Its first line is the client's secret; an NRF knows its clients by their certificates instead.
    pub secret_file: Option<PathBuf>,
    /// In place of the service's own scopes.
    pub scope: Option<String>,
}

/// Host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl FromStr for PeerAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const WRONG: &str = "write it as host:port";
        let (host, port) = text.rsplit_once(':').ok_or(WRONG)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bare.is_none() && host.contains(':') {
            return Err("write an IPv6 address in brackets");
        }
        let host = bare.unwrap_or(host);
        let port: u16 = port.parse().map_err(|_| WRONG)?;
        let right = !host.is_empty() && port != 0 && !host.contains(|c: char| c.is_whitespace() || c == '/');
        if right { Ok(Self { host: host.to_owned(), port }) } else { Err(WRONG) }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl<'de> Deserialize<'de> for PeerAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| D::Error::custom(format_args!("{text:?}: {error}")))
    }
}

/// An `http://` or `https://` URL with a host, without a query, user or trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The text, to which a path can be appended.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is HTTPS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for BaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "not a URL")?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
        let (Some(scheme), Some(authority)) = (scheme, uri.authority()) else {
            return Err("a URL begins with http:// or https:// and a host");
        };
        if uri.query().is_some() || authority.as_str().contains('@') || uri.host().is_none_or(str::is_empty) {
            return Err("a URL without user and query is needed");
        }
        Ok(Self(format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/'))))
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| D::Error::custom(format_args!("{text:?}: {error}")))
    }
}

impl ZhConfig {
    /// What the source needs and does not have.
    pub(super) fn missing(&self, ub_bound: Lifetime, has_diameter_peers: bool) -> Result<(), &'static str> {
        use ZhSource::{BuiltIn, Cx, Diameter, Gsup, Nhss, Nudm};
        let hss = self.peer.is_some() || has_diameter_peers;
        let has = |there: bool, message: &'static str| if there { Ok(()) } else { Err(message) };
        match self.source {
            BuiltIn => return Ok(()),
            Diameter => {
                has(
                    hss,
                    "zh.source = \"diameter\" needs zh.peer, the HSS's host:port, or a [[diameter.peer]]",
                )?;
            }
            Cx => {
                has(hss, "zh.source = \"cx\" needs zh.peer, the HSS's host:port, or a [[diameter.peer]]")?;
            }
            Gsup => has(self.peer.is_some(), "zh.source = \"gsup\" needs zh.peer, the HLR's host:port")?,
            Nhss => {
                has(self.base_url.is_some(), "zh.source = \"nhss\" needs zh.base_url, the HSS's apiRoot")?
            }
            Nudm => {
                has(self.base_url.is_some(), "zh.source = \"nudm\" needs zh.base_url, the UDM's apiRoot")?
            }
        }
        let https =
            matches!(self.source, Nhss | Nudm) && self.base_url.as_ref().is_some_and(BaseUrl::is_https);
        has(!https || self.ca.is_some(), "an https zh.base_url needs zh.ca")?;
        if let Some(oauth) = &self.oauth {
            let url = oauth.token_url.as_ref().ok_or("zh.oauth needs zh.oauth.token_url")?;
            has(!oauth.client_id.is_empty(), "zh.oauth needs zh.oauth.client_id")?;
            has(!url.is_https() || self.ca.is_some(), "an https zh.oauth.token_url needs zh.ca")?;
        }
        let both = self.tls_certificate.is_some() == self.tls_key.is_some();
        has(both, "zh.tls_certificate and zh.tls_key go together")?;
        has(self.max_requests > 0, "zh.max_requests must not be 0")?;
        has(
            self.timeout.0 < ub_bound.0,
            "zh.timeout must be shorter than ub.request_timeout: else no UE hears that the HSS is late",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_and_urls_are_read_or_refused() {
        for (text, shown) in [("hss.example:3868", "hss.example:3868"), ("[::1]:4222", "[::1]:4222")] {
            assert_eq!(text.parse::<PeerAddress>().unwrap().to_string(), shown);
        }
        for bad in ["", "hss", "hss:", ":1", "hss:0", "hss:65536", "::1:4222", "a b:1", "http://h:1"] {
            assert!(bad.parse::<PeerAddress>().is_err(), "{bad}");
        }
        for (text, kept) in [
            ("http://h:8090", "http://h:8090"),
            ("https://h/api/", "https://h/api"),
            ("http://[::1]:1/", "http://[::1]:1"),
        ] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().as_str(), kept);
        }
        for bad in ["", "h:1", "ftp://h", "http://", "http://u@h", "http://h?x=1", "/path"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_source_without_what_it_needs_names_the_key() {
        let told = |change: fn(&mut ZhConfig)| {
            let mut config = ZhConfig::default();
            change(&mut config);
            config.missing(Lifetime(Duration::from_secs(10)), false).err().unwrap_or_default()
        };
        assert_eq!(told(|_| ()), "");
        assert!(told(|zh| zh.source = ZhSource::Gsup).contains("needs zh.peer"));
        assert!(told(|zh| zh.source = ZhSource::Nhss).contains("needs zh.base_url"));
        assert!(told(|zh| zh.source = ZhSource::Nudm).contains("needs zh.base_url"));
        assert!(told(|zh| zh.source = ZhSource::Cx).contains("needs zh.peer"));
        assert!(told(|zh| zh.source = ZhSource::Diameter).contains("needs zh.peer"));
        let diameter = |zh: &mut ZhConfig| {
            zh.source = ZhSource::Diameter;
            zh.peer = "h:1".parse().ok();
        };
        assert_eq!(told(diameter), "", "the HSS tells its realm");
        let https = |zh: &mut ZhConfig| {
            zh.source = ZhSource::Nhss;
            zh.base_url = "https://h".parse().ok();
        };
        assert!(told(https).contains("zh.ca"));
        let slow = |zh: &mut ZhConfig| {
            zh.source = ZhSource::Gsup;
            zh.peer = "h:1".parse().ok();
            zh.timeout = Lifetime(Duration::from_secs(10));
        };
        assert!(told(slow).contains("zh.timeout"));
    }
}
