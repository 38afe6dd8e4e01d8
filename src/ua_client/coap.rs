//! CoAP on the device side: datagrams in on loopback, out over DTLS 1.2 with the pre-shared key, and back. They pass as they
//! are, so tokens, blocks and observations are between the two ends.

use super::credential::Credentials;
use crate::config::PskIdentityForm;
use crate::credential::Credential;
use crate::naf::dtls_library::{self, PIECE, Progress};
use dimpl::crypto::rust_crypto;
use dimpl::{Config, Dtls, PskResolver};
use ksnaf_proto::gba::{CipherSuite, UaSecurityProtocolId};
use ksnaf_proto::ua::TlsPskCredential;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The one use of a key on CoAP: TS-0003 clause 10.2.2 demands the suite, and the DTLS library has no other.
const UA: UaSecurityProtocolId = UaSecurityProtocolId::tls(CipherSuite::PSK_AES_128_CCM_8);

/// Octets of a datagram.
const MAX_DATAGRAM: usize = 65_535;

/// Datagrams of one client that wait, as for a handshake; more are lost, and CoAP sends again.
const QUEUE: usize = 32;

/// After a failed receive the listener rests this long.
const PAUSE: Duration = Duration::from_millis(50);

/// What all clients share.
pub(super) struct Coap {
    pub(super) socket: UdpSocket,
    /// `host:port` of the target's DTLS.
    pub(super) target: String,
    pub(super) credentials: Credentials,
    pub(super) form: PskIdentityForm,
    pub(super) most: usize,
    pub(super) connect_bound: Duration,
    /// A client that is silent for so long has gone: UDP says no goodbye.
    pub(super) idle: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum NoDtls {
    #[error("no key from the card: {0}")]
    Key(#[from] crate::ue::UeError),
    #[error("the target cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("{0}")]
    Dtls(#[from] dimpl::Error),
    #[error("the target does not answer")]
    Silent,
    #[error("the target does not take the key")]
    Refused,
}

/// A connection with the target.
struct Line {
    dtls: Dtls,
    socket: UdpSocket,
    wake: Instant,
    credential: Arc<Credential>,
}

/// Takes datagrams until the shutdown; clients run on the tracker.
pub(super) async fn serve(coap: Arc<Coap>, shutdown: CancellationToken, tracker: TaskTracker) {
    let mut clients: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let received = tokio::select! {
            () = shutdown.cancelled() => return,
            received = coap.socket.recv_from(&mut buffer) => received,
        };
        let Ok((length, from)) = received else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let datagram = buffer.get(..length).unwrap_or_default().to_vec();
        clients.retain(|_, inbox| !inbox.is_closed());
        if let Some(inbox) = clients.get(&from) {
            let _ = inbox.try_send(datagram);
            continue;
        }
        if clients.len() >= coap.most {
            tracing::debug!("too many CoAP clients");
            continue;
        }
        let (inbox, outbox) = mpsc::channel(QUEUE);
        let _ = inbox.try_send(datagram);
        clients.insert(from, inbox);
        let (coap, shutdown) = (Arc::clone(&coap), shutdown.clone());
        tracker.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = coap.client(from, outbox) => {}
            }
        });
    }
}

impl Coap {
    /// One client, until it falls silent.
    async fn client(&self, from: SocketAddr, mut outbox: mpsc::Receiver<Vec<u8>>) {
        let mut line: Option<Line> = None;
        let mut heard = Instant::now();
        let mut buffer = vec![0; PIECE];
        loop {
            let overdue = heard + self.idle;
            let Some(open) = line.as_mut() else {
                let Ok(Some(datagram)) = tokio::time::timeout_at(overdue.into(), outbox.recv()).await else {
                    return;
                };
                heard = Instant::now();
                line = self.open_for(&datagram).await;
                continue;
            };
            let progress = open.flush().await;
            for answer in progress.data {
                heard = Instant::now();
                let _ = self.socket.send_to(&answer, from).await;
            }
            if progress.closed {
                // Its key has ended there: the next datagram begins with another handshake.
                line = None;
                continue;
            }
            let lost = tokio::select! {
                datagram = outbox.recv() => {
                    let Some(datagram) = datagram else { return };
                    heard = Instant::now();
                    if self.is_current(open).await {
                        open.send(&datagram)
                    } else {
                        open.leave().await;
                        line = self.open_for(&datagram).await;
                        continue;
                    }
                }
                received = open.socket.recv(&mut buffer) => match received {
                    Ok(length) => open.hear(buffer.get(..length).unwrap_or_default()),
                    Err(_) => Ok(()),
                },
                () = tokio::time::sleep_until(open.wake.min(overdue).into()) => {
                    if Instant::now() >= overdue {
                        open.leave().await;
                        return;
                    }
                    open.dtls.handle_timeout(Instant::now())
                }
            };
            if let Err(error) = lost {
                tracing::debug!(%error, "a DTLS connection ended early");
                line = None;
            }
        }
    }

    /// A connection with this datagram on its way. Without one the datagram is lost, and CoAP sends it again.
    async fn open_for(&self, datagram: &[u8]) -> Option<Line> {
        let opened = async {
            match self.open().await {
                // The target may have forgotten the bootstrap: another one, and once more.
                Err((NoDtls::Refused, Some(credential))) => {
                    self.credentials.renew(&credential.b_tid).await.map_err(NoDtls::from)?;
                    self.open().await.map_err(|(reason, _)| reason)
                }
                opened => opened.map_err(|(reason, _)| reason),
            }
        };
        let opened: Result<Line, NoDtls> = opened.await;
        let mut line = match opened {
            Ok(line) => line,
            Err(reason) => {
                tracing::warn!(%reason, "a CoAP request found no way to the target");
                return None;
            }
        };
        line.send(datagram).ok()?;
        Some(line)
    }

    async fn open(&self) -> Result<Line, (NoDtls, Option<Arc<Credential>>)> {
        let credential = self.credentials.of(UA).await.map_err(|error| (error.into(), None))?;
        let kept = Arc::clone(&credential);
        let shaken = tokio::time::timeout(self.connect_bound, self.handshake(credential)).await;
        shaken.unwrap_or(Err(NoDtls::Silent)).map_err(|reason| (reason, Some(kept)))
    }

    async fn handshake(&self, credential: Arc<Credential>) -> Result<Line, NoDtls> {
        let identity = match self.form {
            PskIdentityForm::Bare => credential.b_tid.to_string(),
            PskIdentityForm::Prefixed => {
                TlsPskCredential::new(&credential.b_tid, &credential.key).identity.to_string()
            }
        };
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        socket.connect(&self.target).await?;
        let config = Config::builder()
            .with_crypto_provider(rust_crypto::default_provider())
            .with_psk_client(identity.into_bytes(), Arc::new(Key(Arc::clone(&credential))))
            .build()?;
        let mut dtls = Dtls::new_12_psk(Arc::new(config), Instant::now());
        dtls.set_active(true);
        dtls.handle_timeout(Instant::now())?;
        let mut line = Line { dtls, socket, wake: Instant::now(), credential };
        let mut buffer = vec![0; PIECE];
        loop {
            let progress = line.flush().await;
            if progress.connected {
                return Ok(line);
            }
            if progress.closed {
                return Err(NoDtls::Refused);
            }
            tokio::select! {
                received = line.socket.recv(&mut buffer) => {
                    let length = received?;
                    // An alert is the target's no.
                    line.hear(buffer.get(..length).unwrap_or_default()).map_err(|_| NoDtls::Refused)?;
                }
                () = tokio::time::sleep_until(line.wake.into()) => {
                    line.dtls.handle_timeout(Instant::now()).map_err(|_| NoDtls::Silent)?;
                }
            }
        }
    }

    /// Whether the connection's key is the one at hand.
    async fn is_current(&self, line: &Line) -> bool {
        let current = self.credentials.of(UA).await;
        // Where there is no other, the one that is open serves to its end.
        current.map_or(true, |current| current.b_tid == line.credential.b_tid)
    }
}

impl Line {
    fn send(&mut self, datagram: &[u8]) -> Result<(), dimpl::Error> {
        self.dtls.handle_timeout(Instant::now())?;
        self.dtls.send_application_data(datagram).map(drop)
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<(), dimpl::Error> {
        self.dtls.handle_timeout(Instant::now())?;
        self.dtls.handle_packet(datagram)
    }

    /// Does what the library wants done.
    async fn flush(&mut self) -> Progress {
        let progress = dtls_library::progress(&mut self.dtls);
        self.wake = progress.wake;
        for packet in &progress.packets {
            let _ = self.socket.send(packet).await;
        }
        progress
    }

    async fn leave(&mut self) {
        if self.dtls.close().is_ok() {
            self.flush().await;
        }
    }
}

/// The one key of one handshake.
struct Key(Arc<Credential>);

impl PskResolver for Key {
    fn resolve(&self, _: &[u8]) -> Option<Vec<u8>> {
        Some(self.0.key.danger_expose().to_vec())
    }
}
