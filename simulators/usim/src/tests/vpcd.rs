//! The reader's driver, played by a socket.

use super::*;
use crate::vpcd::{Ended, VpcdError, run};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

struct Plugged {
    shutdown: Arc<AtomicBool>,
    thread: JoinHandle<Result<Ended, VpcdError>>,
}

impl Plugged {
    fn new(mut card: SimCard, address: SocketAddr) -> Self {
        let shutdown = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&shutdown);
        let thread = std::thread::spawn(move || run(address, &mut card, &flag));
        Self { shutdown, thread }
    }

    fn end(self) -> Ended {
        self.shutdown.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap()
    }
}

/// The driver's end: length and octets apart, as vpcd writes them.
struct Reader(TcpStream);

impl Reader {
    fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(stream)
    }

    fn send(&mut self, octets: &[u8]) {
        self.0.write_all(&u16::try_from(octets.len()).unwrap().to_be_bytes()).unwrap();
        self.0.write_all(octets).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length).unwrap();
        let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut octets).unwrap();
        octets
    }

    fn ask(&mut self, octets: &[u8]) -> Vec<u8> {
        self.send(octets);
        self.receive()
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn the_driver_gets_atr_and_answers_and_a_reset_resets() {
    let (listener, address) = listener();
    let plugged = Plugged::new(card(), address);
    let mut reader = Reader::accept(&listener);
    reader.send(&[0x01]);
    assert_eq!(reader.ask(&[0x04]), card().atr());
    assert_eq!(reader.ask(&hex!("00 a4 00 0c 02 2fe2")), hex!("9000"));
    assert_eq!(reader.ask(&hex!("00 b0 00 00 0a")).len(), 12);
    for contact in [0x02, 0x00, 0x01] {
        assert_eq!(reader.ask(&hex!("00 a4 00 0c 02 2fe2")), hex!("9000"));
        reader.send(&[contact]);
        assert_eq!(reader.ask(&hex!("00 b0 00 00 0a")), hex!("6986"));
    }
    assert_eq!(plugged.end(), Ended::Shutdown);
}

#[test]
fn a_command_does_not_wait_for_a_delayed_acknowledgement() {
    let (listener, address) = listener();
    let plugged = Plugged::new(card(), address);
    let mut reader = Reader::accept(&listener);
    let start = Instant::now();
    for _ in 0..50 {
        reader.ask(&hex!("00 a4 00 0c 02 2fe2"));
    }
    // A delayed ACK costs 40 ms a command, so 2 s in all.
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    plugged.end();
}

#[test]
fn a_driver_that_comes_back_finds_the_card_again() {
    let (listener, address) = listener();
    let plugged = Plugged::new(card(), address);
    let mut reader = Reader::accept(&listener);
    assert_eq!(reader.ask(&hex!("00 a4 00 0c 02 2fe2")), hex!("9000"));
    drop(reader);
    let mut reader = Reader::accept(&listener);
    assert_eq!(reader.ask(&hex!("00 b0 00 00 0a")), hex!("6986"), "put in anew");
    assert_eq!(plugged.end(), Ended::Shutdown);
}

#[test]
fn a_pulled_card_hangs_up() {
    let (listener, address) = listener();
    let plugged = Plugged::new(card().with_faults("pull-after=1".parse().unwrap()), address);
    let mut reader = Reader::accept(&listener);
    assert_eq!(reader.ask(&hex!("00 a4 00 0c 02 2fe2")), hex!("9000"));
    reader.send(&hex!("00 b0 00 00 0a"));
    assert_eq!(reader.0.read(&mut [0]).unwrap(), 0);
    assert_eq!(plugged.thread.join().unwrap().unwrap(), Ended::Pulled);

    let plugged = Plugged::new(card().with_faults("pull-after=0,reinsert=50".parse().unwrap()), address);
    let mut reader = Reader::accept(&listener);
    reader.send(&hex!("00 b0 00 00 0a"));
    assert_eq!(reader.0.read(&mut [0]).unwrap(), 0);
    let mut reader = Reader::accept(&listener);
    assert_eq!(reader.ask(&[0x04]), card().atr());
    plugged.end();
}

#[test]
fn shutdown_ends_a_wait_for_a_driver_that_is_not_there() {
    let (listener, address) = listener();
    drop(listener);
    let plugged = Plugged::new(card(), address);
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    assert_eq!(plugged.end(), Ended::Shutdown);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn an_address_that_is_none_is_an_error() {
    let shutdown = AtomicBool::new(false);
    assert!(matches!(run("no such host:1", &mut card(), &shutdown), Err(VpcdError::Address(_))));
    assert!(matches!(run(&[][..], &mut card(), &shutdown), Err(VpcdError::NoAddress)));
}
