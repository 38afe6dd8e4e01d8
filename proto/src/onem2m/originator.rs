//! Who a request is from: one identity has three spellings, and all compare as one (TS-0001 clause 7.2).

use super::names::{CseId, SpId, is_unreserved};
use std::fmt;

/// Why a From parameter names nobody here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginatorError {
    /// Something else than unreserved characters and slashes. `%` too: an originator is not percent-decoded.
    #[error("an originator consists of letters, digits, '-', '.', '_', '~' and slashes")]
    Character,
    /// Slashes in places where no identifier has them.
    #[error("not an AE-ID or CSE-ID: stem, /cse/stem, /stem, /cse, or one of these after //domain")]
    Form,
    /// An AE-ID-Stem begins with C or S.
    #[error("an AE-ID-Stem begins with C or S")]
    Stem,
    /// An AE of another CSE.
    #[error("an AE that is registered with another CSE")]
    OtherCse,
    /// An identity of another service provider.
    #[error("an identity of another service provider")]
    OtherProvider,
}

/// Who chose an AE-ID-Stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StemKind {
    /// `C…`: its registrar CSE.
    CseAssigned,
    /// `S…`: the service provider.
    SpAssigned,
}

/// The AE-ID-Stem of an AE: `C…` or `S…`, more than that one letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AeIdStem(String);

impl AeIdStem {
    /// Reads a stem.
    pub fn parse(text: &str) -> Result<Self, OriginatorError> {
        if !text.bytes().all(is_unreserved) {
            return Err(OriginatorError::Character);
        }
        if text.len() > 1 && text.starts_with(['C', 'S']) {
            Ok(Self(text.to_owned()))
        } else {
            Err(OriginatorError::Stem)
        }
    }

    /// The stem.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who chose it.
    #[must_use]
    pub fn kind(&self) -> StemKind {
        if self.0.starts_with('S') { StemKind::SpAssigned } else { StemKind::CseAssigned }
    }
}

impl fmt::Display for AeIdStem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The originator of a request, in the one spelling that is compared and forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Originator {
    /// Nothing said: a registration without a preference (TS-0001 clause 10.2.2.2).
    Absent,
    /// `C` or `S` alone: a registration that asks for a stem of this kind.
    Request(StemKind),
    /// An AE.
    Ae(AeIdStem),
    /// A CSE of this service provider, by its identifier without slashes.
    Cse(String),
}

impl fmt::Display for Originator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => Ok(()),
            Self::Request(StemKind::CseAssigned) => f.write_str("C"),
            Self::Request(StemKind::SpAssigned) => f.write_str("S"),
            Self::Ae(stem) => write!(f, "{stem}"),
            Self::Cse(id) => write!(f, "/{id}"),
        }
    }
}

/// The CSE that requests come to: what identifiers are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registrar {
    cse: CseId,
    provider: Option<SpId>,
}

impl Registrar {
    /// A CSE of a service provider; `provider` completes an SP-relative CSE-ID.
    #[must_use]
    pub fn new(cse: CseId, provider: Option<SpId>) -> Self {
        let provider = cse.provider().cloned().or(provider);
        Self { cse, provider }
    }

    /// The originator that a From parameter or X-M2M-Origin header names: `Cgba`, `/id-in/Cgba` and
    /// `//domain/id-in/Cgba` are one. Blanks and tabs around it are HTTP's; nothing in it is decoded.
    pub fn originator(&self, received: &str) -> Result<Originator, OriginatorError> {
        let text = received.trim_matches([' ', '\t']);
        if !text.bytes().all(|octet| is_unreserved(octet) || octet == b'/') {
            return Err(OriginatorError::Character);
        }
        let relative = match text.strip_prefix("//") {
            None => text,
            Some(absolute) => {
                let end = absolute.find('/').ok_or(OriginatorError::Form)?;
                let (domain, rest) = absolute.split_at(end);
                let named = SpId::parse(domain).map_err(|_| OriginatorError::Form)?;
                if self.provider.as_ref() != Some(&named) {
                    return Err(OriginatorError::OtherProvider);
                }
                rest
            }
        };
        let Some(in_provider) = relative.strip_prefix('/') else {
            return Self::in_cse(relative);
        };
        match in_provider.split_once('/') {
            // An AE that its registrar named is known to the service provider by its registrar and its stem.
            Some((cse, stem)) if cse == self.cse.id() && !stem.contains('/') => {
                match AeIdStem::parse(stem)? {
                    stem if stem.kind() == StemKind::CseAssigned => Ok(Originator::Ae(stem)),
                    _ => Err(OriginatorError::Form),
                }
            }
            Some((cse, stem)) if cse.is_empty() || stem.is_empty() || stem.contains('/') => {
                Err(OriginatorError::Form)
            }
            Some(_) => Err(OriginatorError::OtherCse),
            None if in_provider == self.cse.id() => Ok(Originator::Cse(in_provider.to_owned())),
            None => match AeIdStem::parse(in_provider) {
                Ok(stem) if stem.kind() == StemKind::SpAssigned => Ok(Originator::Ae(stem)),
                _ if in_provider.is_empty() => Err(OriginatorError::Form),
                _ => Ok(Originator::Cse(in_provider.to_owned())),
            },
        }
    }

    fn in_cse(text: &str) -> Result<Originator, OriginatorError> {
        match text {
            "" => Ok(Originator::Absent),
            "C" => Ok(Originator::Request(StemKind::CseAssigned)),
            "S" => Ok(Originator::Request(StemKind::SpAssigned)),
            _ if text.contains('/') => Err(OriginatorError::Form),
            _ => AeIdStem::parse(text).map(Originator::Ae),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registrar() -> Registrar {
        Registrar::new(CseId::parse("/id-in").unwrap(), SpId::parse("acme.example.com").ok())
    }

    fn ae(stem: &str) -> Result<Originator, OriginatorError> {
        Ok(Originator::Ae(AeIdStem::parse(stem).unwrap()))
    }

    #[test]
    fn one_identity_has_three_spellings() {
        let from = |text| registrar().originator(text);
        for spelling in [
            "Cgba",
            "/id-in/Cgba",
            "//acme.example.com/id-in/Cgba",
            "//ACME.example.com/id-in/Cgba",
            " Cgba",
            "\t/id-in/Cgba \t",
        ] {
            assert_eq!(from(spelling), ae("Cgba"), "{spelling:?}");
            assert_eq!(from(spelling).unwrap().to_string(), "Cgba");
        }
        for spelling in ["Sgba", "/Sgba", "//acme.example.com/Sgba"] {
            assert_eq!(from(spelling), ae("Sgba"), "{spelling}");
        }
        for spelling in ["/id-in", "//acme.example.com/id-in"] {
            assert_eq!(from(spelling), Ok(Originator::Cse("id-in".to_owned())), "{spelling}");
        }
        let absolute = Registrar::new(CseId::parse("//acme.example.com/id-in").unwrap(), None);
        assert_eq!(absolute.originator("//acme.example.com/id-in/Cgba"), ae("Cgba"));
        assert_eq!(from("/mn7").unwrap().to_string(), "/mn7");
    }

    #[test]
    fn a_registration_may_leave_its_stem_open() {
        let from = |text| registrar().originator(text);
        assert_eq!(from(""), Ok(Originator::Absent));
        assert_eq!(from("  "), Ok(Originator::Absent));
        assert_eq!(from("C"), Ok(Originator::Request(StemKind::CseAssigned)));
        assert_eq!(from("S"), Ok(Originator::Request(StemKind::SpAssigned)));
        for text in ["", "C", "S", "Cgba", "Sgba", "/mn7"] {
            assert_eq!(from(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn look_alikes_are_not_the_identity() {
        let from = |text| registrar().originator(text);
        for (text, error) in [
            ("C%67ba", OriginatorError::Character),
            ("Cgba,CAdmin", OriginatorError::Character),
            ("Cg ba", OriginatorError::Character),
            ("Cgba\r\nX: y", OriginatorError::Character),
            ("Cgba\u{a0}", OriginatorError::Character),
            ("Ｃgba", OriginatorError::Character),
            ("cgba", OriginatorError::Stem),
            ("admin", OriginatorError::Stem),
            ("/mn7/Cgba", OriginatorError::OtherCse),
            ("//acme.example.com/mn7/Cgba", OriginatorError::OtherCse),
            ("/ID-IN/Cgba", OriginatorError::OtherCse),
            ("//other.example/id-in/Cgba", OriginatorError::OtherProvider),
            ("//other.example/Sgba", OriginatorError::OtherProvider),
            ("/id-in/C", OriginatorError::Stem),
            ("/id-in/", OriginatorError::Stem),
            ("/id-in/Sgba", OriginatorError::Form),
            ("/id-in/Cgba/x", OriginatorError::Form),
            ("id-in/Cgba", OriginatorError::Form),
            ("/", OriginatorError::Form),
            ("//", OriginatorError::Form),
            ("//acme.example.com", OriginatorError::Form),
            ("//acme.example.com/", OriginatorError::Form),
            ("///Cgba", OriginatorError::Form),
        ] {
            assert_eq!(from(text), Err(error), "{text:?}");
        }
        assert_ne!(from("CGBA"), from("Cgba"), "a stem is case-sensitive");
        let alone = Registrar::new(CseId::parse("/id-in").unwrap(), None);
        let absolute = "//acme.example.com/id-in/Cgba";
        assert_eq!(alone.originator(absolute), Err(OriginatorError::OtherProvider));
    }

    proptest::proptest! {
        #[test]
        fn the_canonical_spelling_is_its_own(text in "[/CSa-c.~% ]{0,12}") {
            if let Ok(originator) = registrar().originator(&text) {
                assert_eq!(registrar().originator(&originator.to_string()), Ok(originator));
            }
        }
    }
}
