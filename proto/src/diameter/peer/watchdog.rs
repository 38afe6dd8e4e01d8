//! The watchdog of RFC 3539 clause 3.4 and appendix A: whether a peer answers, and when to give it up.
//!
//! A pure table: events in, at most one action out, one timer. Two differences from the RFC's table, neither
//! visible on a healthy link:
//!
//! - DOWN has no timer here; [`super::Backoff`] says when to connect again.
//! - In REOPEN the RFC throws messages other than DWA away. Here they count as nothing for this table, but the
//!   peer serves them: whoever connected anew has tested the connection already, and its requests would time
//!   out for a minute.

use crate::diameter::jitter::Jitter;
use std::time::{Duration, Instant};

/// The smallest interval that RFC 3539 allows, before jitter.
const FLOOR: Duration = Duration::from_secs(6);
const SPREAD: Duration = Duration::from_secs(2);
/// DWAs that bring a reopened connection back into service.
const PROBES: u8 = 3;

/// Twinit: the watchdog interval before its jitter of ±2 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchdogInterval(Duration);

impl WatchdogInterval {
    /// At least 6 seconds; `None` below.
    #[must_use]
    pub fn new(interval: Duration) -> Option<Self> {
        (interval >= FLOOR).then_some(Self(interval))
    }
}

impl Default for WatchdogInterval {
    /// 30 seconds.
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

/// How a peer stands. Requests go to one that is [`PeerStatus::Okay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerStatus {
    /// Never connected, or closed in good order.
    Initial,
    /// In service.
    Okay,
    /// Owes a watchdog answer: what waits for it goes elsewhere if it can.
    Suspect,
    /// Lost.
    Down,
    /// Connected again after a loss, and not yet proven.
    Reopen,
}

/// What the watchdog wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Send a DWR.
    Probe,
    /// The status is Suspect: move what is pending elsewhere.
    FailOver,
    /// The status is Okay again.
    FailBack,
    /// Give the connection up.
    Close,
}

#[derive(Debug)]
pub(super) struct Watchdog {
    interval: WatchdogInterval,
    status: PeerStatus,
    pending: bool,
    /// DWAs since the connection came back; `None` once one was late.
    probes: Option<u8>,
    deadline: Option<Instant>,
}

impl Watchdog {
    pub(super) const fn new(interval: WatchdogInterval) -> Self {
        Self { interval, status: PeerStatus::Initial, pending: false, probes: Some(0), deadline: None }
    }

    pub(super) const fn status(&self) -> PeerStatus {
        self.status
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// A connection is open: at once in service if it is the first, else to be proven.
    pub(super) fn connected(&mut self, now: Instant, jitter: &mut Jitter) -> Option<Action> {
        self.restart(now, jitter);
        if self.status == PeerStatus::Initial {
            self.status = PeerStatus::Okay;
            self.pending = false;
            return None;
        }
        self.status = PeerStatus::Reopen;
        self.probes = Some(0);
        self.pending = true;
        Some(Action::Probe)
    }

    /// The connection is gone. After a close in good order the next one is as good as the first.
    pub(super) const fn disconnected(&mut self, in_good_order: bool) {
        self.status = if in_good_order { PeerStatus::Initial } else { PeerStatus::Down };
        self.pending = false;
        self.deadline = None;
    }

    /// A message arrived; `is_answer` if it is the DWA to the last DWR.
    pub(super) fn received(&mut self, is_answer: bool, now: Instant, jitter: &mut Jitter) -> Option<Action> {
        self.pending &= !is_answer;
        match self.status {
            PeerStatus::Okay => {
                self.restart(now, jitter);
                None
            }
            PeerStatus::Suspect => {
                self.status = PeerStatus::Okay;
                self.restart(now, jitter);
                Some(Action::FailBack)
            }
            PeerStatus::Reopen if is_answer => {
                let probes = self.probes.map_or(0, |probes| probes + 1);
                self.probes = Some(probes);
                if probes < PROBES {
                    return None;
                }
                self.status = PeerStatus::Okay;
                Some(Action::FailBack)
            }
            PeerStatus::Reopen | PeerStatus::Initial | PeerStatus::Down => None,
        }
    }

    /// The timer ran out.
    pub(super) fn elapsed(&mut self, now: Instant, jitter: &mut Jitter) -> Option<Action> {
        self.restart(now, jitter);
        match self.status {
            PeerStatus::Okay | PeerStatus::Reopen if !self.pending => {
                self.pending = true;
                Some(Action::Probe)
            }
            PeerStatus::Okay => {
                self.status = PeerStatus::Suspect;
                Some(Action::FailOver)
            }
            PeerStatus::Reopen if self.probes.is_some() => {
                self.probes = None;
                None
            }
            PeerStatus::Suspect | PeerStatus::Reopen => Some(Action::Close),
            PeerStatus::Initial | PeerStatus::Down => {
                self.deadline = None;
                None
            }
        }
    }

    fn restart(&mut self, now: Instant, jitter: &mut Jitter) {
        let interval = jitter.span(self.interval.0.saturating_sub(SPREAD), SPREAD * 2);
        self.deadline = now.checked_add(interval);
    }
}

#[cfg(test)]
#[path = "watchdog_tests.rs"]
mod tests;
