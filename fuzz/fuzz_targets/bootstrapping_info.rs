//! The body of the final answer on Ub: what is read encodes to what reads as the same, and gives a moment of expiry under
//! any clock.
#![no_main]

use ksnaf_proto::gba::lifetime::from_unix_seconds;
use ksnaf_proto::ub::BootstrappingInfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(info) = BootstrappingInfo::parse(octets) else { return };
    assert_eq!(BootstrappingInfo::parse(&info.encode()).as_ref(), Ok(&info));
    let unmarked = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    assert_eq!(BootstrappingInfo::parse(unmarked).as_ref(), Ok(&info), "a byte order mark says nothing");
    for now in [0, 1_700_000_000, u64::from(u32::MAX), i64::MAX as u64] {
        let now = from_unix_seconds(now);
        let over = info.current_time.is_some_and(|bsf_now| bsf_now >= info.lifetime);
        let expires_at = info.expires_at(now);
        assert!(!over || expires_at == now, "what is over by the BSF's clock is over");
    }
});
