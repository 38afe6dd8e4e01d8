//! What the card says about oneM2M: enrolment targets, the MEF, and whether GBA may serve them (TS-0003 annex D).

use super::UeError;
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::{CardTarget, Role, enrolment_targets};
use ksnaf_proto::uicc::ef::MefAddress;
use ksnaf_proto::uicc::file::Aid;
use ksnaf_proto::uicc::onem2m::M2mSubscriptions;

/// The M2M service subscriptions of a card, as far as bootstraps with one of its applications go.
#[derive(Debug, Clone, Default)]
pub struct Enrolment {
    targets: Vec<Target>,
    mefs: Vec<MefAddress>,
}

/// An enrolment target that the card names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// MAF, CSE of the infrastructure, or the node's own CSE.
    pub role: Role,
    /// Its FQDN as a NAF.
    pub naf_fqdn: Fqdn,
    /// Whether the subscription lets GBA with this application serve it.
    pub gba: bool,
}

impl Enrolment {
    /// What the subscriptions say to the application in use. GBA services count only in a directory of the application
    /// whose credentials serve (annex D.1.3.1, note).
    pub(super) fn new(subscriptions: &M2mSubscriptions, application: &Aid) -> Self {
        for problem in &subscriptions.problems {
            tracing::warn!(%problem, "M2M service subscription on the card");
        }
        let mut targets: Vec<Target> = Vec::new();
        let mut mefs = Vec::new();
        for subscription in &subscriptions.list {
            let services = &subscription.services;
            let is_host = subscription.host == *application;
            for named in enrolment_targets(subscription) {
                match named {
                    Ok(target) => {
                        let gba = is_host && target.is_allowed_by(services);
                        let CardTarget { role, naf_fqdn } = target;
                        targets.push(Target { role, naf_fqdn, gba });
                    }
                    Err(problem) => tracing::warn!(%problem, "an enrolment target without a NAF name"),
                }
            }
            // Of a subscription without GBA, the MEF is none for bootstraps by GBA.
            if is_host && mefs.is_empty() && (services.gba_provisioning() || services.gba_connection()) {
                mefs = subscription.usable_mefs().cloned().collect();
            }
        }
        Self { targets, mefs }
    }

    /// All targets, in the order in which they are used.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The targets that GBA may serve.
    pub fn allowed(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| target.gba)
    }

    /// Where bootstraps go if the card says so, the preferred place first.
    #[must_use]
    pub fn mefs(&self) -> &[MefAddress] {
        &self.mefs
    }

    /// Refuses a key for a target of the card that no subscription lets GBA serve. About other NAFs the card says nothing.
    pub(super) fn permit(&self, naf: &Fqdn) -> Result<(), UeError> {
        let mut named = self.targets.iter().filter(|target| target.naf_fqdn == *naf).peekable();
        if named.peek().is_none() || named.any(|target| target.gba) {
            return Ok(());
        }
        Err(UeError::GbaServiceNotAvailable { naf_fqdn: naf.clone() })
    }
}
