//! File control parameters: what decodes encodes to what decodes as the same.
#![no_main]

use ksnaf_proto::uicc::file::{Fcp, FileKind};
use ksnaf_proto::uicc::pin;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(fcp) = Fcp::decode(octets) else { return };
    assert_eq!(Fcp::decode(&fcp.encode()).as_ref(), Ok(&fcp));
    let has_records = matches!(fcp.kind, Some(FileKind::LinearFixed { .. } | FileKind::Cyclic { .. }));
    assert_eq!(fcp.records().is_some(), has_records);
    assert!(fcp.short_file_id().is_none_or(|sfi| (1..=30).contains(&sfi)));
    let wanted = pin::key_reference(&fcp);
    let known = |wanted| fcp.pins.is_empty() || fcp.pins.iter().any(|pin| pin.key_reference == wanted);
    assert!(wanted.is_none_or(known));
});
