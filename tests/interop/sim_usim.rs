//! `ksnaf sim usim` in a virtual reader, with a tap on its wire.

use crate::lab::KSNAF;
use crate::pcscd::{Pcscd, READERS, until, wait_for_card};
use crate::programs::Running;
use crate::tap::Tap;
use crate::wire::{self, Frame};
use rustix::process::Signal;
use std::path::Path;
use std::time::Duration;

/// A simulated card in a reader.
pub(crate) struct SimUsim {
    process: Running,
    tap: Tap,
    reader: usize,
}

impl SimUsim {
    /// Puts the card of that file into reader 0 or 1, with further arguments of `ksnaf sim usim`, and waits until the
    /// service has seen it.
    pub(crate) fn plug(pcscd: &Pcscd, reader: usize, card: &Path, arguments: &[&str]) -> Self {
        let card = Self::start(pcscd, reader, card, arguments);
        wait_for_card(READERS[reader], true);
        card
    }

    /// As [`Self::plug`], for both readers.
    pub(crate) fn plug_both(pcscd: &Pcscd, cards: [(&Path, &[&str]); 2]) -> [Self; 2] {
        let [(zero, with_zero), (one, with_one)] = cards;
        let cards = [Self::start(pcscd, 0, zero, with_zero), Self::start(pcscd, 1, one, with_one)];
        READERS.iter().for_each(|reader| wait_for_card(reader, true));
        cards
    }

    fn start(pcscd: &Pcscd, reader: usize, card: &Path, arguments: &[&str]) -> Self {
        let tap = Tap::of(pcscd, u16::try_from(reader).expect("0 or 1"));
        let mut command = pcscd.beside(KSNAF);
        command.args(["sim", "usim", "--vpcd", &tap.address().to_string(), "--card-file"]).arg(card);
        // Where the lab's card is: nothing is made there.
        let folder = card.parent().expect("a folder").display();
        command.args(["--set", &format!("data_dir={folder}")]).args(arguments);
        Self { process: Running::start(&mut command), tap, reader }
    }

    /// How `--card` names it.
    pub(crate) fn name(&self) -> String {
        format!("pcsc:{}", READERS[self.reader])
    }

    /// As [`Self::pull`], for both readers.
    pub(crate) fn pull_both([zero, one]: [Self; 2]) {
        zero.process.signal(Signal::TERM);
        one.pull();
        zero.pull();
    }

    /// Ends the simulator as its user does, and waits until the service has seen the card go.
    pub(crate) fn pull(mut self) {
        self.process.signal(Signal::TERM);
        let status = self.process.wait(Duration::from_secs(5));
        assert!(status.success(), "{status} {}", self.process.log());
        wait_for_card(READERS[self.reader], false);
    }

    /// The commands that the card saw since it was plugged in or last asked.
    pub(crate) fn commands(&self) -> Vec<Vec<u8>> {
        wire::commands(self.tap.take())
    }

    /// All frames that the card saw since it was plugged in or last asked.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.tap.take()
    }

    /// Waits until the card has begun a command with that instruction code.
    pub(crate) fn wait_for_instruction(&self, ins: u8) {
        until(&format!("instruction {ins:02x}"), || {
            self.commands().iter().any(|command| command.get(1) == Some(&ins))
        });
    }
}
