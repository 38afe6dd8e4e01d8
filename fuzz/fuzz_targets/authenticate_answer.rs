//! A card's answer to AUTHENTICATE, in each context.
#![no_main]

use ksnaf_proto::uicc::Response;
use ksnaf_proto::uicc::authenticate::{parse_3g, parse_gba_bootstrap, parse_gsm, parse_naf_derivation};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(response) = Response::parse(octets) else { return };
    if !response.sw.is_ok() {
        assert!(parse_3g(&response).is_err() && parse_gba_bootstrap(&response).is_err());
    }
    let _ = parse_gsm(&response);
    let _ = parse_naf_derivation(&response);
});
