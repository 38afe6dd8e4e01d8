//! One bootstrap: `ksnaf_proto::ub`'s UE between the card and the BSF.

use super::address::{BsfAddress, Place};
use super::card::{Authenticated, CardAccess};
use super::{CardFacts, Means, Run, UeError};
use crate::config::{UeBootstrap, UeConfig, UnconfirmedConfig};
use crate::http::client::{self, Ask, TlsSession};
use bytes::Bytes;
use ksnaf_proto::aka::convert::{Kc, Sres};
use ksnaf_proto::gba::digest_mode::TlsMkExtr;
use ksnaf_proto::gba::{GbaMode, GbaType, NafId, Tmpi, UaSecurityProtocolId, kdf};
use ksnaf_proto::ub::UeBootstrap as UeProcedure;
use ksnaf_proto::ub::{
    self, Bootstrapped, CardOutcome, Cnonce, Derived, UbRequest, UbResponse, UeKind, UeStep,
};
use ksnaf_proto::uicc::authenticate::GsmOutcome;
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

/// Who bootstraps with whom, and how.
pub(super) struct Parties<'a> {
    pub(super) means: &'a Means,
    pub(super) bsf: &'a BsfAddress,
    pub(super) settings: &'a UeConfig,
    pub(super) unconfirmed: &'a UnconfirmedConfig,
}

impl Parties<'_> {
    fn kind(&self) -> UeKind {
        match self.means {
            Means::Card(_) => match self.settings.bootstrap {
                UeBootstrap::TwoG => UeKind::TwoG(self.unconfirmed.two_g()),
                UeBootstrap::Aka | UeBootstrap::Digest => UeKind::Aka,
            },
            Means::Digest(file) => UeKind::Digest(file.digest()),
        }
    }

    /// The first request, at the first place that answers: nothing has happened before it, so another place will do.
    async fn begin(&self, facts: &CardFacts, tmpi: Option<Tmpi>) -> Result<(Line, UeStep), UeError> {
        let places = self.bsf.places(facts)?;
        let bound = self.settings.timeout.0;
        let first_bound = bound / u32::try_from(places.len().max(1)).unwrap_or(u32::MAX);
        let mut failed = UeError::NoBsf;
        for place in places {
            let host = place.host.clone();
            let (request, next) = UeProcedure::start(self.procedure(&place, facts, tmpi.clone()));
            let begun = async {
                let mut line = Line { session: self.session(&place).await?, place, bound: first_bound };
                let answer = line.exchange(request).await?;
                Ok((line, answer))
            };
            match begun.await {
                Ok((line, answer)) => {
                    return Ok((Line { bound, ..line }, next.resume(&answer, SystemTime::now())));
                }
                Err(error) => {
                    let error: UeError = error;
                    tracing::debug!(bsf = %host, %error, "no answer to the first request");
                    failed = error;
                }
            }
        }
        Err(failed)
    }

    fn procedure(&self, place: &Place, facts: &CardFacts, tmpi: Option<Tmpi>) -> ub::UeConfig {
        let kind = self.kind();
        ub::UeConfig {
            impi: facts.impi.clone(),
            tmpi,
            bsf: place.name.clone(),
            // Over TLS to that name, the realm is the certificate's (TS 24.109 clause H.2).
            expected_realm: match kind {
                UeKind::Aka => place.expected_realm.clone(),
                _ => Some(place.name.clone()),
            },
            uri: place.path.clone(),
            user_agent: format!("ksnaf/{}", env!("CARGO_PKG_VERSION")),
            tmpi_supported: self.settings.tmpi,
            accept_auth: false,
            kind,
        }
    }

    /// The connection that all but AKA bind a bootstrap to.
    async fn session(&self, place: &Place) -> Result<Option<TlsSession>, UeError> {
        if matches!(self.kind(), UeKind::Aka) {
            return Ok(None);
        }
        let label = &self.unconfirmed.digest_exporter;
        Ok(Some(TlsSession::open(&place.target, place.name.as_str(), label).await?))
    }

    /// Runs it to its end. The caller bounds the time.
    pub(super) async fn bootstrap(
        &self,
        facts: &CardFacts,
        tmpi: Option<Tmpi>,
        progress: &Progress,
    ) -> Result<Run, UeError> {
        let Self { means, settings, .. } = self;
        let (mut line, mut step) = self.begin(facts, tmpi).await?;
        let mut last: Option<Authenticated> = None;
        loop {
            step = match step {
                UeStep::Send(request, next) => next.resume(&line.exchange(request).await?, SystemTime::now()),
                UeStep::AskCard { rand, autn, next } => {
                    let card = means.card()?;
                    let answered = card.authenticate(facts, settings.mode, rand, autn).await;
                    let outcome = match &answered {
                        Ok(Authenticated::Accepted { res, .. }) => CardOutcome::Res(res.clone()),
                        Ok(Authenticated::SyncFailure(auts)) => CardOutcome::SyncFailure(*auts),
                        Err(error) if error.is_mac_failure() => CardOutcome::MacFailure,
                        Err(_) => return Err(answered.err().unwrap_or(UeError::NoBsf)),
                    };
                    let step = next.resume(outcome, cnonce()?);
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
                                let _ = line.exchange(request).await;
                            }
                            return Err(reason);
                        }
                    }
                    step
                }
                UeStep::AskSim { rand, next } => {
                    let GsmOutcome { sres, kc } = means.card()?.authenticate_gsm(facts, rand).await?;
                    progress.answered.store(true, Ordering::Relaxed);
                    let (kc, sres) = (Kc::new(*kc.danger_expose()), Sres::new(*sres.danger_expose()));
                    next.resume(&kc, &sres, cnonce()?)
                }
                UeStep::AskTls(next) => {
                    let exported = line.session.as_ref().map(TlsSession::exported).ok_or(UeError::NoBsf)?;
                    progress.answered.store(true, Ordering::Relaxed);
                    next.resume(&TlsMkExtr::new(*exported.danger_expose()), cnonce()?)
                }
                UeStep::Established(done) => {
                    if !done.b_tid_as_specified {
                        tracing::warn!("the B-TID is not base64(RAND)@realm; it is used as it stands");
                    }
                    return match done.derived.clone() {
                        Some(derived) => Ok(derived_run(facts, done, derived)),
                        None => finish(means.card()?, facts, done, last).await,
                    };
                }
                UeStep::Failed(error) => return Err(error.into()),
            };
        }
    }
}

fn cnonce() -> Result<Cnonce, UeError> {
    let mut cnonce = [0; 16];
    getrandom::fill(&mut cnonce).map_err(|_| UeError::NoRandomness)?;
    Ok(Cnonce(cnonce))
}

/// The run of a bootstrap whose Ks the procedure itself has made.
fn derived_run(facts: &CardFacts, done: Bootstrapped, derived: Derived) -> Run {
    let Derived { gba_type, ks, nonce } = derived;
    Run {
        b_tid: done.b_tid,
        rand: done.rand,
        impi: facts.impi.clone(),
        gba_mode: GbaMode::Me,
        gba_type,
        nonce: (gba_type == GbaType::Digest).then_some(nonce),
        created_at: SystemTime::now(),
        expires_at: done.expires_at,
        tmpi: None,
        ks: Some(ks),
        iccid: facts.iccid.clone(),
    }
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
        gba_type: GbaType::ThreeG,
        nonce: None,
        created_at: SystemTime::now(),
        expires_at: done.expires_at,
        tmpi,
        ks,
        iccid: facts.iccid.clone(),
    })
}

/// The way to the BSF.
struct Line {
    place: Place,
    bound: Duration,
    /// The one connection of a bootstrap that is bound to it. AKA is not: each request has its own.
    session: Option<TlsSession>,
}

impl Line {
    async fn exchange(&mut self, request: UbRequest) -> Result<UbResponse, UeError> {
        let ask = Ask {
            method: http::Method::GET,
            path: &request.target,
            host: Some(&self.place.host),
            headers: request.headers.clone(),
            body: Bytes::from(request.body.clone()),
        };
        let answer = match &mut self.session {
            Some(session) => session.send(ask).await?,
            None => client::send(&self.place.target, ask, self.bound).await?,
        };
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            answer.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        Ok(UbResponse { status: answer.status.as_u16(), headers, body: answer.body.to_vec() })
    }
}
