//! Configuration: TOML file, then `KSNAF_…` environment, then `--set`, each later one stronger.
//!
//! Values parse into types that cannot be wrong, so an error points at the line and the key. Every default says why.

mod api;
mod app_rule;
mod bsf;
mod cse;
mod diameter;
mod enrolee;
mod naf;
mod overrides;
mod ua_client;
mod ua_proxy;
mod ue;
mod unconfirmed;
mod zh;
mod zn;

pub use api::ApiConfig;
pub use app_rule::AppRuleConfig;
pub use bsf::{AcceptAuth, BsfConfig, OtherBootstrap, UbConfig};
pub use cse::CseConfig;
pub(crate) use diameter::host_of;
pub use diameter::{ApplicationName, DiameterConfig, DiameterPeerConfig};
pub use enrolee::EnroleeConfig;
pub use ksnaf_proto::gba::duration::Lifetime;
pub use naf::{GbaTypes, GsIds, NafConfig, NafPolicy, Target, UaProtocols};
pub use overrides::{ConfigError, load};
pub use ua_client::{PskIdentityForm, UaClientConfig, UaUse};
pub use ua_proxy::{UaProxyConfig, UaZn};
pub use ue::{CardConfig, UeApplication, UeBootstrap, UeConfig, UeMode};
pub use unconfirmed::{DigestKey, TwoGLayout, UnconfirmedConfig};
pub use zh::{BaseUrl, OauthClientConfig, PeerAddress, ZhConfig, ZhHttp, ZhSource};
pub use zn::{GpiLayout, ZnConfig, ZnOauthConfig};

use ksnaf_proto::identity::Fqdn;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the store, its key, the lab's card and token live.
    pub data_dir: PathBuf,
    /// What the BSF is.
    pub bsf: BsfConfig,
    /// Its reference point towards UEs.
    pub ub: UbConfig,
    /// Where its vectors come from.
    pub zh: ZhConfig,
    /// Its reference point towards NAFs.
    pub zn: ZnConfig,
    /// The Diameter node under both.
    pub diameter: DiameterConfig,
    /// The credential API.
    pub api: ApiConfig,
    /// The device's card.
    pub card: CardConfig,
    /// The device's GBA client.
    pub ue: UeConfig,
    /// What no public text says of the bootstraps beside AKA.
    pub unconfirmed: UnconfirmedConfig,
    /// Where durable state is kept.
    pub store: StoreConfig,
    /// Who may ask for which NAF's keys.
    pub naf: Vec<NafConfig>,
    /// What subscribers may be on the service layer.
    pub enrolee: Vec<EnroleeConfig>,
    /// Ua, the network side.
    pub ua_proxy: UaProxyConfig,
    /// Ua, the device side.
    pub ua_client: UaClientConfig,
    /// The CSE at which the service shows itself.
    pub cse: CseConfig,
    /// Bounds of the process.
    pub service: ServiceConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("ksnaf-data"),
            bsf: BsfConfig::default(),
            ub: UbConfig::default(),
            zh: ZhConfig::default(),
            zn: ZnConfig::default(),
            diameter: DiameterConfig::default(),
            api: ApiConfig::default(),
            card: CardConfig::default(),
            ue: UeConfig::default(),
            unconfirmed: UnconfirmedConfig::default(),
            store: StoreConfig::default(),
            naf: Vec::new(),
            enrolee: Vec::new(),
            ua_proxy: UaProxyConfig::default(),
            ua_client: UaClientConfig::default(),
            cse: CseConfig::default(),
            service: ServiceConfig::default(),
        }
    }
}

/// `[store]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Which engine.
    pub engine: StoreEngine,
    /// The key that seals records; `store.key` in `data_dir` unless set.
    pub key_file: Option<PathBuf>,
}

/// `store.engine`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreEngine {
    /// One file beside the process.
    #[default]
    Embedded,
}

/// One of `service.roles`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Ub and the associations behind it.
    Bsf,
    /// The credential API.
    Api,
    /// Ua, the network side.
    Ua,
}

/// `[service]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceConfig {
    /// What this process does. A device that uses another machine's BSF has `["api"]` and a card.
    pub roles: Vec<Role>,
    /// After SIGTERM, open requests get this long before they are cut. The last fifth is for a card to come to the end
    /// of the command that it is at.
    pub drain_timeout: Lifetime,
    /// How often expired associations are removed.
    pub sweep_interval: Lifetime,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            roles: vec![Role::Bsf, Role::Api],
            drain_timeout: Lifetime(Duration::from_secs(5)),
            sweep_interval: Lifetime(Duration::from_secs(60)),
        }
    }
}

impl Config {
    /// Whether Ua's network side is served: as a role, or because it has a name.
    #[must_use]
    pub fn serves_ua(&self) -> bool {
        self.service.roles.contains(&Role::Ua) || self.ua_proxy.naf_fqdn.is_some()
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn fqdn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fqdn, D::Error> {
    let text = String::deserialize(deserializer)?;
    Fqdn::parse(&text).map_err(|error| serde::de::Error::custom(format_args!("{text:?}: {error}")))
}
