//! Problem details: the body of an error answer (RFC 9457, TS 29.571 clause 5.2.4.1).

use super::{BodyError, decode, encode};
use serde::{Deserialize, Serialize};

/// Media type of a [`ProblemDetails`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Causes that TS 29.500 table 5.2.7.2-1 defines for every API.
pub mod cause {
    /// 400: the body is not what the API defines.
    pub const INVALID_MSG_FORMAT: &str = "INVALID_MSG_FORMAT";
    /// 400: a mandatory member is not there.
    pub const MANDATORY_IE_MISSING: &str = "MANDATORY_IE_MISSING";
    /// 400: a mandatory member has a value that cannot be.
    pub const MANDATORY_IE_INCORRECT: &str = "MANDATORY_IE_INCORRECT";
    /// 400: an optional member has a value that cannot be.
    pub const OPTIONAL_IE_INCORRECT: &str = "OPTIONAL_IE_INCORRECT";
    /// 404: the URI leads nowhere.
    pub const RESOURCE_URI_STRUCTURE_NOT_FOUND: &str = "RESOURCE_URI_STRUCTURE_NOT_FOUND";
    /// 500: something here is broken.
    pub const SYSTEM_FAILURE: &str = "SYSTEM_FAILURE";
    /// 503: too much to do.
    pub const NF_CONGESTION: &str = "NF_CONGESTION";
    /// 404: nothing is kept under that name.
    pub const CONTEXT_NOT_FOUND: &str = "CONTEXT_NOT_FOUND";
    /// 404: no such subscriber.
    pub const USER_NOT_FOUND: &str = "USER_NOT_FOUND";
    /// 403: AUTS does not verify.
    pub const AUTHENTICATION_REJECTED: &str = "AUTHENTICATION_REJECTED";
    /// 500: no vector could be made.
    pub const AV_GENERATION_PROBLEM: &str = "AV_GENERATION_PROBLEM";
    /// 501: no GBA-Push-Info can be made here. A name of this project's own.
    pub const GBA_PUSH_INFO_UNAVAILABLE: &str = "GBA_PUSH_INFO_UNAVAILABLE";
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemDetails {
    /// The HTTP status again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The kind of problem, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// This problem, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// This problem, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Which members of the request are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid_params: Vec<InvalidParam>,
}

/// A member of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidParam {
    /// A JSON pointer, or the name of a header or query parameter.
    pub param: String,
    /// What is wrong with it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ProblemDetails {
    /// With a status and a cause.
    #[must_use]
    pub fn new(status: u16, cause: &str) -> Self {
        Self { status: Some(status), cause: Some(cause.to_owned()), ..Self::default() }
    }

    /// With the member that is wrong.
    #[must_use]
    pub fn with_param(mut self, param: &str) -> Self {
        self.invalid_params.push(InvalidParam { param: param.to_owned(), reason: None });
        self
    }

    /// The body, for [`PROBLEM_JSON`].
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        encode(self).danger_expose().to_vec()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`BodyError`], also for the HTML of a proxy in between: then the status is all there is.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        decode(body)
    }

    /// The cause of an answer's body, where there is one to be read.
    #[must_use]
    pub fn cause_of(body: &[u8]) -> Option<String> {
        Self::parse(body).ok()?.cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_read_as_it_was_written() {
        let problem = ProblemDetails::new(400, cause::MANDATORY_IE_MISSING).with_param("/nafId/nafFqdn");
        let json =
            r#"{"status":400,"cause":"MANDATORY_IE_MISSING","invalidParams":[{"param":"/nafId/nafFqdn"}]}"#;
        assert_eq!(problem.to_json(), json.as_bytes());
        assert_eq!(ProblemDetails::parse(json.as_bytes()), Ok(problem));
    }

    #[test]
    fn what_others_write_is_read() {
        let json = br#"{"type":"about:blank","title":"Not Found","detail":"x","instance":"/y","cause":"USER_NOT_FOUND","nrfId":"z"}"#;
        assert_eq!(ProblemDetails::cause_of(json).as_deref(), Some("USER_NOT_FOUND"));
        assert_eq!(ProblemDetails::cause_of(b"<html>"), None);
        assert_eq!(ProblemDetails::cause_of(b"{}"), None);
    }
}
