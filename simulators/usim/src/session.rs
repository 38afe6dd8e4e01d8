//! What a card forgets at a reset: selections, verified codes, data that waits for GET RESPONSE.

use crate::files::{DirectoryId, FileId, Tree};
use ksnaf_proto::secret::SecretBytes;

/// Basic channel and three more: what the ATR announces.
pub(crate) const CHANNELS: u8 = 4;

/// From one reset to the next.
#[derive(Debug)]
pub(crate) struct Session {
    channels: [Option<Channel>; CHANNELS as usize],
    /// PIN1 has been verified, on whatever channel (TS 102 221 clause 11.1.9.1.1).
    pub(crate) pin1_verified: bool,
    /// ADM1 has been verified.
    pub(crate) adm1_verified: bool,
    /// Left for GET RESPONSE by the last command.
    pub(crate) waiting: Option<Waiting>,
}

/// Selections on one logical channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    /// Current directory.
    pub(crate) directory: DirectoryId,
    /// Current EF.
    pub(crate) file: Option<FileId>,
    /// Current record of the current EF, from 1.
    pub(crate) record: Option<u8>,
    /// ADF of the active application: what 7FFF means.
    pub(crate) adf: Option<DirectoryId>,
}

/// A response that the terminal has to ask for, on the channel of its command.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Channel of the command.
    pub(crate) channel: u8,
    /// Not yet fetched.
    pub(crate) data: SecretBytes,
}

impl Session {
    /// After a reset: the basic channel at the MF, nothing verified.
    pub(crate) const fn new() -> Self {
        let basic = Some(Channel::at_mf());
        let channels = [basic, None, None, None];
        Self { channels, pin1_verified: false, adm1_verified: false, waiting: None }
    }

    /// An open channel.
    pub(crate) fn channel(&self, number: u8) -> Option<&Channel> {
        self.channels.get(usize::from(number))?.as_ref()
    }

    /// An open channel, to change.
    pub(crate) fn channel_mut(&mut self, number: u8) -> Option<&mut Channel> {
        self.channels.get_mut(usize::from(number))?.as_mut()
    }

    /// The first channel that is not open.
    pub(crate) fn free_channel(&self) -> Option<u8> {
        self.channels.iter().position(Option::is_none).and_then(|free| u8::try_from(free).ok())
    }

    /// Opens a channel with these selections; `false` if it is open already or beyond those there are.
    pub(crate) fn open(&mut self, number: u8, channel: Channel) -> bool {
        let slot = self.channels.get_mut(usize::from(number)).filter(|slot| slot.is_none());
        slot.is_some_and(|slot| slot.replace(channel).is_none())
    }

    /// Closes a channel; `false` if it is not open or the basic one.
    pub(crate) fn close(&mut self, number: u8) -> bool {
        let slot = self.channels.get_mut(usize::from(number)).filter(|_| number != 0);
        slot.is_some_and(|slot| slot.take().is_some())
    }
}

impl Channel {
    /// With the MF selected and no application.
    pub(crate) const fn at_mf() -> Self {
        Self { directory: Tree::MF, file: None, record: None, adf: None }
    }

    /// Makes a directory the current one.
    pub(crate) const fn enter(&mut self, directory: DirectoryId) {
        self.directory = directory;
        self.file = None;
        self.record = None;
    }

    /// Makes a file the current one, and its directory with it. The record pointer starts anew.
    pub(crate) const fn open_file(&mut self, directory: DirectoryId, file: FileId) {
        self.directory = directory;
        self.file = Some(file);
        self.record = None;
    }
}
