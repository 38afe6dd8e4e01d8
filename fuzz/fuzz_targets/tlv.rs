//! Data objects: what reads as a list writes back as the same list, and `find` finds its first match.
#![no_main]

use ksnaf_proto::uicc::tlv;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(objects) = tlv::read_all(octets) else { return };
    let mut written = Vec::new();
    for object in &objects {
        tlv::write(&mut written, object.tag, object.value);
        let first = objects.iter().find(|other| other.tag == object.tag);
        assert_eq!(tlv::find(octets, object.tag), first.map(|found| found.value));
    }
    assert_eq!(tlv::read_all(&written).as_ref(), Ok(&objects));
});
