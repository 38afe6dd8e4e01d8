//! The keys that this NAF has: fetched once, asked for again now and then, and unknown B-TIDs remembered as such.
//!
//! Whoever makes B-TIDs up costs the BSF little: one question for each within the cache's time, and per address a budget of
//! questions that come to nothing. Who has a right B-TID spends none of it.

use super::key_source::{Granted, KeySource};
use ksnaf_proto::gba::{BTid, UaSecurityProtocolId};
use ksnaf_proto::zn::ZnError;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// B-TIDs that are remembered, known and unknown ones.
const CAPACITY: usize = 50_000;

/// Addresses whose budgets are remembered.
const ADDRESSES: usize = 10_000;

/// Questions to the BSF at once.
const AT_ONCE: usize = 64;

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// Unknown, revoked or expired: the UE has to bootstrap.
    #[error("no such bootstrap")]
    Unknown,
    /// The BSF does not let this NAF or this subscriber.
    #[error("not authorised")]
    NotAuthorized,
    /// The BSF cannot be asked, or this address has asked for too much that does not exist.
    #[error("cannot be asked for")]
    Unavailable,
}

impl From<ZnError> for NoKey {
    fn from(error: ZnError) -> Self {
        match error {
            ZnError::UnknownTransaction | ZnError::UnknownIdentity => Self::Unknown,
            ZnError::NotAuthorized => Self::NotAuthorized,
            _ => Self::Unavailable,
        }
    }
}

/// For how long what is known counts.
#[derive(Debug, Clone, Copy)]
pub struct CacheTimes {
    /// Of a key, before it is asked for again.
    pub known: Duration,
    /// Of an unknown B-TID.
    pub unknown: Duration,
    /// Fruitless questions of one address at once; one a second after that.
    pub burst: u32,
}

/// All keys.
pub struct Keys {
    source: Arc<dyn KeySource>,
    times: CacheTimes,
    table: Mutex<Table>,
    turns: tokio::sync::Semaphore,
    asked: AtomicU64,
}

type Name = (BTid, UaSecurityProtocolId);
type Entry = Arc<tokio::sync::Mutex<Option<Known>>>;

#[derive(Default)]
struct Table {
    entries: HashMap<Name, Entry>,
    order: VecDeque<Name>,
    budgets: HashMap<IpAddr, Budget>,
}

struct Known {
    at: Instant,
    what: Result<Arc<Granted>, NoKey>,
}

struct Budget {
    left: f64,
    at: Instant,
}

impl Keys {
    /// From a source.
    #[must_use]
    pub fn new(source: Arc<dyn KeySource>, times: CacheTimes) -> Self {
        let (table, asked) = Default::default();
        Self { source, times, table, turns: tokio::sync::Semaphore::new(AT_ONCE), asked }
    }

    /// How often the source was asked.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The keys of a bootstrap for one use, for a client at this address.
    ///
    /// # Errors
    /// [`NoKey`]. A key that has expired is unknown.
    pub async fn find(
        &self,
        b_tid: &BTid,
        ua: UaSecurityProtocolId,
        from: IpAddr,
    ) -> Result<Arc<Granted>, NoKey> {
        let entry = self.entry((b_tid.clone(), ua), from)?;
        // Whoever comes meanwhile waits for the one answer.
        let mut known = entry.lock().await;
        if let Some(Known { at, what }) = known.as_ref() {
            let (age, still) = match what {
                Ok(granted) => (self.times.known, granted.expires_at > SystemTime::now()),
                Err(_) => (self.times.unknown, true),
            };
            if !still {
                return Err(NoKey::Unknown);
            }
            if at.elapsed() < age {
                return what.clone();
            }
        }
        if !self.spend(from) {
            return Err(NoKey::Unavailable);
        }
        let what = self.ask(b_tid, ua).await;
        if !matches!(what, Err(NoKey::Unknown)) {
            self.refund(from);
        }
        match what {
            // Nothing is known then, and what was known before may be so still.
            Err(NoKey::Unavailable) => {}
            _ => *known = Some(Known { at: Instant::now(), what: what.clone() }),
        }
        what
    }

    async fn ask(&self, b_tid: &BTid, ua: UaSecurityProtocolId) -> Result<Arc<Granted>, NoKey> {
        let _turn = self.turns.acquire().await.map_err(|_| NoKey::Unavailable)?;
        self.asked.fetch_add(1, Ordering::Relaxed);
        let granted = self.source.naf_key(b_tid, ua).await?;
        if granted.expires_at > SystemTime::now() { Ok(Arc::new(granted)) } else { Err(NoKey::Unknown) }
    }

    fn entry(&self, name: Name, from: IpAddr) -> Result<Entry, NoKey> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = table.entries.get(&name) {
            return Ok(Arc::clone(entry));
        }
        if table.budget(from, self.times.burst).left < 1.0 {
            return Err(NoKey::Unavailable);
        }
        while table.order.len() >= CAPACITY {
            if let Some(oldest) = table.order.pop_front() {
                table.entries.remove(&oldest);
            }
        }
        table.order.push_back(name.clone());
        Ok(Arc::clone(table.entries.entry(name).or_default()))
    }

    fn spend(&self, from: IpAddr) -> bool {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = table.budget(from, self.times.burst);
        let enough = budget.left >= 1.0;
        if enough {
            budget.left -= 1.0;
        }
        enough
    }

    fn refund(&self, from: IpAddr) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.budget(from, self.times.burst).left += 1.0;
    }
}

impl Table {
    /// The budget of an address, of a whole network of IPv6, brought up to this moment.
    fn budget(&mut self, from: IpAddr, burst: u32) -> &mut Budget {
        let now = Instant::now();
        let from = network_of(from);
        if self.budgets.len() >= ADDRESSES && !self.budgets.contains_key(&from) {
            self.budgets.retain(|_, budget| now.duration_since(budget.at).as_secs() < u64::from(burst));
            if self.budgets.len() >= ADDRESSES {
                self.budgets.clear();
            }
        }
        let burst = f64::from(burst.max(1));
        let budget = self.budgets.entry(from).or_insert(Budget { left: burst, at: now });
        budget.left = (budget.left + now.duration_since(budget.at).as_secs_f64()).min(burst);
        budget.at = now;
        budget
    }
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other.to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_source::{KeyFuture, UaSubscriber};
    use super::*;
    use ksnaf_proto::zn::MeKey;

    const UA: UaSecurityProtocolId = UaSecurityProtocolId::HTTP_DIGEST;
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// Knows every B-TID that begins with `good`, and fails for those that begin with `down`.
    struct Source {
        lives: Duration,
    }

    impl KeySource for Source {
        fn naf_key<'a>(&'a self, b_tid: &'a BTid, _: UaSecurityProtocolId) -> KeyFuture<'a> {
            Box::pin(async move {
                tokio::task::yield_now().await;
                match b_tid.as_str() {
                    good if good.starts_with("good") => Ok(Granted {
                        me_key: MeKey::new([1; 32]),
                        uicc_key: None,
                        expires_at: SystemTime::now() + self.lives,
                        subscriber: UaSubscriber::default(),
                    }),
                    down if down.starts_with("down") => Err(ZnError::Unavailable),
                    _ => Err(ZnError::UnknownTransaction),
                }
            })
        }
    }

    fn keys(known: Duration, lives: Duration) -> Keys {
        let times = CacheTimes { known, unknown: Duration::from_secs(600), burst: 50 };
        Keys::new(Arc::new(Source { lives }), times)
    }

    fn b_tid(name: &str) -> BTid {
        BTid::parse(&format!("{name}@bsf.example")).unwrap()
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn ten_thousand_made_up_identities_cost_few_questions_and_others_are_served() {
        let keys = keys(HOUR, HOUR);
        keys.find(&b_tid("good1"), UA, HERE).await.unwrap();
        let started = Instant::now();
        for number in 0..10_000 {
            assert!(keys.find(&b_tid(&format!("bogus{number}")), UA, HERE).await.is_err());
        }
        // The burst, and one a second.
        let allowed = 1 + 50 + started.elapsed().as_secs() + 1;
        assert!(keys.asked() <= allowed, "{} questions", keys.asked());
        let before = keys.asked();
        assert!(keys.find(&b_tid("good1"), UA, HERE).await.is_ok(), "what is known needs no question");
        assert_eq!(keys.asked(), before);
        let elsewhere = IpAddr::from([192, 0, 2, 1]);
        assert!(keys.find(&b_tid("good2"), UA, elsewhere).await.is_ok(), "an address has its own budget");
    }

    #[tokio::test]
    async fn an_unknown_b_tid_is_asked_for_once() {
        let keys = keys(HOUR, HOUR);
        for _ in 0..100 {
            assert_eq!(keys.find(&b_tid("bogus"), UA, HERE).await.err(), Some(NoKey::Unknown));
        }
        assert_eq!(keys.asked(), 1);
    }

    #[tokio::test]
    async fn many_at_once_share_one_question() {
        let keys = Arc::new(keys(HOUR, HOUR));
        let asking = (0..50).map(|_| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.find(&b_tid("good"), UA, HERE).await.is_ok() })
        });
        for asked in asking.collect::<Vec<_>>() {
            assert!(asked.await.unwrap());
        }
        assert_eq!(keys.asked(), 1);
        let other = UaSecurityProtocolId::TLS13_PSK;
        keys.find(&b_tid("good"), other, HERE).await.unwrap();
        assert_eq!(keys.asked(), 2, "each use has its own key");
    }

    #[tokio::test]
    async fn good_clients_spend_nothing() {
        let keys = keys(Duration::ZERO, HOUR);
        for number in 0..500 {
            assert!(keys.find(&b_tid(&format!("good{}", number % 7)), UA, HERE).await.is_ok());
        }
        assert_eq!(keys.asked(), 500, "with no time to keep, each is a question");
    }

    #[tokio::test]
    async fn a_key_that_has_expired_is_none_and_a_bsf_that_is_down_teaches_nothing() {
        let short = keys(HOUR, Duration::from_millis(50));
        assert!(short.find(&b_tid("good"), UA, HERE).await.is_ok());
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(short.find(&b_tid("good"), UA, HERE).await.err(), Some(NoKey::Unknown));
        let keys = keys(HOUR, HOUR);
        for _ in 0..60 {
            assert_eq!(keys.find(&b_tid("down"), UA, HERE).await.err(), Some(NoKey::Unavailable));
        }
        assert_eq!(keys.asked(), 60);
    }
}
