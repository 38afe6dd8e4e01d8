//! What a NAF asks, what it gets, and the one function between.

use super::policy::AuthorizedQuery;
use crate::diameter::{Outcome, ResultCode, TgppResultCode};
use crate::gba::guss::{GsId, Guss, Uss};
use crate::gba::{Association, BTid, GbaMode, GbaType, KsIntNaf, NafId, digest_mode, kdf};
use crate::identity::Impi;
use crate::sbi::ProblemDetails;
use crate::sbi::problem::cause;
use crate::secret::named_secret;
use std::time::SystemTime;

named_secret! {
    /// Ks_NAF or Ks_ext_NAF, 32 octets: a NAF does not need to know which.
    MeKey, 32
}

/// What a NAF asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NafQuery {
    /// What the UE gave it over Ua.
    pub b_tid: BTid,
    /// Itself, by the name that the UE used, and how it uses the key.
    pub naf_id: NafId,
    /// Whether it knows what to do with Ks_int_NAF.
    pub gba_u_aware: bool,
    /// The services whose settings it wants.
    pub gs_ids: Vec<GsId>,
}

/// What a NAF gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NafAnswer {
    /// The key whose other end is the terminal.
    pub me_key: MeKey,
    /// The key whose other end is the card: with GBA_U, for a NAF that is aware of it and may have it.
    pub uicc_key: Option<KsIntNaf>,
    /// When the keys end. A BSF always says so.
    pub expires_at: Option<SystemTime>,
    /// When the bootstrap was.
    pub created_at: Option<SystemTime>,
    /// Settings of the services asked for.
    pub uss: Vec<Uss>,
    /// What authenticated the bootstrap.
    pub gba_type: GbaType,
    /// Who it is, for a NAF that may know.
    pub impi: Option<Impi>,
}

/// Why a NAF gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZnError {
    /// No such subscriber: only where a NAF names one, for push.
    #[error("unknown subscriber")]
    UnknownIdentity,
    /// This caller may not ask for this NAF, or this subscriber may not use it.
    #[error("not authorised")]
    NotAuthorized,
    /// The B-TID is unknown, revoked or expired: the UE has to bootstrap again.
    #[error("no such bootstrap")]
    UnknownTransaction,
    /// What the BSF keeps of the subscriber's settings cannot be read.
    #[error("the subscriber's settings cannot be read")]
    Settings,
    /// The AUTS that the NAF hands on does not verify: only for push.
    #[error("AUTS does not verify")]
    AuthenticationRejected,
    /// This BSF makes no GBA-Push-Info, or none of what was asked for.
    #[error("no GBA-Push-Info can be made")]
    NoPushInfo,
    /// The BSF, or what it depends on, is not available.
    #[error("not available")]
    Unavailable,
}

impl ZnError {
    /// On Diameter (TS 29.109 clause 6.2).
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::UnknownIdentity => Outcome::tgpp(TgppResultCode::IDENTITY_UNKNOWN),
            Self::NotAuthorized => Outcome::tgpp(TgppResultCode::NOT_AUTHORIZED),
            Self::UnknownTransaction => Outcome::tgpp(TgppResultCode::TRANSACTION_IDENTIFIER_INVALID),
            Self::Settings | Self::AuthenticationRejected | Self::NoPushInfo => {
                Outcome::Result(ResultCode::UNABLE_TO_COMPLY)
            }
            Self::Unavailable => Outcome::Result(ResultCode::TOO_BUSY),
        }
    }

    /// Of an outcome that is no success; what has no name here is as good as no answer.
    #[must_use]
    pub fn from_outcome(outcome: Outcome) -> Self {
        let named = [Self::UnknownIdentity, Self::NotAuthorized, Self::UnknownTransaction];
        named.into_iter().find(|error| error.outcome() == outcome).unwrap_or(Self::Unavailable)
    }

    /// In JSON. The causes of 403 and 404 are not certain: peers go by the status.
    #[must_use]
    pub fn problem(self) -> ProblemDetails {
        let (status, cause) = match self {
            Self::UnknownIdentity => (404, cause::USER_NOT_FOUND),
            Self::NotAuthorized => (403, "SERVICE_NOT_ALLOWED"),
            Self::UnknownTransaction => (404, cause::CONTEXT_NOT_FOUND),
            Self::Settings => (500, cause::SYSTEM_FAILURE),
            Self::AuthenticationRejected => (403, cause::AUTHENTICATION_REJECTED),
            Self::NoPushInfo => (501, cause::GBA_PUSH_INFO_UNAVAILABLE),
            Self::Unavailable => (503, cause::NF_CONGESTION),
        };
        ProblemDetails::new(status, cause)
    }

    /// Of a status other than 200, and its cause where there is one.
    #[must_use]
    pub fn from_status(status: u16, cause: Option<&str>) -> Self {
        match (status, cause) {
            // A wrong base URL says nothing about a B-TID.
            (404, Some(cause::RESOURCE_URI_STRUCTURE_NOT_FOUND)) => Self::Unavailable,
            (404, Some(cause::USER_NOT_FOUND)) => Self::UnknownIdentity,
            (404, _) => Self::UnknownTransaction,
            (403, Some(cause::AUTHENTICATION_REJECTED)) => Self::AuthenticationRejected,
            (403, _) => Self::NotAuthorized,
            (501, _) => Self::NoPushInfo,
            _ => Self::Unavailable,
        }
    }
}

/// What an association gives for a query. `association` is what is kept under the B-TID asked for, if anything.
///
/// # Errors
/// [`ZnError`]. An association that has expired is none, and so is one that is about another B-TID.
pub fn answer(
    authorized: &AuthorizedQuery<'_>,
    association: Option<&Association>,
    now: SystemTime,
) -> Result<NafAnswer, ZnError> {
    let (query, rule) = (authorized.query(), authorized.rule());
    let association = association
        .filter(|association| association.is_valid(now) && association.b_tid == query.b_tid)
        .ok_or(ZnError::UnknownTransaction)?;
    if !rule.gba_types.contains(&association.gba_type) {
        return Err(ZnError::NotAuthorized);
    }
    // Settings that nobody needs cannot stand in the way.
    let guss = association.guss.as_deref().filter(|_| rule.needs_settings(&query.gs_ids));
    let guss = guss.map(Guss::parse).transpose().map_err(|_| ZnError::Settings)?;
    let uss = rule.settings(&query.gs_ids, guss.as_ref())?;
    Ok(NafAnswer {
        me_key: me_key(association, &query.naf_id),
        uicc_key: (rule.uicc_key && query.gba_u_aware)
            .then(|| uicc_key(association, &query.naf_id))
            .flatten(),
        expires_at: Some(association.expires_at),
        created_at: Some(association.created_at),
        uss,
        gba_type: association.gba_type,
        impi: rule.private_identity.then(|| association.impi.clone()),
    })
}

fn me_key(association: &Association, naf_id: &NafId) -> MeKey {
    let Association { ks, rand, impi, .. } = association;
    match (association.gba_type, association.gba_mode) {
        (GbaType::Digest, _) => MeKey::new(*digest_mode::ks_naf(ks, &rand.0, impi, naf_id).danger_expose()),
        (_, GbaMode::Me) => MeKey::new(*kdf::ks_naf(ks, rand, impi, naf_id).danger_expose()),
        (_, GbaMode::U) => MeKey::new(*kdf::ks_ext_naf(ks, rand, impi, naf_id).danger_expose()),
    }
}

fn uicc_key(association: &Association, naf_id: &NafId) -> Option<KsIntNaf> {
    let Association { ks, rand, impi, gba_mode, .. } = association;
    (*gba_mode == GbaMode::U).then(|| kdf::ks_int_naf(ks, rand, impi, naf_id))
}

#[cfg(test)]
mod tests;
