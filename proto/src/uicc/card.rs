//! What carries an APDU to a card and back.

/// Why no answer came. The card's own refusals are status words, not this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// No card in the reader.
    #[error("no card in the reader")]
    NoCard,
    /// The card was pulled, before or during the command.
    #[error("the card was removed")]
    Removed,
    /// Another program reset the card: selection and PIN state are gone.
    #[error("another program reset the card")]
    Reset,
    /// Another program holds the card.
    #[error("another program holds the card")]
    Busy,
    /// No answer within the time allowed.
    #[error("the card did not answer in time")]
    Timeout,
    /// The answer has fewer than two octets, so no status word.
    #[error("the card's answer has no status word")]
    NoStatusWord,
    /// The answer is longer than a short APDU can be, or the card announces more data without end.
    #[error("the card's answer has no end")]
    AnswerTooLong,
    /// The reader or its driver failed.
    #[error("the reader failed")]
    Reader,
}

/// A card that takes one command at a time and blocks until it has answered.
///
/// `transmit` carries one APDU as it stands: 61xx, 6Cxx and 91xx are the caller's to act on.
pub trait Card {
    /// Sends a command APDU, gives the response APDU: data and two octets of status word.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError>;
}

impl<C: Card + ?Sized> Card for &mut C {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        (**self).transmit(command)
    }
}

impl<C: Card + ?Sized> Card for Box<C> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        (**self).transmit(command)
    }
}
