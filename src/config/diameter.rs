//! `[diameter]`: this process as a Diameter node, and its peers.

use super::Lifetime;
use ksnaf_proto::diameter::peer::WatchdogInterval;
use ksnaf_proto::diameter::{ApplicationId, DiameterIdentity};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[diameter]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiameterConfig {
    /// Origin-Host; `bsf.fqdn` unless set.
    #[serde(deserialize_with = "some_identity")]
    pub identity: Option<DiameterIdentity>,
    /// Origin-Realm; what follows the first label of the identity unless set.
    #[serde(deserialize_with = "some_identity")]
    pub realm: Option<DiameterIdentity>,
    /// Product-Name.
    pub product: String,
    /// Twinit of RFC 3539, which recommends 30 seconds and allows 6.
    #[serde(deserialize_with = "watchdog")]
    pub watchdog: WatchdogInterval,
    /// Where peers connect over TLS, if anywhere; over TCP they do at `zn.diameter_listen`.
    pub tls_listen: Option<SocketAddr>,
    /// PEM certificate chain of this node, towards all its peers over TLS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM private key that goes with it.
    pub tls_key: Option<PathBuf>,
    /// PEM certificates that peers over TLS are checked against. Without it, peers that connect show no certificate.
    pub tls_ca: Option<PathBuf>,
    /// Whether a peer's Origin-Host must be a name in its certificate, whichever end connects.
    pub names_from_certificates: bool,
    /// How many peers may be connected at once that no `[[diameter.peer]]` names: NAFs, whose rights stand in
    /// `[[naf]]`.
    pub unknown_peers: usize,
    /// Whom this node knows.
    pub peer: Vec<DiameterPeerConfig>,
}

impl Default for DiameterConfig {
    fn default() -> Self {
        Self {
            identity: None,
            realm: None,
            product: "ksnaf".to_owned(),
            watchdog: WatchdogInterval::default(),
            tls_listen: None,
            tls_certificate: None,
            tls_key: None,
            tls_ca: None,
            names_from_certificates: true,
            unknown_peers: 64,
            peer: Vec::new(),
        }
    }
}

/// `[[diameter.peer]]`: a name, an address, or both.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiameterPeerConfig {
    /// The Origin-Host it must have; any, unless set.
    #[serde(deserialize_with = "some_identity")]
    pub host: Option<DiameterIdentity>,
    /// `host:port` to connect to; unset, it connects.
    #[serde(deserialize_with = "some_address")]
    pub address: Option<String>,
    /// Destination-Realms that it takes requests for; any, if empty.
    #[serde(deserialize_with = "identities")]
    pub realms: Vec<DiameterIdentity>,
    /// Applications that it takes requests of, by name or number; any, if empty.
    pub applications: Vec<ApplicationName>,
    /// Of the peers that take a request, those with the smallest number are asked first.
    pub priority: u16,
    /// Whether it is reached over TLS. Its certificate must have the name `host`, or that of the address.
    pub tls: bool,
}

/// A Diameter application: `zh`, `zn`, `zpn`, `cx`, or its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationName(pub ApplicationId);

impl<'de> Deserialize<'de> for ApplicationName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Name(String),
        }
        let id = match Written::deserialize(deserializer)? {
            Written::Number(number) => ApplicationId(number),
            Written::Name(name) => match name.as_str() {
                "zh" => ApplicationId::ZH,
                "zn" => ApplicationId::ZN,
                "zpn" => ApplicationId::ZPN,
                "cx" => ApplicationId::CX,
                _ => {
                    return Err(D::Error::custom(format_args!(
                        "{name:?}: write zh, zn, zpn, cx or a number"
                    )));
                }
            },
        };
        Ok(Self(id))
    }
}

impl DiameterConfig {
    /// What does not go together.
    pub(super) fn conflict(&self) -> Result<(), &'static str> {
        let own = self.tls_certificate.is_some() && self.tls_key.is_some();
        if self.tls_listen.is_some() && !own {
            return Err("diameter.tls_listen needs diameter.tls_certificate and diameter.tls_key");
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Err("diameter.tls_certificate and diameter.tls_key go together");
        }
        for peer in &self.peer {
            if peer.host.is_none() && peer.address.is_none() {
                return Err("a diameter.peer needs host, address or both");
            }
            if peer.tls && (peer.address.is_none() || self.tls_ca.is_none()) {
                return Err("a diameter.peer with tls needs its address and diameter.tls_ca");
            }
        }
        Ok(())
    }
}

fn identity<E: serde::de::Error>(text: &str) -> Result<DiameterIdentity, E> {
    DiameterIdentity::parse(text).map_err(|error| E::custom(format_args!("{text:?}: {error}")))
}

fn some_identity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DiameterIdentity>, D::Error> {
    identity(&String::deserialize(deserializer)?).map(Some)
}

pub(super) fn identities<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<DiameterIdentity>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|text| identity(text)).collect()
}

fn watchdog<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WatchdogInterval, D::Error> {
    let Lifetime(interval) = Lifetime::deserialize(deserializer)?;
    WatchdogInterval::new(interval).ok_or_else(|| D::Error::custom("RFC 3539 allows no less than 6 seconds"))
}

fn some_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    // Such an address also stands for the peer until it tells its name.
    let right = host_of(&text).is_some() && DiameterIdentity::parse(&text).is_ok();
    if right {
        Ok(Some(text))
    } else {
        Err(D::Error::custom(format_args!("{text:?}: write it as host:port, an IPv6 address in brackets")))
    }
}

/// The host of `host:port`, without the brackets of an IPv6 address.
pub(crate) fn host_of(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let whole = port.parse::<u16>().is_ok_and(|port| port != 0) && !host.is_empty();
    (whole && (bare.is_some() || !host.contains(':'))).then(|| bare.unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DiameterConfig, String> {
        let config: DiameterConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        config.conflict().map_err(str::to_owned)?;
        Ok(config)
    }

    #[test]
    fn peers_have_a_name_an_address_or_both() {
        let config = read(
            "watchdog = \"10s\"\n[[peer]]\naddress = \"[::1]:3868\"\n\
             [[peer]]\nhost = \"naf.example\"\napplications = [\"zn\", 16777268]\nrealms = [\"example\"]\n",
        )
        .unwrap();
        assert_eq!(config.peer[0].address.as_deref(), Some("[::1]:3868"));
        let applications = config.peer[1].applications.iter().map(|name| name.0);
        assert!(applications.eq([ApplicationId::ZN, ApplicationId::ZPN]));
    }

    #[test]
    fn what_is_wrong_or_does_not_go_together_is_told() {
        for (text, told) in [
            ("watchdog = \"5s\"", "6 seconds"),
            ("identity = \"a b\"", "a b"),
            ("[[peer]]\nhost = \"\"", "host or realm name"),
            ("[[peer]]\naddress = \"nowhere\"", "host:port"),
            ("[[peer]]\naddress = \"h:0\"", "host:port"),
            ("[[peer]]\naddress = \"::1:3868\"", "brackets"),
            ("[[peer]]\nhost = \"h\"\napplications = [\"gx\"]", "zh, zn, zpn, cx"),
            ("[[peer]]\npriority = 1", "host, address or both"),
            ("[[peer]]\naddress = \"h:1\"\ntls = true", "diameter.tls_ca"),
            ("tls_listen = \"127.0.0.1:0\"", "diameter.tls_certificate"),
            ("tls_key = \"key\"", "go together"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
