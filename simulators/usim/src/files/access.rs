//! Access rules: what must be verified before a file may be read or updated, and how EF_ARR says so
//! (TS 102 221 clauses 9.2.7 and 13.4).

/// What one kind of access asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    Always,
    /// PIN1 verified, or disabled.
    Pin1,
    /// ADM1 verified.
    Adm1,
    /// Nothing opens it.
    Never,
}

/// The rule of a file: its number is the record of EF_ARR that spells it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Read always, never updated: EF_ICCID.
    Fixed = 1,
    /// Read always, updated by the issuer.
    Public = 2,
    /// Read always, updated by the user: EF_PL, EF_LI.
    Preference = 3,
    /// Read by the user, updated by the issuer.
    Issued = 4,
    /// Read and updated by the user.
    User = 5,
    /// A directory: nothing can be created, deleted or deactivated in it.
    Directory = 6,
}

impl Rule {
    /// All rules in the order of EF_ARR's records.
    pub(crate) const ALL: [Self; 6] =
        [Self::Fixed, Self::Public, Self::Preference, Self::Issued, Self::User, Self::Directory];

    /// What reading asks for.
    pub(crate) const fn read(self) -> Condition {
        match self {
            Self::Fixed | Self::Public | Self::Preference => Condition::Always,
            Self::Issued | Self::User => Condition::Pin1,
            Self::Directory => Condition::Never,
        }
    }

    /// What updating asks for.
    pub(crate) const fn update(self) -> Condition {
        match self {
            Self::Fixed | Self::Directory => Condition::Never,
            Self::Public | Self::Issued => Condition::Adm1,
            Self::Preference | Self::User => Condition::Pin1,
        }
    }

    /// The record number in EF_ARR.
    pub(crate) const fn record(self) -> u8 {
        self as u8
    }

    /// The record's data objects: access mode and security condition in pairs.
    pub(crate) fn arr_record(self) -> Vec<u8> {
        // Access mode bits of an EF: 01 read, 02 update, 7C all the rest (ISO 7816-4 access mode byte).
        if self == Self::Directory {
            return access(0x7f, Condition::Never);
        }
        match self.update() {
            Condition::Never => [access(0x01, self.read()), access(0x7e, Condition::Never)].concat(),
            update => {
                [access(0x01, self.read()), access(0x02, update), access(0x7c, Condition::Never)].concat()
            }
        }
    }
}

/// AM_DO and SC_DO for some access mode bits.
fn access(bits: u8, condition: Condition) -> Vec<u8> {
    // A4: control reference template with key reference (83) and usage "user authentication" (95 08).
    let condition: &[u8] = match condition {
        Condition::Always => &[0x90, 0x00],
        Condition::Pin1 => &[0xa4, 0x06, 0x83, 0x01, 0x01, 0x95, 0x01, 0x08],
        Condition::Adm1 => &[0xa4, 0x06, 0x83, 0x01, 0x0a, 0x95, 0x01, 0x08],
        Condition::Never => &[0x97, 0x00],
    };
    [&[0x80, 0x01, bits][..], condition].concat()
}
