//! DTLS 1.2 with pre-shared keys, and CoAP inside (TS-0003 clause 10.2.2): datagrams find their client's task, and a task is
//! there only for who has brought a cookie back, so who sends from addresses of others gets nothing kept.

use super::dtls_library;
use super::dtls_session::{DtlsError, Session};
use super::proxy::{Proxy, Tasks};
use super::serve::{Bounds, Handshakes};
use dimpl::Config;
use ksnaf_proto::ua::dtls::{COOKIE, CookieKey, DatagramHello, hello_verify_request};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Octets of a datagram.
const MAX_DATAGRAM: usize = 65_535;

/// Datagrams of one client that wait for its task.
const QUEUE: usize = 32;

/// After a failed receive the listener rests this long.
const PAUSE: Duration = Duration::from_millis(50);

/// What a DTLS listener is about.
#[derive(Clone)]
pub(super) struct DtlsListener {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) upstream: SocketAddr,
    pub(super) bounds: Bounds,
    /// A client that is silent for so long has gone: UDP says no goodbye.
    pub(super) idle: Duration,
    pub(super) proxy: Arc<Proxy>,
    pub(super) config: Arc<Config>,
    cookies: CookieKey,
    handshakes: Arc<Handshakes>,
    clients: Arc<Clients>,
}

/// A client's first datagram that is worth a task.
pub(super) struct Proved {
    pub(super) hello: Vec<u8>,
    pub(super) predecessors: Vec<Vec<u8>>,
    pub(super) cookie: [u8; COOKIE],
}

#[derive(Default)]
struct Clients {
    known: Mutex<HashMap<SocketAddr, Client>>,
    begun: AtomicU64,
}

struct Client {
    number: u64,
    random: [u8; 32],
    inbox: mpsc::Sender<Vec<u8>>,
}

impl DtlsListener {
    /// `None`, where the library does not do what is needed.
    pub(super) fn new(
        socket: UdpSocket,
        upstream: SocketAddr,
        bounds: Bounds,
        idle: Duration,
        proxy: Arc<Proxy>,
        cookies: CookieKey,
    ) -> Option<Self> {
        Some(Self {
            socket: Arc::new(socket),
            upstream,
            bounds,
            idle,
            proxy,
            config: dtls_library::config(bounds.handshake)?,
            cookies,
            handshakes: Arc::new(Handshakes::new(bounds.handshakes)),
            clients: Arc::default(),
        })
    }

    /// Serves until the shutdown; clients run on the tracker.
    pub(super) async fn serve(self) {
        let shutdown = self.proxy.tasks.shutdown.clone();
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let received = tokio::select! {
                () = shutdown.cancelled() => return,
                received = self.socket.recv_from(&mut buffer) => received,
            };
            match received {
                Ok((length, peer)) => self.dispatch(buffer.get(..length).unwrap_or_default(), peer),
                Err(error) => {
                    tracing::debug!(%error, "a datagram that did not come");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn dispatch(&self, datagram: &[u8], peer: SocketAddr) {
        let hello = DatagramHello::parse(datagram);
        let random = hello.and_then(|hello| hello.random());
        if self.clients.deliver(peer, datagram, random) {
            return;
        }
        let Some((hello, random)) = hello.zip(random) else { return };
        let now = SystemTime::now();
        let Some(cookie) = self.cookies.proved(&hello, peer, now) else {
            let request = hello_verify_request(&hello, &self.cookies.cookie(&hello, peer, now));
            // Where it cannot go at once it is lost, as datagrams are; nothing waits for one client.
            let _ = self.socket.try_send_to(&request, peer);
            return;
        };
        let Some((inbox, place)) = self.clients.place(peer, random, self.bounds.connections) else {
            tracing::debug!(peer = %peer.ip(), "too many DTLS clients");
            return;
        };
        let first = Proved { hello: datagram.to_vec(), predecessors: hello.predecessors(), cookie };
        let (listener, Tasks { tracker, abort, .. }) = (self.clone(), self.proxy.tasks.clone());
        tracker.spawn(async move {
            let _place = place;
            tokio::select! {
                () = abort.cancelled_owned() => {}
                () = listener.client(peer, first, inbox) => {}
            }
        });
    }

    async fn client(self, peer: SocketAddr, first: Proved, mut inbox: mpsc::Receiver<Vec<u8>>) {
        let from = peer.ip().to_canonical();
        let (handshakes, shutdown) = (Arc::clone(&self.handshakes), self.proxy.tasks.shutdown.clone());
        let proxy = Arc::clone(&self.proxy);
        let (bound, socket) = (self.bounds.handshake, Arc::clone(&self.socket));
        let mut session = Session::new(self, peer);
        let handshake = tokio::time::timeout(bound, async {
            let _turn = handshakes.turn(from).await.ok_or(DtlsError::TooMany)?;
            session.handshake(first, &mut inbox).await
        });
        let open = tokio::select! {
            () = shutdown.cancelled() => return,
            open = handshake => open.unwrap_or(Err(DtlsError::TooLong)),
        };
        match open {
            Ok(open) => {
                tracing::debug!(peer = %from, ua = %open.holder.ua, "DTLS");
                session.talk(open, &mut inbox).await;
            }
            Err(reason) => {
                proxy.count("unknown");
                tracing::info!(peer = %from, %reason, "a DTLS handshake came to nothing");
                if let Some(alert) = reason.alert() {
                    let _ = socket.send_to(&alert.datagram(), peer).await;
                }
            }
        }
    }
}

impl Clients {
    /// Whether a datagram belongs to a client that is here. A hello with another random is another connection's: who has
    /// lost the one it had begins anew from the same port.
    fn deliver(&self, peer: SocketAddr, datagram: &[u8], random: Option<[u8; 32]>) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let client = known.get(&peer).filter(|client| random.is_none_or(|random| random == client.random));
        if let Some(client) = client {
            // Where the queue is full, the datagram is lost.
            let _ = client.inbox.try_send(datagram.to_vec());
        }
        client.is_some()
    }

    /// A place for a client who is reached at its address, which so ends what it had there before (RFC 6347 clause 4.2.8).
    fn place(
        self: &Arc<Self>,
        peer: SocketAddr,
        random: [u8; 32],
        most: usize,
    ) -> Option<(mpsc::Receiver<Vec<u8>>, Place)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= most && !known.contains_key(&peer) {
            return None;
        }
        let (sender, inbox) = mpsc::channel(QUEUE);
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        known.insert(peer, Client { number, random, inbox: sender });
        Some((inbox, Place { clients: Arc::clone(self), peer, number }))
    }
}

/// A client's place among the others, given back at its end.
struct Place {
    clients: Arc<Clients>,
    peer: SocketAddr,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut known = self.clients.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(&self.peer).is_some_and(|client| client.number == self.number) {
            known.remove(&self.peer);
        }
    }
}
