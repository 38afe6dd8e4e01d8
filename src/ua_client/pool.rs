//! Connections to the target, reused as long as their key is the one at hand.

use super::Body;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use ksnaf_proto::gba::{BTid, UaSecurityProtocolId};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One connection.
pub(super) struct Line {
    pub(super) sender: SendRequest<Body>,
    /// The use of the keys inside it.
    pub(super) ua: UaSecurityProtocolId,
    /// The bootstrap whose key opened it; none where Digest is spoken inside.
    pub(super) opened_with: Option<BTid>,
    used: Instant,
    _slot: OwnedSemaphorePermit,
}

/// All connections.
pub(super) struct Pool {
    idle: Mutex<Vec<Line>>,
    slots: Arc<Semaphore>,
    rest: Duration,
}

impl Pool {
    pub(super) fn new(connections: usize, rest: Duration) -> Self {
        let slots = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { idle: Mutex::default(), slots, rest }
    }

    /// A connection that waits for a request and was opened with this bootstrap's key. Others that are of no more use are
    /// let go: what is under way on them comes to its end.
    pub(super) fn take(&self, b_tid: Option<&BTid>) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|line| {
            !line.sender.is_closed() && line.opened_with.as_ref() == b_tid && line.used.elapsed() < self.rest
        });
        let ready = idle.iter().position(|line| line.sender.is_ready())?;
        Some(idle.swap_remove(ready))
    }

    /// Gives a connection back; it is not ready before its answer has been read.
    pub(super) fn put(&self, mut line: Line) {
        line.used = Instant::now();
        if !line.sender.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    /// Leave to open another; none when there are too many.
    pub(super) fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// HTTP/1.1 on a stream.
    pub(super) async fn begin(
        stream: Box<dyn super::way::Stream>,
        ua: UaSecurityProtocolId,
        opened_with: Option<BTid>,
        slot: OwnedSemaphorePermit,
    ) -> hyper::Result<Line> {
        let (sender, connection) = Builder::new().handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        Ok(Line { sender, ua, opened_with, used: Instant::now(), _slot: slot })
    }
}
