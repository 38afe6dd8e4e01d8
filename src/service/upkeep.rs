//! What goes on without anybody asking: fresh bootstraps, and the end of expired records.

use super::Service;
use crate::metrics::Metrics;
use std::sync::Arc;
use std::time::SystemTime;

/// Records that one sweep removes at the most, so that it never holds the writer for long.
const SWEEP_BATCH: usize = 1000;

impl Service {
    /// Renews the device's bootstrap before it expires, so that no request waits for one, and forgets it with its card.
    pub(super) fn start_upkeep(&self) {
        let Some(device) = self.device.clone() else {
            return;
        };
        let shutdown = self.front.shutdown.clone();
        self.front.tracker.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                ((), ()) = async { tokio::join!(device.keep_fresh(), device.watch_card()) } => {}
            }
        });
    }

    pub(super) fn start_sweeper(&self, metrics: &Arc<Metrics>) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let (shutdown, metrics) = (self.front.shutdown.clone(), Arc::clone(metrics));
        let interval = self.config.service.sweep_interval.0;
        self.front.tracker.spawn(async move {
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(interval) => {}
                }
                match store.sweep(SystemTime::now(), SWEEP_BATCH).await {
                    Ok(0) => {}
                    Ok(count) => {
                        metrics.swept.inc_by(count as u64);
                        tracing::debug!(count, "expired records removed");
                    }
                    Err(error) => tracing::warn!(%error, "sweep failed"),
                }
            }
        });
    }
}
