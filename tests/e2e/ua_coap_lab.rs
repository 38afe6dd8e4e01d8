//! A CoAP server behind the proxy, `openssl s_client` over DTLS before it, and a line between them that loses datagrams.

use crate::lab::any_port;
use ksnaf_proto::coap::Message;
use std::collections::HashSet;
use std::io::{Read, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::UdpSocket;

pub(crate) const BLOCK1: u16 = 27;
pub(crate) const BLOCK2: u16 = 23;

/// A CoAP server behind the proxy: answers with what it was asked for, and writes it down.
pub(crate) struct CoapBehind {
    pub(crate) address: SocketAddr,
    reached: Arc<Mutex<Vec<Message>>>,
}

impl CoapBehind {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind(any_port()).await.unwrap();
        let behind = Self { address: socket.local_addr().unwrap(), reached: Arc::default() };
        let reached = Arc::clone(&behind.reached);
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let asked = Message::parse(&buffer[..length]).expect("CoAP");
                let mut answer = asked.answer((2, 5));
                for number in [BLOCK1, BLOCK2] {
                    for block in asked.values(number) {
                        answer.add(number, block.to_vec());
                    }
                }
                answer.payload = [format!("answer {} ", asked.id).as_bytes(), &asked.payload].concat();
                reached.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
                let _ = socket.send_to(&answer.encode(), from).await;
            }
        });
        behind
    }

    pub(crate) fn reached(&self) -> Vec<Message> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `openssl s_client` over DTLS; each write is a datagram.
pub(crate) struct Client {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    complained: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Client {
    pub(crate) fn start(address: SocketAddr, identity: &str, key: &str) -> Self {
        Self::with(address, identity, key, &[])
    }

    pub(crate) fn with(address: SocketAddr, identity: &str, key: &str, more: &[&str]) -> Self {
        let address = address.to_string();
        let fixed = ["s_client", "-dtls1_2", "-cipher", "PSK-AES128-CCM8", "-connect", &address];
        let mut command = Command::new("openssl");
        command.args(fixed).args(["-psk_identity", identity, "-psk", key]).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("openssl starts");
        let (said, first) = gathered(child.stdout.take().unwrap());
        let (complained, second) = gathered(child.stderr.take().unwrap());
        Self { child, said, complained, readers: vec![first, second] }
    }

    pub(crate) fn send(&mut self, message: &Message) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(&message.encode()).unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn has_said(&self, octets: &[u8]) -> bool {
        has(&self.said, octets)
    }

    /// Waits until it has said these octets.
    pub(crate) async fn says(&self, octets: &[u8]) {
        until(|| self.has_said(octets), || self.whole()).await;
    }

    /// Waits until it has ended by itself, and says what it complained of.
    pub(crate) async fn ends(&mut self) -> String {
        let child = &mut self.child;
        let said = (Arc::clone(&self.said), Arc::clone(&self.complained));
        until(|| child.try_wait().unwrap().is_some(), || whole(&said.0, &said.1)).await;
        // Its last words may still be on their way here.
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        self.whole()
    }

    /// Ends it without a goodbye.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn whole(&self) -> String {
        whole(&self.said, &self.complained)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gathered(mut from: impl Read + Send + 'static) -> (Arc<Mutex<Vec<u8>>>, JoinHandle<()>) {
    let gathered = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&gathered);
    let reader = std::thread::spawn(move || {
        let mut octets = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut octets) {
            into.lock().unwrap().extend_from_slice(&octets[..count]);
        }
    });
    (gathered, reader)
}

fn whole(said: &Mutex<Vec<u8>>, complained: &Mutex<Vec<u8>>) -> String {
    let [said, complained] =
        [said, complained].map(|place| String::from_utf8_lossy(&place.lock().unwrap()).into_owned());
    format!("{said}\n{complained}")
}

fn has(place: &Mutex<Vec<u8>>, octets: &[u8]) -> bool {
    place.lock().unwrap().windows(octets.len()).any(|window| window == octets)
}

pub(crate) async fn until(mut is: impl FnMut() -> bool, report: impl Fn() -> String) {
    for _ in 0..1000 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not in time: {}", report());
}

/// A line to `server` for one client, on which the datagrams with these numbers are lost, either way.
pub(crate) async fn lossy(server: SocketAddr, lost: [&[usize]; 2]) -> SocketAddr {
    let (near, far) =
        (UdpSocket::bind(any_port()).await.unwrap(), UdpSocket::bind(any_port()).await.unwrap());
    far.connect(server).await.unwrap();
    let address = near.local_addr().unwrap();
    let [to, back] = lost.map(|numbers| numbers.iter().copied().collect::<HashSet<_>>());
    tokio::spawn(async move {
        let (mut there, mut here) = ([0; 4096], [0; 4096]);
        let (mut sent, mut returned, mut client) = (0, 0, None);
        loop {
            tokio::select! {
                Ok((length, from)) = near.recv_from(&mut there) => {
                    client = Some(from);
                    if !to.contains(&sent) {
                        let _ = far.send(&there[..length]).await;
                    }
                    sent += 1;
                }
                Ok(length) = far.recv(&mut here) => {
                    if let Some(client) = client.filter(|_| !back.contains(&returned)) {
                        let _ = near.send_to(&here[..length], client).await;
                    }
                    returned += 1;
                }
            }
        }
    });
    address
}
