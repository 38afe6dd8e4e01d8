//! Nbsp_GBA's push-info-retrieval, both sides (TS 29.309 clause 6.1).

use super::PushAnswer;
use super::gpi::GbaPushInfo;
use super::query::{PTid, PushQuery, PushUeId};
use crate::aka::{Auts, Rand};
use crate::gba::GbaMode;
use crate::gba::guss::{GsId, SecurityFeature};
use crate::sbi::wire::{DateTime, HexOctets};
use crate::sbi::{decode, encode};
use crate::secret::SecretBytes;
use crate::zn::NafAnswer;
use crate::zn::nbsp_gba::{AnswerError, KeysBody, NafIdBody, RequestError};
use serde::{Deserialize, Serialize};

pub use crate::zn::nbsp_gba::API;

/// The resource after [`API`]; POST.
pub const PATH: &str = "/push-info-retrieval";
/// Scopes of an access token, either of which is enough.
pub const SCOPES: [&str; 2] = ["nbsp-gba", "nbsp-gba:push-info-retrieval:invoke"];

/// PushInfoRequest. Members are optional here, so that the one that is missing can be named.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestBody {
    ue_id: Option<String>,
    ue_id_type: Option<String>,
    uicc_app_label: Option<String>,
    naf_id: Option<NafIdBody>,
    pt_id: Option<String>,
    uicc_or_me: Option<String>,
    requested_life_time: Option<DateTime>,
    #[serde(default)]
    private_id_request: bool,
    #[serde(default)]
    gba_u_aware: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gs_ids: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auts: Option<HexOctets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rand: Option<HexOctets>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    security_features_request: Vec<String>,
}

impl PushQuery {
    /// The body to send, NAF side.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let ue_id_type = if self.ue_id.is_public() { "PUBLIC" } else { "PRIVATE" };
        let body = encode(&RequestBody {
            ue_id: Some(self.ue_id.as_str().to_owned()),
            ue_id_type: Some(ue_id_type.to_owned()),
            uicc_app_label: Some(self.uicc_app_label.clone()),
            naf_id: Some((&self.naf_id).into()),
            pt_id: Some(self.p_tid.to_string()),
            uicc_or_me: Some(self.mode.as_str().to_owned()),
            requested_life_time: Some(DateTime(self.requested_until)),
            private_id_request: self.private_identity,
            gba_u_aware: self.gba_u_aware,
            gs_ids: self.gs_ids.iter().map(|gs_id| gs_id.0).collect(),
            auts: self.resync.as_ref().map(|(_, auts)| HexOctets::new(&auts.0)),
            rand: self.resync.as_ref().map(|(rand, _)| HexOctets::new(&rand.0)),
            security_features_request: self.security_features.iter().map(|name| name.0.clone()).collect(),
        });
        body.danger_expose().to_vec()
    }

    /// Reads a body, BSF side.
    ///
    /// # Errors
    /// [`RequestError`]; its [`RequestError::problem`] is the answer.
    pub fn parse_json(body: &[u8]) -> Result<Self, RequestError> {
        use RequestError::{Incorrect, Missing};
        let body: RequestBody = decode(body)?;
        let public = match body.ue_id_type.ok_or(Missing("/ueIdType"))?.as_str() {
            "PUBLIC" => true,
            "PRIVATE" => false,
            _ => return Err(Incorrect("/ueIdType")),
        };
        let ue_id = body.ue_id.ok_or(Missing("/ueId"))?;
        let mode = match body.uicc_or_me.ok_or(Missing("/uiccOrMe"))?.as_str() {
            "GBA_ME" => GbaMode::Me,
            "GBA_U" => GbaMode::U,
            _ => return Err(Incorrect("/uiccOrMe")),
        };
        let resync = match (body.rand, body.auts) {
            (None, None) => None,
            (Some(rand), Some(auts)) => Some((
                Rand(rand.fixed().ok_or(Incorrect("/rand"))?),
                Auts(auts.fixed().ok_or(Incorrect("/auts"))?),
            )),
            (None, Some(_)) => return Err(Missing("/rand")),
            (Some(_), None) => return Err(Missing("/auts")),
        };
        let p_tid = body.pt_id.ok_or(Missing("/ptId"))?;
        let DateTime(requested_until) = body.requested_life_time.ok_or(Missing("/requestedLifeTime"))?;
        Ok(Self {
            ue_id: PushUeId::parse(&ue_id, public).map_err(|_| Incorrect("/ueId"))?,
            uicc_app_label: body.uicc_app_label.ok_or(Missing("/uiccAppLabel"))?,
            naf_id: body.naf_id.ok_or(Missing("/nafId"))?.try_into()?,
            p_tid: PTid::parse(&p_tid).map_err(|_| Incorrect("/ptId"))?,
            mode,
            requested_until,
            private_identity: body.private_id_request,
            gba_u_aware: body.gba_u_aware,
            gs_ids: body.gs_ids.into_iter().map(GsId).collect(),
            resync,
            security_features: body.security_features_request.into_iter().map(SecurityFeature).collect(),
        })
    }
}

/// The body of a 200, BSF side.
#[must_use]
pub fn answer(answer: &PushAnswer) -> SecretBytes {
    let features = answer.security_features.iter().map(|feature| feature.0.clone()).collect();
    encode(&KeysBody::from(&answer.keys).with_push(HexOctets::new(&answer.gpi.0), features))
}

/// Reads an answer, NAF side.
///
/// # Errors
/// [`AnswerError`]; its [`AnswerError::zn_error`] says what to do.
pub fn read_answer(status: u16, body: &[u8]) -> Result<PushAnswer, AnswerError> {
    if status != 200 {
        return Err(AnswerError::refused(status, body));
    }
    let mut body: KeysBody = decode(body)?;
    let (gpi, features) = body.take_push();
    let gpi = gpi.filter(|HexOctets(gpi)| !gpi.is_empty()).ok_or(AnswerError::Incorrect("gbaPushInfo"))?;
    Ok(PushAnswer {
        keys: NafAnswer::try_from(body)?,
        gpi: GbaPushInfo(gpi.0.danger_expose().to_vec()),
        security_features: features.into_iter().map(SecurityFeature).collect(),
    })
}

#[cfg(test)]
mod tests;
