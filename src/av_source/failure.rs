//! Why an HSS gives nothing: for the log in words, for Ub as one of the procedure's errors.

use crate::http::client::ClientError;
use ksnaf_diameter::{Failure as Unanswered, RequestError};
use ksnaf_proto::zh::gsup::Cause;
use ksnaf_proto::zh::{AnswerError, SbiError, VectorError};
use std::time::Duration;

/// Display is for the log: it names peers and causes, no identity and no value of a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    #[error("too many requests for one subscriber wait")]
    Queue,
    #[error("the IMPI has no IMSI in it, and this source knows no other name")]
    NoImsi,
    #[error("the local settings cannot be read: {0}")]
    Store(#[from] crate::store::StoreError),
    #[error(transparent)]
    Http(#[from] ClientError),
    #[error("no access token: {0}")]
    Token(String),
    #[error("redirected {0}")]
    Redirect(&'static str),
    #[error("{0}")]
    Sbi(SbiError),
    #[error("the HLR's connection: {0}")]
    Link(String),
    #[error("GSUP cause {:#04x}", .0.0)]
    Cause(Cause),
    #[error(transparent)]
    Diameter(#[from] RequestError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("an answer without a vector")]
    NoVector,
    #[error("this source gives no digest credentials, or has none for the subscriber")]
    NoDigest,
}

impl Failure {
    /// What Ub makes of it; `resync` is whether the request carried an AUTS.
    pub(super) fn vector_error(&self, resync: bool) -> VectorError {
        match self {
            Self::NoImsi => VectorError::UnknownSubscriber,
            Self::NoDigest => VectorError::NotAllowed,
            Self::Sbi(error) => error.vector_error(),
            Self::Cause(cause) => cause.vector_error(resync),
            Self::Answer(error) => error.vector_error(resync),
            _ => VectorError::Unavailable,
        }
    }

    /// The metric's label.
    pub(super) fn outcome(&self, resync: bool) -> &'static str {
        match self {
            Self::Late(_) | Self::Diameter(RequestError::NotAnswered(Unanswered::TimedOut)) => "late",
            _ => outcome_of(self.vector_error(resync)),
        }
    }
}

/// The metric's label of an error that was nobody's delay.
pub(super) fn outcome_of(error: VectorError) -> &'static str {
    match error {
        VectorError::UnknownSubscriber => "unknown",
        VectorError::NotAllowed => "not_allowed",
        VectorError::AuthenticationRejected => "auts_refused",
        _ => "unavailable",
    }
}

/// The peer wrote the cause, and it may be anything: only what looks like the name of one is repeated in a log.
impl From<SbiError> for Failure {
    fn from(error: SbiError) -> Self {
        const LONGEST: usize = 64;
        let is_name = |cause: &String| {
            cause.len() <= LONGEST && cause.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        Self::Sbi(match error {
            SbiError::Refused { status, cause } if !cause.as_ref().is_none_or(is_name) => {
                SbiError::Refused { status, cause: None }
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_is_no_name_is_not_repeated() {
        let refused = |cause: &str| {
            Failure::from(SbiError::Refused { status: 404, cause: Some(cause.to_owned()) }).to_string()
        };
        assert_eq!(refused("USER_NOT_FOUND"), "HTTP status 404, USER_NOT_FOUND");
        assert_eq!(refused("imsi-001010123456789"), "HTTP status 404");
        assert_eq!(refused(&"A".repeat(65)), "HTTP status 404");
    }

    #[test]
    fn what_is_no_subscribers_fault_is_an_unavailable_source() {
        for failure in [
            Failure::Late(Duration::from_secs(1)),
            Failure::Queue,
            Failure::Link("gone".to_owned()),
            Failure::NoVector,
            Failure::Redirect("too often"),
        ] {
            assert_eq!(failure.vector_error(true), VectorError::Unavailable, "{failure}");
        }
        assert_eq!(Failure::Late(Duration::from_secs(1)).outcome(false), "late");
        assert_eq!(Failure::Cause(Cause::IMSI_UNKNOWN).outcome(false), "unknown");
        assert_eq!(Failure::Cause(Cause::IMSI_UNKNOWN).outcome(true), "auts_refused");
    }
}
