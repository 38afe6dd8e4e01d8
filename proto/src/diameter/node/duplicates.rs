//! Requests that come twice (RFC 6733 clause 3, End-to-End Identifier).
//!
//! A peer that lost a link sends its requests again, perhaps through somebody else; the second copy must not
//! be served anew but get the first one's answer. Origin-Host and End-to-End Identifier name a request, but a
//! peer that reuses identifiers must not get another subscriber's answer. So the content counts too: all AVPs
//! but those that change on the way.

use super::InboundId;
use crate::diameter::dictionary::base;
use crate::diameter::{DiameterIdentity, Message};
use crate::secret::SecretBytes;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Names a request for good.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    origin_host: DiameterIdentity,
    end_to_end: u32,
    content: [u8; 32],
}

impl Key {
    /// `None` for a request that does not say where it comes from.
    pub(super) fn of(request: &Message) -> Option<Self> {
        let origin_host = request.avps.first(&base::ORIGIN_HOST)?.identity().ok()?;
        let mut avps = request.avps.clone();
        avps.retain(|avp| !avp.is(&base::PROXY_INFO) && !avp.is(&base::ROUTE_RECORD));
        let mut octets = Vec::with_capacity(avps.length());
        avps.encode(&mut octets);
        let octets = SecretBytes::from(octets);
        let content = Sha256::new()
            .chain_update(request.header.command.octets())
            .chain_update(request.header.application.0.to_be_bytes())
            .chain_update(octets.danger_expose())
            .finalize()
            .into();
        Some(Self { origin_host, end_to_end: request.header.end_to_end, content })
    }
}

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is being served.
    Waiting(InboundId),
    /// This was its answer.
    Answered(Box<Message>),
}

/// The requests of the last minutes.
#[derive(Debug)]
pub(super) struct Duplicates {
    window: Duration,
    capacity: usize,
    seen: BTreeMap<Key, Seen>,
    order: VecDeque<(Instant, Key)>,
}

impl Duplicates {
    /// Remembers at most `capacity` requests for `window` each.
    pub(super) const fn new(window: Duration, capacity: usize) -> Self {
        Self { window, capacity, seen: BTreeMap::new(), order: VecDeque::new() }
    }

    /// What is known of a request.
    pub(super) fn find(&mut self, key: &Key, now: Instant) -> Option<&Seen> {
        self.expire(now);
        self.seen.get(key)
    }

    /// Remembers a request that is being served.
    pub(super) fn begin(&mut self, key: Key, id: InboundId, now: Instant) {
        self.expire(now);
        if self.capacity == 0 {
            return;
        }
        if self.order.len() >= self.capacity
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        if let Some(end) = now.checked_add(self.window) {
            self.order.push_back((end, key.clone()));
            self.seen.insert(key, Seen::Waiting(id));
        }
    }

    /// Remembers a request's answer, if the request is remembered still.
    pub(super) fn finish(&mut self, key: &Key, answer: &Message) {
        if let Some(seen) = self.seen.get_mut(key) {
            *seen = Seen::Answered(Box::new(answer.clone()));
        }
    }

    /// Forgets a request that was not served: its next copy is served anew.
    pub(super) fn forget(&mut self, key: &Key) {
        self.seen.remove(key);
        self.order.retain(|(_, ordered)| ordered != key);
    }

    fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, key)) = self.order.pop_front() {
                self.seen.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diameter::{ApplicationId, CommandCode, first_moment};

    fn request(user: &str) -> Message {
        let avps = vec![base::ORIGIN_HOST.text("naf.example"), base::USER_NAME.text(user)];
        Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZN, avps)
    }

    #[test]
    fn a_copy_is_known_by_origin_identifier_and_content_whatever_its_way() {
        let key = |change: fn(&mut Message)| {
            let mut message = request("x");
            change(&mut message);
            Key::of(&message).unwrap()
        };
        let first = key(|_| {});
        assert_eq!(first, key(|m| m.header.hop_by_hop = 9));
        assert_eq!(first, key(|m| m.header.flags = m.header.flags.retransmitted()));
        assert_eq!(first, key(|m| m.avps.push(base::ROUTE_RECORD.text("relay.example"))));
        assert_eq!(first, key(|m| m.avps.push(base::PROXY_INFO.grouped(&[]))));
        assert_ne!(first, key(|m| m.header.end_to_end = 9));
        assert_ne!(first, key(|m| m.header.command = CommandCode::GBA_PUSH_INFO));
        assert_ne!(first, key(|m| *m = request("y")));
        let nameless = Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZN, vec![]);
        assert_eq!(Key::of(&nameless), None);
    }

    #[test]
    fn answers_are_remembered_for_the_window_and_within_the_capacity() {
        let keys = ["a", "b", "c"].map(|user| Key::of(&request(user)).unwrap());
        let now = first_moment();
        let mut duplicates = Duplicates::new(Duration::from_secs(240), 2);
        for (key, id) in keys.iter().zip(0..) {
            duplicates.begin(key.clone(), InboundId(id), now);
        }
        let [a, b, c] = &keys;
        assert_eq!(duplicates.find(a, now), None);
        assert_eq!(duplicates.find(b, now), Some(&Seen::Waiting(InboundId(1))));
        duplicates.finish(c, &request("answer"));
        assert!(matches!(duplicates.find(c, now), Some(Seen::Answered(_))));
        duplicates.forget(b);
        assert_eq!(duplicates.find(b, now), None);
        assert_eq!(duplicates.find(c, now + Duration::from_secs(240)), None);
        assert!(duplicates.order.is_empty());
        let mut none = Duplicates::new(Duration::from_secs(240), 0);
        none.begin(a.clone(), InboundId(1), now);
        assert_eq!(none.find(a, now), None);
    }
}
