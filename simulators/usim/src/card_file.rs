//! A card's file: one process at a time uses it, and each change replaces it whole or not at all.

use crate::card_json::{self, Document, FieldError, StateJson};
use crate::files::Tree;
use crate::memory::NonVolatile;
use crate::personalisation::{Personalisation, PersonalisationError};
use ksnaf_proto::aka::AkaKeyError;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Why a card's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardFileError {
    /// Another process has this card in its reader.
    #[error("{path}: the card is in use by another process")]
    InUse {
        /// The card's file.
        path: PathBuf,
    },
    /// [`crate::SimCard::create`] does not overwrite a card.
    #[error("{path}: there is a card already")]
    Exists {
        /// The card's file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// The card's file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Not the JSON of a card.
    #[error("{path}: {source}")]
    Malformed {
        /// The card's file.
        path: PathBuf,
        /// Line, column, reason.
        source: serde_json::Error,
    },
    /// Values that are right alone and make no card together.
    #[error("{path}: {source}")]
    Card {
        /// The card's file.
        path: PathBuf,
        /// Which limit.
        source: PersonalisationError,
    },
    /// A key that is none of its algorithm.
    #[error("{path}: {source}")]
    Key {
        /// The card's file.
        path: PathBuf,
        /// Why not.
        source: AkaKeyError,
    },
    /// JSON with a value that is not what its field holds.
    #[error("{path}: {source}")]
    Value {
        /// The card's file.
        path: PathBuf,
        /// Which field.
        source: FieldError,
    },
}

/// The file, locked as long as this value lives.
#[derive(Debug)]
pub(crate) struct CardFile {
    path: PathBuf,
    _lock: File,
}

/// The state in a file, not yet held against the card's layout.
pub(crate) struct Kept(Option<StateJson>);

impl Kept {
    /// The state for this card; a file without one is a card fresh from its issuer.
    pub(crate) fn restore(self, card: &Personalisation, tree: &Tree) -> Result<NonVolatile, FieldError> {
        match self.0 {
            Some(state) => card_json::restore(state, card, tree),
            None => Ok(NonVolatile::fresh(card, tree)),
        }
    }
}

impl CardFile {
    /// Makes a file for a new card.
    pub(crate) fn create(
        path: &Path,
        card: &Personalisation,
        tree: &Tree,
        state: &NonVolatile,
    ) -> Result<Self, CardFileError> {
        let file = Self::locked(path)?;
        if path.exists() {
            return Err(CardFileError::Exists { path: path.to_owned() });
        }
        file.save(card, tree, state)?;
        Ok(file)
    }

    /// Opens the file of a card.
    pub(crate) fn open(path: &Path) -> Result<(Self, Personalisation, Kept), CardFileError> {
        // Looked at first, so that a wrong path leaves no lock file behind.
        path.metadata().map_err(|source| io_error(path, "open the file", source))?;
        let file = Self::locked(path)?;
        let document = read(path)?;
        let card = card_json::personalisation(&document.card).map_err(|reason| file.unusable(reason))?;
        Ok((file, card, Kept(document.state)))
    }

    /// An error about a value in this file.
    pub(crate) fn unusable(&self, source: FieldError) -> CardFileError {
        CardFileError::Value { path: self.path.clone(), source }
    }

    /// Replaces the file: after this returns, a crash finds the new state, before it the old one.
    pub(crate) fn save(
        &self,
        card: &Personalisation,
        tree: &Tree,
        state: &NonVolatile,
    ) -> Result<(), CardFileError> {
        let document = card_json::document(card, tree, state);
        let mut octets = serde_json::to_vec_pretty(&document)
            .map_err(|source| CardFileError::Malformed { path: self.path.clone(), source })?;
        octets.push(b'\n');
        let temporary = beside(&self.path, ".new");
        let failed = |action| move |source| io_error(&self.path, action, source);
        let mut new =
            private().truncate(true).open(&temporary).map_err(failed("create a new file beside it"))?;
        new.write_all(&octets).and_then(|()| new.sync_all()).map_err(failed("write a new file beside it"))?;
        std::fs::rename(&temporary, &self.path).map_err(failed("put the new file in its place"))?;
        let directory = match self.path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(failed("sync its directory"))
    }

    /// The lock is on a file beside it: the card's own is replaced at every change.
    fn locked(path: &Path) -> Result<Self, CardFileError> {
        let lock = private().truncate(false).open(beside(path, ".lock"));
        let lock = lock.map_err(|source| io_error(path, "open its lock file", source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(CardFileError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(io_error(path, "lock it", source)),
        }
    }
}

/// What a card was made with, whoever has it in a reader: a file is replaced whole, so that reading needs no lock.
pub(crate) fn personalisation(path: &Path) -> Result<Personalisation, CardFileError> {
    let unusable = |source| CardFileError::Value { path: path.to_owned(), source };
    card_json::personalisation(&read(path)?.card).map_err(unusable)
}

fn read(path: &Path) -> Result<Document, CardFileError> {
    let text = std::fs::read_to_string(path).map_err(|source| io_error(path, "read the file", source))?;
    serde_json::from_str(&text).map_err(|source| CardFileError::Malformed { path: path.to_owned(), source })
}

/// For the owner only: the file holds keys.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> CardFileError {
    CardFileError::Io { path: path.to_owned(), action, source }
}
