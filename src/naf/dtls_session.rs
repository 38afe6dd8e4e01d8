//! One client of CoAP over DTLS: its handshake, with the key fetched while the datagram that names it waits; then datagrams
//! both ways, for as long as the key is good.

use super::coap::{Registrations, Verdict, judge};
use super::dtls::{DtlsListener, Proved};
use super::dtls_library::{self, Answers, PIECE, Progress};
use super::holder::Holder;
use super::keys::NoKey;
use dimpl::Dtls;
use ksnaf_proto::gba::{CipherSuite, UaSecurityProtocolId};
use ksnaf_proto::ua::PskIdentity;
use ksnaf_proto::ua::dtls::{FatalAlert, named_identity};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum DtlsError {
    /// The identity opened nothing.
    #[error("no key for the client's identity: {0}")]
    NoKey(NoKey),
    /// What the library says.
    #[error("{0}")]
    Dtls(#[from] dimpl::Error),
    /// Its address has its share of handshakes already.
    #[error("too many handshakes from one address")]
    TooMany,
    /// It took more time than there is for it.
    #[error("it took too long")]
    TooLong,
    /// The client has left, or another connection took its place.
    #[error("the client has left")]
    Left,
    /// No way to what stands behind.
    #[error("no socket towards the upstream: {0}")]
    Upstream(#[from] std::io::Error),
}

impl DtlsError {
    /// What the client hears of it.
    pub(super) const fn alert(&self) -> Option<FatalAlert> {
        match self {
            Self::NoKey(NoKey::Unknown | NoKey::NotAuthorized) => Some(FatalAlert::UnknownPskIdentity),
            Self::NoKey(NoKey::Unavailable) | Self::Upstream(_) => Some(FatalAlert::InternalError),
            Self::Dtls(_) | Self::TooLong => Some(FatalAlert::HandshakeFailure),
            Self::Left | Self::TooMany => None,
        }
    }
}

/// What a connection is after its handshake.
pub(super) struct Open {
    pub(super) holder: Holder,
    /// The way to what stands behind, of this client alone.
    behind: UdpSocket,
    /// Data that came with the handshake's end.
    early: Vec<Vec<u8>>,
}

/// A client's connection.
pub(super) struct Session {
    listener: DtlsListener,
    peer: SocketAddr,
    dtls: Dtls,
    wake: Instant,
    /// Whom the client named; it has one try.
    named: Option<(Vec<u8>, Holder)>,
}

impl Session {
    pub(super) fn new(listener: DtlsListener, peer: SocketAddr) -> Self {
        let dtls = dtls_library::connection(listener.config.clone());
        Self { listener, peer, dtls, wake: Instant::now(), named: None }
    }

    /// The handshake, which may take its time: the caller bounds it.
    pub(super) async fn handshake(
        &mut self,
        first: Proved,
        inbox: &mut mpsc::Receiver<Vec<u8>>,
    ) -> Result<Open, DtlsError> {
        // The library wants to know the time before anything else.
        self.dtls.handle_timeout(Instant::now())?;
        for datagram in first.predecessors {
            self.hand(&datagram, Some(first.cookie))?;
            // It asks for the cookie, which the client was asked for already.
            dtls_library::progress(&mut self.dtls);
        }
        self.hand(&first.hello, Some(first.cookie))?;
        loop {
            let progress = self.flush().await;
            match &self.named {
                Some((_, holder)) if progress.connected => {
                    let holder = holder.clone();
                    return Ok(Open { holder, behind: self.behind().await?, early: progress.data });
                }
                _ if progress.closed || progress.connected => return Err(DtlsError::Left),
                _ => {}
            }
            tokio::select! {
                datagram = inbox.recv() => {
                    let datagram = datagram.ok_or(DtlsError::Left)?;
                    self.fetch(&datagram).await?;
                    self.dtls.handle_timeout(Instant::now())?;
                    self.hand(&datagram, None)?;
                }
                () = tokio::time::sleep_until(self.wake.into()) => self.dtls.handle_timeout(Instant::now())?,
            }
        }
    }

    /// Datagrams both ways, until the client leaves or falls silent, the service ends, or the key does.
    pub(super) async fn talk(mut self, open: Open, inbox: &mut mpsc::Receiver<Vec<u8>>) {
        let Open { holder, behind, early } = open;
        let proxy = self.listener.proxy.clone();
        let worthless = proxy.until_worthless(&holder, self.peer.ip());
        tokio::pin!(worthless);
        let mut registrations = Registrations::default();
        let mut heard = Instant::now();
        let mut buffer = vec![0; PIECE];
        let mut arrived = early;
        loop {
            for datagram in std::mem::take(&mut arrived) {
                // What was protected is the client's; anybody can send the rest.
                heard = Instant::now();
                if !self.pass(&datagram, &holder, &behind, &mut registrations).await {
                    self.leave().await;
                    return;
                }
            }
            let progress = self.flush().await;
            arrived = progress.data;
            if progress.closed {
                return;
            }
            if !arrived.is_empty() {
                continue;
            }
            let overdue = heard + self.listener.idle;
            let ended = tokio::select! {
                datagram = inbox.recv() => match datagram {
                    Some(datagram) => self.hear(&datagram),
                    // Another connection of this client's took the place; its goodbye would be taken for the other's.
                    None => return,
                },
                received = behind.recv(&mut buffer) => {
                    // Where nobody listens behind at the moment, the client tries again, as it does with any loss.
                    match received.map(|length| buffer.get(..length)) {
                        // Cut off, most likely; too long for DTLS in one datagram at any rate.
                        Ok(Some(answer)) if answer.len() < PIECE => {
                            self.bind(answer, &mut registrations);
                            self.send(answer);
                        }
                        Ok(_) => tracing::debug!("an answer on CoAP that is too long"),
                        Err(error) => tracing::debug!(%error, "no CoAP upstream"),
                    }
                    false
                }
                () = tokio::time::sleep_until(self.wake.min(overdue).into()) => {
                    Instant::now() >= overdue || self.dtls.handle_timeout(Instant::now()).is_err()
                }
                () = &mut worthless => true,
                () = proxy.tasks.shutdown.cancelled() => true,
            };
            if ended {
                self.leave().await;
                return;
            }
        }
    }

    /// Fetches the key that a datagram names.
    async fn fetch(&mut self, datagram: &[u8]) -> Result<(), DtlsError> {
        let Some(identity) = named_identity(datagram).filter(|_| self.named.is_none()) else {
            return Ok(());
        };
        let found = match PskIdentity::parse(&identity) {
            Ok(PskIdentity { namespace, b_tid }) => {
                let ua = UaSecurityProtocolId::tls(CipherSuite::PSK_AES_128_CCM_8);
                let granted = self.listener.proxy.keys.find(&b_tid, ua, self.peer.ip()).await;
                let holder = granted.map(|granted| Holder { b_tid, ua, namespace, granted });
                holder.and_then(|holder| holder.key().map(|_| holder).ok_or(NoKey::Unknown))
            }
            Err(_) => Err(NoKey::Unknown),
        };
        self.named = Some((identity, found.map_err(DtlsError::NoKey)?));
        Ok(())
    }

    fn hand(&mut self, datagram: &[u8], cookie: Option<[u8; 32]>) -> Result<(), dimpl::Error> {
        let named = self.named.as_ref();
        let key = named.and_then(|(identity, holder)| Some((identity.clone(), holder.key()?)));
        dtls_library::hand(&mut self.dtls, datagram, Answers { cookie, key })
    }

    /// A datagram after the handshake. True where it was the last: an error is one in what was protected.
    fn hear(&mut self, datagram: &[u8]) -> bool {
        let heard = self.dtls.handle_timeout(Instant::now()).and_then(|()| self.hand(datagram, None));
        if let Err(error) = &heard {
            tracing::debug!(peer = %self.peer.ip(), %error, "a DTLS connection ended early");
        }
        heard.is_err()
    }

    /// Passes a datagram of the client's on, or answers it. False where its key is none any more.
    async fn pass(
        &mut self,
        datagram: &[u8],
        holder: &Holder,
        behind: &UdpSocket,
        registrations: &mut Registrations,
    ) -> bool {
        let proxy = self.listener.proxy.clone();
        match proxy.keys.find(&holder.b_tid, holder.ua, self.peer.ip()).await {
            Ok(_) => {}
            // As with any loss, the client tries again.
            Err(NoKey::Unavailable) => return true,
            Err(NoKey::Unknown | NoKey::NotAuthorized) => return false,
        }
        match judge(datagram, &holder.granted.subscriber, &proxy.enrolees, !proxy.rules.is_empty()) {
            Verdict::Forward(datagram, registration) => {
                proxy.count("given");
                registrations.extend(registration);
                if let Err(error) = behind.send(&datagram).await {
                    tracing::debug!(%error, "a datagram did not go to the CoAP upstream");
                }
            }
            Verdict::Answer(answer) => {
                proxy.count("forbidden");
                self.send(&answer);
            }
            Verdict::Drop => tracing::debug!(peer = %self.peer.ip(), "a datagram that is no CoAP"),
        }
        true
    }

    /// Binds the AE-ID of a registration that has succeeded, before the client learns it.
    fn bind(&self, answer: &[u8], registrations: &mut Registrations) {
        if let Some((enrolee, aei)) = registrations.answered(answer) {
            match self.listener.proxy.enrolees.bind(enrolee, &aei) {
                Ok(()) => tracing::info!(aei, "an AE belongs to its Enrolee"),
                Err(error) => tracing::error!(%error, "the Enrolee's AE-ID is not kept"),
            }
        }
    }

    fn send(&mut self, datagram: &[u8]) {
        let now = Instant::now();
        let sent = self.dtls.handle_timeout(now).and_then(|()| self.dtls.send_application_data(datagram));
        if let Err(error) = sent {
            tracing::debug!(peer = %self.peer.ip(), %error, "a datagram did not go to its client");
        }
    }

    /// Does what the library wants done.
    async fn flush(&mut self) -> Progress {
        let progress = dtls_library::progress(&mut self.dtls);
        self.wake = progress.wake;
        for packet in &progress.packets {
            let _ = self.listener.socket.send_to(packet, self.peer).await;
        }
        progress
    }

    async fn behind(&self) -> std::io::Result<UdpSocket> {
        let any: SocketAddr = match self.listener.upstream {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(self.listener.upstream).await?;
        Ok(socket)
    }

    async fn leave(&mut self) {
        if self.dtls.close().is_ok() {
            self.flush().await;
        }
    }
}
