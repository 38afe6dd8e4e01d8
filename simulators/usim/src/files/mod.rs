//! The file system: directories, elementary files, and how SELECT finds them (TS 102 221 clause 8).
//!
//! A [`Tree`] says what files exist and never changes after personalisation; what stands in them is memory
//! ([`crate::memory`]). Two files may share one body, as DF_GSM's files do with those of the USIM.

mod access;
mod content;
pub(crate) mod fcp;
mod layout;

pub(crate) use access::{Condition, Rule};
pub(crate) use content::service_table;
pub(crate) use layout::{GBANL_RECORD, lay_out, record_of_ef_dir};

use serde::{Deserialize, Serialize};

/// FID of the MF.
pub(crate) const MF: u16 = 0x3f00;
/// FID that stands for the ADF of the current application.
pub(crate) const CURRENT_ADF: u16 = 0x7fff;

/// An application on the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Application {
    /// TS 31.102.
    Usim,
    /// TS 31.103.
    Isim,
}

/// A directory of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DirectoryId(usize);

/// An elementary file of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId(usize);

/// Where the octets of a file are in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyId(pub(crate) usize);

/// MF, DF or ADF.
#[derive(Debug)]
pub(crate) struct Directory {
    /// File identifier; [`CURRENT_ADF`] for an ADF.
    pub(crate) fid: u16,
    /// The directory above; the MF has none.
    pub(crate) parent: Option<DirectoryId>,
    /// For an ADF, its application and its AID.
    pub(crate) application: Option<(Application, Vec<u8>)>,
    /// How keys of files in it begin.
    label: &'static str,
}

/// How an elementary file is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Structure {
    /// Octets by offset.
    Transparent,
    /// Records of this many octets.
    LinearFixed(u8),
}

/// An elementary file.
#[derive(Debug)]
pub(crate) struct File {
    /// File identifier.
    pub(crate) fid: u16,
    /// Short file identifier, 1 to 30.
    pub(crate) sfi: Option<u8>,
    /// The directory that it is in.
    pub(crate) directory: DirectoryId,
    /// Transparent or records.
    pub(crate) structure: Structure,
    /// Who may read and update.
    pub(crate) rule: Rule,
    /// Where its octets are.
    pub(crate) body: BodyId,
}

/// What octets a personalised card begins with, and under which key they are kept.
#[derive(Debug)]
pub(crate) struct Body {
    /// Stable name: directory and FID, as `usim/6f07`.
    pub(crate) key: String,
    /// The octets at personalisation.
    pub(crate) initial: Vec<u8>,
}

/// What SELECT by FID or path finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    /// MF, DF or ADF.
    Directory(DirectoryId),
    /// EF.
    File(FileId),
}

/// All files of a card. The first directory is the MF.
#[derive(Debug)]
pub(crate) struct Tree {
    directories: Vec<Directory>,
    files: Vec<File>,
    bodies: Vec<Body>,
}

impl Tree {
    /// The MF.
    pub(crate) const MF: DirectoryId = DirectoryId(0);

    fn new() -> Self {
        let mf = Directory { fid: MF, parent: None, application: None, label: "mf" };
        Self { directories: vec![mf], files: Vec::new(), bodies: Vec::new() }
    }

    /// A directory by its id. Ids come from this tree alone, so the MF stands in for what cannot happen.
    pub(crate) fn directory(&self, id: DirectoryId) -> &Directory {
        self.directories.get(id.0).unwrap_or(&self.directories[0])
    }

    /// A file by its id.
    pub(crate) fn file(&self, id: FileId) -> &File {
        self.files.get(id.0).unwrap_or(&self.files[0])
    }

    /// Keys and first contents of all bodies; a body's place is its [`BodyId`].
    pub(crate) fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    /// The file with this FID in a directory.
    pub(crate) fn file_in(&self, directory: DirectoryId, fid: u16) -> Option<FileId> {
        self.files.iter().position(|file| file.directory == directory && file.fid == fid).map(FileId)
    }

    /// The file with this short identifier in a directory.
    pub(crate) fn file_by_sfi(&self, directory: DirectoryId, sfi: u8) -> Option<FileId> {
        self.files.iter().position(|file| file.directory == directory && file.sfi == Some(sfi)).map(FileId)
    }

    /// The DF with this FID in a directory. ADFs are not found so: they have no FID of their own.
    pub(crate) fn directory_in(&self, parent: DirectoryId, fid: u16) -> Option<DirectoryId> {
        self.directories
            .iter()
            .position(|it| it.parent == Some(parent) && it.fid == fid && it.application.is_none())
            .map(DirectoryId)
    }

    /// A file or DF with this FID in a directory.
    pub(crate) fn child(&self, directory: DirectoryId, fid: u16) -> Option<Node> {
        self.file_in(directory, fid)
            .map(Node::File)
            .or_else(|| self.directory_in(directory, fid).map(Node::Directory))
    }

    /// How many DFs and EFs are directly in a directory.
    pub(crate) fn children(&self, id: DirectoryId) -> (u8, u8) {
        let directories = self.directories.iter().filter(|it| it.parent == Some(id)).count();
        let files = self.files.iter().filter(|file| file.directory == id).count();
        (u8::try_from(directories).unwrap_or(u8::MAX), u8::try_from(files).unwrap_or(u8::MAX))
    }

    /// The ADFs in the order of EF_DIR.
    pub(crate) fn applications(&self) -> impl Iterator<Item = (DirectoryId, Application, &[u8])> {
        self.directories.iter().enumerate().filter_map(|(at, directory)| {
            let (application, aid) = directory.application.as_ref()?;
            Some((DirectoryId(at), *application, aid.as_slice()))
        })
    }

    /// The ADF of an application.
    pub(crate) fn adf(&self, wanted: Application) -> Option<DirectoryId> {
        self.applications().find(|(_, application, _)| *application == wanted).map(|(id, ..)| id)
    }

    /// The application that a directory belongs to.
    pub(crate) fn application_of(&self, mut id: DirectoryId) -> Option<Application> {
        loop {
            let directory = self.directory(id);
            if let Some((application, _)) = &directory.application {
                return Some(*application);
            }
            id = directory.parent?;
        }
    }

    fn add_directory(
        &mut self,
        parent: DirectoryId,
        fid: u16,
        label: &'static str,
        application: Option<(Application, Vec<u8>)>,
    ) -> DirectoryId {
        self.directories.push(Directory { fid, parent: Some(parent), application, label });
        DirectoryId(self.directories.len() - 1)
    }

    fn add_file(
        &mut self,
        directory: DirectoryId,
        fid: u16,
        sfi: Option<u8>,
        rule: Rule,
        structure: Structure,
        initial: Vec<u8>,
    ) -> FileId {
        let key = format!("{}/{fid:04x}", self.directory(directory).label);
        self.bodies.push(Body { key, initial });
        let body = BodyId(self.bodies.len() - 1);
        self.files.push(File { fid, sfi, directory, structure, rule, body });
        FileId(self.files.len() - 1)
    }

    /// The same octets once more, under another directory.
    fn link(&mut self, directory: DirectoryId, fid: u16, to: FileId) {
        let File { structure, rule, body, .. } = *self.file(to);
        self.files.push(File { fid, sfi: None, directory, structure, rule, body });
    }
}
