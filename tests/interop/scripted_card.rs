//! A card for vpcd written for these tests alone: it answers a few commands, and it freezes, vanishes and misbehaves
//! on command. It shares no code with the simulated USIM.

use crate::pcscd::{PORT, Pcscd};
use crate::wire::{self, Frame, enter};
use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Answer to reset of a card that speaks T=0: no interface bytes, four historical octets.
pub(crate) const T0: &[u8] = &[0x3b, 0x04, b'k', b's', b'n', b'0'];

/// Answer to reset of a card that speaks T=1 only; the last octet is the check octet.
pub(crate) const T1: &[u8] = &[0x3b, 0x80, 0x01, 0x81];

/// SELECT; answered with 61 0A.
pub(crate) const SELECT: &[u8] = &[0x00, 0xa4, 0x00, 0x04, 0x02, 0x3f, 0x00, 0x00];
/// GET RESPONSE; answered with the name of the card and 9000.
pub(crate) const GET_RESPONSE: &[u8] = &[0x00, 0xc0, 0x00, 0x00, 0x0a];
/// READ BINARY of 256 octets; answered with them and 9000.
pub(crate) const READ: &[u8] = &[0x00, 0xb0, 0x00, 0x00, 0x00];
/// Answered with 9000.
pub(crate) const STATUS: &[u8] = &[0x80, 0xf2, 0x00, 0x00];
/// Answered when [`ScriptedCard::thaw`] says so, with 9000.
pub(crate) const FREEZE: &[u8] = &[0x80, 0xfe, 0x00, 0x00, 0x00];
/// Not answered: the card is pulled in the middle of the command.
pub(crate) const VANISH: &[u8] = &[0x80, 0xfd, 0x00, 0x00, 0x00];
/// Answered with one octet.
pub(crate) const STUMP: &[u8] = &[0x80, 0xfc, 0x00, 0x00, 0x00];

/// A card in a virtual reader. Dropping it pulls it.
pub(crate) struct ScriptedCard {
    stream: TcpStream,
    thaw: Sender<()>,
    frames: Arc<Mutex<Vec<Frame>>>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedCard {
    /// Puts a card named `name` (at most 10 octets) into reader 0 or 1. The service notices within its polling time.
    pub(crate) fn plug(pcscd: &Pcscd, reader: u16, atr: &'static [u8], name: &str) -> Self {
        let network = pcscd.network();
        let (thaw, thawed) = channel();
        let (connected, stream) = channel();
        let frames = Arc::default();
        let (name, seen) = (name.to_owned(), Arc::clone(&frames));
        let thread = std::thread::spawn(move || {
            enter(&network);
            let stream = connect(reader);
            connected.send(stream.try_clone().expect("a second handle")).expect("the test waits");
            // It ends when the card is pulled or the reader goes away.
            let _ = Inside { stream, atr, name, thawed, frames: seen }.serve();
        });
        let stream = stream.recv().expect("the card connects");
        Self { stream, thaw, frames, thread: Some(thread) }
    }

    /// All that the reader sent, but for its questions for the answer to reset: those are how vpcd polls.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.frames.lock().expect("no panic in the card").clone()
    }

    /// The commands among the frames.
    pub(crate) fn commands(&self) -> Vec<Vec<u8>> {
        wire::commands(self.frames())
    }

    /// Lets the card answer its [`FREEZE`].
    pub(crate) fn thaw(&self) {
        self.thaw.send(()).expect("the card is there");
    }

    /// Pulls the card, whatever it is doing.
    pub(crate) fn pull(self) {
        drop(self);
    }
}

impl Drop for ScriptedCard {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        let (nobody, _) = channel();
        self.thaw = nobody;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The card's own side.
struct Inside {
    stream: TcpStream,
    atr: &'static [u8],
    name: String,
    thawed: Receiver<()>,
    frames: Arc<Mutex<Vec<Frame>>>,
}

impl Inside {
    /// Answers until the reader goes away, or the card does.
    fn serve(mut self) -> std::io::Result<()> {
        loop {
            let frame = Frame::receive(&self.stream)?;
            if frame != Frame::AtrWanted {
                self.frames.lock().expect("no panic in the test").push(frame.clone());
            }
            let answer = match &frame {
                Frame::AtrWanted => Some(self.atr.to_vec()),
                Frame::Command(command) => match self.answer(command) {
                    Some(answer) => Some(answer),
                    None => return self.stream.shutdown(Shutdown::Both),
                },
                _ => None,
            };
            if let Some(answer) = answer {
                self.stream.write_all(&wire::encode(&answer))?;
            }
        }
    }

    /// What the card says to a command; `None` to vanish.
    fn answer(&self, command: &[u8]) -> Option<Vec<u8>> {
        Some(match command.get(1)? {
            0xa4 => vec![0x61, 0x0a],
            0xc0 => [format!("{:10}", self.name).as_bytes(), &[0x90, 0x00]].concat(),
            0xb0 => (0..=255).chain([0x90, 0x00]).collect(),
            0xfe => {
                self.thawed.recv().ok()?;
                vec![0x90, 0x00]
            }
            0xfd => return None,
            0xfc => vec![0x90],
            0xf2 => vec![0x90, 0x00],
            _ => vec![0x6d, 0x00],
        })
    }
}

/// Is a card in the given reader until that goes away, in a process that runs beside pcscd.
pub(crate) fn be_a_card(reader: u16, name: &str) {
    let (_thaw, thawed) = channel();
    let stream = connect(reader);
    let _ = Inside { stream, atr: T0, name: name.to_owned(), thawed, frames: Arc::default() }.serve();
}

/// Connects to a reader from inside the daemon's network.
fn connect(reader: u16) -> TcpStream {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, PORT + reader)) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < until, "no reader at port {}: {error}", PORT + reader),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
