//! The wire between a virtual reader and the card in it, listened to.

use crate::pcscd::{PORT, Pcscd};
use crate::wire::{Frame, enter};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Stands in for one reader's port in the daemon's network: a card connects here, and only then is it in the reader.
pub(crate) struct Tap {
    address: SocketAddr,
    frames: Arc<Mutex<Vec<Frame>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Listens in front of reader 0 or 1.
    pub(crate) fn of(pcscd: &Pcscd, reader: u16) -> Self {
        let network = pcscd.network();
        let (frames, ended) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (seen, stop) = (Arc::clone(&frames), Arc::clone(&ended));
        let (bound, address) = channel();
        let thread = std::thread::spawn(move || {
            enter(&network);
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            listener.set_nonblocking(true).expect("a socket");
            bound.send(listener.local_addr().expect("an address")).expect("the test waits");
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((card, _)) => relay(card, reader, &seen),
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { address: address.recv().expect("it listens"), frames, ended, thread: Some(thread) }
    }

    /// Where a card connects to.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that the reader sent since the last call, but for its questions for the answer to reset.
    pub(crate) fn take(&self) -> Vec<Frame> {
        std::mem::take(&mut self.frames.lock().expect("no panic in the tap"))
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves one card until either side goes away.
fn relay(card: TcpStream, reader: u16, frames: &Mutex<Vec<Frame>>) {
    let Ok(reader) = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT + reader)) else { return };
    for stream in [&card, &reader] {
        stream.set_nonblocking(false).and_then(|()| stream.set_nodelay(true)).expect("a socket");
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = (&card).read(&mut buffer) {
                if (&reader).write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            close(&card, &reader);
        });
        let _ = watch(&reader, &card, frames);
        close(&card, &reader);
    });
}

/// Carries the reader's frames to the card.
fn watch(reader: &TcpStream, card: &TcpStream, frames: &Mutex<Vec<Frame>>) -> std::io::Result<()> {
    loop {
        let frame = Frame::receive(reader)?;
        let encoded = frame.encode();
        if frame != Frame::AtrWanted {
            frames.lock().expect("no panic in the test").push(frame);
        }
        (&mut &*card).write_all(&encoded)?;
    }
}

fn close(card: &TcpStream, reader: &TcpStream) {
    for stream in [card, reader] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}
