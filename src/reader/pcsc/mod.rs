//! Cards in PC/SC readers (pcscd with pcsc-lite on Linux).
//!
//! Whatever the service or another program does, three rules hold. A card is used inside an exclusive transaction
//! only, so that nobody's commands come between ours. It is given back with "leave": a reset would take the selection
//! and the PIN state from programs that share it. And each card has a context of its own, because a context serves
//! one call at a time and a frozen card never ends its call.

mod connection;
mod fault;
mod find;
mod monitor;
mod tpdu;

pub use find::{list, open};
pub use monitor::{Monitor, Readers};

use super::{CardInfo, ReaderInfo};
use ::pcsc::{ReaderState, State};

/// A reader in our words.
fn describe(state: &ReaderState, flags: State) -> ReaderInfo {
    let card = flags.contains(State::PRESENT).then(|| CardInfo {
        atr: state.atr().to_vec(),
        in_use: flags.intersects(State::INUSE | State::EXCLUSIVE),
        exclusive: flags.contains(State::EXCLUSIVE),
        mute: flags.contains(State::MUTE),
    });
    ReaderInfo { name: state.name().to_string_lossy().into_owned(), card }
}
