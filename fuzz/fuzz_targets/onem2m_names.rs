//! oneM2M's identifiers and rules: what is read is written the same, names are names, one identity has one spelling.
#![no_main]

use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::rules::{Pattern, Registration, Rule, check};
use ksnaf_proto::onem2m::{CredentialId, CseId, KeyId, Registrar, RelativeKeyId, SpId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, "/id-in"));
    let provider = SpId::parse("sp.example").expect("a domain");
    if let Ok(cse) = CseId::parse(first) {
        assert_eq!(CseId::parse(&cse.to_string()).as_ref(), Ok(&cse));
        for name in [
            cse.name_on_infrastructure_node(None),
            cse.name_on_infrastructure_node(Some(&provider)),
            CseId::parse(second).and_then(|above| cse.name_on_field_node(&above, Some(&provider))),
        ]
        .into_iter()
        .flatten()
        {
            assert_eq!(Fqdn::parse(name.as_str()).as_ref(), Ok(&name));
            // What stands before the first dot is the whole CSE-ID: no other CSE has the name.
            let label = name.as_str().split('.').next();
            assert_eq!(label, Some(&*cse.id().to_ascii_lowercase()));
        }
    }
    if let Ok(id) = SpId::parse(first) {
        assert_eq!(SpId::parse(&id.to_string()), Ok(id));
    }
    if let Ok(key) = KeyId::parse(first) {
        assert_eq!(key.as_str(), first);
        assert_eq!(Fqdn::parse(key.issuer().as_str()).as_ref(), Ok(key.issuer()));
        assert!(first.starts_with(key.relative()) && !key.relative().is_empty());
    }
    if let Ok(relative) = RelativeKeyId::parse(first) {
        assert!(relative.to_string().eq_ignore_ascii_case(first));
    }
    if let Ok(credential) = CredentialId::parse(first) {
        assert_eq!(credential.to_string(), first);
    }
    let Ok(cse) = CseId::parse(second) else { return };
    let Ok(originator) = Registrar::new(cse.clone(), Some(provider.clone())).originator(first) else {
        return;
    };
    let canonical = originator.to_string();
    assert_eq!(Registrar::new(cse, Some(provider)).originator(&canonical).as_ref(), Ok(&originator));
    if let Ok(pattern) = Pattern::parse(second) {
        assert_eq!(pattern.to_string(), second);
        let rule = Rule::for_credentials(None, &["*"], &[second]).expect("a pattern of a rule");
        let registration =
            Registration { credential_id: None, enrolee: None, app_id: "Napp", originator: &originator };
        assert_eq!(check(&[rule], &registration).is_ok(), pattern.matches(&canonical));
    }
});
