//! Logical channels: beside a modem or another program, this program's selections stay its own
//! (TS 102 221 clauses 8.7 and 11.1.17).

use super::apdu::{Command, Response};
use super::card::{Card, CardError};
use super::exchange::exchange;
use super::status_word::StatusWord;

/// MANAGE CHANNEL.
const MANAGE_CHANNEL: u8 = 0x70;

/// The greatest logical channel number.
const LAST_CHANNEL: u8 = 19;

/// Why a channel could not be opened or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// No answer.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card opened a channel and did not name one from 1 to 19.
    #[error("the card opened a logical channel without a usable number")]
    Number,
    /// The card did not close the channel.
    #[error("the logical channel was not closed: {0}")]
    NotClosed(StatusWord),
}

/// One logical channel of a card. One that was opened is closed again, at the latest when dropped.
pub struct Channel<'c> {
    card: &'c mut dyn Card,
    number: u8,
    opened: bool,
}

impl<'c> Channel<'c> {
    /// The channel every card has. Its selections are shared with whoever else uses it.
    pub fn basic(card: &'c mut dyn Card) -> Self {
        Self { card, number: 0, opened: false }
    }

    /// A channel of one's own; the basic channel where the card refuses to open another, for whatever reason.
    pub fn open(card: &'c mut dyn Card) -> Result<Self, ChannelError> {
        let response = exchange(card, &Command::new(0, MANAGE_CHANNEL, 0, 0).with_le(1))?;
        if !response.sw.is_ok() {
            return Ok(Self::basic(card));
        }
        match response.data.as_slice() {
            &[number @ 1..=LAST_CHANNEL] => Ok(Self { card, number, opened: true }),
            _ => Err(ChannelError::Number),
        }
    }

    /// 0 for the basic channel.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// Sends a command on this channel and gives the whole answer, refusals included.
    pub fn exchange(&mut self, command: Command) -> Result<Response, CardError> {
        exchange(self.card, &command.on_channel(self.number))
    }

    /// Closes the channel, if it was opened, and says whether the card agreed.
    pub fn close(mut self) -> Result<(), ChannelError> {
        self.close_once()
    }

    fn close_once(&mut self) -> Result<(), ChannelError> {
        if !std::mem::take(&mut self.opened) {
            return Ok(());
        }
        let response = exchange(self.card, &Command::new(0, MANAGE_CHANNEL, 0x80, self.number))?;
        if response.sw.is_ok() { Ok(()) } else { Err(ChannelError::NotClosed(response.sw)) }
    }
}

impl Drop for Channel<'_> {
    fn drop(&mut self) {
        // A card that cannot close is reset or gone, and its channels with it: nothing is left to report.
        let _ = self.close_once();
    }
}

impl std::fmt::Debug for Channel<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Channel({})", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uicc::script::Script;

    #[test]
    fn commands_go_on_the_opened_channel_which_is_closed_on_the_way_out() {
        let mut card =
            Script::new(&[("0070000001", "03 9000"), ("03b0000001", "aa 9000"), ("00708003", "9000")]);
        let mut channel = Channel::open(&mut card).unwrap();
        assert_eq!(channel.number(), 3);
        let read = Command::new(0, 0xb0, 0, 0).with_le(1);
        assert_eq!(channel.exchange(read).unwrap().data, [0xaa]);
        drop(channel);
        card.finish();
    }

    #[test]
    fn over_t_0_the_number_may_be_fetched() {
        let mut card =
            Script::new(&[("0070000001", "6101"), ("00c0000001", "01 9000"), ("00708001", "9000")]);
        assert_eq!(Channel::open(&mut card).unwrap().close(), Ok(()));
        card.finish();
    }

    #[test]
    fn the_extended_channels_have_their_own_class() {
        let mut card =
            Script::new(&[("0070000001", "13 9000"), ("4fb0000001", "aa 9000"), ("00708013", "9000")]);
        let mut channel = Channel::open(&mut card).unwrap();
        assert!(channel.exchange(Command::new(0, 0xb0, 0, 0).with_le(1)).is_ok());
        drop(channel);
        card.finish();
    }

    #[test]
    fn a_card_without_channels_is_used_on_the_basic_one_which_is_never_closed() {
        for refusal in ["6881", "6a81", "6d00", "6e00", "6200"] {
            let mut card = Script::new(&[("0070000001", refusal), ("00b0000001", "aa 9000")]);
            let mut channel = Channel::open(&mut card).unwrap();
            assert_eq!(channel.number(), 0);
            assert!(channel.exchange(Command::new(0, 0xb0, 0, 0).with_le(1)).is_ok());
            drop(channel);
            card.finish();
        }
    }

    #[test]
    fn an_impossible_channel_number_is_refused() {
        for answer in ["9000", "009000", "149000", "ff9000", "01029000"] {
            let mut card = Script::new(&[("0070000001", answer)]);
            assert_eq!(Channel::open(&mut card).err(), Some(ChannelError::Number), "{answer}");
        }
    }

    #[test]
    fn closing_tells_whether_the_card_agreed() {
        let mut card = Script::new(&[("0070000001", "01 9000"), ("00708001", "6a86")]);
        let closed = Channel::open(&mut card).unwrap().close();
        assert_eq!(closed, Err(ChannelError::NotClosed(StatusWord(0x6a86))));
        card.finish();
        let mut card = Script::new(&[("0070000001", "01 9000")]).failing(CardError::Removed);
        drop(Channel::open(&mut card).unwrap());
    }
}
