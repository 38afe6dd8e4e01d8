//! SELECT and STATUS (TS 102 221 clauses 8.4, 11.1.1, 11.1.2).

use super::{Call, Outcome, Reply};
use crate::atr::Protocol;
use crate::card::SimCard;
use crate::files::{Application, CURRENT_ADF, DirectoryId, MF, Node, Tree, fcp};
use ksnaf_proto::uicc::{StatusWord, tlv};

/// P2: no data is returned.
const NO_DATA: u8 = 0x0c;

/// SELECT.
pub(super) fn select(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let found = match call.p1 {
        0x00 => by_fid(card, call)?,
        0x01 => child_directory(card, call)?,
        0x03 => parent(card, call)?,
        0x04 => return select_application(card, call),
        0x08 => by_path(card, call, Tree::MF)?,
        0x09 => by_path(card, call, card.channel(call.channel)?.directory)?,
        _ => return Err(StatusWord::INCORRECT_P1_P2),
    };
    let response = response_for(card, call.p2, found)?;
    enter(card, call.channel, found)?;
    Ok(card.give(call.channel, response, call.le))
}

/// STATUS: about the current directory.
pub(super) fn status(card: &mut SimCard, call: Call<'_>) -> Outcome {
    if call.p1 > 0x02 {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let current = *card.channel(call.channel)?;
    let data = match call.p2 {
        0x00 => directory_fcp(card, current.directory),
        0x01 => {
            let adf = current.adf.and_then(|adf| card.tree.directory(adf).application.as_ref());
            let (_, aid) = adf.ok_or(StatusWord::REFERENCED_DATA_NOT_FOUND)?;
            let mut name = Vec::new();
            tlv::write(&mut name, 0x84, aid);
            name
        }
        NO_DATA => return Ok(Reply::status(StatusWord::OK)),
        _ => return Err(StatusWord::INCORRECT_P1_P2),
    };
    // T=1 can say that no data is wanted. T=0 cannot: there the octet for "none" is that for "256".
    if card.protocol() == Protocol::T1 && call.le.is_none() {
        return Ok(Reply::status(StatusWord::OK));
    }
    Ok(card.give_exactly(data, call.le))
}

/// One file identifier, looked for in the order of clause 8.4.1: around the current directory, not everywhere.
pub(super) fn by_fid(card: &SimCard, call: Call<'_>) -> Result<Node, StatusWord> {
    let fid = fid(call.data)?;
    let channel = card.channel(call.channel)?;
    let (tree, current) = (&card.tree, channel.directory);
    let directory = tree.directory(current);
    let found = match fid {
        MF => Some(Node::Directory(Tree::MF)),
        CURRENT_ADF => channel.adf.map(Node::Directory),
        _ => tree
            .child(current, fid)
            .or_else(|| (directory.fid == fid).then_some(Node::Directory(current)))
            .or_else(|| {
                let above = directory.parent?;
                let is_above = tree.directory(above).fid == fid;
                is_above.then_some(above).or_else(|| tree.directory_in(above, fid)).map(Node::Directory)
            }),
    };
    present(card, found)
}

fn child_directory(card: &SimCard, call: Call<'_>) -> Result<Node, StatusWord> {
    let current = card.channel(call.channel)?.directory;
    let found = card.tree.directory_in(current, fid(call.data)?).map(Node::Directory);
    found.ok_or(StatusWord::FILE_NOT_FOUND)
}

fn parent(card: &SimCard, call: Call<'_>) -> Result<Node, StatusWord> {
    if !call.data.is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let current = card.channel(call.channel)?.directory;
    let above = card.tree.directory(current).parent;
    above.map(Node::Directory).ok_or(StatusWord::FILE_NOT_FOUND)
}

/// File identifiers from a directory down. From the MF the path may begin with 7FFF, the current application.
fn by_path(card: &SimCard, call: Call<'_>, from: DirectoryId) -> Result<Node, StatusWord> {
    let (mut fids, odd) = call.data.as_chunks::<2>();
    if !odd.is_empty() || fids.is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let mut node = Node::Directory(from);
    if let [first, rest @ ..] = fids
        && u16::from_be_bytes(*first) == CURRENT_ADF
        && from == Tree::MF
    {
        let adf = card.channel(call.channel)?.adf.ok_or(StatusWord::FILE_NOT_FOUND)?;
        node = Node::Directory(adf);
        fids = rest;
    }
    for fid in fids {
        let Node::Directory(directory) = node else { return Err(StatusWord::FILE_NOT_FOUND) };
        node = card.tree.child(directory, u16::from_be_bytes(*fid)).ok_or(StatusWord::FILE_NOT_FOUND)?;
    }
    present(card, Some(node))
}

/// By AID, whole or its beginning: first, last, next or previous match (P2 bits 2 and 1).
fn select_application(card: &mut SimCard, call: Call<'_>) -> Outcome {
    // Bits 7 and 6: 00 activates the application, 10 ends its session.
    let ends = match call.p2 & 0xe0 {
        0x00 => false,
        0x40 => true,
        _ => return Err(StatusWord::INCORRECT_P1_P2),
    };
    if call.data.len() > 16 {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let channel = card.channel(call.channel)?;
    let hidden = card.faults.no_isim.then_some(Application::Isim);
    let matching: Vec<_> = card
        .tree
        .applications()
        .filter(|(_, application, aid)| {
            !call.data.is_empty() && aid.starts_with(call.data) && Some(*application) != hidden
        })
        .map(|(adf, ..)| adf)
        .collect();
    let at = channel.adf.and_then(|adf| matching.iter().position(|it| *it == adf));
    let chosen = match (call.p2 & 0x03, at) {
        (0x00, _) | (0x02, None) => matching.first(),
        (0x01, _) | (0x03, None) => matching.last(),
        (0x02, Some(at)) => matching.get(at + 1),
        (_, Some(at)) => at.checked_sub(1).and_then(|before| matching.get(before)),
        // Two bits have four values; the compiler counts eight.
        _ => None,
    };
    let adf = *chosen.ok_or(StatusWord::FILE_NOT_FOUND)?;
    let response = response_for(card, call.p2 & 0x1c, Node::Directory(adf))?;
    enter(card, call.channel, Node::Directory(if ends { Tree::MF } else { adf }))?;
    let channel = card.channel_mut(call.channel)?;
    channel.adf = if ends { None } else { Some(adf) };
    Ok(card.give(call.channel, response, call.le))
}

/// The data that P2 asks for: FCP template (04; 00 too, as terminals of other cards ask) or none.
fn response_for(card: &SimCard, p2: u8, node: Node) -> Result<Vec<u8>, StatusWord> {
    match p2 {
        0x00 | 0x04 => Ok(match node {
            Node::Directory(directory) => directory_fcp(card, directory),
            Node::File(file) => {
                let size = card.memory.state().body(card.tree.file(file).body).len();
                fcp::of_file(&card.tree, file, size)
            }
        }),
        NO_DATA => Ok(Vec::new()),
        _ => Err(StatusWord::INCORRECT_P1_P2),
    }
}

fn directory_fcp(card: &SimCard, directory: DirectoryId) -> Vec<u8> {
    fcp::of_directory(&card.tree, directory, card.memory.state().pin1.enabled)
}

/// Makes what was found the current directory or file.
pub(super) fn enter(card: &mut SimCard, channel: u8, node: Node) -> Result<(), StatusWord> {
    match node {
        Node::Directory(directory) => card.channel_mut(channel)?.enter(directory),
        Node::File(file) => {
            let directory = card.tree.file(file).directory;
            card.channel_mut(channel)?.open_file(directory, file);
        }
    }
    Ok(())
}

fn present(card: &SimCard, found: Option<Node>) -> Result<Node, StatusWord> {
    let hidden = |node: &Node| matches!(node, Node::File(file) if !card.is_present(card.tree.file(*file)));
    found.filter(|node| !hidden(node)).ok_or(StatusWord::FILE_NOT_FOUND)
}

fn fid(data: &[u8]) -> Result<u16, StatusWord> {
    data.try_into().map(u16::from_be_bytes).map_err(|_| StatusWord::WRONG_LENGTH)
}
