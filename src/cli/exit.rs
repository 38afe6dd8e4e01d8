//! Errors of a command: a sentence, what to do next, and the exit status of the contract.

use crate::api::caller::TokenFileError;
use crate::config::ConfigError;
use crate::http::client::ClientError;
use crate::http::tls::TlsError;
use crate::store::StoreError;
use std::fmt;
use std::process::ExitCode;
use tokio::signal::unix::SignalKind;

/// Why a command did not do it.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
    hint: Option<&'static str>,
}

impl Failure {
    /// Status 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { status: 1, message: message.into(), hint: None }
    }

    /// Status 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { status: 2, message: message.into(), hint: None }
    }

    /// Status 3.
    pub fn no_card(message: impl Into<String>) -> Self {
        Self { status: 3, message: message.into(), hint: None }
    }

    /// Status 4.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { status: 4, message: message.into(), hint: None }
    }

    /// Status 5.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { status: 5, message: message.into(), hint: None }
    }

    /// 128 and the signal's number, as shells have it.
    pub fn interrupted(signal: SignalKind) -> Self {
        let status = u8::try_from(signal.as_raw_value()).map_or(u8::MAX, |number| 128 | number);
        Self { status, message: "interrupted".to_owned(), hint: None }
    }

    /// Says what to do next.
    #[must_use]
    pub const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    #[allow(clippy::print_stderr, reason = "the one place where a command tells its error")]
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("ksnaf: {self}");
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.map_or(Ok(()), |hint| write!(f, "\n  {hint}"))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<TokenFileError> for Failure {
    fn from(error: TokenFileError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Address(what) => Self::usage(what),
            other => Self::unreachable(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<crate::service::StartError> for Failure {
    fn from(error: crate::service::StartError) -> Self {
        let message = error.to_string();
        if error.status() == 2 { Self::usage(message) } else { Self::failed(message) }
    }
}

impl From<crate::ue::DeviceError> for Failure {
    fn from(error: crate::ue::DeviceError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<crate::ue::UeError> for Failure {
    fn from(error: crate::ue::UeError) -> Self {
        let message = error.to_string();
        match error.kind() {
            crate::ue::UeErrorKind::Card if error.wants_a_pin() => Self::no_card(message)
                .hint("put the PIN on the first line of a file and name it: --set card.pin_file=FILE"),
            crate::ue::UeErrorKind::Card => Self::no_card(message),
            crate::ue::UeErrorKind::Refused => Self::refused(message),
            crate::ue::UeErrorKind::Unreachable => Self::unreachable(message),
            crate::ue::UeErrorKind::Protocol | crate::ue::UeErrorKind::NotAllowed => Self::failed(message),
        }
    }
}
