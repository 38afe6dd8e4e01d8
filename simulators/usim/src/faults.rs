//! Misbehaviour on request: what a terminal must survive.

use ksnaf_proto::uicc::StatusWord;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// What the card does wrong. The default is nothing. May be changed between two commands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// Every AUTN is answered with 9862.
    pub wrong_mac: bool,
    /// So many AUTN, whatever their number, are answered with AUTS.
    pub force_resync: u32,
    /// Each command takes so long.
    pub delay: Duration,
    /// So many more commands are answered; the next one finds the card gone.
    pub pull_after: Option<u32>,
    /// The card is pulled inside the next command of this kind.
    pub pull_in: Option<Pull>,
    /// After a pull, the card comes back by itself after so long. Only [`crate::vpcd::run`] has the clock for it.
    pub reinsert_after: Option<Duration>,
    /// Commands with this INS are not executed; this is their answer.
    pub status_words: BTreeMap<u8, StatusWord>,
    /// GBA is neither announced in EF_UST and EF_IST nor served; its files are not there.
    pub no_gba_service: bool,
    /// The ISIM cannot be selected, though EF_DIR may name it.
    pub no_isim: bool,
    /// Responses, status word included, are cut to so many octets.
    pub short_response: Option<usize>,
}

/// Where a card is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pull {
    /// INS of the command.
    pub ins: u8,
    /// Before or after the command's effect is kept.
    pub at: PullPoint,
}

/// A moment inside a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPoint {
    /// The command has run, nothing of it is kept: after power-up the card is as before.
    BeforeKept,
    /// What it changed is kept, its answer never leaves.
    AfterKept,
}

/// Why a text is no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fault is wrong-mac, resync[=N], delay=MS, pull-after=N, pull-before=INS, pull-inside=INS, reinsert=MS, \
     sw=INS:SW, no-gba, no-isim or short=N (INS and SW in hex)"
)]
pub struct FaultSyntax;

impl Faults {
    /// Adds the faults of a comma-separated list, as a command line gives them.
    pub fn add(&mut self, list: &str) -> Result<(), FaultSyntax> {
        list.split(',').try_for_each(|fault| self.add_one(fault.trim()))
    }

    fn add_one(&mut self, text: &str) -> Result<(), FaultSyntax> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("wrong-mac", None) => self.wrong_mac = true,
            ("resync", None) => self.force_resync = 1,
            ("resync", Some(times)) => self.force_resync = number(times)?,
            ("delay", Some(time)) => self.delay = Duration::from_millis(number(time)?),
            ("pull-after", Some(commands)) => self.pull_after = Some(number(commands)?),
            ("pull-before", Some(code)) => {
                self.pull_in = Some(Pull { ins: ins(code)?, at: PullPoint::BeforeKept });
            }
            ("pull-inside", Some(code)) => {
                self.pull_in = Some(Pull { ins: ins(code)?, at: PullPoint::AfterKept });
            }
            ("reinsert", Some(time)) => self.reinsert_after = Some(Duration::from_millis(number(time)?)),
            ("sw", Some(pair)) => {
                let (code, sw) = pair.split_once(':').ok_or(FaultSyntax)?;
                let sw = u16::from_str_radix(sw, 16).map_err(|_| FaultSyntax)?;
                self.status_words.insert(ins(code)?, StatusWord(sw));
            }
            ("no-gba", None) => self.no_gba_service = true,
            ("no-isim", None) => self.no_isim = true,
            ("short", Some(octets)) => self.short_response = Some(number(octets)?),
            _ => return Err(FaultSyntax),
        }
        Ok(())
    }
}

impl FromStr for Faults {
    type Err = FaultSyntax;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let mut faults = Self::default();
        if !list.trim().is_empty() {
            faults.add(list)?;
        }
        Ok(faults)
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, FaultSyntax> {
    text.parse().map_err(|_| FaultSyntax)
}

fn ins(text: &str) -> Result<u8, FaultSyntax> {
    u8::from_str_radix(text, 16).map_err(|_| FaultSyntax)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_sets_every_fault() {
        let faults: Faults =
            "wrong-mac, resync=3,delay=20,pull-after=5,pull-inside=88,reinsert=500,sw=88:6f00,\
                              no-gba,no-isim,short=1"
                .parse()
                .unwrap();
        let expected = Faults {
            wrong_mac: true,
            force_resync: 3,
            delay: Duration::from_millis(20),
            pull_after: Some(5),
            pull_in: Some(Pull { ins: 0x88, at: PullPoint::AfterKept }),
            reinsert_after: Some(Duration::from_millis(500)),
            status_words: [(0x88, StatusWord(0x6f00))].into(),
            no_gba_service: true,
            no_isim: true,
            short_response: Some(1),
        };
        assert_eq!(faults, expected);
        assert_eq!("".parse(), Ok(Faults::default()));
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for bad in ["x", "wrong-mac=1", "resync=x", "delay", "sw=88", "sw=zz:6f00", "sw=88:66666", "a,,b"] {
            assert_eq!(bad.parse::<Faults>(), Err(FaultSyntax), "{bad}");
        }
    }
}
