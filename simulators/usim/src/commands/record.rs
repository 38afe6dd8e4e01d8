//! READ RECORD, UPDATE RECORD, SEARCH RECORD (TS 102 221 clauses 11.1.5 to 11.1.7).

use super::{Call, END_OF_FILE, Outcome, Reply};
use crate::card::SimCard;
use crate::files::{FileId, Structure};
use ksnaf_proto::uicc::StatusWord;

/// READ RECORD: one whole record.
pub(super) fn read(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let target = target(card, call)?;
    let file = card.tree.file(target.file);
    card.demand(file.rule.read())?;
    let record = target.chosen(call)?;
    let octets = card.shown_body(file);
    let octets = octets.get(target.range(record)).ok_or(StatusWord::RECORD_NOT_FOUND)?.to_vec();
    let reply = card.give_exactly(octets, call.le);
    // With 6Cxx the terminal sends the command again: a pointer that had moved would skip a record.
    if reply.sw == StatusWord::OK {
        target.settle(card, call, record)?;
    }
    Ok(reply)
}

/// UPDATE RECORD: one whole record.
pub(super) fn update(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let target = target(card, call)?;
    let file = card.tree.file(target.file);
    card.demand(file.rule.update())?;
    let record = target.chosen(call)?;
    if call.data.len() != target.length {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let body = file.body;
    card.memory.change().write_body(body, target.range(record).start, call.data);
    target.settle(card, call, record)?;
    Ok(Reply::status(StatusWord::OK))
}

/// SEARCH RECORD, simple: the numbers of the records that hold the octets, wherever in the record.
pub(super) fn search(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let forward = match call.p2 & 0x07 {
        0x04 => true,
        0x05 => false,
        _ => return Err(StatusWord::INCORRECT_P1_P2),
    };
    let target = target(card, call)?;
    let file = card.tree.file(target.file);
    card.demand(file.rule.read())?;
    let start = match call.p1 {
        0 => target.pointer.ok_or(StatusWord::RECORD_NOT_FOUND)?,
        number => number,
    };
    if start > target.count {
        return Err(StatusWord::RECORD_NOT_FOUND);
    }
    if call.data.is_empty() || call.data.len() > target.length {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let octets = card.shown_body(file);
    let holds = |record: &u8| {
        let octets = octets.get(target.range(*record)).unwrap_or_default();
        octets.windows(call.data.len()).any(|window| window == call.data)
    };
    let found: Vec<u8> = if forward {
        (start..=target.count).filter(holds).collect()
    } else {
        (1..=start).rev().filter(holds).collect()
    };
    let Some(first) = found.first().copied() else { return Err(END_OF_FILE) };
    card.make_current(call.channel, target.file)?;
    card.channel_mut(call.channel)?.record = Some(first);
    Ok(card.give(call.channel, found, call.le))
}

/// A record file as one command sees it.
#[derive(Clone, Copy)]
struct Target {
    file: FileId,
    /// Octets of a record.
    length: usize,
    /// Number of records.
    count: u8,
    /// Current record, unless the command names a file by SFI that was not current.
    pointer: Option<u8>,
}

fn target(card: &SimCard, call: Call<'_>) -> Result<Target, StatusWord> {
    let file = card.file_for(call.channel, call.p2 >> 3)?;
    let Structure::LinearFixed(length) = card.tree.file(file).structure else {
        return Err(StatusWord::FILE_STRUCTURE);
    };
    let length = usize::from(length);
    let size = card.memory.state().body(card.tree.file(file).body).len();
    let count = u8::try_from(size.checked_div(length).unwrap_or_default()).unwrap_or(u8::MAX);
    let channel = card.channel(call.channel)?;
    let pointer = channel.record.filter(|_| channel.file == Some(file));
    Ok(Target { file, length, count, pointer })
}

impl Target {
    /// Which record P1 and the mode in P2 mean.
    fn chosen(self, call: Call<'_>) -> Result<u8, StatusWord> {
        let record = match (call.p2 & 0x07, call.p1, self.pointer) {
            // Next and previous: without a current record, the first and the last.
            (0x02, 0, None) => Some(1),
            (0x02, 0, Some(at)) => at.checked_add(1),
            (0x03, 0, None) => Some(self.count),
            (0x03, 0, Some(at)) => at.checked_sub(1),
            // Absolute, or the current one for number 0.
            (0x04, 0, at) => at,
            (0x04, number, _) => Some(number),
            _ => return Err(StatusWord::INCORRECT_P1_P2),
        };
        record.filter(|it| (1..=self.count).contains(it)).ok_or(StatusWord::RECORD_NOT_FOUND)
    }

    /// Where the record's octets are in the file.
    fn range(self, record: u8) -> std::ops::Range<usize> {
        let start = usize::from(record.saturating_sub(1)) * self.length;
        start..start + self.length
    }

    /// After success: the file is current, and next and previous move the pointer, absolute does not.
    fn settle(self, card: &mut SimCard, call: Call<'_>, record: u8) -> Result<(), StatusWord> {
        card.make_current(call.channel, self.file)?;
        if matches!(call.p2 & 0x07, 0x02 | 0x03) {
            card.channel_mut(call.channel)?.record = Some(record);
        }
        Ok(())
    }
}
