//! Vectors over GSUP, as osmo-hlr gives them: SendAuthInfo inside IPA frames on TCP.
//!
//! [`Connection`] is one TCP connection without the TCP: it takes octets, answers the handshake and pings, and
//! gives events. GSUP has no transaction identifier: an answer belongs to the request for its IMSI, so at most one
//! request per IMSI is to be on its way. Settings are the local subscriber file's.
//!
//! ```text
//! HLR  ID GET ───────────────► BSF   ID RESP, ID ACK
//! HLR  ID ACK ───────────────► BSF   Event::Ready
//! BSF  SendAuthInfo, IMSI, [AUTS, RAND] ─► HLR   Event::Answer: vectors, or a cause
//! ```

mod ipa;
mod message;

pub use ipa::IpaError;
pub use message::{AuthInfo, AuthTuple, Cause, GsupError, SendAuthInfo};

use super::{CardAka, HssAnswer, VectorError, VectorRequest};
use crate::secret::SecretBytes;
use ipa::{Ccm, Frame, FrameReader, Protocol};
use message::Incoming;
use std::collections::VecDeque;

/// Why a connection is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// Nobody can say where the next frame begins, or a frame cannot be read.
    #[error(transparent)]
    Ipa(#[from] IpaError),
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The HLR knows who we are: requests may go out.
    Ready,
    /// The HLR answers a ping.
    Pong,
    /// What the HLR says of a subscriber.
    Answer(AuthInfo),
    /// A message that cannot be read; the connection goes on.
    Malformed(GsupError),
    /// A message of another kind, by its type: nobody asked for it here.
    Other(u8),
}

/// One TCP connection to an HLR, client side. Octets in, octets and events out.
#[derive(Debug)]
pub struct Connection {
    name: String,
    reader: FrameReader,
    outgoing: VecDeque<SecretBytes>,
    events: VecDeque<Event>,
    ready: bool,
}

impl Connection {
    /// Begins when TCP is connected: the HLR speaks first. `name` is the client's name; osmo-hlr keeps an IND for
    /// each of them, so that GBA does not disturb the sequence numbers of other clients.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = name.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
        let (outgoing, events) = (VecDeque::new(), VecDeque::new());
        Self { name, reader: FrameReader::default(), outgoing, events, ready: false }
    }

    /// Takes what TCP gave.
    ///
    /// # Errors
    /// [`ConnectionError`]: close the connection.
    pub fn receive(&mut self, octets: &[u8]) -> Result<(), ConnectionError> {
        self.reader.push(octets);
        while let Some(frame) = self.reader.next_frame()? {
            self.handle(&frame)?;
        }
        Ok(())
    }

    /// Octets to send, one frame at a time.
    pub fn poll_transmit(&mut self) -> Option<SecretBytes> {
        self.outgoing.pop_front()
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether requests may go out.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// Asks for vectors.
    pub fn request(&mut self, request: &SendAuthInfo) {
        self.outgoing.push_back(ipa::frame(Protocol::GSUP, &request.encode()));
    }

    /// Asks whether the HLR is still there.
    pub fn ping(&mut self) {
        self.outgoing.push_back(ipa::frame(Protocol::CCM, &[Ccm::PING]));
    }

    fn handle(&mut self, frame: &Frame) -> Result<(), ConnectionError> {
        match frame.protocol {
            Protocol::CCM => self.handle_ccm(frame.payload.danger_expose())?,
            Protocol::GSUP => self.events.push_back(match message::decode(frame.payload.danger_expose()) {
                Ok(Incoming::Answer(answer)) => Event::Answer(answer),
                Ok(Incoming::Other(kind)) => Event::Other(kind),
                Err(error) => Event::Malformed(error),
            }),
            // Another protocol of the same multiplex: none of our business.
            _ => {}
        }
        Ok(())
    }

    fn handle_ccm(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        match ipa::ccm(payload)? {
            (Ccm::PING, _) => self.outgoing.push_back(ipa::frame(Protocol::CCM, &[Ccm::PONG])),
            (Ccm::PONG, _) => self.events.push_back(Event::Pong),
            (Ccm::ID_GET, wanted) => {
                let identity = ipa::identity(wanted, &self.name)?;
                self.outgoing.push_back(ipa::frame(Protocol::CCM, &identity));
                self.outgoing.push_back(ipa::frame(Protocol::CCM, &[Ccm::ID_ACK]));
            }
            (Ccm::ID_ACK, _) if !self.ready => {
                self.ready = true;
                self.events.push_back(Event::Ready);
            }
            _ => {}
        }
        Ok(())
    }
}

impl SendAuthInfo {
    /// What Ub asks; `None` for a subscriber whose IMPI has no IMSI in it: an HLR knows no other name.
    #[must_use]
    pub fn new(request: &VectorRequest) -> Option<Self> {
        Some(Self { imsi: request.impi.imsi()?, resync: request.resync })
    }

    /// Whether an answer is the one to this request.
    #[must_use]
    pub fn is_answered_by(&self, answer: &AuthInfo) -> bool {
        answer.imsi == self.imsi
    }

    /// What Ub gets of an answer. All vectors are to be used in their order: the HLR steps on by as many. An answer of
    /// triplets alone says that the subscriber's card is a SIM; a card that has just sent AUTS is none.
    pub fn read_answer(&self, answer: AuthInfo) -> Result<HssAnswer, VectorError> {
        if !self.is_answered_by(&answer) {
            return Err(VectorError::Unavailable);
        }
        let tuples = answer.result.map_err(|cause| cause.vector_error(self.resync.is_some()))?;
        let vectors: Vec<_> = tuples.iter().filter_map(|tuple| tuple.vector.clone()).collect();
        if !vectors.is_empty() {
            return Ok(HssAnswer { vectors, ..HssAnswer::default() });
        }
        let vectors: Vec<_> = tuples.iter().filter_map(AuthTuple::of_sim).collect();
        if vectors.is_empty() || self.resync.is_some() {
            return Err(VectorError::Unavailable);
        }
        Ok(HssAnswer { vectors, card: CardAka::Gsm, ..HssAnswer::default() })
    }
}

#[cfg(test)]
mod tests;
