//! Card application toolkit: there is none behind these answers, but terminals ask (TS 102 221 clause 11.2).

use super::{Call, Outcome, Reply};
use ksnaf_proto::uicc::StatusWord;

/// TERMINAL PROFILE: heard.
pub(super) const fn terminal_profile(call: Call<'_>) -> Outcome {
    match (call.p1, call.p2, call.data) {
        (0, 0, []) => Err(StatusWord::WRONG_LENGTH),
        (0, 0, _) => Ok(Reply::status(StatusWord::OK)),
        _ => Err(StatusWord::INCORRECT_P1_P2),
    }
}

/// TERMINAL CAPABILITY: one data object A9, heard.
pub(super) const fn terminal_capability(call: Call<'_>) -> Outcome {
    match (call.p1, call.p2, call.data) {
        (0, 0, [0xa9, ..]) => Ok(Reply::status(StatusWord::OK)),
        (0, 0, []) => Err(StatusWord::WRONG_LENGTH),
        (0, 0, _) => Err(StatusWord::INCORRECT_DATA),
        _ => Err(StatusWord::INCORRECT_P1_P2),
    }
}

/// FETCH, TERMINAL RESPONSE, ENVELOPE: no proactive command was announced, no application listens.
pub(super) const fn nothing_pending() -> Outcome {
    Err(StatusWord(0x6f00))
}
