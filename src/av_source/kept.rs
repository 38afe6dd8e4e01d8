//! What is kept of an HSS's answers: vectors beyond the one that was needed, and settings. Both in memory, bounded.

use ksnaf_proto::aka::AuthVector;
use ksnaf_proto::gba::guss::Guss;
use ksnaf_proto::identity::Impi;
use ksnaf_proto::zh::Settings;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Subscribers whose vectors are kept; some 2 KiB each.
const MAX_VECTORS: usize = 10_000;

/// Subscribers whose settings are kept; most have one KiB.
const MAX_SETTINGS: usize = 50_000;

/// A value for each of so many subscribers, with the moment it came.
struct Kept<T> {
    most: usize,
    values: HashMap<Impi, (T, Instant)>,
}

impl<T> Kept<T> {
    fn new(most: usize) -> Self {
        Self { most, values: HashMap::new() }
    }

    /// Where there is no room, the oldest half goes.
    fn put(&mut self, impi: Impi, value: T, now: Instant) {
        if self.values.len() >= self.most && !self.values.contains_key(&impi) {
            let mut moments: Vec<Instant> = self.values.values().map(|(_, came)| *came).collect();
            let middle = moments.len() / 2;
            let (_, limit, _) = moments.select_nth_unstable(middle);
            let limit = *limit;
            self.values.retain(|_, (_, came)| *came > limit);
        }
        self.values.insert(impi, (value, now));
    }
}

/// Vectors in the order of their sequence numbers. `None`: none are kept.
pub(super) struct KeptVectors {
    lifetime: Option<Duration>,
    kept: Mutex<Kept<VecDeque<AuthVector>>>,
}

impl KeptVectors {
    pub(super) fn new(lifetime: Option<Duration>) -> Self {
        Self { lifetime, kept: Mutex::new(Kept::new(MAX_VECTORS)) }
    }

    /// The next one, if it is not too old.
    pub(super) fn take(&self, impi: &Impi, now: Instant) -> Option<AuthVector> {
        let lifetime = self.lifetime?;
        let mut kept = self.kept();
        let (vectors, came) = kept.values.get_mut(impi)?;
        let vector = vectors.pop_front().filter(|_| now.duration_since(*came) < lifetime);
        if vectors.is_empty() || vector.is_none() {
            kept.values.remove(impi);
        }
        vector
    }

    /// Keeps those of an answer in place of all others.
    pub(super) fn put(&self, impi: &Impi, vectors: VecDeque<AuthVector>, now: Instant) {
        match self.lifetime {
            Some(_) if !vectors.is_empty() => self.kept().put(impi.clone(), vectors, now),
            _ => self.forget(impi),
        }
    }

    /// After a synchronisation failure the card refuses all that were made before.
    pub(super) fn forget(&self, impi: &Impi) {
        self.kept().values.remove(impi);
    }

    /// Removes what is too old: keys are not to lie about longer than they are of use.
    pub(super) fn sweep(&self, now: Instant) {
        if let Some(lifetime) = self.lifetime {
            self.kept().values.retain(|_, (_, came)| now.duration_since(*came) < lifetime);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept<VecDeque<AuthVector>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscriber's settings as the HSS last told them.
#[derive(Debug, Clone, Default)]
pub(super) struct KeptSettings {
    /// `None`: the subscriber has none.
    pub(super) guss: Option<Guss>,
    /// The version's name.
    pub(super) timestamp: Option<SystemTime>,
    /// Whether they still count without asking.
    pub(super) fresh: bool,
}

/// Settings by subscriber.
pub(super) struct SettingsCache {
    lifetime: Duration,
    kept: Mutex<Kept<KeptSettings>>,
}

impl SettingsCache {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, kept: Mutex::new(Kept::new(MAX_SETTINGS)) }
    }

    /// The last known, however old.
    pub(super) fn last(&self, impi: &Impi, now: Instant) -> Option<KeptSettings> {
        let kept = self.kept();
        let (settings, came) = kept.values.get(impi)?;
        Some(KeptSettings { fresh: now.duration_since(*came) < self.lifetime, ..settings.clone() })
    }

    /// Keeps what an answer says.
    pub(super) fn note(&self, impi: &Impi, settings: &Settings, now: Instant) {
        let (guss, timestamp) = match settings {
            Settings::Unsaid | Settings::Unchanged => return,
            Settings::Absent => (None, None),
            Settings::Sent { guss, timestamp } => (Some(guss.clone()), *timestamp),
        };
        let settings = KeptSettings { guss, timestamp, fresh: true };
        self.kept().put(impi.clone(), settings, now);
    }

    /// No settings are kept of whom the HSS does not know any more.
    pub(super) fn forget(&self, impi: &Impi) {
        self.kept().values.remove(impi);
    }

    fn kept(&self) -> MutexGuard<'_, Kept<KeptSettings>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ksnaf_proto::aka::{Autn, Ck, Ik, Rand, Res};

    fn impi(name: &str) -> Impi {
        Impi::parse(&format!("{name}@x.example")).unwrap()
    }

    fn vectors(numbers: std::ops::Range<u8>) -> VecDeque<AuthVector> {
        let vector = |number| AuthVector {
            rand: Rand([number; 16]),
            autn: Autn([2; 16]),
            xres: Res::new(&[3; 8]).unwrap(),
            ck: Ck::new([4; 16]),
            ik: Ik::new([5; 16]),
        };
        numbers.map(vector).collect()
    }

    #[test]
    fn vectors_come_in_their_order_once_and_for_a_while() {
        let kept = KeptVectors::new(Some(Duration::from_secs(60)));
        let began = Instant::now();
        let next = |name, now| kept.take(&impi(name), now).map(|vector| vector.rand.0[0]);
        kept.put(&impi("a"), vectors(1..4), began);
        assert_eq!((next("a", began), next("b", began), next("a", began)), (Some(1), None, Some(2)));
        kept.put(&impi("a"), vectors(7..9), began);
        assert_eq!(next("a", began), Some(7), "a later answer takes the former one's place");
        kept.forget(&impi("a"));
        assert_eq!(next("a", began), None);
        kept.put(&impi("a"), vectors(1..3), began);
        kept.put(&impi("b"), vectors(1..3), began);
        let later = began + Duration::from_secs(60);
        assert_eq!(next("a", later), None);
        kept.sweep(later);
        assert!(kept.kept().values.is_empty());
        let none = KeptVectors::new(None);
        none.put(&impi("a"), vectors(1..4), began);
        assert!(none.take(&impi("a"), began).is_none());
    }

    #[test]
    fn a_full_table_loses_its_oldest_half() {
        let (mut kept, began) = (Kept::new(4), Instant::now());
        for (name, second) in ["a", "b", "c", "d", "e"].into_iter().zip(0..) {
            kept.put(impi(name), (), began + Duration::from_secs(second));
        }
        let mut left: Vec<_> = kept.values.keys().map(|impi| impi.as_str().to_owned()).collect();
        left.sort();
        assert_eq!(left, ["d@x.example", "e@x.example"]);
    }

    #[test]
    fn settings_age_and_stay() {
        let (cache, began) = (SettingsCache::new(Duration::from_secs(60)), Instant::now());
        assert!(cache.last(&impi("a"), began).is_none());
        let sent = Settings::Sent { guss: Guss::default(), timestamp: Some(SystemTime::UNIX_EPOCH) };
        cache.note(&impi("a"), &sent, began);
        cache.note(&impi("a"), &Settings::Unchanged, began);
        cache.note(&impi("a"), &Settings::Unsaid, began);
        let last = cache.last(&impi("a"), began).unwrap();
        assert!(last.fresh && last.guss.is_some() && last.timestamp.is_some());
        let later = began + Duration::from_secs(60);
        let last = cache.last(&impi("a"), later).unwrap();
        assert!(!last.fresh && last.guss.is_some());
        cache.note(&impi("a"), &Settings::Absent, later);
        let last = cache.last(&impi("a"), later).unwrap();
        assert!(last.fresh && last.guss.is_none() && last.timestamp.is_none());
        cache.forget(&impi("a"));
        assert!(cache.last(&impi("a"), later).is_none());
    }
}
