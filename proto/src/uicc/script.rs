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
