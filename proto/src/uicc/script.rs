//! A card for tests that knows its lines: command octets it expects, response octets it gives.

use super::card::{Card, CardError};
use crate::hex;
use std::collections::VecDeque;

/// Plays a list of exchanges in order and fails the test on any other command.
pub(super) struct Script {
    steps: VecDeque<(Vec<u8>, Vec<u8>)>,
    then: Option<CardError>,
}

impl Script {
    /// Hex of (command, response); blanks are only for the eye.
    pub(super) fn new(steps: &[(&str, &str)]) -> Self {
        let octets = |text: &str| hex::decode(&text.replace(' ', "")).expect("hex");
        Self { steps: steps.iter().map(|(ask, answer)| (octets(ask), octets(answer))).collect(), then: None }
    }

    /// After the last line, every command fails so.
    pub(super) fn failing(mut self, error: CardError) -> Self {
        self.then = Some(error);
        self
    }

    /// All lines must have been said.
    pub(super) fn finish(self) {
        let left: Vec<_> = self.steps.iter().map(|(ask, _)| hex::encode(ask)).collect();
        assert!(left.is_empty(), "not asked: {left:?}");
    }
}

impl Card for Script {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        match (self.steps.pop_front(), self.then) {
            (Some((expected, answer)), _) => {
                assert_eq!(hex::encode(command), hex::encode(&expected), "unexpected command");
                Ok(answer)
            }
            (None, Some(error)) => Err(error),
            (None, None) => panic!("unexpected command {}", hex::encode(command)),
        }
    }
}

/// A card's answers over T=1 as the same card gives them over T=0: data of a command that has data itself waits for
/// GET RESPONSE on the command's channel (TS 102 221 clause 7.3.1.1).
pub(super) fn over_t_0(steps: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut slow = Vec::new();
    for (ask, answer) in steps {
        let (ask, answer) = (ask.replace(' ', ""), answer.replace(' ', ""));
        let (data, _) = answer.split_at(answer.len() - 4);
        let lc = ask.get(8..10).and_then(|lc| usize::from_str_radix(lc, 16).ok()).unwrap_or(0);
        let has_data_and_le = ask.len() > 10 && ask.len() == 12 + 2 * lc;
        if has_data_and_le && !data.is_empty() {
            let length = format!("{:02x}", data.len() / 2);
            slow.push((ask.clone(), format!("61{length}")));
            slow.push((format!("{}c00000{length}", &ask[..2]), answer));
        } else {
            slow.push((ask, answer));
        }
    }
    slow
}

/// A card that knows answers by command, as often as it is asked; anything else is 6D00. Where one command has several
/// answers, that after the answer given last counts: what is selected decides what an identifier means.
#[derive(Clone)]
pub(super) struct Lookup {
    steps: Vec<(Vec<u8>, Vec<u8>)>,
    next: usize,
}

impl Lookup {
    pub(super) fn new(steps: &[(&str, &str)]) -> Self {
        Self { steps: Script::new(steps).steps.into(), next: 0 }
    }

    /// Cards of which each has one answer cut, at each place.
    pub(super) fn all_with_an_answer_cut(steps: &[(&str, &str)]) -> impl Iterator<Item = Self> {
        Self::new(steps).changed(|answer, end| {
            answer.truncate(end);
            true
        })
    }

    /// Cards of which each has the data of one answer cut, at each place, and its status word kept.
    pub(super) fn all_with_data_cut(steps: &[(&str, &str)]) -> impl Iterator<Item = Self> {
        Self::new(steps).changed(|answer, end| {
            let sw = answer.split_off(answer.len() - 2);
            let cut = end < answer.len();
            answer.truncate(end);
            answer.extend(sw);
            cut
        })
    }

    fn changed(self, change: fn(&mut Vec<u8>, usize) -> bool) -> impl Iterator<Item = Self> {
        let places = self.steps.iter().enumerate();
        let places: Vec<_> =
            places.flat_map(|(step, (_, answer))| (0..answer.len()).map(move |end| (step, end))).collect();
        places.into_iter().filter_map(move |(step, end)| {
            let mut card = self.clone();
            change(&mut card.steps[step].1, end).then_some(card)
        })
    }
}

impl Card for Lookup {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let count = self.steps.len();
        let from_here = (self.next..self.next + count).map(|at| at % count);
        let found = from_here.into_iter().find(|at| self.steps[*at].0 == command);
        self.next = found.map_or(self.next, |at| at + 1);
        Ok(found.map_or_else(|| vec![0x6d, 0x00], |at| self.steps[at].1.clone()))
    }
}
