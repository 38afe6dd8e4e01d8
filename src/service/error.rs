//! Why a service does not start.

use crate::api::caller::TokenFileError;
use crate::bsf::BsfError;
use crate::cse::CseError;
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
    /// The token file is of no use.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// The device side cannot be set up.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The role at a CSE cannot be set up.
    #[error(transparent)]
    Cse(#[from] CseError),
    /// The BSF cannot be set up.
    #[error(transparent)]
    Bsf(#[from] BsfError),
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
            | Self::Tokens(_)
            | Self::Device(_)
            | Self::Cse(_) => 2,
            Self::Store(_) | Self::Bsf(_) | Self::Random(_) => 1,
        }
    }
}
