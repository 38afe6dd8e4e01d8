//! The thread of a slot: takes jobs one after another and keeps every card command inside its job's time.

use super::identity::CardIdentity;
use super::in_hand::{self, InHand};
use super::job::Job;
use super::source::{CardSource, Phase, Progress};
use super::{Shared, SlotOptions};
use crate::reader::{ApduEvent, ApduTrace, ReaderError};
use ksnaf_proto::uicc::{Card, CardError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

pub(super) struct Worker<S> {
    source: S,
    name: Arc<str>,
    linger: Duration,
    trace: Option<ApduTrace>,
    identity: Option<CardIdentity>,
    shared: Arc<Shared>,
}

impl<S: CardSource> Worker<S> {
    pub(super) fn new(
        source: S,
        name: Arc<str>,
        options: &SlotOptions,
        identity: Option<CardIdentity>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { source, name, linger: options.linger, trace: options.trace.clone(), identity, shared }
    }

    /// Works until no caller can send a job any more.
    pub(super) fn run(mut self, jobs: &Receiver<Box<dyn Job>>) {
        let _ended = MarksTheEnd(Arc::clone(&self.shared));
        while let Some(job) = self.next(jobs) {
            self.work(job);
        }
        self.source.release();
    }

    /// The next job; gives the card back if that takes longer than the connection may linger.
    fn next(&mut self, jobs: &Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        match jobs.recv_timeout(self.linger) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.source.release();
                jobs.recv().ok()
            }
        }
    }

    fn work(&mut self, mut job: Box<dyn Job>) {
        let progress = Arc::clone(job.progress());
        if self.shared.seen().closing {
            return job.finish(Err(ReaderError::Closed { reader: self.name.to_string() }));
        }
        if progress.is_over() {
            return job.finish(Err(self.error(progress.overdue_error())));
        }
        progress.connecting();
        self.shared.seen().running = Some(Arc::clone(&progress));
        let outcome = catch_unwind(AssertUnwindSafe(|| self.with_card(&progress, job.as_mut())));
        self.shared.seen().running = None;
        job.finish(outcome.unwrap_or_else(|_| {
            self.source.release();
            self.identity.iter_mut().for_each(CardIdentity::forget);
            Err(ReaderError::Panicked { reader: self.name.to_string() })
        }));
    }

    fn with_card(&mut self, progress: &Progress, job: &mut dyn Job) -> Result<(), ReaderError> {
        let Self { source, name, trace, identity, .. } = self;
        let mut refused = None;
        let mut in_hand = None;
        let outcome = source.with_card(progress, &mut |card| {
            in_hand = InHand::take();
            if progress.is_over() || in_hand.is_none() {
                let error = progress.overdue_error();
                refused = Some(ReaderError::Card { reader: name.to_string(), error });
                return;
            }
            progress.set(Phase::InUse);
            let mut card = TimedCard { card, progress, name, trace: trace.as_ref(), failed: false };
            match identity.as_mut().map_or(Ok(()), |identity| identity.check(name, &mut card)) {
                Ok(()) => job.run(&mut card),
                Err(error) => refused = Some(error),
            }
            if card.failed {
                identity.iter_mut().for_each(CardIdentity::forget);
            }
        });
        drop(in_hand);
        if outcome.is_err() {
            identity.iter_mut().for_each(CardIdentity::forget);
        }
        outcome.and_then(|()| refused.map_or(Ok(()), Err))
    }

    fn error(&self, error: CardError) -> ReaderError {
        ReaderError::Card { reader: self.name.to_string(), error }
    }
}

/// Tells those who close the slot that the thread is over, also when it ends by a panic.
struct MarksTheEnd(Arc<Shared>);

impl Drop for MarksTheEnd {
    fn drop(&mut self) {
        let mut seen = self.0.seen();
        seen.ended = true;
        seen.running = None;
        self.0.changed.notify_all();
    }
}

/// The card as a job sees it: silent once nobody waits for the job, and watched if a trace is on.
struct TimedCard<'a> {
    card: &'a mut dyn Card,
    progress: &'a Progress,
    name: &'a str,
    trace: Option<&'a ApduTrace>,
    /// Whether a command had no answer from the card.
    failed: bool,
}

impl TimedCard<'_> {
    fn watch(&self, event: ApduEvent<'_>) {
        tracing::trace!(reader = self.name, "{event:?}");
        if let Some(trace) = self.trace {
            trace(self.name, event);
        }
    }
}

impl Card for TimedCard<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        if self.progress.is_over() || in_hand::is_ending() {
            return Err(CardError::Timeout);
        }
        self.watch(ApduEvent::Command(command));
        let answer = self.card.transmit(command);
        match &answer {
            Ok(response) => self.watch(ApduEvent::Response(response)),
            Err(error) => {
                self.failed = true;
                self.watch(ApduEvent::Failed(*error));
            }
        }
        answer
    }
}
