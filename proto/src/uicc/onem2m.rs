//! M2M service subscriptions on a card: DF_1M2M below its USIM or ISIM (TS-0003 annexes D.1 and D.2.2).
//!
//! EF_DIR says which directories there are, EF_1M2MST which files in one may be used: a file whose service is not
//! available is not read, whatever stands in it.

use super::card_identity::Problems;
use super::ef::EfError;
use super::ef::{
    Application, EfContent as _, M2mFrameworks, M2mId, M2mIdRecord, M2mServiceTable, MefAddress, m2mst,
};
use super::file::known::EF_DIR;
use super::file::known::onem2m::{
    EF_1M2MSID, EF_1M2MSPID, EF_1M2MST, EF_CSEID, EF_INCSEIDS, EF_M2MAEID, EF_M2MNID, EF_MAFFQDN, EF_MEFID,
    df_1m2m,
};
use super::file::{Aid, ApplicationKind, FileId};
use super::session::{Uicc, UiccError};
use crate::identity::Fqdn;

/// More subscriptions than any card has; a card that lists others is not read further.
const MOST: usize = 8;

/// What a card tells of its M2M service subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct M2mSubscriptions {
    /// In the order of EF_DIR.
    pub list: Vec<M2mSubscription>,
    /// What the card refused, and files with wrong content.
    pub problems: Vec<UiccError>,
}

/// One subscription: one DF_1M2M. What its service table does not offer is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct M2mSubscription {
    /// The application that hosts it, whose credentials alone may serve its GBA services.
    pub host: Aid,
    /// DF_1M2M.
    pub df: FileId,
    /// EF_1M2MST; empty where there is none.
    pub services: M2mServiceTable,
    /// EF_1M2MSID: M2M-Sub-ID.
    pub subscription_id: Option<M2mId>,
    /// EF_1M2MSPID: M2M-SP-ID.
    pub provider_id: Option<M2mId>,
    /// EF_M2MNID: M2M-Node-ID.
    pub node_id: Option<M2mId>,
    /// EF_CSEID: the CSE on the node.
    pub cse_id: Option<M2mId>,
    /// EF_M2MAEID: AEs on the node.
    pub ae_ids: Vec<M2mIdRecord>,
    /// EF_MEFID, the preferred one first.
    pub mefs: Vec<MefAddress>,
    /// EF_INCSEIDS.
    pub in_cse_ids: Vec<M2mIdRecord>,
    /// EF_MAFFQDN.
    pub maf: Option<Fqdn>,
}

impl M2mSubscription {
    /// The MEFs to go to, in the order of EF_MEFID; types that nobody has defined are no places to go to.
    pub fn usable_mefs(&self) -> impl Iterator<Item = &MefAddress> {
        self.mefs.iter().filter(|mef| !matches!(mef, MefAddress::Other { .. }))
    }
}

impl Uicc<'_> {
    /// Reads the M2M service subscriptions that these records of EF_DIR tell of. As with [`Uicc::identity`], a missing or
    /// wrong file is no error.
    pub fn m2m_subscriptions(&mut self, applications: &[Application]) -> Result<M2mSubscriptions, UiccError> {
        let mut problems = Problems::default();
        let mut list = Vec::new();
        for application in applications {
            if !matches!(application.aid.kind(), ApplicationKind::Usim | ApplicationKind::Isim) {
                continue;
            }
            let frameworks = match M2mFrameworks::decode(&application.discretionary) {
                Ok(frameworks) => frameworks,
                Err(EfError::Blank) => continue,
                Err(cause) => {
                    problems.add(UiccError::Content { file: EF_DIR, cause });
                    continue;
                }
            };
            for framework in frameworks.list().iter().take(MOST.saturating_sub(list.len())) {
                let found = self.m2m_subscription(&application.aid, framework.df, &mut problems);
                // The directory is the current one, no longer the application.
                let _ = self.channel();
                list.extend(found?);
            }
        }
        Ok(M2mSubscriptions { list, problems: problems.into_list() })
    }

    fn m2m_subscription(
        &mut self,
        host: &Aid,
        df: FileId,
        problems: &mut Problems,
    ) -> Result<Option<M2mSubscription>, UiccError> {
        let selected = self.select_application(host).map(Some);
        if problems.note(selected)?.is_none() {
            return Ok(None);
        }
        // The application stays known while its directory is read: a refusal may mean its PIN.
        let entered = self.application_channel().select(df_1m2m(df)).map(Some).map_err(UiccError::from);
        if problems.note(entered)?.is_none() {
            return Ok(None);
        }
        let services: M2mServiceTable = problems.note(self.read(EF_1M2MST))?.unwrap_or_default();
        let has = |service| services.has(service);
        let mut found = M2mSubscription {
            host: host.clone(),
            df,
            subscription_id: problems.note(self.read(EF_1M2MSID))?,
            provider_id: problems.note(self.read(EF_1M2MSPID))?,
            node_id: None,
            cse_id: None,
            ae_ids: Vec::new(),
            mefs: Vec::new(),
            in_cse_ids: Vec::new(),
            maf: None,
            services: services.clone(),
        };
        if has(m2mst::NODE_ID) {
            found.node_id = problems.note(self.read(EF_M2MNID))?;
        }
        if has(m2mst::LOCAL_CSE_ID) {
            found.cse_id = problems.note(self.read(EF_CSEID))?;
        }
        if has(m2mst::AE_IDS) {
            found.ae_ids = problems.records(EF_M2MAEID, self.read_all(EF_M2MAEID))?;
        }
        if has(m2mst::MEF_ADDRESS) {
            found.mefs = problems.records(EF_MEFID, self.read_all(EF_MEFID))?;
        }
        if has(m2mst::IN_CSE_IDS) {
            found.in_cse_ids = problems.records(EF_INCSEIDS, self.read_all(EF_INCSEIDS))?;
        }
        if has(m2mst::MAF_FQDN) {
            found.maf = problems.note(self.read(EF_MAFFQDN))?;
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests;
