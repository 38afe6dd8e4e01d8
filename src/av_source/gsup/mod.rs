//! Vectors from an HLR over GSUP: one TCP connection, which comes back after it is lost.
//!
//! GSUP's answers name the subscriber and nothing else, so [`link`] knows which requests of whom are on their way.

mod link;
mod waiting;

use super::failure::Failure;
use super::kept::KeptSettings;
use super::remote::Hss;
use crate::config::PeerAddress;
use ksnaf_proto::identity::Impi;
use ksnaf_proto::zh::gsup::SendAuthInfo;
use ksnaf_proto::zh::{HssAnswer, Settings, VectorRequest};
use link::{Ask, Link};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// An HLR.
pub(super) struct Gsup {
    asks: mpsc::Sender<Ask>,
    task: AbortHandle,
}

impl Gsup {
    /// Connects at once and again whenever the connection is lost. `name` is the client's; `bound` is for connecting, for
    /// the handshake and for a ping's answer; so many requests wait for the connection at the most.
    pub(super) fn new(peer: PeerAddress, name: String, bound: Duration, max_requests: usize) -> Self {
        let (asks, receiver) = mpsc::channel(max_requests);
        let task = tokio::spawn(Link { peer, name, bound, asks: receiver }.run()).abort_handle();
        Self { asks, task }
    }
}

impl Drop for Gsup {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hss for Gsup {
    const NAME: &'static str = "gsup";
    const TELLS_SETTINGS: bool = false;

    async fn ask(&self, request: &VectorRequest, _: Option<&KeptSettings>) -> Result<HssAnswer, Failure> {
        let request = SendAuthInfo::new(request).ok_or(Failure::NoImsi)?;
        let (reply, answer) = oneshot::channel();
        let gone = || Failure::Link("this service is ending".to_owned());
        self.asks.send(Ask { request: request.clone(), reply }).await.map_err(|_| gone())?;
        let answer = answer.await.map_err(|_| gone())??;
        if let Err(cause) = answer.result {
            return Err(Failure::Cause(cause));
        }
        request.read_answer(answer).map_err(|_| Failure::NoVector)
    }

    async fn settings(&self, _: &Impi) -> Result<Settings, Failure> {
        Ok(Settings::Unsaid)
    }
}
