//! `[zn]`: the BSF's reference point towards NAFs.

use super::loopback;
use ksnaf_proto::diameter::DiameterIdentity;
use ksnaf_proto::zpn::gpi::LabLayout;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[zn]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZnConfig {
    /// Nbsp_GBA.
    pub sbi_listen: SocketAddr,
    /// Nbsp_GBA over TLS, if anywhere.
    pub sbi_tls_listen: Option<SocketAddr>,
    /// Zn and Zpn over Diameter, and any other Diameter peer that connects over TCP; `off` for nowhere.
    #[serde(deserialize_with = "place")]
    pub diameter_listen: Option<SocketAddr>,
    /// PEM certificate chain for Nbsp_GBA over TLS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM private key for it.
    pub tls_key: Option<PathBuf>,
    /// PEM certificates of the CAs whose clients are let in; without, nobody is asked for a certificate.
    pub client_ca: Option<PathBuf>,
    /// Access tokens on Nbsp_GBA, in place of the API's tokens.
    pub oauth: Option<ZnOauthConfig>,
    /// Diameter peers that are believed when they say that a request comes from another host.
    #[serde(deserialize_with = "super::diameter::identities")]
    pub relays: Vec<DiameterIdentity>,
    /// How GBA-Push-Info is written, on both ends of a push. Unset: no push, for no layout of the standard's is known.
    pub gpi_layout: Option<GpiLayout>,
}

impl Default for ZnConfig {
    fn default() -> Self {
        Self {
            sbi_listen: loopback(8082),
            sbi_tls_listen: None,
            diameter_listen: Some(loopback(3869)),
            tls_certificate: None,
            tls_key: None,
            client_ca: None,
            oauth: None,
            relays: Vec::new(),
            gpi_layout: None,
        }
    }
}

/// `zn.gpi_layout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpiLayout {
    /// This project's own, which no specification knows.
    Lab,
}

impl From<GpiLayout> for LabLayout {
    fn from(layout: GpiLayout) -> Self {
        match layout {
            GpiLayout::Lab => Self::unconfirmed(),
        }
    }
}

/// `[zn.oauth]`: who signs access tokens, for whom they must be, and who their bearer is (TS 33.501 clause 13.4.1).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZnOauthConfig {
    /// PEM files, one public key or certificate each: RSA, P-256, P-384 or Ed25519.
    #[serde(default)]
    pub public_keys: Vec<PathBuf>,
    /// A file whose octets, without blanks around them, are the secret of HMAC, as lab NRFs use it.
    #[serde(default)]
    pub hmac_secret_file: Option<PathBuf>,
    /// What `iss` must be: the NRF's instance.
    #[serde(default)]
    pub issuer: Option<String>,
    /// What `aud` must name: this BSF's NF instance, or its NF type.
    pub audience: Vec<String>,
    /// The claim that holds the principal.
    #[serde(default = "subject")]
    pub principal_claim: String,
}

/// A listener that is on by default needs a way to say that it is not wanted.
fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "off" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| D::Error::custom(format_args!("{text:?}: an address and a port, or \"off\"")))
}

fn subject() -> String {
    "sub".to_owned()
}
