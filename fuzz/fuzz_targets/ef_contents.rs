//! What stands in a card's files: what decodes encodes to what decodes as the same, whatever pads it.
#![no_main]

use ksnaf_proto::identity::{Fqdn, Impi, Imsi};
use ksnaf_proto::uicc::ef::{
    AdministrativeData, Application, EfContent, Gbabp, Iccid, Impu, M2mFrameworks, M2mId, M2mIdRecord,
    M2mServiceTable, MefAddress, NafListEntry, ServiceTable,
};
use libfuzzer_sys::fuzz_target;
use std::fmt::Debug;

fuzz_target!(|octets: &[u8]| {
    walk_padded::<AdministrativeData>(octets);
    walk_padded::<Application>(octets);
    walk_padded::<Fqdn>(octets);
    walk_padded::<Iccid>(octets);
    walk_padded::<Impi>(octets);
    walk_padded::<Impu>(octets);
    walk_padded::<Imsi>(octets);
    if let Some(gbabp) = walk_padded::<Gbabp>(octets) {
        let _ = (gbabp.rand(), gbabp.b_tid(), gbabp.expires());
    }
    if let Some(entry) = walk_padded::<NafListEntry>(octets) {
        let _ = (entry.naf_id(), entry.b_tid());
    }
    walk_padded::<M2mId>(octets);
    walk_padded::<M2mIdRecord>(octets);
    walk_padded::<MefAddress>(octets);
    if let Some(frameworks) = walk_padded::<M2mFrameworks>(octets) {
        assert!(!frameworks.list().is_empty());
    }
    if let Some(table) = walk::<M2mServiceTable>(octets) {
        assert_eq!(table.gba_connection(), table.services().any(|service| matches!(service, 8 | 12)));
    }
    // A table's octets are its content, to the last.
    if let Some(table) = walk::<ServiceTable>(octets) {
        let services: Vec<u16> = table.services().collect();
        let same = ServiceTable::of(&services);
        assert!(services.iter().all(|service| table.has(*service) && same.has(*service)));
        assert!(same.services().eq(services));
    }
});

fn walk_padded<T: EfContent + PartialEq + Debug>(octets: &[u8]) -> Option<T> {
    let content: T = walk(octets)?;
    let padded = [&content.encode()[..], &[0xff; 3]].concat();
    assert_eq!(T::decode(&padded).as_ref(), Ok(&content));
    Some(content)
}

fn walk<T: EfContent + PartialEq + Debug>(octets: &[u8]) -> Option<T> {
    let content = T::decode(octets).ok()?;
    assert_eq!(T::decode(&content.encode()).as_ref(), Ok(&content));
    Some(content)
}
