//! The card seen from the terminal (TS 102 221, 31.102, 31.103).
//!
//! A card is anything that carries an APDU ([`Card`]): a reader, a simulator, a replay. Upon it, lower layers first:
//!
//! | module | what |
//! |---|---|
//! | [`apdu`], [`status_word`], [`tlv`] | octets of commands, answers and data objects |
//! | [`exchange`](mod@exchange), [`channel`] | one command and its whole answer, on a logical channel |
//! | [`file`](mod@file), [`ef`] | files: names, selection, access; and what stands in them |
//! | [`pin`], [`authenticate`] | VERIFY and AUTHENTICATE |
//! | [`session`], [`card_identity`], [`gba`] | a card in use: who it is, and bootstraps with it |
//! | [`onem2m`] | M2M service subscriptions on it |
//! | [`trace`] | an APDU as a line to read, without secrets |
//!
//! ```
//! # use ksnaf_proto::aka::{Autn, Rand};
//! # use ksnaf_proto::uicc::gba::{Bootstrap, GbaError, GbaPolicy};
//! # use ksnaf_proto::uicc::{Card, Uicc, session::Unlock, card_identity::ApplicationPreference};
//! fn run(card: &mut dyn Card, rand: &Rand, autn: &Autn) -> Result<Bootstrap, GbaError> {
//!     let mut uicc = Uicc::open(card, Unlock::default())?;
//!     let application = uicc.identity()?.gba_application(ApplicationPreference::default())?;
//!     uicc.gba_run(application, GbaPolicy::Auto)?.authenticate(rand, autn)
//! }
//! ```

pub mod apdu;
pub mod authenticate;
pub mod card;
pub mod card_identity;
pub mod channel;
pub mod ef;
pub mod exchange;
pub mod file;
pub mod gba;
pub mod onem2m;
pub mod pin;
pub mod session;
pub mod status_word;
pub mod tlv;
pub mod trace;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod script;

pub use apdu::{Command, Response};
pub use card::{Card, CardError};
pub use card_identity::CardIdentity;
pub use channel::{Channel, ChannelError};
pub use exchange::exchange;
pub use session::{Uicc, UiccError};
pub use status_word::StatusWord;
