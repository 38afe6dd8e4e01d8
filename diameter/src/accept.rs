//! Connections that are opened to this node.

use crate::connection::Socket;
use crate::owner::Command;
use crate::{Listener, Settings};
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// After a failed accept (no file descriptors left) the listener rests this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the listeners of a node share.
#[derive(Clone)]
pub(crate) struct Handshakes {
    /// As many TLS handshakes at once as connections without a CER: they are the same to those who wait.
    slots: Arc<Semaphore>,
    patience: Duration,
    commands: mpsc::Sender<Command>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Handshakes {
    pub(crate) fn new(
        settings: &Settings,
        commands: mpsc::Sender<Command>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let slots = settings.node.max_unidentified.clamp(1, Semaphore::MAX_PERMITS);
        let patience = settings.node.identify_timeout;
        Self { slots: Arc::new(Semaphore::new(slots)), patience, commands, tasks, stop }
    }

    /// Ends the listeners when it is cancelled.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(crate) async fn serve(self, listener: Listener) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.accept_all(listener) => {}
        }
    }

    async fn accept_all(self, listener: Listener) {
        let (listener, acceptor) = match listener {
            Listener::Tcp(listener) => (listener, None),
            Listener::Tls(listener, acceptor) => (listener, Some(acceptor)),
        };
        loop {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            match &acceptor {
                None => self.hand_over(Socket::new(stream, Some(address), Vec::new())).await,
                Some(acceptor) => self.shake_hands(acceptor.clone(), stream, address).await,
            }
        }
    }

    async fn shake_hands(&self, acceptor: TlsAcceptor, stream: TcpStream, address: SocketAddr) {
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
        let this = self.clone();
        let handshake = async move {
            match tokio::time::timeout(this.patience, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let names = names_of(stream.get_ref().1.peer_certificates().unwrap_or_default());
                    this.hand_over(Socket::new(stream, Some(address), names)).await;
                }
                Ok(Err(error)) => {
                    tracing::debug!(%address, %error, "TLS handshake of a Diameter peer failed")
                }
                Err(_) => tracing::debug!(%address, "TLS handshake of a Diameter peer timed out"),
            }
            drop(slot);
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = handshake => {}
            }
        });
    }

    async fn hand_over(&self, socket: Socket) {
        let _ = self.commands.send(Command::Accepted(socket)).await;
    }
}

/// DNS names and URIs in the subject alternative names of a peer's own certificate; where there are none, its common
/// names, which is what small certification authorities write.
pub(crate) fn names_of(chain: &[CertificateDer<'_>]) -> Vec<String> {
    let Some(Ok((_, certificate))) = chain.first().map(|leaf| X509Certificate::from_der(leaf)) else {
        return Vec::new();
    };
    let name = |general: &GeneralName<'_>| match general {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
        _ => None,
    };
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names: Vec<_> =
        alternative.iter().flat_map(|names| &names.value.general_names).filter_map(name).collect();
    if names.is_empty() {
        let common = certificate.subject().iter_common_name();
        common.filter_map(|name| name.as_str().ok().map(str::to_owned)).collect()
    } else {
        names
    }
}
