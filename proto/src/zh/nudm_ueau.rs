//! Nudm_UEAU's generate-av for GBA, both sides: a vector from a UDM (TS 29.503 clause 6.3, GenerateGbaAv). Settings
//! are the local subscriber file's.

use super::json_vector::{self, AkaAv, Resynchronization, SbiError};
use super::{HssAnswer, VectorError, VectorRequest};
use crate::aka::{Auts, Rand};
use crate::identity::{Impi, Imsi};
use crate::sbi::{ProblemDetails, decode, encode};
use crate::secret::SecretBytes;
use serde::{Deserialize, Serialize};

/// What the service's name is in a URI, before the resource.
pub const API: &str = "nudm-ueau/v1";
/// What an access token must cover.
pub const SCOPE: &str = "nudm-ueau nudm-ueau:gba-security-information:generate-av:invoke";

const DIGEST_AKAV1_MD5: &str = "DIGEST_AKAV1_MD5";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestBody {
    auth_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resynchronization_info: Option<Resynchronization>,
}

#[derive(Serialize, Deserialize)]
struct ResultBody {
    #[serde(rename = "3gAkaAv", skip_serializing_if = "Option::is_none")]
    aka_av: Option<AkaAv>,
}

/// The resource after [`API`]; POST. `None` for a subscriber whose IMPI has no IMSI in it: a UDM knows them by SUPI.
#[must_use]
pub fn path(impi: &Impi) -> Option<String> {
    impi.imsi().map(|imsi| format!("/imsi-{}/gba-security-information/generate-av", imsi.as_str()))
}

/// The subscriber that a path names, UDM side; `None` for another path.
#[must_use]
pub fn parse_path(path: &str) -> Option<Imsi> {
    let supi = path.strip_prefix('/')?.strip_suffix("/gba-security-information/generate-av")?;
    Imsi::parse(supi.strip_prefix("imsi-")?).ok()
}

/// The body to send.
#[must_use]
pub fn request(request: &VectorRequest) -> SecretBytes {
    encode(&RequestBody {
        auth_type: DIGEST_AKAV1_MD5.to_owned(),
        resynchronization_info: request.resync.as_ref().map(Resynchronization::new),
    })
}

/// Reads a body, UDM side: RAND and AUTS, if it is a resynchronisation.
///
/// # Errors
/// [`SbiError`], for [`bad_request`].
pub fn parse_request(body: &[u8]) -> Result<Option<(Rand, Auts)>, SbiError> {
    let body: RequestBody = decode(body)?;
    if body.auth_type != DIGEST_AKAV1_MD5 {
        return Err(SbiError::Incorrect("authType"));
    }
    let info = body.resynchronization_info;
    info.map(|info| info.values().ok_or(SbiError::Incorrect("resynchronizationInfo"))).transpose()
}

/// Reads the answer to a request for `asked`.
///
/// # Errors
/// [`SbiError`]; its [`SbiError::vector_error`] is what Ub gets.
pub fn read_answer(asked: &Impi, status: u16, body: &[u8]) -> Result<HssAnswer, SbiError> {
    if status != 200 {
        return Err(SbiError::refused(status, body));
    }
    let body: ResultBody = decode(body)?;
    let vector = body.aka_av.ok_or(SbiError::Empty)?.vector().ok_or(SbiError::Incorrect("3gAkaAv"))?;
    Ok(HssAnswer { impi: Some(asked.clone()), vectors: vec![vector], ..HssAnswer::default() })
}

/// The body of a 200, UDM side: the first vector.
#[must_use]
pub fn answer(answer: &HssAnswer) -> SecretBytes {
    encode(&ResultBody { aka_av: answer.vectors.first().map(AkaAv::from) })
}

/// Status and problem of a refusal, UDM side.
#[must_use]
pub fn refuse(error: VectorError) -> (u16, ProblemDetails) {
    json_vector::refusal(error)
}

/// Status and problem for a body that cannot be read, UDM side.
#[must_use]
pub fn bad_request(error: &SbiError) -> (u16, ProblemDetails) {
    json_vector::bad_request(error)
}

#[cfg(test)]
mod tests;
