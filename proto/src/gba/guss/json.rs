//! Settings as JSON: Guss of TS 29.562 and UssListItem of TS 29.309, as parts of larger bodies.

use super::{BsfInfo, GsId, Guss, KeyChoice, SecurityFeature, ServiceType, Uss};
use crate::gba::GbaMode;
use crate::sbi::{BodyError, decode};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Guss (TS 29.562).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GussJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bsf_info: Option<BsfInfoJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    uss_list: Vec<UssListItem>,
}

impl Guss {
    /// Reads a Guss of TS 29.562 that stands alone. Whose it is, JSON does not say.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn parse_json(document: &[u8]) -> Result<Self, BodyError> {
        Ok(decode::<GussJson>(document)?.into())
    }
}

/// BsfInfo (TS 29.562).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BsfInfoJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uicc_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    life_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    security_features: Vec<String>,
}

/// UssListItem (TS 29.309).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UssListItem {
    uss: UssJson,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UssJson {
    gs_id: u32,
    gs_type: u32,
    #[serde(default)]
    ue_ids: Vec<UeIdsItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    naf_group: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flags: Vec<FlagsItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_choice: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UeIdsItem {
    ue_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FlagsItem {
    flag: u32,
}

impl From<&Guss> for GussJson {
    fn from(guss: &Guss) -> Self {
        let BsfInfo { uicc_type, life_time, security_features } = &guss.bsf_info;
        let bsf_info = BsfInfoJson {
            uicc_type: uicc_type.map(|mode| mode.uicc_type().to_owned()),
            life_time: life_time.and_then(|time| i64::try_from(time.as_secs()).ok()),
            security_features: security_features.iter().map(|feature| feature.0.clone()).collect(),
        };
        let bsf_info = (guss.bsf_info != BsfInfo::default()).then_some(bsf_info);
        Self { bsf_info, uss_list: guss.uss.iter().map(UssListItem::from).collect() }
    }
}

impl From<GussJson> for Guss {
    fn from(json: GussJson) -> Self {
        let BsfInfoJson { uicc_type, life_time, security_features } = json.bsf_info.unwrap_or_default();
        let bsf_info = BsfInfo {
            uicc_type: uicc_type.and_then(|text| GbaMode::from_uicc_type(&text)),
            life_time: life_time.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs),
            security_features: security_features.into_iter().map(SecurityFeature).collect(),
        };
        Self { impi: None, bsf_info, uss: json.uss_list.into_iter().map(Uss::from).collect() }
    }
}

impl From<&Uss> for UssListItem {
    fn from(uss: &Uss) -> Self {
        let ue_ids = uss.uids.iter().map(|uid| UeIdsItem { ue_id: uid.clone() });
        Self {
            uss: UssJson {
                gs_id: uss.gs_id.0,
                gs_type: uss.service_type.0,
                ue_ids: ue_ids.collect(),
                naf_group: uss.naf_group.clone(),
                flags: uss.flags.iter().map(|flag| FlagsItem { flag: *flag }).collect(),
                key_choice: uss.key_choice.as_ref().map(|choice| choice.json().to_owned()),
            },
        }
    }
}

impl From<UssListItem> for Uss {
    fn from(item: UssListItem) -> Self {
        let UssJson { gs_id, gs_type, ue_ids, naf_group, flags, key_choice } = item.uss;
        Self {
            gs_id: GsId(gs_id),
            service_type: ServiceType(gs_type),
            naf_group,
            uids: ue_ids.into_iter().map(|item| item.ue_id).collect(),
            flags: flags.into_iter().map(|item| item.flag).collect(),
            key_choice: key_choice.as_deref().map(KeyChoice::parse),
        }
    }
}
