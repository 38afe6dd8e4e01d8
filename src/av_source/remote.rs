//! What all sources share whose vectors come from another machine: turns, the time an answer may take, what is kept of
//! answers, where settings come from, and what a failure is called on Ub, in the log and in the metrics.

use super::failure::Failure;
use super::kept::{KeptSettings, KeptVectors, SettingsCache};
use super::public_identity::by_impu;
use super::turns::Turns;
use super::{AuthenticationVectorSource, DigestFuture, GussFuture, ImpiFuture, VectorFuture};
use crate::config::ZhConfig;
use crate::metrics::Metrics;
use crate::store::{Store, Subscriber};
use ksnaf_proto::aka::AuthVector;
use ksnaf_proto::gba::guss::Namespace;
use ksnaf_proto::identity::{Impi, Impu};
use ksnaf_proto::zh::{CardAka, DigestAnswer, HssAnswer, Settings, VectorAnswer, VectorError, VectorRequest};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Vectors too old to be used are looked for so often.
const SWEEP: Duration = Duration::from_secs(60);

/// One protocol towards an HSS. The caller bounds the time, and asks for one subscriber once at a time.
pub(super) trait Hss: Send + Sync + 'static {
    /// As in `zh.source`.
    const NAME: &'static str;
    /// Whether the HSS knows the settings; else the local subscriber's count.
    const TELLS_SETTINGS: bool;

    /// Asks for vectors, and for the settings unless those kept will do.
    fn ask(
        &self,
        request: &VectorRequest,
        kept: Option<&KeptSettings>,
    ) -> impl Future<Output = Result<HssAnswer, Failure>> + Send;

    /// Asks for the settings alone. Only where [`Self::TELLS_SETTINGS`].
    fn settings(&self, impi: &Impi) -> impl Future<Output = Result<Settings, Failure>> + Send;

    /// Asks for the digest credential, and for the settings unless those kept will do. Most protocols carry none.
    fn digest(
        &self,
        _impi: &Impi,
        _kept: Option<&KeptSettings>,
    ) -> impl Future<Output = Result<HssAnswer, Failure>> + Send {
        std::future::ready(Err(Failure::NoDigest))
    }

    /// Takes leave, where the protocol has a way to.
    fn close(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// See the module.
pub(super) struct Remote<H> {
    hss: H,
    /// For the log.
    peer: String,
    bound: Duration,
    turns: Turns,
    vectors: Arc<KeptVectors>,
    settings: SettingsCache,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl<H: Hss> Remote<H> {
    /// Of this peer, whose name is for the log.
    pub(super) fn new(
        hss: H,
        peer: String,
        config: &ZhConfig,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let vectors = Arc::new(KeptVectors::new(config.keep_vectors.then_some(config.vector_lifetime.0)));
        tokio::spawn(sweep(Arc::downgrade(&vectors)));
        Self {
            hss,
            peer,
            bound: config.timeout.0,
            turns: Turns::new(config.max_requests),
            vectors,
            settings: SettingsCache::new(config.settings_lifetime.0),
            store,
            metrics,
        }
    }

    async fn fetch(&self, request: VectorRequest) -> Result<VectorAnswer, VectorError> {
        let (began, resync) = (Instant::now(), request.resync.is_some());
        let answered = tokio::time::timeout(self.bound, self.answer(&request)).await;
        let answered = answered.unwrap_or(Err(Failure::Late(self.bound)));
        let outcome = match &answered {
            Ok((_, outcome)) => outcome,
            Err(failure) => failure.outcome(resync),
        };
        self.metrics.count_zh(H::NAME, outcome, began.elapsed().as_secs_f64());
        answered.map(|(answer, _)| answer).map_err(|failure| {
            let error = failure.vector_error(resync);
            if error == VectorError::UnknownSubscriber {
                self.settings.forget(&request.impi);
            }
            self.note(&failure, error, &request.impi);
            error
        })
    }

    /// The vector, and the metric's label.
    async fn answer(&self, request: &VectorRequest) -> Result<(VectorAnswer, &'static str), Failure> {
        let impi = &request.impi;
        let _turn = self.turns.turn(impi).await?;
        // Before a vector is spent.
        let local = if H::TELLS_SETTINGS { None } else { Some(self.store.subscriber(impi).await?) };
        let kept = self.settings.last(impi, Instant::now());
        if request.resync.is_some() {
            self.vectors.forget(impi);
        } else if local.is_some() || kept.as_ref().is_some_and(|kept| kept.fresh) {
            // Vectors are kept only where the settings are at hand that go with them.
            let next = self.vectors.take(impi, Instant::now());
            if let Some(vector) = next {
                return Ok((with_settings(answer_of(vector), local, kept.as_ref())?, "kept"));
            }
        }
        let mut answer = self.hss.ask(request, kept.as_ref()).await?;
        self.settings.note(impi, &answer.settings, Instant::now());
        let mut vectors = VecDeque::from(std::mem::take(&mut answer.vectors));
        answer.vectors.extend(vectors.pop_front());
        // A SIM has no sequence numbers, so nothing is lost; those that are kept are a USIM's.
        if answer.card == CardAka::Gsm {
            vectors.clear();
        }
        self.vectors.put(impi, vectors, Instant::now());
        Ok((with_settings(answer, local, kept.as_ref())?, "vector"))
    }

    /// As [`Self::fetch`], for a digest credential.
    async fn fetch_digest(&self, impi: &Impi) -> Result<DigestAnswer, VectorError> {
        let began = Instant::now();
        let answered = tokio::time::timeout(self.bound, self.digest_of(impi)).await;
        let answered = answered.unwrap_or(Err(Failure::Late(self.bound)));
        let outcome = answered.as_ref().err().map_or("digest", |failure| failure.outcome(false));
        self.metrics.count_zh(H::NAME, outcome, began.elapsed().as_secs_f64());
        answered.map_err(|failure| {
            let error = failure.vector_error(false);
            self.note(&failure, error, impi);
            error
        })
    }

    async fn digest_of(&self, impi: &Impi) -> Result<DigestAnswer, Failure> {
        let _turn = self.turns.turn(impi).await?;
        let kept = self.settings.last(impi, Instant::now());
        let answer = self.hss.digest(impi, kept.as_ref()).await?;
        self.settings.note(impi, &answer.settings, Instant::now());
        let kept = kept.as_ref().and_then(|kept| kept.guss.as_ref());
        answer.into_digest(kept).map_err(|_| Failure::NoDigest)
    }

    /// The settings that the vector of this bootstrap came with, however old by now: the procedure has used them.
    async fn guss_of(&self, impi: &Impi) -> Result<Option<Vec<u8>>, Failure> {
        if !H::TELLS_SETTINGS {
            return Ok(self.store.subscriber(impi).await?.and_then(|subscriber| subscriber.guss));
        }
        let guss = match self.settings.last(impi, Instant::now()) {
            Some(kept) => kept.guss,
            // Another node asked for the vector, or this one before a restart.
            None => {
                let _turn = self.turns.turn(impi).await?;
                let settings = self.hss.settings(impi).await?;
                self.settings.note(impi, &settings, Instant::now());
                if let Settings::Sent { guss, .. } = settings { Some(guss) } else { None }
            }
        };
        Ok(guss.map(|guss| guss.to_xml(Namespace::R9)))
    }

    /// One line for each failure. What only this subscriber's request is about is not the operator's alarm.
    fn note(&self, failure: &Failure, error: VectorError, impi: &Impi) {
        let (source, peer) = (H::NAME, self.peer.as_str());
        if error == VectorError::Unavailable {
            tracing::warn!(source, peer, cause = %failure, ?impi, "no vector");
        } else {
            tracing::info!(source, peer, cause = %failure, ?impi, "no vector");
        }
    }
}

impl<H: Hss> AuthenticationVectorSource for Remote<H> {
    fn vector(&self, request: VectorRequest) -> VectorFuture<'_> {
        Box::pin(self.fetch(request))
    }

    fn digest<'a>(&'a self, impi: &'a Impi) -> DigestFuture<'a> {
        Box::pin(self.fetch_digest(impi))
    }

    fn guss<'a>(&'a self, impi: &'a Impi) -> GussFuture<'a> {
        Box::pin(async move {
            let told = tokio::time::timeout(self.bound, self.guss_of(impi)).await;
            told.unwrap_or(Err(Failure::Late(self.bound))).map_err(|failure| {
                let error = failure.vector_error(false);
                self.note(&failure, error, impi);
                error
            })
        })
    }

    fn impi_of<'a>(&'a self, impu: &'a Impu) -> ImpiFuture<'a> {
        Box::pin(async move {
            by_impu(self.store.as_ref(), impu).await.map_err(|error| {
                tracing::error!(%error, "store failed");
                VectorError::Unavailable
            })
        })
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.hss.close())
    }
}

/// A vector from before, with what is kept of the settings.
fn answer_of(vector: AuthVector) -> HssAnswer {
    HssAnswer { vectors: vec![vector], settings: Settings::Unchanged, ..HssAnswer::default() }
}

/// `local`: the local subscriber counts, where there is one.
fn with_settings(
    answer: HssAnswer,
    local: Option<Option<Subscriber>>,
    kept: Option<&KeptSettings>,
) -> Result<VectorAnswer, Failure> {
    let kept = kept.and_then(|kept| kept.guss.as_ref());
    let answer = answer.into_vector(kept).map_err(|_| Failure::NoVector)?;
    Ok(match local {
        None => answer,
        Some(None) => VectorAnswer { key_lifetime: None, gba_mode: Default::default(), ..answer },
        Some(Some(Subscriber { gba_mode, key_lifetime, .. })) => {
            VectorAnswer { gba_mode, key_lifetime, ..answer }
        }
    })
}

/// Until the source is gone.
async fn sweep(vectors: Weak<KeptVectors>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(vectors) = vectors.upgrade() else { return };
        vectors.sweep(Instant::now());
    }
}
