//! Requests on their way to an HLR, and which of them an answer is for.
//!
//! An answer names its subscriber only. Nobody waits any more for some requests, because they took too long; their answers
//! may still come, and are not those of a later request: after a resynchronisation, vectors from before it are of no use.

use super::link::Ask;
use crate::av_source::failure::Failure;
use ksnaf_proto::identity::Imsi;
use ksnaf_proto::zh::gsup::{AuthInfo, SendAuthInfo};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// After so long an answer that nobody waits for is taken to be lost.
const LOST: Duration = Duration::from_secs(30);

/// By subscriber, in the order in which they were sent.
#[derive(Default)]
pub(super) struct Waiting(HashMap<Imsi, VecDeque<Sent>>);

struct Sent {
    request: SendAuthInfo,
    reply: oneshot::Sender<Result<AuthInfo, Failure>>,
    at: Instant,
}

impl Sent {
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }
}

impl Waiting {
    /// A request that goes out now.
    pub(super) fn add(&mut self, ask: Ask, now: Instant) {
        let sent = Sent { request: ask.request, reply: ask.reply, at: now };
        self.0.entry(sent.request.imsi.clone()).or_default().push_back(sent);
    }

    /// Gives an answer to the request that it is for, if somebody still waits.
    pub(super) fn answered(&mut self, answer: AuthInfo, now: Instant) {
        let Some(line) = self.0.get_mut(&answer.imsi) else { return };
        line.retain(|sent| sent.is_wanted() || now.duration_since(sent.at) < LOST);
        let first_is_late = line.front().is_some_and(|sent| !sent.is_wanted());
        let last_takes_it =
            answer.result.is_ok() && line.back().is_some_and(|last| last.request.resync.is_none());
        // Late vectors are as good as others for a request without an AUTS; then its own answer is the one still to come.
        let taker = if first_is_late && last_takes_it && line.back().is_some_and(Sent::is_wanted) {
            line.pop_back()
        } else {
            line.pop_front()
        };
        if line.is_empty() {
            self.0.remove(&answer.imsi);
        }
        if let Some(sent) = taker {
            let _ = sent.reply.send(Ok(answer));
        }
    }

    /// Whether anybody waits.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.values().flatten().any(Sent::is_wanted)
    }

    /// Forgets what is lost.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.0.retain(|_, line| {
            line.retain(|sent| sent.is_wanted() || now.duration_since(sent.at) < LOST);
            !line.is_empty()
        });
    }

    /// The connection is gone, and all answers with it.
    pub(super) fn fail(&mut self, reason: &str) {
        for sent in self.0.drain().flat_map(|(_, line)| line) {
            let _ = sent.reply.send(Err(Failure::Link(reason.to_owned())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ksnaf_proto::aka::{Auts, Rand};
    use ksnaf_proto::zh::gsup::Cause;

    type Reply = oneshot::Receiver<Result<AuthInfo, Failure>>;

    fn imsi() -> Imsi {
        Imsi::parse("001010123456789").unwrap()
    }

    fn add(waiting: &mut Waiting, resync: bool, now: Instant) -> Reply {
        let resync = resync.then_some((Rand([0; 16]), Auts([0; 14])));
        let (reply, receiver) = oneshot::channel();
        waiting.add(Ask { request: SendAuthInfo { imsi: imsi(), resync }, reply }, now);
        receiver
    }

    fn vectors(waiting: &mut Waiting, now: Instant) {
        waiting.answered(AuthInfo { imsi: imsi(), result: Ok(Vec::new()) }, now);
    }

    fn refusal(waiting: &mut Waiting, now: Instant) {
        waiting.answered(AuthInfo { imsi: imsi(), result: Err(Cause::NETWORK_FAILURE) }, now);
    }

    fn got(reply: &mut Reply) -> bool {
        reply.try_recv().is_ok()
    }

    #[test]
    fn a_late_answer_is_not_that_of_a_resynchronisation() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        drop(add(&mut waiting, false, now));
        let mut resync = add(&mut waiting, true, now);
        vectors(&mut waiting, now);
        assert!(!got(&mut resync), "vectors from before it");
        vectors(&mut waiting, now);
        assert!(got(&mut resync));
        assert!(waiting.0.is_empty());
    }

    #[test]
    fn late_vectors_serve_the_next_plain_request_and_a_late_refusal_does_not() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        drop(add(&mut waiting, false, now));
        let mut next = add(&mut waiting, false, now);
        refusal(&mut waiting, now);
        assert!(!got(&mut next));
        vectors(&mut waiting, now);
        assert!(got(&mut next));
        drop(add(&mut waiting, true, now));
        let mut next = add(&mut waiting, false, now);
        vectors(&mut waiting, now);
        assert!(got(&mut next), "after a resynchronisation they are the right ones");
        let mut after = add(&mut waiting, true, now);
        vectors(&mut waiting, now);
        assert!(!got(&mut after), "its predecessor's");
        refusal(&mut waiting, now);
        assert!(got(&mut after));
        vectors(&mut waiting, now);
        assert!(waiting.0.is_empty(), "nobody asked");
    }

    #[test]
    fn what_is_lost_is_forgotten() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        drop(add(&mut waiting, false, now));
        assert!(!waiting.is_wanted());
        let mut resync = add(&mut waiting, true, now + LOST);
        assert!(waiting.is_wanted());
        vectors(&mut waiting, now + LOST);
        assert!(got(&mut resync));
        drop(add(&mut waiting, false, now));
        waiting.sweep(now + LOST);
        assert!(waiting.0.is_empty());
    }

    #[test]
    fn all_hear_of_a_lost_connection() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        let mut reply = add(&mut waiting, false, now);
        waiting.fail("closed");
        assert!(matches!(reply.try_recv(), Ok(Err(Failure::Link(reason))) if reason == "closed"));
        assert!(waiting.0.is_empty());
    }
}
