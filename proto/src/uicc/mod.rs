//! The card seen from the terminal (TS 102 221, 31.102, 31.103).

pub mod apdu;
pub mod authenticate;
pub mod card;
pub mod card_identity;
pub mod channel;
pub mod ef;
pub mod exchange;
pub mod file;
pub mod gba;
#[cfg(test)]
mod hostile;
pub mod pin;
#[cfg(test)]
mod script;
pub mod session;
pub mod status_word;
pub mod tlv;
pub mod trace;

pub use apdu::{Command, Response};
pub use card::{Card, CardError};
pub use channel::{Channel, ChannelError};
pub use exchange::exchange;
pub use status_word::StatusWord;
