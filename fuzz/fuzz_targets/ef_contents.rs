//! What stands in a card's files, FCP templates and a sequence number array: what decodes encodes to what decodes as the
//! same.
#![no_main]

use ksnaf_proto::aka::sqn::SqnArray;
use ksnaf_proto::identity::{Fqdn, Impi, Imsi};
use ksnaf_proto::uicc::ef::{
    AdministrativeData, Application, EfContent, Gbabp, Iccid, Impu, NafListEntry, ServiceTable,
};
use ksnaf_proto::uicc::file::Fcp;
use libfuzzer_sys::fuzz_target;
use std::fmt::Debug;

fn walk<T: EfContent + PartialEq + Debug>(octets: &[u8]) {
    if let Ok(content) = T::decode(octets) {
        assert_eq!(T::decode(&content.encode()).as_ref(), Ok(&content));
    }
}

fuzz_target!(|octets: &[u8]| {
    walk::<AdministrativeData>(octets);
    walk::<Application>(octets);
    walk::<Fqdn>(octets);
    walk::<Gbabp>(octets);
    walk::<Iccid>(octets);
    walk::<Impi>(octets);
    walk::<Impu>(octets);
    walk::<Imsi>(octets);
    walk::<NafListEntry>(octets);
    walk::<ServiceTable>(octets);
    if let Ok(fcp) = Fcp::decode(octets) {
        assert_eq!(Fcp::decode(&fcp.encode()).as_ref(), Ok(&fcp));
    }
    if let Ok(array) = SqnArray::decode(octets) {
        assert_eq!(array.encode(), octets);
    }
});
