//! `[zh]`: where vectors and settings come from.

use serde::Deserialize;

/// `[zh]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZhConfig {
    /// Which AuC or HSS gives the vectors.
    pub source: ZhSource,
}

/// `zh.source`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZhSource {
    /// The subscribers of the store.
    #[default]
    BuiltIn,
}
