//! A request's body whose rest can be read away after a refusal: a connection that is closed over unread octets is reset, and
//! the refusal may never arrive.

use super::refusal::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// Octets that are read away; who sends more sees a reset.
const MOST: usize = 256 * 1024;

/// For all of them together.
const LONGEST: Duration = Duration::from_secs(2);

/// The rest of a request's body.
pub(super) struct Rest(Arc<Mutex<Incoming>>);

/// The body as it is passed on, and its rest.
pub(super) fn split(body: Incoming) -> (Body, Rest) {
    let shared = Arc::new(Mutex::new(body));
    (Shared(Arc::clone(&shared)).boxed_unsync(), Rest(shared))
}

impl Rest {
    /// Reads it away, within bounds.
    pub(super) fn drain(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let mut rest = Shared(self.0);
            let _ = tokio::time::timeout(LONGEST, read_away(&mut rest)).await;
        })
    }
}

async fn read_away(rest: &mut Shared) {
    let mut octets = 0;
    while let Some(Ok(frame)) = rest.frame().await {
        octets += frame.into_data().map_or(0, |data| data.len());
        if octets > MOST {
            return;
        }
    }
}

struct Shared(Arc<Mutex<Incoming>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl hyper::body::Body for Shared {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut *self.body()).poll_frame(context);
        polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}
