//! One bootstrap: `ksnaf_proto::ub`'s UE between the card and the BSF.

use super::address::{BsfAddress, Place};
use super::card::{Authenticated, CardAccess};
use super::{CardFacts, Run, UeError};
use crate::config::UeConfig;
use crate::http::client::{self, Ask};
use bytes::Bytes;
use ksnaf_proto::gba::{GbaMode, NafId, Tmpi, UaSecurityProtocolId, kdf};
use ksnaf_proto::ub::{self, Bootstrapped, CardOutcome, Cnonce, UbRequest, UbResponse, UeBootstrap, UeStep};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// How far a bootstrap came, for one that fails: what it may have done to the one before it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    card_has_new_ks: AtomicBool,
    answered: AtomicBool,
}

impl Progress {
    /// The card has overwritten its former Ks.
    pub(super) fn card_has_new_ks(&self) -> bool {
        self.card_has_new_ks.load(Ordering::Relaxed)
    }

    /// The BSF was sent an answer to its challenge, and may have replaced the former association.
    pub(super) fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Runs it to its end. The caller bounds the time.
pub(super) async fn bootstrap(
    card: &CardAccess,
    bsf: &BsfAddress,
    settings: &UeConfig,
    facts: &CardFacts,
    tmpi: Option<Tmpi>,
    progress: &Progress,
) -> Result<Run, UeError> {
    let (place, mut step) = begin(bsf.places(facts)?, settings, facts, tmpi).await?;
    let mut last: Option<Authenticated> = None;
    loop {
        step = match step {
            UeStep::Send(request, next) => {
                next.resume(&exchange(&place, request, settings.timeout.0).await?, SystemTime::now())
            }
            UeStep::AskCard { rand, autn, next } => {
                let answered = card.authenticate(facts, settings.mode, rand, autn).await;
                let outcome = match &answered {
                    Ok(Authenticated::Accepted { res, .. }) => CardOutcome::Res(res.clone()),
                    Ok(Authenticated::SyncFailure(auts)) => CardOutcome::SyncFailure(*auts),
                    Err(error) if error.is_mac_failure() => CardOutcome::MacFailure,
                    Err(_) => return Err(answered.err().unwrap_or(UeError::NoBsf)),
                };
                let mut cnonce = [0; 16];
                getrandom::fill(&mut cnonce).map_err(|_| UeError::NoRandomness)?;
                let step = next.resume(outcome, Cnonce(cnonce));
                match answered {
                    Ok(accepted) => {
                        if let Authenticated::Accepted { ks, .. } = &accepted {
                            progress.card_has_new_ks.store(ks.is_none(), Ordering::Relaxed);
                            progress.answered.store(true, Ordering::Relaxed);
                        }
                        last = Some(accepted);
                    }
                    // The BSF is told, then the card's own reason is the error: it says more than the BSF can.
                    Err(reason) => {
                        if let UeStep::Send(request, _) = step {
                            let _ = exchange(&place, request, settings.timeout.0).await;
                        }
                        return Err(reason);
                    }
                }
                step
            }
            UeStep::Established(done) => return finish(card, facts, done, last).await,
            UeStep::Failed(error) => return Err(error.into()),
        };
    }
}

/// The first request, at the first place that answers: nothing has happened before it, so another place will do.
async fn begin(
    places: Vec<Place>,
    settings: &UeConfig,
    facts: &CardFacts,
    tmpi: Option<Tmpi>,
) -> Result<(Place, UeStep), UeError> {
    let bound = settings.timeout.0 / u32::try_from(places.len().max(1)).unwrap_or(u32::MAX);
    let mut failed = UeError::NoBsf;
    for place in places {
        let config = ub::UeConfig {
            impi: facts.impi.clone(),
            tmpi: tmpi.clone(),
            bsf: place.name.clone(),
            expected_realm: place.expected_realm.clone(),
            uri: place.path.clone(),
            user_agent: format!("ksnaf/{}", env!("CARGO_PKG_VERSION")),
            tmpi_supported: settings.tmpi,
            accept_auth: false,
        };
        let (request, next) = UeBootstrap::start(config);
        match exchange(&place, request, bound).await {
            Ok(answer) => return Ok((place, next.resume(&answer, SystemTime::now()))),
            Err(error) => {
                tracing::debug!(bsf = %place.host, %error, "no answer to the first request");
                failed = error;
            }
        }
    }
    Err(failed)
}

/// Makes Ks, or tells the card what its Ks is called.
async fn finish(
    card: &CardAccess,
    facts: &CardFacts,
    done: Bootstrapped,
    last: Option<Authenticated>,
) -> Result<Run, UeError> {
    let (ks, gba_mode) = match last {
        Some(Authenticated::Accepted { ks: Some(ks), .. }) => (Some(ks), GbaMode::Me),
        _ => (None, GbaMode::U),
    };
    if !done.b_tid_as_specified {
        tracing::warn!("the B-TID is not base64(RAND)@realm; it is used as it stands");
    }
    if ks.is_none() {
        card.store_b_tid(facts, done.rand, done.b_tid.clone(), done.lifetime).await?;
    }
    let realm = ksnaf_proto::identity::Fqdn::parse(done.b_tid.bsf()).ok();
    let tmpi = match (&ks, realm) {
        (_, None) => None,
        _ if !done.tmpi_allowed => None,
        (Some(ks), Some(bsf)) => Some(kdf::tmpi(ks, &done.rand, &facts.impi, &bsf)),
        // With Ks in the card, its Ks_ext_NAF for the BSF's own identity is the KDF's output (TS 33.220 annex B.4).
        (None, Some(bsf)) => {
            let key = card.naf_key(facts, done.rand, NafId::new(bsf, UaSecurityProtocolId::TMPI)).await?;
            Some(Tmpi::from_kdf_output(key.danger_expose()))
        }
    };
    Ok(Run {
        b_tid: done.b_tid,
        rand: done.rand,
        impi: facts.impi.clone(),
        gba_mode,
        created_at: SystemTime::now(),
        expires_at: done.expires_at,
        tmpi,
        ks,
        iccid: facts.iccid.clone(),
    })
}

async fn exchange(place: &Place, request: UbRequest, bound: Duration) -> Result<UbResponse, UeError> {
    let ask = Ask {
        method: http::Method::GET,
        path: &request.target,
        host: Some(&place.host),
        headers: request.headers.clone(),
        body: Bytes::from(request.body.clone()),
    };
    let answer = client::send(&place.target, ask, bound).await?;
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers =
        answer.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Ok(UbResponse { status: answer.status.as_u16(), headers, body: answer.body.to_vec() })
}
