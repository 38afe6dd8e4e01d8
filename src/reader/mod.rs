//! Cards: a thread for each, readers that come and go, and finding the card a user names.
//!
//! | module | what |
//! |---|---|
//! | [`slot`] | one card in one thread; deadlines that free the caller |
//! | `pcsc` (feature `pcsc`) | cards in PC/SC readers; which readers there are, and when that changes |
//! | [`selector`] | `sim`, `pcsc`, `pcsc:…`, `imsi:…`, `iccid:…` |
//! | [`trace`] | every APDU to a capture |
//!
//! ```
//! use ksnaf::reader::{Slot, SlotOptions};
//! use ksnaf_proto::uicc::{Card, CardError};
//! use std::time::Duration;
//!
//! struct Echo;
//! impl Card for Echo {
//!     fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, CardError> {
//!         Ok(vec![0x90, 0x00])
//!     }
//! }
//!
//! let slot = Slot::of_card("sim", Echo, &SlotOptions::default())?;
//! let answer = slot.with_card_blocking(Duration::from_secs(1), |card| card.transmit(&[0x00, 0xa4, 0x00, 0x04]))?;
//! assert_eq!(answer, Ok(vec![0x90, 0x00]));
//! # Ok::<(), ksnaf::reader::ReaderError>(())
//! ```

mod error;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod selector;
pub mod slot;
pub mod trace;

pub use error::{Cause, ReaderError, cause};
pub use selector::{CardSelector, Choice, SelectorError};
pub use slot::{CardIdentity, Slot, SlotOptions, SlotState, leave_all_cards};
pub use trace::{ApduEvent, ApduTrace};

use ksnaf_proto::uicc::Card;
use std::fmt::Display;
use std::time::Duration;

/// A reader and the card in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderInfo {
    /// The service's name of it.
    pub name: String,
    /// The card in it.
    pub card: Option<CardInfo>,
}

/// A card as the service sees it from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardInfo {
    /// Answer to reset, at most 33 octets.
    pub atr: Vec<u8>,
    /// Some program, this one included, is connected to it.
    pub in_use: bool,
    /// Some program keeps all others out.
    pub exclusive: bool,
    /// It does not answer to reset.
    pub mute: bool,
}

/// Finds a card in a PC/SC reader and gives it a thread.
///
/// `matches` reads a card and says whether it is the one: it is asked only for [`Choice::Imsi`] and
/// [`Choice::Iccid`], of all cards at once, each in its own thread for `limit` at most. The first that says yes is
/// taken, and asked again whenever it may have been swapped. The error text of `matches` goes into
/// [`ReaderError::NoMatch`]; it must not name an identity.
pub fn open<E: Display + Send + 'static>(
    choice: &Choice,
    options: &SlotOptions,
    limit: Duration,
    matches: impl Fn(&mut dyn Card) -> Result<bool, E> + Send + Sync + 'static,
) -> Result<Slot, ReaderError> {
    #[cfg(feature = "pcsc")]
    return pcsc::open(choice, options, limit, matches);
    #[cfg(not(feature = "pcsc"))]
    {
        let _ = (choice, options, limit, matches);
        Err(ReaderError::NotBuilt)
    }
}

/// The readers and what is in them.
pub fn list() -> Result<Vec<ReaderInfo>, ReaderError> {
    #[cfg(feature = "pcsc")]
    return pcsc::list();
    #[cfg(not(feature = "pcsc"))]
    Err(ReaderError::NotBuilt)
}
