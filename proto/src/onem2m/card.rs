//! The enrolment targets that a card names (TS-0003 annex D.1.3), as NAFs.

use super::{CseId, EnrolmentTarget, NameError, SpId};
use crate::identity::Fqdn;
use crate::uicc::ef::M2mServiceTable;
use crate::uicc::onem2m::M2mSubscription;
use std::fmt;

/// What a target is to the node that the card is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// EF_MAFFQDN: the MAF for connections after a bootstrap.
    Maf,
    /// EF_INCSEIDS: a CSE of the infrastructure, the next to be spoken to.
    InCse,
    /// EF_CSEID: the node's own CSE, a target for its AEs.
    LocalCse,
}

impl Role {
    /// What the key is called there.
    #[must_use]
    pub const fn target(self) -> EnrolmentTarget {
        match self {
            Self::Maf => EnrolmentTarget::Maf,
            Self::InCse | Self::LocalCse => EnrolmentTarget::Cse,
        }
    }

    /// `maf`, `in-cse`, `local-cse`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Maf => "maf",
            Self::InCse => "in-cse",
            Self::LocalCse => "local-cse",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An enrolment target of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardTarget {
    /// What it is.
    pub role: Role,
    /// Its FQDN as a NAF.
    pub naf_fqdn: Fqdn,
}

impl CardTarget {
    /// Whether the subscription lets a key for this target come from GBA. GBA Secure Provisioning gives Km and Kpsa
    /// (clause 8.3.2.3), GBA Secure Connection a key between two ends, so Kpsa.
    #[must_use]
    pub fn is_allowed_by(&self, services: &M2mServiceTable) -> bool {
        match self.role.target() {
            EnrolmentTarget::Maf => services.gba_provisioning(),
            EnrolmentTarget::Cse => services.gba_provisioning() || services.gba_connection(),
        }
    }
}

/// A target on the card that has no NAF FQDN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{role} on the card: {cause}")]
pub struct UnnamedTarget {
    /// Which.
    pub role: Role,
    /// Why not.
    pub cause: NameError,
}

/// The targets of a subscription in the order in which they are used: the MAF that it names for connections, the CSEs of
/// the infrastructure in the card's order, the node's own CSE, below the first of these.
#[must_use]
pub fn enrolment_targets(subscription: &M2mSubscription) -> Vec<Result<CardTarget, UnnamedTarget>> {
    let named = |role, name: Result<Fqdn, NameError>| {
        name.map(|naf_fqdn| CardTarget { role, naf_fqdn }).map_err(|cause| UnnamedTarget { role, cause })
    };
    let maf = subscription.maf.iter().map(|name| named(Role::Maf, Ok(name.clone())));
    let provider = subscription.provider_id.as_ref().map(|id| SpId::parse(id.as_str())).transpose();
    let infrastructure: Vec<_> = subscription.in_cse_ids.iter().map(|id| CseId::parse(id.as_str())).collect();
    let in_cses = infrastructure.iter().map(|cse| {
        let name = |cse: &CseId| cse.name_on_infrastructure_node(provider.as_ref().map_err(|e| *e)?.as_ref());
        named(Role::InCse, cse.as_ref().map_err(|error| *error).and_then(name))
    });
    let local = subscription.cse_id.iter().map(|id| {
        let name = || {
            let above = infrastructure.iter().flatten().next().ok_or(NameError::NoProvider)?;
            let provider = provider.as_ref().map_err(|error| *error)?;
            CseId::parse(id.as_str())?.name_on_field_node(above, provider.as_ref())
        };
        named(Role::LocalCse, name())
    });
    maf.chain(in_cses).chain(local).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uicc::ef::{EfContent, M2mId, M2mIdRecord};
    use crate::uicc::file::{Aid, FileId};
    use crate::uicc::tlv;

    fn id(text: &str) -> M2mId {
        let mut octets = Vec::new();
        tlv::write(&mut octets, 0x80, text.as_bytes());
        M2mId::decode(&octets).unwrap()
    }

    fn record(text: &str) -> M2mIdRecord {
        M2mIdRecord::decode(&[&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()).unwrap()
    }

    fn card(
        provider: Option<&str>,
        in_cses: &[&str],
        local: Option<&str>,
        maf: Option<&str>,
    ) -> M2mSubscription {
        M2mSubscription {
            host: Aid::new(&[0xa0, 0, 0, 0, 0x87, 0x10, 0x02]).unwrap(),
            df: FileId(0x5f61),
            services: M2mServiceTable::of(&[1, 2, 3, 7]),
            subscription_id: None,
            provider_id: provider.map(id),
            node_id: None,
            cse_id: local.map(id),
            ae_ids: Vec::new(),
            mefs: Vec::new(),
            in_cse_ids: in_cses.iter().map(|text| record(text)).collect(),
            maf: maf.map(|name| Fqdn::parse(name).unwrap()),
        }
    }

    fn names(subscription: &M2mSubscription) -> Vec<Result<String, NameError>> {
        let targets = enrolment_targets(subscription).into_iter();
        targets
            .map(|target| {
                let named = |target: CardTarget| format!("{} {}", target.role, target.naf_fqdn);
                target.map(named).map_err(|unnamed| unnamed.cause)
            })
            .collect()
    }

    #[test]
    fn the_card_alone_says_which_nafs_there_are() {
        let whole =
            card(Some("//sp.example"), &["/in1", "//sp.example/in2"], Some("/mn7"), Some("maf.sp.example"));
        assert_eq!(
            names(&whole),
            [
                "maf maf.sp.example",
                "in-cse in1.sp.example",
                "in-cse in2.sp.example",
                "local-cse mn7.in1.sp.example"
            ]
            .map(|name| Ok(name.to_owned()))
        );
        assert_eq!(
            names(&card(None, &[], None, Some("maf.sp.example"))),
            [Ok("maf maf.sp.example".to_owned())]
        );
        assert_eq!(
            names(&card(None, &["//sp.example/in1"], None, None)),
            [Ok("in-cse in1.sp.example".to_owned())]
        );
        assert_eq!(names(&card(Some("//sp.example"), &[], None, None)), []);
    }

    #[test]
    fn what_has_no_name_says_why_and_does_not_hide_the_others() {
        let whole = card(Some("//sp.example"), &["/a.b", "in1", "/in1"], Some("/mn_7"), None);
        assert_eq!(
            names(&whole),
            [
                Err(NameError::Dot),
                Err(NameError::Form),
                Ok("in-cse in1.sp.example".to_owned()),
                Err(NameError::Dot),
            ]
        );
        assert_eq!(names(&card(None, &["/in1"], None, None)), [Err(NameError::NoProvider)]);
        assert_eq!(names(&card(Some("//sp.example"), &[], Some("/mn7"), None)), [Err(NameError::NoProvider)]);
        let wrong = names(&card(Some("//-"), &["/in1"], None, Some("maf.example")));
        assert!(wrong[0].is_ok() && matches!(wrong[1], Err(NameError::Provider(_))));
    }

    #[test]
    fn the_service_table_says_for_which_targets_gba_may_serve() {
        let allowed = |role, services: &[u16]| {
            let target = CardTarget { role, naf_fqdn: Fqdn::parse("t.example").unwrap() };
            target.is_allowed_by(&M2mServiceTable::of(services))
        };
        for (services, maf, cse) in
            [(&[7][..], true, true), (&[8], false, true), (&[12], false, true), (&[1, 2, 3], false, false)]
        {
            assert_eq!(allowed(Role::Maf, services), maf, "{services:?}");
            assert_eq!(allowed(Role::InCse, services), cse, "{services:?}");
            assert_eq!(allowed(Role::LocalCse, services), cse, "{services:?}");
        }
    }
}
