//! What spoils answers below Diameter: a relay between the peers and the node, which knows where a message ends.

use ksnaf_proto::diameter::{CommandCode, DEFAULT_MESSAGE_LIMIT, Message, MessageReader};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What becomes of an answer of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoil {
    /// Other octets come in its place.
    Garbage,
    /// Its first half comes, then the end of the connection.
    Truncate,
}

/// After a failed accept (no file descriptors left) the listener rests this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What comes in an answer's place: no version 1, and a length that no message has.
const NO_DIAMETER: &[u8] = b"\xff\xff\xff\xffthis is no answer of Diameter at all";

/// Relays connections to the node until the token is cancelled.
pub(crate) async fn relay(
    listener: TcpListener,
    node: SocketAddr,
    spoil: Spoil,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let peer = match accepted {
            Ok((peer, _)) => peer,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let stop = stop.clone();
        tasks.spawn(async move {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = connection(peer, node, spoil) => ended,
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "relayed connection ended");
            }
        });
    }
}

/// Ends when either side does.
async fn connection(peer: TcpStream, node: SocketAddr, spoil: Spoil) -> io::Result<()> {
    let node = TcpStream::connect(node).await?;
    let (mut from_peer, to_peer) = peer.into_split();
    let (from_node, mut to_node) = node.into_split();
    tokio::select! {
        copied = tokio::io::copy(&mut from_peer, &mut to_node) => copied.map(|_| ()),
        spoilt = answers(from_node, to_peer, spoil) => spoilt,
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, spoil: Spoil) -> io::Result<()> {
    let mut messages = MessageReader::new(DEFAULT_MESSAGE_LIMIT);
    let mut octets = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut octets).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        messages.push(octets.get(..count).unwrap_or_default());
        while let Some(message) = messages.next_message() {
            let message = message.map_err(|_| io::Error::other("the node wrote what is no Diameter"))?;
            let whole = message.encode().map_err(io::Error::other)?;
            let whole = whole.danger_expose();
            match spoil {
                _ if !is_answer(&message) => to.write_all(whole).await?,
                Spoil::Garbage => to.write_all(NO_DIAMETER).await?,
                Spoil::Truncate => {
                    to.write_all(whole.get(..whole.len() / 2).unwrap_or_default()).await?;
                    return to.shutdown().await;
                }
            }
        }
    }
}

/// What is the base protocol's goes through, or there would be no peer to answer.
fn is_answer(message: &Message) -> bool {
    !message.is_request() && message.header.command == CommandCode::MULTIMEDIA_AUTH
}
