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
        let tap = Tap::of(pcscd, u16::try_from(reader).expect("0 or 1"));
        let mut command = pcscd.beside(KSNAF);
        command.args(["sim", "usim", "--vpcd", &tap.address().to_string(), "--card-file"]).arg(card);
        // Where the lab's card is: nothing is made there.
        let folder = card.parent().expect("a folder").display();
        command.args(["--set", &format!("data_dir={folder}")]).args(arguments);
        let process = Running::start(&mut command);
        wait_for_card(READERS[reader], true);
        Self { process, tap, reader }
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
