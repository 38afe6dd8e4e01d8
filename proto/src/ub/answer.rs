//! From an answer to an association: opening the challenge, verifying RES, storing.

use super::body::BootstrappingInfo;
use super::bsf::{Cause, Effects, FirstRequest, Inner, Manner, Outcome, UbStep};
use super::by_digest::AwaitDigest;
use super::challenge::{Wanted, identify, whole_seconds};
use super::message::{BSF_XML, UbRequest, UbResponse};
use super::refusal::Refusal;
use super::sealed::OpenError;
use super::state::{Basis, ChallengeState};
use super::suspect::{Evidence, Suspect};
use crate::aka::{Auts, Rand, Res};
use crate::digest::{AuthenticationInfo, Authorization, BASE64, Calculation, HeaderError, Qop};
use crate::gba::lifetime::unix_seconds;
use crate::gba::{Association, BTid, GbaMode, GbaType, Ks, kdf};
use base64::Engine as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

/// How much the clocks of a BSF's nodes may differ without a used RAND being forgotten too early.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// An association that RES has earned, to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Establish {
    /// What to store, in place of any other association of the same IMPI. The GUSS is not in the challenge: the shell
    /// puts the one that came with the vector, or that it asks for again, into `guss`.
    pub association: Association,
    /// Until this moment the RAND must be known as used. Later its challenge is expired, on nodes whose clocks differ by
    /// up to five minutes too, and nothing can come of it.
    pub rand_used_until: SystemTime,
}

/// What became of the association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It is durable.
    Created,
    /// Its RAND gave an association before; nothing changed.
    RandAlreadyUsed,
    /// The store does not answer; whether it took the association is not known.
    Unavailable,
}

/// Waits for the `opaque` that a UE did not send back.
#[derive(Debug)]
#[must_use]
pub struct AwaitChallenge {
    bsf: Arc<Inner>,
    answer: Box<Answer>,
}

impl AwaitChallenge {
    /// Goes on with the sealed text that went with the nonce, if it is known.
    #[must_use]
    pub fn resume(self, opaque: Option<&str>, now: SystemTime) -> UbStep {
        self.answer.go_on(&self.bsf, opaque, now)
    }
}

/// Waits for the store. Only a verified RES makes one, and only it makes the 200.
#[derive(Debug)]
#[must_use]
pub struct AwaitStore {
    bsf: Arc<Inner>,
    response: UbResponse,
    outcome: Outcome,
    _verified: ResVerified,
}

impl AwaitStore {
    /// Answers the UE.
    #[must_use]
    pub fn resume(self, stored: StoreOutcome) -> UbStep {
        match stored {
            StoreOutcome::Created => {
                UbStep::Done(self.response, Effects { remember: None, outcome: self.outcome })
            }
            StoreOutcome::RandAlreadyUsed => self.bsf.refuse(Refusal::Replay),
            StoreOutcome::Unavailable => self.bsf.refuse(Refusal::NoStore),
        }
    }
}

/// Proof that a response was computed with the RES of an open challenge; [`Answer::verify`] alone makes it.
#[derive(Debug)]
pub(super) struct ResVerified(());

/// What a verified response earns.
#[derive(Debug)]
pub(super) struct Earned {
    pub(super) verified: ResVerified,
    /// What the response was computed with, and rspauth will be.
    pub(super) res: Res,
    pub(super) ks: Ks,
}

/// A request with a nonce, and so an answer to some challenge. Debug shows what [`Authorization`]'s does.
#[derive(Debug)]
pub(super) struct Answer {
    authorization: Authorization,
    kind: Kind,
    target: String,
    body: Vec<u8>,
    manner: Manner,
}

/// What an answer says.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// RES.
    Response(Qop),
    /// The card refused the sequence number (TS 24.109 clause 4.5).
    SyncFailure(Qop, Auts),
    /// The card refused the MAC (TS 24.109 clause 4.4): an empty response without AUTS.
    MacFailure,
}

impl Answer {
    /// Checks all that can be checked without the challenge.
    pub(super) fn read(
        authorization: Authorization,
        request: &UbRequest,
        manner: Manner,
        qop_is_taken: impl Fn(Qop) -> bool,
    ) -> Result<Self, Refusal> {
        let response = authorization.response.as_deref().ok_or(HeaderError::Missing("response"))?;
        let kind = if response.is_empty() && authorization.auts.is_none() {
            Kind::MacFailure
        } else {
            let qop = authorization.qop.filter(|qop| qop_is_taken(*qop)).ok_or(Refusal::Qop)?;
            check_nonce_count(authorization.nc.as_deref().ok_or(HeaderError::Missing("nc"))?)?;
            if authorization.cnonce.as_deref().ok_or(HeaderError::Missing("cnonce"))?.is_empty() {
                return Err(HeaderError::Value("cnonce").into());
            }
            match &authorization.auts {
                None => Kind::Response(qop),
                Some(auts) => Kind::SyncFailure(qop, read_auts(auts)?),
            }
        };
        let (target, body) = (request.target.clone(), request.body.clone());
        Ok(Self { authorization, kind, target, body, manner })
    }

    /// Finds the challenge that this answers.
    pub(super) fn open(self: Box<Self>, bsf: &Arc<Inner>, now: SystemTime) -> UbStep {
        match self.authorization.opaque.clone().filter(|opaque| !opaque.is_empty()) {
            Some(opaque) => self.go_on(bsf, Some(&opaque), now),
            None => {
                let nonce = self.authorization.nonce.clone();
                UbStep::NeedChallenge(nonce, AwaitChallenge { bsf: Arc::clone(bsf), answer: self })
            }
        }
    }

    fn go_on(self: Box<Self>, bsf: &Arc<Inner>, opaque: Option<&str>, now: SystemTime) -> UbStep {
        let nonce = &self.authorization.nonce;
        let opened = opaque.map(|opaque| bsf.keys.open(opaque, &bsf.config.realm, nonce));
        match opened {
            Some(Ok(state)) => self.judge(bsf, state, now).unwrap_or_else(|refusal| bsf.refuse(refusal)),
            Some(Err(OpenError::Broken)) => bsf.refuse(Refusal::Opaque),
            Some(Err(OpenError::NotOurs)) | None => self.ask_anew(bsf),
        }
    }

    /// An answer to a challenge nobody remembers, such as one from before a restart: the UE gets another.
    fn ask_anew(self: Box<Self>, bsf: &Arc<Inner>) -> UbStep {
        match self.kind {
            Kind::SyncFailure(..) => bsf.refuse(Refusal::AutsWithoutChallenge),
            Kind::Response(_) | Kind::MacFailure => {
                let Authorization { username, realm, .. } = self.authorization;
                if !bsf.is_realm(&realm) && !bsf.takes_first_realm(&realm, self.manner) {
                    return bsf.refuse(Refusal::Realm);
                }
                identify(bsf, FirstRequest { username, manner: self.manner }, Cause::Forgotten)
            }
        }
    }

    fn judge(
        self: Box<Self>,
        bsf: &Arc<Inner>,
        state: ChallengeState,
        now: SystemTime,
    ) -> Result<UbStep, Refusal> {
        self.fits(bsf, &state)?;
        let expired = now >= state.expires_at;
        match (self.kind, &state.basis) {
            (Kind::MacFailure, Basis::Aka { gba_mode, .. }) => Err(Refusal::NetworkAuthentication(*gba_mode)),
            (Kind::MacFailure, Basis::TwoG { .. } | Basis::Digest { .. }) => Err(Refusal::NoResponse),
            (Kind::SyncFailure(qop, auts), Basis::Aka { xres, .. }) => {
                self.check(&state, qop, b"", xres).map_err(Refusal::Response)?;
                if expired {
                    return Ok(self.again(state, Cause::Stale).ask(Arc::clone(bsf), None));
                }
                if state.sync_failures > 0 {
                    return Err(Refusal::SyncFailureTwice);
                }
                let rand = state.rand_of(&self.authorization.nonce).ok_or(Refusal::Opaque)?;
                let wanted = Wanted { sync_failures: 1, ..self.again(state, Cause::Resynchronised) };
                Ok(wanted.ask(Arc::clone(bsf), Some((rand, auts))))
            }
            (Kind::SyncFailure(..), Basis::TwoG { .. } | Basis::Digest { .. }) => {
                Err(Refusal::AutsWithoutChallenge)
            }
            (Kind::Response(qop), Basis::Aka { xres, ck, ik, .. }) => {
                let verified = self.verify(&state, qop, xres);
                let ks = Ks::from_ck_ik(ck, ik);
                let earned = verified.map(|verified| Earned { verified, res: xres.clone(), ks });
                self.settle(bsf, state, qop, earned, now)
            }
            (Kind::Response(qop), Basis::TwoG { res, ks }) => {
                let verified = self.verify(&state, qop, res);
                let earned = verified.map(|verified| Earned { verified, res: res.clone(), ks: ks.clone() });
                self.settle(bsf, state, qop, earned, now)
            }
            (Kind::Response(qop), Basis::Digest { .. }) => {
                AwaitDigest::to_verify(Arc::clone(bsf), self, state, qop)
            }
        }
    }

    /// Whether this answers that challenge: by its subscriber, realm, algorithm and transport.
    ///
    /// The algorithm may be left out, as RFC 2617 clause 3.2.2 allows: the one that was challenged is the only one
    /// that is computed. Naming another is refused.
    fn fits(&self, bsf: &Inner, state: &ChallengeState) -> Result<(), Refusal> {
        let Authorization { username, realm, algorithm, .. } = &self.authorization;
        if username != state.username() {
            return Err(Refusal::UsernameChanged);
        }
        let realm_fits = match &state.basis {
            Basis::Digest { realm: challenged, .. } => realm == challenged,
            Basis::Aka { .. } | Basis::TwoG { .. } => bsf.is_realm(realm),
        };
        if !realm_fits {
            return Err(Refusal::Realm);
        }
        if algorithm.as_ref().is_some_and(|named| named != state.algorithm()) {
            return Err(Refusal::Algorithm);
        }
        match state.gba_type() {
            GbaType::ThreeG => {}
            GbaType::TwoG => {
                bsf.config.others.two_g_over(self.manner.transport)?;
            }
            GbaType::Digest => {
                bsf.config.others.digest_over(self.manner.transport)?;
            }
        }
        Ok(())
    }

    /// What becomes of an answer whose response has been looked at.
    pub(super) fn settle(
        &self,
        bsf: &Arc<Inner>,
        state: ChallengeState,
        qop: Qop,
        earned: Result<Earned, Suspect>,
        now: SystemTime,
    ) -> Result<UbStep, Refusal> {
        let expired = now >= state.expires_at;
        match earned {
            Ok(_) if expired => Ok(self.again(state, Cause::Stale).ask(Arc::clone(bsf), None)),
            Ok(earned) => self.establish(bsf, earned, qop, state, now),
            Err(suspect) if !expired && state.wrong_responses < bsf.config.retries => {
                let wrong_responses = state.wrong_responses.saturating_add(1);
                let wanted = self.again(state, Cause::WrongResponse(suspect));
                Ok(Wanted { wrong_responses, ..wanted }.ask(Arc::clone(bsf), None))
            }
            Err(suspect) => Err(Refusal::Response(suspect)),
        }
    }

    /// A new challenge for the UE that answered this one.
    fn again(&self, state: ChallengeState, cause: Cause) -> Wanted {
        let manner = Manner {
            takes_tmpi: state.ue_takes_tmpi || self.manner.takes_tmpi,
            wants_digest: state.gba_type() == GbaType::Digest,
            ..self.manner
        };
        Wanted {
            impi: state.impi,
            tmpi_username: state.tmpi_username,
            manner,
            sync_failures: 0,
            wrong_responses: 0,
            cause,
        }
    }

    pub(super) fn verify(&self, state: &ChallengeState, qop: Qop, res: &Res) -> Result<ResVerified, Suspect> {
        self.check(state, qop, res.danger_expose(), res)?;
        Ok(ResVerified(()))
    }

    /// The octets of the response, where it is hex digits.
    pub(super) fn response_octets(&self) -> Option<Vec<u8>> {
        crate::hex::decode(self.authorization.response.as_deref()?)
    }

    fn check(&self, state: &ChallengeState, qop: Qop, password: &[u8], res: &Res) -> Result<(), Suspect> {
        let expected = self.calculation(state, qop, password);
        let received = self.authorization.response.as_deref().unwrap_or_default();
        if expected.response_is(received, "GET", &self.body) {
            return Ok(());
        }
        Err(self.suspect(state, expected, received, res))
    }

    fn suspect(
        &self,
        state: &ChallengeState,
        expected: Calculation<'_>,
        received: &str,
        res: &Res,
    ) -> Suspect {
        let uri_differs = self.authorization.uri != self.target;
        let by_target = Calculation { uri: &self.target, ..expected };
        if uri_differs && by_target.response_is(received, "GET", &self.body) {
            return Suspect::Uri;
        }
        let ck_ik = match &state.basis {
            Basis::Aka { ck, ik, .. } => Some((ck, ik)),
            Basis::TwoG { .. } | Basis::Digest { .. } => None,
        };
        Evidence { expected, received, method: "GET", body: &self.body, impi: &state.impi, res, ck_ik }
            .suspect()
    }

    fn calculation<'a>(&'a self, state: &'a ChallengeState, qop: Qop, password: &'a [u8]) -> Calculation<'a> {
        Calculation {
            algorithm: state.algorithm(),
            username: &self.authorization.username,
            realm: &self.authorization.realm,
            password,
            nonce: &self.authorization.nonce,
            nc: self.authorization.nc.as_deref().unwrap_or_default(),
            cnonce: self.authorization.cnonce.as_deref().unwrap_or_default(),
            qop,
            uri: &self.authorization.uri,
        }
    }

    fn establish(
        &self,
        bsf: &Arc<Inner>,
        earned: Earned,
        qop: Qop,
        state: ChallengeState,
        now: SystemTime,
    ) -> Result<UbStep, Refusal> {
        let rand: Rand = state.rand_of(&self.authorization.nonce).ok_or(Refusal::Opaque)?;
        let (realm, gba_type) = (&bsf.config.realm, state.gba_type());
        let Earned { verified, res, ks } = earned;
        let expires_at = whole_seconds(now, state.key_lifetime);
        let b_tid = BTid::new(&rand, realm);
        let info = BootstrappingInfo {
            b_tid: b_tid.clone(),
            lifetime: expires_at,
            current_time: bsf.config.tell_current_time.then_some(now),
        };
        let response = self.success(bsf, &state, qop, res.danger_expose(), &info);
        // The other bootstraps name the subscriber by the IMPI always (TS 24.109 clauses H.2 and I.2).
        let takes_tmpi = bsf.config.tmpi && (state.ue_takes_tmpi || self.manner.takes_tmpi);
        let tmpi =
            (takes_tmpi && gba_type == GbaType::ThreeG).then(|| kdf::tmpi(&ks, &rand, &state.impi, realm));
        let association = Association {
            b_tid: b_tid.clone(),
            rand,
            ks,
            impi: state.impi.clone(),
            tmpi,
            gba_mode: match state.basis {
                Basis::Aka { gba_mode, .. } => gba_mode,
                Basis::TwoG { .. } | Basis::Digest { .. } => GbaMode::Me,
            },
            gba_type,
            created_at: now,
            expires_at,
            guss: None,
        };
        let outcome = Outcome::Established { impi: state.impi, b_tid };
        Ok(UbStep::Establish(
            Box::new(Establish { association, rand_used_until: whole_seconds(state.expires_at, CLOCK_SKEW) }),
            AwaitStore { bsf: Arc::clone(bsf), response, outcome, _verified: verified },
        ))
    }

    fn success(
        &self,
        bsf: &Inner,
        state: &ChallengeState,
        qop: Qop,
        res: &[u8],
        info: &BootstrappingInfo,
    ) -> UbResponse {
        let body = info.encode();
        let proof = AuthenticationInfo {
            qop: Some(qop),
            rspauth: self.calculation(state, qop, res).rspauth(&body).ok(),
            cnonce: self.authorization.cnonce.clone(),
            nc: self.authorization.nc.clone(),
            opaque: self.authorization.opaque.clone(),
            nonce: Some(self.authorization.nonce.clone()),
        };
        let headers = [
            ("Server", bsf.server.clone()),
            ("Content-Type", BSF_XML.to_owned()),
            ("Authentication-Info", proof.to_string()),
            ("Expires", http_date(info.lifetime)),
            // Expires is annex A's; a cache could take it for leave to answer the next bootstrap. And rspauth covers the
            // body as it is, so nobody may compress it.
            ("Cache-Control", "no-store, no-transform".to_owned()),
        ];
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        UbResponse { status: 200, headers, body }
    }
}

/// Eight hex digits, one or more. A UE that goes on counting over nonces is let be: a RAND is good once in any case.
fn check_nonce_count(nc: &str) -> Result<(), HeaderError> {
    match crate::hex::decode_array::<4>(nc) {
        Some(count) if count != [0; 4] => Ok(()),
        _ => Err(HeaderError::Value("nc")),
    }
}

fn read_auts(text: &str) -> Result<Auts, Refusal> {
    let octets = BASE64.decode(text).map_err(|_| Refusal::Auts)?;
    octets.try_into().map(Auts).map_err(|_| Refusal::Auts)
}

/// RFC 9110 clause 5.6.7.
const HTTP_DATE: StaticFormatDescription =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

fn http_date(moment: SystemTime) -> String {
    let seconds = i64::try_from(unix_seconds(moment)).unwrap_or(i64::MAX);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(HTTP_DATE).unwrap_or_default()
}
