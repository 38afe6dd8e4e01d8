//! `[bsf]` and `[ub]`: the BSF and its reference point towards UEs.

use super::{Lifetime, fqdn, loopback};
use ksnaf_proto::identity::Fqdn;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

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
    /// Bootstraps to run beside AKA, each over TLS only. None, unless an operator means it: both are weaker.
    pub other_bootstraps: Vec<OtherBootstrap>,
}

/// One of `bsf.other_bootstraps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OtherBootstrap {
    /// 2G GBA, for subscribers whose card is a SIM (TS 33.220 annex I).
    #[serde(rename = "2g")]
    TwoG,
    /// GBA_Digest, for UEs that ask for it (TS 33.220 annex M).
    #[serde(rename = "digest")]
    Digest,
}

impl Default for BsfConfig {
    fn default() -> Self {
        Self {
            fqdn: default_bsf(),
            key_lifetime: Lifetime(Duration::from_secs(8 * 3600)),
            challenge_lifetime: Lifetime(Duration::from_secs(60)),
            tmpi: true,
            other_bootstraps: Vec::new(),
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
