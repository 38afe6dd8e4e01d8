//! What HSSs and NAFs send: GUSS, the service-based interfaces' JSON, GSUP.
#![no_main]

use ksnaf_proto::gba::guss::{Guss, Namespace, Uss};
use ksnaf_proto::zh::gsup::{Connection, SendAuthInfo};
use ksnaf_proto::zh::{nhss_gba_sdm, nudm_ueau};
use ksnaf_proto::zn::{NafQuery, nbsp_gba};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(guss) = Guss::parse(octets) {
        // XML folds line breaks, so a text may come back with others.
        assert!(Guss::parse(&guss.to_xml(Namespace::default())).is_ok());
    }
    let _ = Uss::parse_list(octets);
    if let Ok(query) = NafQuery::parse_json(octets) {
        assert_eq!(NafQuery::parse_json(&query.to_json()).as_ref(), Ok(&query));
    }
    let _ = nbsp_gba::read_answer(200, octets);
    let _ = nhss_gba_sdm::read_answer(200, octets);
    let _ = nudm_ueau::parse_request(octets);
    let _ = SendAuthInfo::parse(octets);
    let mut connection = Connection::new("fuzz");
    if connection.receive(octets).is_ok() {
        while connection.poll_event().is_some() {}
        while connection.poll_transmit().is_some() {}
    }
});
