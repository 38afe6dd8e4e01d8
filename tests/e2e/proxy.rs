//! A relay between a device and its BSF that writes down what passes, and that can be away.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A relay on a port of its own, which stays its own while it is away.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    to: Mutex<Option<SocketAddr>>,
    requests: Mutex<Vec<u8>>,
    answers: Mutex<Vec<u8>>,
    loses_successes: AtomicBool,
}

impl Proxy {
    /// Listens; where it leads to is told by [`Proxy::lead_to`].
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(crate::lab::any_port()).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut proxy = Self { address, shared: Arc::default(), task: None };
        proxy.serve(listener);
        proxy
    }

    /// `http://…/` for the device.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Where connections go.
    pub(crate) fn lead_to(&self, address: SocketAddr) {
        *self.shared.to.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// Refuses connections from here on.
    pub(crate) async fn go_away(&mut self) {
        let task = self.task.take().expect("a relay that is there");
        task.abort();
        let _ = task.await;
    }

    /// Is there again.
    pub(crate) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port of before");
        self.serve(listener);
    }

    /// Whether answers with 200 get lost on their way.
    pub(crate) fn lose_successes(&self, lose: bool) {
        self.shared.loses_successes.store(lose, Ordering::Relaxed);
    }

    /// What devices have sent since the last look.
    pub(crate) fn requests(&self) -> String {
        text(&self.shared.requests)
    }

    /// What the BSF has answered since the last look.
    pub(crate) fn answers(&self) -> String {
        text(&self.shared.answers)
    }

    fn serve(&mut self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        self.task = Some(tokio::spawn(async move {
            while let Ok((device, _)) = listener.accept().await {
                let to = *shared.to.lock().unwrap_or_else(PoisonError::into_inner);
                let to = to.expect("the relay leads somewhere");
                let Ok(bsf) = TcpStream::connect(to).await else { continue };
                let (from_device, to_device) = device.into_split();
                let (from_bsf, to_bsf) = bsf.into_split();
                let (there, back) = (Arc::clone(&shared), Arc::clone(&shared));
                tokio::spawn(async move { relay(from_device, to_bsf, &there.requests, |_| true).await });
                tokio::spawn(async move {
                    let passes = |octets: &[u8]| {
                        !(back.loses_successes.load(Ordering::Relaxed) && octets.starts_with(b"HTTP/1.1 200"))
                    };
                    relay(from_bsf, to_device, &back.answers, passes).await;
                });
            }
        }));
    }
}

async fn relay(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    seen: &Mutex<Vec<u8>>,
    passes: impl Fn(&[u8]) -> bool,
) {
    let mut octets = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut octets).await {
        seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&octets[..count]);
        if !passes(&octets[..count]) || to.write_all(&octets[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

fn text(seen: &Mutex<Vec<u8>>) -> String {
    let octets = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    String::from_utf8_lossy(&octets).into_owned()
}
