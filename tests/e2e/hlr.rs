//! An HLR that speaks GSUP: an authentication centre of the test's own, five vectors an answer as osmo-hlr sends them,
//! and misbehaviour on request.

use crate::people::{Person, random};
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::aka::{Amf, AuthVector, Rand, vector};
use ksnaf_proto::identity::Imsi;
use ksnaf_proto::zh::gsup::{AuthInfo, AuthTuple, Cause, SendAuthInfo};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Vectors in one answer.
pub(crate) const VECTORS: usize = 5;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing comes.
    Silence,
    /// The answer waits until [`Hlr::release`].
    Held,
    /// A message that cannot be read.
    Garbage,
    /// Another subscriber's vectors under that one's name.
    Other,
    /// A refusal.
    Cause(u8),
    /// Vectors for a SIM, none for a USIM.
    Triplets,
    /// Half an answer, and the end of the connection.
    Cut,
    /// Octets that are no frame, and silence.
    NoFrame,
}

/// See the module.
pub(crate) struct Hlr {
    state: Arc<State>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

struct State {
    people: Vec<Person>,
    seqs: Mutex<HashMap<Imsi, u64>>,
    faults: Mutex<HashMap<Imsi, Fault>>,
    /// Every request that came, and whether it carried an AUTS.
    requests: Mutex<Vec<(Imsi, bool)>>,
    held: Mutex<Vec<Vec<u8>>>,
    released: tokio::sync::Notify,
}

impl Hlr {
    pub(crate) async fn start(people: &[Person]) -> Self {
        Self::start_at(people, crate::lab::any_port()).await
    }

    /// On an address of which another one has been before.
    pub(crate) async fn start_at(people: &[Person], address: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option");
        socket.bind(address).expect("an address");
        let listener = socket.listen(64).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            people: people.to_vec(),
            seqs: Mutex::default(),
            faults: Mutex::default(),
            requests: Mutex::default(),
            held: Mutex::default(),
            released: tokio::sync::Notify::new(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { state, address, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From here on, this happens to requests for this subscriber; `None`: they are answered.
    pub(crate) fn misbehave(&self, imsi: &Imsi, fault: Option<Fault>) {
        let mut faults = lock(&self.state.faults);
        match fault {
            Some(fault) => faults.insert(imsi.clone(), fault),
            None => faults.remove(imsi),
        };
    }

    /// Sends the answers that are held, in the order of their requests.
    pub(crate) fn release(&self) {
        self.state.released.notify_one();
    }

    /// Every request so far: for whom, and whether it carried an AUTS.
    pub(crate) fn requests(&self) -> Vec<(Imsi, bool)> {
        lock(&self.state.requests).clone()
    }

    /// Ends it, and every connection.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Connections end with this task.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    // ID GET for a unit id and a serial number, as osmo-hlr asks.
    stream.write_all(&[0, 5, 0xfe, 4, 1, 8, 1, 0]).await?;
    loop {
        let mut head = [0; 3];
        let read = tokio::select! {
            read = stream.read_exact(&mut head) => read.map(|_| true),
            () = state.released.notified() => Ok(false),
        };
        if !read? {
            let held = std::mem::take(&mut *lock(&state.held));
            stream.write_all(&held.concat()).await?;
            continue;
        }
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]]))];
        stream.read_exact(&mut payload).await?;
        match (head[2], payload.first()) {
            // ID ACK is answered with ours, PING with PONG.
            (0xfe, Some(6)) => stream.write_all(&[0, 1, 0xfe, 6]).await?,
            (0xfe, Some(0)) => stream.write_all(&[0, 1, 0xfe, 1]).await?,
            (0xee, Some(5)) => {
                let Ok(request) = SendAuthInfo::parse(&payload[1..]) else { continue };
                if !state.answer(&request, &mut stream).await? {
                    return Ok(());
                }
            }
            _ => {}
        }
    }
}

impl State {
    /// False: the connection ends.
    async fn answer(&self, request: &SendAuthInfo, stream: &mut TcpStream) -> std::io::Result<bool> {
        lock(&self.requests).push((request.imsi.clone(), request.resync.is_some()));
        let fault = lock(&self.faults).get(&request.imsi).copied();
        let message = match fault {
            Some(Fault::Silence) => return Ok(true),
            Some(Fault::NoFrame) => return stream.write_all(&[0, 0, 0xee]).await.map(|()| true),
            Some(Fault::Garbage) => vec![0x0a, 1, 9],
            Some(Fault::Cause(cause)) => encode(request, Err(Cause(cause))),
            Some(Fault::Other) => {
                let other = self.people.iter().find(|person| person.imsi != request.imsi);
                let other = SendAuthInfo { imsi: other.expect("two people").imsi.clone(), resync: None };
                encode(&other, self.vectors(&other))
            }
            _ => encode(
                request,
                self.vectors(request).map(|mut tuples| {
                    if fault == Some(Fault::Triplets) {
                        tuples.iter_mut().for_each(|tuple| tuple.vector = None);
                    }
                    tuples
                }),
            ),
        };
        let length = u16::try_from(message.len() + 1).expect("a short message").to_be_bytes();
        let frame = [&length[..], &[0xee, 5], &message].concat();
        match fault {
            Some(Fault::Held) => lock(&self.held).push(frame),
            Some(Fault::Cut) => {
                stream.write_all(&frame[..frame.len() / 2]).await?;
                return Ok(false);
            }
            _ => stream.write_all(&frame).await?,
        }
        Ok(true)
    }

    fn vectors(&self, request: &SendAuthInfo) -> Result<Vec<AuthTuple>, Cause> {
        let person = self.people.iter().find(|person| person.imsi == request.imsi);
        let person = person.ok_or(Cause::IMSI_UNKNOWN)?;
        let (algorithm, format) = (person.key.algorithm().expect("a key"), SqnFormat::default());
        let mut seqs = lock(&self.seqs);
        let seq = seqs.entry(person.imsi.clone()).or_insert(format.seq(person.sqn));
        if let Some((rand, auts)) = &request.resync {
            // osmo-hlr says the same of a wrong AUTS as of an unknown subscriber.
            let told = vector::check_auts(algorithm.as_ref(), rand, auts).map_err(|_| Cause::IMSI_UNKNOWN)?;
            *seq = format.seq(told);
        }
        let next = || {
            *seq += 1;
            let sqn = format.join(*seq, format.ind_max()).expect("a number that fits");
            vector::generate(algorithm.as_ref(), Rand(random()), sqn, Amf([0x80, 0]))
        };
        Ok(std::iter::repeat_with(next).take(VECTORS).map(tuple).collect())
    }
}

fn tuple(vector: AuthVector) -> AuthTuple {
    let sres = ksnaf_proto::aka::convert::c2(&vector.xres).expect("a RES of a usual length");
    let triplet = Some((sres, ksnaf_proto::aka::convert::c3(&vector.ck, &vector.ik)));
    AuthTuple { rand: vector.rand, vector: Some(vector), triplet }
}

fn encode(request: &SendAuthInfo, result: Result<Vec<AuthTuple>, Cause>) -> Vec<u8> {
    AuthInfo { imsi: request.imsi.clone(), result }.encode().danger_expose().to_vec()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
