//! What a CoAP client over DTLS says before and after it is known. A message that reads is written as one that reads alike.
#![no_main]

use ksnaf_proto::coap::Message;
use ksnaf_proto::ua::dtls::{DatagramHello, named_identity};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(message) = Message::parse(octets) {
        assert_eq!(Message::parse(&message.encode()), Ok(message));
    }
    let _ = named_identity(octets);
    if let Some(hello) = DatagramHello::parse(octets) {
        for before in hello.predecessors() {
            assert_eq!(DatagramHello::parse(&before).map(|before| before.random()), Some(hello.random()));
        }
    }
});
