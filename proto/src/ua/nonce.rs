//! Nonces of a NAF's challenges: made without memory, and remembered only once one has opened something.
//!
//! A nonce says when it was made and proves who made it, so a flood of challenges costs nothing. What is remembered is the
//! highest nonce count seen with each nonce that a right response used (RFC 7616 clause 3.4, `nc`).

use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq as _;

/// Octets of time, of chance and of proof; together 32, as a UE in the field demands.
const TIME: usize = 8;
const CHANCE: usize = 8;
const PROOF: usize = 16;

/// Why a nonce will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// Not one of this NAF's.
    #[error("not a nonce of this NAF")]
    Foreign,
    /// Too old, or its count was used before: the client needs another nonce, not another key.
    #[error("a nonce that is too old or was used with this count")]
    Stale,
}

/// Makes nonces and knows them again.
#[derive(Debug, Clone)]
pub struct NonceKey(Secret<32>);

impl NonceKey {
    /// From a secret of the NAF's own.
    #[must_use]
    pub const fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// A nonce of this moment, 32 octets in base64.
    #[must_use]
    pub fn issue(&self, now: SystemTime, chance: [u8; CHANCE]) -> String {
        let head = [millis(now).to_be_bytes(), chance].concat();
        STANDARD.encode([&head[..], &self.proof(&head)].concat())
    }

    /// When this nonce was made.
    ///
    /// # Errors
    /// [`NonceError::Foreign`].
    pub fn issued_at(&self, nonce: &str) -> Result<SystemTime, NonceError> {
        let octets = STANDARD.decode(nonce).map_err(|_| NonceError::Foreign)?;
        let (head, proof) = octets.split_at_checked(TIME + CHANCE).ok_or(NonceError::Foreign)?;
        if !bool::from(self.proof(head).ct_eq(proof)) {
            return Err(NonceError::Foreign);
        }
        let time = head.first_chunk::<TIME>().ok_or(NonceError::Foreign)?;
        UNIX_EPOCH.checked_add(Duration::from_millis(u64::from_be_bytes(*time))).ok_or(NonceError::Foreign)
    }

    fn proof(&self, head: &[u8]) -> [u8; PROOF] {
        let mut out = [0; PROOF];
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.danger_expose()) {
            mac.update(head);
            for (octet, tag) in out.iter_mut().zip(mac.finalize().into_bytes()) {
                *octet = tag;
            }
        }
        out
    }
}

/// The counts that were used.
#[derive(Debug)]
pub struct UsedCounts {
    lifetime: Duration,
    capacity: usize,
    /// Nonces that are as old as this or older are stale: their counts are forgotten.
    horizon: SystemTime,
    highest: HashMap<String, u32>,
    by_age: BTreeMap<SystemTime, Vec<String>>,
}

impl UsedCounts {
    /// Remembers this many nonces at the most, each for the time that it is good for.
    #[must_use]
    pub fn new(lifetime: Duration, capacity: usize) -> Self {
        let (highest, by_age) = Default::default();
        Self { lifetime, capacity: capacity.max(1), horizon: UNIX_EPOCH, highest, by_age }
    }

    /// Whether a nonce of this age may still be used, whatever the count.
    #[must_use]
    pub fn is_fresh(&self, issued_at: SystemTime, now: SystemTime) -> bool {
        issued_at > self.horizon && now.duration_since(issued_at).unwrap_or_default() < self.lifetime
    }

    /// Takes a count that came with a right response. Counts grow: one that does not is a replay.
    ///
    /// # Errors
    /// [`NonceError::Stale`].
    pub fn take(
        &mut self,
        nonce: &str,
        issued_at: SystemTime,
        count: u32,
        now: SystemTime,
    ) -> Result<(), NonceError> {
        self.forget(now);
        if !self.is_fresh(issued_at, now) {
            return Err(NonceError::Stale);
        }
        match self.highest.get_mut(nonce) {
            Some(highest) if count <= *highest => return Err(NonceError::Stale),
            Some(highest) => *highest = count,
            None => {
                self.highest.insert(nonce.to_owned(), count);
                self.by_age.entry(issued_at).or_default().push(nonce.to_owned());
            }
        }
        Ok(())
    }

    /// Lets go of what is stale by age and, where there are too many, of the oldest, which are stale from then on.
    fn forget(&mut self, now: SystemTime) {
        while let Some(oldest) = self.by_age.first_entry() {
            let over = self.highest.len() >= self.capacity;
            if !over && now.duration_since(*oldest.key()).unwrap_or_default() < self.lifetime {
                return;
            }
            self.horizon = self.horizon.max(*oldest.key());
            for nonce in oldest.remove() {
                self.highest.remove(&nonce);
            }
        }
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn key() -> NonceKey {
        NonceKey::new(Secret::new([9; 32]))
    }

    #[test]
    fn a_nonce_is_known_again_and_no_other_is() {
        let nonce = key().issue(at(0), [1; 8]);
        assert_eq!(key().issued_at(&nonce), Ok(at(0)));
        assert_ne!(key().issue(at(0), [2; 8]), nonce);
        let other = NonceKey::new(Secret::new([8; 32]));
        assert_eq!(other.issued_at(&nonce), Err(NonceError::Foreign));
        for end in 0..nonce.len() {
            assert_eq!(key().issued_at(&nonce[..end]), Err(NonceError::Foreign), "{end}");
        }
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] ^= 2;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            assert_eq!(key().issued_at(&changed), Err(NonceError::Foreign), "{at}");
        }
    }

    #[test]
    fn counts_grow_or_are_replays() {
        let mut used = UsedCounts::new(Duration::from_secs(60), 10);
        for count in [1, 2, 9] {
            assert_eq!(used.take("n", at(0), count, at(1)), Ok(()));
        }
        for count in [0, 1, 8, 9] {
            assert_eq!(used.take("n", at(0), count, at(1)), Err(NonceError::Stale), "{count}");
        }
        assert_eq!(used.take("m", at(0), 1, at(1)), Ok(()), "each nonce counts for itself");
    }

    #[test]
    fn an_old_nonce_is_stale_and_forgotten_without_being_good_again() {
        let mut used = UsedCounts::new(Duration::from_secs(60), 10);
        assert_eq!(used.take("n", at(0), 1, at(59)), Ok(()));
        assert_eq!(used.take("n", at(0), 2, at(60)), Err(NonceError::Stale));
        assert!(used.highest.is_empty());
        assert_eq!(used.take("n", at(0), 1, at(1)), Err(NonceError::Stale), "not by a clock that went back");
    }

    #[test]
    fn memory_is_bounded_and_no_count_is_good_twice_for_it() {
        let mut used = UsedCounts::new(Duration::from_secs(600), 3);
        for second in 0..10 {
            assert_eq!(used.take(&format!("n{second}"), at(second), 1, at(20)), Ok(()));
            assert!(used.highest.len() <= 3);
        }
        for second in 0..10 {
            assert_eq!(
                used.take(&format!("n{second}"), at(second), 1, at(20)),
                Err(NonceError::Stale),
                "{second}"
            );
        }
    }
}
