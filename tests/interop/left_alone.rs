//! The card is not reset: whatever of ours ends in the middle of its work, other programs keep selection and PIN.

use crate::lab::{Lab, set_1, set_1_card};
use crate::pcscd::{Pcscd, READERS, leave, other_program, until, with_pcscd};
use crate::sim_usim::SimUsim;
use crate::wire::Frame;
use ksnaf_proto::identity::{Imsi, MncLength};
use ksnaf_sim_usim::Personalisation;
use pcsc::ShareMode;
use rustix::process::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

const SELECT: u8 = 0xa4;

#[test]
fn the_service_ends_in_time_in_the_middle_of_a_slow_command() {
    with_pcscd(|pcscd| {
        let mut lab = Lab::new();
        lab.make_card(set_1_card());
        // A card at rest, one whose request ends in the time for it, one whose request would take longer than that.
        for (delay, answered) in [("delay=0", 200), ("delay=5", 200), ("delay=300", 503)] {
            lab.start(&["card.use=pcsc", "service.drain_timeout=2s"]);
            let card = Shared::plug(pcscd, 0, &lab.card_file(), delay);
            let api = lab.api();
            let caller = std::thread::spawn(move || api.bootstrap());
            card.usim.wait_for_instruction(SELECT);
            if delay == "delay=0" {
                until("the answer", || caller.is_finished());
            }
            let (status, took) = lab.stop();
            assert!(status.success() && took < Duration::from_millis(2300), "{delay}: {status} {took:?}");
            assert_eq!(caller.join().expect("an answer").0, answered, "{delay}");
            card.assert_left_alone(delay);
        }
    });
}

#[test]
fn a_command_that_gives_up_or_is_interrupted_gives_the_card_back() {
    with_pcscd(|pcscd| {
        let lab = Lab::with(set_1_card());
        let card = Shared::plug(pcscd, 0, &lab.card_file(), "delay=400");
        let began = Instant::now();
        let late = lab.device(&["bootstrap", "--card", "pcsc", "--set", "ue.card_timeout=600ms"]).failed(3);
        assert!(late.contains(READERS[0]) && late.contains("did not answer in time"), "{late}");
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
        card.assert_left_alone("gives up");

        for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let card = Shared::plug(pcscd, 0, &lab.card_file(), "delay=400");
            let mut command = lab.start_ksnaf(&["card", "info", "--card", "pcsc"]);
            card.usim.wait_for_instruction(SELECT);
            command.signal(signal);
            assert_eq!(command.wait(Duration::from_secs(1)).code(), Some(status), "{}", command.log());
            card.assert_left_alone("interrupted");
        }
    });
}

#[test]
fn a_slow_card_that_was_only_looked_at_is_given_back_too() {
    with_pcscd(|pcscd| {
        let lab = Lab::new();
        lab.make_card(set_1_card());
        let imsi = Imsi::parse("001010000000042").expect("an IMSI");
        let other = lab.other_card("other.json", Personalisation::for_imsi(imsi, MncLength::Two, set_1()));
        let wanted = Shared::plug(pcscd, 0, &lab.card_file(), "delay=0");
        let slow = Shared::plug(pcscd, 1, &other, "delay=400");
        lab.ksnaf(&["card", "info", "--card", "imsi:001010123456789"]).good();
        slow.assert_left_alone("looked at");
        wanted.assert_left_alone("used");
    });
}

/// A card that another program uses too: it keeps the power on, so that whatever the card sees is our doing.
struct Shared {
    usim: SimUsim,
    other: pcsc::Card,
}

impl Shared {
    fn plug(pcscd: &Pcscd, reader: usize, file: &Path, fault: &str) -> Self {
        let usim = SimUsim::plug(pcscd, reader, file, &["--fault", fault]);
        let other = other_program(reader, ShareMode::Shared);
        // Inserting it gave it power.
        usim.frames();
        Self { usim, other }
    }

    /// Once the other program gets the card, ours is done with it.
    fn assert_left_alone(self, case: &str) {
        let Self { usim, mut other } = self;
        let transaction = other.transaction().map(drop);
        assert_eq!(transaction, Ok(()), "{case}: the other program's card is as it was");
        let frames = usim.frames();
        let lifecycle: Vec<_> = frames.iter().filter(|frame| !matches!(frame, Frame::Command(_))).collect();
        assert!(lifecycle.is_empty(), "{case}: {lifecycle:?}");
        leave(other);
        usim.pull();
    }
}
