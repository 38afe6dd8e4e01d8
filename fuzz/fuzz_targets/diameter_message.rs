//! Diameter: what decodes encodes to the same octets, and a stream is cut as its messages are.
#![no_main]

use ksnaf_proto::diameter::{DEFAULT_MESSAGE_LIMIT, Message, MessageReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(message) = Message::decode(octets) {
        let encoded = message.encode().expect("no longer than it was");
        assert_eq!(Message::decode(encoded.danger_expose()).as_ref(), Ok(&message));
    }
    let mut reader = MessageReader::new(DEFAULT_MESSAGE_LIMIT);
    for piece in octets.chunks(7) {
        reader.push(piece);
        while let Some(Ok(_)) = reader.next_message() {}
    }
});
