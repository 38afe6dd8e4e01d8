//! Why a service does not start.

use crate::api::caller::TokenFileError;
use crate::api::zn::oauth::OauthError;
use crate::av_source::SourceError;
use crate::bsf::BsfError;
use crate::cse::CseError;
use crate::diameter::PlanError;
use crate::http::tls::TlsError;
use crate::store::StoreError;
use crate::ue::DeviceError;
use std::path::PathBuf;

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be bound.
    #[error("{key} = \"{address}\": {source}")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// What it says.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The data directory cannot be made or written.
    #[error("data_dir {path}: {source}")]
    DataDir {
        /// The directory, or a file in it.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A certificate or key is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What access tokens are checked with is of no use.
    #[error(transparent)]
    Oauth(#[from] OauthError),
    /// The token file is of no use.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// The Diameter node cannot be set up.
    #[error(transparent)]
    Diameter(#[from] PlanError),
    /// The device side cannot be set up.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The role at a CSE cannot be set up.
    #[error(transparent)]
    Cse(#[from] CseError),
    /// The source of vectors cannot be set up.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The BSF cannot be set up.
    #[error(transparent)]
    Bsf(#[from] BsfError),
    /// Ua cannot be served.
    #[cfg(feature = "ua")]
    #[error(transparent)]
    UaProxy(#[from] crate::naf::UaProxyError),
    /// Ua's device side cannot be set up.
    #[cfg(feature = "ua")]
    #[error(transparent)]
    UaClient(#[from] crate::ua_client::UaClientError),
    /// Ua is wanted of a program without it.
    #[cfg(not(feature = "ua"))]
    #[error(
        "this program is built without the feature ua, and the configuration wants ua_proxy or ua_client"
    )]
    NoUa,
    /// The system gives no randomness.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

impl StartError {
    /// The exit status: 2 for what the configuration can mend, else 1.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Listen { .. }
            | Self::DataDir { .. }
            | Self::Tls(_)
            | Self::Oauth(_)
            | Self::Tokens(_)
            | Self::Device(_)
            | Self::Cse(_)
            | Self::Diameter(_)
            | Self::Source(_) => 2,
            #[cfg(feature = "ua")]
            Self::UaProxy(_) | Self::UaClient(_) => 2,
            #[cfg(not(feature = "ua"))]
            Self::NoUa => 2,
            Self::Store(_) | Self::Bsf(_) | Self::Random(_) => 1,
        }
    }
}
