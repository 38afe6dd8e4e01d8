//! What is told of a subscriber behind the proxy (TS 24.109 clause 7, annex G).

use super::key_source::UaSubscriber;
use super::refusal::Refusal;
use crate::credential::pseudonym;
use http::{HeaderMap, StatusCode};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::secret::Secret;

/// Makes what is told.
pub(super) struct Identities {
    pub(super) naf: Fqdn,
    /// Makes pseudonyms, one per subscriber and NAF.
    pub(super) key: Secret<32>,
}

impl Identities {
    /// The public identity that the UE wants to act as: one of those that its settings have. In quotes or not.
    pub(super) fn intended<'s>(
        &self,
        headers: &HeaderMap,
        subscriber: &'s UaSubscriber,
    ) -> Result<Option<&'s str>, Refusal> {
        const REFUSED: Refusal =
            Refusal::Status(StatusCode::FORBIDDEN, "not an identity of the key's holder");
        let mut values = headers.get_all("x-3gpp-intended-identity").iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(None),
            (Some(value), None) => value.to_str().map_err(|_| REFUSED)?.trim(),
            (Some(_), Some(_)) => return Err(REFUSED),
        };
        let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        let known = subscriber.identities.iter().find(|identity| identity.as_str() == bare);
        known.map(|identity| Some(identity.as_str())).ok_or(REFUSED)
    }

    /// The identity as a header's value. Who does not consent gets a name that no other NAF knows. Where no Enrolee is
    /// listed, the subscriber's own consent counts, or that the UE itself has named the identity to this NAF.
    pub(super) fn asserted(
        &self,
        intended: Option<&str>,
        subscriber: &UaSubscriber,
        enrolee_consents: Option<bool>,
    ) -> Option<String> {
        let named = enrolee_consents.is_none() && intended.is_some();
        let tells = enrolee_consents == Some(true) || subscriber.consents || named;
        let identity = intended.or_else(|| subscriber.identities.first().map(String::as_str));
        if let Some(identity) = identity.filter(|_| tells) {
            return Some(format!("\"{identity}\""));
        }
        let name = subscriber.impi.as_ref().map(|impi| impi.as_str()).or(identity)?;
        Some(format!("\"sip:{}@{}\"", pseudonym(&self.key, name, &self.naf), self.naf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ksnaf_proto::identity::Impi;

    fn identities(naf: &str) -> Identities {
        Identities { naf: Fqdn::parse(naf).unwrap(), key: Secret::new([1; 32]) }
    }

    fn subscriber(consents: bool) -> UaSubscriber {
        UaSubscriber {
            impi: Some(Impi::parse("a@ims.example").unwrap()),
            identities: vec!["sip:a@ims.example".to_owned(), "tel:+15550100".to_owned()],
            flags: Vec::new(),
            consents,
            provisioned: false,
        }
    }

    #[test]
    fn an_intended_identity_is_one_of_the_settings_quoted_or_not() {
        let who = subscriber(false);
        let ask = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-3gpp-intended-identity", value.parse().unwrap());
            identities("naf.example").intended(&headers, &who).map(|found| found.map(str::to_owned))
        };
        for value in ["\"tel:+15550100\"", "tel:+15550100", " \"tel:+15550100\" "] {
            assert_eq!(ask(value).unwrap().as_deref(), Some("tel:+15550100"), "{value}");
        }
        for value in ["\"tel:+15550101\"", "", "\"\"", "\"tel:+15550100", "a@ims.example"] {
            assert!(ask(value).is_err(), "{value}");
        }
        let none = identities("naf.example").intended(&HeaderMap::new(), &who);
        assert!(matches!(none, Ok(None)));
    }

    #[test]
    fn who_does_not_consent_is_told_by_a_name_for_this_naf_alone() {
        let (here, there) = (identities("naf.example"), identities("other.example"));
        let told = |consent| here.asserted(None, &subscriber(false), consent).unwrap();
        assert_eq!(told(Some(true)), "\"sip:a@ims.example\"");
        let pseudonym = told(Some(false));
        assert!(pseudonym.ends_with("@naf.example\"") && !pseudonym.contains("a@ims"));
        assert_eq!(pseudonym, told(None));
        assert_ne!(
            Some(pseudonym),
            there.asserted(None, &subscriber(false), None).map(|it| it.replace("other", "naf"))
        );
        let own = here.asserted(None, &subscriber(true), None).unwrap();
        assert_eq!(own, "\"sip:a@ims.example\"");
        assert_eq!(
            here.asserted(Some("tel:+15550100"), &subscriber(false), None).unwrap(),
            "\"tel:+15550100\""
        );
        assert_eq!(here.asserted(None, &UaSubscriber::default(), None), None);
    }
}
