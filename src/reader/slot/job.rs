//! A caller's closure on its way through a card's thread, and its result on the way back.

use super::source::Progress;
use crate::reader::ReaderError;
use ksnaf_proto::uicc::Card;
use std::sync::Arc;

/// What the thread sees of a job.
pub(super) trait Job: Send {
    fn progress(&self) -> &Arc<Progress>;

    /// Does the work, once.
    fn run(&mut self, card: &mut dyn Card);

    /// Answers the caller. Comes after the card was given back, so that a caller who ends the process on the answer
    /// leaves no transaction open: PC/SC would reset the card for that.
    fn finish(self: Box<Self>, outcome: Result<(), ReaderError>);
}

pub(super) struct Task<T, F, R> {
    reader: Arc<str>,
    progress: Arc<Progress>,
    work: Option<F>,
    result: Option<T>,
    reply: R,
}

impl<T, F, R> Task<T, F, R> {
    pub(super) fn new(reader: &Arc<str>, progress: Arc<Progress>, work: F, reply: R) -> Self {
        Self { reader: Arc::clone(reader), progress, work: Some(work), result: None, reply }
    }
}

impl<T, F, R> Job for Task<T, F, R>
where
    T: Send,
    F: FnOnce(&mut dyn Card) -> T + Send,
    R: FnOnce(Result<T, ReaderError>) + Send,
{
    fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    fn run(&mut self, card: &mut dyn Card) {
        if let Some(work) = self.work.take() {
            self.result = Some(work(card));
        }
    }

    fn finish(self: Box<Self>, outcome: Result<(), ReaderError>) {
        let Self { reader, result, reply, .. } = *self;
        reply(match (result, outcome) {
            (Some(result), _) => Ok(result),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(ReaderError::Panicked { reader: reader.to_string() }),
        });
    }
}
