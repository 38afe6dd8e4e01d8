//! The commands, one module a group; this one finds out which is meant (TS 102 221 clause 10.1).

mod authenticate;
mod binary;
mod channel;
mod gba;
mod gsm_class;
mod pin;
mod record;
mod select;
mod toolkit;

use crate::card::SimCard;
use crate::files::{Application, Condition, File, FileId};
use crate::session::{CHANNELS, Channel, Waiting};
use ksnaf_proto::uicc::{Command, StatusWord};

/// What a command comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Data in the response.
    pub(crate) data: Vec<u8>,
    /// Status word.
    pub(crate) sw: StatusWord,
}

impl Reply {
    /// Done, with data.
    pub(crate) const fn data(data: Vec<u8>) -> Self {
        Self { data, sw: StatusWord::OK }
    }

    /// A status word alone.
    pub(crate) const fn status(sw: StatusWord) -> Self {
        Self { data: Vec::new(), sw }
    }

    /// Response APDU.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut octets = self.data;
        octets.extend(self.sw.octets());
        octets
    }
}

/// A refusal is a status word; it changes nothing but what the command says it does (retry counters).
type Outcome = Result<Reply, StatusWord>;

/// PIN or data invalidated: a disabled PIN cannot be verified.
const INVALIDATED: StatusWord = StatusWord(0x6984);
/// End of file before Le octets; also a search without success.
const END_OF_FILE: StatusWord = StatusWord(0x6282);

/// Class of TS 51.011.
const GSM_CLASS: u8 = 0xa0;

/// Class of a command: interindustry (0X) or of TS 102 221 (8X).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Iso,
    Etsi,
}

/// A command with what its class byte says taken out.
#[derive(Debug, Clone, Copy)]
struct Call<'a> {
    channel: u8,
    p1: u8,
    p2: u8,
    data: &'a [u8],
    le: Option<u8>,
}

/// Runs a command. `waiting` is what the command before it left for GET RESPONSE.
pub(crate) fn run(card: &mut SimCard, command: &Command, waiting: Option<Waiting>) -> Reply {
    if command.cla == GSM_CLASS && card.personalisation.gsm_access {
        return gsm_class::run(card, command, waiting);
    }
    classify(card, command)
        .and_then(|(class, channel)| {
            let Command { p1, p2, le, .. } = *command;
            let call = Call { channel, p1, p2, data: &command.data, le };
            dispatch(card, class, command.ins, call, waiting)
        })
        .unwrap_or_else(Reply::status)
}

/// Class and channel; refused are secure messaging and channels that are not open.
fn classify(card: &SimCard, command: &Command) -> Result<(Class, u8), StatusWord> {
    let class = match command.cla & 0xf0 {
        0x00 => Class::Iso,
        0x80 => Class::Etsi,
        // Further channels (4 to 19): never open here.
        0x40 | 0x60 | 0xc0 | 0xe0 => return Err(StatusWord::CHANNEL_NOT_SUPPORTED),
        _ => return Err(StatusWord::CLA_NOT_SUPPORTED),
    };
    if command.cla & 0x0c != 0 {
        return Err(StatusWord(0x6882));
    }
    let channel = command.cla & (CHANNELS - 1);
    match card.session.channel(channel) {
        Some(_) => Ok((class, channel)),
        None => Err(StatusWord::CHANNEL_NOT_SUPPORTED),
    }
}

fn dispatch(card: &mut SimCard, class: Class, ins: u8, call: Call<'_>, waiting: Option<Waiting>) -> Outcome {
    match (class, ins) {
        (Class::Iso, 0xa4) => select::select(card, call),
        (Class::Etsi, 0xf2) => select::status(card, call),
        (Class::Iso, 0xb0) => binary::read(card, call),
        (Class::Iso, 0xd6) => binary::update(card, call),
        (Class::Iso, 0xb2) => record::read(card, call),
        (Class::Iso, 0xdc) => record::update(card, call),
        (Class::Iso, 0xa2) => record::search(card, call),
        (Class::Iso, 0x20) => pin::verify(card, call),
        (Class::Iso, 0x24) => pin::change(card, call),
        (Class::Iso, 0x26) => pin::disable(card, call),
        (Class::Iso, 0x28) => pin::enable(card, call),
        (Class::Iso, 0x2c) => pin::unblock(card, call),
        (Class::Iso, 0x70) => channel::manage(card, call),
        (Class::Iso, 0xc0) => channel::get_response(card, call, waiting),
        (Class::Iso, 0x84) => channel::get_challenge(card, call),
        (Class::Iso, 0x88) => authenticate::authenticate(card, call),
        (Class::Etsi, 0x10) => toolkit::terminal_profile(call),
        (Class::Etsi, 0xaa) => toolkit::terminal_capability(call),
        (Class::Etsi, 0x12 | 0x14 | 0xc2) => toolkit::nothing_pending(),
        // A known instruction under the other class, or no instruction of this card.
        (Class::Etsi, 0xa4 | 0xb0 | 0xd6 | 0xb2 | 0xdc | 0xa2 | 0x20 | 0x24 | 0x26 | 0x28 | 0x2c)
        | (Class::Etsi, 0x70 | 0xc0 | 0x84 | 0x88)
        | (Class::Iso, 0xf2 | 0x10 | 0xaa | 0x12 | 0x14 | 0xc2) => Err(StatusWord::CLA_NOT_SUPPORTED),
        _ => Err(StatusWord::INS_NOT_SUPPORTED),
    }
}

impl SimCard {
    fn channel(&self, number: u8) -> Result<&Channel, StatusWord> {
        self.session.channel(number).ok_or(StatusWord::CHANNEL_NOT_SUPPORTED)
    }

    fn channel_mut(&mut self, number: u8) -> Result<&mut Channel, StatusWord> {
        self.session.channel_mut(number).ok_or(StatusWord::CHANNEL_NOT_SUPPORTED)
    }

    /// The file that a command is about: by SFI in the current directory, or the current one (SFI 0).
    fn file_for(&self, channel: u8, sfi: u8) -> Result<FileId, StatusWord> {
        let current = self.channel(channel)?;
        if sfi == 0 {
            return current.file.ok_or(StatusWord::NO_EF_SELECTED);
        }
        self.tree
            .file_by_sfi(current.directory, sfi)
            .filter(|file| self.is_present(self.tree.file(*file)))
            .ok_or(StatusWord::FILE_NOT_FOUND)
    }

    /// After a command that named its file by SFI succeeded, that file is the current one.
    fn make_current(&mut self, channel: u8, file: FileId) -> Result<(), StatusWord> {
        let current = self.channel_mut(channel)?;
        if current.file != Some(file) {
            let directory = current.directory;
            current.open_file(directory, file);
        }
        Ok(())
    }

    /// Refuses unless what the condition asks for has been verified.
    fn demand(&self, condition: Condition) -> Result<(), StatusWord> {
        let pin1_enabled = self.memory.state().pin1.enabled;
        let met = match condition {
            Condition::Always => true,
            Condition::Pin1 => !pin1_enabled || self.session.pin1_verified,
            Condition::Adm1 => self.session.adm1_verified,
            Condition::Never => false,
        };
        if met { Ok(()) } else { Err(StatusWord::SECURITY_NOT_SATISFIED) }
    }

    /// The octets of a file as the card shows them: without its GBA service where a fault hides it.
    fn shown_body(&self, file: &File) -> Vec<u8> {
        let mut octets = self.memory.state().body(file.body).to_vec();
        if self.faults.no_gba_service
            && let Some(service) = gba::service_of(&self.tree, file)
            && let Some(octet) = octets.get_mut(service.octet)
        {
            *octet &= !service.bit;
        }
        octets
    }

    /// Whether a file can be selected: a fault may hide those of GBA.
    fn is_present(&self, file: &File) -> bool {
        !(self.faults.no_gba_service && gba::is_gba_file(&self.tree, file))
    }

    /// The application that is active on a channel.
    fn application(&self, channel: u8) -> Option<Application> {
        let current = self.session.channel(channel)?;
        self.tree.application_of(current.directory)
    }
}
