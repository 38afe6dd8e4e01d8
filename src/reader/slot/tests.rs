//! A slot with cards that answer, freeze, thaw and panic.

use super::*;
use crate::reader::{ApduEvent, Cause};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

const SHORT: Duration = Duration::from_millis(60);
const LONG: Duration = Duration::from_secs(20);

/// Echoes each command with 9000; for INS FE it does not answer until told.
struct Freezer {
    thaw: Receiver<()>,
    commands: Arc<AtomicUsize>,
}

impl Card for Freezer {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        self.commands.fetch_add(1, Ordering::SeqCst);
        if command.get(1) == Some(&0xfe) {
            self.thaw.recv().map_err(|_| CardError::Removed)?;
        }
        Ok([command, &[0x90, 0x00]].concat())
    }
}

fn freezer(options: &SlotOptions) -> (Slot, Sender<()>, Arc<AtomicUsize>) {
    let (thaw, thawed) = channel();
    let commands = Arc::new(AtomicUsize::new(0));
    let card = Freezer { thaw: thawed, commands: Arc::clone(&commands) };
    (Slot::of_card("fake 00", card, options).unwrap(), thaw, commands)
}

fn freeze(card: &mut dyn Card) -> Result<Vec<u8>, CardError> {
    card.transmit(&[0, 0xfe, 0, 0])
}

fn until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn card_error<T: std::fmt::Debug>(result: Result<T, ReaderError>) -> CardError {
    match result {
        Err(ReaderError::Card { reader, error }) if reader == "fake 00" => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn jobs_run_one_after_another_on_the_same_card() {
    let (slot, _thaw, commands) = freezer(&SlotOptions::default());
    assert_eq!(slot.name(), "fake 00");
    let answer = slot.with_card_blocking(LONG, |card| card.transmit(&[1, 2, 3, 4])).unwrap();
    assert_eq!(answer, Ok(vec![1, 2, 3, 4, 0x90, 0]));
    let both =
        slot.with_card_blocking(LONG, |card| (card.transmit(&[1]).is_ok(), card.transmit(&[2]).is_ok()));
    assert_eq!(both.unwrap(), (true, true));
    assert_eq!(commands.load(Ordering::SeqCst), 3);
    assert_eq!(slot.state(), SlotState::Idle);
}

#[test]
fn a_frozen_card_frees_the_caller_and_turns_others_away_until_it_thaws() {
    let (slot, thaw, commands) = freezer(&SlotOptions::default());
    let began = Instant::now();
    let frozen = slot.with_card_blocking(SHORT, |card| {
        let first = freeze(card);
        assert_eq!(card.transmit(&[9, 9, 9, 9]), Err(CardError::Timeout), "nothing more goes to the card");
        first
    });
    assert_eq!(card_error(frozen), CardError::Timeout);
    assert!(began.elapsed() >= SHORT);
    assert_eq!(slot.state(), SlotState::Lost);

    let began = Instant::now();
    assert_eq!(card_error(slot.with_card_blocking(LONG, |_| ())), CardError::Timeout);
    assert!(began.elapsed() < LONG / 4, "turned away at once");

    thaw.send(()).unwrap();
    until(|| slot.state() == SlotState::Idle);
    assert_eq!(commands.load(Ordering::SeqCst), 1);
    assert!(slot.with_card_blocking(LONG, |card| card.transmit(&[1])).unwrap().is_ok());
}

#[test]
fn a_job_that_waited_past_its_time_does_not_run() {
    let (slot, thaw, commands) = freezer(&SlotOptions::default());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| slot.with_card_blocking(LONG, freeze));
        until(|| commands.load(Ordering::SeqCst) == 1);
        assert_eq!(slot.state(), SlotState::Working);
        let second = slot.with_card_blocking(SHORT, |card| card.transmit(&[2]));
        assert!(matches!(second, Err(ReaderError::Overloaded { .. })), "the first is within its time");
        thaw.send(()).unwrap();
        assert!(first.join().unwrap().unwrap().is_ok());
    });
    until(|| slot.state() == SlotState::Idle);
    assert!(slot.with_card_blocking(LONG, |_| ()).is_ok());
    assert_eq!(commands.load(Ordering::SeqCst), 1, "the second sent nothing");
}

#[test]
fn a_job_queued_behind_a_card_that_freezes_learns_of_it() {
    let (slot, thaw, commands) = freezer(&SlotOptions::default());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| slot.with_card_blocking(SHORT, freeze));
        until(|| commands.load(Ordering::SeqCst) == 1);
        assert_eq!(card_error(slot.with_card_blocking(SHORT * 2, |_| ())), CardError::Timeout);
        assert_eq!(card_error(first.join().unwrap()), CardError::Timeout);
    });
    thaw.send(()).unwrap();
}

#[test]
fn the_queue_is_bounded() {
    let (slot, thaw, commands) = freezer(&SlotOptions { queue: 1, ..SlotOptions::default() });
    std::thread::scope(|scope| {
        scope.spawn(|| slot.with_card_blocking(LONG, freeze));
        until(|| commands.load(Ordering::SeqCst) == 1);
        let wait = scope.spawn(|| slot.with_card_blocking(LONG, |_| ()));
        let mut refused = Err(ReaderError::NoReader);
        until(|| {
            // The one place goes to this thread or to the other; whoever comes next is refused.
            refused = slot.with_card_blocking(SHORT / 10, |_| ());
            matches!(refused, Err(ReaderError::Overloaded { .. }))
        });
        assert_eq!(refused.unwrap_err().as_card_error(), CardError::Busy);
        thaw.send(()).unwrap();
        let _ = wait.join().unwrap();
    });
}

#[test]
fn a_panic_in_a_job_is_its_callers_only() {
    let (slot, _thaw, _) = freezer(&SlotOptions::default());
    let panicked = slot.with_card_blocking(LONG, |_| panic!("on purpose"));
    assert!(matches!(panicked, Err(ReaderError::Panicked { .. })), "{panicked:?}");
    assert!(slot.with_card_blocking(LONG, |card| card.transmit(&[1])).unwrap().is_ok());
}

#[test]
fn a_closed_slot_gives_the_card_back_and_takes_no_job() {
    struct Returned(Sender<&'static str>);
    impl CardSource for Returned {
        fn with_card(&mut self, _: &Progress, _: &mut dyn FnMut(&mut dyn Card)) -> Result<(), ReaderError> {
            self.0.send("used").unwrap();
            Err(ReaderError::NoCard { readers: vec!["fake 00".to_owned()] })
        }
        fn release(&mut self) {
            self.0.send("released").unwrap();
        }
    }
    let (sender, events) = channel();
    let slot =
        Slot::start("fake 00", Returned(sender), &SlotOptions { linger: LONG, ..Default::default() }, None)
            .unwrap();
    let refused = slot.with_card_blocking(LONG, |_| ()).unwrap_err();
    assert_eq!(refused.cause(), Cause::NoCardOrReader);
    assert!(slot.close(LONG));
    assert_eq!(events.iter().collect::<Vec<_>>(), ["used", "released"]);
    assert_eq!(slot.state(), SlotState::Closed);
    assert!(matches!(slot.with_card_blocking(LONG, |_| ()), Err(ReaderError::Closed { .. })));
}

#[test]
fn a_stopped_slot_lets_its_job_end_at_the_command_it_is_at() {
    let (slot, thaw, commands) = freezer(&SlotOptions::default());
    let (at_card, stopped) = (slot.clone(), Arc::clone(&commands));
    let job = std::thread::spawn(move || {
        at_card.with_card_blocking(LONG, |card| (freeze(card).is_ok(), card.transmit(&[2])))
    });
    until(|| stopped.load(Ordering::SeqCst) == 1);
    slot.stop();
    assert!(matches!(slot.with_card_blocking(LONG, |_| ()), Err(ReaderError::Closed { .. })));
    thaw.send(()).unwrap();
    assert_eq!(job.join().unwrap().unwrap(), (true, Err(CardError::Timeout)));
    assert_eq!(commands.load(Ordering::SeqCst), 1);
    assert!(slot.close(LONG));
}

#[test]
fn closing_does_not_wait_for_a_frozen_card_longer_than_told() {
    let (slot, thaw, _) = freezer(&SlotOptions::default());
    assert_eq!(card_error(slot.with_card_blocking(SHORT, freeze)), CardError::Timeout);
    assert!(!slot.close(SHORT));
    thaw.send(()).unwrap();
    assert!(slot.close(LONG));
}

#[test]
fn an_idle_card_is_released_once_and_used_again() {
    struct Lingering(Arc<AtomicUsize>);
    impl CardSource for Lingering {
        fn with_card(&mut self, _: &Progress, job: &mut dyn FnMut(&mut dyn Card)) -> Result<(), ReaderError> {
            job(&mut Silent);
            Ok(())
        }
        fn release(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let released = Arc::new(AtomicUsize::new(0));
    let options = SlotOptions { linger: Duration::from_millis(1), ..Default::default() };
    let slot = Slot::start("fake 00", Lingering(Arc::clone(&released)), &options, None).unwrap();
    for round in 1..=2 {
        slot.with_card_blocking(LONG, |_| ()).unwrap();
        until(|| released.load(Ordering::SeqCst) >= round);
    }
    std::thread::sleep(SHORT);
    assert_eq!(released.load(Ordering::SeqCst), 2, "not again while idle");
}

struct Silent;

impl Card for Silent {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, CardError> {
        Err(CardError::Removed)
    }
}

#[test]
fn a_trace_sees_each_command_its_answer_and_its_failure() {
    let (sender, events) = channel();
    let trace: ApduTrace = Arc::new(move |reader, event| {
        let (kind, octets) = match event {
            ApduEvent::Command(octets) => ("command", octets.to_vec()),
            ApduEvent::Response(octets) => ("response", octets.to_vec()),
            ApduEvent::Failed(error) => ("failed", error.to_string().into_bytes()),
        };
        sender.send((reader.to_owned(), kind, octets)).unwrap();
    });
    let options = SlotOptions { trace: Some(trace), ..SlotOptions::default() };
    let (slot, ..) = freezer(&options);
    slot.with_card_blocking(LONG, |card| card.transmit(&[0, 0xa4, 0, 4])).unwrap().unwrap();
    let silent = Slot::of_card("silent 00", Silent, &options).unwrap();
    silent.with_card_blocking(LONG, |card| card.transmit(&[7])).unwrap().unwrap_err();
    let seen: Vec<_> = events.try_iter().collect();
    assert_eq!(
        seen,
        [
            ("fake 00".to_owned(), "command", vec![0, 0xa4, 0, 4]),
            ("fake 00".to_owned(), "response", vec![0, 0xa4, 0, 4, 0x90, 0]),
            ("silent 00".to_owned(), "command", vec![7]),
            ("silent 00".to_owned(), "failed", CardError::Removed.to_string().into_bytes()),
        ]
    );
}

#[tokio::test]
async fn the_async_front_waits_without_blocking_and_is_freed_by_the_deadline() {
    let (slot, thaw, _) = freezer(&SlotOptions::default());
    let answer = slot.with_card(LONG, |card| card.transmit(&[5])).await.unwrap();
    assert_eq!(answer, Ok(vec![5, 0x90, 0]));
    // One runtime thread: a tick beside the frozen card shows that nothing blocks it.
    let (frozen, ()) = tokio::join!(slot.with_card(SHORT, freeze), tokio::time::sleep(SHORT / 2));
    assert_eq!(card_error(frozen), CardError::Timeout);
    assert_eq!(slot.state(), SlotState::Lost);
    thaw.send(()).unwrap();
}

#[tokio::test]
async fn a_dropped_future_stops_its_job_at_the_next_command() {
    let (slot, thaw, commands) = freezer(&SlotOptions::default());
    let (sender, outcome) = channel();
    let job = slot.with_card(LONG, move |card| {
        freeze(card).unwrap();
        sender.send(card.transmit(&[2])).unwrap();
    });
    assert!(tokio::time::timeout(SHORT, job).await.is_err());
    thaw.send(()).unwrap();
    assert_eq!(outcome.recv(), Ok(Err(CardError::Timeout)));
    assert_eq!(commands.load(Ordering::SeqCst), 1);
}

#[test]
fn another_program_that_holds_the_card_is_told_from_a_card_that_hangs() {
    struct Waits(Receiver<()>);
    impl CardSource for Waits {
        fn with_card(
            &mut self,
            progress: &Progress,
            _: &mut dyn FnMut(&mut dyn Card),
        ) -> Result<(), ReaderError> {
            progress.waiting_for_others();
            let _ = self.0.recv();
            Ok(())
        }
    }
    let (sender, receiver) = channel();
    let slot = Slot::start("fake 00", Waits(receiver), &SlotOptions::default(), None).unwrap();
    assert_eq!(card_error(slot.with_card_blocking(SHORT, |_| ())), CardError::Busy);
    assert_eq!(card_error(slot.with_card_blocking(LONG, |_| ())), CardError::Busy, "at once");
    drop(sender);
    until(|| slot.state() == SlotState::Idle);
}

#[test]
fn a_slot_with_an_identity_runs_jobs_on_that_card_only() {
    /// A reader into which the test puts cards; each answers with its name. Removal is told once, as PC/SC does.
    struct Tray(Arc<Mutex<&'static str>>);
    impl Card for Tray {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
            let card = *self.0.lock().unwrap();
            if card.is_empty() { Err(CardError::Removed) } else { Ok([card.as_bytes(), command].concat()) }
        }
    }
    let tray = Arc::new(Mutex::new("right"));
    let checks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&checks);
    let identity = CardIdentity::new("IMSI", move |card: &mut dyn Card| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok::<_, CardError>(card.transmit(&[])?.starts_with(b"right"))
    });
    let source = OwnCard(Tray(Arc::clone(&tray)));
    let slot = Slot::start("fake 00", source, &SlotOptions::default(), Some(identity)).unwrap();
    let transmit = || slot.with_card_blocking(LONG, |card| card.transmit(b"!"));
    let refusal = |result: Result<_, ReaderError>| match result {
        Err(ReaderError::NoMatch { wanted: "IMSI", looked }) => looked,
        other => panic!("{other:?}"),
    };
    assert_eq!(transmit().unwrap(), Ok(b"right!".to_vec()));
    assert_eq!(transmit().unwrap(), Ok(b"right!".to_vec()));
    assert_eq!(checks.load(Ordering::SeqCst), 1, "once for one insertion");

    *tray.lock().unwrap() = "";
    assert_eq!(transmit().unwrap(), Err(CardError::Removed));
    *tray.lock().unwrap() = "wrong";
    assert_eq!(refusal(transmit()), [("fake 00".to_owned(), "another card".to_owned())]);
    *tray.lock().unwrap() = "";
    assert_eq!(refusal(transmit()), [("fake 00".to_owned(), CardError::Removed.to_string())]);
    *tray.lock().unwrap() = "right";
    assert_eq!(transmit().unwrap(), Ok(b"right!".to_vec()));
    assert_eq!(checks.load(Ordering::SeqCst), 4);
}
