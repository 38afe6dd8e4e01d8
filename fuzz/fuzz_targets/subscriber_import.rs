//! Subscriber files: every line is in or is named, and no error quotes a key.
//!
//! The lowest bit of the first octet chooses JSON lines rather than CSV.
#![no_main]

use ksnaf_proto::subscriber::file::{Format, parse};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

fuzz_target!(|octets: &[u8]| {
    let (choice, content) = octets.split_first().unwrap_or((&0, &[]));
    let format = if choice & 1 == 0 { Format::Csv } else { Format::JsonLines };
    match parse(content, format) {
        Ok(subscribers) => {
            assert!(!subscribers.is_empty());
            let imsis: BTreeSet<_> = subscribers.iter().map(|subscriber| &subscriber.imsi).collect();
            let impis: BTreeSet<_> = subscribers.iter().map(|subscriber| &subscriber.impi).collect();
            assert_eq!((imsis.len(), impis.len()), (subscribers.len(), subscribers.len()));
            for subscriber in &subscribers {
                let usable = subscriber.key.as_ref().is_none_or(|key| key.algorithm().is_ok());
                assert!(usable, "a key that is of no use");
            }
        }
        Err(bad) => {
            assert!(!bad.is_empty());
            assert!(bad.iter().is_sorted_by_key(|line| line.line));
            for told in bad.iter().map(ToString::to_string) {
                assert!(!told.chars().any(char::is_control), "{told:?}");
                assert!(!shows_a_key(&told), "{told}");
            }
        }
    }
});

/// Thirty-two hex digits on end are a K.
fn shows_a_key(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_hexdigit()).any(|digits| digits.len() >= 32)
}
