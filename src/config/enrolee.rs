//! `[[enrolee]]`: what a subscriber may be on the service layer.

use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::onem2m::rules::Pattern;
use serde::{Deserialize, Deserializer, de::Error as _};

/// One `[[enrolee]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnroleeConfig {
    /// The subscriber.
    #[serde(deserialize_with = "impi")]
    pub impi: Impi,
    /// AE-IDs and CSE-IDs it may speak as; the first is its default. One `*` in each stands for anything.
    #[serde(default, deserialize_with = "origins")]
    pub origins: Vec<Pattern>,
    /// NAF names of the targets it may enrol with; absent: all.
    #[serde(default, deserialize_with = "targets")]
    pub targets: Option<Vec<Fqdn>>,
    /// Whether its identity may be told to the target (SER-015).
    #[serde(default)]
    pub consent: bool,
}

impl EnroleeConfig {
    /// Whether it may enrol with this target.
    #[must_use]
    pub fn may_use(&self, target: &Fqdn) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.contains(target))
    }
}

fn impi<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Impi, D::Error> {
    let text = String::deserialize(deserializer)?;
    Impi::parse(&text).map_err(|error| D::Error::custom(error.to_string()))
}

fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pattern>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: &String| {
        Pattern::parse(text).map_err(|error| D::Error::custom(format_args!("{text:?}: {error}")))
    };
    texts.iter().map(parse).collect()
}

fn targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Fqdn>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: &String| {
        Fqdn::parse(text).map_err(|error| D::Error::custom(format_args!("{text:?}: {error}")))
    };
    texts.iter().map(parse).collect::<Result<_, _>>().map(Some)
}
