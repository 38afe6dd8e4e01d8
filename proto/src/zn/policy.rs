//! Who may ask for which NAF's keys, and what that NAF gets beside them.

use super::{NafQuery, ZnError};
use crate::gba::guss::{GsId, Guss, Uss};
use crate::gba::{GbaType, NafId, UaSecurityProtocolId};
use crate::identity::Fqdn;

/// Everything, or what is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed<T> {
    /// Everything.
    Any,
    /// These.
    Listed(Vec<T>),
}

impl<T: PartialEq> Allowed<T> {
    /// Whether it is among them.
    #[must_use]
    pub fn contains(&self, wanted: &T) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed.contains(wanted),
        }
    }
}

/// One name by which a caller is known for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A host: a Diameter peer's Origin-Host, a certificate's name. Compares without regard to case.
    Host(String),
    /// A token's name, a Unix user. Compares exactly.
    Name(String),
}

impl Principal {
    /// A host.
    #[must_use]
    pub fn host(name: &str) -> Self {
        Self::Host(name.to_owned())
    }

    fn is(&self, listed: &str) -> bool {
        match self {
            Self::Host(name) => name.eq_ignore_ascii_case(listed),
            Self::Name(name) => name == listed,
        }
    }
}

/// What one NAF may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NafRule {
    /// The name by which UEs address it.
    pub fqdn: Fqdn,
    /// How its keys may be used.
    pub ua_protocols: Allowed<UaSecurityProtocolId>,
    /// Who it is when it asks.
    pub principals: Vec<String>,
    /// The groups it is in, for USSs that are meant for a group.
    pub naf_groups: Vec<String>,
    /// The services whose USS it may have.
    pub gs_ids: Allowed<GsId>,
    /// Services whose USS a subscriber must have to use this NAF at all (TS 33.220 annex J).
    pub required_gs_ids: Vec<GsId>,
    /// What may stand behind a key that it gets.
    pub gba_types: Vec<GbaType>,
    /// Whether it may have Ks_int_NAF, the key whose other end is the card itself.
    pub uicc_key: bool,
    /// Whether it may learn the subscriber's private identity.
    pub private_identity: bool,
    /// Whether it may push: make an association that no UE has asked for.
    pub push: bool,
}

impl NafRule {
    /// The least a NAF needs: HTTP Digest keys of UMTS AKA, no identity, no settings, no key of the card.
    #[must_use]
    pub fn new(fqdn: Fqdn, principals: Vec<String>) -> Self {
        Self {
            fqdn,
            ua_protocols: Allowed::Listed(vec![UaSecurityProtocolId::HTTP_DIGEST]),
            principals,
            naf_groups: Vec::new(),
            gs_ids: Allowed::Listed(Vec::new()),
            required_gs_ids: Vec::new(),
            gba_types: vec![GbaType::ThreeG],
            uicc_key: false,
            private_identity: false,
            push: false,
        }
    }

    /// The USSs that this NAF may have of those it asked for. Without those that the rule requires, the subscriber
    /// may not use the NAF.
    pub(crate) fn settings(&self, wanted: &[GsId], guss: Option<&Guss>) -> Result<Vec<Uss>, ZnError> {
        let none = Guss::default();
        let guss = guss.unwrap_or(&none);
        let complete = self.required_gs_ids.iter().all(|gs_id| guss.has(*gs_id, &self.naf_groups));
        let wanted: Vec<GsId> = wanted.iter().copied().filter(|gs_id| self.gs_ids.contains(gs_id)).collect();
        if complete { Ok(guss.select(&wanted, &self.naf_groups)) } else { Err(ZnError::NotAuthorized) }
    }

    /// Whether [`Self::settings`] needs to see any.
    pub(super) fn needs_settings(&self, wanted: &[GsId]) -> bool {
        !self.required_gs_ids.is_empty() || wanted.iter().any(|gs_id| self.gs_ids.contains(gs_id))
    }

    fn admits(&self, caller: &[Principal], naf_id: &NafId) -> bool {
        self.fqdn == naf_id.fqdn
            && self.ua_protocols.contains(&naf_id.ua)
            && self.principals.iter().any(|listed| caller.iter().any(|principal| principal.is(listed)))
    }
}

/// The rules of a BSF. What no rule grants is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZnPolicy {
    rules: Vec<NafRule>,
}

/// A query that the policy has let pass, with the rule that did it. Only [`ZnPolicy::authorize`] makes one.
#[derive(Debug, Clone)]
pub struct AuthorizedQuery<'p> {
    query: NafQuery,
    rule: &'p NafRule,
}

impl ZnPolicy {
    /// From rules; for a NAF with several, the first that admits the caller counts.
    #[must_use]
    pub const fn new(rules: Vec<NafRule>) -> Self {
        Self { rules }
    }

    /// Whether this caller may ask this. `caller` holds every name that it has proved to have. To be asked before
    /// the association is looked up, so that a stranger learns nothing of a B-TID.
    ///
    /// # Errors
    /// [`ZnError::NotAuthorized`].
    pub fn authorize(&self, caller: &[Principal], query: NafQuery) -> Result<AuthorizedQuery<'_>, ZnError> {
        let rule = self.admit(caller, &query.naf_id)?;
        Ok(AuthorizedQuery { query, rule })
    }

    /// The rule that lets this caller act for this NAF: for push, too.
    pub(crate) fn admit(&self, caller: &[Principal], naf_id: &NafId) -> Result<&NafRule, ZnError> {
        self.rules.iter().find(|rule| rule.admits(caller, naf_id)).ok_or(ZnError::NotAuthorized)
    }
}

impl AuthorizedQuery<'_> {
    /// What was asked: the B-TID in it is to be looked up.
    #[must_use]
    pub const fn query(&self) -> &NafQuery {
        &self.query
    }

    /// What lets it pass.
    pub(super) const fn rule(&self) -> &NafRule {
        self.rule
    }
}
