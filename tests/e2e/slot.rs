//! A reader in this process: its card misbehaves, freezes, is swapped and pulled while the service runs.

use ksnaf::reader::slot::{CardSource, Progress};
use ksnaf::reader::{ReaderError, Slot, SlotOptions};
use ksnaf_proto::uicc::{Card, CardError};
use ksnaf_sim_usim::{Faults, Personalisation, SimCard};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What the reader is called in errors.
pub(crate) const NAME: &str = "the test's reader";

/// A reader that the test and the service's card thread share.
#[derive(Clone)]
pub(crate) struct Reader(Arc<Inner>);

struct Inner {
    card: Mutex<Option<SimCard>>,
    frozen: Mutex<bool>,
    thawed: Condvar,
    commands: AtomicUsize,
}

impl Reader {
    /// A reader with a card in it.
    pub(crate) fn with(personalisation: Personalisation) -> Self {
        let card = SimCard::new(personalisation).expect("a card's personalisation");
        let (frozen, thawed) = (Mutex::new(false), Condvar::new());
        let commands = AtomicUsize::new(0);
        Self(Arc::new(Inner { card: Mutex::new(Some(card)), frozen, thawed, commands }))
    }

    /// A thread for it, as a service takes one.
    pub(crate) fn slot(&self) -> Slot {
        Slot::start(NAME, self.clone(), &SlotOptions::default(), None).expect("a thread")
    }

    /// Changes what the card does wrong, between two jobs.
    pub(crate) fn misbehave(&self, change: impl FnOnce(&mut Faults)) {
        change(self.card().as_mut().expect("a card is in the reader").faults_mut());
    }

    /// A look at the card between two jobs.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&mut SimCard) -> T) -> T {
        at(self.card().as_mut().expect("a card is in the reader"))
    }

    /// Takes the card out.
    pub(crate) fn take(&self) -> SimCard {
        self.card().take().expect("a card is in the reader")
    }

    /// Puts a card in, powered up.
    pub(crate) fn put(&self, mut card: SimCard) {
        card.insert();
        *self.card() = Some(card);
    }

    /// From here on the next command gets no answer.
    pub(crate) fn freeze(&self) {
        *self.frozen() = true;
    }

    /// Lets frozen commands go on.
    pub(crate) fn thaw(&self) {
        *self.frozen() = false;
        self.0.thawed.notify_all();
    }

    /// Commands that reached the card so far.
    pub(crate) fn commands(&self) -> usize {
        self.0.commands.load(Ordering::Relaxed)
    }

    fn card(&self) -> MutexGuard<'_, Option<SimCard>> {
        self.0.card.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frozen(&self) -> MutexGuard<'_, bool> {
        self.0.frozen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CardSource for Reader {
    fn with_card(&mut self, _: &Progress, job: &mut dyn FnMut(&mut dyn Card)) -> Result<(), ReaderError> {
        let reader = self.clone();
        let mut held = reader.card();
        let Some(card) = held.as_mut() else {
            return Err(ReaderError::NoCard { readers: vec![NAME.to_owned()] });
        };
        if card.is_inserted() {
            card.reset();
        }
        job(&mut InReader { card, reader: &reader });
        Ok(())
    }
}

/// The card as its driver sees it.
struct InReader<'a> {
    card: &'a mut SimCard,
    reader: &'a Reader,
}

impl Card for InReader<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let waited = self.reader.0.thawed.wait_while(self.reader.frozen(), |frozen| *frozen);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.reader.0.commands.fetch_add(1, Ordering::Relaxed);
        self.card.transmit(command)
    }
}
