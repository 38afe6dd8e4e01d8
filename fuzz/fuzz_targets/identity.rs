//! Subscriber identities: names made of them are names, and Debug does not show a whole IMSI.
#![no_main]

use ksnaf_proto::identity::{Fqdn, Impi, Imsi, MncLength};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(imsi) = Imsi::parse(text) {
        assert!(!format!("{imsi:?}").contains(imsi.as_str()));
        for length in [MncLength::Two, MncLength::Three, MncLength::by_mcc(imsi.mcc())] {
            let impi = Impi::from_imsi(&imsi, length);
            assert_eq!(Impi::parse(impi.as_str()).as_ref(), Ok(&impi));
            assert_eq!(impi.imsi().as_ref(), Some(&imsi));
            let bsf = Fqdn::bsf_for_usim(&imsi, length);
            assert_eq!(Fqdn::parse(bsf.as_str()).as_ref(), Ok(&bsf));
        }
    }
    if let Ok(impi) = Impi::parse(text) {
        assert_eq!(impi.as_str(), text);
        if let Ok(bsf) = Fqdn::bsf_for_isim(&impi) {
            assert_eq!(Fqdn::parse(bsf.as_str()).as_ref(), Ok(&bsf));
        }
    }
    if let Ok(fqdn) = Fqdn::parse(text) {
        assert_eq!(Fqdn::parse(fqdn.as_str()).as_ref(), Ok(&fqdn));
    }
});
