//! What one request gets: the centre's answer, unless a fault says otherwise. The same on every interface.

use crate::centre::AuthenticationCentre;
use crate::faults::Faults;
use ksnaf_proto::aka::{Auts, Rand};
use ksnaf_proto::subscriber::Subscriber;
use ksnaf_proto::zh::{HssAnswer, Settings, UeId, VectorError};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The HSS below its interfaces.
pub(crate) struct Behaviour {
    pub(crate) centre: AuthenticationCentre,
    pub(crate) faults: Faults,
    requests: AtomicU32,
}

/// A request was dropped: it is never answered.
pub(crate) struct Dropped;

impl Behaviour {
    pub(crate) const fn new(centre: AuthenticationCentre, faults: Faults) -> Self {
        Self { centre, faults, requests: AtomicU32::new(0) }
    }

    /// Counts a request about somebody and takes the time that its answer is to take.
    pub(crate) async fn take(&self, name: Option<&UeId>) -> Result<(), Dropped> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if self.faults.drop || self.faults.drop_nth == Some(number) {
            tracing::info!(number, "request dropped");
            return Err(Dropped);
        }
        let subscriber = name.and_then(|name| self.centre.find(name));
        let slow = subscriber.and_then(|one| self.faults.slow_for.get(&one.imsi)).copied();
        let wait = self.faults.delay.saturating_add(slow.unwrap_or(Duration::ZERO));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// A vector for the subscriber of a name.
    pub(crate) fn vector(
        &self,
        name: &UeId,
        resync: Option<&(Rand, Auts)>,
    ) -> Result<HssAnswer, VectorError> {
        let asked = self.centre.find(name).ok_or(VectorError::UnknownSubscriber)?;
        let answer = match self.faults.other_subscriber {
            true => self.centre.answer(self.other(asked)?, None)?,
            false => self.centre.answer(asked, resync)?,
        };
        Ok(self.maybe_without_settings(answer))
    }

    /// The digest credential of the subscriber of a name.
    pub(crate) fn digest(&self, name: &UeId) -> Result<HssAnswer, VectorError> {
        let asked = self.centre.find(name).ok_or(VectorError::UnknownSubscriber)?;
        let about = if self.faults.other_subscriber { self.other(asked)? } else { asked };
        Ok(self.maybe_without_settings(self.centre.digest_answer(about)?))
    }

    fn maybe_without_settings(&self, mut answer: HssAnswer) -> HssAnswer {
        if self.faults.no_guss {
            answer.settings = Settings::Absent;
        }
        answer
    }

    /// The settings of the subscriber of a name.
    pub(crate) fn settings(&self, name: &UeId) -> Result<Settings, VectorError> {
        let asked = self.centre.find(name).ok_or(VectorError::UnknownSubscriber)?;
        let about = if self.faults.other_subscriber { self.other(asked)? } else { asked };
        Ok(if self.faults.no_guss { Settings::Absent } else { self.centre.settings(about) })
    }

    fn other(&self, asked: &Subscriber) -> Result<&Subscriber, VectorError> {
        self.centre.other_than(asked).ok_or_else(|| {
            tracing::warn!("other-subscriber needs two subscribers");
            VectorError::Unavailable
        })
    }
}
