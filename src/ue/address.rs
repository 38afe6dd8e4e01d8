//! Where the BSF is, and by which name it is spoken to.

use super::{CardFacts, DeviceError};
use crate::config::Config;
use crate::http::client::Target;
use crate::http::tls;
use http::Uri;
use ksnaf_proto::identity::Fqdn;
use rustls::ClientConfig;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// A configured place, or the one that the card implies.
pub(super) struct BsfAddress {
    url: Option<Uri>,
    name: Option<Fqdn>,
    trust: Option<Arc<ClientConfig>>,
}

/// Everything that one bootstrap needs to know of its BSF.
pub(super) struct Place {
    pub(super) target: Target,
    /// Path and query.
    pub(super) path: String,
    /// Host header.
    pub(super) host: String,
}

impl BsfAddress {
    /// `ue.bsf`, else the Ub of this data directory's service, else what the card implies.
    pub(super) fn from_config(config: &Config, own_ub: Option<SocketAddr>) -> Result<Self, DeviceError> {
        let trust = config.ue.bsf_ca.as_deref().map(tls::client).transpose()?;
        let name = match &config.ue.bsf_name {
            Some(text) => {
                let wrong = |error| DeviceError::Setting(format!("ue.bsf_name = {text:?}: {error}"));
                Some(Fqdn::parse(text).map_err(wrong)?)
            }
            None => None,
        };
        if let Some(text) = &config.ue.bsf {
            let wrong =
                |error: &dyn std::fmt::Display| DeviceError::Setting(format!("BSF {text:?}: {error}"));
            let url: Uri = text.parse().map_err(|error: http::uri::InvalidUri| wrong(&error))?;
            Target::of(&url, trust.as_ref()).map_err(|error| wrong(&error))?;
            let name = name.or_else(|| host_name(&url));
            return Ok(Self { url: Some(url), name, trust });
        }
        match own_ub {
            Some(address) => {
                let url = format!("http://{}/", reachable(address)).parse().ok();
                Ok(Self { url, name: name.or_else(|| Some(config.bsf.fqdn.clone())), trust })
            }
            None => Ok(Self { url: None, name, trust }),
        }
    }

    /// The name to send as realm: the configured one, else the card's.
    pub(super) fn name(&self, facts: &CardFacts) -> Fqdn {
        self.name.clone().unwrap_or_else(|| facts.bsf.clone())
    }

    /// The realm that challenges must have. Where the BSF is reached by address alone, its name is whatever it says:
    /// AUTN proves the network, not the name.
    pub(super) fn expected_realm(&self, facts: &CardFacts) -> Option<Fqdn> {
        match (&self.name, &self.url) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(facts.bsf.clone()),
        }
    }

    /// Whether the BSF is reached over TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.scheme_str() == Some("https"))
    }

    /// Where to connect.
    pub(super) fn place(&self, facts: &CardFacts) -> Result<Place, super::UeError> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => format!("http://{}/", facts.bsf).parse().map_err(|_| super::UeError::NoBsf)?,
        };
        let target = Target::of(&url, self.trust.as_ref())?;
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let host = url.authority().map(ToString::to_string).unwrap_or_default();
        Ok(Place { target, path: path.to_owned(), host })
    }
}

/// The host of a URL, if it is a name with a dot in it and no address.
fn host_name(url: &Uri) -> Option<Fqdn> {
    let host = url.host()?;
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if is_address || !host.contains('.') { None } else { Fqdn::parse(host).ok() }
}

/// A service that listens everywhere is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_bsf_only_if_its_host_is_a_name() {
        let name = |url: &str| host_name(&url.parse().unwrap()).map(|name| name.to_string());
        assert_eq!(name("http://bsf.example:8080/").as_deref(), Some("bsf.example"));
        for none in ["http://127.0.0.1:8080/", "http://[::1]/", "http://localhost/"] {
            assert_eq!(name(none), None, "{none}");
        }
    }

    #[test]
    fn a_service_that_listens_everywhere_is_reached_on_loopback() {
        let reached = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(reached("[::]:1"), "[::1]:1");
        assert_eq!(reached("127.0.0.2:1"), "127.0.0.2:1");
    }
}
