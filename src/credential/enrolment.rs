//! Who may enrol with whom, and what the target hears of it (TS-0003 clauses 8.1.3 and 8.3.1.2; SER-015): one answer for
//! every face that gives a key to a target.

use crate::config::{Config, EnroleeConfig, NafPolicy};
use crate::store::{Store, StoreError};
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::onem2m::rules::Pattern;

/// An Enrolee's place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

impl Place {
    /// Counted from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// Where a subscriber stands towards a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is listed for the target.
    Enrolee(Place),
    /// The target takes any subscriber.
    Open,
    /// Others are listed for the target, or it is listed for others: no key.
    Stranger,
}

/// `[[enrolee]]`, and what `[[naf]]` says about it.
#[derive(Debug, Clone, Default)]
pub struct Enrolment {
    listed: Vec<EnroleeConfig>,
    /// What targets say of themselves.
    required: Vec<(Fqdn, bool)>,
}

impl Enrolment {
    /// From the lists.
    #[must_use]
    pub fn new(listed: Vec<EnroleeConfig>, nafs: &NafPolicy) -> Self {
        let says = nafs.entries().filter_map(|naf| Some((naf.fqdn.clone(), naf.enrolled_only?)));
        Self { required: says.collect(), listed }
    }

    /// Of a whole configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self::new(config.enrolee.clone(), &NafPolicy::new(config.naf.clone()))
    }

    /// Where a subscriber stands. `identities` are further names that its settings have for this target.
    #[must_use]
    pub fn standing(&self, impi: Option<&Impi>, identities: &[String], target: &Fqdn) -> Standing {
        let is = |entry: &EnroleeConfig| {
            impi == Some(&entry.impi) || identities.iter().any(|identity| identity == entry.impi.as_str())
        };
        let found = self.listed.iter().position(|entry| is(entry) && entry.may_use(target));
        if let Some(place) = found {
            return Standing::Enrolee(Place(place));
        }
        let said = self.required.iter().find(|(naf, _)| naf == target).map(|(_, required)| *required);
        // A target that somebody enrols with is for those who do, and who is listed has no other targets.
        let required =
            said.unwrap_or_else(|| self.listed.iter().any(|entry| entry.may_use(target) || is(entry)));
        if required { Standing::Stranger } else { Standing::Open }
    }

    /// All of them.
    #[must_use]
    pub fn listed(&self) -> &[EnroleeConfig] {
        &self.listed
    }

    /// One of them.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<&EnroleeConfig> {
        self.listed.get(place.0)
    }

    /// AE-IDs and CSE-IDs of a subscriber at a target, the default first; none where it is not listed.
    #[must_use]
    pub fn origins(&self, standing: Standing) -> &[Pattern] {
        match standing {
            Standing::Enrolee(place) => self.at(place).map_or(&[], |entry| &entry.origins),
            Standing::Open | Standing::Stranger => &[],
        }
    }

    /// The one that a target knows an Enrolee by, where it is a name and no pattern.
    #[must_use]
    pub fn default_origin(&self, standing: Standing) -> Option<String> {
        self.origins(standing).first().map(ToString::to_string).filter(|origin| !origin.contains('*'))
    }

    /// The subscriber that a target knows by an AE-ID or CSE-ID.
    #[must_use]
    pub fn impi_of(&self, origin: &str, target: &Fqdn) -> Option<&Impi> {
        let names = |entry: &&EnroleeConfig| {
            entry.may_use(target) && entry.origins.iter().any(|known| known.to_string() == origin)
        };
        Some(&self.listed.iter().find(names).filter(|_| !origin.contains('*'))?.impi)
    }

    /// Whether a target that has the right may know who a subscriber is: its own flag, read at each question, or that of
    /// its Enrolee.
    ///
    /// # Errors
    /// The store's.
    pub async fn consents(
        &self,
        store: &dyn Store,
        impi: &Impi,
        standing: Standing,
    ) -> Result<bool, StoreError> {
        let enrolee = match standing {
            Standing::Enrolee(place) => self.at(place).is_some_and(|entry| entry.consent),
            Standing::Open => false,
            Standing::Stranger => return Ok(false),
        };
        Ok(enrolee || store.subscriber(impi).await?.is_some_and(|subscriber| subscriber.consent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NafConfig;

    fn fqdn(text: &str) -> Fqdn {
        Fqdn::parse(text).unwrap()
    }

    fn impi(name: &str) -> Impi {
        Impi::parse(&format!("{name}@ims.example")).unwrap()
    }

    fn entry(name: &str, origins: &[&str], targets: Option<&[&str]>) -> EnroleeConfig {
        EnroleeConfig {
            impi: impi(name),
            origins: origins.iter().map(|origin| Pattern::parse(origin).unwrap()).collect(),
            targets: targets.map(|targets| targets.iter().map(|target| fqdn(target)).collect()),
            consent: false,
        }
    }

    fn enrolment(listed: Vec<EnroleeConfig>, only: Option<bool>) -> Enrolment {
        let naf = NafConfig { enrolled_only: only, ..NafConfig::for_lab(fqdn("cse.example")) };
        Enrolment::new(listed, &NafPolicy::new(vec![naf]))
    }

    /// e: Enrolee, o: open, s: stranger; of a and b at cse.example and xcap.example.
    fn standings(enrolment: &Enrolment) -> String {
        let one = |name, target| match enrolment.standing(Some(&impi(name)), &[], &fqdn(target)) {
            Standing::Enrolee(_) => 'e',
            Standing::Open => 'o',
            Standing::Stranger => 's',
        };
        [("a", "cse.example"), ("b", "cse.example"), ("a", "xcap.example"), ("b", "xcap.example")]
            .map(|(name, target)| one(name, target))
            .into_iter()
            .collect()
    }

    #[test]
    fn a_target_that_somebody_enrols_with_is_for_those_who_do() {
        let only_cse = || vec![entry("a", &["Ca"], Some(&["cse.example"]))];
        let all = || vec![entry("a", &["Ca"], None)];
        let none = || vec![entry("a", &["Ca"], Some(&[]))];
        for (listed, said, expected) in [
            (Vec::new(), None, "oooo"),
            (Vec::new(), Some(true), "ssoo"),
            (only_cse(), None, "esso"),
            (only_cse(), Some(false), "eoso"),
            (all(), None, "eses"),
            (all(), Some(false), "eoes"),
            (none(), None, "soso"),
            (none(), Some(true), "ssso"),
        ] {
            let enrolment = enrolment(listed, said);
            assert_eq!(standings(&enrolment), expected, "{said:?} {:?}", enrolment.listed);
        }
    }

    #[test]
    fn several_entries_of_one_subscriber_add_up_and_its_settings_may_name_it() {
        let listed = vec![
            entry("a", &["Ca"], Some(&["cse.example"])),
            entry("a", &["Cx*", "Cb"], Some(&["xcap.example"])),
        ];
        let enrolment = enrolment(listed, None);
        let xcap = fqdn("xcap.example");
        let standing = enrolment.standing(Some(&impi("a")), &[], &xcap);
        assert_eq!(enrolment.default_origin(standing), None, "a pattern is no name");
        let origins: Vec<String> = enrolment.origins(standing).iter().map(ToString::to_string).collect();
        assert_eq!(origins, ["Cx*", "Cb"]);
        let by_settings = enrolment.standing(None, &["a@ims.example".to_owned()], &fqdn("cse.example"));
        assert_eq!(enrolment.default_origin(by_settings).as_deref(), Some("Ca"));
        assert_eq!(enrolment.impi_of("Cb", &xcap), Some(&impi("a")));
        for (origin, target) in [("Ca", "xcap.example"), ("Cx*", "xcap.example"), ("Cz", "cse.example")] {
            assert_eq!(enrolment.impi_of(origin, &fqdn(target)), None, "{origin}");
        }
    }
}
