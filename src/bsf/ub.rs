//! Ub on the wire: HTTP in, the steps of the procedure with what each one asks for, HTTP out.

use super::{Bsf, Inner};
use crate::http::server::{Handler, Peer, host_is_valid};
use crate::store::Establishment;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use ksnaf_proto::gba::digest_mode::TlsMkExtr;
use ksnaf_proto::ub::{
    AwaitStore, Cause, ChallengeRandom, Effects, Establish, Outcome, Refusal, StoreOutcome, TmpiLookup,
    Transport, UbRequest, UbResponse, UbStep, VectorError,
};
use std::sync::{Arc, PoisonError};
use std::time::{Instant, SystemTime};

/// Octets of a request's body; UEs send none.
const MAX_BODY: usize = 16 * 1024;

impl Handler for Bsf {
    type Body = Full<Bytes>;

    async fn handle(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let inner = &self.inner;
        let answered = tokio::time::timeout(inner.bound, inner.answer(request, &peer)).await;
        let response = answered.unwrap_or_else(|_| {
            inner.metrics.count_ub("timeout");
            tracing::warn!(peer = ?peer.address, "Ub request took too long");
            plain(StatusCode::SERVICE_UNAVAILABLE, "Try again later.\n")
        });
        inner.metrics.ub_seconds.observe(started.elapsed().as_secs_f64());
        response
    }
}

impl Inner {
    async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Response<Full<Bytes>> {
        if !host_is_valid(&request) {
            self.metrics.count_ub("malformed");
            return plain(StatusCode::BAD_REQUEST, "A request names one host.\n");
        }
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, MAX_BODY).collect().await {
            Ok(whole) => whole.to_bytes().to_vec(),
            Err(error) if error.is::<LengthLimitError>() => {
                self.metrics.count_ub("malformed");
                return plain(StatusCode::PAYLOAD_TOO_LARGE, "A bootstrapping request has no such body.\n");
            }
            Err(_) => return plain(StatusCode::BAD_REQUEST, "The body did not arrive whole.\n"),
        };
        // A header that is not text cannot be one the procedure reads, but it must not be skipped: lossy, it will not parse.
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let (method, target) = (parts.method.as_str().to_owned(), parts.uri.to_string());
        let request = UbRequest { method, target, headers, body };
        let transport = if peer.tls { Transport::Tls } else { Transport::Plain };
        let now = SystemTime::now();
        let (response, effects) =
            self.run(self.keys.at(now).handle(&request, transport, now), peer, now).await;
        self.note(&effects.outcome, peer);
        if let Some(challenge) = effects.remember {
            self.pending.lock().unwrap_or_else(PoisonError::into_inner).remember(challenge, now);
        }
        http(response)
    }

    /// Does what each step asks for until there is an answer. The procedure is finite: TMPI, challenge and store are each
    /// asked for once at the most, vector or credential twice.
    async fn run(&self, mut step: UbStep, peer: &Peer, now: SystemTime) -> (UbResponse, Effects) {
        loop {
            step = match step {
                UbStep::Done(response, effects) => return (response, effects),
                UbStep::NeedTmpi(tmpi, then) => then.resume(match self.store.impi_of(&tmpi, now).await {
                    Ok(Some(impi)) => TmpiLookup::Known(impi),
                    Ok(None) => TmpiLookup::Unknown,
                    Err(error) => {
                        tracing::error!(%error, "store failed");
                        TmpiLookup::Unavailable
                    }
                }),
                UbStep::NeedChallenge(nonce, then) => {
                    let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                    let opaque = pending.recall(&nonce, now).map(str::to_owned);
                    drop(pending);
                    then.resume(opaque.as_deref(), now)
                }
                UbStep::NeedVector(request, then) => {
                    let answer = self.source.vector(request).await;
                    let (answer, random) = with_random(answer);
                    then.resume(answer, now, random)
                }
                UbStep::NeedDigest(impi, then) => {
                    let answer = self.source.digest(&impi).await;
                    let (answer, random) = with_random(answer);
                    let tls = peer.exported.as_ref().map(|key| TlsMkExtr::new(*key.danger_expose()));
                    then.resume(answer, tls.as_ref(), now, random)
                }
                UbStep::Establish(establish, then) => self.establish(*establish, then).await,
            };
        }
    }

    async fn establish(&self, establish: Establish, then: AwaitStore) -> UbStep {
        let Establish { mut association, rand_used_until } = establish;
        association.guss = match self.source.guss(&association.impi).await {
            Ok(guss) => guss,
            Err(error) => {
                tracing::warn!(%error, "no GUSS for a verified bootstrap");
                return then.resume(StoreOutcome::Unavailable);
            }
        };
        then.resume(match self.store.establish(association, rand_used_until).await {
            Ok(Establishment::Created { .. }) => StoreOutcome::Created,
            Ok(Establishment::RandAlreadyUsed) => StoreOutcome::RandAlreadyUsed,
            Err(error) => {
                tracing::error!(%error, "store failed");
                StoreOutcome::Unavailable
            }
        })
    }

    /// One line and one count for each request. Debug of an IMPI is masked.
    fn note(&self, outcome: &Outcome, peer: &Peer) {
        let peer = peer.address.map(tracing::field::display);
        match outcome {
            Outcome::Challenged { impi, cause } => {
                self.metrics.count_ub(match cause {
                    Cause::Resynchronised => "resynchronised",
                    Cause::WrongResponse(_) => "wrong_response",
                    _ => "challenged",
                });
                tracing::debug!(peer, ?impi, ?cause, "Ub challenge");
            }
            Outcome::Established { impi, b_tid } => {
                self.metrics.count_ub("established");
                tracing::info!(peer, ?impi, %b_tid, "bootstrapped");
            }
            Outcome::Refused(refusal) => {
                self.metrics.count_ub(match refusal.status() {
                    404 => "unknown_tmpi",
                    400 | 405 => "malformed",
                    503 => "unavailable",
                    _ if *refusal == Refusal::Replay => "replay",
                    _ => "refused",
                });
                tracing::info!(peer, status = refusal.status(), reason = %refusal, "Ub request refused");
            }
            other => tracing::warn!(peer, ?other, "Ub outcome without a line of its own"),
        }
    }
}

/// An answer with the random octets of its challenge; without those there is none.
fn with_random<T>(answer: Result<T, VectorError>) -> (Result<T, VectorError>, ChallengeRandom) {
    let mut octets = [0; 28];
    match getrandom::fill(&mut octets) {
        Ok(()) => (answer, ChallengeRandom::new(octets)),
        Err(error) => {
            tracing::error!(%error, "no randomness");
            (Err(VectorError::Unavailable), ChallengeRandom::new(octets))
        }
    }
}

fn http(response: UbResponse) -> Response<Full<Bytes>> {
    let mut out = Response::new(Full::new(Bytes::from(response.body)));
    *out.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        match (header::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                out.headers_mut().append(name, value);
            }
            _ => tracing::error!("a header of the answer cannot be written"),
        }
    }
    out
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
