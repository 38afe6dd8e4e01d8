//! Which applications a credential may register: rules as serviceSubscribedAppRule has them (TS-0001 clause 9.6.29,
//! TS-0004 clause 7.4.29). What no rule allows is refused.

use super::originator::Originator;
use std::fmt;

/// Why a rule cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// An empty element.
    #[error("an element of a rule is empty")]
    Empty,
    /// More than one `*` in an element.
    #[error("an element of a rule has one * at most")]
    Wildcards,
    /// Blanks, control characters, or beyond ASCII.
    #[error("an element of a rule is of printable ASCII without blanks")]
    Character,
    /// An App-ID begins with R or N: BAD_REQUEST, response status code 4000.
    #[error("an element of the allowed App-IDs begins with *, R or N")]
    AppId,
}

impl RuleError {
    /// The response status code of a rule like this (TS-0004 clause 7.4.29).
    pub const RSC: u16 = 4000;
}

/// An element of a list: a text, or all texts with a beginning and an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    head: String,
    /// What stands after the `*`, if there is one.
    tail: Option<String>,
}

impl Pattern {
    /// Reads an element: `*`, `S*`, `C123*X`, or a text that stands for itself.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.is_empty() {
            return Err(RuleError::Empty);
        }
        if !text.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(RuleError::Character);
        }
        match text.split_once('*') {
            None => Ok(Self { head: text.to_owned(), tail: None }),
            Some((_, tail)) if tail.contains('*') => Err(RuleError::Wildcards),
            Some((head, tail)) => Ok(Self { head: head.to_owned(), tail: Some(tail.to_owned()) }),
        }
    }

    /// Whether a text is among those that the element stands for. The beginning and the end do not overlap.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.tail {
            None => self.head == text,
            Some(tail) => text.strip_prefix(&*self.head).is_some_and(|rest| rest.ends_with(&**tail)),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tail {
            None => f.write_str(&self.head),
            Some(tail) => write!(f, "{}*{tail}", self.head),
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whom it is for.
    subjects: Subjects,
    /// aai.
    apps: Vec<Pattern>,
    /// aae.
    stems: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subjects {
    /// apci is absent: registrations without a security association.
    Unprotected,
    /// apci: Credential-IDs.
    Credentials(Vec<Pattern>),
    /// Enrolees, whose Credential-ID is another after each bootstrap.
    Enrolees(Vec<Pattern>),
}

impl Rule {
    /// For credentials: applicableCredIDs, allowedApp-IDs, allowedAEs. Without the first it is for registrations that come
    /// without a security association.
    pub fn for_credentials<'a>(
        applicable: Option<&[&'a str]>,
        apps: &[&'a str],
        stems: &[&'a str],
    ) -> Result<Self, RuleError> {
        let subjects = match applicable {
            None => Subjects::Unprotected,
            Some(elements) => Subjects::Credentials(patterns(elements)?),
        };
        Self::new(subjects, apps, stems)
    }

    /// For Enrolees by the stable name that the network side has for them.
    pub fn for_enrolees<'a>(
        enrolees: &[&'a str],
        apps: &[&'a str],
        stems: &[&'a str],
    ) -> Result<Self, RuleError> {
        Self::new(Subjects::Enrolees(patterns(enrolees)?), apps, stems)
    }

    fn new(subjects: Subjects, apps: &[&str], stems: &[&str]) -> Result<Self, RuleError> {
        if apps.iter().any(|element| !element.starts_with(['*', 'R', 'N'])) {
            return Err(if apps.contains(&"") { RuleError::Empty } else { RuleError::AppId });
        }
        Ok(Self { subjects, apps: patterns(apps)?, stems: patterns(stems)? })
    }

    fn allows(&self, registration: &Registration<'_>) -> bool {
        let any = |patterns: &[Pattern], text: &str| patterns.iter().any(|pattern| pattern.matches(text));
        let is_subject = match (&self.subjects, registration.credential_id, registration.enrolee) {
            (Subjects::Unprotected, None, None) => true,
            (Subjects::Credentials(list), Some(id), _) => any(list, id),
            (Subjects::Enrolees(list), _, Some(enrolee)) => any(list, enrolee),
            _ => false,
        };
        is_subject && any(&self.apps, registration.app_id) && any(&self.stems, &registration.stem())
    }
}

fn patterns(elements: &[&str]) -> Result<Vec<Pattern>, RuleError> {
    elements.iter().map(|element| Pattern::parse(element)).collect()
}

/// An AE that wants to register.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    /// Credential-ID of the security association, if there is one: `12-` and the B-TID after GBA.
    pub credential_id: Option<&'a str>,
    /// The Enrolee that the association is bound to.
    pub enrolee: Option<&'a str>,
    /// App-ID.
    pub app_id: &'a str,
    /// From, in its canonical spelling.
    pub originator: &'a Originator,
}

impl Registration<'_> {
    /// What is held against the allowed stems. A registration that leaves the stem open asks for "any C", "any S" or, with
    /// nothing said, for any: it is allowed where the pattern for all of these is.
    fn stem(&self) -> String {
        match self.originator {
            // No pattern but `*` matches the empty text.
            Originator::Absent => String::new(),
            other => other.to_string(),
        }
    }
}

/// No rule allows the registration: APP_RULE_VALIDATION_FAILED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no rule allows this App-ID and AE-ID for this credential")]
pub struct NoRule;

impl NoRule {
    /// The response status code (TS-0004 clause 6.6.3.5).
    pub const RSC: u16 = 4126;
}

/// Whether one rule allows credential, App-ID and stem together; says which.
pub fn check<'r>(rules: &'r [Rule], registration: &Registration<'_>) -> Result<&'r Rule, NoRule> {
    rules.iter().find(|rule| rule.allows(registration)).ok_or(NoRule)
}

#[cfg(test)]
mod tests {
    use super::super::{CseId, Registrar};
    use super::*;

    const B_TID: &str = "ab+/CD==@bsf.mnc001.mcc001.3gppnetwork.org";

    fn from(text: &str) -> Originator {
        Registrar::new(CseId::parse("/id-in").unwrap(), None).originator(text).unwrap()
    }

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn an_element_matches_what_it_stands_for() {
        for (element, text, expected) in [
            ("C123*X", "C123X", true),
            ("C123*X", "C123abcX", true),
            ("C123*X", "C123", false),
            ("C123*X", "C12X", false),
            ("C123*X", "C123Xa", false),
            ("C123*X", "c123x", false),
            ("C123*X", "aC123X", false),
            ("C1*1", "C1", false),
            ("C1*1", "C11", true),
            ("*", "", true),
            ("*", "anything", true),
            ("S*", "S", true),
            ("S*", "Sgba", true),
            ("S*", "Cgba", false),
            ("*X", "X", true),
            ("Cgba", "Cgba", true),
            ("Cgba", "Cgba2", false),
            ("C.ba", "Cgba", false),
            ("12-*@bsf.example", "12-ab+/==@bsf.example", true),
            ("12-*@bsf.example", "12-ab@bsf.example.org", false),
            ("12-*@bsf.example", "11-ab@bsf.example", false),
        ] {
            assert_eq!(pattern(element).matches(text), expected, "{element} and {text}");
            assert_eq!(pattern(element).to_string(), element);
        }
    }

    #[test]
    fn credential_app_id_and_stem_match_one_rule_together() {
        let credential = format!("12-{B_TID}");
        let any_of_bsf = "12-*@bsf.mnc001.mcc001.3gppnetwork.org";
        let rules = [
            Rule::for_credentials(Some(&[any_of_bsf]), &["R123*X", "Nmeter"], &["C123*X"]).unwrap(),
            Rule::for_credentials(Some(&[any_of_bsf]), &["Nother"], &["S*"]).unwrap(),
            Rule::for_credentials(None, &["Nopen"], &["*"]).unwrap(),
        ];
        let ask = |credential_id, app_id, stem| {
            let registration = Registration { credential_id, enrolee: None, app_id, originator: &from(stem) };
            let rule = check(&rules, &registration);
            rule.map(|rule| rules.iter().position(|known| known == rule).unwrap())
        };
        let with = Some(credential.as_str());
        assert_eq!(ask(with, "Nmeter", "C123X"), Ok(0));
        assert_eq!(ask(with, "R123.com.X", "/id-in/C123yX"), Ok(0));
        assert_eq!(ask(with, "Nother", "/Sgba"), Ok(1));
        assert_eq!(ask(with, "Nother", "S"), Ok(1));
        assert_eq!(ask(with, "Nother", "C123X"), Err(NoRule), "App-ID of one rule, stem of another");
        assert_eq!(ask(with, "Nmeter", "Sgba"), Err(NoRule));
        assert_eq!(ask(with, "Nmeter", "C"), Err(NoRule), "a stem of the CSE's choice may be another");
        assert_eq!(ask(with, "Nother", ""), Err(NoRule), "no preference is not only S");
        assert_eq!(ask(with, "Nopen", "Cgba"), Err(NoRule), "a rule for associations or for none");
        assert_eq!(ask(None, "Nopen", "Cgba"), Ok(2));
        assert_eq!(ask(None, "Nopen", ""), Ok(2));
        assert_eq!(ask(None, "Nmeter", "C123X"), Err(NoRule));
        assert_eq!(ask(Some("11-x@bsf.mnc001.mcc001.3gppnetwork.org"), "Nmeter", "C123X"), Err(NoRule));
        assert_eq!((NoRule::RSC, RuleError::RSC), (4126, 4000));
    }

    #[test]
    fn an_enrolee_keeps_its_rule_from_one_bootstrap_to_the_next() {
        let rules = [Rule::for_enrolees(&["/mn7", "C9*"], &["*"], &["Cgba", "S*"]).unwrap()];
        for credential in ["12-first@bsf.example", "12-second@bsf.example"] {
            let ask = |enrolee, stem| {
                let originator = from(stem);
                let registration = Registration {
                    credential_id: Some(credential),
                    enrolee,
                    app_id: "Nmeter",
                    originator: &originator,
                };
                check(&rules, &registration).is_ok()
            };
            assert!(ask(Some("/mn7"), "Cgba") && ask(Some("C91"), "Sx"));
            assert!(!ask(Some("/mn8"), "Cgba") && !ask(None, "Cgba") && !ask(Some("/mn7"), "CAdmin"));
        }
    }

    #[test]
    fn nothing_is_allowed_without_a_rule_or_by_an_empty_one() {
        let originator = from("Cgba");
        let registration = Registration {
            credential_id: Some("12-x@y"),
            enrolee: Some("/mn7"),
            app_id: "Nmeter",
            originator: &originator,
        };
        assert_eq!(check(&[], &registration), Err(NoRule));
        for (applicable, apps, stems) in
            [(&[][..], &["*"][..], &["*"][..]), (&["*"], &[], &["*"]), (&["*"], &["*"], &[])]
        {
            let rule = Rule::for_credentials(Some(applicable), apps, stems).unwrap();
            assert_eq!(check(&[rule], &registration), Err(NoRule));
        }
        let open = Rule::for_credentials(Some(&["*"]), &["*"], &["*"]).unwrap();
        assert!(check(&[open], &registration).is_ok());
    }

    #[test]
    fn a_rule_that_cannot_be_is_refused() {
        let rule = |app: &str, stem: &str| Rule::for_credentials(Some(&["*"]), &[app], &[stem]);
        for start in ["Capp", "app", "r123", "n1", "-R", "1*"] {
            assert_eq!(rule(start, "*"), Err(RuleError::AppId), "{start}");
        }
        for good in ["*", "*app", "R1", "Napp", "N*"] {
            assert!(rule(good, "*").is_ok(), "{good}");
        }
        assert_eq!(rule("R*a*", "*"), Err(RuleError::Wildcards));
        assert_eq!(rule("*", "**"), Err(RuleError::Wildcards));
        assert_eq!(rule("*", ""), Err(RuleError::Empty));
        assert_eq!(rule("", "*"), Err(RuleError::Empty));
        assert_eq!(rule("*", "C gba"), Err(RuleError::Character));
        assert_eq!(Rule::for_enrolees(&["ä"], &[], &[]), Err(RuleError::Character));
    }

    proptest::proptest! {
        #[test]
        fn an_element_is_read_as_it_is_written(text in "[a-c*]{0,6}", other in "[a-c]{0,6}") {
            if let Ok(element) = Pattern::parse(&text) {
                assert_eq!(element.to_string(), text);
                let (head, tail) = text.split_once('*').unwrap_or((&text, ""));
                let expected = if text.contains('*') {
                    (0..=other.len()).any(|at| other.starts_with(head) && at >= head.len() && &other[at..] == tail)
                } else {
                    text == other
                };
                assert_eq!(element.matches(&other), expected, "{text} and {other}");
            }
        }
    }
}
