//! Nbsp_GBA's bootstrapping-info-retrieval, both sides (TS 29.309 clause 6.1).

use super::{MeKey, NafAnswer, NafQuery, ZnError};
use crate::gba::guss::json::UssListItem;
use crate::gba::guss::{GsId, Uss};
use crate::gba::{BTid, GbaType, KsIntNaf, NafId, UaSecurityProtocolId};
use crate::hex;
use crate::identity::{Fqdn, Impi};
use crate::sbi::problem::cause;
use crate::sbi::wire::{DateTime, HexOctets};
use crate::sbi::{BodyError, ProblemDetails, decode, encode};
use crate::secret::SecretBytes;
use serde::{Deserialize, Serialize};

/// What the service's name is in a URI, before the resource.
pub const API: &str = "nbsp-gba/v1";
/// The resource after [`API`]; POST.
pub const PATH: &str = "/bootstrapping-info-retrieval";
/// Scopes of an access token, either of which is enough.
pub const SCOPES: [&str; 2] = ["nbsp-gba", "nbsp-gba:bootstrapping-info-retrieval:invoke"];

/// Why a request cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Not JSON, or of another shape.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A mandatory member is not there; a JSON pointer.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member has a value that cannot be; a JSON pointer.
    #[error("{0} is not as it must be")]
    Incorrect(&'static str),
    /// What the UE gave as a B-TID is none: the UE has to bootstrap.
    #[error("what the UE gave is no B-TID")]
    BTid,
}

impl RequestError {
    /// The answer's body; its status is in it.
    #[must_use]
    pub fn problem(self) -> ProblemDetails {
        match self {
            Self::Body(BodyError::TooLarge) => {
                ProblemDetails { status: Some(413), ..ProblemDetails::default() }
            }
            Self::Body(_) => ProblemDetails::new(400, cause::INVALID_MSG_FORMAT),
            Self::Missing(param) => ProblemDetails::new(400, cause::MANDATORY_IE_MISSING).with_param(param),
            Self::Incorrect(param) => {
                ProblemDetails::new(400, cause::MANDATORY_IE_INCORRECT).with_param(param)
            }
            Self::BTid => ZnError::UnknownTransaction.problem(),
        }
    }
}

/// Why an answer gives no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Another status than 200.
    #[error("the BSF answers {status}{}", .cause.as_ref().map(|cause| format!(", {cause}")).unwrap_or_default())]
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
}

impl AnswerError {
    /// What the NAF makes of it.
    #[must_use]
    pub fn zn_error(&self) -> ZnError {
        match self {
            Self::Refused { status, cause } => ZnError::from_status(*status, cause.as_deref()),
            Self::Body(_) | Self::Incorrect(_) => ZnError::Unavailable,
        }
    }

    /// Of an answer that is not 200.
    pub(crate) fn refused(status: u16, body: &[u8]) -> Self {
        Self::Refused { status, cause: ProblemDetails::cause_of(body) }
    }
}

/// BootstrappingInfoRequest. Members are optional here, so that the one that is missing can be named.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestBody {
    bt_id: Option<String>,
    naf_id: Option<NafIdBody>,
    #[serde(default)]
    gba_u_aware: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gs_ids: Vec<u32>,
}

/// NafId.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NafIdBody {
    naf_fqdn: Option<String>,
    ua_sec_prot_id: Option<String>,
}

impl From<&NafId> for NafIdBody {
    fn from(naf_id: &NafId) -> Self {
        Self { naf_fqdn: Some(naf_id.fqdn.to_string()), ua_sec_prot_id: Some(naf_id.ua.to_string()) }
    }
}

impl TryFrom<NafIdBody> for NafId {
    type Error = RequestError;

    fn try_from(body: NafIdBody) -> Result<Self, RequestError> {
        let fqdn = body.naf_fqdn.ok_or(RequestError::Missing("/nafId/nafFqdn"))?;
        let fqdn = Fqdn::parse(&fqdn).map_err(|_| RequestError::Incorrect("/nafId/nafFqdn"))?;
        let ua = body.ua_sec_prot_id.ok_or(RequestError::Missing("/nafId/uaSecProtId"))?;
        let ua = hex::decode_array(&ua).ok_or(RequestError::Incorrect("/nafId/uaSecProtId"))?;
        Ok(Self::new(fqdn, UaSecurityProtocolId(ua)))
    }
}

impl NafQuery {
    /// The body to send, NAF side.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let body = encode(&RequestBody {
            bt_id: Some(self.b_tid.as_str().to_owned()),
            naf_id: Some((&self.naf_id).into()),
            gba_u_aware: self.gba_u_aware,
            gs_ids: self.gs_ids.iter().map(|gs_id| gs_id.0).collect(),
        });
        body.danger_expose().to_vec()
    }

    /// Reads a body, BSF side.
    ///
    /// # Errors
    /// [`RequestError`]; its [`RequestError::problem`] is the answer.
    pub fn parse_json(body: &[u8]) -> Result<Self, RequestError> {
        let body: RequestBody = decode(body)?;
        let naf_id = body.naf_id.ok_or(RequestError::Missing("/nafId"))?.try_into()?;
        let b_tid = body.bt_id.ok_or(RequestError::Missing("/btId"))?;
        let b_tid = BTid::parse(&b_tid).map_err(|_| RequestError::BTid)?;
        let gs_ids = body.gs_ids.into_iter().map(GsId).collect();
        Ok(Self { b_tid, naf_id, gba_u_aware: body.gba_u_aware, gs_ids })
    }
}

/// BootstrappingInfoResponse, and what a PushInfoResponse shares with it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeysBody {
    me_key_material: HexOctets,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uicc_key_material: Option<HexOctets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_expiry_time: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bootstrapping_info_creation_time: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    uss_list: Vec<UssListItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gba_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    impi: Option<String>,
    /// For push alone. Nothing here is flattened: serde would buffer keys to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gba_push_info: Option<HexOctets>,
    /// For push alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    security_features_response: Vec<String>,
}

impl KeysBody {
    /// With what a push adds.
    pub(crate) fn with_push(self, gpi: HexOctets, features: Vec<String>) -> Self {
        Self { gba_push_info: Some(gpi), security_features_response: features, ..self }
    }

    /// Takes out what a push adds.
    pub(crate) fn take_push(&mut self) -> (Option<HexOctets>, Vec<String>) {
        (self.gba_push_info.take(), std::mem::take(&mut self.security_features_response))
    }
}

impl From<&NafAnswer> for KeysBody {
    fn from(answer: &NafAnswer) -> Self {
        Self {
            me_key_material: HexOctets::new(answer.me_key.danger_expose()),
            uicc_key_material: answer.uicc_key.as_ref().map(|key| HexOctets::new(key.danger_expose())),
            key_expiry_time: answer.expires_at.map(DateTime),
            bootstrapping_info_creation_time: answer.created_at.map(DateTime),
            uss_list: answer.uss.iter().map(UssListItem::from).collect(),
            gba_type: Some(answer.gba_type.as_str().to_owned()),
            impi: answer.impi.as_ref().map(|impi| impi.as_str().to_owned()),
            gba_push_info: None,
            security_features_response: Vec::new(),
        }
    }
}

impl TryFrom<KeysBody> for NafAnswer {
    type Error = AnswerError;

    fn try_from(body: KeysBody) -> Result<Self, AnswerError> {
        let me_key = body.me_key_material.fixed::<MeKey>().ok_or(AnswerError::Incorrect("meKeyMaterial"))?;
        let uicc_key = body
            .uicc_key_material
            .map(|key| key.fixed::<KsIntNaf>().ok_or(AnswerError::Incorrect("uiccKeyMaterial")));
        let gba_type =
            body.gba_type.map(|name| GbaType::from_name(&name).ok_or(AnswerError::Incorrect("gbaType")));
        let impi = body.impi.map(|impi| Impi::parse(&impi).map_err(|_| AnswerError::Incorrect("impi")));
        Ok(Self {
            me_key,
            uicc_key: uicc_key.transpose()?,
            expires_at: body.key_expiry_time.map(|DateTime(moment)| moment),
            created_at: body.bootstrapping_info_creation_time.map(|DateTime(moment)| moment),
            uss: body.uss_list.into_iter().map(Uss::from).collect(),
            gba_type: gba_type.transpose()?.unwrap_or_default(),
            impi: impi.transpose()?,
        })
    }
}

/// The body of a 200, BSF side.
#[must_use]
pub fn answer(answer: &NafAnswer) -> SecretBytes {
    encode(&KeysBody::from(answer))
}

/// Reads an answer, NAF side.
///
/// # Errors
/// [`AnswerError`]; its [`AnswerError::zn_error`] says what to do.
pub fn read_answer(status: u16, body: &[u8]) -> Result<NafAnswer, AnswerError> {
    if status == 200 { decode::<KeysBody>(body)?.try_into() } else { Err(AnswerError::refused(status, body)) }
}

#[cfg(test)]
mod tests;
