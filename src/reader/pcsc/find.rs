//! Which readers there are, and which of their cards is the one a user named.

use super::connection::{PcscSource, establish};
use super::{describe, fault};
use crate::reader::slot::CardIdentity;
use crate::reader::{CardInfo, Choice, ReaderError, ReaderInfo, Slot, SlotOptions};
use ksnaf_proto::uicc::Card;
use pcsc::{Context, Error, ReaderState, State};
use std::ffi::CString;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// The readers in the service's order, and what is in them.
pub fn list() -> Result<Vec<ReaderInfo>, ReaderError> {
    Ok(look(&establish()?)?.into_iter().map(|(_, info)| info).collect())
}

/// See [`crate::reader::open`].
pub fn open<E: Display + Send + 'static>(
    choice: &Choice,
    options: &SlotOptions,
    limit: Duration,
    matches: impl Fn(&mut dyn Card) -> Result<bool, E> + Send + Sync + 'static,
) -> Result<Slot, ReaderError> {
    let found = look(&establish()?)?;
    match choice {
        Choice::Only => start(only(found, None)?, options, None),
        Choice::Reader(part) => start(only(found, Some(part))?, options, None),
        Choice::Imsi(_) => search(found, options, limit, "IMSI", matches),
        Choice::Iccid(_) => search(found, options, limit, "ICCID", matches),
    }
}

/// The names and states of all readers; an error if there is none.
fn look(context: &Context) -> Result<Vec<(CString, ReaderInfo)>, ReaderError> {
    let failed = |error| fault::reader_error("listing the readers", "the PC/SC service", error);
    // A reader that goes away between the two calls makes the second fail: look again.
    for _ in 0..3 {
        let names = context.list_readers_owned().map_err(failed)?;
        if names.is_empty() {
            return Err(ReaderError::NoReader);
        }
        let mut states: Vec<_> =
            names.iter().map(|name| ReaderState::new(name.clone(), State::UNAWARE)).collect();
        match context.get_status_change(Duration::ZERO, &mut states) {
            Ok(()) => {
                let described = states.iter().map(|state| describe(state, state.event_state()));
                return Ok(names.into_iter().zip(described).collect());
            }
            Err(Error::UnknownReader | Error::Timeout) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(ReaderError::NoReader)
}

/// The one reader with a card, among those with `part` in their name.
fn only(found: Vec<(CString, ReaderInfo)>, part: Option<&str>) -> Result<CString, ReaderError> {
    let all = names(&found);
    let fits =
        |info: &ReaderInfo| part.is_none_or(|part| info.name.to_lowercase().contains(&part.to_lowercase()));
    if let Some((reader, info)) = found.iter().find(|(_, info)| part == Some(&info.name)) {
        return if info.card.is_some() {
            Ok(reader.clone())
        } else {
            Err(ReaderError::NoCard { readers: vec![info.name.clone()] })
        };
    }
    let fitting: Vec<_> = found.into_iter().filter(|(_, info)| fits(info)).collect();
    if let (Some(part), true) = (part, fitting.is_empty()) {
        return Err(ReaderError::NoSuchReader { part: part.to_owned(), readers: all });
    }
    let readers = names(&fitting);
    let mut with_card: Vec<_> = fitting.into_iter().filter(|(_, info)| info.card.is_some()).collect();
    match (with_card.pop(), with_card.is_empty()) {
        (Some((reader, _)), true) => Ok(reader),
        (None, _) => Err(ReaderError::NoCard { readers }),
        (Some(last), false) => {
            with_card.push(last);
            Err(ReaderError::Ambiguous { readers: names(&with_card) })
        }
    }
}

/// Asks all cards at once, and takes the first that says yes.
fn search<E: Display + Send + 'static>(
    found: Vec<(CString, ReaderInfo)>,
    options: &SlotOptions,
    limit: Duration,
    wanted: &'static str,
    matches: impl Fn(&mut dyn Card) -> Result<bool, E> + Send + Sync + 'static,
) -> Result<Slot, ReaderError> {
    let matches = Arc::new(matches);
    let (sender, verdicts) = channel();
    for (reader, _) in found.into_iter().filter(|(_, info)| has_card(info)) {
        let matches = Arc::clone(&matches);
        let identity = CardIdentity::new(wanted, move |card: &mut dyn Card| matches(card));
        ask(start(reader, options, Some(identity))?, limit, sender.clone())?;
    }
    drop(sender);
    let mut all_looked = Vec::new();
    for (slot, verdict) in verdicts {
        match verdict {
            Ok(()) => return Ok(slot),
            Err(ReaderError::NoMatch { looked, .. }) => all_looked.extend(looked),
            Err(ReaderError::Card { reader, error }) => all_looked.push((reader, error.to_string())),
            Err(error) => all_looked.push((slot.name().to_owned(), error.to_string())),
        }
    }
    all_looked.sort();
    Err(ReaderError::NoMatch { wanted, looked: all_looked })
}

/// Has one card asked, in a thread that waits for its slot: a frozen card keeps nobody from the others' answers. A
/// job that does nothing is enough, because the slot checks the card before it.
fn ask(
    slot: Slot,
    limit: Duration,
    verdicts: Sender<(Slot, Result<(), ReaderError>)>,
) -> Result<(), ReaderError> {
    let reader = slot.name().to_owned();
    let wait = move || {
        let verdict = slot.with_card_blocking(limit, |_| ());
        // Nobody listens once the card is found.
        let _ = verdicts.send((slot, verdict));
    };
    let spawned = std::thread::Builder::new().name("card search".to_owned()).spawn(wait);
    spawned.map(drop).map_err(|error| ReaderError::Thread { reader, error })
}

fn has_card(info: &ReaderInfo) -> bool {
    matches!(info.card, Some(CardInfo { mute: false, .. }))
}

fn start(
    reader: CString,
    options: &SlotOptions,
    identity: Option<CardIdentity>,
) -> Result<Slot, ReaderError> {
    let name = reader.to_string_lossy().into_owned();
    Slot::start(&name, PcscSource::new(reader), options, identity)
}

fn names(found: &[(CString, ReaderInfo)]) -> Vec<String> {
    found.iter().map(|(_, info)| info.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(name: &str, card: bool) -> (CString, ReaderInfo) {
        let card =
            card.then(|| CardInfo { atr: vec![0x3b, 0], in_use: false, exclusive: false, mute: false });
        (CString::new(name).unwrap(), ReaderInfo { name: name.to_owned(), card })
    }

    #[test]
    fn the_only_card_is_taken_and_two_are_named() {
        let one = || vec![reader("A 00", false), reader("A 01", true), reader("B 00", false)];
        assert_eq!(only(one(), None).unwrap(), c"A 01".to_owned());
        let Err(ReaderError::NoCard { readers }) = only(vec![reader("A 00", false)], None) else { panic!() };
        assert_eq!(readers, ["A 00"]);
        let two = vec![reader("A 00", true), reader("A 01", true), reader("B 00", false)];
        let Err(ReaderError::Ambiguous { readers }) = only(two, None) else { panic!() };
        assert_eq!(readers, ["A 00", "A 01"]);
    }

    #[test]
    fn a_part_of_the_name_chooses() {
        let all = || vec![reader("Acme X 00", true), reader("Acme X 00 01", true), reader("Bolt 00", false)];
        assert_eq!(only(all(), Some("x 00 01")).unwrap(), c"Acme X 00 01".to_owned());
        assert_eq!(only(all(), Some("Acme X 00")).unwrap(), c"Acme X 00".to_owned());
        assert!(
            matches!(only(all(), Some("acme")), Err(ReaderError::Ambiguous { readers }) if readers.len() == 2)
        );
        assert!(
            matches!(only(all(), Some("bolt")), Err(ReaderError::NoCard { readers }) if readers == ["Bolt 00"])
        );
        assert!(matches!(only(all(), Some("Bolt 00")), Err(ReaderError::NoCard { .. })));
        assert!(
            matches!(only(all(), Some("zz")), Err(ReaderError::NoSuchReader { readers, .. }) if readers.len() == 3)
        );
    }
}
