//! What goes to the reader for a command APDU.

use pcsc::Protocol;
use std::borrow::Cow;

/// A short command APDU in the form its protocol carries.
///
/// T=1 carries the APDU. T=0 carries a five-octet header and data in one direction (ISO/IEC 7816-3 clause 12.2): a
/// command with neither data nor Le gets P3 = 00, and one with both loses Le, to which the card says 61xx. PC/SC
/// leaves this to the program. What is no short APDU goes as it stands.
pub(super) fn for_protocol(command: &[u8], protocol: Protocol) -> Cow<'_, [u8]> {
    let Protocol::T0 = protocol else { return Cow::Borrowed(command) };
    match command {
        [_, _, _, _] => Cow::Owned([command, &[0x00]].concat()),
        [_, _, _, _, lc, rest @ ..] if *lc != 0 && rest.len() == usize::from(*lc) + 1 => {
            Cow::Borrowed(command.split_last().map_or(command, |(_, without_le)| without_le))
        }
        _ => Cow::Borrowed(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t0_gets_a_header_of_five_and_data_one_way() {
        let sent = |command: &[u8]| for_protocol(command, Protocol::T0).into_owned();
        assert_eq!(sent(&[0, 0x70, 0, 0]), [0, 0x70, 0, 0, 0]);
        assert_eq!(sent(&[0, 0xb0, 0, 0, 9]), [0, 0xb0, 0, 0, 9]);
        assert_eq!(sent(&[0, 0xa4, 0, 4, 2, 0x3f, 0]), [0, 0xa4, 0, 4, 2, 0x3f, 0]);
        assert_eq!(sent(&[0, 0xa4, 0, 4, 2, 0x3f, 0, 0]), [0, 0xa4, 0, 4, 2, 0x3f, 0]);
        assert_eq!(sent(&[0, 0xa4, 0]), [0, 0xa4, 0]);
        assert_eq!(sent(&[0, 0xa4, 0, 4, 0, 0, 1]), [0, 0xa4, 0, 4, 0, 0, 1]);
    }

    #[test]
    fn t1_gets_the_command_as_it_stands() {
        for command in [&[0, 0x70, 0, 0][..], &[0, 0xa4, 0, 4, 2, 0x3f, 0, 0]] {
            assert_eq!(for_protocol(command, Protocol::T1), command);
        }
    }
}
