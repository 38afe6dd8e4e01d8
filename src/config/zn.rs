//! `[zn]`: the BSF's reference point towards NAFs.

use super::loopback;
use ksnaf_proto::zpn::gpi::LabLayout;
use serde::Deserialize;
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
    /// Zn and Zpn over Diameter, if anywhere.
    pub diameter_listen: Option<SocketAddr>,
    /// The same over TLS from the first octet.
    pub diameter_tls_listen: Option<SocketAddr>,
    /// Origin-Realm; what follows the first dot of `bsf.fqdn` unless set. Origin-Host is `bsf.fqdn`.
    pub diameter_realm: Option<String>,
    /// PEM certificate chain for both kinds of TLS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM private key for both kinds of TLS.
    pub tls_key: Option<PathBuf>,
    /// PEM certificates of the CAs whose clients are let in; without, nobody is asked for a certificate.
    pub client_ca: Option<PathBuf>,
    /// Access tokens on Nbsp_GBA, in place of the API's tokens.
    pub oauth: Option<OauthConfig>,
    /// Diameter peers that are believed when they say that a request comes from another host.
    pub relays: Vec<String>,
    /// How GBA-Push-Info is written, on both ends of a push. Unset: no push, for no layout of the standard's is known.
    pub gpi_layout: Option<GpiLayout>,
}

impl Default for ZnConfig {
    fn default() -> Self {
        Self {
            sbi_listen: loopback(8082),
            sbi_tls_listen: None,
            diameter_listen: None,
            diameter_tls_listen: None,
            diameter_realm: None,
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
pub struct OauthConfig {
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

fn subject() -> String {
    "sub".to_owned()
}
