//! The names of GBA: B-TID, NAF_Id, TMPI and the Ua security protocol identifier.
#![no_main]

use ksnaf_proto::gba::{BTid, NafId, Tmpi, UaSecurityProtocolId};
use ksnaf_proto::identity::Fqdn;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(naf_id) = NafId::parse(octets) {
        assert_eq!(NafId::parse(&naf_id.octets()).as_ref(), Ok(&naf_id));
    }
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(b_tid) = BTid::parse(text) {
        assert_eq!(b_tid.as_str(), text);
        let bsf = Fqdn::parse(b_tid.bsf()).expect("the right side of a B-TID is a host name");
        if let Some(rand) = b_tid.rand() {
            let made = BTid::new(&rand, &bsf);
            assert_eq!(made.rand(), Some(rand));
            assert_eq!(made.as_str().split('@').next(), text.split('@').next());
        }
    }
    if let Some(tmpi) = Tmpi::parse(text) {
        assert!(Tmpi::is_tmpi(text));
        assert_eq!(Tmpi::parse(tmpi.as_str()).as_ref(), Some(&tmpi));
    }
    if let Ok(ua) = text.parse::<UaSecurityProtocolId>() {
        assert_eq!(ua.to_string().parse(), Ok(ua));
    }
});
