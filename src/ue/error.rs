//! Why the device side has no credential, and whose turn it is to act.

use crate::http::client::ClientError;
use crate::http::tls::TlsError;
use crate::reader::{Cause, ReaderError};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::ub;
use ksnaf_proto::uicc::gba::GbaError;
use ksnaf_proto::uicc::session::UiccError;
use std::path::PathBuf;

/// Why a device side cannot be set up. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A value of the configuration, named in the text.
    #[error("{0}")]
    Setting(String),
    /// The directory for bootstraps cannot be made or read.
    #[error("data_dir {path}: {source}")]
    Kept {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The trusted certificates are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why there is no bootstrap or no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UeError {
    /// The reader or the way to the card failed.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// The card refused or is not of the kind.
    #[error(transparent)]
    Card(#[from] GbaError),
    /// The BSF cannot be reached.
    #[error(transparent)]
    Network(#[from] ClientError),
    /// The bootstrap came to a bad end.
    #[error("{0}")]
    Procedure(#[from] ub::UeError),
    /// Card and network together took too long.
    #[error("no bootstrap within {seconds} s")]
    TimedOut {
        /// The bound, `ue.timeout`.
        seconds: u64,
    },
    /// The card's M2M service subscription does not let GBA serve this enrolment target.
    #[error(
        "the card's M2M service subscription has no GBA service for {naf_fqdn} (EF_1M2MST, services 7 and 8)"
    )]
    GbaServiceNotAvailable {
        /// The target.
        naf_fqdn: Fqdn,
    },
    /// Neither configuration nor card name a BSF.
    #[error("neither the configuration nor the card names a BSF: set ue.bsf or give --bsf URL")]
    NoBsf,
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
}

/// What an error comes down to: the command line's exit status and the API's status follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UeErrorKind {
    /// No card, or it failed.
    Card,
    /// Card or network refused to authenticate the other.
    Refused,
    /// The BSF does not answer.
    Unreachable,
    /// The BSF answers nonsense, or something is not set up.
    Protocol,
    /// The card's issuer does not allow it.
    NotAllowed,
}

impl UeError {
    /// See [`UeErrorKind`].
    #[must_use]
    pub fn kind(&self) -> UeErrorKind {
        match self {
            Self::Reader(_) => UeErrorKind::Card,
            Self::Card(_) if self.is_mac_failure() => UeErrorKind::Refused,
            Self::Card(_) => UeErrorKind::Card,
            Self::Network(ClientError::Address(_)) | Self::NoBsf | Self::NoRandomness => {
                UeErrorKind::Protocol
            }
            Self::GbaServiceNotAvailable { .. } => UeErrorKind::NotAllowed,
            Self::Network(_) | Self::TimedOut { .. } => UeErrorKind::Unreachable,
            Self::Procedure(error) => match error {
                ub::UeError::Refused { .. }
                | ub::UeError::NetworkAuthentication
                | ub::UeError::SyncFailureTwice => UeErrorKind::Refused,
                ub::UeError::Unavailable { .. } => UeErrorKind::Unreachable,
                _ => UeErrorKind::Protocol,
            },
        }
    }

    /// No card is there, so what belonged to it is void.
    #[must_use]
    pub fn card_is_gone(&self) -> bool {
        match self {
            Self::Reader(error) => error.cause() == Cause::NoCardOrReader,
            Self::Card(GbaError::Uicc(UiccError::Card(error))) => super::card::is_gone(*error),
            _ => false,
        }
    }

    /// The card wants a PIN, and none was given.
    #[must_use]
    pub const fn wants_a_pin(&self) -> bool {
        matches!(self, Self::Card(GbaError::Uicc(UiccError::PinNeeded { .. })))
    }

    /// The card does not accept the network's token.
    #[must_use]
    pub const fn is_mac_failure(&self) -> bool {
        matches!(self, Self::Card(GbaError::MacFailure { .. }))
    }

    /// The card holds no Ks, or another bootstrap's.
    #[must_use]
    pub const fn means_no_ks(&self) -> bool {
        matches!(self, Self::Card(GbaError::NoKs | GbaError::AnotherBootstrap(_)))
    }
}
