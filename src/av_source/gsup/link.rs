//! The connection to an HLR, as a task: connects, shakes hands, sends and reads, and begins again when it is lost.

use super::waiting::Waiting;
use crate::av_source::failure::Failure;
use crate::config::PeerAddress;
use ksnaf_proto::zh::gsup::{AuthInfo, Connection, Event, SendAuthInfo};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// An HLR from which nothing came for so long is asked whether it is there.
const PING: Duration = Duration::from_secs(10);

/// The pause before an attempt to connect doubles from the first to the second. Requests wait for the attempt, so the
/// longest is well below what a UE waits for.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A question, and where its answer goes.
pub(super) struct Ask {
    pub(super) request: SendAuthInfo,
    pub(super) reply: oneshot::Sender<Result<AuthInfo, Failure>>,
}

/// See the module.
pub(super) struct Link {
    pub(super) peer: PeerAddress,
    pub(super) name: String,
    pub(super) bound: Duration,
    pub(super) asks: mpsc::Receiver<Ask>,
}

/// The task is to end: nobody can ask any more.
struct Ended;

impl Link {
    /// Until nobody can ask any more.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSES.0;
        let mut told = false;
        loop {
            let mut waiting = Waiting::default();
            let reason = match self.connect().await {
                Err(reason) => reason,
                Ok((stream, connection)) => {
                    tracing::info!(peer = %self.peer, "connected to the HLR");
                    let began = Instant::now();
                    let reason = match self.serve(stream, connection, &mut waiting).await {
                        Ok(reason) => reason,
                        Err(Ended) => return,
                    };
                    // An HLR that shakes hands and hangs up gets its pauses too.
                    if began.elapsed() > PAUSES.1 {
                        (pause, told) = (PAUSES.0, false);
                    }
                    reason
                }
            };
            // One line when it goes, not one for each attempt.
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(peer = %self.peer, reason, "no connection to the HLR");
            }
            waiting.fail(&reason);
            while let Ok(ask) = self.asks.try_recv() {
                let _ = ask.reply.send(Err(Failure::Link(reason.clone())));
            }
            if self.asks.is_closed() {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// TCP, and the handshake.
    async fn connect(&self) -> Result<(TcpStream, Connection), String> {
        let connect = async {
            let PeerAddress { host, port } = &self.peer;
            let mut stream =
                TcpStream::connect((host.as_str(), *port)).await.map_err(|error| error.to_string())?;
            let _ = stream.set_nodelay(true);
            let mut connection = Connection::new(&self.name);
            let mut buffer = vec![0; 4096];
            while !connection.is_ready() {
                let count = stream.read(&mut buffer).await.map_err(|error| error.to_string())?;
                let octets = buffer.get(..count).filter(|octets| !octets.is_empty());
                let octets = octets.ok_or("closed by the HLR in the handshake")?;
                connection.receive(octets).map_err(|error| error.to_string())?;
                self.send(&mut stream, &mut connection).await?;
            }
            Ok((stream, connection))
        };
        let late = |_| Err("no connection, or no handshake, in time".to_owned());
        tokio::time::timeout(self.bound, connect).await.unwrap_or_else(late)
    }

    /// Until the connection is lost: why it was.
    async fn serve(
        &mut self,
        mut stream: TcpStream,
        mut connection: Connection,
        waiting: &mut Waiting,
    ) -> Result<String, Ended> {
        let mut buffer = zeroize::Zeroizing::new(vec![0; 16 * 1024]);
        let mut heard = Instant::now();
        let mut pinged = false;
        loop {
            let quiet_until = heard + if pinged { PING + self.bound } else { PING };
            tokio::select! {
                asked = self.asks.recv() => {
                    let Some(ask) = asked else { return Err(Ended) };
                    if ask.reply.is_closed() {
                        continue;
                    }
                    connection.request(&ask.request);
                    waiting.add(ask, Instant::now());
                }
                read = stream.read(&mut buffer) => {
                    let octets = match read {
                        Ok(0) => return Ok("closed by the HLR".to_owned()),
                        Ok(count) => buffer.get(..count).unwrap_or_default(),
                        Err(error) => return Ok(error.to_string()),
                    };
                    (heard, pinged) = (Instant::now(), false);
                    if let Err(error) = connection.receive(octets) {
                        return Ok(error.to_string());
                    }
                    while let Some(event) = connection.poll_event() {
                        self.note(event, waiting);
                    }
                }
                () = tokio::time::sleep_until(quiet_until.into()) => {
                    if pinged {
                        return Ok("no answer to a ping".to_owned());
                    }
                    waiting.sweep(Instant::now());
                    connection.ping();
                    pinged = true;
                }
            }
            if let Err(reason) = self.send(&mut stream, &mut connection).await {
                return Ok(reason);
            }
        }
    }

    fn note(&self, event: Event, waiting: &mut Waiting) {
        match event {
            Event::Answer(answer) => waiting.answered(answer, Instant::now()),
            // Whom it is about cannot be read, so its request runs out of time, if there is one.
            Event::Malformed(error) if waiting.is_wanted() => {
                tracing::warn!(peer = %self.peer, %error, "an answer that cannot be read");
            }
            other => tracing::debug!(peer = %self.peer, event = ?kind(&other), "from the HLR"),
        }
    }

    /// An HLR that takes nothing for so long is as good as gone.
    async fn send(&self, stream: &mut TcpStream, connection: &mut Connection) -> Result<(), String> {
        while let Some(octets) = connection.poll_transmit() {
            let written = tokio::time::timeout(self.bound, stream.write_all(octets.danger_expose())).await;
            let written = written.map_err(|_| "the HLR takes nothing".to_owned())?;
            written.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// What happened, without what an answer holds.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Ready => "ready",
        Event::Pong => "pong",
        Event::Malformed(_) => "malformed",
        Event::Other(_) => "another message",
        _ => "event",
    }
}
