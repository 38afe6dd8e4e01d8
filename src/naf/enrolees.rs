//! Who a subscriber may be on the service layer, and what it has become there: the binding outlives every bootstrap.

use super::key_source::UaSubscriber;
use super::refusal::Rsc;
use crate::config::EnroleeConfig;
use crate::credential::enrolment::{self, Enrolment, Place};
use crate::data_dir;
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::onem2m::rules::Pattern;
use ksnaf_proto::onem2m::{Originator, Registrar};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A subscriber's place in the list.
pub(super) type Enrolee = Place;

/// Who the client is to what is behind the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// One that is listed.
    Enrolee(Enrolee),
    /// Nobody is listed for it: what is behind is no CSE.
    Unlisted,
    /// Others are listed for it, or it may not use this target.
    Stranger,
}

/// Why it may not be who it says.
pub(super) type Refused = (Rsc, &'static str);

/// All of them.
pub(super) struct Enrolees {
    enrolment: Enrolment,
    listed: Vec<Listed>,
    naf: Fqdn,
    registrar: Registrar,
    refused: Vec<Pattern>,
    bound: Mutex<Bound>,
    file: PathBuf,
}

struct Listed {
    config: EnroleeConfig,
    /// The configuration's, in their canonical spelling.
    origins: Vec<Pattern>,
}

/// Stems that a CSE gave, by the stable identity of the Enrolee they were given to.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Bound(BTreeMap<String, BTreeSet<String>>);

impl Enrolees {
    /// From the configuration and the file that keeps bindings.
    pub(super) fn open(
        enrolment: Enrolment,
        naf: Fqdn,
        registrar: Registrar,
        refused: &[String],
        file: PathBuf,
    ) -> io::Result<Self> {
        let bound = match std::fs::read(&file) {
            Ok(octets) => serde_json::from_slice(&octets).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Bound::default(),
            Err(error) => return Err(error),
        };
        let canonical = |pattern: &Pattern| canonical(&registrar, pattern);
        let listed = enrolment.listed().iter().cloned().map(|config| {
            let origins = config.origins.iter().map(canonical).collect();
            Listed { config, origins }
        });
        let listed = listed.collect();
        let refused = refused.iter().filter_map(|text| Pattern::parse(text).ok());
        let refused = refused.map(|pattern| canonical(&pattern)).collect();
        Ok(Self { enrolment, listed, naf, registrar, refused, bound: Mutex::new(bound), file })
    }

    /// Where a subscriber stands.
    pub(super) fn standing(&self, subscriber: &UaSubscriber) -> Standing {
        let UaSubscriber { impi, identities, .. } = subscriber;
        match self.enrolment.standing(impi.as_ref(), identities, &self.naf) {
            enrolment::Standing::Enrolee(place) => Standing::Enrolee(place),
            enrolment::Standing::Open => Standing::Unlisted,
            enrolment::Standing::Stranger => Standing::Stranger,
        }
    }

    /// Whether its identity may be told to what is behind.
    pub(super) fn consents(&self, enrolee: Enrolee) -> bool {
        self.at(enrolee).is_some_and(|listed| listed.config.consent)
    }

    /// The originator to forward, in its one spelling; `None` for a registration that leaves the stem open.
    pub(super) fn originator(
        &self,
        enrolee: Enrolee,
        received: &str,
        registers: bool,
    ) -> Result<Option<String>, Refused> {
        const FOREIGN: Refused = (Rsc::NotAuthenticated, "the originator is not one of the key's holder");
        let listed = self.at(enrolee).ok_or(FOREIGN)?;
        let said = self.registrar.originator(received).map_err(|_| FOREIGN)?;
        let text = said.to_string();
        match said {
            Originator::Absent => match self.default_of(listed) {
                Some(default) => Ok(Some(default)),
                None if registers => Ok(None),
                None => Err((Rsc::NotAuthenticated, "which of the key holder's originators?")),
            },
            Originator::Request(_) if !registers => Err(FOREIGN),
            Originator::Request(_) => {
                let open = listed.origins.iter().any(|origin| origin.matches(&text));
                if open { Ok(Some(text)) } else { Err((Rsc::AppRule, "no rule leaves this stem open")) }
            }
            Originator::Ae(_) | Originator::Cse(_) if self.may_be(enrolee, listed, &text) => Ok(Some(text)),
            Originator::Ae(_) | Originator::Cse(_) => Err(FOREIGN),
        }
    }

    /// Who registers: its private identity, which its rules go by, and the originator that was let pass.
    pub(super) fn registering(&self, enrolee: Enrolee, from: &str) -> Option<(&Impi, Originator)> {
        let impi = &self.at(enrolee)?.config.impi;
        Some((impi, self.registrar.originator(from).ok()?))
    }

    /// Binds the stem that a CSE gave. Whoever had it before has it no more: the CSE knows best.
    pub(super) fn bind(&self, enrolee: Enrolee, given: &str) -> io::Result<()> {
        let Some(listed) = self.at(enrolee) else { return Ok(()) };
        let Ok(Originator::Ae(stem)) = self.registrar.originator(given) else { return Ok(()) };
        let stem = stem.to_string();
        if self.refused.iter().any(|refused| refused.matches(&stem)) {
            return Ok(());
        }
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = listed.config.impi.as_str();
        if bound.owner_of(&stem) == Some(owner) {
            return Ok(());
        }
        for stems in bound.0.values_mut() {
            stems.remove(&stem);
        }
        bound.0.entry(owner.to_owned()).or_default().insert(stem);
        let content = serde_json::to_vec_pretty(&*bound).map_err(io::Error::other)?;
        data_dir::write_atomically(&self.file, &content)
    }

    fn at(&self, enrolee: Enrolee) -> Option<&Listed> {
        self.listed.get(enrolee.index())
    }

    /// The first that is configured, where it is one; else the only one that is bound.
    fn default_of(&self, listed: &Listed) -> Option<String> {
        let first = listed.origins.first().map(ToString::to_string).filter(|first| !first.contains('*'));
        let first = first.filter(|first| !self.refused.iter().any(|refused| refused.matches(first)));
        first.or_else(|| {
            let bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
            let mut stems = bound.0.get(listed.config.impi.as_str())?.iter();
            stems.next().filter(|_| stems.next().is_none()).cloned()
        })
    }

    fn may_be(&self, enrolee: Enrolee, listed: &Listed, text: &str) -> bool {
        if self.refused.iter().any(|refused| refused.matches(text)) {
            return false;
        }
        let bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        let is = |pattern: &Pattern| pattern.to_string() == text;
        match bound.owner_of(text) {
            Some(owner) if owner == listed.config.impi.as_str() => true,
            Some(_) => listed.origins.iter().any(is),
            None => {
                let named = listed.origins.iter().any(is);
                let others = self.listed.iter().enumerate().filter(|(place, _)| *place != enrolee.index());
                let anothers = others.flat_map(|(_, other)| &other.origins).any(is);
                // What a wildcard stands for ends where somebody else's own name begins.
                named || !anothers && listed.origins.iter().any(|origin| origin.matches(text))
            }
        }
    }
}

impl Bound {
    fn owner_of(&self, stem: &str) -> Option<&str> {
        let owner = self.0.iter().find(|(_, stems)| stems.contains(stem));
        owner.map(|(owner, _)| owner.as_str())
    }
}

fn canonical(registrar: &Registrar, pattern: &Pattern) -> Pattern {
    let text = pattern.to_string();
    let one = registrar.originator(&text).ok().map(|originator| originator.to_string());
    one.and_then(|text| Pattern::parse(&text).ok()).unwrap_or_else(|| pattern.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NafPolicy;
    use ksnaf_proto::onem2m::{CseId, SpId};

    fn impi(name: &str) -> Impi {
        Impi::parse(&format!("{name}@ims.example")).unwrap()
    }

    fn listed(name: &str, origins: &[&str]) -> EnroleeConfig {
        let origins = origins.iter().map(|origin| Pattern::parse(origin).unwrap()).collect();
        EnroleeConfig { impi: impi(name), origins, targets: None, consent: false }
    }

    fn open(folder: &tempfile::TempDir, listed: Vec<EnroleeConfig>) -> Enrolees {
        let naf = Fqdn::parse("id-in.cse.example").unwrap();
        let registrar = Registrar::new(CseId::parse("/id-in").unwrap(), SpId::parse("cse.example").ok());
        let refused = ["CAdmin".to_owned()];
        let enrolment = Enrolment::new(listed, &NafPolicy::default());
        Enrolees::open(enrolment, naf, registrar, &refused, folder.path().join("enrolees.json")).unwrap()
    }

    fn enrolee(enrolees: &Enrolees, name: &str) -> Enrolee {
        let subscriber = UaSubscriber { impi: Some(impi(name)), ..UaSubscriber::default() };
        match enrolees.standing(&subscriber) {
            Standing::Enrolee(enrolee) => enrolee,
            other => panic!("{name} is {other:?}"),
        }
    }

    #[test]
    fn one_is_who_the_list_says_in_every_spelling_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let all = open(&folder, vec![listed("a", &["/id-in/Ca", "Sa*"]), listed("b", &["C*", "CAdmin"])]);
        let (a, b) = (enrolee(&all, "a"), enrolee(&all, "b"));
        for spelling in ["Ca", "/id-in/Ca", "//cse.example/id-in/Ca", " Ca ", ""] {
            assert_eq!(all.originator(a, spelling, false), Ok(Some("Ca".to_owned())), "{spelling:?}");
        }
        assert_eq!(all.originator(a, "/Sab", false), Ok(Some("Sab".to_owned())));
        assert_eq!(all.originator(b, "Cx", false), Ok(Some("Cx".to_owned())));
        for (who, foreign) in [
            (a, "Cb"),
            (a, "C%61"),
            (a, "ca"),
            (a, "Ca,CAdmin"),
            (a, "/mn7/Ca"),
            (a, "//other.example/id-in/Ca"),
            (a, "C"),
            (a, "CAdmin"),
            (b, "CAdmin"),
            (b, "/id-in/CAdmin"),
            (b, "Ca"),
            (b, "/id-in"),
            (b, "Sx"),
        ] {
            let refused = all.originator(who, foreign, false);
            assert!(matches!(refused, Err((Rsc::NotAuthenticated, _))), "{foreign}: {refused:?}");
        }
    }

    #[test]
    fn a_registration_may_leave_open_what_a_rule_leaves_open() {
        let folder = tempfile::tempdir().unwrap();
        let all = open(&folder, vec![listed("a", &["Ca"]), listed("b", &["C*"])]);
        let (a, b) = (enrolee(&all, "a"), enrolee(&all, "b"));
        assert_eq!(all.originator(b, "C", true), Ok(Some("C".to_owned())));
        assert_eq!(all.originator(b, "", true), Ok(None));
        assert_eq!(all.originator(b, "", false).unwrap_err().0, Rsc::NotAuthenticated, "who, then?");
        assert_eq!(all.originator(b, "S", true).unwrap_err().0, Rsc::AppRule);
        assert_eq!(all.originator(a, "C", true).unwrap_err().0, Rsc::AppRule);
        assert_eq!(all.originator(a, "", true), Ok(Some("Ca".to_owned())), "the first is the default");
    }

    #[test]
    fn what_a_cse_gave_belongs_to_the_enrolee_from_then_on_after_a_restart_too() {
        let folder = tempfile::tempdir().unwrap();
        let list = || vec![listed("a", &["C*"]), listed("b", &["C*"])];
        let all = open(&folder, list());
        let (a, b) = (enrolee(&all, "a"), enrolee(&all, "b"));
        all.bind(a, "/id-in/Cgiven").unwrap();
        let again = open(&folder, list());
        for all in [&all, &again] {
            assert_eq!(all.originator(a, "Cgiven", false), Ok(Some("Cgiven".to_owned())));
            assert_eq!(all.originator(a, "", false), Ok(Some("Cgiven".to_owned())), "its only one");
            assert!(all.originator(b, "Cgiven", false).is_err(), "the wildcard ends there");
        }
        again.bind(b, "Cgiven").unwrap();
        assert!(again.originator(a, "Cgiven", false).is_err());
        again.bind(a, "CAdmin").unwrap();
        assert!(again.originator(a, "CAdmin", false).is_err());
    }

    #[test]
    fn who_is_not_listed_is_a_stranger_where_anybody_is() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = UaSubscriber { impi: Some(impi("x")), ..UaSubscriber::default() };
        assert_eq!(open(&folder, Vec::new()).standing(&nobody), Standing::Unlisted);
        assert_eq!(open(&folder, vec![listed("a", &["Ca"])]).standing(&nobody), Standing::Stranger);
        let elsewhere = EnroleeConfig { targets: Some(Vec::new()), ..listed("x", &["Cx"]) };
        assert_eq!(open(&folder, vec![elsewhere]).standing(&nobody), Standing::Stranger);
        let by_settings =
            UaSubscriber { identities: vec!["a@ims.example".to_owned()], ..UaSubscriber::default() };
        assert!(matches!(open(&folder, vec![listed("a", &[])]).standing(&by_settings), Standing::Enrolee(_)));
    }
}
