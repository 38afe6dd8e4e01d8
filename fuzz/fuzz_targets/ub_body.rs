//! The body of the final answer on Ub, and the texts of Ua.
#![no_main]

use ksnaf_proto::ua::{Namespace, PskIdentity, UaRealm};
use ksnaf_proto::ub::BootstrappingInfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(info) = BootstrappingInfo::parse(octets) {
        assert_eq!(BootstrappingInfo::parse(&info.encode()).as_ref(), Ok(&info));
    }
    if let Ok(identity) = PskIdentity::parse(octets) {
        assert_eq!(PskIdentity::parse(identity.to_string().as_bytes()).as_ref(), Ok(&identity));
    }
    let Ok(text) = std::str::from_utf8(octets) else { return };
    for realm in UaRealm::parse_list(text) {
        assert_eq!(UaRealm::parse(&realm.to_string()).as_ref(), Ok(&realm));
    }
    let offered = Namespace::parse_hint(text);
    assert_eq!(Namespace::parse_hint(&Namespace::hint(&offered)), offered);
});
