//! What all connections of the proxy share, and how long they live.

use super::app_rules::AppRules;
use super::digest::Digest;
use super::enrolees::Enrolees;
use super::holder::Holder;
use super::identities::Identities;
use super::keys::{Keys, NoKey};
use super::provisioned::Deposits;
use super::upstream::Upstream;
use crate::metrics::Metrics;
use http::{HeaderName, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Shared state.
pub(super) struct Proxy {
    pub(super) keys: Arc<Keys>,
    pub(super) digest: Digest,
    pub(super) enrolees: Enrolees,
    pub(super) rules: AppRules,
    pub(super) identities: Identities,
    /// Where this process has any.
    pub(super) deposits: Option<Deposits>,
    pub(super) upstream: Upstream,
    pub(super) upstream_token: Option<HeaderValue>,
    pub(super) forward_headers: Vec<HeaderName>,
    pub(super) websocket: bool,
    pub(super) digest_body: usize,
    pub(super) recheck: Duration,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tasks: Tasks,
}

/// How the process ends what the proxy has begun.
#[derive(Clone)]
pub struct Tasks {
    /// No further requests.
    pub shutdown: CancellationToken,
    /// All tasks.
    pub tracker: TaskTracker,
    /// At once.
    pub abort: CancellationToken,
}

impl Proxy {
    pub(super) fn count(&self, outcome: &'static str) {
        self.metrics.count_credential("ua", outcome);
    }

    /// Comes back when the key is worth nothing any more: it has expired, or the BSF knows it no longer.
    pub(super) async fn until_worthless(&self, holder: &Holder, from: IpAddr) {
        loop {
            let left = holder.granted.expires_at.duration_since(SystemTime::now()).unwrap_or_default();
            tokio::time::sleep(left.min(self.recheck)).await;
            let gone = holder.has_expired(SystemTime::now()) || {
                let found = self.keys.find(&holder.b_tid, holder.ua, from).await;
                // A BSF that cannot be asked ends nothing before its time.
                matches!(found, Err(NoKey::Unknown | NoKey::NotAuthorized))
            };
            if gone {
                tracing::info!(peer = %from, "a connection ends with its key");
                return;
            }
        }
    }

    /// Carries octets both ways between two connections that have turned into something else.
    pub(super) fn tunnel(
        self: &Arc<Self>,
        client: OnUpgrade,
        upstream: OnUpgrade,
        holder: Holder,
        from: IpAddr,
    ) {
        let proxy = Arc::clone(self);
        let Tasks { shutdown, tracker, abort } = self.tasks.clone();
        tracker.spawn(async move {
            let carry = async {
                let (client, upstream) = tokio::try_join!(client, upstream)?;
                let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
                if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut upstream).await {
                    tracing::debug!(%error, "a tunnel ended early");
                }
                Ok::<_, hyper::Error>(())
            };
            tokio::select! {
                ended = carry => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection did not turn into another");
                },
                () = proxy.until_worthless(&holder, from) => {}
                () = shutdown.cancelled() => {}
                () = abort.cancelled() => {}
            }
        });
    }
}
