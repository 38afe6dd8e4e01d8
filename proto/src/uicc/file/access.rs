//! SELECT, READ and UPDATE (TS 102 221 clauses 11.1.1 to 11.1.6), on one channel.

use super::known::{ADF, MF};
use super::{Aid, Fcp, FcpError, File};
use crate::uicc::apdu::{Command, Response};
use crate::uicc::card::CardError;
use crate::uicc::channel::Channel;
use crate::uicc::status_word::StatusWord;
use std::fmt;

/// Octets in one READ or UPDATE: what every card takes.
const CHUNK: u16 = 255;

/// The greatest offset that P1-P2 can say (TS 102 221 clause 11.1.3).
const LAST_OFFSET: u16 = 0x7fff;

/// The greatest record number.
const LAST_RECORD: u8 = 254;

/// What was being done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// SELECT.
    Select,
    /// READ BINARY or READ RECORD.
    Read,
    /// UPDATE BINARY or UPDATE RECORD.
    Update,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Select => "SELECT",
            Self::Read => "READ",
            Self::Update => "UPDATE",
        })
    }
}

/// Why a file could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// No answer.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card refused.
    #[error("{step} of {file} refused: {sw}")]
    Refused {
        /// The file.
        file: File,
        /// The command.
        step: Step,
        /// The card's reason.
        sw: StatusWord,
    },
    /// The answer to SELECT is no FCP.
    #[error("file control parameters of {file}: {cause}")]
    Fcp {
        /// The file.
        file: File,
        /// What is wrong with them.
        cause: FcpError,
    },
    /// The file has no records, or records where none should be.
    #[error("{file} has another structure than the specification gives it")]
    Structure {
        /// The file.
        file: File,
    },
    /// More octets than the file or the command can take.
    #[error("{needed} octets do not fit {file}, which has {size}")]
    TooLong {
        /// The file.
        file: File,
        /// Octets to be written.
        needed: usize,
        /// Octets there are.
        size: usize,
    },
}

impl FileError {
    /// The card's reason, if the card refused.
    #[must_use]
    pub const fn status_word(&self) -> Option<StatusWord> {
        match self {
            Self::Refused { sw, .. } => Some(*sw),
            _ => None,
        }
    }

    /// Whether the file is not on the card.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { step: Step::Select, sw: StatusWord::FILE_NOT_FOUND, .. })
    }

    /// Whether a PIN has to be verified first.
    #[must_use]
    pub fn needs_pin(&self) -> bool {
        self.status_word() == Some(StatusWord::SECURITY_NOT_SATISFIED)
    }
}

/// Which of several applications a cut AID means (TS 102 221 clause 11.1.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Occurrence {
    /// The first, or the only one.
    #[default]
    First,
    /// The one after that selected.
    Next,
}

impl Channel<'_> {
    /// Selects a file by its identifier, below what is selected.
    pub fn select(&mut self, file: File) -> Result<Fcp, FileError> {
        self.select_with(file, 0x00, 0x04, &file.id.octets())
    }

    /// Selects a file by its path from the MF, the MF itself left out. The last of the path names the error.
    pub fn select_path(&mut self, path: &[File]) -> Result<Fcp, FileError> {
        let octets: Vec<u8> = path.iter().flat_map(|file| file.id.octets()).collect();
        match path.last() {
            Some(file) => self.select_with(*file, 0x08, 0x04, &octets),
            None => self.select(MF),
        }
    }

    /// Selects an application by its AID, whole or cut.
    pub fn select_aid(&mut self, aid: &Aid, occurrence: Occurrence) -> Result<Fcp, FileError> {
        let p2 = match occurrence {
            Occurrence::First => 0x04,
            Occurrence::Next => 0x06,
        };
        self.select_with(ADF, 0x04, p2, aid.octets())
    }

    /// Octets of the selected transparent file from `offset`; what P1-P2 cannot address is not read.
    pub fn read_binary(&mut self, file: File, offset: u16, length: u16) -> Result<Vec<u8>, FileError> {
        let mut content = Vec::new();
        let mut at = offset;
        let end = offset.saturating_add(length).min(LAST_OFFSET + 1);
        while at < end {
            let wanted = (end - at).min(CHUNK);
            let [high, low] = at.to_be_bytes();
            let command = Command::new(0, 0xb0, high, low).with_le(le(wanted));
            let response = self.exchange(command)?;
            let chunk = read_data(file, &response)?;
            content.extend(chunk.iter().take(usize::from(wanted)));
            if chunk.len() < usize::from(wanted) {
                break;
            }
            at += wanted;
        }
        Ok(content)
    }

    /// Octets 0 to `length` of the transparent file with this short identifier, selecting it.
    pub fn read_binary_sfi(&mut self, file: File, sfi: u8, length: u8) -> Result<Vec<u8>, FileError> {
        let response = self.exchange(Command::new(0, 0xb0, 0x80 | sfi & 0x1f, 0).with_le(length))?;
        read_data(file, &response).map(<[u8]>::to_vec)
    }

    /// Selects a transparent file and reads the whole of it.
    pub fn read_transparent(&mut self, file: File) -> Result<Vec<u8>, FileError> {
        let fcp = self.select(file)?;
        if fcp.records().is_some() {
            return Err(FileError::Structure { file });
        }
        self.read_binary(file, 0, fcp.size.unwrap_or(CHUNK))
    }

    /// One record of the selected file, counted from 1.
    pub fn read_record(&mut self, file: File, record: u8, length: u16) -> Result<Vec<u8>, FileError> {
        let response = self.exchange(Command::new(0, 0xb2, record, 0x04).with_le(le(length)))?;
        read_data(file, &response).map(<[u8]>::to_vec)
    }

    /// One record of the file with this short identifier, counted from 1, selecting the file.
    pub fn read_record_sfi(
        &mut self,
        file: File,
        sfi: u8,
        record: u8,
        length: u16,
    ) -> Result<Vec<u8>, FileError> {
        let command = Command::new(0, 0xb2, record, (sfi & 0x1f) << 3 | 0x04).with_le(le(length));
        let response = self.exchange(command)?;
        read_data(file, &response).map(<[u8]>::to_vec)
    }

    /// Selects a file of records and reads them all, in order.
    pub fn read_records(&mut self, file: File) -> Result<Vec<Vec<u8>>, FileError> {
        let fcp = self.select(file)?;
        let (length, count) = fcp.records().ok_or(FileError::Structure { file })?;
        // A card that leaves the count out says it by "record not found".
        let last = if count == 0 { LAST_RECORD } else { count.min(LAST_RECORD) };
        let mut records = Vec::new();
        for number in 1..=last {
            match self.read_record(file, number, length) {
                Ok(record) => records.push(record),
                Err(FileError::Refused { sw: StatusWord::RECORD_NOT_FOUND, .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }

    /// Writes octets of the selected transparent file from `offset`.
    pub fn update_binary(&mut self, file: File, offset: u16, content: &[u8]) -> Result<(), FileError> {
        let room = usize::from((LAST_OFFSET + 1).saturating_sub(offset));
        if content.len() > room {
            return Err(FileError::TooLong { file, needed: content.len(), size: room });
        }
        for (at, chunk) in (offset..).step_by(usize::from(CHUNK)).zip(content.chunks(usize::from(CHUNK))) {
            let [high, low] = at.to_be_bytes();
            let response = self.exchange(Command::new(0, 0xd6, high, low).with_data(chunk))?;
            done(file, Step::Update, &response)?;
        }
        Ok(())
    }

    /// Writes one whole record of the selected file, counted from 1.
    pub fn update_record(&mut self, file: File, record: u8, content: &[u8]) -> Result<(), FileError> {
        if content.len() > usize::from(CHUNK) {
            return Err(FileError::TooLong { file, needed: content.len(), size: usize::from(CHUNK) });
        }
        let response = self.exchange(Command::new(0, 0xdc, record, 0x04).with_data(content))?;
        done(file, Step::Update, &response)
    }

    fn select_with(&mut self, file: File, p1: u8, p2: u8, data: &[u8]) -> Result<Fcp, FileError> {
        let response = self.exchange(Command::new(0, 0xa4, p1, p2).with_data(data).with_le(0))?;
        done(file, Step::Select, &response)?;
        // Some cards select an application without saying anything of it.
        if response.data.is_empty() {
            return Ok(Fcp::default());
        }
        Fcp::decode(&response.data).map_err(|cause| FileError::Fcp { file, cause })
    }
}

/// Le of a wish for up to 256 octets.
fn le(length: u16) -> u8 {
    u8::try_from(length).unwrap_or(0)
}

/// Data of a READ; 6282, the end came before Le octets, is data too.
fn read_data(file: File, response: &Response) -> Result<&[u8], FileError> {
    const END_REACHED: StatusWord = StatusWord(0x6282);
    if response.sw != END_REACHED {
        done(file, Step::Read, response)?;
    }
    Ok(&response.data)
}

fn done(file: File, step: Step, response: &Response) -> Result<(), FileError> {
    if response.sw.is_ok() { Ok(()) } else { Err(FileError::Refused { file, step, sw: response.sw }) }
}

#[cfg(test)]
mod tests;
