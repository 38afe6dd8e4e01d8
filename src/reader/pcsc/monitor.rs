//! Readers and cards that come and go.

use super::connection::establish;
use super::describe;
use crate::reader::{ReaderError, ReaderInfo};
use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, State};
use std::ffi::CString;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long one wait for a change lasts. A reader that is plugged in between two waits is seen after this at the
/// latest; everything else wakes the wait.
const WAIT: Duration = Duration::from_secs(2);

/// How long until the service is tried again when it is away: doubled from the first to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What there is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readers {
    /// Whether the PC/SC service answers.
    pub service: bool,
    /// The readers, in the service's order.
    pub readers: Vec<ReaderInfo>,
}

/// A thread that waits for readers and cards to come and go. Dropping it ends the thread.
pub struct Monitor {
    readers: watch::Receiver<Readers>,
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Control {
    state: Mutex<ControlState>,
    stopped: Condvar,
}

#[derive(Default)]
struct ControlState {
    stop: bool,
    context: Option<Context>,
}

impl Monitor {
    /// Starts watching. Works without a service too, and finds it when it comes.
    pub fn start() -> Result<Self, ReaderError> {
        let (sender, readers) = watch::channel(Readers::default());
        let control = Arc::new(Control::default());
        let watcher = Watcher { control: Arc::clone(&control), readers: sender };
        let thread = std::thread::Builder::new()
            .name("card monitor".to_owned())
            .spawn(move || watcher.run())
            .map_err(|error| ReaderError::Thread { reader: "the card monitor".to_owned(), error })?;
        Ok(Self { readers, control, thread: Some(thread) })
    }

    /// The state as it is and as it becomes: the receiver sees the last value and wakes on a change. It also changes
    /// when a program, this one included, begins or ceases to use a card.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Readers> {
        self.readers.clone()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.control.lock().stop = true;
        self.control.stopped.notify_all();
        let Some(thread) = self.thread.take() else { return };
        // A cancel that comes before the wait has begun is lost, so it is repeated. A service that hangs keeps the
        // thread, not its owner.
        let until = Instant::now() + WAIT;
        while !thread.is_finished() && Instant::now() < until {
            if let Some(context) = self.control.lock().context.clone() {
                let _ = context.cancel();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, ControlState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `pause`; `false` when the monitor is to stop.
    fn pause(&self, pause: Duration) -> bool {
        let waited = self.stopped.wait_timeout_while(self.lock(), pause, |state| !state.stop);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stop
    }

    fn goes_on(&self) -> bool {
        !self.lock().stop
    }
}

struct Watcher {
    control: Arc<Control>,
    readers: watch::Sender<Readers>,
}

impl Watcher {
    fn run(self) {
        let (mut pause, most) = BACK_OFF;
        while self.control.goes_on() {
            if let Ok(context) = establish() {
                self.control.lock().context = Some(context.clone());
                let error = self.watch(&context, || pause = BACK_OFF.0);
                self.control.lock().context = None;
                tracing::debug!(%error, "PC/SC service lost");
            }
            self.publish(Readers::default());
            if !self.control.pause(pause) {
                return;
            }
            pause = (pause * 2).min(most);
        }
    }

    /// Publishes every change until the service fails or the monitor is to stop. `lives` is called when the service
    /// has answered.
    fn watch(&self, context: &Context, mut lives: impl FnMut()) -> Error {
        let mut states = vec![ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
        while self.control.goes_on() {
            let names = match context.list_readers_owned() {
                Ok(names) => names,
                Err(error) => return error,
            };
            lives();
            states = keep_known(states, names);
            // What is not known yet does not make the wait below wait.
            if states.iter().skip(1).all(|state| state.current_state() != State::UNAWARE) {
                let described = states.iter().skip(1).map(|state| describe(state, state.current_state()));
                self.publish(Readers { service: true, readers: described.collect() });
            }
            match context.get_status_change(WAIT, &mut states) {
                Ok(()) => states.iter_mut().for_each(ReaderState::sync_current_state),
                Err(Error::UnknownReader | Error::Timeout | Error::Cancelled) => {}
                Err(error) => return error,
            }
        }
        Error::Cancelled
    }

    fn publish(&self, readers: Readers) {
        self.readers.send_if_modified(|last| {
            let changed = *last != readers;
            *last = readers;
            changed
        });
    }
}

/// The notification of new readers, then the readers that are there, with what is known of those that were there
/// before.
fn keep_known(mut old: Vec<ReaderState>, names: Vec<CString>) -> Vec<ReaderState> {
    let names = std::iter::once(PNP_NOTIFICATION().to_owned()).chain(names);
    let states = names.map(|name| match old.iter().position(|state| state.name() == name.as_c_str()) {
        Some(at) => old.swap_remove(at),
        None => ReaderState::new(name, State::UNAWARE),
    });
    states.collect()
}
