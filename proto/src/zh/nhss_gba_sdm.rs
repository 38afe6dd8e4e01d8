//! Nhss_gbaSDM, both sides: the settings of a subscriber of a service-based HSS, and news of them (TS 29.562 clause
//! 6.6).

use super::json_vector::{self, SbiError};
use super::{Settings, UeId, VectorError};
use crate::gba::guss::Guss;
use crate::gba::guss::json::GussJson;
use crate::sbi::wire::DateTime;
use crate::sbi::{ProblemDetails, decode, encode};
use crate::secret::SecretBytes;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// What the service's name is in a URI, before the resource.
pub const API: &str = "nhss-gba-sdm/v1";
/// What an access token must cover.
pub const SCOPE: &str = "nhss-gba-sdm nhss-gba-sdm:subscriber-data:read nhss-gba-sdm:subscriptions:create \
                         nhss-gba-sdm:subscription:modify";

/// Cause of a 404 about a subscriber that the HSS has, but without settings (TS 29.503 clause 6.1.7.3).
const DATA_NOT_FOUND: &str = "DATA_NOT_FOUND";

/// GbaSubscriberData.
#[derive(Serialize, Deserialize)]
struct SubscriberData {
    #[serde(skip_serializing_if = "Option::is_none")]
    guss: Option<GussJson>,
}

/// The settings' resource after [`API`]; GET.
#[must_use]
pub fn path(ue_id: &UeId) -> String {
    format!("/{}/subscriber-data", ue_id.segment())
}

/// The resource after [`API`] at which news of a subscriber are subscribed to; POST.
#[must_use]
pub fn subscriptions_path(ue_id: &UeId) -> String {
    format!("/{}/subscriptions", ue_id.segment())
}

/// Reads the answer. A subscriber that the HSS has no settings for is no error: they bootstrap without.
///
/// # Errors
/// [`SbiError`]; its [`SbiError::vector_error`] is what Ub gets.
pub fn read_answer(status: u16, body: &[u8]) -> Result<Settings, SbiError> {
    match SbiError::refused(status, body) {
        _ if status == 200 => {}
        SbiError::Refused { status: 404, cause: Some(cause) } if cause == DATA_NOT_FOUND => {
            return Ok(Settings::Absent);
        }
        refused => return Err(refused),
    }
    let data: SubscriberData = decode(body)?;
    let sent = |guss| Settings::Sent { guss: Guss::from(guss), timestamp: None };
    Ok(data.guss.map_or(Settings::Absent, sent))
}

/// The body of a 200, HSS side.
#[must_use]
pub fn answer(guss: Option<&Guss>) -> SecretBytes {
    encode(&SubscriberData { guss: guss.map(GussJson::from) })
}

/// Status and problem of a refusal, HSS side.
#[must_use]
pub fn refuse(error: VectorError) -> (u16, ProblemDetails) {
    json_vector::refusal(error)
}

/// GbaSdmSubscription: tell me when a subscriber's settings change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The BSF's instance, a UUID.
    pub nf_instance_id: String,
    /// Where the news are to be sent.
    pub callback_reference: String,
    /// The resources whose changes count.
    pub monitored_resource_uris: Vec<String>,
    /// When the subscription ends, where one side says so.
    pub expires: Option<SystemTime>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionBody {
    nf_instance_id: String,
    callback_reference: String,
    monitored_resource_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<DateTime>,
}

impl Subscription {
    /// The body of the POST, and of the 201 that answers it.
    #[must_use]
    pub fn to_json(&self) -> SecretBytes {
        let Self { nf_instance_id, callback_reference, monitored_resource_uris, expires } = self.clone();
        let expires = expires.map(DateTime);
        encode(&SubscriptionBody { nf_instance_id, callback_reference, monitored_resource_uris, expires })
    }

    /// Reads either body.
    ///
    /// # Errors
    /// [`SbiError`].
    pub fn parse(body: &[u8]) -> Result<Self, SbiError> {
        let body: SubscriptionBody = decode(body)?;
        let SubscriptionBody { nf_instance_id, callback_reference, monitored_resource_uris, expires } = body;
        let expires = expires.map(|DateTime(moment)| moment);
        Ok(Self { nf_instance_id, callback_reference, monitored_resource_uris, expires })
    }
}

/// ModificationNotification (TS 29.503), as much of it as counts: what changed, not how.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    notify_items: Vec<NotifyItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotifyItem {
    resource_id: String,
}

/// The resources that a notification says have changed: what was kept of them is to be asked for again.
///
/// # Errors
/// [`SbiError`].
pub fn changed_resources(body: &[u8]) -> Result<Vec<String>, SbiError> {
    let body: Notification = decode(body)?;
    Ok(body.notify_items.into_iter().map(|item| item.resource_id).collect())
}

#[cfg(test)]
mod tests;
