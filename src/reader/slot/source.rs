//! Where a slot's thread gets its card from, and what it knows of the job it gets it for.

use ksnaf_proto::uicc::{Card, CardError};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Instant;

use crate::reader::ReaderError;

/// Gives a slot's thread its card. Lives in that thread only, so it may block.
pub trait CardSource: Send {
    /// Takes the card for this program alone, runs `job` once, gives it back. An error means that `job` did not run,
    /// or that the card could not be given back after it.
    fn with_card(
        &mut self,
        progress: &Progress,
        job: &mut dyn FnMut(&mut dyn Card),
    ) -> Result<(), ReaderError>;

    /// Lets other programs have the card altogether: there was no job for a while, or there will be none.
    fn release(&mut self) {}
}

/// A card in this process, simulated or played from a capture: nobody else can hold it.
pub struct OwnCard<C>(pub C);

impl<C: Card + Send> CardSource for OwnCard<C> {
    fn with_card(&mut self, _: &Progress, job: &mut dyn FnMut(&mut dyn Card)) -> Result<(), ReaderError> {
        job(&mut self.0);
        Ok(())
    }
}

/// How far one job has come, and whether anybody still waits for it.
#[derive(Debug)]
pub struct Progress {
    deadline: Instant,
    phase: AtomicU8,
    abandoned: AtomicBool,
}

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    Queued,
    OthersHoldIt,
    Connecting,
    InUse,
}

impl Progress {
    pub(super) const fn new(deadline: Instant) -> Self {
        Self { deadline, phase: AtomicU8::new(Phase::Queued as u8), abandoned: AtomicBool::new(false) }
    }

    /// When the caller stops waiting.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Says that the card, not another program, is what is waited for from here on.
    pub fn connecting(&self) {
        self.set(Phase::Connecting);
    }

    /// Says that another program may be the reason if it takes long from here on.
    pub fn waiting_for_others(&self) {
        self.set(Phase::OthersHoldIt);
    }

    /// Whether nobody waits for the job any more: it is to send nothing else to the card.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed) || self.is_overdue()
    }

    pub(super) fn is_overdue(&self) -> bool {
        self.deadline <= Instant::now()
    }

    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    pub(super) fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Queued,
            1 => Phase::OthersHoldIt,
            2 => Phase::Connecting,
            _ => Phase::InUse,
        }
    }

    /// What the caller is told when the deadline comes.
    pub(super) fn overdue_error(&self) -> CardError {
        match self.phase() {
            Phase::Queued | Phase::OthersHoldIt => CardError::Busy,
            Phase::Connecting | Phase::InUse => CardError::Timeout,
        }
    }
}
