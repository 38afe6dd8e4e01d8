//! The Bootstrapping Server Function: the procedure of `ksnaf_proto::ub`, a store, and a source of vectors.

mod keys;
mod ub;

use crate::av_source::AuthenticationVectorSource;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use keys::KeyRing;
use ksnaf_proto::ub::{AcceptAuth, BsfConfig, PendingChallenges};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Open challenges kept for UEs that do not send `opaque` back, 1 KiB each.
const PENDING: usize = 10_000;

/// A BSF as a handler of Ub's listeners; clones are the same BSF.
#[derive(Clone)]
pub struct Bsf {
    inner: Arc<Inner>,
}

struct Inner {
    keys: KeyRing,
    pending: Mutex<PendingChallenges>,
    store: Arc<dyn Store>,
    source: Arc<dyn AuthenticationVectorSource>,
    metrics: Arc<Metrics>,
    bound: Duration,
}

impl Bsf {
    /// A BSF by configuration. Its sealing secret is the store's: all nodes on one store finish each other's challenges.
    pub async fn new(
        config: &Config,
        store: Arc<dyn Store>,
        source: Arc<dyn AuthenticationVectorSource>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BsfError> {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh)?;
        let secret = seal_secret(store.as_ref(), fresh).await?;
        let settings = BsfConfig {
            realm: config.bsf.fqdn.clone(),
            key_lifetime: config.bsf.key_lifetime.0,
            challenge_lifetime: config.bsf.challenge_lifetime.0,
            any_first_realm: config.ub.any_first_realm,
            retries: config.ub.retries,
            accept_auth: AcceptAuth::from(config.ub.accept_auth),
            tmpi: config.bsf.tmpi,
            server: format!("ksnaf/{}", env!("CARGO_PKG_VERSION")),
            tell_current_time: config.ub.tell_current_time,
            others: config.unconfirmed.of(&config.bsf.other_bootstraps),
        };
        let inner = Inner {
            keys: KeyRing::new(secret, settings),
            pending: Mutex::new(PendingChallenges::new(PENDING)),
            store,
            source,
            metrics,
            bound: config.ub.request_timeout.0,
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// Why a BSF cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BsfError {
    /// The store does not give its secret.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no randomness.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

async fn seal_secret(
    store: &dyn Store,
    fresh: [u8; 32],
) -> Result<ksnaf_proto::secret::Secret<32>, StoreError> {
    store.shared_secret("ub-opaque", fresh).await
}
