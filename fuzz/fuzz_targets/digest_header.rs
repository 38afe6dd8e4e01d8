//! Authentication headers: what parses prints as what parses and prints the same.
#![no_main]

use ksnaf_proto::digest::{AuthenticationInfo, Authorization, Challenge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(authorization) = Authorization::parse(text) {
        let printed = authorization.to_string();
        assert_eq!(Authorization::parse(&printed).map(|again| again.to_string()), Ok(printed));
    }
    if let Ok(challenges) = Challenge::parse_all(text) {
        for printed in challenges.iter().map(Challenge::to_string) {
            let again = Challenge::parse_all(&printed).expect("what was printed");
            assert_eq!(again.iter().map(Challenge::to_string).collect::<Vec<_>>(), [printed]);
        }
    }
    if let Ok(info) = AuthenticationInfo::parse(text) {
        let printed = info.to_string();
        // Nothing known in it prints as nothing, which is no header.
        if !printed.is_empty() {
            assert_eq!(AuthenticationInfo::parse(&printed).map(|again| again.to_string()), Ok(printed));
        }
    }
});
