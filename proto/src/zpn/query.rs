//! What a push-NAF asks.

use crate::aka::{Auts, Rand};
use crate::gba::guss::{GsId, SecurityFeature};
use crate::gba::{GbaMode, NafId};
use crate::identity::{IdentityError, Impi, Impu};
use crate::zn::{NafRule, Principal, ZnError, ZnPolicy};
use std::fmt;
use std::time::SystemTime;

/// P-TID, or NAF-SA-Identifier: how NAF and UE name their association. The NAF chooses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PTid(String);

/// Not a P-TID: empty, above 255 octets, or with something that is not visible ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a P-TID has 1 to 255 visible ASCII characters")]
pub struct NotAPTid;

impl PTid {
    /// Takes 1 to 255 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, NotAPTid> {
        let clean = text.bytes().all(|byte| byte.is_ascii_graphic());
        if clean && (1..=255).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(NotAPTid) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PTid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the NAF knows the subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushUeId {
    /// By IMPI.
    Private(Impi),
    /// By IMPU.
    Public(Impu),
}

impl PushUeId {
    /// As both encodings have it: a text, and whether it is public.
    pub(super) fn parse(text: &str, public: bool) -> Result<Self, IdentityError> {
        if public { Impu::parse(text).map(Self::Public) } else { Impi::parse(text).map(Self::Private) }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Private(impi) => impi.as_str(),
            Self::Public(impu) => impu.as_str(),
        }
    }

    pub(super) const fn is_public(&self) -> bool {
        matches!(self, Self::Public(_))
    }
}

/// What a push-NAF asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushQuery {
    /// The subscriber.
    pub ue_id: PushUeId,
    /// The application on the card that is to be used.
    pub uicc_app_label: String,
    /// Itself, and how it uses the key.
    pub naf_id: NafId,
    /// The name of the association.
    pub p_tid: PTid,
    /// Whether the terminal or the card is to keep the key.
    pub mode: GbaMode,
    /// When the association is to end.
    pub requested_until: SystemTime,
    /// Whether it wants to know the IMPI.
    pub private_identity: bool,
    /// Whether it knows what to do with Ks_int_NAF.
    pub gba_u_aware: bool,
    /// The services whose settings it wants.
    pub gs_ids: Vec<GsId>,
    /// RAND and AUTS, where the UE's card refused an earlier push.
    pub resync: Option<(Rand, Auts)>,
    /// Features that it can use.
    pub security_features: Vec<SecurityFeature>,
}

/// A push that the policy has let pass. Only [`ZnPolicy::authorize_push`] makes one.
#[derive(Debug, Clone)]
pub struct AuthorizedPush<'p> {
    query: PushQuery,
    rule: &'p NafRule,
}

impl ZnPolicy {
    /// Whether this caller may push as this NAF. To be asked before a vector is spent on it.
    ///
    /// # Errors
    /// [`ZnError::NotAuthorized`].
    pub fn authorize_push(
        &self,
        caller: &[Principal],
        query: PushQuery,
    ) -> Result<AuthorizedPush<'_>, ZnError> {
        let rule = self.admit(caller, &query.naf_id)?;
        if rule.push { Ok(AuthorizedPush { query, rule }) } else { Err(ZnError::NotAuthorized) }
    }
}

impl AuthorizedPush<'_> {
    /// What was asked: a vector of the subscriber in it is to be had.
    #[must_use]
    pub const fn query(&self) -> &PushQuery {
        &self.query
    }

    /// What lets it pass.
    pub(super) const fn rule(&self) -> &NafRule {
        self.rule
    }
}
