//! From a CSE-ID to its public domain name, which is the NAF's FQDN in key derivation (TS-0001 clauses 6.5.1.1 and 7.2).
//!
//! `<IN-CSE>.<service provider>` for the infrastructure node, `<CSE>.<infrastructure node's name>` for every node in the
//! field, however many hops away. The name is a label of a derivation: DNS need not know it.

use crate::identity::{Fqdn, IdentityError};
use std::fmt;

/// Why a text is no CSE-ID, or one from which no NAF name can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Neither `/cse` nor `//domain/cse`.
    #[error("a CSE-ID is /cse or //domain/cse")]
    Form,
    /// More than one segment: an AE-ID or a resource, for which the specifications define no name.
    #[error("a CSE-ID has one segment; an AE has no public domain name")]
    Segments,
    /// The M2M-SP-ID's domain is no host name.
    #[error("the service provider's domain: {0}")]
    Provider(IdentityError),
    /// An SP-relative CSE-ID says nothing of its service provider.
    #[error("the service provider's domain is not known")]
    NoProvider,
    /// An absolute CSE-ID of another service provider than the one at hand.
    #[error("the CSE-ID belongs to another service provider")]
    OtherProvider,
    /// A dot would let two CSEs have one name: `/a.b` below `x`, and `/a` below `/b` of `x`.
    #[error("a CSE-ID with a dot in it would share its name with another CSE")]
    Dot,
    /// Legal in a CSE-ID and not in a host name: `_`, `~`; or legal in neither.
    #[error("a character that no label of a host name has")]
    Character,
    /// A label has 63 octets at most.
    #[error("a label of a host name has 1 to 63 octets")]
    LabelLength,
    /// Hyphens stand inside a label.
    #[error("a label neither begins nor ends with a hyphen")]
    Hyphen,
    /// A host name has 253 octets at most.
    #[error("a host name has at most 253 octets")]
    NameLength,
}

/// An M2M service provider: `//domain`, or the domain alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpId(Fqdn);

impl SpId {
    /// Reads an M2M-SP-ID (TS-0001 clause 7.2).
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let domain = text.strip_prefix("//").unwrap_or(text);
        Fqdn::parse(domain).map(Self).map_err(NameError::Provider)
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> &Fqdn {
        &self.0
    }
}

impl fmt::Display for SpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "//{}", self.0)
    }
}

/// A CSE-ID in one of its two spellings, of unreserved characters (RFC 3986). Not each has a public domain name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CseId {
    provider: Option<SpId>,
    id: String,
}

impl CseId {
    /// Reads `/cse` or `//domain/cse`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (provider, id) = match text.strip_prefix("//") {
            Some(absolute) => {
                let (domain, id) = absolute.split_once('/').ok_or(NameError::Form)?;
                (Some(SpId::parse(domain)?), id)
            }
            None => (None, text.strip_prefix('/').ok_or(NameError::Form)?),
        };
        if id.is_empty() {
            return Err(NameError::Form);
        }
        if id.contains('/') {
            return Err(NameError::Segments);
        }
        if !id.bytes().all(is_unreserved) {
            return Err(NameError::Character);
        }
        Ok(Self { provider, id: id.to_owned() })
    }

    /// The identifier without provider and slashes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The service provider, where the spelling names it.
    #[must_use]
    pub const fn provider(&self) -> Option<&SpId> {
        self.provider.as_ref()
    }

    /// The public domain name of a CSE on the infrastructure node. `provider` completes an SP-relative spelling.
    pub fn name_on_infrastructure_node(&self, provider: Option<&SpId>) -> Result<Fqdn, NameError> {
        let provider = match (&self.provider, provider) {
            (Some(own), Some(other)) if own != other => return Err(NameError::OtherProvider),
            (Some(own), _) => own,
            (None, Some(other)) => other,
            (None, None) => return Err(NameError::NoProvider),
        };
        below(self.label()?, provider.domain())
    }

    /// The public domain name of a CSE on a middle or application service node below `infrastructure`, the IN-CSE: not
    /// even the absolute spelling says which that is.
    pub fn name_on_field_node(
        &self,
        infrastructure: &Self,
        provider: Option<&SpId>,
    ) -> Result<Fqdn, NameError> {
        let provider = provider.or(self.provider.as_ref());
        let above = infrastructure.name_on_infrastructure_node(provider)?;
        if self.provider.as_ref().is_some_and(|own| provider != Some(own)) {
            return Err(NameError::OtherProvider);
        }
        below(self.label()?, &above)
    }

    /// The identifier, if it may stand between dots.
    fn label(&self) -> Result<&str, NameError> {
        let id = self.id.as_str();
        if id.contains('.') {
            return Err(NameError::Dot);
        }
        if !id.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-') {
            return Err(NameError::Character);
        }
        if id.len() > 63 {
            return Err(NameError::LabelLength);
        }
        if id.starts_with('-') || id.ends_with('-') { Err(NameError::Hyphen) } else { Ok(id) }
    }
}

impl fmt::Display for CseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = &self.provider {
            write!(f, "{provider}")?;
        }
        write!(f, "/{}", self.id)
    }
}

/// The NAF FQDN of a MAF is the MAF's own (TS-0003 clause 8.3.2.3).
pub fn maf_name(maf: &str) -> Result<Fqdn, NameError> {
    Fqdn::parse(maf).map_err(|_| if maf.len() > 253 { NameError::NameLength } else { NameError::Character })
}

/// RFC 3986 clause 2.3: what identifiers of oneM2M consist of (TS-0001 clause 7.2).
pub(super) const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

/// [`Fqdn`] folds to lower case, as every end has to.
fn below(label: &str, above: &Fqdn) -> Result<Fqdn, NameError> {
    Fqdn::parse(&format!("{label}.{above}")).map_err(|_| NameError::NameLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cse(text: &str) -> CseId {
        CseId::parse(text).unwrap()
    }

    fn sp(text: &str) -> SpId {
        SpId::parse(text).unwrap()
    }

    #[test]
    fn the_mapping_is_that_of_ts_0001() {
        let on_in = |id, provider: Option<&str>| {
            cse(id).name_on_infrastructure_node(provider.map(sp).as_ref()).map(|name| name.to_string())
        };
        assert_eq!(on_in("/in1", Some("sp.example")).unwrap(), "in1.sp.example");
        assert_eq!(on_in("//sp.example/in1", None).unwrap(), "in1.sp.example");
        assert_eq!(on_in("/id-in", Some("//acme.example.com")).unwrap(), "id-in.acme.example.com");
        assert_eq!(on_in("/ID-In", Some("Acme.Example.com.")).unwrap(), "id-in.acme.example.com");
        let in_field = |id, infrastructure, provider: Option<&str>| {
            let provider = provider.map(sp);
            let name = cse(id).name_on_field_node(&cse(infrastructure), provider.as_ref());
            name.map(|name| name.to_string())
        };
        assert_eq!(in_field("/mn7", "/in1", Some("sp.example")).unwrap(), "mn7.in1.sp.example");
        assert_eq!(in_field("//sp.example/mn7", "/in1", None).unwrap(), "mn7.in1.sp.example");
        assert_eq!(in_field("/mn7", "//sp.example/in1", None).unwrap(), "mn7.in1.sp.example");
        assert_eq!(maf_name("MAF.sp.example").unwrap().as_str(), "maf.sp.example");
        assert_eq!(on_in("/in1", None), Err(NameError::NoProvider));
        assert_eq!(on_in("//sp.example/in1", Some("other.example")), Err(NameError::OtherProvider));
        assert_eq!(in_field("//a.example/mn7", "//b.example/in1", None), Err(NameError::OtherProvider));
        assert_eq!(
            in_field("//a.example/mn7", "//b.example/in1", Some("b.example")),
            Err(NameError::OtherProvider)
        );
        assert_eq!(in_field("/mn7", "/in1", None), Err(NameError::NoProvider));
    }

    #[test]
    fn an_ae_has_no_name_of_its_own() {
        for ae in ["//sp.example/mn7/Cgba", "/mn7/Cgba", "/in1/"] {
            assert_eq!(CseId::parse(ae), Err(NameError::Segments), "{ae}");
        }
        for bare in ["Cgba", "Sgba", "C", "S", "", "/", "//", "//sp.example", "//sp.example/"] {
            assert_eq!(CseId::parse(bare), Err(NameError::Form), "{bare}");
        }
    }

    #[test]
    fn dots_cannot_make_two_cses_share_a_name() {
        let provider = sp("x.example");
        let mn = cse("/a").name_on_field_node(&cse("/b"), Some(&provider)).unwrap();
        assert_eq!(mn.as_str(), "a.b.x.example");
        assert_eq!(cse("/a.b").name_on_infrastructure_node(Some(&provider)), Err(NameError::Dot));
        assert_eq!(cse("/a").name_on_field_node(&cse("/b.c"), Some(&provider)), Err(NameError::Dot));
    }

    #[test]
    fn what_is_no_label_has_no_name() {
        let provider = sp("sp.example");
        for (id, error) in [
            ("/a_b", NameError::Character),
            ("/a~b", NameError::Character),
            ("/-a", NameError::Hyphen),
            ("/a-", NameError::Hyphen),
        ] {
            assert_eq!(cse(id).name_on_infrastructure_node(Some(&provider)), Err(error), "{id}");
        }
        for id in ["/ä", "/a b", "/a%62", "/a:b", "/a*", "/a\0", "//sp.example/a@b"] {
            assert_eq!(CseId::parse(id), Err(NameError::Character), "{id}");
        }
        let long = |count| cse(&format!("/{}", "a".repeat(count)));
        assert!(long(63).name_on_infrastructure_node(Some(&provider)).is_ok());
        assert_eq!(long(64).name_on_infrastructure_node(Some(&provider)), Err(NameError::LabelLength));
        let wide = sp(&["a".repeat(63), "b".repeat(63), "c".repeat(61)].join("."));
        assert_eq!(wide.domain().as_str().len(), 189);
        assert_eq!(long(63).name_on_infrastructure_node(Some(&wide)).unwrap().as_str().len(), 253);
        let wider = sp(&["a".repeat(63), "b".repeat(63), "c".repeat(62)].join("."));
        assert_eq!(long(63).name_on_infrastructure_node(Some(&wider)), Err(NameError::NameLength));
        assert!(matches!(CseId::parse("//-/a"), Err(NameError::Provider(_))));
        assert!(matches!(SpId::parse("//a/b"), Err(NameError::Provider(_))));
        assert_eq!(maf_name(&"a.".repeat(130)), Err(NameError::NameLength));
        assert_eq!(maf_name(""), Err(NameError::Character));
    }

    #[test]
    fn every_prefix_of_an_identifier_is_one_or_is_refused() {
        let whole = "//sp.example/mn7/Cgba";
        for end in 0..=whole.len() {
            if let Ok(id) = CseId::parse(&whole[..end]) {
                assert_eq!(CseId::parse(&id.to_string()), Ok(id));
            }
        }
        assert_eq!(cse("//sp.example/mn7").to_string(), "//sp.example/mn7");
        assert_eq!(cse("/mn7").to_string(), "/mn7");
    }
}
