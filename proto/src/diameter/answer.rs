//! Answers made from requests (RFC 6733 clauses 6.2 and 7.2): what is copied, what is added, when E is set.

use super::avp::{Avp, Avps};
use super::check::Fault;
use super::dictionary::base;
use super::header::Header;
use super::identity::Origin;
use super::message::Message;
use super::result_code::{Outcome, ResultClass, ResultCode};

/// An answer under construction: Session-Id in front, Proxy-Info last, the rest in the order it is given.
#[derive(Debug, Clone)]
pub struct Answer {
    header: Header,
    avps: Avps,
    proxy_info: Vec<Avp>,
}

impl Answer {
    /// Begins an answer with this result, in the grammar of its command: for what the application decided.
    /// E is set for a protocol error only.
    #[must_use]
    pub fn new(request: &Message, origin: &Origin, outcome: Outcome) -> Self {
        Self::begin(request, origin, outcome, outcome.is_protocol_error())
    }

    /// Begins an answer that reports a fault in the grammar of its command: for an application that gives the
    /// AVPs its command requires even in a failure.
    #[must_use]
    pub fn fault(request: &Message, origin: &Origin, fault: &Fault) -> Self {
        Self::new(request, origin, Outcome::Result(fault.result)).failed(&fault.failed)
    }

    /// Begins an answer that reports a fault by somebody who does not know the command's grammar. E is set, so
    /// that nobody expects the command's AVPs in it; also for permanent failures, as RFC 6733 clause 7.1.5
    /// allows. Transient failures never have it.
    #[must_use]
    pub fn error(request: &Message, origin: &Origin, fault: &Fault) -> Self {
        let error =
            matches!(fault.result.class(), ResultClass::ProtocolError | ResultClass::PermanentFailure);
        Self::begin(request, origin, Outcome::Result(fault.result), error).failed(&fault.failed)
    }

    /// 3001: this node does not know the command.
    #[must_use]
    pub fn command_unsupported(request: &Message, origin: &Origin) -> Self {
        Self::error(request, origin, &Fault::new(ResultCode::COMMAND_UNSUPPORTED))
    }

    /// Adds an AVP.
    #[must_use]
    pub fn with(mut self, avp: Avp) -> Self {
        self.avps.push(avp);
        self
    }

    /// Adds AVPs.
    #[must_use]
    pub fn with_all(mut self, avps: impl IntoIterator<Item = Avp>) -> Self {
        self.avps.extend(avps);
        self
    }

    /// The whole answer.
    #[must_use]
    pub fn build(self) -> Message {
        let Self { header, mut avps, proxy_info } = self;
        avps.extend(proxy_info);
        Message { header, avps }
    }

    fn begin(request: &Message, origin: &Origin, outcome: Outcome, error: bool) -> Self {
        let header = Header { flags: request.header.flags.answered(error), ..request.header };
        let mut avps = Avps::default();
        avps.extend(request.avps.first(&base::SESSION_ID).cloned());
        avps.extend([
            outcome.avp(),
            base::ORIGIN_HOST.identity(&origin.host),
            base::ORIGIN_REALM.identity(&origin.realm),
        ]);
        Self { header, avps, proxy_info: request.avps.all(&base::PROXY_INFO).cloned().collect() }
    }

    fn failed(self, failed: &[Avp]) -> Self {
        if failed.is_empty() { self } else { self.with(base::FAILED_AVP.grouped(failed)) }
    }
}

/// Gives an answer to another copy of its request: identifiers, P flag and Proxy-Info of that copy, everything
/// else as before (RFC 6733 clause 3, on duplicates).
#[must_use]
pub(super) fn readdress(answer: &Message, request: &RequestHead) -> Message {
    let error = answer.header.flags.is_error();
    let mut avps = answer.avps.clone();
    avps.retain(|avp| !avp.is(&base::PROXY_INFO));
    avps.extend(request.0.avps.all(&base::PROXY_INFO).cloned());
    let header = request.0.header;
    Message { header: Header { flags: header.flags.answered(error), ..header }, avps }
}

/// What an answer needs of its request: header, Session-Id and Proxy-Info.
#[derive(Debug, Clone)]
pub(super) struct RequestHead(pub(super) Message);

impl RequestHead {
    pub(super) fn of(request: &Message) -> Self {
        let kept = |avp: &&Avp| avp.is(&base::SESSION_ID) || avp.is(&base::PROXY_INFO);
        let avps: Vec<_> = request.avps.iter().filter(kept).cloned().collect();
        Self(Message { header: request.header, avps: Avps::from(avps) })
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
