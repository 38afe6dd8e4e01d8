//! Authentication headers: what parses prints as what parses.
#![no_main]

use ksnaf_proto::digest::{AuthenticationInfo, Authorization, Challenge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(authorization) = Authorization::parse(text) {
        assert!(Authorization::parse(&authorization.to_string()).is_ok());
    }
    for challenge in Challenge::parse_all(text).unwrap_or_default() {
        assert_eq!(Challenge::parse_all(&challenge.to_string()).map(|again| again.len()), Ok(1));
    }
    if let Ok(info) = AuthenticationInfo::parse(text) {
        assert!(AuthenticationInfo::parse(&info.to_string()).is_ok());
    }
});
