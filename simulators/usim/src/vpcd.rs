//! The card in the reader of a real pcscd: client of vsmartcard's vpcd driver.
//!
//! The driver listens; the card connects to it. A frame is two octets of length, big-endian, and that many octets. Of
//! one octet it is a command to the reader's contacts (power off, power on, reset, "send the ATR"); of more it is a
//! command APDU. The ATR and response APDUs go back in the same form; contact commands have no answer. The driver asks
//! for the ATR a few times a second to see whether a card is there.

use crate::card::SimCard;
use ksnaf_proto::uicc::Card as _;
use socket2::SockRef;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a wait goes on before it looks at the shutdown flag.
const TICK: Duration = Duration::from_millis(100);
/// First pause before another attempt to connect; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// pcscd, restarted, is found again within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A frame that has begun must end within this time.
const FRAME_TIME: Duration = Duration::from_secs(5);

/// Why the card left the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The shutdown flag was set.
    Shutdown,
    /// A fault pulled the card, and nothing puts it back.
    Pulled,
}

/// Why the card never got to a reader.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VpcdError {
    /// The address names no host.
    #[error("vpcd address: {0}")]
    Address(#[source] io::Error),
    /// The address names a host without an address.
    #[error("vpcd address: no address")]
    NoAddress,
}

/// Puts the card into the reader at this address and serves it until `shutdown` is set. Blocks; connects again for as
/// long as it takes when the driver is not there (yet) or goes away.
///
/// # Errors
/// The address cannot be resolved. A driver that does not answer is no error but a reason to wait.
pub fn run(
    address: impl ToSocketAddrs,
    card: &mut SimCard,
    shutdown: &AtomicBool,
) -> Result<Ended, VpcdError> {
    let addresses: Vec<SocketAddr> = address.to_socket_addrs().map_err(VpcdError::Address)?.collect();
    if addresses.is_empty() {
        return Err(VpcdError::NoAddress);
    }
    let mut pause = FIRST_PAUSE;
    while !shutdown.load(Ordering::Relaxed) {
        match connect(&addresses) {
            Ok(stream) => {
                tracing::info!(?addresses, "card inserted");
                let served = serve(stream, card, shutdown);
                match &served {
                    Ok(()) => tracing::info!("card removed"),
                    Err(error) => tracing::warn!(%error, "reader lost"),
                }
                pause = FIRST_PAUSE;
            }
            Err(error) => tracing::debug!(%error, ?pause, "no reader there"),
        }
        if !card.is_inserted() {
            let Some(out) = card.faults_mut().reinsert_after else { return Ok(Ended::Pulled) };
            wait(out, shutdown);
            card.insert();
        } else {
            wait(pause, shutdown);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
    Ok(Ended::Shutdown)
}

fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match TcpStream::connect_timeout(address, LONGEST_PAUSE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(TICK))?;
                stream.set_write_timeout(Some(FRAME_TIME))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Serves one connection until shutdown, or until a fault pulls the card.
fn serve(mut stream: TcpStream, card: &mut SimCard, shutdown: &AtomicBool) -> io::Result<()> {
    card.reset();
    while let Some(frame) = read_frame(&mut stream, shutdown)? {
        match frame.as_slice() {
            // Power off, power on, reset: each leaves a card that has been reset.
            [0x00..=0x02] => card.reset(),
            [0x04] => write_frame(&mut stream, &card.atr())?,
            // A contact command that the driver does not have today: no answer, as to the others.
            [] | [_] => tracing::debug!("unknown frame of the reader"),
            command => match card.transmit(command) {
                Ok(response) => write_frame(&mut stream, &response)?,
                // Gone with the connection: so a reader sees a card leave.
                Err(_) => return Ok(()),
            },
        }
    }
    Ok(())
}

/// One frame; `None` at shutdown.
fn read_frame(stream: &mut TcpStream, shutdown: &AtomicBool) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if !fill(stream, &mut length, shutdown, None)? {
        return Ok(None);
    }
    let mut frame = vec![0; usize::from(u16::from_be_bytes(length))];
    let deadline = Instant::now() + FRAME_TIME;
    Ok(fill(stream, &mut frame, shutdown, Some(deadline))?.then_some(frame))
}

/// Fills the buffer; `false` if shutdown came first.
fn fill(
    stream: &mut TcpStream,
    mut buffer: &mut [u8],
    shutdown: &AtomicBool,
    deadline: Option<Instant>,
) -> io::Result<bool> {
    while !buffer.is_empty() {
        if shutdown.load(Ordering::Relaxed) {
            return Ok(false);
        }
        // The driver writes length and octets apart and waits for our ACK between them: a delayed one costs 40 ms a
        // command. The kernel forgets the option, so it is set before each read.
        SockRef::from(&*stream).set_tcp_quickack(true)?;
        match stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => buffer = buffer.get_mut(read..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Length and octets in one write, so that the driver reads them together.
fn write_frame(stream: &mut TcpStream, octets: &[u8]) -> io::Result<()> {
    let length = u16::try_from(octets.len()).map_err(|_| ErrorKind::InvalidData)?;
    stream.write_all(&[&length.to_be_bytes()[..], octets].concat())
}

fn wait(time: Duration, shutdown: &AtomicBool) {
    let end = Instant::now() + time;
    while !shutdown.load(Ordering::Relaxed) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(TICK));
    }
}
