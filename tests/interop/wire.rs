//! What goes between a virtual reader and the card in it, and how to get to where it goes.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::path::Path;

/// What the reader sent to the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    PowerOff,
    PowerOn,
    Reset,
    /// The question for the answer to reset: it is how vpcd polls.
    AtrWanted,
    Command(Vec<u8>),
}

impl Frame {
    /// The next frame; an error when the reader is gone.
    pub(crate) fn receive(stream: &TcpStream) -> std::io::Result<Self> {
        let mut length = [0; 2];
        read_exact(stream, &mut length)?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes(length))];
        read_exact(stream, &mut payload)?;
        Ok(match payload.as_slice() {
            [0] => Self::PowerOff,
            [1] => Self::PowerOn,
            [2] => Self::Reset,
            [4] => Self::AtrWanted,
            _ => Self::Command(payload),
        })
    }

    /// As it travels.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::PowerOff => encode(&[0]),
            Self::PowerOn => encode(&[1]),
            Self::Reset => encode(&[2]),
            Self::AtrWanted => encode(&[4]),
            Self::Command(octets) => encode(octets),
        }
    }
}

/// With its length before it.
pub(crate) fn encode(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[..], payload].concat()
}

/// The commands among frames.
pub(crate) fn commands(frames: Vec<Frame>) -> Vec<Vec<u8>> {
    let commands = frames.into_iter().filter_map(|frame| match frame {
        Frame::Command(octets) => Some(octets),
        _ => None,
    });
    commands.collect()
}

/// Takes this thread to where the daemon's ports are.
pub(crate) fn enter(network: &Path) {
    let namespace = File::open(network).expect("the daemon's network");
    let network = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(namespace.as_fd(), network).expect("root may enter it");
}

/// vpcd sends a length and then a payload. Unless each is acknowledged at once, the second waits 40 ms.
fn read_exact(mut stream: &TcpStream, mut rest: &mut [u8]) -> std::io::Result<()> {
    while !rest.is_empty() {
        socket2::SockRef::from(stream).set_tcp_quickack(true)?;
        match stream.read(rest)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => rest = rest.split_at_mut(read).1,
        }
    }
    Ok(())
}
