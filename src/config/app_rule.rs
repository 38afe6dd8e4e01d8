//! `[[ua_proxy.rule]]`: which applications may register by whose key (SER-022), as serviceSubscribedAppRule has it.

use ksnaf_proto::onem2m::rules::{Rule, RuleError};
use serde::{Deserialize, Deserializer, de::Error as _};

/// One rule. Each element may have one `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRuleConfig(Rule);

impl AppRuleConfig {
    /// The rule.
    #[must_use]
    pub const fn rule(&self) -> &Rule {
        &self.0
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Credential-IDs.
    credentials: Option<Vec<String>>,
    /// Private identities: they stay from one bootstrap to the next.
    enrolees: Option<Vec<String>>,
    app_ids: Vec<String>,
    ae_ids: Vec<String>,
}

impl Written {
    fn rule(&self) -> Result<Rule, WrittenError> {
        fn texts(list: &[String]) -> Vec<&str> {
            list.iter().map(String::as_str).collect()
        }
        let (apps, stems) = (texts(&self.app_ids), texts(&self.ae_ids));
        Ok(match (&self.credentials, &self.enrolees) {
            (Some(credentials), None) => Rule::for_credentials(Some(&texts(credentials)), &apps, &stems)?,
            (None, Some(enrolees)) => Rule::for_enrolees(&texts(enrolees), &apps, &stems)?,
            _ => return Err(WrittenError::Subjects),
        })
    }
}

#[derive(Debug, thiserror::Error)]
enum WrittenError {
    #[error("a rule is for credentials or for enrolees, one of the two")]
    Subjects,
    #[error(transparent)]
    Rule(#[from] RuleError),
}

impl<'de> Deserialize<'de> for AppRuleConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        written.rule().map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AppRuleConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_rule_is_for_credentials_or_for_enrolees() {
        let rest = "app_ids = [\"N*\"]\nae_ids = [\"C123*X\"]";
        let credentials = "credentials = [\"12-*@bsf.example\"]\n";
        let enrolees = "enrolees = [\"*@ims.example\"]\n";
        assert!(read(&format!("{credentials}{rest}")).is_ok());
        assert!(read(&format!("{enrolees}{rest}")).is_ok());
        for (text, why) in [
            (rest.to_owned(), "one of the two"),
            (format!("{credentials}{enrolees}{rest}"), "one of the two"),
            (format!("{credentials}app_ids = [\"*\"]"), "ae_ids"),
            (format!("{credentials}app_ids = [\"Xapp\"]\nae_ids = [\"*\"]"), "R or N"),
            (format!("{credentials}app_ids = [\"*\"]\nae_ids = [\"C*a*\"]"), "one *"),
            (format!("{credentials}{rest}\nother = 1"), "other"),
        ] {
            assert!(read(&text).is_err_and(|error| error.contains(why)), "{text}");
        }
    }
}
