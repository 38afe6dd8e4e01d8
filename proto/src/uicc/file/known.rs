//! The files this program knows, by the names and identifiers of TS 102 221, 31.102 and 31.103.

use super::{ApplicationKind, FileId};
use std::fmt;

/// A file by its identifier and its name. One identifier names different files in USIM and ISIM (6F07, 6FD7), so
/// the name goes along.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct File {
    /// The identifier to select it by.
    pub id: FileId,
    /// As the specification spells it.
    pub name: &'static str,
}

impl File {
    /// A file of the specifications.
    #[must_use]
    pub const fn new(id: u16, name: &'static str) -> Self {
        Self { id: FileId(id), name }
    }

    /// A file as found below an application, or below the MF for `None`; unknown ones are called "file".
    #[must_use]
    pub fn named(id: FileId, below: Option<ApplicationKind>) -> Self {
        let own = match below {
            Some(ApplicationKind::Usim | ApplicationKind::UsimNonImsi) => USIM_FILES,
            Some(ApplicationKind::Isim) => ISIM_FILES,
            _ => &[],
        };
        own.iter().chain(MF_FILES).find(|file| file.id == id).copied().unwrap_or(Self { id, name: "file" })
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The master file.
pub const MF: File = File::new(0x3f00, "MF");
/// An application's dedicated file, whichever is selected.
pub const ADF: File = File::new(0x7fff, "ADF");
/// Which applications there are (TS 102 221 clause 13.1).
pub const EF_DIR: File = File::new(0x2f00, "EF_DIR");
/// The card's number (TS 102 221 clause 13.2).
pub const EF_ICCID: File = File::new(0x2fe2, "EF_ICCID");

const MF_FILES: &[File] = &[
    MF,
    ADF,
    EF_DIR,
    EF_ICCID,
    File::new(0x2f05, "EF_PL"),
    File::new(0x2f06, "EF_ARR"),
    File::new(0x2f08, "EF_UMPC"),
];

/// Files below ADF_USIM (TS 31.102 clause 4.2).
pub mod usim {
    use super::File;

    /// The subscriber (clause 4.2.2).
    pub const EF_IMSI: File = File::new(0x6f07, "EF_IMSI");
    /// Administrative data, with the length of the MNC (clause 4.2.18).
    pub const EF_AD: File = File::new(0x6fad, "EF_AD");
    /// The service table (clause 4.2.8).
    pub const EF_UST: File = File::new(0x6f38, "EF_UST");
    /// The bootstrap in the card (clause 4.2.79).
    pub const EF_GBABP: File = File::new(0x6fd6, "EF_GBABP");
    /// NAF keys in the card (clause 4.2.83).
    pub const EF_GBANL: File = File::new(0x6fda, "EF_GBANL");
    /// NAF key centres (clause 4.2.87).
    pub const EF_NAFKCA: File = File::new(0x6fdd, "EF_NAFKCA");
}

const USIM_FILES: &[File] = &[
    usim::EF_IMSI,
    usim::EF_AD,
    usim::EF_UST,
    usim::EF_GBABP,
    usim::EF_GBANL,
    usim::EF_NAFKCA,
    File::new(0x6f06, "EF_ARR"),
    File::new(0x6fd7, "EF_MSK"),
    File::new(0x6fd8, "EF_MUK"),
];

/// Files below ADF_ISIM (TS 31.103 clause 4.2).
pub mod isim {
    use super::File;

    /// The private identity (clause 4.2.2).
    pub const EF_IMPI: File = File::new(0x6f02, "EF_IMPI");
    /// The home network's domain (clause 4.2.3).
    pub const EF_DOMAIN: File = File::new(0x6f03, "EF_DOMAIN");
    /// Public identities (clause 4.2.4).
    pub const EF_IMPU: File = File::new(0x6f04, "EF_IMPU");
    /// The service table (clause 4.2.7).
    pub const EF_IST: File = File::new(0x6f07, "EF_IST");
    /// The bootstrap in the card (clause 4.2.9).
    pub const EF_GBABP: File = File::new(0x6fd5, "EF_GBABP");
    /// NAF keys in the card (clause 4.2.10).
    pub const EF_GBANL: File = File::new(0x6fd7, "EF_GBANL");
    /// NAF key centres (clause 4.2.11).
    pub const EF_NAFKCA: File = File::new(0x6fdd, "EF_NAFKCA");
}

const ISIM_FILES: &[File] = &[
    isim::EF_IMPI,
    isim::EF_DOMAIN,
    isim::EF_IMPU,
    isim::EF_IST,
    isim::EF_GBABP,
    isim::EF_GBANL,
    isim::EF_NAFKCA,
    File::new(0x6f06, "EF_ARR"),
    File::new(0x6f09, "EF_P-CSCF"),
    File::new(0x6fad, "EF_AD"),
];

/// Files below DF_1M2M, whose own identifier EF_DIR tells (TS-0003 annex D.1.3).
pub mod onem2m {
    use super::File;
    use crate::uicc::file::FileId;

    /// The service table (annex D.1.3.1).
    pub const EF_1M2MST: File = File::new(0x6f0a, "EF_1M2MST");
    /// The subscription (annex D.1.3.2).
    pub const EF_1M2MSID: File = File::new(0x6f02, "EF_1M2MSID");
    /// The service provider (annex D.1.3.3).
    pub const EF_1M2MSPID: File = File::new(0x6f03, "EF_1M2MSPID");
    /// The node (annex D.1.3.4).
    pub const EF_M2MNID: File = File::new(0x6f04, "EF_M2MNID");
    /// The CSE on the node (annex D.1.3.5).
    pub const EF_CSEID: File = File::new(0x6f05, "EF_CSEID");
    /// AEs on the node (annex D.1.3.6).
    pub const EF_M2MAEID: File = File::new(0x6f06, "EF_M2MAEID");
    /// Addresses of MEFs (annex D.1.3.9).
    pub const EF_MEFID: File = File::new(0x6f07, "EF_MEFID");
    /// CSEs of the infrastructure (annex D.1.3.7).
    pub const EF_INCSEIDS: File = File::new(0x6f08, "EF_INCSEIDS");
    /// The MAF (annex D.1.3.8).
    pub const EF_MAFFQDN: File = File::new(0x6f09, "EF_MAFFQDN");

    /// The directory of one subscription.
    #[must_use]
    pub const fn df_1m2m(id: FileId) -> File {
        File { id, name: "DF_1M2M" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_decides_what_an_identifier_names() {
        let name = |id, below| File::named(FileId(id), below).name;
        assert_eq!(name(0x6f07, Some(ApplicationKind::Usim)), "EF_IMSI");
        assert_eq!(name(0x6f07, Some(ApplicationKind::Isim)), "EF_IST");
        assert_eq!(name(0x6fd7, Some(ApplicationKind::Usim)), "EF_MSK");
        assert_eq!(name(0x6fd7, Some(ApplicationKind::Isim)), "EF_GBANL");
        assert_eq!(name(0x2f00, Some(ApplicationKind::Isim)), "EF_DIR");
        assert_eq!(name(0x6f07, None), "file");
        assert_eq!(usim::EF_GBABP.to_string(), "EF_GBABP (6FD6)");
    }
}
