//! The card judged by bytes written from the specifications' tables.

mod authenticate;
mod channels;
mod faults;
mod files;
mod gba;
mod gsm_class;
mod hostile;
mod onem2m;
mod persistence;
mod pins;
mod selection;
mod transport;
mod vpcd;

use crate::{Personalisation, Protocol, SimCard, SqnRules};
use hex_literal::hex;
use ksnaf_proto::aka::{AkaKey, Amf, AuthVector, Rand, Sqn, vector};
use ksnaf_proto::secret::Secret;
use ksnaf_proto::uicc::Card as _;

/// Full AIDs, as EF_DIR has them.
const USIM: [u8; 16] = hex!("a0000000871002ffffffff8900000001");
const ISIM: [u8; 16] = hex!("a0000000871004ffffffff8900000001");

/// K and OPc of TS 35.208 test set 1.
pub(crate) fn set_1() -> AkaKey {
    AkaKey::Milenage {
        k: Secret::new(hex!("465b5ce8b199b49faa5f0a2ee238a6bc")),
        opc: Secret::new(hex!("cd63cb71954a9f4e48a5994e37a02baf")),
    }
}

/// The lab's card with the key of set 1, whose published sequence number is beyond any Δ.
fn personalisation() -> Personalisation {
    Personalisation { sqn: SqnRules { delta: None, ..SqnRules::default() }, ..Personalisation::lab(set_1()) }
}

fn card() -> SimCard {
    SimCard::new(personalisation()).unwrap()
}

/// With PIN1 switched on.
fn locked_card() -> SimCard {
    SimCard::new(Personalisation { pin1_enabled: true, ..personalisation() }).unwrap()
}

/// The response as it stands.
fn send(card: &mut SimCard, command: &[u8]) -> Vec<u8> {
    card.transmit(command).unwrap()
}

/// The status word of a command that gives no data, or none yet.
fn sw(card: &mut SimCard, command: &[u8]) -> u16 {
    let response = send(card, command);
    let [data @ .., high, low] = response.as_slice() else { panic!("no status word") };
    assert!(data.is_empty() || (*high, *low) == (0x62, 0x82), "{data:02x?}");
    u16::from_be_bytes([*high, *low])
}

/// The data of a command that succeeds, fetched as a T=0 terminal fetches it.
fn data(card: &mut SimCard, command: &[u8]) -> Vec<u8> {
    let mut response = send(card, command);
    let mut out = Vec::new();
    loop {
        let low = response.pop().unwrap();
        let high = response.pop().unwrap();
        out.append(&mut response);
        response = match high {
            0x61 => send(card, &[command[0] & 0x03, 0xc0, 0x00, 0x00, low]),
            0x6c => send(card, &[command[0], command[1], command[2], command[3], low]),
            0x90 => return out,
            _ => panic!("{high:02x}{low:02x}"),
        };
    }
}

/// SELECT by AID, without data in the answer.
fn select_application(card: &mut SimCard, aid: &[u8]) {
    let length = u8::try_from(aid.len()).unwrap();
    assert_eq!(sw(card, &[&[0x00, 0xa4, 0x04, 0x0c, length], aid].concat()), 0x9000);
}

/// SELECT by path from the MF, without data in the answer.
fn select_path(card: &mut SimCard, path: &[u8]) {
    let length = u8::try_from(path.len()).unwrap();
    assert_eq!(sw(card, &[&[0x00, 0xa4, 0x08, 0x0c, length], path].concat()), 0x9000);
}

/// What the network sends for this sequence number.
fn vector_for(sqn: u64, rand: [u8; 16]) -> AuthVector {
    let algorithm = set_1().algorithm().unwrap();
    vector::generate(&*algorithm, Rand(rand), Sqn::new(sqn).unwrap(), Amf([0, 0]))
}

/// AUTHENTICATE in the 3G context, without Le as T=0 has it.
fn authenticate_3g(vector: &AuthVector) -> Vec<u8> {
    [&hex!("00 88 00 81 22 10")[..], &vector.rand.0, &[0x10], &vector.autn.0].concat()
}

fn with_protocol(protocol: Protocol) -> SimCard {
    card().with_protocol(protocol)
}
