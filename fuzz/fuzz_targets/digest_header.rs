//! Authentication headers: what parses prints as what parses as the same.
#![no_main]

use ksnaf_proto::digest::{AuthenticationInfo, Authorization, Challenge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(authorization) = Authorization::parse(text) {
        assert_eq!(Authorization::parse(&authorization.to_string()).as_ref(), Ok(&authorization));
    }
    if let Ok(challenges) = Challenge::parse_all(text) {
        for challenge in challenges {
            assert_eq!(Challenge::parse_all(&challenge.to_string()).as_deref(), Ok(&[challenge][..]));
        }
    }
    if let Ok(info) = AuthenticationInfo::parse(text) {
        assert_eq!(AuthenticationInfo::parse(&info.to_string()).as_ref(), Ok(&info));
    }
});
