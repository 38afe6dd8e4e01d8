//! 3GAkaAv and ResynchronizationInfo, which Nhss and Nudm share, and what their errors mean (TS 29.562 clause
//! 6.3, TS 29.503 clause 6.3, TS 29.500 clause 5.2.7).

use super::VectorError;
use crate::aka::{AuthVector, Autn, Auts, Ck, Ik, Rand, Res};
use crate::sbi::problem::cause;
use crate::sbi::wire::HexOctets;
use crate::sbi::{BodyError, ProblemDetails};
use serde::{Deserialize, Serialize};

/// 3GAkaAv: all in hex.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AkaAv {
    rand: HexOctets,
    xres: HexOctets,
    autn: HexOctets,
    ck: HexOctets,
    ik: HexOctets,
}

impl From<&AuthVector> for AkaAv {
    fn from(vector: &AuthVector) -> Self {
        Self {
            rand: HexOctets::new(&vector.rand.0),
            xres: HexOctets::new(vector.xres.danger_expose()),
            autn: HexOctets::new(&vector.autn.0),
            ck: HexOctets::new(vector.ck.danger_expose()),
            ik: HexOctets::new(vector.ik.danger_expose()),
        }
    }
}

impl AkaAv {
    /// `None` where a field has another length than it must have.
    pub(super) fn vector(&self) -> Option<AuthVector> {
        Some(AuthVector {
            rand: Rand(self.rand.fixed()?),
            autn: Autn(self.autn.fixed()?),
            xres: Res::new(self.xres.0.danger_expose())?,
            ck: self.ck.fixed::<Ck>()?,
            ik: self.ik.fixed::<Ik>()?,
        })
    }
}

/// ResynchronizationInfo.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Resynchronization {
    rand: HexOctets,
    auts: HexOctets,
}

impl Resynchronization {
    pub(super) fn new((rand, auts): &(Rand, Auts)) -> Self {
        Self { rand: HexOctets::new(&rand.0), auts: HexOctets::new(&auts.0) }
    }

    /// `None` where a field has another length than it must have.
    pub(super) fn values(&self) -> Option<(Rand, Auts)> {
        Some((Rand(self.rand.fixed()?), Auts(self.auts.fixed()?)))
    }
}

/// Why an answer of a service-based HSS or UDM gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SbiError {
    /// Another status than 200.
    #[error("HTTP status {status}{}", .cause.as_ref().map(|cause| format!(", {cause}")).unwrap_or_default())]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The cause of the problem details, where there are any.
        cause: Option<String>,
    },
    /// A body that cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A member that is not as it must be.
    #[error("{0} is not as it must be")]
    Incorrect(&'static str),
    /// It is about somebody else.
    #[error("an answer about another subscriber")]
    OtherSubscriber,
    /// 200, but neither a vector nor a digest credential.
    #[error("an answer without a vector")]
    Empty,
}

impl SbiError {
    /// Of an answer that is not 200.
    pub(super) fn refused(status: u16, body: &[u8]) -> Self {
        Self::Refused { status, cause: ProblemDetails::cause_of(body) }
    }

    /// What Ub makes of it. The status counts first, for the causes are not certain.
    #[must_use]
    pub fn vector_error(&self) -> VectorError {
        let Self::Refused { status, cause } = self else {
            return VectorError::Unavailable;
        };
        match (status, cause.as_deref()) {
            // A wrong base URL is no subscriber's fault.
            (404, Some(cause::RESOURCE_URI_STRUCTURE_NOT_FOUND)) => VectorError::Unavailable,
            (404, _) => VectorError::UnknownSubscriber,
            (403, Some(cause::AUTHENTICATION_REJECTED)) => VectorError::AuthenticationRejected,
            (403, _) => VectorError::NotAllowed,
            _ => VectorError::Unavailable,
        }
    }
}

/// Status and problem by which an HSS or UDM refuses.
pub(super) fn refusal(error: VectorError) -> (u16, ProblemDetails) {
    let (status, cause) = match error {
        VectorError::UnknownSubscriber => (404, cause::USER_NOT_FOUND),
        VectorError::NotAllowed => (403, "SERVICE_NOT_ALLOWED"),
        VectorError::AuthenticationRejected => (403, cause::AUTHENTICATION_REJECTED),
        VectorError::Unavailable => (500, cause::AV_GENERATION_PROBLEM),
    };
    (status, ProblemDetails::new(status, cause))
}

/// Status and problem for a request that cannot be read.
pub(super) fn bad_request(error: &SbiError) -> (u16, ProblemDetails) {
    let problem = match error {
        SbiError::Incorrect(param) => {
            ProblemDetails::new(400, cause::OPTIONAL_IE_INCORRECT).with_param(&format!("/{param}"))
        }
        _ => ProblemDetails::new(400, cause::INVALID_MSG_FORMAT),
    };
    (400, problem)
}
