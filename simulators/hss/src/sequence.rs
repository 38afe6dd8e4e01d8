//! Sequence numbers of all subscribers: in memory, and in a file where they are to outlive the process.

use ksnaf_proto::aka::Sqn;
use ksnaf_proto::hex;
use ksnaf_proto::identity::Imsi;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file of sequence numbers is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SequenceFileError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line that is not an IMSI, a blank and twelve hex digits.
    #[error("{path}, line {line}: an IMSI and twelve hex digits are needed")]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// The numbers of a subscriber are used up.
    #[error("a subscriber's sequence numbers are used up")]
    Exhausted,
}

/// The last number given out to each subscriber.
#[derive(Debug)]
pub(crate) struct SequenceNumbers {
    last: BTreeMap<Imsi, Sqn>,
    file: Option<PathBuf>,
}

impl SequenceNumbers {
    /// Those of the subscribers; the file's are stronger. A file that is not there yet is made with the first number.
    pub(crate) fn open(
        mut last: BTreeMap<Imsi, Sqn>,
        file: Option<&Path>,
    ) -> Result<Self, SequenceFileError> {
        let Some(path) = file else { return Ok(Self { last, file: None }) };
        match std::fs::read_to_string(path) {
            Ok(text) => {
                for (content, line) in text.lines().zip(1..) {
                    let read = read_line(content);
                    let (imsi, sqn) =
                        read.ok_or_else(|| SequenceFileError::Line { path: path.to_owned(), line })?;
                    last.insert(imsi, sqn);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(SequenceFileError::Io { path: path.to_owned(), source }),
        }
        Ok(Self { last, file: Some(path.to_owned()) })
    }

    /// Takes a step from a subscriber's last number; it is in the file before it is given out.
    pub(crate) fn step(
        &mut self,
        imsi: &Imsi,
        step: impl FnOnce(Sqn) -> Option<Sqn>,
    ) -> Result<Sqn, SequenceFileError> {
        let last = self.last.get(imsi).copied().unwrap_or_default();
        let next = step(last).ok_or(SequenceFileError::Exhausted)?;
        self.last.insert(imsi.clone(), next);
        if let Some(path) = &self.file {
            self.write(path).map_err(|source| SequenceFileError::Io { path: path.clone(), source })?;
        }
        Ok(next)
    }

    /// Whole or not at all: a file beside it takes its place.
    fn write(&self, path: &Path) -> io::Result<()> {
        let line = |(imsi, sqn): (&Imsi, &Sqn)| format!("{} {}\n", imsi.as_str(), hex::encode(&sqn.octets()));
        let text: String = self.last.iter().map(line).collect();
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, path)
    }
}

fn read_line(line: &str) -> Option<(Imsi, Sqn)> {
    let (imsi, sqn) = line.trim().split_once(' ')?;
    Some((Imsi::parse(imsi).ok()?, Sqn::from_octets(hex::decode_array(sqn.trim())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imsi() -> Imsi {
        Imsi::parse("001010123456789").unwrap()
    }

    fn numbers(file: &Path) -> Result<SequenceNumbers, SequenceFileError> {
        SequenceNumbers::open([(imsi(), Sqn::new(5).unwrap())].into(), Some(file))
    }

    #[test]
    fn numbers_in_a_file_go_on_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sqn");
        let next = |last: Sqn| Sqn::new(last.value() + 1);
        assert_eq!(numbers(&file).unwrap().step(&imsi(), next).unwrap().value(), 6);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "001010123456789 000000000006\n");
        assert_eq!(numbers(&file).unwrap().step(&imsi(), next).unwrap().value(), 7);
    }

    #[test]
    fn a_file_with_something_else_in_it_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sqn");
        std::fs::write(&file, "001010123456789 000000000006\nx\n").unwrap();
        let error = numbers(&file).unwrap_err();
        assert!(matches!(error, SequenceFileError::Line { line: 2, .. }), "{error}");
        let nowhere = folder.path().join("no/such/folder");
        let mut numbers = numbers(&nowhere).unwrap();
        assert!(matches!(numbers.step(&imsi(), Some), Err(SequenceFileError::Io { .. })));
    }

    #[test]
    fn the_last_number_is_not_followed_by_another() {
        let mut numbers = SequenceNumbers::open(BTreeMap::new(), None).unwrap();
        assert!(matches!(numbers.step(&imsi(), |_| None), Err(SequenceFileError::Exhausted)));
    }
}
