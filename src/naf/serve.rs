//! Listeners of the proxy: bounded connections, bounded handshakes, and connections that end with their key.

use super::gate::Connection;
use super::proxy::{Proxy, Tasks};
use super::tls::UaTls;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ksnaf_proto::gba::UaSecurityProtocolId;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Header lines of one request, and octets of its header section.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_OCTETS: usize = 64 * 1024;

/// After a failed accept (no file descriptors left) the listener rests this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a request that is under way may go on when the connection's key is worth nothing any more.
const LAST_REQUEST: Duration = Duration::from_secs(2);

/// Bounds of the listeners.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) connections: usize,
    pub(super) handshakes: usize,
    pub(super) handshake: Duration,
    pub(super) request: Duration,
}

/// What a listener speaks.
#[derive(Clone)]
pub(super) enum Speaks {
    Tls(UaTls),
    Http,
}

/// Handshakes under way, in all and from each address.
pub(super) struct Handshakes {
    turns: Arc<Semaphore>,
    each: usize,
    from: Mutex<HashMap<IpAddr, usize>>,
}

pub(super) struct Turn {
    _place: Place,
    _permit: OwnedSemaphorePermit,
}

/// One of an address's share.
struct Place {
    handshakes: Arc<Handshakes>,
    from: IpAddr,
}

impl Handshakes {
    pub(super) fn new(bound: usize) -> Self {
        let bound = bound.clamp(1, Semaphore::MAX_PERMITS);
        Self { turns: Arc::new(Semaphore::new(bound)), each: bound.div_ceil(4), from: Mutex::default() }
    }

    /// A turn, unless its address has its share already.
    pub(super) async fn turn(self: Arc<Self>, from: IpAddr) -> Option<Turn> {
        {
            let mut counts = self.from.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(from).or_default();
            if *count >= self.each {
                return None;
            }
            *count += 1;
        }
        let turns = Arc::clone(&self.turns);
        let place = Place { handshakes: self, from };
        Some(Turn { _place: place, _permit: turns.acquire_owned().await.ok()? })
    }

    fn release(&self, from: IpAddr) {
        let mut counts = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&from);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.handshakes.release(self.from);
    }
}

/// Serves until the shutdown; connections run on the tracker.
pub(super) async fn serve(listener: TcpListener, speaks: Speaks, bounds: Bounds, proxy: Arc<Proxy>) {
    let Tasks { shutdown, tracker, abort } = proxy.tasks.clone();
    let slots = Arc::new(Semaphore::new(bounds.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let handshakes = Arc::new(Handshakes::new(bounds.handshakes));
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
            Some((slot, listener.accept().await))
        };
        let (slot, accepted) = tokio::select! {
            () = shutdown.cancelled() => return,
            next = next => match next {
                Some(next) => next,
                None => return,
            },
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let client = Client { bounds, proxy: Arc::clone(&proxy), address };
        let (speaks, handshakes, abort) = (speaks.clone(), Arc::clone(&handshakes), abort.clone());
        tracker.spawn(async move {
            let _slot = slot;
            tokio::select! {
                () = abort.cancelled_owned() => {}
                () = client.run(stream, speaks, handshakes) => {}
            }
        });
    }
}

struct Client {
    bounds: Bounds,
    proxy: Arc<Proxy>,
    address: SocketAddr,
}

impl Client {
    async fn run(self, stream: TcpStream, speaks: Speaks, handshakes: Arc<Handshakes>) {
        let _ = stream.set_nodelay(true);
        let from = self.address.ip().to_canonical();
        let connection = |tls, ua, holder| Connection {
            proxy: Arc::clone(&self.proxy),
            from,
            tls,
            ua,
            holder,
            line: super::upstream::Line::default(),
        };
        match speaks {
            Speaks::Http => {
                let connection = connection(false, UaSecurityProtocolId::HTTP_DIGEST, None);
                self.talk(stream, connection).await;
            }
            Speaks::Tls(tls) => {
                let secured = tokio::time::timeout(self.bounds.handshake, async {
                    let Some(_turn) = handshakes.turn(from).await else {
                        tracing::debug!(peer = %from, "too many handshakes from one address");
                        return None;
                    };
                    match tls.accept(stream, Arc::clone(&self.proxy.keys), from).await {
                        Ok(secured) => Some(secured),
                        Err(error) => {
                            self.proxy.count("unknown");
                            tracing::info!(peer = %from, %error, "a TLS handshake came to nothing");
                            None
                        }
                    }
                });
                match secured.await {
                    Ok(Some(secured)) => {
                        tracing::debug!(peer = %from, ua = %secured.ua, psk = secured.holder.is_some(), "TLS");
                        let connection = connection(true, secured.ua, secured.holder);
                        self.talk(secured.stream, connection).await;
                    }
                    Ok(None) => {}
                    Err(_) => tracing::debug!(peer = %from, "TLS handshake timed out"),
                }
            }
        }
    }

    /// HTTP until the client ends, the service ends, or the key does.
    async fn talk<S>(&self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connection = Arc::new(connection);
        let holder = connection.holder.clone();
        let from = connection.from;
        let service = service_fn(move |request| {
            let connection = Arc::clone(&connection);
            async move { Ok::<_, Infallible>(connection.answer(request).await) }
        });
        let mut builder = Builder::new();
        builder
            .timer(TokioTimer::new())
            .half_close(true)
            .header_read_timeout(self.bounds.request)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEADER_OCTETS);
        let serving = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::pin!(serving);
        let worthless = async {
            match &holder {
                Some(holder) => self.proxy.until_worthless(holder, from).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = worthless => {
                // A key that was replaced by the subscriber's next bootstrap is no theft: what is under way comes to its end.
                serving.as_mut().graceful_shutdown();
                match tokio::time::timeout(LAST_REQUEST, serving).await {
                    Ok(ended) => ended,
                    Err(_) => return,
                }
            }
            () = self.proxy.tasks.shutdown.clone().cancelled_owned() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %from, %error, "connection ended early");
        }
    }
}
