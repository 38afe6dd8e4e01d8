//! Commands and responses: what parses encodes to what parses as the same, and no octet of data is printed.
#![no_main]

use ksnaf_proto::uicc::{Command, Response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Some(command) = Command::parse(octets) {
        let again = Command::parse(&command.encode());
        assert_eq!(again.as_ref(), Some(&command));
        assert!(format!("{command:?}").len() < 64);
    }
    match Response::parse(octets) {
        Ok(response) => {
            assert_eq!([&response.data[..], &response.sw.octets()].concat(), octets);
            assert!(format!("{response:?}").len() < 64);
            assert!(!response.sw.meaning().is_empty());
        }
        Err(_) => assert!(octets.len() < 2),
    }
});
