//! Watching a card's commands and answers, for a capture file.

use ksnaf_proto::uicc::CardError;
use std::sync::Arc;

/// Sees every APDU of a slot, in the card's thread: it must be quick.
///
/// The octets are the card's own and may hold a PIN, RES, CK or IK. A capture keeps them because its user asked
/// for a capture; nothing else may.
pub type ApduTrace = Arc<dyn Fn(&str, ApduEvent<'_>) + Send + Sync>;

/// One step of an exchange with a card; the reader's name goes with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ApduEvent<'a> {
    /// The terminal sends this command APDU.
    Command(&'a [u8]),
    /// The card gives this response APDU: data and status word.
    Response(&'a [u8]),
    /// No answer came.
    Failed(CardError),
}

impl std::fmt::Debug for ApduEvent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Command(octets) => write!(f, "command {}", Header(octets)),
            Self::Response(octets) => match octets.split_last_chunk::<2>() {
                Some((data, [sw1, sw2])) => write!(f, "response [{} octets] {sw1:02X}{sw2:02X}", data.len()),
                None => write!(f, "response [{} octets]", octets.len()),
            },
            Self::Failed(error) => write!(f, "failed: {error}"),
        }
    }
}

/// CLA INS P1 P2 and how much follows: what may be logged of a command.
struct Header<'a>(&'a [u8]);

impl std::fmt::Display for Header<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.split_first_chunk::<4>() {
            Some(([cla, ins, p1, p2], body)) => {
                write!(f, "{cla:02X} {ins:02X} {p1:02X} {p2:02X} [{} octets]", body.len())
            }
            None => write!(f, "[{} octets]", self.0.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prints_has_no_payload() {
        let verify = [0x00, 0x20, 0x00, 0x01, 0x08, 0x31, 0x32, 0x33, 0x34, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(format!("{:?}", ApduEvent::Command(&verify)), "command 00 20 00 01 [9 octets]");
        assert_eq!(format!("{:?}", ApduEvent::Response(&[0xdb, 1, 0x90, 0])), "response [2 octets] 9000");
        assert_eq!(format!("{:?}", ApduEvent::Response(&[0xdb])), "response [1 octets]");
        assert_eq!(format!("{:?}", ApduEvent::Command(&[1, 2, 3])), "command [3 octets]");
    }
}
