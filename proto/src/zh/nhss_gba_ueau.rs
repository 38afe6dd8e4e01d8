//! Nhss_gbaUEAU, both sides: a vector or a digest credential from a service-based HSS (TS 29.562 clause 6.5).

use super::json_vector::{self, AkaAv, Resynchronization, SbiError};
use super::{DigestCredential, HssAnswer, UeId, VectorError};
use crate::aka::{Auts, Rand};
use crate::identity::Impi;
use crate::sbi::wire::HexOctets;
use crate::sbi::{ProblemDetails, decode, encode};
use crate::secret::SecretBytes;
use serde::{Deserialize, Serialize};

/// What the service's name is in a URI, before the resource.
pub const API: &str = "nhss-gba-ueau/v1";
/// What an access token must cover.
pub const SCOPE: &str = "nhss-gba-ueau nhss-gba-ueau:generate-auth-data:invoke";

/// What kind of authentication is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// A vector.
    #[default]
    DigestAkaV1Md5,
    /// A SIP Digest credential, for GBA_Digest.
    DigestHttp,
}

impl Scheme {
    const ALL: [Self; 2] = [Self::DigestAkaV1Md5, Self::DigestHttp];

    const fn as_str(self) -> &'static str {
        match self {
            Self::DigestAkaV1Md5 => "DIGEST_AKAV1_MD5",
            Self::DigestHttp => "DIGEST_HTTP",
        }
    }
}

/// AuthenticationInfoRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthDataRequest {
    /// The scheme.
    pub scheme: Scheme,
    /// RAND and AUTS after a synchronisation failure.
    pub resync: Option<(Rand, Auts)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resynchronization_info: Option<Resynchronization>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    impi: Option<String>,
    #[serde(rename = "3gAkaAv", skip_serializing_if = "Option::is_none")]
    aka_av: Option<AkaAv>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest_auth: Option<DigestBody>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DigestBody {
    digest_realm: String,
    digest_algorithm: String,
    digest_qop: String,
    ha1: HexOctets,
}

/// The resource after [`API`]; POST.
#[must_use]
pub fn path(ue_id: &UeId) -> String {
    format!("/{}/security-information/generate-auth-data", ue_id.segment())
}

impl AuthDataRequest {
    /// The body to send.
    #[must_use]
    pub fn to_json(&self) -> SecretBytes {
        encode(&RequestBody {
            authentication_scheme: Some(self.scheme.as_str().to_owned()),
            resynchronization_info: self.resync.as_ref().map(Resynchronization::new),
        })
    }

    /// Reads a body, HSS side. No scheme means AKA.
    ///
    /// # Errors
    /// [`SbiError`], for [`bad_request`].
    pub fn parse(body: &[u8]) -> Result<Self, SbiError> {
        let body: RequestBody = decode(body)?;
        let scheme = match &body.authentication_scheme {
            Some(name) => Scheme::ALL.into_iter().find(|scheme| scheme.as_str() == name),
            None => Some(Scheme::default()),
        };
        let resync = body
            .resynchronization_info
            .map(|info| info.values())
            .map(|values| values.ok_or(SbiError::Incorrect("resynchronizationInfo")));
        Ok(Self {
            scheme: scheme.ok_or(SbiError::Incorrect("authenticationScheme"))?,
            resync: resync.transpose()?,
        })
    }
}

/// Reads the answer to a request for `asked`.
///
/// # Errors
/// [`SbiError`]; its [`SbiError::vector_error`] is what Ub gets.
pub fn read_answer(asked: &UeId, status: u16, body: &[u8]) -> Result<HssAnswer, SbiError> {
    if status != 200 {
        return Err(SbiError::refused(status, body));
    }
    let body: ResultBody = decode(body)?;
    let impi = body.impi.and_then(|impi| Impi::parse(&impi).ok());
    let asked = if let UeId::Impi(asked) = asked { Some(asked) } else { None };
    if let (Some(asked), Some(impi)) = (asked, &impi)
        && !asked.as_str().eq_ignore_ascii_case(impi.as_str())
    {
        return Err(SbiError::OtherSubscriber);
    }
    let vector = body.aka_av.map(|av| av.vector().ok_or(SbiError::Incorrect("3gAkaAv"))).transpose()?;
    let digest = body.digest_auth.map(DigestCredential::from);
    if vector.is_none() && digest.is_none() {
        return Err(SbiError::Empty);
    }
    let impi = asked.cloned().or(impi);
    Ok(HssAnswer { impi, vectors: vector.into_iter().collect(), digest, ..HssAnswer::default() })
}

/// The body of a 200, HSS side: the first vector or the credential.
#[must_use]
pub fn answer(answer: &HssAnswer) -> SecretBytes {
    encode(&ResultBody {
        impi: answer.impi.as_ref().map(|impi| impi.as_str().to_owned()),
        aka_av: answer.vectors.first().map(AkaAv::from),
        digest_auth: answer.digest.as_ref().map(DigestBody::from),
    })
}

/// Status and problem of a refusal, HSS side.
#[must_use]
pub fn refuse(error: VectorError) -> (u16, ProblemDetails) {
    json_vector::refusal(error)
}

/// Status and problem for a body that cannot be read, HSS side.
#[must_use]
pub fn bad_request(error: &SbiError) -> (u16, ProblemDetails) {
    json_vector::bad_request(error)
}

/// Names on Diameter and in HTTP have hyphens and lower case, JSON's have underscores and upper case.
impl From<&DigestCredential> for DigestBody {
    fn from(credential: &DigestCredential) -> Self {
        let json = |name: &str| name.to_ascii_uppercase().replace('-', "_");
        Self {
            digest_realm: credential.realm.clone(),
            digest_algorithm: json(&credential.algorithm),
            digest_qop: json(credential.qop.as_deref().unwrap_or("auth")),
            ha1: HexOctets(credential.ha1.clone()),
        }
    }
}

impl From<DigestBody> for DigestCredential {
    fn from(body: DigestBody) -> Self {
        let algorithm = match body.digest_algorithm.as_str() {
            "MD5_SESS" => "MD5-sess".to_owned(),
            other => other.replace('_', "-"),
        };
        Self {
            realm: body.digest_realm,
            algorithm,
            qop: Some(body.digest_qop.to_ascii_lowercase().replace('_', "-")),
            ha1: body.ha1.0,
        }
    }
}

#[cfg(test)]
mod tests;
