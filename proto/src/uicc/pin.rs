//! PINs: whether one is needed, and how to give it without ever blocking a card by accident
//! (TS 102 221 clauses 9.5 and 11.1.9).

use super::apdu::Command;
use super::card::CardError;
use super::channel::Channel;
use super::file::{Fcp, PinReference};
use super::status_word::StatusWord;
use crate::secret::Secret;
use std::fmt;

/// VERIFY PIN.
const VERIFY: u8 = 0x20;

/// The first application's global PIN, which a card without a PIN status template means.
const PIN_1: u8 = 0x01;

/// The universal PIN.
const UNIVERSAL_PIN: u8 = 0x11;

/// A PIN: 4 to 8 digits, held as the card compares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pin(Secret<8>);

impl Pin {
    /// Takes 4 to 8 decimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let right = (4..=8).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        right.then(|| {
            let mut octets = [0xff; 8];
            for (octet, digit) in octets.iter_mut().zip(digits.bytes()) {
                *octet = digit;
            }
            let pin = Self(Secret::new(octets));
            zeroize::Zeroize::zeroize(&mut octets);
            pin
        })
    }

    /// ASCII digits, filled with FF: for the card, never for a log.
    #[must_use]
    pub const fn danger_expose(&self) -> &[u8; 8] {
        self.0.danger_expose()
    }
}

/// How much may be risked when a PIN is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastTry {
    /// Never send a PIN when one try is left, or when the card does not say how many are.
    #[default]
    Keep,
    /// Send it. If it is wrong, only the PUK helps.
    Spend,
}

/// Where a PIN stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinState {
    /// Switched off: nothing to give.
    Disabled,
    /// Given already.
    Verified,
    /// To be given, with so many tries left. A card that has it already may say this too.
    Required {
        /// Tries left before it blocks.
        tries_left: u8,
    },
    /// No try left: PUK.
    Blocked,
    /// The card does not say.
    Unknown(StatusWord),
}

impl fmt::Display for PinState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("disabled"),
            Self::Verified => f.write_str("verified"),
            Self::Required { tries_left } => write!(f, "required, {tries_left} tries left"),
            Self::Blocked => f.write_str("blocked"),
            Self::Unknown(sw) => write!(f, "not told: {sw}"),
        }
    }
}

/// Why a PIN is not verified. The card has not lost a try unless it says [`PinError::Wrong`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// No answer.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card compared and refused.
    #[error("wrong PIN, {tries_left} tries left")]
    Wrong {
        /// Tries left before it blocks.
        tries_left: u8,
    },
    /// No try left.
    #[error("the PIN is blocked; it takes the PUK to free it")]
    Blocked,
    /// Not sent: the last try would have been spent.
    #[error("the PIN was not sent: one try is left")]
    LastTry,
    /// Not sent: the card does not tell how many tries are left.
    #[error("the PIN was not sent: the card does not tell the tries left, {0}")]
    TriesUnknown(StatusWord),
    /// Another answer.
    #[error("VERIFY refused: {0}")]
    Refused(StatusWord),
}

/// Which PIN opens an application: the first enabled global PIN, else the universal PIN where it is in use. `None`
/// if the application says that none of them is needed.
#[must_use]
pub fn key_reference(fcp: &Fcp) -> Option<u8> {
    let application = |pin: &&PinReference| matches!(pin.key_reference, 0x01..=0x08);
    let universal = |pin: &&PinReference| pin.key_reference == UNIVERSAL_PIN && pin.usage != Some(0);
    let enabled = |pin: &&PinReference| pin.enabled;
    let first = fcp.pins.iter().filter(application).find(enabled);
    let pin = first.or_else(|| fcp.pins.iter().filter(universal).find(enabled));
    if fcp.pins.is_empty() { Some(PIN_1) } else { pin.map(|pin| pin.key_reference) }
}

/// Where the PIN of an application stands, by its FCP and an empty VERIFY, which costs no try.
pub fn state(channel: &mut Channel<'_>, fcp: &Fcp) -> Result<PinState, CardError> {
    match key_reference(fcp) {
        None => Ok(PinState::Disabled),
        Some(reference) => ask(channel, reference),
    }
}

/// Gives a PIN under a key reference. Before it is sent, an empty VERIFY tells the tries left: with one left, or an
/// unknown number, it is sent only where the last try may be spent. A PIN that is verified or disabled is not sent.
pub fn verify(
    channel: &mut Channel<'_>,
    reference: u8,
    pin: &Pin,
    last_try: LastTry,
) -> Result<(), PinError> {
    match (ask(channel, reference)?, last_try) {
        (PinState::Disabled | PinState::Verified, _) => return Ok(()),
        (PinState::Blocked, _) => return Err(PinError::Blocked),
        (PinState::Required { tries_left: ..=1 }, LastTry::Keep) => return Err(PinError::LastTry),
        (PinState::Unknown(sw), LastTry::Keep) => return Err(PinError::TriesUnknown(sw)),
        (PinState::Required { .. } | PinState::Unknown(_), _) => {}
    }
    let command = Command::new(0, VERIFY, 0, reference).with_data(pin.danger_expose());
    let sw = channel.exchange(command)?.sw;
    match read(sw) {
        PinState::Verified | PinState::Disabled => Ok(()),
        PinState::Required { tries_left } => Err(PinError::Wrong { tries_left }),
        PinState::Blocked => Err(PinError::Blocked),
        PinState::Unknown(sw) => Err(PinError::Refused(sw)),
    }
}

/// Where the PIN under a key reference stands, by an empty VERIFY, which costs no try.
pub fn ask(channel: &mut Channel<'_>, reference: u8) -> Result<PinState, CardError> {
    Ok(read(channel.exchange(Command::new(0, VERIFY, 0, reference))?.sw))
}

fn read(sw: StatusWord) -> PinState {
    match (sw, sw.tries_left()) {
        (StatusWord::BLOCKED, _) | (_, Some(0)) => PinState::Blocked,
        (_, Some(tries_left)) => PinState::Required { tries_left },
        (StatusWord::REFERENCED_DATA_INVALIDATED, _) => PinState::Disabled,
        _ if sw.is_ok() => PinState::Verified,
        _ => PinState::Unknown(sw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uicc::script::Script;

    const SENT: &str = "002000010831323334ffffffff";

    fn given(steps: &[(&str, &str)], last_try: LastTry) -> Result<(), PinError> {
        let mut card = Script::new(steps);
        let pin = Pin::parse("1234").unwrap();
        let result = verify(&mut Channel::basic(&mut card), 0x01, &pin, last_try);
        card.finish();
        result
    }

    #[test]
    fn a_pin_is_four_to_eight_digits_filled_with_ff() {
        assert_eq!(Pin::parse("1234").unwrap().danger_expose(), b"1234\xff\xff\xff\xff");
        assert_eq!(Pin::parse("12345678").unwrap().danger_expose(), b"12345678");
        for bad in ["", "123", "123456789", "12a4", "12 4", "１２３４"] {
            assert_eq!(Pin::parse(bad), None, "{bad}");
        }
        assert!(!format!("{:?}", Pin::parse("1234")).contains("1234"));
    }

    #[test]
    fn a_pin_is_sent_while_more_than_one_try_is_left() {
        assert_eq!(given(&[("00200001", "63c3"), (SENT, "9000")], LastTry::Keep), Ok(()));
        assert_eq!(given(&[("00200001", "63c2"), (SENT, "9110")], LastTry::Keep), Ok(()));
        let wrong = given(&[("00200001", "63c2"), (SENT, "63c1")], LastTry::Keep);
        assert_eq!(wrong, Err(PinError::Wrong { tries_left: 1 }));
    }

    #[test]
    fn the_last_try_is_kept_unless_it_may_be_spent() {
        assert_eq!(given(&[("00200001", "63c1")], LastTry::Keep), Err(PinError::LastTry));
        assert_eq!(given(&[("00200001", "63c1"), (SENT, "9000")], LastTry::Spend), Ok(()));
        let lost = given(&[("00200001", "63c1"), (SENT, "63c0")], LastTry::Spend);
        assert_eq!(lost, Err(PinError::Blocked));
    }

    #[test]
    fn an_unknown_number_of_tries_counts_as_the_last() {
        for answer in ["6f00", "6d00", "6700", "6300", "6a88"] {
            let sw = StatusWord(u16::from_str_radix(answer, 16).unwrap());
            assert_eq!(given(&[("00200001", answer)], LastTry::Keep), Err(PinError::TriesUnknown(sw)));
            assert_eq!(given(&[("00200001", answer), (SENT, "9000")], LastTry::Spend), Ok(()));
        }
        let refused = given(&[("00200001", "6f00"), (SENT, "6f00")], LastTry::Spend);
        assert_eq!(refused, Err(PinError::Refused(StatusWord(0x6f00))));
    }

    #[test]
    fn a_blocked_pin_is_never_sent() {
        for answer in ["6983", "63c0"] {
            assert_eq!(given(&[("00200001", answer)], LastTry::Spend), Err(PinError::Blocked), "{answer}");
        }
    }

    #[test]
    fn a_verified_or_disabled_pin_is_not_sent() {
        assert_eq!(given(&[("00200001", "9000")], LastTry::Keep), Ok(()));
        assert_eq!(given(&[("00200001", "6984")], LastTry::Keep), Ok(()));
    }

    #[test]
    fn the_application_names_the_pin_that_opens_it() {
        let key =
            |template: &str| key_reference(&Fcp::decode(&crate::hex::decode(template).unwrap()).unwrap());
        // PIN status templates of real cards, from pySim's card backups (osmocom/pysim), values only.
        assert_eq!(key("6211c60f90017083010183018183010a83010b"), None);
        assert_eq!(key("620bc609900140830101830181"), None);
        assert_eq!(key("620bc6099001c0830101830181"), Some(0x01));
        assert_eq!(key("620ec60c90016083010183010a830181"), None);
        assert_eq!(key("620bc609900180830102830181"), Some(0x02));
        // The universal PIN takes the application PIN's place only where it is in use (TS 102 221 clause 9.5.2).
        assert_eq!(key("620ec60c900140830101950108830111"), Some(0x11));
        assert_eq!(key("620ec60c900140830101950100830111"), None);
        assert_eq!(key("620ec60c9001c0830101950108830111"), Some(0x01));
        assert_eq!(key("6200"), Some(0x01));
    }

    #[test]
    fn the_state_needs_no_command_where_no_pin_is_enabled() {
        let disabled = Fcp::decode(&crate::hex::decode("6208c606900100830101").unwrap()).unwrap();
        let mut card = Script::new(&[]);
        assert_eq!(state(&mut Channel::basic(&mut card), &disabled), Ok(PinState::Disabled));
        let mut card = Script::new(&[("00200001", "63c3")]);
        let state = state(&mut Channel::basic(&mut card), &Fcp::default()).unwrap();
        assert_eq!(state, PinState::Required { tries_left: 3 });
        assert_eq!(state.to_string(), "required, 3 tries left");
    }
}
