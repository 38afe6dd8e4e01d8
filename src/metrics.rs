//! Counters for Prometheus. Labels are small fixed sets: no identity, no B-TID, no NAF name of a stranger.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// One outcome of a fixed set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// The outcome's name.
    pub outcome: &'static str,
}

/// A credential that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CredentialLabels {
    /// `ue`, `naf`, `zn`, `ua`, `zpn` for a NAF's push, `push` for the device's part of it.
    pub side: &'static str,
    /// `given`, `forbidden`, `unknown`, `failed`.
    pub outcome: &'static str,
}

/// A question to the source of vectors.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ZhLabels {
    /// As in `zh.source`.
    pub source: &'static str,
    /// `vector`, `kept`, `unknown`, `not_allowed`, `auts_refused`, `late`, `unavailable`.
    pub outcome: &'static str,
}

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests on Ub by what became of them.
    pub ub: Family<Outcome, Counter>,
    /// Seconds a Ub request took.
    pub ub_seconds: Histogram,
    /// Questions to the source of vectors by what became of them.
    pub zh: Family<ZhLabels, Counter>,
    /// Seconds such a question took.
    pub zh_seconds: Family<ZhLabels, Histogram, fn() -> Histogram>,
    /// Bootstraps of the device side.
    pub ue_bootstraps: Family<Outcome, Counter>,
    /// Credentials asked for.
    pub credentials: Family<CredentialLabels, Counter>,
    /// Expired records that the sweep removed.
    pub swept: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ksnaf");
        let (ub, ue_bootstraps) = (Family::default(), Family::default());
        let (credentials, swept) = (Family::default(), Counter::default());
        let ub_seconds = Histogram::new(exponential_buckets(0.0001, 2.0, 16));
        registry.register("ub_requests", "Requests on Ub by outcome", ub.clone());
        registry.register("ub_request_seconds", "Time to answer a request on Ub", ub_seconds.clone());
        let zh = Family::default();
        let seconds: fn() -> Histogram = || Histogram::new(exponential_buckets(0.0001, 2.0, 18));
        let zh_seconds = Family::new_with_constructor(seconds);
        registry.register("zh_requests", "Questions to the source of vectors by outcome", zh.clone());
        registry.register("zh_request_seconds", "Time such a question took", zh_seconds.clone());
        registry.register("ue_bootstraps", "Bootstraps of the device side by outcome", ue_bootstraps.clone());
        registry.register("credentials", "Service credentials asked for", credentials.clone());
        registry.register("swept", "Expired records removed", swept.clone());
        Self { registry, ub, ub_seconds, zh, zh_seconds, ue_bootstraps, credentials, swept }
    }
}

impl Metrics {
    /// One more request on Ub.
    pub fn count_ub(&self, outcome: &'static str) {
        self.ub.get_or_create(&Outcome { outcome }).inc();
    }

    /// One more question to the source of vectors, and how long it took.
    pub fn count_zh(&self, source: &'static str, outcome: &'static str, seconds: f64) {
        let labels = ZhLabels { source, outcome };
        self.zh_seconds.get_or_create(&labels).observe(seconds);
        self.zh.get_or_create(&labels).inc();
    }

    /// One more bootstrap of the device side.
    pub fn count_ue_bootstrap(&self, outcome: &'static str) {
        self.ue_bootstraps.get_or_create(&Outcome { outcome }).inc();
    }

    /// One more credential asked for.
    pub fn count_credential(&self, side: &'static str, outcome: &'static str) {
        self.credentials.get_or_create(&CredentialLabels { side, outcome }).inc();
    }

    /// The text exposition format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let _ = encode(&mut text, &self.registry);
        text
    }
}
