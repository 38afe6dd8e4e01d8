//! Who a card is: its number, its applications, and the subscriber that each of them knows.

use super::ef::{
    AdministrativeData, Application, EfContent, EfError, Iccid, Impu, Records, ServiceTable, ist, ust,
};
use super::file::known::{EF_ICCID, isim, usim};
use super::file::{Aid, ApplicationKind, File};
use super::session::{Uicc, UiccError};
use crate::gba::GbaMode;
use crate::identity::{Fqdn, Impi, Imsi, MncLength};

/// What a card tells of itself. What it does not tell, or tells wrongly, is absent; [`CardIdentity::problems`] says
/// why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardIdentity {
    /// The card's number.
    pub iccid: Option<Iccid>,
    /// All applications, in the order of EF_DIR.
    pub applications: Vec<Application>,
    /// The first USIM, if it names a subscriber.
    pub usim: Option<UsimIdentity>,
    /// The first ISIM, if it could be selected.
    pub isim: Option<IsimIdentity>,
    /// What the card refused, and files with wrong content. Files that a card need not have are none.
    pub problems: Vec<UiccError>,
}

/// The subscriber of a USIM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsimIdentity {
    /// By which it is selected.
    pub aid: Aid,
    /// EF_IMSI.
    pub imsi: Imsi,
    /// EF_AD; by the numbering plan where EF_AD does not say.
    pub mnc_length: MncLength,
    /// EF_UST.
    pub ust: Option<ServiceTable>,
}

/// The subscriber of an ISIM. All of it may be absent: factory cards have an ISIM with nothing in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsimIdentity {
    /// By which it is selected.
    pub aid: Aid,
    /// EF_IMPI.
    pub impi: Option<Impi>,
    /// EF_DOMAIN.
    pub domain: Option<Fqdn>,
    /// EF_IMPU.
    pub impus: Vec<Impu>,
    /// EF_IST.
    pub ist: Option<ServiceTable>,
}

/// Which application a bootstrap uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApplicationPreference {
    /// The ISIM where there is one with an IMPI, else the USIM (TS 33.220 clause 4.4, for a Ua application without a
    /// wish of its own).
    #[default]
    IsimFirst,
    /// The ISIM or none.
    Isim,
    /// The USIM or none.
    Usim,
}

/// The application that a bootstrap uses, with the names that follow from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GbaApplication {
    /// By which it is selected.
    pub aid: Aid,
    /// USIM or ISIM.
    pub kind: ApplicationKind,
    /// The subscriber: from EF_IMPI, or derived from the IMSI. NAF keys are derived for it.
    pub impi: Impi,
    /// The subscriber's BSF (TS 23.003 clause 16.2). Operators deviate: a configured name goes before it.
    pub bsf: Fqdn,
    /// What the service table offers: GBA_U with service 68 of EF_UST or 2 of EF_IST, else GBA_ME.
    pub support: GbaMode,
}

impl GbaApplication {
    /// The bootstrap that the card holds.
    #[must_use]
    pub const fn ef_gbabp(&self) -> File {
        match self.kind {
            ApplicationKind::Isim => isim::EF_GBABP,
            _ => usim::EF_GBABP,
        }
    }

    /// The NAF keys that the card holds.
    #[must_use]
    pub const fn ef_gbanl(&self) -> File {
        match self.kind {
            ApplicationKind::Isim => isim::EF_GBANL,
            _ => usim::EF_GBANL,
        }
    }

    /// The NAF key centres that the card knows.
    #[must_use]
    pub const fn ef_nafkca(&self) -> File {
        match self.kind {
            ApplicationKind::Isim => isim::EF_NAFKCA,
            _ => usim::EF_NAFKCA,
        }
    }
}

impl UsimIdentity {
    /// This application as a bootstrap uses it.
    #[must_use]
    pub fn gba_application(&self) -> GbaApplication {
        GbaApplication {
            aid: self.aid.clone(),
            kind: ApplicationKind::Usim,
            impi: Impi::from_imsi(&self.imsi, self.mnc_length),
            bsf: Fqdn::bsf_for_usim(&self.imsi, self.mnc_length),
            support: support(self.ust.as_ref(), ust::GBA),
        }
    }
}

impl IsimIdentity {
    /// This application as a bootstrap uses it. `None` without an IMPI, or with one that names no BSF.
    #[must_use]
    pub fn gba_application(&self) -> Option<GbaApplication> {
        let impi = self.impi.clone()?;
        Some(GbaApplication {
            aid: self.aid.clone(),
            kind: ApplicationKind::Isim,
            bsf: Fqdn::bsf_for_isim(&impi).ok()?,
            impi,
            support: support(self.ist.as_ref(), ist::GBA),
        })
    }
}

impl CardIdentity {
    /// The application that a bootstrap uses. Where there is none, the error names the PIN that hides it, if one does.
    pub fn gba_application(&self, preference: ApplicationPreference) -> Result<GbaApplication, UiccError> {
        let isim = || self.isim.as_ref().and_then(IsimIdentity::gba_application);
        let usim = || self.usim.as_ref().map(UsimIdentity::gba_application);
        let application = match preference {
            ApplicationPreference::IsimFirst => isim().or_else(usim),
            ApplicationPreference::Isim => isim(),
            ApplicationPreference::Usim => usim(),
        };
        application.ok_or_else(|| {
            let hidden = self.problems.iter().find(|problem| matches!(problem, UiccError::PinNeeded { .. }));
            hidden.copied().unwrap_or(UiccError::NoSubscriber)
        })
    }

    /// The subscriber's IMPI, of the application that is preferred by default.
    #[must_use]
    pub fn impi(&self) -> Option<Impi> {
        self.gba_application(ApplicationPreference::default()).ok().map(|application| application.impi)
    }

    /// The subscriber's BSF, of the application that is preferred by default.
    #[must_use]
    pub fn bsf_fqdn(&self) -> Option<Fqdn> {
        self.gba_application(ApplicationPreference::default()).ok().map(|application| application.bsf)
    }

    /// What the application that is preferred by default offers by its service table.
    #[must_use]
    pub fn gba_support(&self) -> Option<GbaMode> {
        self.gba_application(ApplicationPreference::default()).ok().map(|application| application.support)
    }
}

impl Uicc<'_> {
    /// The card's number alone; `None` of a card that does not tell it.
    pub fn iccid(&mut self) -> Result<Option<Iccid>, UiccError> {
        self.read_below_mf(EF_ICCID)
    }

    /// Reads who the card is. A missing or wrong file is no error, nor is a PIN that nobody gave: what it hides is
    /// absent. A PIN that was given and not taken is one.
    pub fn identity(&mut self) -> Result<CardIdentity, UiccError> {
        let mut problems = Problems::default();
        let iccid = problems.note(self.read_below_mf(EF_ICCID))?;
        let applications = self.applications()?;
        let first =
            |kind| applications.iter().map(|application| &application.aid).find(|aid| aid.kind() == kind);
        let usim =
            first(ApplicationKind::Usim).map(|aid| self.usim_identity(aid, &mut problems)).transpose()?;
        let isim =
            first(ApplicationKind::Isim).map(|aid| self.isim_identity(aid, &mut problems)).transpose()?;
        Ok(CardIdentity {
            iccid,
            usim: usim.flatten(),
            isim: isim.flatten(),
            applications,
            problems: problems.into_list(),
        })
    }

    fn usim_identity(
        &mut self,
        aid: &Aid,
        problems: &mut Problems,
    ) -> Result<Option<UsimIdentity>, UiccError> {
        let selected = self.select_application(aid).map(Some);
        if problems.note(selected)?.is_none() {
            return Ok(None);
        }
        let Some(imsi) = problems.note(self.read::<Imsi>(usim::EF_IMSI))? else { return Ok(None) };
        let administrative = problems.note(self.read::<AdministrativeData>(usim::EF_AD))?;
        let mnc_length = administrative.and_then(|ad| ad.mnc_length);
        Ok(Some(UsimIdentity {
            aid: aid.clone(),
            mnc_length: mnc_length.unwrap_or_else(|| MncLength::by_mcc(imsi.mcc())),
            imsi,
            ust: problems.note(self.read(usim::EF_UST))?,
        }))
    }

    fn isim_identity(
        &mut self,
        aid: &Aid,
        problems: &mut Problems,
    ) -> Result<Option<IsimIdentity>, UiccError> {
        let selected = self.select_application(aid).map(Some);
        if problems.note(selected)?.is_none() {
            return Ok(None);
        }
        let impi = problems.note(self.read(isim::EF_IMPI))?;
        let domain = problems.note(self.read(isim::EF_DOMAIN))?;
        let impus = problems.records(isim::EF_IMPU, self.read_all(isim::EF_IMPU))?;
        let ist = problems.note(self.read(isim::EF_IST))?;
        Ok(Some(IsimIdentity { aid: aid.clone(), impi, domain, impus, ist }))
    }
}

/// What is wrong with a card without standing in the way.
#[derive(Default)]
pub(super) struct Problems(Vec<UiccError>);

impl Problems {
    pub(super) fn into_list(self) -> Vec<UiccError> {
        self.0
    }

    /// What was read; an error that does not end the card's use is a problem and no more.
    pub(super) fn note<T>(&mut self, result: Result<Option<T>, UiccError>) -> Result<Option<T>, UiccError> {
        match result {
            Err(error) if !error.is_final() => {
                self.add(error);
                Ok(None)
            }
            other => other,
        }
    }

    /// The records that can be read.
    pub(super) fn records<T: EfContent>(
        &mut self,
        file: File,
        records: Result<Records<T>, UiccError>,
    ) -> Result<Vec<T>, UiccError> {
        let records = self.note(records.map(Some))?.unwrap_or_default();
        Ok(records.into_iter().filter_map(|(_, content)| self.keep(file, content)).collect())
    }

    pub(super) fn add(&mut self, problem: UiccError) {
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    fn keep<T: EfContent>(&mut self, file: File, content: Result<T, EfError>) -> Option<T> {
        content.map_err(|cause| self.add(UiccError::Content { file, cause })).ok()
    }
}

fn support(table: Option<&ServiceTable>, service: u16) -> GbaMode {
    if table.is_some_and(|table| table.has(service)) { GbaMode::U } else { GbaMode::Me }
}
