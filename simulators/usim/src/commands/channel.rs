//! MANAGE CHANNEL, GET RESPONSE, GET CHALLENGE (TS 102 221 clauses 11.1.15, 11.1.17, 12.1.1).

use super::{Call, Outcome, Reply};
use crate::card::SimCard;
use crate::session::{Channel, Waiting};
use ksnaf_proto::uicc::StatusWord;

/// MANAGE CHANNEL: the card assigns the number of a channel that it opens (P2 00) and says it. A terminal may also
/// name one, as ISO/IEC 7816-4 has it and some tools do; then there is nothing to say.
pub(super) fn manage(card: &mut SimCard, call: Call<'_>) -> Outcome {
    if !call.data.is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    // From the basic channel the MF is selected on a new one, from another what is selected there.
    let from = *card.channel(call.channel)?;
    let at_first =
        if call.channel == 0 { Channel::at_mf() } else { Channel { file: None, record: None, ..from } };
    match (call.p1, call.p2) {
        (0x00, 0x00) => {
            let sized = card.give_exactly(vec![0], call.le);
            if sized.sw != StatusWord::OK {
                return Ok(sized);
            }
            let free = card.session.free_channel().ok_or(StatusWord::FUNCTION_NOT_SUPPORTED)?;
            card.session.open(free, at_first);
            Ok(Reply::data(vec![free]))
        }
        (0x00, number @ 1..=19) => match card.session.open(number, at_first) {
            true => Ok(Reply::status(StatusWord::OK)),
            false => Err(StatusWord::FUNCTION_NOT_SUPPORTED),
        },
        (0x80, number @ 1..=19) => match card.session.close(number) {
            true => Ok(Reply::status(StatusWord::OK)),
            false => Err(StatusWord::CHANNEL_NOT_SUPPORTED),
        },
        _ => Err(StatusWord::INCORRECT_P1_P2),
    }
}

/// GET RESPONSE: what the command just before left, on its channel.
pub(super) fn get_response(card: &mut SimCard, call: Call<'_>, waiting: Option<Waiting>) -> Outcome {
    if (call.p1, call.p2) != (0, 0) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let waiting = waiting.filter(|waiting| waiting.channel == call.channel);
    let waiting = waiting.ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
    let left = waiting.data.len();
    // 256 octets are written as 00 both in Le and in 61xx.
    let wanted = match call.le {
        None | Some(0) => 256,
        Some(le) => usize::from(le),
    };
    if wanted > left && call.le != Some(0) {
        let right = u16::try_from(left).unwrap_or_default();
        card.session.waiting = Some(waiting);
        return Err(StatusWord(0x6c00 | right));
    }
    Ok(card.hand_out(call.channel, waiting.data.danger_expose().to_vec(), wanted))
}

/// GET CHALLENGE: random octets. Nothing in the card depends on them.
pub(super) fn get_challenge(card: &SimCard, call: Call<'_>) -> Outcome {
    if (call.p1, call.p2) != (0, 0) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let length = call.le.filter(|le| *le != 0).unwrap_or(8);
    let mut octets = vec![0; usize::from(length)];
    getrandom::fill(&mut octets).map_err(|_| StatusWord(0x6f00))?;
    Ok(card.give_exactly(octets, call.le))
}
