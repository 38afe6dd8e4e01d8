//! Challenges kept for UEs that do not send `opaque` back: few, for a short time.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

/// A challenge that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChallenge {
    /// The nonce as sent, which every UE sends back.
    pub nonce: String,
    /// The sealed text that stood in `opaque`.
    pub opaque: String,
    /// From this moment on the challenge is worth nothing.
    pub expires_at: SystemTime,
}

/// A bounded table of open challenges by nonce. When it is full, the oldest goes: a flood of first requests pushes out
/// those who need the table, and costs nothing else.
#[derive(Debug)]
pub struct PendingChallenges {
    capacity: usize,
    by_nonce: BTreeMap<String, OpenChallenge>,
    oldest_first: VecDeque<String>,
}

impl PendingChallenges {
    /// Room for `capacity` challenges; with 0 nothing is kept.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, by_nonce: BTreeMap::new(), oldest_first: VecDeque::new() }
    }

    /// Keeps a challenge, and drops what is expired or too many.
    pub fn remember(&mut self, challenge: OpenChallenge, now: SystemTime) {
        if self.capacity == 0 {
            return;
        }
        while self.oldest_is_expired(now) || self.oldest_first.len() >= self.capacity {
            let Some(nonce) = self.oldest_first.pop_front() else { break };
            self.by_nonce.remove(&nonce);
        }
        let nonce = challenge.nonce.clone();
        if self.by_nonce.insert(nonce.clone(), challenge).is_none() {
            self.oldest_first.push_back(nonce);
        }
    }

    /// The `opaque` that went with a nonce. It stays until it expires: what an answer may do is decided elsewhere.
    #[must_use]
    pub fn recall(&self, nonce: &str, now: SystemTime) -> Option<&str> {
        let challenge = self.by_nonce.get(nonce)?;
        (now < challenge.expires_at).then_some(challenge.opaque.as_str())
    }

    /// How many challenges are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_nonce.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_nonce.is_empty()
    }

    fn oldest_is_expired(&self, now: SystemTime) -> bool {
        let oldest = self.oldest_first.front().and_then(|nonce| self.by_nonce.get(nonce));
        oldest.is_some_and(|challenge| challenge.expires_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gba::lifetime::from_unix_seconds;

    fn challenge(number: u64) -> OpenChallenge {
        OpenChallenge {
            nonce: format!("nonce {number}"),
            opaque: format!("opaque {number}"),
            expires_at: from_unix_seconds(60 + number),
        }
    }

    #[test]
    fn a_flood_never_takes_more_than_the_capacity_and_pushes_out_the_oldest() {
        let mut pending = PendingChallenges::new(3);
        for number in 0..1000 {
            pending.remember(challenge(number), from_unix_seconds(0));
            assert!(pending.len() <= 3);
        }
        assert_eq!(pending.recall("nonce 996", from_unix_seconds(0)), None);
        assert_eq!(pending.recall("nonce 997", from_unix_seconds(0)), Some("opaque 997"));
    }

    #[test]
    fn a_challenge_is_gone_when_it_expires() {
        let mut pending = PendingChallenges::new(3);
        pending.remember(challenge(0), from_unix_seconds(0));
        assert_eq!(pending.recall("nonce 0", from_unix_seconds(59)), Some("opaque 0"));
        assert_eq!(pending.recall("nonce 0", from_unix_seconds(60)), None);
        pending.remember(challenge(9), from_unix_seconds(60));
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn a_nonce_said_twice_is_kept_once_and_no_capacity_keeps_nothing() {
        let mut pending = PendingChallenges::new(2);
        pending.remember(challenge(1), from_unix_seconds(0));
        pending.remember(challenge(1), from_unix_seconds(0));
        pending.remember(challenge(2), from_unix_seconds(0));
        assert_eq!((pending.len(), pending.is_empty()), (2, false));
        let mut nothing = PendingChallenges::new(0);
        nothing.remember(challenge(1), from_unix_seconds(0));
        assert!(nothing.is_empty());
    }
}
