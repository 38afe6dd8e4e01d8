//! The texts of Ua: realms, PSK identities and hints. What parses prints as what parses as the same.
#![no_main]

use ksnaf_proto::ua::{Namespace, PskIdentity, UaRealm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(identity) = PskIdentity::parse(octets) {
        assert_eq!(PskIdentity::parse(identity.to_string().as_bytes()).as_ref(), Ok(&identity));
    }
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(realm) = UaRealm::parse(text) {
        assert_eq!(UaRealm::parse(&realm.to_string()).as_ref(), Ok(&realm));
    }
    let realms = UaRealm::parse_list(text);
    for realm in &realms {
        assert_eq!(UaRealm::parse(&realm.to_string()).as_ref(), Ok(realm));
    }
    let offered = Namespace::parse_hint(text);
    assert_eq!(Namespace::parse_hint(&Namespace::hint(&offered)), offered);
});
