//! The built-in AuC: the store's subscribers, sequence numbers reserved in blocks.

use super::failure::outcome_of;
use super::public_identity::by_impu;
use super::{AuthenticationVectorSource, DigestFuture, GussFuture, ImpiFuture, VectorFuture};
use crate::metrics::Metrics;
use crate::store::{SeqStart, Store, StoreError, Subscriber};
use ksnaf_proto::aka::sqn::{self, SqnFormat};
use ksnaf_proto::aka::{AkaAlgorithm, AuthVector, Autn, Derived, Rand, vector};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::identity::{Impi, Impu, Imsi};
use ksnaf_proto::ub::{CardAka, DigestAnswer, VectorAnswer, VectorError, VectorRequest};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// SEQ values reserved at once: a crash skips at most as many, and one durable write serves as many vectors.
const BLOCK: u32 = 16;

/// Subscribers whose block is held in memory; beyond, the blocks are dropped and their rest is skipped.
const MAX_BLOCKS: usize = 100_000;

/// See the module.
pub struct BuiltIn {
    store: Arc<dyn Store>,
    format: SqnFormat,
    blocks: Mutex<HashMap<Imsi, Range<u64>>>,
    metrics: Arc<Metrics>,
}

impl BuiltIn {
    /// An AuC over the subscribers of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store, format: SqnFormat::default(), blocks: Mutex::default(), metrics }
    }

    async fn make(&self, request: VectorRequest) -> Result<VectorAnswer, VectorError> {
        let found = self.store.subscriber(&request.impi).await.map_err(unavailable)?;
        let subscriber = found.ok_or(VectorError::UnknownSubscriber)?;
        let key = subscriber.key.as_ref().ok_or_else(|| {
            tracing::info!(imsi = ?subscriber.imsi, "a subscriber without a key: its vectors are another AuC's");
            VectorError::NotAllowed
        })?;
        let algorithm = key.algorithm().map_err(|error| {
            tracing::error!(%error, "a subscriber's key is of no use");
            VectorError::Unavailable
        })?;
        if subscriber.card == CardAka::Gsm {
            return of_sim(&subscriber, algorithm.as_ref(), request.resync.is_some());
        }
        let seq = match &request.resync {
            None => self.next(&subscriber.imsi).await?,
            Some((rand, auts)) => {
                let checked = vector::check_auts(algorithm.as_ref(), rand, auts);
                let sqn_ms = checked.map_err(|_| VectorError::AuthenticationRejected)?;
                self.after_resync(&subscriber.imsi, self.format.seq(sqn_ms)).await?
            }
        };
        let sqn = self.format.join(seq, self.format.ind_max()).ok_or(VectorError::Unavailable)?;
        let mut rand = [0; 16];
        getrandom::fill(&mut rand).map_err(|_| VectorError::Unavailable)?;
        let vector = vector::generate(algorithm.as_ref(), Rand(rand), sqn, subscriber.amf);
        let (gba_mode, key_lifetime) = (subscriber.gba_mode, subscriber.key_lifetime);
        Ok(VectorAnswer { vector, card: subscriber.card, gba_mode, key_lifetime })
    }

    /// The next SEQ: of the block in memory, or the first of a fresh one.
    async fn next(&self, imsi: &Imsi) -> Result<u64, VectorError> {
        let held = self.blocks().get_mut(imsi).and_then(Iterator::next);
        match held {
            Some(seq) => Ok(seq),
            None => self.reserve(imsi, SeqStart::Next).await,
        }
    }

    /// Beyond the card's highest. Sequence numbers go back only where the card would refuse all that are ahead.
    async fn after_resync(&self, imsi: &Imsi, seq_ms: u64) -> Result<u64, VectorError> {
        let seq = self.reserve(imsi, SeqStart::After(seq_ms)).await?;
        if seq - seq_ms <= sqn::DELTA { Ok(seq) } else { self.reserve(imsi, SeqStart::Exactly(seq_ms)).await }
    }

    async fn reserve(&self, imsi: &Imsi, start: SeqStart) -> Result<u64, VectorError> {
        self.blocks().remove(imsi);
        let reserved = self.store.reserve_seq(imsi, start, BLOCK).await.map_err(unavailable)?;
        // Gone between two look-ups, or the subscriber's numbers are used up: no vector either way.
        let first = reserved.ok_or(VectorError::UnknownSubscriber)?;
        let mut blocks = self.blocks();
        if blocks.len() >= MAX_BLOCKS {
            blocks.clear();
        }
        blocks.insert(imsi.clone(), first + 1..first + u64::from(BLOCK));
        Ok(first)
    }

    fn blocks(&self) -> std::sync::MutexGuard<'_, HashMap<Imsi, Range<u64>>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuthenticationVectorSource for BuiltIn {
    fn vector(&self, request: VectorRequest) -> VectorFuture<'_> {
        Box::pin(async move {
            let began = Instant::now();
            let made = self.make(request).await;
            let outcome = made.as_ref().err().map_or("vector", |error| outcome_of(*error));
            self.metrics.count_zh("built-in", outcome, began.elapsed().as_secs_f64());
            made
        })
    }

    fn digest<'a>(&'a self, impi: &'a Impi) -> DigestFuture<'a> {
        Box::pin(async move {
            let found = self.store.subscriber(impi).await.map_err(unavailable)?;
            let subscriber = found.ok_or(VectorError::UnknownSubscriber)?;
            let credential = subscriber.digest.ok_or(VectorError::NotAllowed)?;
            Ok(DigestAnswer { credential, key_lifetime: subscriber.key_lifetime })
        })
    }

    fn guss<'a>(&'a self, impi: &'a Impi) -> GussFuture<'a> {
        Box::pin(async move {
            let found = self.store.subscriber(impi).await.map_err(unavailable)?;
            found.map(|subscriber| subscriber.guss).ok_or(VectorError::UnknownSubscriber)
        })
    }

    fn impi_of<'a>(&'a self, impu: &'a Impu) -> ImpiFuture<'a> {
        Box::pin(async move { by_impu(self.store.as_ref(), impu).await.map_err(unavailable) })
    }
}

/// A 2G vector, as UMTS's that converts to it. A SIM has no sequence number, so none is spent.
fn of_sim(
    subscriber: &Subscriber,
    algorithm: &dyn AkaAlgorithm,
    resync: bool,
) -> Result<VectorAnswer, VectorError> {
    if resync {
        return Err(VectorError::AuthenticationRejected);
    }
    let mut rand = [0; 16];
    getrandom::fill(&mut rand).map_err(|_| VectorError::Unavailable)?;
    let Derived { res, ck, ik, .. } = algorithm.f2345(&Rand(rand));
    Ok(VectorAnswer {
        vector: AuthVector { rand: Rand(rand), autn: Autn([0; 16]), xres: res, ck, ik },
        card: CardAka::Gsm,
        gba_mode: GbaMode::Me,
        key_lifetime: subscriber.key_lifetime,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of map_err")]
fn unavailable(error: StoreError) -> VectorError {
    tracing::error!(%error, "store failed");
    VectorError::Unavailable
}
