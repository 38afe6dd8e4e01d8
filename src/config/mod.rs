//! Configuration: TOML file, then `KSNAF_…` environment, then `--set`, each later one stronger.
//!
//! Values parse into types that cannot be wrong, so an error points at the line and the key. Every default says why.

mod duration;
mod naf;
mod overrides;

pub use duration::Lifetime;
pub use naf::{NafConfig, NafPolicy, UaProtocols};
pub use overrides::{ConfigError, load};

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
    /// The credential API.
    pub api: ApiConfig,
    /// The device's card.
    pub card: CardConfig,
    /// The device's GBA client.
    pub ue: UeConfig,
    /// Where durable state is kept.
    pub store: StoreConfig,
    /// Who may ask for which NAF's keys.
    pub naf: Vec<NafConfig>,
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
            api: ApiConfig::default(),
            card: CardConfig::default(),
            ue: UeConfig::default(),
            store: StoreConfig::default(),
            naf: Vec::new(),
            service: ServiceConfig::default(),
        }
    }
}

/// `[bsf]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BsfConfig {
    /// Realm on Ub and right-hand side of every B-TID. The default is the test PLMN's.
    #[serde(deserialize_with = "fqdn")]
    pub fqdn: Fqdn,
    /// How long a Ks lives where the GUSS does not say. Eight hours: a working day on one bootstrap.
    pub key_lifetime: Lifetime,
    /// How long a UE may take to answer a challenge. A card and a slow link need seconds; a minute is generous.
    pub challenge_lifetime: Lifetime,
    /// Whether temporary identities are computed and taken (TS 33.220 annex B.4).
    pub tmpi: bool,
}

impl Default for BsfConfig {
    fn default() -> Self {
        Self {
            fqdn: default_bsf(),
            key_lifetime: Lifetime(Duration::from_secs(8 * 3600)),
            challenge_lifetime: Lifetime(Duration::from_secs(60)),
            tmpi: true,
        }
    }
}

fn default_bsf() -> Fqdn {
    let Ok(fqdn) = Fqdn::parse("bsf.mnc001.mcc001.pub.3gppnetwork.org") else {
        unreachable!("the literal is a host name")
    };
    fqdn
}

/// `[ub]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UbConfig {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where HTTPS is served, if anywhere.
    pub tls_listen: Option<SocketAddr>,
    /// PEM certificate chain for HTTPS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM private key for HTTPS.
    pub tls_key: Option<PathBuf>,
    /// Connections at once; more wait in the listen queue. Each costs some tens of KiB.
    pub max_connections: usize,
    /// For one request's header, and for one request's handling.
    pub request_timeout: Lifetime,
    /// Whether a first request may name any realm, as UEs do that put the IMS home domain there. The challenge has the
    /// right one, and the answer must.
    pub any_first_realm: bool,
    /// New challenges in a row after wrong responses, before a UE is refused. Each costs a vector, and a card that was
    /// wrong once is wrong again.
    pub retries: u8,
    /// Whether an answer with qop `auth` will do in place of `auth-int`, for UEs that know no better.
    pub accept_auth: AcceptAuth,
    /// Whether the BSF tells its clock in the answer, for UEs whose clock is wrong (TS 24.109 annex C.1).
    pub tell_current_time: bool,
}

/// `ub.accept_auth`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptAuth {
    /// `auth` leaves B-TID and lifetime unprotected.
    #[default]
    Never,
    /// Where TLS protects what Digest then does not.
    OverTls,
    /// Always.
    Always,
}

impl From<AcceptAuth> for ksnaf_proto::ub::AcceptAuth {
    fn from(setting: AcceptAuth) -> Self {
        match setting {
            AcceptAuth::Never => Self::Never,
            AcceptAuth::OverTls => Self::OverTls,
            AcceptAuth::Always => Self::Always,
        }
    }
}

impl Default for UbConfig {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            tls_listen: None,
            tls_certificate: None,
            tls_key: None,
            max_connections: 4096,
            request_timeout: Lifetime(Duration::from_secs(10)),
            any_first_realm: true,
            retries: 0,
            accept_auth: AcceptAuth::Never,
            tell_current_time: false,
        }
    }
}

/// `[zh]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZhConfig {
    /// Which AuC or HSS gives the vectors.
    pub source: ZhSource,
}

/// `zh.source`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZhSource {
    /// The subscribers of the store.
    #[default]
    BuiltIn,
}

/// `[zn]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZnConfig {
    /// Nbsp_GBA.
    pub sbi_listen: SocketAddr,
    /// Diameter Zn. Not served: only told of.
    pub diameter_listen: Option<SocketAddr>,
}

impl Default for ZnConfig {
    fn default() -> Self {
        Self { sbi_listen: loopback(8082), diameter_listen: None }
    }
}

/// `[api]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Where HTTP/1.1 and HTTP/2 are served.
    pub listen: SocketAddr,
    /// Unix socket; `api.sock` in `data_dir` unless set.
    pub unix_socket: Option<PathBuf>,
    /// Where HTTPS with client certificates is served, if anywhere.
    pub tls_listen: Option<SocketAddr>,
    /// PEM certificate chain for HTTPS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM private key for HTTPS.
    pub tls_key: Option<PathBuf>,
    /// PEM certificates of the CAs whose clients are let in.
    pub client_ca: Option<PathBuf>,
    /// Bearer tokens, one a line: the principal's name, a blank, the token.
    pub token_file: Option<PathBuf>,
    /// Principals that may list and revoke associations and change subscribers. The process's own user always may,
    /// over the Unix socket.
    pub admins: Vec<String>,
    /// Principals that may see the identity of a subscriber who consents (SER-015).
    pub identity_readers: Vec<String>,
    /// Connections at once.
    pub max_connections: usize,
    /// For one request's header, and for one request's handling. A card may take its time.
    pub request_timeout: Lifetime,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: loopback(8081),
            unix_socket: None,
            tls_listen: None,
            tls_certificate: None,
            tls_key: None,
            client_ca: None,
            token_file: None,
            admins: Vec::new(),
            identity_readers: Vec::new(),
            max_connections: 1024,
            request_timeout: Lifetime(Duration::from_secs(30)),
        }
    }
}

/// `[card]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CardConfig {
    /// `sim`, `pcsc`, `pcsc:READER`, `imsi:DIGITS`, `iccid:DIGITS`; none: this process has no device side.
    #[serde(rename = "use")]
    pub selector: Option<String>,
    /// A file whose first line is the PIN, for cards that ask for it.
    pub pin_file: Option<PathBuf>,
}

/// `[ue]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UeConfig {
    /// Where the BSF is, `http://host:port/`; by default this process's own, else the name that the card implies.
    pub bsf: Option<String>,
    /// The BSF's name, realm on Ub, where its URL does not say it and it is not the card's.
    pub bsf_name: Option<String>,
    /// PEM certificates to trust for an `https` BSF.
    pub bsf_ca: Option<PathBuf>,
    /// Whether to offer a temporary identity in place of the IMPI.
    pub tmpi: bool,
    /// Which key hierarchy to run: the card's best, or GBA_ME always.
    pub mode: UeMode,
    /// Which of the card's applications: the ISIM where there is one, else the USIM; or one of them always.
    pub application: UeApplication,
    /// How long before expiry a Ks is renewed.
    pub renew_before: Lifetime,
    /// For one bootstrap, card and network together.
    pub timeout: Lifetime,
    /// For one card command; a frozen card frees its caller after this.
    pub card_timeout: Lifetime,
}

/// `ue.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UeMode {
    /// GBA_U where the card can, else GBA_ME.
    #[default]
    Auto,
    /// GBA_ME.
    Me,
    /// GBA_U or an error.
    U,
}

/// `ue.application`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UeApplication {
    /// The ISIM where there is one with an IMPI, else the USIM.
    #[default]
    Auto,
    /// The USIM.
    Usim,
    /// The ISIM.
    Isim,
}

impl Default for UeConfig {
    fn default() -> Self {
        Self {
            bsf: None,
            bsf_name: None,
            bsf_ca: None,
            tmpi: true,
            mode: UeMode::Auto,
            application: UeApplication::Auto,
            renew_before: Lifetime(Duration::from_secs(300)),
            timeout: Lifetime(Duration::from_secs(20)),
            card_timeout: Lifetime(Duration::from_secs(5)),
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

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn fqdn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fqdn, D::Error> {
    let text = String::deserialize(deserializer)?;
    Fqdn::parse(&text).map_err(|error| serde::de::Error::custom(format_args!("{text:?}: {error}")))
}
