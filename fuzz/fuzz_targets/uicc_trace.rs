//! An APDU as a line: one line, and the same one whatever the secret octets are.
#![no_main]

use ksnaf_proto::uicc::trace::Tracer;
use ksnaf_proto::uicc::{CardError, Command};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let (mut tracer, mut other) = (Tracer::default(), Tracer::default());
    let mut rest = octets;
    while let Some((command, answer)) = exchange(&mut rest) {
        let (hidden, hidden_answer) = (with_other_data(command), with_other_answer(answer));
        let told = if answer.is_empty() { Err(CardError::Timeout) } else { Ok(answer) };
        let hidden_told = told.map(|_| &hidden_answer[..]);
        let line = tracer.line(command, told);
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert_eq!(line, other.line(&hidden, hidden_told), "the line depends on a secret");
    }
});

/// A command and an answer behind a length octet each.
fn exchange<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut part = || {
        let (length, after) = rest.split_first()?;
        let (part, after) = after.split_at(after.len().min(usize::from(*length)));
        *rest = after;
        Some(part)
    };
    Some((part()?, part()?))
}

/// Octets of data may be a PIN, RAND, AUTN or a file's content. Shown are only what SELECT names and the tag of a GBA
/// command.
fn with_other_data(octets: &[u8]) -> Vec<u8> {
    let Some(mut command) = Command::parse(octets) else { return octets.to_vec() };
    let shown = match command.ins {
        0xa4 => usize::MAX,
        0x88 | 0x89 => 1,
        _ => 0,
    };
    command.data.iter_mut().skip(shown).for_each(|octet| *octet = !*octet);
    command.encode()
}

/// Of an answer's data, the first octet is a tag or a channel's number.
fn with_other_answer(octets: &[u8]) -> Vec<u8> {
    let data = octets.len().saturating_sub(2);
    octets
        .iter()
        .enumerate()
        .map(|(at, octet)| if (1..data).contains(&at) { !octet } else { *octet })
        .collect()
}
