//! Cards in real PC/SC readers: what a card, a reader, the service and other programs can do to us.

use crate::pcscd::{READERS, is_client, leave, other_program, until, wait_for_card, with_pcscd};
use crate::scripted_card::{self as card, ScriptedCard, T0, T1};
use crate::wire::Frame;
use ksnaf::reader::pcsc::{Monitor, Readers};
use ksnaf::reader::{self, Choice, ReaderError, Slot, SlotOptions, SlotState};
use ksnaf_proto::identity::Imsi;
use ksnaf_proto::uicc::CardError;
use rustix::process::{Pid, Signal, kill_process};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Longer than anything takes here that does not hang.
const LONG: Duration = Duration::from_secs(10);
/// What a job gets that is to miss its deadline. It must still reach the card on a busy machine.
const LIMIT: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn two_cards_work_at_once_each_by_its_protocol() {
    with_pcscd(|pcscd| {
        let cards = [ScriptedCard::plug(pcscd, 0, T0, "zero"), ScriptedCard::plug(pcscd, 1, T1, "one")];
        let slots = READERS.map(open);
        // Both jobs meet while both hold their card.
        let meeting = Arc::new(Barrier::new(2));
        std::thread::scope(|scope| {
            for (slot, name) in slots.iter().zip(["zero      ", "one       "]) {
                let meeting = Arc::clone(&meeting);
                scope.spawn(move || {
                    let read = slot.with_card_blocking(LONG, move |card| {
                        meeting.wait();
                        assert_eq!(card.transmit(card::SELECT), Ok(vec![0x61, 0x0a]));
                        for _ in 0..100 {
                            let named = card.transmit(card::GET_RESPONSE);
                            assert_eq!(named, Ok([name.as_bytes(), &[0x90, 0x00]].concat()));
                        }
                        meeting.wait();
                        card.transmit(card::READ)
                    });
                    assert_eq!(read.unwrap().unwrap().len(), 258);
                });
            }
        });
        let select = cards.each_ref().map(|card| card.commands().first().cloned().unwrap());
        assert_eq!(
            select,
            [card::SELECT[..7].to_vec(), card::SELECT.to_vec()],
            "T=0 carries no Le after data"
        );
    });
}

#[test]
fn a_card_pulled_inside_a_command_or_between_two_is_removed_and_the_next_card_works() {
    with_pcscd(|pcscd| {
        let card = ScriptedCard::plug(pcscd, 0, T0, "first");
        let slot = open(READERS[0]);
        assert_eq!(transmit(&slot, card::VANISH), Ok(Err(CardError::Removed)), "inside a command");
        assert_eq!(transmit(&slot, card::STATUS), Err(CardError::NoCard));
        card.pull();

        let card = ScriptedCard::plug(pcscd, 0, T0, "second");
        wait_for_card(READERS[0], true);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        let between = slot.with_card_blocking(LONG, move |terminal| {
            terminal.transmit(card::STATUS)?;
            card.pull();
            terminal.transmit(card::STATUS)
        });
        assert_eq!(between.unwrap(), Err(CardError::Removed), "between two commands");
    });
}

#[test]
fn another_card_in_the_reader_is_not_taken_for_the_one_before() {
    with_pcscd(|pcscd| {
        let swap = |slot: &Slot, card: ScriptedCard| {
            card.pull();
            wait_for_card(READERS[0], false);
            let next = ScriptedCard::plug(pcscd, 0, T0, "next");
            wait_for_card(READERS[0], true);
            assert_eq!(transmit(slot, card::STATUS), Err(CardError::Removed), "said once");
            assert_eq!(transmit(slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
            next
        };
        let card = ScriptedCard::plug(pcscd, 0, T0, "first");
        let connected = open(READERS[0]);
        assert_eq!(transmit(&connected, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        let card = swap(&connected, card);
        assert!(connected.close(LONG));

        let released =
            open_with(READERS[0], &SlotOptions { linger: Duration::ZERO, ..SlotOptions::default() });
        assert_eq!(transmit(&released, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        until("not connected", || !in_use(READERS[0]));
        drop(swap(&released, card));
    });
}

#[test]
fn a_card_that_lost_its_power_while_idle_is_the_same_card() {
    with_pcscd(|pcscd| {
        let card = ScriptedCard::plug(pcscd, 0, T0, "sleepy");
        let slot = open_with(READERS[0], &SlotOptions { linger: Duration::ZERO, ..SlotOptions::default() });
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        // pcscd takes the power from a card that nobody has been connected to for five seconds.
        until("no power", || card.frames().contains(&Frame::PowerOff));
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
    });
}

#[test]
fn a_frozen_card_frees_its_caller_and_its_slot_recovers() {
    with_pcscd(|pcscd| {
        let cards = [ScriptedCard::plug(pcscd, 0, T0, "ice"), ScriptedCard::plug(pcscd, 1, T0, "water")];
        let [frozen, other] = READERS.map(open);
        assert_eq!(transmit(&other, card::STATUS), Ok(Ok(vec![0x90, 0x00])));

        let began = Instant::now();
        assert_eq!(transmit_for(&frozen, LIMIT, card::FREEZE), Err(CardError::Timeout));
        assert!(began.elapsed() < LONG / 2);
        assert_eq!(frozen.state(), SlotState::Lost);
        let began = Instant::now();
        assert_eq!(transmit(&frozen, card::STATUS), Err(CardError::Timeout));
        assert!(began.elapsed() < LONG / 2, "turned away at once");
        for _ in 0..20 {
            assert_eq!(transmit(&other, card::STATUS), Ok(Ok(vec![0x90, 0x00])), "the other reader goes on");
        }

        cards[0].thaw();
        until("the slot recovers", || frozen.state() == SlotState::Idle);
        assert_eq!(transmit(&frozen, card::STATUS), Ok(Ok(vec![0x90, 0x00])));

        assert_eq!(transmit_for(&frozen, LIMIT, card::FREEZE), Err(CardError::Timeout));
        let [ice, water] = cards;
        ice.pull();
        until("the slot recovers without its card", || frozen.state() == SlotState::Idle);
        assert_eq!(transmit(&frozen, card::STATUS), Err(CardError::NoCard));
        drop(water);
    });
}

#[test]
fn a_card_whose_process_is_stopped_frees_its_caller_too() {
    if is_client() {
        return card::be_a_card(0, "stopped");
    }
    with_pcscd(|pcscd| {
        let mut card = pcscd.start_client_beside();
        let signal = |signal| kill_process(Pid::from_child(&card), signal).unwrap();
        let slot = open(READERS[0]);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        signal(Signal::STOP);
        until("every thread is stopped", || states(card.id()).iter().all(|state| *state == 'T'));
        assert_eq!(transmit_for(&slot, LIMIT, card::STATUS), Err(CardError::Timeout));
        assert_eq!(slot.state(), SlotState::Lost);
        signal(Signal::CONT);
        until("the slot recovers", || slot.state() == SlotState::Idle);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        signal(Signal::KILL);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Err(CardError::Removed)));
        card.wait().unwrap();
    });
}

#[test]
fn odd_answers_are_errors_and_the_next_job_works() {
    with_pcscd(|pcscd| {
        let _odd = ScriptedCard::plug(pcscd, 0, T0, "odd");
        let _mute = ScriptedCard::plug(pcscd, 1, &[0x3b], "mute");
        let mute = open(READERS[1]).with_card_blocking(LONG, |_| ());
        assert!(matches!(mute, Err(ReaderError::Mute { .. })), "{mute:?}");
        let slot = open(READERS[0]);
        assert_eq!(transmit(&slot, card::STUMP), Ok(Err(CardError::NoStatusWord)));
        assert_eq!(transmit(&slot, &[0x00]), Ok(Err(CardError::Reader)), "no command");
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        let long = transmit(&slot, card::READ).unwrap().unwrap();
        assert_eq!((long.len(), long[255], &long[256..]), (258, 255, &[0x90, 0x00][..]));
    });
}

#[test]
fn another_program_may_share_the_card_or_keep_it() {
    with_pcscd(|pcscd| {
        let _card = ScriptedCard::plug(pcscd, 0, T0, "shared");
        let slot = open_with(READERS[0], &SlotOptions { linger: Duration::ZERO, ..SlotOptions::default() });

        let mut shared = other_program(0, pcsc::ShareMode::Shared);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])), "shared");
        let transaction = shared.transaction().unwrap();
        assert_eq!(transmit_for(&slot, SHORT, card::STATUS), Err(CardError::Busy), "in a transaction");
        assert_eq!(transmit(&slot, card::STATUS), Err(CardError::Busy), "at once");
        transaction.end(pcsc::Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
        until("the slot recovers", || slot.state() == SlotState::Idle);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        until("not connected", || slot.state() == SlotState::Idle);
        leave(shared);

        until("not connected", || !in_use(READERS[0]));
        let kept = other_program(0, pcsc::ShareMode::Exclusive);
        assert_eq!(transmit(&slot, card::STATUS), Err(CardError::Busy), "kept");
        leave(kept);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
    });
}

#[test]
fn our_job_keeps_every_other_program_out() {
    with_pcscd(|pcscd| {
        let card = ScriptedCard::plug(pcscd, 0, T0, "ours");
        let slot = open(READERS[0]);
        let mut other = other_program(0, pcsc::ShareMode::Shared);
        std::thread::scope(|scope| {
            let meeting = Arc::new(Barrier::new(2));
            let met = Arc::clone(&meeting);
            let job = scope.spawn(move || {
                slot.with_card_blocking(LONG, move |card| {
                    let first = card.transmit(card::SELECT);
                    met.wait();
                    std::thread::sleep(SHORT);
                    (first, card.transmit(card::GET_RESPONSE))
                })
            });
            meeting.wait();
            let transaction = other.transaction().unwrap();
            transaction.transmit(card::READ, &mut [0; 258]).unwrap();
            drop(transaction);
            job.join().unwrap().unwrap().1.unwrap();
        });
        leave(other);
        assert_eq!(card.commands(), [&card::SELECT[..7], card::GET_RESPONSE, card::READ]);
    });
}

#[test]
fn the_card_is_left_as_it_is_when_we_end() {
    if is_client() {
        let slot = open(READERS[0]);
        transmit(&slot, card::STATUS).unwrap().unwrap();
        std::process::exit(0);
    }
    with_pcscd(|pcscd| {
        let card = ScriptedCard::plug(pcscd, 0, T0, "left");
        wait_for_card(READERS[0], true);
        // Another program keeps the card powered, so that whatever the card sees is our doing.
        let other = other_program(0, pcsc::ShareMode::Shared);
        let before = lifecycle(&card);

        let slot = open(READERS[0]);
        transmit(&slot, card::STATUS).unwrap().unwrap();
        assert!(slot.close(LONG));
        let slot = open(READERS[0]);
        let panicked = slot.with_card_blocking(LONG, |card| {
            card.transmit(card::STATUS).unwrap();
            panic!("on purpose")
        });
        assert!(matches!(panicked, Err(ReaderError::Panicked { .. })), "{panicked:?}");
        drop(slot);
        let (status, output) = pcscd.run_client();
        assert!(status.success(), "{output}");
        until("three clients have come and gone", || card.commands().len() == 3);
        std::thread::sleep(SHORT);
        assert_eq!(lifecycle(&card), before, "neither reset nor power off");
        leave(other);
    });
}

#[test]
fn a_reset_by_another_program_is_told_once() {
    with_pcscd(|pcscd| {
        let card = ScriptedCard::plug(pcscd, 0, T0, "reset");
        let slot = open(READERS[0]);
        assert_eq!(transmit(&slot, card::SELECT), Ok(Ok(vec![0x61, 0x0a])));
        let other = other_program(0, pcsc::ShareMode::Shared);
        other.disconnect(pcsc::Disposition::ResetCard).map_err(|(_, error)| error).unwrap();
        assert!(lifecycle(&card).contains(&Frame::Reset), "{:?}", card.frames());
        assert_eq!(transmit(&slot, card::STATUS), Err(CardError::Reset));
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
    });
}

#[test]
fn a_service_that_is_killed_and_restarted_is_found_again() {
    with_pcscd(|pcscd| {
        let card = ScriptedCard::plug(pcscd, 0, T0, "before");
        let slot = open(READERS[0]);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
        assert_eq!(transmit_for(&slot, LIMIT, card::FREEZE), Err(CardError::Timeout));
        pcscd.stop();
        until("a service that is gone keeps no thread", || slot.state() == SlotState::Idle);
        let gone = slot.with_card_blocking(LONG, |_| ());
        assert!(matches!(gone, Err(ReaderError::NoService)), "{gone:?}");
        assert!(matches!(reader::list(), Err(ReaderError::NoService)));
        drop(card);

        pcscd.start();
        let _card = ScriptedCard::plug(pcscd, 0, T0, "after");
        wait_for_card(READERS[0], true);
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));

        // Down and up again while nobody looks.
        pcscd.stop();
        pcscd.start();
        let _card = ScriptedCard::plug(pcscd, 0, T0, "again");
        wait_for_card(READERS[0], true);
        let restarted = slot.with_card_blocking(LONG, |_| ());
        assert!(matches!(restarted, Err(ReaderError::ServiceRestarted)), "{restarted:?}");
        assert_eq!(transmit(&slot, card::STATUS), Ok(Ok(vec![0x90, 0x00])));
    });
}

#[test]
fn readers_and_cards_that_come_and_go_are_told() {
    with_pcscd(|pcscd| {
        let monitor = Monitor::start().unwrap();
        let seen = |what: &str, expected: [Option<&[u8]>; 2]| {
            let readers = monitor.subscribe();
            until(what, || {
                let Readers { service, readers } = &*readers.borrow();
                let atrs = readers.iter().map(|reader| reader.card.as_ref().map(|card| card.atr.as_slice()));
                *service && atrs.eq(expected)
            });
        };
        seen("two empty readers", [None, None]);
        let zero = ScriptedCard::plug(pcscd, 0, T0, "zero");
        seen("a card", [Some(T0), None]);
        let one = ScriptedCard::plug(pcscd, 1, T1, "one");
        seen("two cards", [Some(T0), Some(T1)]);
        zero.pull();
        seen("one card", [None, Some(T1)]);
        pcscd.stop();
        drop(one);
        let readers = monitor.subscribe();
        until("no service", || *readers.borrow() == Readers::default());
        pcscd.start_with(None);
        until("no reader", || *readers.borrow() == Readers { service: true, readers: Vec::new() });
        assert!(matches!(reader::list(), Err(ReaderError::NoReader)));
        pcscd.stop();
        pcscd.start();
        seen("two empty readers again", [None, None]);
        let began = Instant::now();
        drop(monitor);
        assert!(began.elapsed() < Duration::from_secs(1), "it ends in the middle of its wait");
    });
}

#[test]
fn a_card_is_found_by_what_its_user_says_of_it() {
    with_pcscd(|pcscd| {
        let find = |choice: Choice| {
            let found = reader::open(&choice, &SlotOptions::default(), LIMIT, |card| {
                card.transmit(card::FREEZE)?;
                Ok::<_, CardError>(card.transmit(card::GET_RESPONSE)?.starts_with(b"wanted"))
            });
            found.map(|slot| slot.name().to_owned())
        };
        let imsi = || Choice::Imsi(Imsi::parse("001010123456789").unwrap());
        let part = |part: &str| Choice::Reader(part.to_owned());
        assert!(matches!(find(Choice::Only), Err(ReaderError::NoCard { readers }) if readers == READERS));
        assert!(matches!(find(imsi()), Err(ReaderError::NoMatch { looked, .. }) if looked.is_empty()));
        assert!(
            matches!(find(part("acme")), Err(ReaderError::NoSuchReader { readers, .. }) if readers == READERS)
        );

        let frozen = ScriptedCard::plug(pcscd, 0, T0, "frozen");
        wait_for_card(READERS[0], true);
        assert_eq!(find(Choice::Only).unwrap(), READERS[0]);
        assert!(
            matches!(find(part("00 01")), Err(ReaderError::NoCard { readers }) if readers == READERS[1..])
        );
        let Err(ReaderError::NoMatch { looked, .. }) = find(imsi()) else { panic!("found") };
        assert_eq!(looked, [(READERS[0].to_owned(), CardError::Timeout.to_string())]);

        let wanted = ScriptedCard::plug(pcscd, 1, T0, "wanted");
        wanted.thaw();
        wait_for_card(READERS[1], true);
        assert!(matches!(find(Choice::Only), Err(ReaderError::Ambiguous { readers }) if readers == READERS));
        assert_eq!(find(part("pcd 00 01")).unwrap(), READERS[1]);
        assert_eq!(find(imsi()).unwrap(), READERS[1], "beside a frozen card");
        drop(frozen);

        let slot = reader::open(&imsi(), &SlotOptions::default(), LONG, |card| {
            Ok::<_, CardError>(card.transmit(card::GET_RESPONSE)?.starts_with(b"wanted"))
        });
        let slot = slot.unwrap();
        wanted.pull();
        wait_for_card(READERS[1], false);
        let other = ScriptedCard::plug(pcscd, 1, T0, "other");
        wait_for_card(READERS[1], true);
        assert_eq!(transmit(&slot, card::STATUS), Err(CardError::Removed), "said once");
        let refused = slot.with_card_blocking(LONG, |card| card.transmit(card::STATUS));
        assert!(matches!(refused, Err(ReaderError::NoMatch { wanted: "IMSI", .. })), "{refused:?}");
        assert_eq!(other.commands(), [card::GET_RESPONSE], "nothing but the check");
    });
}

fn transmit(slot: &Slot, command: &'static [u8]) -> Result<Result<Vec<u8>, CardError>, CardError> {
    transmit_for(slot, LONG, command)
}

/// The outer error is the slot's, the inner one the card's.
fn transmit_for(
    slot: &Slot,
    limit: Duration,
    command: &'static [u8],
) -> Result<Result<Vec<u8>, CardError>, CardError> {
    let answer = slot.with_card_blocking(limit, move |card| card.transmit(command));
    answer.map_err(|error| match error {
        ReaderError::Card { error, .. } => error,
        ReaderError::NoCard { .. } => CardError::NoCard,
        other => panic!("{other}"),
    })
}

/// What the threads of a process are doing, as `ps` abbreviates it.
fn states(process: u32) -> Vec<char> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("a process");
    let stat = |thread: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(thread.ok()?.path().join("stat")).ok()
    };
    threads.filter_map(stat).filter_map(|stat| stat.rsplit_once(") ")?.1.chars().next()).collect()
}

/// The frames that are no commands.
fn lifecycle(card: &ScriptedCard) -> Vec<Frame> {
    card.frames().into_iter().filter(|frame| !matches!(frame, Frame::Command(_))).collect()
}

fn in_use(name: &str) -> bool {
    let readers = reader::list().expect("a list");
    readers.iter().any(|reader| reader.name == name && reader.card.as_ref().is_some_and(|card| card.in_use))
}

/// A slot for the reader of that name, once the service has seen its card.
fn open(name: &str) -> Slot {
    open_with(name, &SlotOptions::default())
}

fn open_with(name: &str, options: &SlotOptions) -> Slot {
    wait_for_card(name, true);
    let choice = Choice::Reader(name.to_owned());
    reader::open(&choice, options, LONG, |_| Ok::<_, CardError>(false)).expect("the card opens")
}
