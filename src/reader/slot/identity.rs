//! The check that the card in a reader is the one its user named.

use crate::reader::ReaderError;
use ksnaf_proto::uicc::Card;
use std::fmt::Display;

/// Which card a slot is for. A slot with an identity runs no job on a card that did not pass the check since it was
/// last connected: cards are swapped, and an AUTHENTICATE to the wrong one moves its sequence number.
pub struct CardIdentity {
    wanted: &'static str,
    matches: Box<Matches>,
    passed: bool,
}

type Matches = dyn FnMut(&mut dyn Card) -> Result<bool, String> + Send;

impl CardIdentity {
    /// `wanted` names what is compared (IMSI, ICCID); `matches` reads the card. Its error text is for the user and
    /// must not name an identity.
    pub fn new<E: Display>(
        wanted: &'static str,
        mut matches: impl FnMut(&mut dyn Card) -> Result<bool, E> + Send + 'static,
    ) -> Self {
        let matches = move |card: &mut dyn Card| matches(card).map_err(|error| error.to_string());
        Self { wanted, matches: Box::new(matches), passed: false }
    }

    /// Checks the card unless it has passed already.
    pub(super) fn check(&mut self, reader: &str, card: &mut dyn Card) -> Result<(), ReaderError> {
        if self.passed {
            return Ok(());
        }
        let why = match (self.matches)(card) {
            Ok(true) => {
                self.passed = true;
                return Ok(());
            }
            Ok(false) => "another card".to_owned(),
            Err(why) => why,
        };
        Err(ReaderError::NoMatch { wanted: self.wanted, looked: vec![(reader.to_owned(), why)] })
    }

    /// Says that the card may be another from here on.
    pub(super) const fn forget(&mut self) {
        self.passed = false;
    }
}
