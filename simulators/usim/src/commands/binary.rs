//! READ BINARY and UPDATE BINARY (TS 102 221 clauses 11.1.3 and 11.1.4).

use super::{Call, END_OF_FILE, Outcome, Reply};
use crate::atr::Protocol;
use crate::card::SimCard;
use crate::files::{FileId, Structure};
use ksnaf_proto::uicc::StatusWord;

/// READ BINARY: from the offset, Le octets or what is left of the file.
pub(super) fn read(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let (id, offset) = target(card, call)?;
    let file = card.tree.file(id);
    card.demand(file.rule.read())?;
    let octets = card.shown_body(file);
    let left = octets.get(offset..).filter(|left| !left.is_empty()).ok_or(StatusWord::WRONG_P1_P2)?;
    let wanted = match call.le {
        None | Some(0) => 256,
        Some(le) => usize::from(le),
    };
    let reply = if wanted <= left.len() {
        Reply::data(left.iter().copied().take(wanted).collect())
    } else {
        // Le 00 is "all there is" with T=1 and "256" with T=0, where a wrong Le is told.
        match (card.protocol(), call.le) {
            (Protocol::T1, Some(0)) => Reply::data(left.to_vec()),
            (Protocol::T1, Some(_)) => Reply { data: left.to_vec(), sw: END_OF_FILE },
            (Protocol::T0, _) | (_, None) => {
                let right = u16::try_from(left.len()).unwrap_or_default();
                Reply::status(StatusWord(0x6c00 | right))
            }
        }
    };
    card.make_current(call.channel, id)?;
    Ok(reply)
}

/// UPDATE BINARY: inside the file only, all or nothing.
pub(super) fn update(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let (id, offset) = target(card, call)?;
    let file = card.tree.file(id);
    card.demand(file.rule.update())?;
    let (body, size) = (file.body, card.memory.state().body(file.body).len());
    if offset >= size {
        return Err(StatusWord::WRONG_P1_P2);
    }
    if call.data.is_empty() || call.data.len() > size - offset {
        return Err(StatusWord::WRONG_LENGTH);
    }
    card.memory.change().write_body(body, offset, call.data);
    card.make_current(call.channel, id)?;
    Ok(Reply::status(StatusWord::OK))
}

/// File and offset: P1 has an SFI (100xxxxx, offset in P2), or the high part of the offset.
fn target(card: &SimCard, call: Call<'_>) -> Result<(FileId, usize), StatusWord> {
    let (sfi, offset) = match call.p1 {
        0x00..=0x7f => (0, usize::from(u16::from_be_bytes([call.p1, call.p2]))),
        0x81..=0x9e => (call.p1 & 0x1f, usize::from(call.p2)),
        _ => return Err(StatusWord::INCORRECT_P1_P2),
    };
    let id = card.file_for(call.channel, sfi)?;
    match card.tree.file(id).structure {
        Structure::Transparent => Ok((id, offset)),
        Structure::LinearFixed(_) => Err(StatusWord::FILE_STRUCTURE),
    }
}
