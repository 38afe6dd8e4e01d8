//! Status words (TS 102 221 clause 10.2.1, TS 31.102 clause 7.3).

use std::fmt;

/// SW1 ‖ SW2. Unknown values are values too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

/// Names of status words that have one meaning.
const MEANINGS: &[(u16, &str)] = &[
    (0x9000, "done"),
    (0x6282, "end of file reached before Le octets"),
    (0x6283, "selected file deactivated"),
    (0x6285, "selected file terminated"),
    (0x6400, "no information given, state of memory unchanged"),
    (0x6581, "memory problem"),
    (0x6700, "wrong length"),
    (0x6881, "logical channel not supported"),
    (0x6882, "secure messaging not supported"),
    (0x6981, "command incompatible with file structure"),
    (0x6982, "security status not satisfied: PIN needed"),
    (0x6983, "PIN blocked"),
    (0x6984, "referenced data invalidated"),
    (0x6985, "conditions of use not satisfied"),
    (0x6986, "command not allowed: no EF selected"),
    (0x6a80, "incorrect data"),
    (0x6a81, "function not supported"),
    (0x6a82, "file not found"),
    (0x6a83, "record not found"),
    (0x6a84, "not enough memory"),
    (0x6a86, "incorrect P1-P2"),
    (0x6a87, "Lc inconsistent with P1-P2"),
    (0x6a88, "referenced data not found"),
    (0x6b00, "wrong P1-P2"),
    (0x6d00, "instruction not supported"),
    (0x6e00, "class not supported"),
    (0x6f00, "technical problem"),
    (0x9300, "UICC busy"),
    (0x9850, "increase cannot be performed"),
    (0x9862, "authentication error, incorrect MAC"),
    (0x9863, "security session or association expired"),
    (0x9864, "authentication error, security context not supported"),
    (0x9865, "key freshness failure"),
    (0x9866, "authentication error, no memory space available"),
    (0x9867, "authentication error, no memory space available in EF_MUK"),
];

impl StatusWord {
    /// Done.
    pub const OK: Self = Self(0x9000);
    /// Conditions of use not satisfied: for NAF derivation, no Ks in the card.
    pub const CONDITIONS_NOT_SATISFIED: Self = Self(0x6985);
    /// AUTN's MAC is wrong.
    pub const INCORRECT_MAC: Self = Self(0x9862);
    /// The card does not do this authentication context.
    pub const CONTEXT_NOT_SUPPORTED: Self = Self(0x9864);
    /// PIN needed.
    pub const SECURITY_NOT_SATISFIED: Self = Self(0x6982);
    /// PIN blocked.
    pub const BLOCKED: Self = Self(0x6983);
    /// Referenced data invalidated: for VERIFY, the PIN is disabled.
    pub const REFERENCED_DATA_INVALIDATED: Self = Self(0x6984);
    /// File not found.
    pub const FILE_NOT_FOUND: Self = Self(0x6a82);
    /// Record not found.
    pub const RECORD_NOT_FOUND: Self = Self(0x6a83);
    /// Referenced data not found.
    pub const REFERENCED_DATA_NOT_FOUND: Self = Self(0x6a88);
    /// Incorrect data field.
    pub const INCORRECT_DATA: Self = Self(0x6a80);
    /// Incorrect P1-P2.
    pub const INCORRECT_P1_P2: Self = Self(0x6a86);
    /// Wrong P1-P2, as for an offset outside the EF.
    pub const WRONG_P1_P2: Self = Self(0x6b00);
    /// Wrong length.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// Instruction not supported.
    pub const INS_NOT_SUPPORTED: Self = Self(0x6d00);
    /// Class not supported.
    pub const CLA_NOT_SUPPORTED: Self = Self(0x6e00);
    /// Logical channel not supported.
    pub const CHANNEL_NOT_SUPPORTED: Self = Self(0x6881);
    /// Function not supported.
    pub const FUNCTION_NOT_SUPPORTED: Self = Self(0x6a81);
    /// Command incompatible with the file's structure.
    pub const FILE_STRUCTURE: Self = Self(0x6981);
    /// No EF selected.
    pub const NO_EF_SELECTED: Self = Self(0x6986);

    /// Done, with or without a proactive command waiting (91xx).
    #[must_use]
    pub const fn is_ok(self) -> bool {
        matches!(self.0.to_be_bytes(), [0x90, 0x00] | [0x91, _])
    }

    /// 61xx (or 9Fxx of the GSM class): that many octets wait for GET RESPONSE; 0 means 256.
    #[must_use]
    pub const fn more_data(self) -> Option<u8> {
        match self.0.to_be_bytes() {
            [0x61 | 0x9f, len] => Some(len),
            _ => None,
        }
    }

    /// 6Cxx: the command is to be sent again with this Le.
    #[must_use]
    pub const fn right_le(self) -> Option<u8> {
        match self.0.to_be_bytes() {
            [0x6c, le] => Some(le),
            _ => None,
        }
    }

    /// 63Cx: PIN tries left.
    #[must_use]
    pub const fn tries_left(self) -> Option<u8> {
        match self.0.to_be_bytes() {
            [0x63, sw2] if sw2 & 0xf0 == 0xc0 => Some(sw2 & 0x0f),
            _ => None,
        }
    }

    /// What the specification says of it, for an error message.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        let named = MEANINGS.iter().find(|(sw, _)| *sw == self.0).map(|(_, text)| *text);
        named.unwrap_or(match self.0.to_be_bytes() {
            [0x61 | 0x9f, _] => "data waits for GET RESPONSE",
            [0x6c, _] => "wrong Le",
            [0x63, _] => "verification failed",
            [0x91, _] => "done, proactive command waiting",
            [0x92, _] => "memory management",
            _ => "unknown status",
        })
    }

    /// SW1 and SW2.
    #[must_use]
    pub const fn octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X} ({})", self.0, self.meaning())
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusWord({:04X})", self.0)
    }
}
