//! Class A0: the card as a SIM of TS 51.011, for terminals and tools that know nothing newer.
//!
//! Cards with GSM access in the field answer it beside class 00. The files are those below DF_GSM and DF_TELECOM; the
//! work is done by the same functions, and what differs is the form of answers and status words (TS 51.011 clauses 8,
//! 9.2 and 9.4).

use super::{Call, Outcome, Reply, binary, pin, record, select};
use crate::card::SimCard;
use crate::files::{Condition, DirectoryId, FileId, Node, Structure, Tree};
use crate::session::Waiting;
use ksnaf_proto::aka::{Rand, convert};
use ksnaf_proto::uicc::{Command, StatusWord};

/// Runs a command of class A0, on the basic channel.
pub(super) fn run(card: &mut SimCard, command: &Command, waiting: Option<Waiting>) -> Reply {
    let Command { p1, p2, le, .. } = *command;
    let call = Call { channel: 0, p1, p2, data: &command.data, le };
    let outcome = match command.ins {
        0xa4 => select(card, call),
        0xf2 => status(card, call),
        0xc0 => get_response(call, waiting),
        0xb0 => binary::read(card, call),
        0xd6 => binary::update(card, call),
        0xb2 => record::read(card, call),
        0xdc => record::update(card, call),
        0x20 => pin::verify(card, call),
        0x24 => pin::change(card, call),
        0x26 => pin::disable(card, call),
        0x28 => pin::enable(card, call),
        // CHV1 is number 00 here, and only here.
        0x2c if p2 == 0x00 => pin::unblock(card, Call { p2: 0x01, ..call }),
        0x88 => run_gsm_algorithm(card, call),
        // TERMINAL PROFILE, SLEEP.
        0x10 | 0xfa => Ok(Reply::status(StatusWord::OK)),
        _ => Err(StatusWord::INS_NOT_SUPPORTED),
    };
    let Reply { data, sw } = outcome.unwrap_or_else(Reply::status);
    Reply { data, sw: translated(sw) }
}

/// SELECT: one file identifier.
fn select(card: &mut SimCard, call: Call<'_>) -> Outcome {
    if (call.p1, call.p2) != (0, 0) {
        return Err(StatusWord::WRONG_P1_P2);
    }
    let found = select::by_fid(card, call)?;
    let response = match found {
        Node::Directory(directory) => directory_header(card, directory),
        Node::File(file) => file_header(card, file),
    };
    select::enter(card, call.channel, found)?;
    Ok(card.hand_out(call.channel, response, 0))
}

/// STATUS: of the current directory, as much as asked for.
fn status(card: &SimCard, call: Call<'_>) -> Outcome {
    let header = directory_header(card, card.channel(call.channel)?.directory);
    first_octets(header, call.le)
}

fn get_response(call: Call<'_>, waiting: Option<Waiting>) -> Outcome {
    let waiting = waiting.filter(|waiting| waiting.channel == call.channel);
    let waiting = waiting.ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
    first_octets(waiting.data.danger_expose().to_vec(), call.le)
}

/// RUN GSM ALGORITHM: RAND in, SRES and Kc out.
fn run_gsm_algorithm(card: &mut SimCard, call: Call<'_>) -> Outcome {
    card.demand(Condition::Pin1)?;
    let rand = call.data.try_into().map(Rand).map_err(|_| StatusWord::WRONG_LENGTH)?;
    let derived = card.algorithm.f2345(&rand);
    let sres = convert::c2(&derived.res).ok_or(StatusWord::INS_NOT_SUPPORTED)?;
    let kc = convert::c3(&derived.ck, &derived.ik);
    let response = [&sres.danger_expose()[..], kc.danger_expose()].concat();
    Ok(card.hand_out(call.channel, response, 0))
}

/// The beginning of an answer; more than there is cannot be asked for.
fn first_octets(mut octets: Vec<u8>, le: Option<u8>) -> Outcome {
    let wanted = le.map_or(256, |le| if le == 0 { 256 } else { usize::from(le) });
    if wanted > octets.len() {
        let right = u16::try_from(octets.len()).unwrap_or_default();
        return Err(StatusWord(0x6c00 | right));
    }
    octets.truncate(wanted);
    Ok(Reply::data(octets))
}

/// What SELECT tells of the MF or a DF (clause 9.2.1).
fn directory_header(card: &SimCard, id: DirectoryId) -> Vec<u8> {
    let [high, low] = card.tree.directory(id).fid.to_be_bytes();
    let kind = if id == Tree::MF { 0x01 } else { 0x02 };
    let (directories, files) = card.tree.children(id);
    let pin1 = &card.memory.state().pin1;
    // Clock stop allowed; the high bit says that CHV1 is disabled.
    let characteristics = if pin1.enabled { 0x01 } else { 0x81 };
    // CHV1, its PUK and one code of the issuer; of CHV2 there is nothing.
    let codes = [0x03, 0x00, 0x80 | pin1.tries, 0x80 | pin1.unblock_tries, 0x00, 0x00];
    let head = [0, 0, 0, 0, high, low, kind, 0, 0, 0, 0, 0, 9, characteristics, directories, files];
    [&head[..], &codes].concat()
}

/// What SELECT tells of an EF (clause 9.2.1).
fn file_header(card: &SimCard, id: FileId) -> Vec<u8> {
    let file = card.tree.file(id);
    let [high, low] = file.fid.to_be_bytes();
    let size = u16::try_from(card.memory.state().body(file.body).len()).unwrap_or(u16::MAX);
    let [size_high, size_low] = size.to_be_bytes();
    let access = level(file.rule.read()) << 4 | level(file.rule.update());
    let (structure, record) = match file.structure {
        Structure::Transparent => (0x00, 0x00),
        Structure::LinearFixed(length) => (0x01, length),
    };
    // Nothing can be increased, rehabilitated or invalidated.
    vec![0, 0, size_high, size_low, high, low, 0x04, 0, access, 0xff, 0xff, 0x01, 2, structure, record]
}

/// Access condition level (clause 9.3).
const fn level(condition: Condition) -> u8 {
    match condition {
        Condition::Always => 0x0,
        Condition::Pin1 => 0x1,
        Condition::Adm1 => 0x4,
        Condition::Never => 0xf,
    }
}

/// The same refusal in this class's status words (clause 9.4).
const fn translated(sw: StatusWord) -> StatusWord {
    StatusWord(match sw.0 {
        // Data waits; wrong length, and the right one.
        0x6100..=0x61ff => 0x9f00 | sw.0 & 0xff,
        0x6c00..=0x6cff => 0x6700 | sw.0 & 0xff,
        // No EF selected; out of range; not found; not of this structure.
        0x6986 => 0x9400,
        0x6b00 | 0x6a83 => 0x9402,
        0x6a82 => 0x9404,
        0x6981 => 0x9408,
        // Access not fulfilled or code wrong with a try left; contradiction with the state; blocked.
        0x6982 | 0x63c1..=0x63cf => 0x9804,
        0x6984 | 0x6985 => 0x9808,
        0x6983 | 0x63c0 => 0x9840,
        0x6a86 | 0x6a88 => 0x6b00,
        other => other,
    })
}
