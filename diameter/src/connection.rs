//! One connection: octets to the owner, octets from the owner, a bounded end.

use crate::owner::Command;
use ksnaf_proto::diameter::DiameterIdentity;
use ksnaf_proto::diameter::node::ConnectionId;
use ksnaf_proto::secret::SecretBytes;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

/// Octets read at once.
const CHUNK: usize = 16 * 1024;

/// Messages that wait to be written. More than a node's own limits let it have in hand for one peer, so that only a
/// peer that does not read gets there.
const MAX_QUEUED: usize = 4096;

/// Octets that wait to be written.
const MAX_QUEUED_OCTETS: usize = 8 * 1024 * 1024;

/// How long one message may take to be written.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection that is closed may take for what was to be sent, and for the other end to close too: a socket
/// that is dropped with octets unread resets the connection, and the last message may never be read.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that is open, TLS included.
pub(crate) struct Socket {
    stream: Box<dyn Stream>,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) certificate_names: Vec<String>,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Socket {
    pub(crate) fn new(
        stream: impl Stream + 'static,
        address: Option<SocketAddr>,
        certificate_names: Vec<String>,
    ) -> Self {
        Self { stream: Box::new(stream), address, certificate_names }
    }

    /// The names that its certificate proves; `None` where it proves none.
    pub(crate) fn proven(&self) -> Option<Vec<DiameterIdentity>> {
        let names = &self.certificate_names;
        let identities = names.iter().filter_map(|name| DiameterIdentity::parse(name).ok()).collect();
        (!names.is_empty()).then_some(identities)
    }
}

/// The owner's end of a connection. Dropped, it closes the connection once what was to be sent is sent.
pub(crate) struct Link {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) certificate_names: Vec<String>,
    queue: mpsc::Sender<SecretBytes>,
    queued: Arc<AtomicUsize>,
    cut: CancellationToken,
    _closes: DropGuard,
}

/// The peer does not read.
pub(crate) struct Stalled;

impl Link {
    /// Begins to read and write.
    pub(crate) fn open(
        connection: ConnectionId,
        socket: Socket,
        commands: mpsc::Sender<Command>,
        tasks: &TaskTracker,
        cut: &CancellationToken,
    ) -> Self {
        let Socket { stream, address, certificate_names } = socket;
        let (queue, outbound) = mpsc::channel(MAX_QUEUED);
        let queued = Arc::new(AtomicUsize::new(0));
        let (cut, closed) = (cut.child_token(), CancellationToken::new());
        let running = Running { connection, stream, outbound, queued: Arc::clone(&queued), commands };
        let (cutting, closing) = (cut.clone(), closed.clone());
        tasks.spawn(async move {
            let late = async {
                closing.cancelled().await;
                tokio::time::sleep(CLOSE_PATIENCE).await;
            };
            tokio::select! {
                () = cutting.cancelled() => {}
                () = late => {}
                () = running.run() => {}
            }
        });
        Self { address, certificate_names, queue, queued, cut, _closes: closed.drop_guard() }
    }

    /// Has octets sent. A peer that does not read them is cut off.
    pub(crate) fn send(&self, octets: SecretBytes) -> Result<(), Stalled> {
        let length = octets.len();
        let waiting = self.queued.fetch_add(length, Ordering::Relaxed);
        if waiting > 0 && waiting.saturating_add(length) > MAX_QUEUED_OCTETS
            || matches!(self.queue.try_send(octets), Err(mpsc::error::TrySendError::Full(_)))
        {
            self.cut.cancel();
            return Err(Stalled);
        }
        Ok(())
    }
}

struct Running {
    connection: ConnectionId,
    stream: Box<dyn Stream>,
    outbound: mpsc::Receiver<SecretBytes>,
    queued: Arc<AtomicUsize>,
    commands: mpsc::Sender<Command>,
}

impl Running {
    async fn run(self) {
        let Self { connection, stream, outbound, queued, commands } = self;
        let (mut reading, writing) = tokio::io::split(stream);
        let closed_by_owner = tokio::select! {
            () = read(connection, &mut reading, &commands) => false,
            written = write(writing, outbound, &queued) => written.is_ok(),
        };
        if closed_by_owner {
            let mut rest = Zeroizing::new(vec![0; CHUNK]);
            while reading.read(&mut rest).await.is_ok_and(|length| length > 0) {}
        } else {
            let _ = commands.send(Command::Disconnected(connection)).await;
        }
    }
}

/// Reads to the end, no further than the owner keeps up: of each connection it has one chunk at a time, so that one that
/// never stops costs the others the time for that.
async fn read(
    connection: ConnectionId,
    stream: &mut (impl AsyncRead + Unpin),
    commands: &mpsc::Sender<Command>,
) {
    let turns = Arc::new(Semaphore::new(1));
    let mut chunk = Zeroizing::new(vec![0; CHUNK]);
    while let Ok(length) = stream.read(&mut chunk).await {
        let octets = chunk.get(..length).filter(|octets| !octets.is_empty()).map(SecretBytes::from);
        let Some(octets) = octets else { return };
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
        if commands.send(Command::Received(connection, octets, turn)).await.is_err() {
            return;
        }
    }
}

/// Writes until the owner closes the connection.
async fn write(
    mut stream: impl AsyncWrite + Unpin,
    mut outbound: mpsc::Receiver<SecretBytes>,
    queued: &AtomicUsize,
) -> io::Result<()> {
    while let Some(octets) = outbound.recv().await {
        let written = async {
            stream.write_all(octets.danger_expose()).await?;
            stream.flush().await
        };
        tokio::time::timeout(WRITE_PATIENCE, written).await.map_err(io::Error::other)??;
        queued.fetch_sub(octets.len(), Ordering::Relaxed);
    }
    stream.shutdown().await
}
