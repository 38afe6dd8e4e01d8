//! Where the BSF is, and by which name it is spoken to.

use super::{CardFacts, DeviceError};
use crate::config::Config;
use crate::http::client::Target;
use crate::http::tls;
use http::Uri;
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::uicc::ef::MefAddress;
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
    /// The BSF's name, to send as realm.
    pub(super) name: Fqdn,
    /// The realm that challenges must have.
    pub(super) expected_realm: Option<Fqdn>,
}

impl BsfAddress {
    /// `ue.bsf`, else the Ub of this data directory's service, else the MEF on the card, else what the card implies.
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

    /// The name to send as realm: the configured one, else that of the card's MEF, else the one that the card implies.
    pub(super) fn name(&self, facts: &CardFacts) -> Fqdn {
        self.name_at(self.mefs(facts).first(), facts)
    }

    /// Where the BSF is, the preferred place first: several only where the card has several MEFs.
    pub(super) fn places(&self, facts: &CardFacts) -> Result<Vec<Place>, super::UeError> {
        let mefs = self.mefs(facts);
        if mefs.is_empty() {
            let implied = || format!("http://{}/", facts.bsf).parse().map_err(|_| super::UeError::NoBsf);
            let url = self.url.clone().map_or_else(implied, Ok)?;
            // Where the BSF is reached by address alone, its name is whatever it says: AUTN proves the network, not the
            // name.
            let implied_name = self.url.is_none().then(|| facts.bsf.clone());
            return Ok(vec![self.place(&url, None, implied_name, facts)?]);
        }
        mefs.iter()
            .map(|mef| {
                let url = mef_url(mef).ok_or(super::UeError::NoBsf)?;
                self.place(&url, Some(mef), mef_name(mef).cloned(), facts)
            })
            .collect()
    }

    /// Whether the BSF is reached over TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.scheme_str() == Some("https"))
    }

    /// The MEFs on the card, where nothing is configured: the MEF is the BSF (TS-0003 clause 8.1.3).
    fn mefs<'a>(&self, facts: &'a CardFacts) -> &'a [MefAddress] {
        if self.url.is_none() { facts.enrolment.mefs() } else { &[] }
    }

    fn name_at(&self, mef: Option<&MefAddress>, facts: &CardFacts) -> Fqdn {
        let mef = || mef.and_then(mef_name).cloned();
        self.name.clone().or_else(mef).unwrap_or_else(|| facts.bsf.clone())
    }

    fn place(
        &self,
        url: &Uri,
        mef: Option<&MefAddress>,
        expected: Option<Fqdn>,
        facts: &CardFacts,
    ) -> Result<Place, super::UeError> {
        Ok(Place {
            target: Target::of(url, self.trust.as_ref())?,
            path: url.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            host: url.authority().map(ToString::to_string).unwrap_or_default(),
            name: self.name_at(mef, facts),
            expected_realm: self.name.clone().or(expected),
        })
    }
}

/// The name of an MEF that the card has by name.
const fn mef_name(mef: &MefAddress) -> Option<&Fqdn> {
    match mef {
        MefAddress::Fqdn(name) => Some(name),
        _ => None,
    }
}

/// Where an MEF on the card is: Ub's own port, for EF_MEFID has none.
fn mef_url(mef: &MefAddress) -> Option<Uri> {
    let host = match mef {
        MefAddress::Fqdn(name) => name.to_string(),
        MefAddress::V4(address) => address.to_string(),
        MefAddress::V6(address) => format!("[{address}]"),
        MefAddress::Other { .. } => return None,
    };
    format!("http://{host}/").parse().ok()
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
    fn an_mef_on_the_card_is_reached_by_name_or_address() {
        let url = |mef: &MefAddress| mef_url(mef).map(|url| url.to_string());
        let name = MefAddress::Fqdn(Fqdn::parse("mef.example").unwrap());
        assert_eq!(url(&name).as_deref(), Some("http://mef.example/"));
        assert_eq!(mef_name(&name).map(Fqdn::as_str), Some("mef.example"));
        let v4 = MefAddress::V4(Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!((url(&v4).as_deref(), mef_name(&v4)), (Some("http://192.0.2.1/"), None));
        let v6 = MefAddress::V6("2001:db8::1".parse().unwrap());
        assert_eq!((url(&v6).as_deref(), mef_name(&v6)), (Some("http://[2001:db8::1]/"), None));
        assert_eq!(url(&MefAddress::Other { kind: 3, address: vec![1] }), None);
    }

    #[test]
    fn a_service_that_listens_everywhere_is_reached_on_loopback() {
        let reached = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(reached("[::]:1"), "[::1]:1");
        assert_eq!(reached("127.0.0.2:1"), "127.0.0.2:1");
    }
}
