//! `[cse]`: the CSE at which the service shows what can be bootstrapped (oneM2M TS-0002 SER-005).

use super::{Lifetime, loopback};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[cse]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CseConfig {
    /// Where the CSE's HTTP binding is; without it, the service shows itself nowhere.
    pub url: Option<String>,
    /// The resource name of its CSEBase.
    pub base: String,
    /// The AE-ID to register as; `C` or `S` lets the CSE choose.
    pub originator: String,
    /// The name of the AE resource.
    pub name: String,
    /// Its App-ID.
    pub app_id: String,
    /// The release that requests speak (`X-M2M-RVI`).
    pub release: String,
    /// Where the CSE's notifications are taken.
    pub listen: SocketAddr,
    /// How the CSE reaches that, where it is not by the address itself.
    pub poa: Option<String>,
    /// A file whose first line is a bearer token that the CSE asks for.
    pub token_file: Option<PathBuf>,
    /// PEM certificates to trust for an `https` CSE.
    pub ca: Option<PathBuf>,
    /// Originators that may find and read the capability, beside those that may ask for references.
    pub readers: Vec<String>,
    /// How long the registration lives without being renewed; it is renewed at half of that. A service that dies is
    /// forgotten after it.
    pub lifetime: Lifetime,
    /// How often card and network are looked at, and requests where a notification got lost.
    pub poll_interval: Lifetime,
    /// For one request to the CSE.
    pub timeout: Lifetime,
}

impl Default for CseConfig {
    fn default() -> Self {
        Self {
            url: None,
            base: "cse-in".to_owned(),
            originator: "Cksnaf".to_owned(),
            name: "ksnaf".to_owned(),
            app_id: "Nksnaf".to_owned(),
            release: "4".to_owned(),
            listen: loopback(0),
            poa: None,
            token_file: None,
            ca: None,
            readers: Vec::new(),
            lifetime: Lifetime(Duration::from_secs(3600)),
            poll_interval: Lifetime(Duration::from_secs(10)),
            timeout: Lifetime(Duration::from_secs(10)),
        }
    }
}
