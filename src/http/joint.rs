//! One attempt at a time at something that many need: a connection, an access token.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The outcome of the last attempt, or the attempt that is under way. All who come meanwhile await the same one, and no
/// lock is held while they do.
pub struct Joint<T: Clone>(Mutex<Option<Shared<BoxFuture<'static, T>>>>);

impl<T: Clone> Default for Joint<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone + Send + Sync + 'static> Joint<T> {
    /// The outcome that is there, if it is still `good`; else that of an attempt, one that is under way or a fresh one.
    pub async fn join<F>(&self, good: impl Fn(&T) -> bool, begin: impl FnOnce() -> F) -> T
    where
        F: Future<Output = T> + Send + 'static,
    {
        let attempt = {
            let mut held = self.held();
            // An attempt that nobody awaits makes no progress, and may be of long ago.
            let is_awaited = |attempt: &Shared<_>| attempt.strong_count().is_some_and(|count| count > 1);
            let usable = |attempt: &&Shared<_>| attempt.peek().map_or_else(|| is_awaited(attempt), &good);
            match held.as_ref().filter(usable) {
                Some(attempt) => attempt.clone(),
                None => held.insert(begin().boxed().shared()).clone(),
            }
        };
        attempt.await
    }

    /// Whether a good outcome is there already.
    pub fn is_there(&self, good: impl Fn(&T) -> bool) -> bool {
        self.held().as_ref().and_then(Shared::peek).is_some_and(good)
    }

    fn held(&self) -> MutexGuard<'_, Option<Shared<BoxFuture<'static, T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn those_who_come_together_share_an_attempt_and_a_bad_outcome_is_tried_again() {
        let (joint, begun) = (Arc::new(Joint::<u32>::default()), Arc::new(AtomicU32::new(0)));
        let ask = || async {
            joint
                .join(
                    |outcome| *outcome > 1,
                    || {
                        let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
                        async move {
                            // Long enough for all of them to come.
                            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                            number
                        }
                    },
                )
                .await
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (1, 1, 1));
        assert!(!joint.is_there(|outcome| *outcome > 1));
        assert_eq!(tokio::join!(ask(), ask()), (2, 2));
        assert_eq!(ask().await, 2, "a good outcome stays");
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn an_attempt_that_nobody_awaits_any_more_is_begun_anew() {
        let joint = Joint::<u32>::default();
        let abandoned = tokio::select! {
            biased;
            _ = joint.join(|_| true, std::future::pending) => false,
            () = std::future::ready(()) => true,
        };
        assert!(abandoned);
        assert_eq!(joint.join(|_| true, || async { 8 }).await, 8);
    }
}
