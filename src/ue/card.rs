//! The card behind a device: each question is one job in its thread, from opening the card to giving it back.

use super::{DeviceError, Enrolment, UeError};
use crate::config::{Config, UeApplication, UeBootstrap, UeMode};
use crate::reader::{self, CardSelector, Choice, ReaderError, Slot, SlotOptions};
use ksnaf_proto::aka::{Autn, Auts, Rand, Res};
use ksnaf_proto::gba::{BTid, GbaMode, Ks, KsExtNaf, NafId, kdf};
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::uicc::authenticate::GsmOutcome;
use ksnaf_proto::uicc::card_identity::{ApplicationPreference, CardIdentity, GbaApplication};
use ksnaf_proto::uicc::file::ApplicationKind;
use ksnaf_proto::uicc::gba::{Bootstrap, GbaError, GbaPolicy};
use ksnaf_proto::uicc::onem2m::M2mSubscriptions;
use ksnaf_proto::uicc::pin::Pin;
use ksnaf_proto::uicc::session::{Uicc, UiccError, Unlock};
use ksnaf_proto::uicc::{Card, CardError};
use ksnaf_proto::zn::MeKey;
use ksnaf_proto::zpn::gpi::UnverifiedGpi;
use std::path::Path;
#[cfg(feature = "sim")]
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// Looking through several cards for one takes as long as the slowest of them.
const SEARCH_BOUND: Duration = Duration::from_secs(10);

/// How long giving the card back may take at the end of a process.
const CLOSE_BOUND: Duration = Duration::from_millis(300);

/// What a card says of itself, as far as a bootstrap needs it.
#[derive(Debug, Clone)]
pub struct CardFacts {
    /// Its number; of a card that tells none, its IMPI.
    pub iccid: String,
    /// The subscriber.
    pub impi: Impi,
    /// The BSF that the subscriber's identity implies.
    pub bsf: Fqdn,
    /// What it says about oneM2M.
    pub enrolment: Enrolment,
    /// Of a card.
    application: Option<GbaApplication>,
    applications: Vec<&'static str>,
}

impl CardFacts {
    /// A device without a card is known by its IMPI.
    pub(super) fn without_card(impi: Impi, bsf: Fqdn) -> Self {
        let iccid = format!("digest {}", impi.as_str());
        Self {
            iccid,
            impi,
            bsf,
            enrolment: Enrolment::default(),
            application: None,
            applications: Vec::new(),
        }
    }

    fn application(&self) -> Result<GbaApplication, UeError> {
        self.application.clone().ok_or(UeError::Reader(ReaderError::NoCard { readers: Vec::new() }))
    }

    /// `USIM`, `ISIM`.
    #[must_use]
    pub fn applications(&self) -> Vec<&'static str> {
        self.applications.clone()
    }

    /// Whether the service table of the application in use has GBA.
    #[must_use]
    pub fn gba_service(&self) -> bool {
        self.application.as_ref().is_some_and(|application| application.support == GbaMode::U)
    }
}

/// What AUTHENTICATE came to.
pub(super) enum Authenticated {
    /// AUTN was good. Ks is here for GBA_ME, in the card for GBA_U.
    Accepted { res: Res, ks: Option<Ks> },
    /// The sequence number was not fresh.
    SyncFailure(Auts),
}

/// What a push came to in the card.
pub(super) enum PushedKey {
    /// AUTN was good, and this is the NAF's key.
    Derived(MeKey),
    /// The sequence number was not fresh.
    SyncFailure(Auts),
}

/// The card's thread, and how to open the card. The card need not be there from the start: it is looked for when it is
/// first needed, and again after it went away.
pub struct CardAccess {
    /// How it is found; nothing for a card that the caller brought.
    selector: Option<CardSelector>,
    #[cfg(feature = "sim")]
    sim_file: PathBuf,
    slot: Mutex<Option<Slot>>,
    bound: Duration,
    pin: Option<Pin>,
    preference: ApplicationPreference,
}

/// The first line of a PIN file.
fn read_pin(path: &Path) -> Result<Pin, DeviceError> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| DeviceError::Setting(format!("card.pin_file {}: {error}", path.display())))?;
    Pin::parse(text.lines().next().unwrap_or_default().trim()).ok_or_else(|| {
        DeviceError::Setting(format!("card.pin_file {}: a PIN has 4 to 8 digits", path.display()))
    })
}

impl CardAccess {
    /// The card that a configuration names.
    pub fn from_config(selector: CardSelector, config: &Config) -> Result<Self, DeviceError> {
        let pin = config.card.pin_file.as_deref().map(read_pin).transpose()?;
        if cfg!(not(feature = "sim")) && selector == CardSelector::Sim {
            let missing = "this build has no simulated card (Cargo feature `sim`)";
            return Err(DeviceError::Setting(missing.to_owned()));
        }
        Ok(Self::assemble(Some(selector), None, pin, config))
    }

    /// A card whose thread the caller has started.
    pub fn of_slot(slot: Slot, config: &Config) -> Result<Self, DeviceError> {
        let pin = config.card.pin_file.as_deref().map(read_pin).transpose()?;
        Ok(Self::assemble(None, Some(slot), pin, config))
    }

    fn assemble(
        selector: Option<CardSelector>,
        slot: Option<Slot>,
        pin: Option<Pin>,
        config: &Config,
    ) -> Self {
        let preference = match config.ue.application {
            // The GSM context is the USIM's alone, and 2G GBA's IMPI is made of the IMSI (TS 24.109 clause H.2).
            _ if config.ue.bootstrap == UeBootstrap::TwoG => ApplicationPreference::Usim,
            UeApplication::Auto => ApplicationPreference::IsimFirst,
            UeApplication::Usim => ApplicationPreference::Usim,
            UeApplication::Isim => ApplicationPreference::Isim,
        };
        Self {
            selector,
            #[cfg(feature = "sim")]
            sim_file: super::sim::card_file(&config.data_dir),
            slot: Mutex::new(slot),
            bound: config.ue.card_timeout.0,
            pin,
            preference,
        }
    }

    /// Whether the card is one of PC/SC's.
    #[cfg(feature = "pcsc")]
    pub(super) const fn is_in_a_reader(&self) -> bool {
        matches!(self.selector, Some(CardSelector::Pcsc(_)))
    }

    /// Lets the card end at the command that it is at, and takes no more work for it.
    pub fn stop(&self) {
        // A search that still runs has no card yet.
        if let Some(slot) = self.slot.try_lock().ok().as_deref().and_then(Option::as_ref) {
            slot.stop();
        }
    }

    /// Gives the card back.
    pub fn close(&self) {
        // A search that still runs has no card yet.
        if let Some(slot) = self.slot.try_lock().ok().and_then(|mut slot| slot.take()) {
            slot.close(CLOSE_BOUND);
        }
    }

    /// The card's facts. Of a card whose number is that of `known`, nothing else is read again.
    pub(super) async fn facts(&self, known: Option<CardFacts>) -> Result<CardFacts, UeError> {
        let preference = self.preference;
        self.job(move |uicc| {
            if let Some(known) = known.filter(|known| number(uicc).is_ok_and(|iccid| iccid == known.iccid)) {
                return Ok(known);
            }
            let identity = uicc.identity()?;
            let subscriptions = uicc.m2m_subscriptions(&identity.applications)?;
            Ok(facts_of(&identity, &subscriptions, preference)?)
        })
        .await
    }

    /// Runs AKA on the card.
    pub(super) async fn authenticate(
        &self,
        facts: &CardFacts,
        mode: UeMode,
        rand: Rand,
        autn: Autn,
    ) -> Result<Authenticated, UeError> {
        let (application, policy) = (facts.application()?, policy(mode));
        let bootstrap =
            self.job(move |uicc| uicc.gba_run(application, policy)?.authenticate(&rand, &autn)).await?;
        Ok(match bootstrap {
            Bootstrap::Me { res, ks } => Authenticated::Accepted { res, ks: Some(ks) },
            Bootstrap::U { res } => Authenticated::Accepted { res, ks: None },
            Bootstrap::SyncFailure { auts, .. } => Authenticated::SyncFailure(auts),
        })
    }

    /// Runs A3 and A8 on the card.
    pub(super) async fn authenticate_gsm(
        &self,
        facts: &CardFacts,
        rand: Rand,
    ) -> Result<GsmOutcome, UeError> {
        let application = facts.application()?;
        self.job(move |uicc| uicc.gba_run(application, GbaPolicy::MeOnly)?.authenticate_gsm(&rand)).await
    }

    /// Tells the card what its Ks is called.
    pub(super) async fn store_b_tid(
        &self,
        facts: &CardFacts,
        rand: Rand,
        b_tid: BTid,
        expires: SystemTime,
    ) -> Result<(), UeError> {
        let application = facts.application()?;
        self.job(move |uicc| uicc.gba_run(application, GbaPolicy::UOnly)?.store_b_tid(&rand, &b_tid, expires))
            .await
    }

    /// Ks_ext_NAF of this run, derived in the card. A card that holds another run's Ks would derive from that one.
    pub(super) async fn naf_key(
        &self,
        facts: &CardFacts,
        rand: Rand,
        naf_id: NafId,
    ) -> Result<KsExtNaf, UeError> {
        let application = facts.application()?;
        self.job(move |uicc| {
            let file = application.ef_gbabp();
            let mut run = uicc.gba_run(application, GbaPolicy::UOnly)?;
            let held = run.stored_bootstrap()?.ok_or(GbaError::NoKs)?;
            if held.rand() != Some(rand) {
                return Err(GbaError::AnotherBootstrap(file));
            }
            run.naf_key_u(&naf_id)
        })
        .await
    }

    /// Runs AKA for a push, and derives its NAF's key. `replaced` becomes true as soon as the card has another Ks in
    /// place of the one before.
    pub(super) async fn push(
        &self,
        gpi: UnverifiedGpi,
        replaced: Arc<AtomicBool>,
    ) -> Result<PushedKey, UeError> {
        let preference = match gpi.uicc_app_label() {
            label if label.eq_ignore_ascii_case(ApplicationKind::Usim.as_str()) => {
                ApplicationPreference::Usim
            }
            label if label.eq_ignore_ascii_case(ApplicationKind::Isim.as_str()) => {
                ApplicationPreference::Isim
            }
            _ => self.preference,
        };
        self.job(move |uicc| {
            let application = uicc.identity()?.gba_application(preference)?;
            let impi = application.impi.clone();
            let (mode, rand, autn) = gpi.challenge();
            let policy = match mode {
                GbaMode::Me => GbaPolicy::MeOnly,
                GbaMode::U => GbaPolicy::UOnly,
            };
            let mut run = uicc.gba_run(application, policy)?;
            Ok(match run.authenticate(&rand, &autn)? {
                Bootstrap::SyncFailure { auts, .. } => PushedKey::SyncFailure(auts),
                Bootstrap::Me { ks, .. } => {
                    let key = kdf::ks_naf(&ks, &rand, &impi, gpi.naf_id());
                    PushedKey::Derived(MeKey::new(*key.danger_expose()))
                }
                Bootstrap::U { .. } => {
                    replaced.store(true, Ordering::Relaxed);
                    let (p_tid, expires_at) = gpi.association();
                    run.store_p_tid(&rand, p_tid.as_str(), expires_at)?;
                    let key = run.naf_key_u(gpi.naf_id())?;
                    PushedKey::Derived(MeKey::new(*key.danger_expose()))
                }
            })
        })
        .await
    }

    /// Opens the card, does one piece of work on it, gives it back.
    pub async fn job<T, F>(&self, work: F) -> Result<T, UeError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Uicc<'_>) -> Result<T, GbaError> + Send + 'static,
    {
        let unlock = Unlock { pin: self.pin.clone(), ..Unlock::default() };
        let slot = self.slot().await?;
        let done = slot.with_card(self.bound, move |card| {
            let mut uicc = Uicc::open(card, unlock)?;
            let result = work(&mut uicc);
            // A channel that does not close is the card's trouble, not that of what was done on it.
            let _ = uicc.close();
            result
        });
        let done = done.await.map_err(UeError::from).and_then(|done| done.map_err(UeError::from));
        if self.selector.is_some() && done.as_ref().is_err_and(UeError::card_is_gone) {
            // It may come back in another reader.
            self.slot.lock().await.take();
        }
        done
    }

    /// The card's thread; finds the card where there is none.
    async fn slot(&self) -> Result<Slot, ReaderError> {
        let mut slot = self.slot.lock().await;
        match slot.as_ref() {
            Some(slot) => Ok(slot.clone()),
            None => Ok(slot.insert(self.find().await?).clone()),
        }
    }

    async fn find(&self) -> Result<Slot, ReaderError> {
        match &self.selector {
            #[cfg(feature = "sim")]
            Some(CardSelector::Sim) => {
                let source = super::sim::SimSource::new(self.sim_file.clone());
                Slot::start(&self.sim_file.display().to_string(), source, &SlotOptions::default(), None)
            }
            #[cfg(not(feature = "sim"))]
            Some(CardSelector::Sim) => Err(ReaderError::NotBuilt),
            Some(CardSelector::Pcsc(choice)) => find(choice.clone(), self.pin.clone()).await,
            None => Err(ReaderError::NoCard { readers: Vec::new() }),
        }
    }
}

/// Finds a card in a PC/SC reader, off the async threads: PC/SC blocks.
async fn find(choice: Choice, pin: Option<Pin>) -> Result<Slot, ReaderError> {
    let found = tokio::task::spawn_blocking(move || {
        let wanted = choice.clone();
        reader::open(&choice, &SlotOptions::default(), SEARCH_BOUND, move |card| {
            is_wanted(card, &wanted, pin.as_ref())
        })
    });
    found.await.unwrap_or_else(|_| Err(ReaderError::Panicked { reader: "pcsc".to_owned() }))
}

/// Whether a card is the one that was asked for by a number it holds.
fn is_wanted(card: &mut dyn Card, wanted: &Choice, pin: Option<&Pin>) -> Result<bool, UiccError> {
    let mut uicc = Uicc::open(card, Unlock { pin: pin.cloned(), ..Unlock::default() })?;
    match wanted {
        Choice::Only | Choice::Reader(_) => Ok(true),
        Choice::Iccid(iccid) => number(&mut uicc).map(|found| found == iccid.as_str()),
        Choice::Imsi(imsi) => {
            let identity = uicc.identity()?;
            let usim = identity.usim.as_ref().ok_or(UiccError::NoSubscriber)?;
            Ok(usim.imsi == *imsi)
        }
    }
}

/// The card's number alone, for a quick look.
fn number(uicc: &mut Uicc<'_>) -> Result<String, UiccError> {
    let iccid = uicc.iccid()?;
    Ok(iccid.map_or_else(String::new, |iccid| iccid.as_str().to_owned()))
}

const fn policy(mode: UeMode) -> GbaPolicy {
    match mode {
        UeMode::Auto => GbaPolicy::Auto,
        UeMode::Me => GbaPolicy::MeOnly,
        UeMode::U => GbaPolicy::UOnly,
    }
}

fn facts_of(
    identity: &CardIdentity,
    subscriptions: &M2mSubscriptions,
    preference: ApplicationPreference,
) -> Result<CardFacts, UiccError> {
    let application = identity.gba_application(preference)?;
    let kinds = identity.applications.iter().map(|application| application.aid.kind());
    let applications = kinds
        .filter(|kind| matches!(kind, ApplicationKind::Usim | ApplicationKind::Isim))
        .map(|kind| kind.as_str());
    let number = identity.iccid.as_ref().map(|iccid| iccid.as_str().to_owned());
    Ok(CardFacts {
        iccid: number.unwrap_or_else(|| application.impi.as_str().to_owned()),
        impi: application.impi.clone(),
        bsf: application.bsf.clone(),
        enrolment: Enrolment::new(subscriptions, &application.aid),
        applications: applications.collect(),
        application: Some(application),
    })
}

/// Whether a card's error means that there is no card.
pub(super) const fn is_gone(error: CardError) -> bool {
    matches!(error, CardError::NoCard | CardError::Removed)
}
