//! The device side: a card, a bootstrap when one is needed, NAF keys from it.
//!
//! A valid Ks is reused, renewed before it expires, shared by concurrent callers, and good while the BSF is away. It is
//! bound to its card: another ICCID, or none, and it is gone.

mod address;
mod capability;
mod card;
mod digest_file;
mod enrolment;
mod error;
mod kept;
mod procedure;
mod push;
#[cfg(feature = "sim")]
pub mod sim;

pub use capability::{Capability, CardCapability, TargetCapability};
pub use card::{CardAccess, CardFacts};
pub use enrolment::{Enrolment, Target};
pub use error::{DeviceError, UeError, UeErrorKind};
pub use push::{PushError, Pushed, push_of_text};

use crate::config::{Config, UeBootstrap, UeConfig, UnconfirmedConfig};
use crate::credential::Credential;
use crate::metrics::Metrics;
use crate::reader::{ReaderError, Slot};
use address::BsfAddress;
use digest_file::DigestFile;
use kept::Kept;
use ksnaf_proto::aka::Rand;
use ksnaf_proto::gba::{BTid, GbaMode, GbaType, Ks, NafId, Tmpi, digest_mode, kdf};
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::onem2m::EnrolmentTarget;
use ksnaf_proto::ua::NafKey;
use ksnaf_proto::zpn::gpi::LabLayout;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Mutex, MutexGuard, Notify};

/// After a renewal that failed, the valid Ks serves this long before the next try.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// How long the BSF may take for a connection before it counts as out of reach.
const REACH_BOUND: Duration = Duration::from_secs(2);

/// A bootstrap that succeeded, as the device side keeps it.
#[derive(Debug, Clone)]
pub struct Run {
    /// Names it.
    pub b_tid: BTid,
    /// RAND of the run.
    pub rand: Rand,
    /// The subscriber.
    pub impi: Impi,
    /// Where Ks is.
    pub gba_mode: GbaMode,
    /// What authenticated it.
    pub gba_type: GbaType,
    /// What stands in RAND's place with GBA_Digest.
    nonce: Option<Vec<u8>>,
    /// When it began.
    pub created_at: SystemTime,
    /// When it ends.
    pub expires_at: SystemTime,
    /// The name to use on the next Ub, if both sides support it.
    pub tmpi: Option<Tmpi>,
    /// Ks, unless it is in the card, as GBA_U's is.
    ks: Option<Ks>,
    /// The card it belongs to.
    iccid: String,
}

impl Run {
    fn is_valid(&self, now: SystemTime) -> bool {
        now < self.expires_at
    }

    /// Whether it is time for another: `before` its end, or a quarter of its life before if that is short.
    fn is_due(&self, before: Duration, now: SystemTime) -> bool {
        let life = self.expires_at.duration_since(self.created_at).unwrap_or_default();
        now + before.min(life / 4) >= self.expires_at
    }
}

/// What authenticates the device.
enum Means {
    Card(Box<CardAccess>),
    Digest(DigestFile),
}

impl Means {
    fn card(&self) -> Result<&CardAccess, UeError> {
        match self {
            Self::Card(card) => Ok(card),
            Self::Digest(_) => Err(UeError::Reader(ReaderError::NoCard { readers: Vec::new() })),
        }
    }
}

/// One card, or one credential in its place, and what was bootstrapped with it.
pub struct Device {
    means: Means,
    bsf: BsfAddress,
    settings: UeConfig,
    unconfirmed: UnconfirmedConfig,
    layout: Option<LabLayout>,
    kept: Kept,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    /// Counts bootstraps, so that a caller who waited for one knows that it need not force another.
    bootstraps: AtomicU64,
    /// Rings when the bootstrap at hand is another one, or none.
    changes: Notify,
}

#[derive(Default)]
struct State {
    facts: Option<CardFacts>,
    run: Option<Run>,
    /// A bootstrap failed so late that the BSF may have replaced `run`: the next caller tries again at once.
    run_is_doubtful: bool,
    renewal_not_before: Option<Instant>,
}

impl Device {
    /// The device side that a configuration asks for; `None` where it names no card. `own_card` goes before the
    /// configuration's card; `own_ub` is this process's or the running service's Ub, where no BSF is configured.
    pub fn from_config(
        config: &Config,
        own_card: Option<Slot>,
        own_ub: Option<SocketAddr>,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<Self>, DeviceError> {
        let digest_file = config.ue.digest_file.as_deref();
        let digest_file = digest_file.filter(|_| config.ue.bootstrap == UeBootstrap::Digest);
        let means = match (digest_file, own_card, &config.card.selector) {
            (Some(path), ..) => Means::Digest(DigestFile::read(path, &config.unconfirmed)?),
            (None, Some(slot), _) => Means::Card(Box::new(CardAccess::of_slot(slot, config)?)),
            (None, None, Some(text)) => {
                let wrong = |error| DeviceError::Setting(format!("card {text:?}: {error}"));
                Means::Card(Box::new(CardAccess::from_config(text.parse().map_err(wrong)?, config)?))
            }
            (None, None, None) => return Ok(None),
        };
        let bsf = BsfAddress::from_config(config, own_ub)?;
        if config.ue.bootstrap != UeBootstrap::Aka && !bsf.is_tls() {
            let reason = "ue.bootstrap other than \"aka\" runs over TLS only: ue.bsf must be an https URL";
            return Err(DeviceError::Setting(reason.to_owned()));
        }
        let kept = Kept::open(&config.data_dir.join("ue"))
            .map_err(|source| DeviceError::Kept { path: config.data_dir.join("ue"), source })?;
        Ok(Some(Self {
            means,
            bsf,
            settings: config.ue.clone(),
            unconfirmed: config.unconfirmed.clone(),
            layout: config.zn.gpi_layout.map(LabLayout::from),
            kept,
            metrics: Arc::clone(metrics),
            state: Mutex::default(),
            bootstraps: AtomicU64::new(0),
            changes: Notify::new(),
        }))
    }

    /// What the card says of itself. Asks the card each time: it may have been changed.
    pub async fn card(&self) -> Result<CardFacts, UeError> {
        let mut state = self.state.lock().await;
        self.look(&mut state).await
    }

    /// Which bootstrap the device runs.
    #[must_use]
    pub const fn gba_type(&self) -> GbaType {
        match self.settings.bootstrap {
            UeBootstrap::Aka => GbaType::ThreeG,
            UeBootstrap::TwoG => GbaType::TwoG,
            UeBootstrap::Digest => GbaType::Digest,
        }
    }

    /// The name of the BSF that the device goes to.
    #[must_use]
    pub fn bsf_name(&self, facts: &CardFacts) -> Fqdn {
        self.bsf.name(facts)
    }

    /// A valid bootstrap: the one at hand, or a fresh one. Callers who come while one is under way share it, forced or
    /// not.
    pub async fn bootstrap(&self, force: bool) -> Result<Run, UeError> {
        self.fresh_run(force, None).await.map(|(run, _)| run)
    }

    /// The bootstrap at hand, without asking for one; none where it has ended or is about to be renewed.
    pub async fn run_at_hand(&self) -> Option<Run> {
        let state = self.state.lock().await;
        let now = SystemTime::now();
        let paused = state.renewal_not_before.is_some_and(|moment| Instant::now() < moment);
        let before = self.settings.renew_before.0;
        let doubtful = state.run_is_doubtful && !paused;
        state.run.clone().filter(|run| run.is_valid(now) && !doubtful && (paused || !run.is_due(before, now)))
    }

    /// The bootstrap at hand, without asking for one: its mode and its end.
    pub async fn association(&self) -> Option<(GbaMode, SystemTime)> {
        let state = self.state.lock().await;
        let now = SystemTime::now();
        state.run.as_ref().filter(|run| run.is_valid(now)).map(|run| (run.gba_mode, run.expires_at))
    }

    /// Whether the BSF takes a connection. Nothing is asked of it.
    pub async fn bsf_is_reachable(&self) -> bool {
        let facts = self.state.lock().await.facts.clone();
        for place in facts.and_then(|facts| self.bsf.places(&facts).ok()).unwrap_or_default() {
            if place.target.takes_a_connection(REACH_BOUND).await {
                return true;
            }
        }
        false
    }

    /// Returns when the card or the bootstrap at hand has become another one, or has gone. For one waiter.
    pub async fn changed(&self) {
        self.changes.notified().await;
    }

    /// `naf` is whom it is for, where that is known: the card may forbid it.
    async fn fresh_run(&self, force: bool, naf: Option<&Fqdn>) -> Result<(Run, CardFacts), UeError> {
        let seen = self.bootstraps.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let facts = self.look(&mut state).await?;
        naf.map_or(Ok(()), |naf| facts.enrolment.permit(naf))?;
        let now = SystemTime::now();
        let valid = state.run.clone().filter(|run| run.is_valid(now));
        let force = force && self.bootstraps.load(Ordering::Acquire) == seen;
        if let Some(run) = valid.filter(|_| !force) {
            let paused = state.renewal_not_before.is_some_and(|moment| Instant::now() < moment);
            let is_due = state.run_is_doubtful || run.is_due(self.settings.renew_before.0, now);
            if paused || !is_due {
                return Ok((run, facts));
            }
            let run = match self.run_bootstrap(&facts, &mut state).await {
                Ok(fresh) => fresh,
                Err(error) => {
                    tracing::warn!(%error, "renewal failed, the present Ks serves until it expires");
                    state.renewal_not_before = Some(Instant::now() + RENEWAL_PAUSE);
                    run
                }
            };
            return Ok((run, facts));
        }
        let run = self.run_bootstrap(&facts, &mut state).await?;
        Ok((run, facts))
    }

    /// The credential of one NAF.
    pub async fn credential(&self, naf_id: NafId) -> Result<Credential, UeError> {
        let naf = Some(&naf_id.fqdn);
        let (run, facts) = self.fresh_run(false, naf).await?;
        match self.derive(&run, &facts, &naf_id).await {
            // The card lost its Ks to another terminal's bootstrap: ours is worth nothing.
            Err(error) if error.means_no_ks() => {
                let (run, facts) = self.fresh_run(true, naf).await?;
                let key = self.derive(&run, &facts, &naf_id).await?;
                Ok(credential(run, naf_id, key))
            }
            Err(error) => Err(error),
            Ok(key) => Ok(credential(run, naf_id, key)),
        }
    }

    /// Keeps a bootstrap fresh until the future is dropped.
    pub async fn keep_fresh(&self) {
        loop {
            let due = {
                let state = self.state.lock().await;
                state
                    .run
                    .as_ref()
                    .map(|run| run.expires_at.duration_since(SystemTime::now()).unwrap_or_default())
            };
            // Only a Ks that somebody asked for is renewed: an idle device leaves the network alone.
            if due.is_some_and(|left| !left.is_zero()) {
                let _ = self.bootstrap(false).await;
            }
            tokio::time::sleep(RENEWAL_PAUSE).await;
        }
    }

    /// Forgets what belongs to a card as soon as the card is gone, until the future is dropped. Without PC/SC there is
    /// nothing to watch.
    #[cfg(feature = "pcsc")]
    pub async fn watch_card(&self) {
        if !self.means.card().is_ok_and(CardAccess::is_in_a_reader) {
            return;
        }
        let monitor = match crate::reader::pcsc::Monitor::start() {
            Ok(monitor) => monitor,
            Err(error) => return tracing::warn!(%error, "readers are not watched"),
        };
        let mut readers = monitor.subscribe();
        while readers.changed().await.is_ok() {
            let has_card = readers.borrow_and_update().readers.iter().any(|reader| reader.card.is_some());
            // Our own use of the card is a change too: only a missing card is worth a look.
            if !has_card {
                let mut state = self.state.lock().await;
                let _ = self.look(&mut state).await;
            }
        }
    }

    /// Without PC/SC there is nothing to watch.
    #[cfg(not(feature = "pcsc"))]
    pub async fn watch_card(&self) {}

    /// Lets the card end at the command that it is at.
    pub fn stop(&self) {
        if let Means::Card(card) = &self.means {
            card.stop();
        }
    }

    /// Gives the card back.
    pub fn close(&self) {
        if let Means::Card(card) = &self.means {
            card.close();
        }
    }

    async fn derive(&self, run: &Run, facts: &CardFacts, naf_id: &NafId) -> Result<NafKey, UeError> {
        match (&run.ks, &run.nonce) {
            (Some(ks), Some(nonce)) => Ok(NafKey::Me(digest_mode::ks_naf(ks, nonce, &run.impi, naf_id))),
            (Some(ks), None) => Ok(NafKey::Me(kdf::ks_naf(ks, &run.rand, &run.impi, naf_id))),
            (None, _) => self.means.card()?.naf_key(facts, run.rand, naf_id.clone()).await.map(NafKey::Ext),
        }
    }

    /// Reads the card; forgets what belongs to another one.
    async fn look(&self, state: &mut MutexGuard<'_, State>) -> Result<CardFacts, UeError> {
        let facts = match &self.means {
            Means::Card(card) => card.facts(state.facts.clone()).await,
            Means::Digest(file) => Ok(file.facts()),
        };
        let facts = match facts {
            Ok(facts) => facts,
            Err(error) => {
                if error.card_is_gone() {
                    if let Some(run) = state.run.take() {
                        tracing::info!("the card is gone, and its Ks with it");
                        self.kept.forget(&run.iccid);
                    }
                    if state.facts.take().is_some() {
                        self.changes.notify_one();
                    }
                }
                return Err(error);
            }
        };
        if state.run.as_ref().is_none_or(|run| run.iccid != facts.iccid) {
            // A run of another bootstrap with the same card was made under another configuration.
            state.run = self.kept.load(&facts.iccid).filter(|run| run.gba_type == self.gba_type());
            state.run_is_doubtful = false;
        }
        if state.facts.is_none() {
            self.changes.notify_one();
        }
        state.facts = Some(facts.clone());
        Ok(facts)
    }

    async fn run_bootstrap(
        &self,
        facts: &CardFacts,
        state: &mut MutexGuard<'_, State>,
    ) -> Result<Run, UeError> {
        let tmpi = state.run.as_ref().and_then(|run| run.tmpi.clone()).filter(|_| self.settings.tmpi);
        let bound = self.settings.timeout.0;
        let progress = procedure::Progress::default();
        let parties = procedure::Parties {
            means: &self.means,
            bsf: &self.bsf,
            settings: &self.settings,
            unconfirmed: &self.unconfirmed,
        };
        let procedure = parties.bootstrap(facts, tmpi, &progress);
        let outcome = match tokio::time::timeout(bound, procedure).await {
            Ok(outcome) => outcome,
            Err(_) => Err(UeError::TimedOut { seconds: bound.as_secs() }),
        };
        match outcome {
            Ok(run) => {
                self.metrics.count_ue_bootstrap("established");
                self.bootstraps.fetch_add(1, Ordering::AcqRel);
                self.kept.store(&run);
                state.run = Some(run.clone());
                state.run_is_doubtful = false;
                state.renewal_not_before = None;
                self.changes.notify_one();
                tracing::info!(mode = %run.gba_mode, gba_type = %run.gba_type, "bootstrapped with the card");
                Ok(run)
            }
            Err(error) => {
                self.metrics.count_ue_bootstrap(match error.kind() {
                    UeErrorKind::Card => "card",
                    UeErrorKind::Refused => "refused",
                    UeErrorKind::Unreachable => "unreachable",
                    UeErrorKind::Protocol | UeErrorKind::NotAllowed => "protocol",
                });
                if progress.answered() {
                    self.doubt(state, progress.card_has_new_ks());
                }
                Err(error)
            }
        }
    }

    /// After a bootstrap that failed late: the former one is gone from the card, or may be from the BSF. In doubt it
    /// still serves while no other can be had, but not after a restart.
    fn doubt(&self, state: &mut MutexGuard<'_, State>, gone: bool) {
        if let Some(run) = &state.run {
            self.kept.forget(&run.iccid);
        }
        if gone {
            state.run = None;
        }
        state.run_is_doubtful = !gone;
    }
}

fn credential(run: Run, naf_id: NafId, key: NafKey) -> Credential {
    Credential {
        b_tid: run.b_tid,
        naf_id,
        key,
        key_int: None,
        gba_mode: run.gba_mode,
        gba_type: run.gba_type,
        expires_at: run.expires_at,
        target: EnrolmentTarget::default(),
    }
}
