//! A card in use: its own logical channel, its applications, its PIN.

use super::authenticate::AuthenticateError;
use super::card::{Card, CardError};
use super::channel::{Channel, ChannelError};
use super::ef::{Application, EfContent, EfError, Records};
use super::file::known::{EF_DIR, MF};
use super::file::{Aid, ApplicationKind, Fcp, File, FileError, Occurrence};
use super::pin::{self, LastTry, Pin, PinError, PinState};
use super::status_word::StatusWord;

/// Why a card could not be used. First comes what a person can help: no card, a PIN; then what the card is at fault
/// for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UiccError {
    /// No answer.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card wants a PIN, and none was given.
    #[error("the card wants its PIN (key reference {key_reference:02X}): {state}")]
    PinNeeded {
        /// Which PIN.
        key_reference: u8,
        /// Where it stands.
        state: PinState,
    },
    /// The PIN that was given is not verified.
    #[error(transparent)]
    Pin(PinError),
    /// No logical channel.
    #[error(transparent)]
    Channel(ChannelError),
    /// A file could not be had.
    #[error(transparent)]
    File(FileError),
    /// A file holds what it should not.
    #[error("{file}: {cause}")]
    Content {
        /// The file.
        file: File,
        /// What is wrong in it.
        cause: EfError,
    },
    /// AUTHENTICATE gave nothing.
    #[error(transparent)]
    Authenticate(AuthenticateError),
    /// No application of the kind asked for, or nothing in it: no IMSI, no IMPI.
    #[error("the card has no application with a subscriber in it")]
    NoSubscriber,
}

impl UiccError {
    /// Whether to stop: the card is gone, or a PIN was not taken and must not be tried again for the next file.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Card(_) | Self::Pin(_) | Self::Channel(_) => true,
            Self::File(_)
            | Self::Authenticate(_)
            | Self::PinNeeded { .. }
            | Self::Content { .. }
            | Self::NoSubscriber => false,
        }
    }
}

// A reader's failure is the same whichever command met it: it is always `UiccError::Card`.

impl From<FileError> for UiccError {
    fn from(error: FileError) -> Self {
        if let FileError::Card(error) = error { Self::Card(error) } else { Self::File(error) }
    }
}

impl From<PinError> for UiccError {
    fn from(error: PinError) -> Self {
        if let PinError::Card(error) = error { Self::Card(error) } else { Self::Pin(error) }
    }
}

impl From<ChannelError> for UiccError {
    fn from(error: ChannelError) -> Self {
        if let ChannelError::Card(error) = error { Self::Card(error) } else { Self::Channel(error) }
    }
}

impl From<AuthenticateError> for UiccError {
    fn from(error: AuthenticateError) -> Self {
        if let AuthenticateError::Card(error) = error { Self::Card(error) } else { Self::Authenticate(error) }
    }
}

/// What opens a card.
#[derive(Debug, Clone, Default)]
pub struct Unlock {
    /// The PIN, where the card wants one.
    pub pin: Option<Pin>,
    /// Whether the last try may be spent on it.
    pub last_try: LastTry,
}

/// A card in use, on a logical channel of its own where the card has one. The channel is closed when this is dropped.
#[derive(Debug)]
pub struct Uicc<'c> {
    channel: Channel<'c>,
    unlock: Unlock,
    /// Key references under which the PIN was taken.
    given: Vec<u8>,
    selected: Option<Selected>,
}

/// The application selected on the channel.
#[derive(Debug, Clone)]
struct Selected {
    aid: Aid,
    fcp: Fcp,
}

impl<'c> Uicc<'c> {
    /// Takes a card into use.
    pub fn open(card: &'c mut dyn Card, unlock: Unlock) -> Result<Self, UiccError> {
        let channel = Channel::open(card)?;
        Ok(Self { channel, unlock, given: Vec::new(), selected: None })
    }

    /// The channel, for commands that this type does not have. Selections made there are not known here.
    pub fn channel(&mut self) -> &mut Channel<'c> {
        self.selected = None;
        &mut self.channel
    }

    /// Closes the channel and says whether the card agreed.
    pub fn close(self) -> Result<(), UiccError> {
        Ok(self.channel.close()?)
    }

    /// The card's applications: the records of EF_DIR in order. A card without EF_DIR, or with an empty one, is asked
    /// for USIM and ISIM by their cut AIDs.
    pub fn applications(&mut self) -> Result<Vec<Application>, UiccError> {
        let records = match self.master_file().and_then(|()| Ok(self.channel.read_records(EF_DIR)?)) {
            Ok(records) => records,
            Err(error) if error.is_final() => return Err(error),
            Err(_) => Vec::new(),
        };
        let listed: Vec<Application> =
            records.iter().filter_map(|record| Application::decode(record).ok()).collect();
        if listed.is_empty() { self.probe_applications() } else { Ok(listed) }
    }

    /// Selects an application by its AID and opens it with the PIN, if it wants one and one was given.
    pub fn select_application(&mut self, aid: &Aid) -> Result<Fcp, UiccError> {
        if let Some(selected) = self.selected.as_ref().filter(|selected| selected.aid == *aid) {
            return Ok(selected.fcp.clone());
        }
        self.selected = None;
        let fcp = self.select_whole_or_cut(aid)?;
        self.give_pin(&fcp)?;
        self.selected = Some(Selected { aid: aid.clone(), fcp: fcp.clone() });
        Ok(fcp)
    }

    /// Where the PIN of the selected application stands. Without one selected, that of the card's first application.
    pub fn pin_state(&mut self) -> Result<PinState, UiccError> {
        let fcp = self.selected_fcp();
        Ok(pin::state(&mut self.channel, &fcp)?)
    }

    /// Reads a transparent file below the selected application. `None` if the card has not the file, or nothing in it.
    pub fn read<T: EfContent>(&mut self, file: File) -> Result<Option<T>, UiccError> {
        match self.channel.read_transparent(file) {
            Ok(octets) => written(file, T::decode(&octets)),
            Err(error) => self.missing(error).map(|()| None),
        }
    }

    /// Reads a file of records below the selected application: those with something in them, by their numbers from 1.
    pub fn read_all<T: EfContent>(&mut self, file: File) -> Result<Records<T>, UiccError> {
        let records = match self.channel.read_records(file) {
            Ok(records) => records,
            Err(error) => self.missing(error).map(|()| Vec::new())?,
        };
        // The records first: numbers end where they do, and a file may have as many as there are numbers.
        let decoded = records.iter().zip(1..).map(|(record, number)| (number, T::decode(record)));
        Ok(decoded.filter(|(_, content)| !matches!(content, Err(EfError::Blank))).collect())
    }

    /// Selects a file below the MF; whatever application was selected no longer is.
    pub(super) fn read_below_mf<T: EfContent>(&mut self, file: File) -> Result<Option<T>, UiccError> {
        self.master_file()?;
        self.read(file)
    }

    /// The channel, with the selected application staying selected: only files below it may be touched.
    pub(super) const fn application_channel(&mut self) -> &mut Channel<'c> {
        &mut self.channel
    }

    /// What a refusal means: the PIN, if the card says so and nobody has given it yet.
    pub(super) fn explain(&mut self, error: UiccError) -> UiccError {
        let sw = match error {
            UiccError::File(error) => error.status_word(),
            UiccError::Authenticate(error) => error.status_word(),
            _ => None,
        };
        let wanted =
            pin::key_reference(&self.selected_fcp()).filter(|reference| !self.given.contains(reference));
        let Some(key_reference) = wanted.filter(|_| sw == Some(StatusWord::SECURITY_NOT_SATISFIED)) else {
            return error;
        };
        match pin::ask(&mut self.channel, key_reference) {
            Ok(PinState::Verified | PinState::Disabled) => error,
            Ok(state) => UiccError::PinNeeded { key_reference, state },
            Err(error) => error.into(),
        }
    }

    /// A PIN holds for the whole card, on every channel: it is given once. A wrong one is forgotten, so that a second
    /// selection does not spend a second try.
    fn give_pin(&mut self, fcp: &Fcp) -> Result<(), UiccError> {
        let (Some(pin), Some(reference)) = (&self.unlock.pin, pin::key_reference(fcp)) else { return Ok(()) };
        if self.given.contains(&reference) {
            return Ok(());
        }
        match pin::verify(&mut self.channel, reference, pin, self.unlock.last_try) {
            Ok(()) => self.given.push(reference),
            Err(error) => {
                self.unlock.pin = None;
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn missing(&mut self, error: FileError) -> Result<(), UiccError> {
        if error.is_missing() { Ok(()) } else { Err(self.explain(error.into())) }
    }

    fn selected_fcp(&self) -> Fcp {
        self.selected.as_ref().map(|selected| selected.fcp.clone()).unwrap_or_default()
    }

    fn master_file(&mut self) -> Result<(), UiccError> {
        self.selected = None;
        self.channel.select(MF)?;
        Ok(())
    }

    /// Some cards do not take the AID that their own EF_DIR holds, but take its first seven octets.
    fn select_whole_or_cut(&mut self, aid: &Aid) -> Result<Fcp, UiccError> {
        let selected = match (self.channel.select_aid(aid, Occurrence::First), aid.kind().partial_aid()) {
            (Err(error), Some(cut)) if error.is_missing() && cut != *aid => {
                self.channel.select_aid(&cut, Occurrence::First)
            }
            (result, _) => result,
        };
        Ok(selected?)
    }

    fn probe_applications(&mut self) -> Result<Vec<Application>, UiccError> {
        let mut found = Vec::new();
        for kind in [ApplicationKind::Usim, ApplicationKind::Isim] {
            let Some(cut) = kind.partial_aid() else { continue };
            self.selected = None;
            match self.channel.select_aid(&cut, Occurrence::First).map_err(UiccError::from) {
                Ok(fcp) => {
                    let aid = fcp.aid.filter(|aid| aid.kind() == kind).unwrap_or(cut);
                    found.push(Application { aid, label: String::new(), discretionary: Vec::new() });
                }
                Err(error) if error.is_final() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(found)
    }
}

fn written<T>(file: File, content: Result<T, EfError>) -> Result<Option<T>, UiccError> {
    match content {
        Ok(content) => Ok(Some(content)),
        Err(EfError::Blank) => Ok(None),
        Err(cause) => Err(UiccError::Content { file, cause }),
    }
}

#[cfg(test)]
pub(super) mod tests;
