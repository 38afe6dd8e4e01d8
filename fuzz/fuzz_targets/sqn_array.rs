//! A card's array of sequence numbers: what decodes is what encodes, and no number is accepted twice.
#![no_main]

use ksnaf_proto::aka::Sqn;
use ksnaf_proto::aka::sqn::{Freshness, SqnArray};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    // Octets of an array with so many bits of IND; what stands behind them are numbers to try.
    let bits = octets.first().map_or(0, |bits| u32::from(*bits)).min(8);
    let (stored, numbers) = octets.split_at(octets.len().min(13 + (6 << bits)));
    let Ok(mut array) = SqnArray::decode(stored) else { return };
    assert_eq!(array.encode(), stored);
    for number in numbers.as_chunks::<6>().0 {
        let (sqn, before) = (Sqn::from_octets(*number), array.clone());
        match array.accept(sqn) {
            Freshness::Accepted => {
                assert_eq!(array.check(sqn), Freshness::Stale(array.highest()));
                assert!(array.highest() >= before.highest());
            }
            Freshness::Stale(highest) => {
                assert_eq!(highest, before.highest());
                assert_eq!(array, before);
            }
        }
        assert_eq!(SqnArray::decode(&array.encode()).as_ref(), Ok(&array));
    }
});
