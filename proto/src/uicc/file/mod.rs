//! The card's file system: names, control parameters, selection and access (TS 102 221 clauses 8, 11.1).

mod access;
mod aid;
mod fcp;
pub mod known;

pub use access::{FileError, Occurrence, Step};
pub use aid::{Aid, ApplicationKind};
pub use fcp::{Fcp, FcpError, FileKind, LifeCycle, PinReference, SecurityAttributes, Sfi};
pub use known::File;

/// A file identifier: two octets. Unknown ones are values too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u16);

impl FileId {
    /// The master file.
    pub const MF: Self = Self(0x3f00);
    /// The ADF selected last.
    pub const CURRENT_ADF: Self = Self(0x7fff);

    /// Two octets, big-endian.
    #[must_use]
    pub const fn octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

impl std::fmt::Display for FileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl std::fmt::Debug for FileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileId({self})")
    }
}
