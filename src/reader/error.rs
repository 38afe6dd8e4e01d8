//! Why no card could be had, in words that say what to do about it.

use ksnaf_proto::uicc::CardError;

/// Why a job did not run on a card, or why no card was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// Nothing answers on the PC/SC socket.
    #[error("no PC/SC service: is pcscd running? (start it with `systemctl start pcscd.socket` or `pcscd`)")]
    NoService,
    /// The service came up anew under an open card: another card may be there.
    #[error("the PC/SC service was restarted: identify the card again")]
    ServiceRestarted,
    /// The service refuses this user.
    #[error("the PC/SC service refuses this user: a polkit rule must allow access to pcscd and to cards")]
    NoAccess,
    /// The service sees no reader.
    #[error("no reader: plug one in, `pcsc_scan` shows what the PC/SC service sees")]
    NoReader,
    /// No reader has such a name.
    #[error("no reader with {part:?} in its name; readers: {}", list(readers))]
    NoSuchReader {
        /// What was asked for.
        part: String,
        /// The names of the readers that are there.
        readers: Vec<String>,
    },
    /// The readers are empty.
    #[error("no card in {}", list(readers))]
    NoCard {
        /// The readers looked into.
        readers: Vec<String>,
    },
    /// A card is there and does not answer to reset, or with a protocol that is neither T=0 nor T=1.
    #[error("the card in {reader} does not answer to reset: inserted the wrong way round?")]
    Mute {
        /// The reader.
        reader: String,
    },
    /// More than one card fits.
    #[error(
        "several cards fit, choose one with pcsc:READER-NAME-PART, imsi: or iccid:; they are in {}",
        list(readers)
    )]
    Ambiguous {
        /// The readers with a card.
        readers: Vec<String>,
    },
    /// No card says it is the one looked for.
    #[error("no card with that {wanted}; {}", outcomes(looked))]
    NoMatch {
        /// What cards were compared by: IMSI or ICCID. The digits themselves are not repeated.
        wanted: &'static str,
        /// Each card looked at: its reader, and why it could not be read or that it is another card.
        looked: Vec<(String, String)>,
    },
    /// The build has no PC/SC.
    #[error("this build has no PC/SC (Cargo feature `pcsc`): only the simulated card can be used")]
    NotBuilt,
    /// The card or its reader failed, or another program has it.
    #[error("{reader}: {error}")]
    Card {
        /// The reader.
        reader: String,
        /// What happened.
        error: CardError,
    },
    /// As many jobs wait as may wait.
    #[error("{reader}: too many requests wait for this card")]
    Overloaded {
        /// The reader.
        reader: String,
    },
    /// The slot was closed.
    #[error("{reader}: closed")]
    Closed {
        /// The reader.
        reader: String,
    },
    /// The job panicked; the card was given back.
    #[error("{reader}: the work on the card panicked")]
    Panicked {
        /// The reader.
        reader: String,
    },
    /// The system refuses another thread.
    #[error("no thread for {reader}: {error}")]
    Thread {
        /// The reader.
        reader: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The service says something that has no case of its own.
    #[error("{doing}: {error}")]
    Service {
        /// What was being done.
        doing: &'static str,
        /// What the service says.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Whose turn it is to act on an error. The command line makes its exit status of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No card or no reader (exit status 3).
    NoCardOrReader,
    /// The request cannot be met by this build (exit status 2).
    Unsupported,
    /// A card is there and it failed (exit status 1).
    Failed,
}

impl ReaderError {
    /// Whether the cause is that there is no card or reader to work with.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::NoService
            | Self::NoAccess
            | Self::NoReader
            | Self::NoSuchReader { .. }
            | Self::NoCard { .. }
            | Self::Mute { .. }
            | Self::Ambiguous { .. }
            | Self::NoMatch { .. } => Cause::NoCardOrReader,
            Self::Card { error, .. } => cause(*error),
            Self::NotBuilt => Cause::Unsupported,
            Self::ServiceRestarted
            | Self::Overloaded { .. }
            | Self::Closed { .. }
            | Self::Panicked { .. }
            | Self::Thread { .. }
            | Self::Service { .. } => Cause::Failed,
        }
    }

    /// The same as a card's error, for callers that speak only of cards.
    #[must_use]
    pub const fn as_card_error(&self) -> CardError {
        match self {
            Self::Card { error, .. } => *error,
            Self::NoReader
            | Self::NoSuchReader { .. }
            | Self::NoCard { .. }
            | Self::Ambiguous { .. }
            | Self::NoMatch { .. } => CardError::NoCard,
            Self::ServiceRestarted => CardError::Removed,
            Self::Overloaded { .. } => CardError::Busy,
            _ => CardError::Reader,
        }
    }
}

/// As [`ReaderError::cause`], for an error that a job met on the card.
#[must_use]
pub const fn cause(error: CardError) -> Cause {
    match error {
        CardError::NoCard | CardError::Removed => Cause::NoCardOrReader,
        _ => Cause::Failed,
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn outcomes(looked: &[(String, String)]) -> String {
    if looked.is_empty() {
        return "no card is in any reader".to_owned();
    }
    let each: Vec<_> = looked.iter().map(|(reader, why)| format!("{reader}: {why}")).collect();
    each.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_to_do() {
        assert!(ReaderError::NoService.to_string().contains("is pcscd running?"));
        assert!(ReaderError::NoReader.to_string().starts_with("no reader: "));
        let readers = vec!["A 00".to_owned(), "B 00".to_owned()];
        let text = ReaderError::Ambiguous { readers: readers.clone() }.to_string();
        assert!(text.contains("pcsc:READER-NAME-PART") && text.ends_with("A 00, B 00"), "{text}");
        assert_eq!(ReaderError::NoCard { readers }.to_string(), "no card in A 00, B 00");
        let looked = vec![("A 00".to_owned(), "another card".to_owned())];
        let text = ReaderError::NoMatch { wanted: "IMSI", looked }.to_string();
        assert_eq!(text, "no card with that IMSI; A 00: another card");
    }

    #[test]
    fn a_missing_card_is_told_from_a_failing_one() {
        let card = |error| ReaderError::Card { reader: "A".to_owned(), error };
        assert_eq!(ReaderError::NoService.cause(), Cause::NoCardOrReader);
        assert_eq!(card(CardError::Removed).cause(), Cause::NoCardOrReader);
        assert_eq!(card(CardError::Timeout).cause(), Cause::Failed);
        assert_eq!(card(CardError::Busy).cause(), Cause::Failed);
        assert_eq!(ReaderError::NotBuilt.cause(), Cause::Unsupported);
    }
}
