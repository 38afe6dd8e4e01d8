//! Messages that a Diameter library nobody here wrote has built, and what tests of the applications share.

use crate::aka::{AuthVector, Autn, Auts, Ck, Ik, Rand, Res};
use crate::diameter::{Addressing, Avp, Avps, DiameterIdentity, Message, Origin, VendorId};
use crate::hex;
use crate::identity::Impi;
use hex_literal::hex as octets;

/// A message of `testdata/diameter_python.json` or `testdata/gba_diameter_python.json`.
pub(crate) fn message(name: &str) -> Message {
    let files = [
        include_str!("../../../testdata/diameter_python.json"),
        include_str!("../../../testdata/gba_diameter_python.json"),
    ];
    for file in files {
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let found = file["messages"].as_array().unwrap().iter().find(|message| message["name"] == name);
        if let Some(found) = found {
            return Message::decode(&hex::decode(found["hex"].as_str().unwrap()).unwrap()).unwrap();
        }
    }
    panic!("no message {name}");
}

pub(crate) fn impi() -> Impi {
    Impi::parse("001010123456789@ims.mnc001.mcc001.3gppnetwork.org").unwrap()
}

pub(crate) fn origin(host: &str) -> Origin {
    Origin {
        host: DiameterIdentity::parse(host).unwrap(),
        realm: DiameterIdentity::parse("lab.example").unwrap(),
    }
}

pub(crate) fn addressing(session_id: &str, host: &str, destination_host: &str) -> Addressing {
    Addressing {
        session_id: session_id.to_owned(),
        origin: origin(host),
        destination_realm: DiameterIdentity::parse("lab.example").unwrap(),
        destination_host: DiameterIdentity::parse(destination_host).ok(),
    }
}

/// TS 35.208 test set 1.
pub(crate) fn vector() -> AuthVector {
    AuthVector {
        rand: Rand(octets!("23553cbe9637a89d218ae64dae47bf35")),
        autn: Autn(octets!("55f328b43577b9b94a9ffac354dfafb3")),
        xres: Res::new(&octets!("a54211d5e3ba50bf")).unwrap(),
        ck: Ck::new(octets!("b40ba9a3c58b2a05bbf0d987b21bf8cb")),
        ik: Ik::new(octets!("f769bcd751044604127672711c6d3441")),
    }
}

/// The RAND of [`vector`] and an AUTS of 00 to 0d.
pub(crate) fn resync() -> (Rand, Auts) {
    (vector().rand, Auts(octets!("000102030405060708090a0b0c0d")))
}

/// The same message with the identifiers of another: what a node sets when it sends.
pub(crate) fn identified_as(mut message: Message, other: &Message) -> Message {
    message.header.hop_by_hop = other.header.hop_by_hop;
    message.header.end_to_end = other.header.end_to_end;
    message
}

/// Every variant of a message with one AVP left out, doubled, or with its data cut short at any place.
pub(crate) fn damaged(message: &Message) -> Vec<Message> {
    let avps: Vec<Avp> = message.avps.iter().cloned().collect();
    let with = |avps: Vec<Avp>| Message { avps: Avps::from(avps), ..message.clone() };
    let mut variants = Vec::new();
    for (at, avp) in avps.iter().enumerate() {
        let replaced = |by: Vec<Avp>| {
            let (before, rest) = avps.split_at(at);
            with([before, &by, &rest[1..]].concat())
        };
        variants.push(replaced(Vec::new()));
        variants.push(replaced(vec![avp.clone(), avp.clone()]));
        for end in 0..avp.data().len() {
            let data = &avp.data().danger_expose()[..end];
            variants.push(replaced(vec![Avp::new(avp.code(), avp.vendor(), true, data.into())]));
        }
    }
    let strange = Avp::new(9999, VendorId(77), true, b"x"[..].into());
    variants.push(with([avps, vec![strange]].concat()));
    variants
}
