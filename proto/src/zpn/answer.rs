//! What a push gives: keys of a Ks that serves once, and what the UE needs to have them too.

use super::gpi::{GbaPushInfo, GpiContent};
use super::query::AuthorizedPush;
use crate::aka::AuthVector;
use crate::gba::guss::{Guss, SecurityFeature};
use crate::gba::lifetime::{from_unix_seconds, unix_seconds};
use crate::gba::{GbaMode, GbaType, Ks, autn_star, kdf};
use crate::identity::Impi;
use crate::zn::{MeKey, NafAnswer, ZnError};
use std::time::{Duration, SystemTime};

/// What the HSS says of the subscriber.
#[derive(Debug, Clone)]
pub struct PushSubscriber<'a> {
    /// The name that enters the keys.
    pub impi: Impi,
    /// A fresh vector with a plain AUTN, not used for anything else.
    pub vector: AuthVector,
    /// Their settings, if any.
    pub guss: Option<&'a Guss>,
    /// How long keys live where the settings do not say.
    pub key_lifetime: Duration,
}

/// What a push-NAF gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushAnswer {
    /// Keys, expiry, settings, identity: as for any NAF.
    pub keys: NafAnswer,
    /// What the NAF pushes to the UE.
    pub gpi: GbaPushInfo,
    /// Those of the features asked for that the subscriber's side has.
    pub security_features: Vec<SecurityFeature>,
}

/// What a push gives. `build` makes the GBA-Push-Info; `None` of it means that this BSF cannot.
///
/// # Errors
/// [`ZnError`]. A NAF that asks for keys in the card of a subscriber without such a card, or for keys that have
/// ended already, is not authorised.
pub fn answer(
    authorized: &AuthorizedPush<'_>,
    subscriber: PushSubscriber<'_>,
    now: SystemTime,
    build: impl FnOnce(&GpiContent, &MeKey) -> Option<GbaPushInfo>,
) -> Result<PushAnswer, ZnError> {
    let (query, rule) = (authorized.query(), authorized.rule());
    let PushSubscriber { impi, vector, guss, key_lifetime } = subscriber;
    let info = guss.map(|guss| &guss.bsf_info);
    let has_gba_u = info.is_some_and(|info| info.gba_mode() == GbaMode::U);
    let accepted = rule.gba_types.contains(&GbaType::ThreeG);
    if !accepted || (query.mode == GbaMode::U && !has_gba_u) {
        return Err(ZnError::NotAuthorized);
    }
    let lifetime = info.and_then(|info| info.key_lifetime()).unwrap_or(key_lifetime);
    let expires_at = end(now, lifetime, query.requested_until).ok_or(ZnError::NotAuthorized)?;
    let uss = rule.settings(&query.gs_ids, guss)?;

    let ks = Ks::from_ck_ik(&vector.ck, &vector.ik);
    let (rand, naf_id) = (&vector.rand, &query.naf_id);
    let (me_key, autn) = match query.mode {
        GbaMode::Me => (MeKey::new(*kdf::ks_naf(&ks, rand, &impi, naf_id).danger_expose()), vector.autn),
        GbaMode::U => {
            let key = kdf::ks_ext_naf(&ks, rand, &impi, naf_id);
            (MeKey::new(*key.danger_expose()), autn_star(vector.autn, &vector.ik))
        }
    };
    let with_uicc = query.mode == GbaMode::U && query.gba_u_aware && rule.uicc_key;
    let content = GpiContent {
        mode: query.mode,
        rand: vector.rand,
        autn,
        naf_id: naf_id.clone(),
        p_tid: query.p_tid.clone(),
        uicc_app_label: query.uicc_app_label.clone(),
        expires_at,
    };
    let gpi = build(&content, &me_key).ok_or(ZnError::NoPushInfo)?;
    let features = info.map(|info| info.security_features.as_slice()).unwrap_or_default();
    let keys = NafAnswer {
        me_key,
        uicc_key: with_uicc.then(|| kdf::ks_int_naf(&ks, rand, &impi, naf_id)),
        expires_at: Some(expires_at),
        created_at: Some(now),
        uss,
        gba_type: GbaType::ThreeG,
        impi: (query.private_identity && rule.private_identity).then_some(impi),
    };
    let asked = query.security_features.iter();
    let security_features = asked.filter(|feature| features.contains(feature)).cloned().collect();
    Ok(PushAnswer { keys, gpi, security_features })
}

/// The earlier of what the NAF asks and what the subscriber may have, in whole seconds; `None` for the past.
fn end(now: SystemTime, lifetime: Duration, requested: SystemTime) -> Option<SystemTime> {
    let allowed = unix_seconds(now).saturating_add(lifetime.as_secs());
    let end = from_unix_seconds(allowed.min(unix_seconds(requested)));
    (end > now).then_some(end)
}

#[cfg(test)]
mod tests;
