//! `[zn]`: the BSF's reference point towards NAFs.

use super::loopback;
use serde::Deserialize;
use std::net::SocketAddr;

/// `[zn]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZnConfig {
    /// Nbsp_GBA.
    pub sbi_listen: SocketAddr,
    /// Diameter Zn and Zpn, and any other Diameter peer that connects over TCP.
    pub diameter_listen: Option<SocketAddr>,
}

impl Default for ZnConfig {
    fn default() -> Self {
        Self { sbi_listen: loopback(8082), diameter_listen: None }
    }
}
