//! Zn from the NAF's end, whichever way it is spoken.

use crate::bir::Bir;
use crate::nbsp::Nbsp;
use ksnaf_proto::zn::{NafAnswer, NafQuery, ZnError};
use ksnaf_sim_http::AskError;

/// Where keys come from.
pub enum Zn {
    /// Diameter.
    Bir(Bir),
    /// Nbsp_GBA.
    Nbsp(Nbsp),
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The BSF says no: to this NAF, to its token, or to the B-TID.
    #[error("{told}")]
    Refused {
        /// What it means.
        error: ZnError,
        /// What the BSF said.
        told: String,
    },
    /// The BSF says that it cannot.
    #[error("{0}")]
    Failed(String),
    /// The BSF's answer cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// Nobody answers.
    #[error("{0}")]
    Unreachable(String),
    /// The URL is of no use.
    #[error("{0}")]
    Url(&'static str),
}

impl Zn {
    /// The key of a B-TID.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, query: &NafQuery) -> Result<NafAnswer, FetchError> {
        match self {
            Self::Bir(bir) => bir.fetch(query).await,
            Self::Nbsp(nbsp) => nbsp.fetch(query).await,
        }
    }

    /// Takes leave of the BSF, where there is somebody to take leave of.
    pub async fn close(&self) {
        if let Self::Bir(bir) = self {
            bir.close().await;
        }
    }
}

impl From<AskError> for FetchError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Url(reason) => Self::Url(reason),
            AskError::Broken { .. } => Self::Unusable(error.to_string()),
            other => Self::Unreachable(other.to_string()),
        }
    }
}
