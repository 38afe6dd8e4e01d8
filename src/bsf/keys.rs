//! Sealing keys that rotate by the clock: every node derives the same ones from one shared secret, so there is nothing
//! to hand round.

use ksnaf_proto::gba::kdf::kdf;
use ksnaf_proto::gba::lifetime::unix_seconds;
use ksnaf_proto::secret::Secret;
use ksnaf_proto::ub::{Bsf, BsfConfig, SealingKey, SealingKeys};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// How long one key seals; it opens for as long again. A challenge's lifetime is kept well below.
const EPOCH: Duration = Duration::from_secs(3600);

/// FC for derivations of this project's own, apart from 3GPP's (TS 33.220 annex B.2.1 gives 01 to GBA).
const FC_OWN: u8 = 0xff;

/// Gives the procedure with the keys of the moment.
pub(super) struct KeyRing {
    secret: Secret<32>,
    config: BsfConfig,
    current: RwLock<Option<(u32, Bsf)>>,
}

impl KeyRing {
    pub(super) const fn new(secret: Secret<32>, config: BsfConfig) -> Self {
        Self { secret, config, current: RwLock::new(None) }
    }

    /// The procedure at `now`.
    pub(super) fn at(&self, now: SystemTime) -> Bsf {
        let epoch = u32::try_from(unix_seconds(now) / EPOCH.as_secs()).unwrap_or(u32::MAX);
        let held = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bsf)) = held.as_ref().filter(|(of, _)| *of == epoch) {
            return bsf.clone();
        }
        drop(held);
        let keys =
            SealingKeys { current: self.key(epoch), previous: epoch.checked_sub(1).map(|of| self.key(of)) };
        let bsf = Bsf::new(self.config.clone(), keys);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some((epoch, bsf.clone()));
        bsf
    }

    fn key(&self, epoch: u32) -> SealingKey {
        let key = kdf(self.secret.danger_expose(), FC_OWN, &[b"ub-opaque", &epoch.to_be_bytes()]);
        SealingKey { id: epoch, key }
    }
}
