//! HTTP/1.1 octet by octet on a plain socket: for what no decent client would send, and for seeing when the peer closes.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// For any one answer.
const BOUND: Duration = Duration::from_secs(10);

/// One connection and what has arrived on it and is not read yet.
pub(crate) struct Wire<S = TcpStream> {
    stream: S,
    arrived: Vec<u8>,
}

/// An answer as it stood on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The only header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        first
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Wire {
    /// Connects.
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("a listener"))
    }

    /// Closes the writing half: the peer sees the end of the requests.
    pub(crate) async fn shut_down_writing(&mut self) {
        self.stream.shutdown().await.expect("a connection to shut down");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// On a stream that is there already.
    pub(crate) const fn over(stream: S) -> Self {
        Self { stream, arrived: Vec::new() }
    }

    /// Sends octets as they are. A peer that has gone away is no error here: what it answered before counts.
    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(octets.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// The next answer; `None` if the connection ends first.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        tokio::time::timeout(BOUND, self.read()).await.expect("an answer or an end in time")
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).await;
        self.answer().await.expect("an answer")
    }

    /// Waits until these octets stand among those that have arrived and are not read.
    pub(crate) async fn arrives(&mut self, words: &str) {
        let arrived = async {
            while !self.arrived.windows(words.len()).any(|window| window == words.as_bytes()) {
                self.more().await.expect("a connection that is open");
            }
        };
        tokio::time::timeout(BOUND, arrived).await.expect("the octets in time");
    }

    /// Waits for the peer to close, for so long at most.
    pub(crate) async fn is_closed_within(&mut self, bound: Duration) -> bool {
        let mut octets = [0; 256];
        let ended = async {
            loop {
                match self.stream.read(&mut octets).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => self.arrived.extend_from_slice(&octets[..count]),
                }
            }
        };
        tokio::time::timeout(bound, ended).await.is_ok()
    }

    async fn read(&mut self) -> Option<Answer> {
        let head_end = loop {
            if let Some(at) = self.arrived.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.arrived[..head_end]).into_owned();
        self.arrived.drain(..head_end + 4);
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').expect("a header line"))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
        while self.arrived.len() < length {
            self.more().await?;
        }
        let body = self.arrived.drain(..length).collect();
        Some(Answer { status, headers, body })
    }

    async fn more(&mut self) -> Option<()> {
        let mut octets = [0; 4096];
        let count = self.stream.read(&mut octets).await.ok()?;
        self.arrived.extend_from_slice(&octets[..count]);
        (count > 0).then_some(())
    }
}

/// A first request on Ub, as a UE sends it.
pub(crate) fn first_request(impi: &str, further: &str) -> String {
    let realm = crate::lab::BSF;
    format!(
        "GET / HTTP/1.1\r\nHost: {realm}\r\nUser-Agent: e2e 3gpp-gba-tmpi\r\n{further}Authorization: Digest \
         username=\"{impi}\", realm=\"{realm}\", nonce=\"\", uri=\"/\", response=\"\"\r\n\r\n"
    )
}
