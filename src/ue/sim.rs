//! The simulated card as a slot's card: its file is locked for each job, as a reader is for each transaction, so that a
//! service and a command can share one card.

use crate::reader::ReaderError;
use crate::reader::slot::{CardSource, Progress};
use ksnaf_proto::uicc::{Card, CardError};
use ksnaf_sim_usim::{CardFileError, NoCard, SimCard};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two looks at a card that another process uses.
const POLL: Duration = Duration::from_millis(5);

/// Where a data directory keeps its simulated card.
#[must_use]
pub fn card_file(data_dir: &Path) -> PathBuf {
    data_dir.join("sim-usim.json")
}

/// Opens the card's file for each job.
pub(super) struct SimSource {
    path: PathBuf,
}

impl SimSource {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn open(&self, progress: &Progress) -> Result<SimCard, ReaderError> {
        loop {
            match SimCard::open(&self.path) {
                Err(NoCard::File(CardFileError::InUse { .. }))
                    if Instant::now() + POLL < progress.deadline() =>
                {
                    std::thread::sleep(POLL);
                }
                Err(NoCard::File(CardFileError::InUse { .. })) => return Err(self.failed(CardError::Busy)),
                Err(error) => {
                    return Err(ReaderError::Service { doing: "simulated card", error: Box::new(error) });
                }
                Ok(card) => return Ok(card),
            }
        }
    }

    fn failed(&self, error: CardError) -> ReaderError {
        ReaderError::Card { reader: self.path.display().to_string(), error }
    }
}

impl CardSource for SimSource {
    fn with_card(
        &mut self,
        progress: &Progress,
        job: &mut dyn FnMut(&mut dyn Card),
    ) -> Result<(), ReaderError> {
        if !self.path.exists() {
            return Err(ReaderError::NoCard { readers: vec![self.path.display().to_string()] });
        }
        job(&mut self.open(progress)?);
        Ok(())
    }
}
