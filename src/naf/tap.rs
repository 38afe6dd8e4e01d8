//! A TLS client's octets on their way to the TLS library: held back at the place where a pre-shared key is named, until the
//! key is there. So the library's question for it, which waits for nobody, finds the answer, and no thread waits either.

use super::holder::Holder;
use super::keys::{Keys, NoKey};
use bytes::BytesMut;
use ksnaf_proto::gba::{CipherSuite, UaSecurityProtocolId};
use ksnaf_proto::ua::PskIdentity;
use ksnaf_proto::ua::handshake::{ClientFlight, Heard};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Octets that are read at once.
const PIECE: usize = 8 * 1024;

/// What one handshake is about: shared by the tap, which fetches keys, and the library's callbacks, which take them.
#[derive(Default)]
pub(super) struct Handshake {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The one suite with a pre-shared key that TLS 1.2 can come to.
    pinned: Option<CipherSuite>,
    offers: HashMap<(Vec<u8>, UaSecurityProtocolId), Holder>,
    /// Whose key the library was given.
    taken: Option<Holder>,
    refused: Option<NoKey>,
}

impl Handshake {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn pin(&self, suite: CipherSuite) {
        self.with(|state| state.pinned = Some(suite));
    }

    pub(super) fn pinned(&self) -> Option<CipherSuite> {
        self.with(|state| state.pinned)
    }

    /// The key that was fetched for this identity in this use.
    pub(super) fn take(&self, identity: &[u8], ua: UaSecurityProtocolId) -> Option<Holder> {
        self.with(|state| {
            let holder = state.offers.get(&(identity.to_vec(), ua)).cloned();
            state.taken.clone_from(&holder);
            holder
        })
    }

    pub(super) fn taken(&self) -> Option<Holder> {
        self.with(|state| state.taken.clone())
    }

    /// Why the last identity gave no key.
    pub(super) fn refused(&self) -> Option<NoKey> {
        self.with(|state| state.refused)
    }

    async fn fetch(
        self: Arc<Self>,
        keys: Arc<Keys>,
        from: IpAddr,
        wanted: Vec<(Vec<u8>, UaSecurityProtocolId)>,
    ) {
        for (identity, ua) in wanted {
            let Ok(PskIdentity { namespace, b_tid }) = PskIdentity::parse(&identity) else { continue };
            match keys.find(&b_tid, ua, from).await {
                Ok(granted) => {
                    let holder = Holder { b_tid, ua, namespace, granted };
                    self.with(|state| state.offers.insert((identity, ua), holder));
                }
                Err(error) => self.with(|state| state.refused = Some(error)),
            }
        }
    }
}

/// A stream with a tap on its reading side.
pub(super) struct Tap<S> {
    stream: S,
    flight: ClientFlight,
    /// Heard, and not passed on yet.
    held: BytesMut,
    fetching: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    handshake: Arc<Handshake>,
    keys: Arc<Keys>,
    from: IpAddr,
}

impl<S> Tap<S> {
    pub(super) fn new(stream: S, handshake: Arc<Handshake>, keys: Arc<Keys>, from: IpAddr) -> Self {
        let (flight, held) = Default::default();
        Self { stream, flight, held, fetching: None, handshake, keys, from }
    }

    fn wanted(&self, heard: Vec<Heard>) -> Vec<(Vec<u8>, UaSecurityProtocolId)> {
        let mut wanted = Vec::new();
        for heard in heard {
            match heard {
                Heard::Hello(hello) if hello.tls13 => {
                    let tls13 = |identity| (identity, UaSecurityProtocolId::TLS13_PSK);
                    wanted.extend(hello.identities.into_iter().map(tls13));
                }
                Heard::Hello(_) => {}
                Heard::KeyExchange(identity) => {
                    let suite = self.handshake.pinned().map(UaSecurityProtocolId::tls);
                    wanted.extend(suite.map(|ua| (identity, ua)));
                }
            }
        }
        wanted
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(fetching) = &mut self.fetching {
                ready!(fetching.as_mut().poll(context));
                self.fetching = None;
            }
            if !self.held.is_empty() {
                let count = self.held.len().min(buffer.remaining());
                buffer.put_slice(&self.held.split_to(count));
                return Poll::Ready(Ok(()));
            }
            if self.flight.is_over() {
                return Pin::new(&mut self.stream).poll_read(context, buffer);
            }
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.held.extend_from_slice(piece.filled());
            let heard = self.flight.feed(piece.filled());
            let wanted = self.wanted(heard);
            if !wanted.is_empty() {
                let (handshake, keys) = (Arc::clone(&self.handshake), Arc::clone(&self.keys));
                self.fetching = Some(Box::pin(handshake.fetch(keys, self.from, wanted)));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
