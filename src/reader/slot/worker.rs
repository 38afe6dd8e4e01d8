//! The thread of a slot: takes jobs one after another and keeps every card command inside its job's time.

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
    shared: Arc<Shared>,
}

impl<S: CardSource> Worker<S> {
    pub(super) fn new(source: S, name: Arc<str>, options: &SlotOptions, shared: Arc<Shared>) -> Self {
        Self { source, name, linger: options.linger, trace: options.trace.clone(), shared }
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
            Err(ReaderError::Panicked { reader: self.name.to_string() })
        }));
    }

    fn with_card(&mut self, progress: &Progress, job: &mut dyn Job) -> Result<(), ReaderError> {
        let Self { source, name, trace, .. } = self;
        let mut too_late = None;
        source.with_card(progress, &mut |card| {
            if progress.is_over() {
                too_late = Some(progress.overdue_error());
                return;
            }
            progress.set(Phase::InUse);
            job.run(&mut TimedCard { card, progress, name, trace: trace.as_ref() });
        })?;
        too_late.map_or(Ok(()), |error| Err(self.error(error)))
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
        if self.progress.is_over() {
            return Err(CardError::Timeout);
        }
        self.watch(ApduEvent::Command(command));
        let answer = self.card.transmit(command);
        match &answer {
            Ok(response) => self.watch(ApduEvent::Response(response)),
            Err(error) => self.watch(ApduEvent::Failed(*error)),
        }
        answer
    }
}
