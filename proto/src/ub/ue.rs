//! The UE's side of Ub.
//!
//! The core asks the card with RAND and AUTN and never sees CK and IK; GBA_ME and GBA_U look alike on Ub. Who has the
//! card derives Ks, or tells the card the B-TID. Of 2G GBA and GBA_Digest the core itself derives Ks. Redirects are the
//! shell's, and so is TLS: with 2G GBA and GBA_Digest, to the name that is the BSF's, all requests on one connection.

use super::body::BodyError;
use super::message::{UbRequest, UbResponse};
use super::product::{DIGEST_TOKEN, GbaSupport, with_support};
use super::ue_proof::Proof;
use crate::aka::convert::{Kc, Sres};
use crate::aka::{Autn, Auts, Rand, Res};
use crate::digest::{Algorithm, Authorization, BASE64, Challenge, HeaderError, Qop};
use crate::gba::digest_mode::{GbaDigest, TlsMkExtr};
use crate::gba::kdf2g::{self, KsInput, TwoGGba};
use crate::gba::{BTid, GbaType, Ks, Tmpi};
use crate::identity::{Fqdn, Impi};
use crate::reader::Reader;
use crate::secret::SecretBytes;
use base64::Engine as _;
use std::time::{Duration, SystemTime};

/// A resynchronisation, one more challenge because the answer was late, and one to spare.
const MAX_CHALLENGES: u8 = 4;

/// Who bootstraps, and where.
#[derive(Debug, Clone)]
pub struct UeConfig {
    /// The subscriber.
    pub impi: Impi,
    /// The TMPI of the last bootstrap with this BSF, if both sides support it: stands in place of the IMPI.
    pub tmpi: Option<Tmpi>,
    /// The BSF's name: the realm to send.
    pub bsf: Fqdn,
    /// The realm that a challenge must have; `None` takes any. As a rule the BSF's name, so that nobody else's
    /// challenge is answered (TS 24.109 clause 4.2).
    pub expected_realm: Option<Fqdn>,
    /// Request target: path and query, `/` by default.
    pub uri: String,
    /// Text of the User-Agent header, without product tokens of GBA.
    pub user_agent: String,
    /// Whether this UE keeps and sends TMPIs.
    pub tmpi_supported: bool,
    /// Whether a challenge that offers only `qop=auth` is answered. Then nothing protects B-TID and lifetime.
    pub accept_auth: bool,
    /// Which bootstrap to run. Challenges of another kind are not answered.
    pub kind: UeKind,
}

/// A bootstrap as the UE runs it.
#[derive(Debug, Clone, Default)]
pub enum UeKind {
    /// With a USIM or an ISIM.
    #[default]
    Aka,
    /// With a SIM.
    TwoG(TwoGGba),
    /// With a SIP Digest credential.
    Digest(UeDigest),
}

impl UeKind {
    const fn is_aka(&self) -> bool {
        matches!(self, Self::Aka)
    }
}

/// A SIP Digest credential, and how GBA_Digest takes it.
#[derive(Debug, Clone)]
pub struct UeDigest {
    /// What is not confirmed of the derivations.
    pub gba: GbaDigest,
    /// The realm of H(A1): the home network's domain.
    pub realm: String,
    /// The algorithm of H(A1).
    pub algorithm: Algorithm,
    /// H(A1), octets.
    pub ha1: SecretBytes,
}

/// Sixteen random octets, drawn anew for every answer.
#[derive(Debug, Clone, Copy)]
pub struct Cnonce(pub [u8; 16]);

/// One bootstrap.
#[derive(Debug)]
pub struct UeBootstrap;

/// What comes next. A question to the outside stands beside the continuation that takes the answer.
#[derive(Debug)]
pub enum UeStep {
    /// Send this to the BSF.
    Send(UbRequest, AwaitAnswer),
    /// Run AUTHENTICATE with these.
    AskCard {
        /// RAND of the challenge.
        rand: Rand,
        /// AUTN, or AUTN* where the BSF runs GBA_U.
        autn: Autn,
        /// Takes the card's answer.
        next: AwaitCard,
    },
    /// 2G GBA: run the SIM's A3 and A8 with this RAND.
    AskSim {
        /// RAND of the challenge.
        rand: Rand,
        /// Takes the SIM's answer.
        next: AwaitSim,
    },
    /// GBA_Digest: tell what the TLS connection to the BSF exports.
    AskTls(AwaitTls),
    /// The BSF has proven that it knows RES: Ks is in force.
    Established(Bootstrapped),
    /// No association.
    Failed(UeError),
}

/// What the UE has when a bootstrap succeeded. With AKA, Ks is CK ‖ IK of the card's last answer, or in the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrapped {
    /// Names the association.
    pub b_tid: BTid,
    /// RAND of the run: an input of every NAF key. GBA_Digest has none, and zeros stand here.
    pub rand: Rand,
    /// What the core itself has derived, with 2G GBA and GBA_Digest.
    pub derived: Option<Derived>,
    /// When it expires, by the UE's own clock.
    pub expires_at: SystemTime,
    /// What the BSF said of the expiry, by its clock: what the card's EF_GBABP keeps.
    pub lifetime: SystemTime,
    /// Both sides support TMPIs: compute one, and use it the next time. Its BSF name is the one in the B-TID, which need
    /// not be the realm.
    pub tmpi_allowed: bool,
    /// The TMPI that was sent is unknown to the BSF: forget it.
    pub tmpi_was_unknown: bool,
    /// Whether the B-TID is base64(RAND) `@` realm, as TS 33.220 clause 4.5.2 builds it. Worth a warning if not.
    pub b_tid_as_specified: bool,
}

/// Ks of a bootstrap without UMTS AKA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Which bootstrap.
    pub gba_type: GbaType,
    /// Its Ks.
    pub ks: Ks,
    /// What enters NAF keys in the place of RAND: RAND, or the nonce of GBA_Digest.
    pub nonce: Vec<u8>,
}

/// What the card says to RAND and AUTN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardOutcome {
    /// AUTN is good.
    Res(Res),
    /// The sequence number is not fresh.
    SyncFailure(Auts),
    /// AUTN's MAC is wrong: another network, another K, or AUTN* to a card that runs GBA_ME.
    MacFailure,
}

/// Why a UE has no association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UeError {
    /// The BSF refused, or answered with a status that has no place in a bootstrap.
    #[error("the BSF answered {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// The BSF cannot serve at the moment.
    #[error("the BSF is not available")]
    Unavailable {
        /// What Retry-After says, if it says seconds.
        retry_after: Option<Duration>,
    },
    /// A header of the BSF cannot be read.
    #[error("the BSF's answer: {0}")]
    Header(#[from] HeaderError),
    /// 401 without a Digest challenge.
    #[error("401 without a Digest challenge")]
    NoChallenge,
    /// Only challenges with other algorithms: no downgrade.
    #[error("no challenge with the algorithm of this bootstrap")]
    Algorithm,
    /// A challenge of another bootstrap than the one that was asked for: no downgrade.
    #[error("a challenge of another bootstrap than this one")]
    OtherBootstrap,
    /// A challenge of another realm than the BSF's name.
    #[error("a challenge of another realm than the BSF's name")]
    Realm,
    /// `auth-int` is not offered.
    #[error("the BSF does not offer auth-int")]
    Qop,
    /// The nonce is not base64 of RAND and AUTN.
    #[error("the nonce is not base64 of RAND and AUTN")]
    Nonce,
    /// The card refused AUTN's MAC; the BSF has been told.
    #[error("the card refused AUTN's MAC: not this subscriber's network, or GBA_ME and GBA_U do not fit")]
    NetworkAuthentication,
    /// The card refused the sequence number again right after a resynchronisation.
    #[error("a second synchronisation failure in a row")]
    SyncFailureTwice,
    /// The BSF goes on challenging.
    #[error("more challenges than a bootstrap needs")]
    TooManyChallenges,
    /// 200 in answer to a request that no RES went with.
    #[error("success that no answer to a challenge has earned")]
    UnearnedSuccess,
    /// 200 without Authentication-Info.
    #[error("success without Authentication-Info")]
    NoAuthenticationInfo,
    /// Authentication-Info does not prove that the BSF knows RES and sent this body.
    #[error("the BSF's proof does not verify")]
    BsfAuthentication,
    /// The proof holds, but the body does not.
    #[error("the BSF's answer: {0}")]
    Body(#[from] BodyError),
}

impl UeBootstrap {
    /// The first request (TS 24.109 annex A.3 step 1).
    pub fn start(mut config: UeConfig) -> (UbRequest, AwaitAnswer) {
        // The other bootstraps name the subscriber by the IMPI always (TS 24.109 clauses H.2 and I.2).
        config.tmpi_supported &= config.kind.is_aka();
        let tmpi_sent = config.tmpi_supported && config.tmpi.is_some();
        Run {
            config,
            tmpi_sent,
            tmpi_was_unknown: false,
            challenges: 0,
            sync_failures: 0,
            bsf_takes_tmpi: false,
        }
        .first_request()
    }
}

/// Waits for the BSF.
#[derive(Debug)]
#[must_use]
pub struct AwaitAnswer {
    run: Run,
    sent: Sent,
}

/// What the answer is an answer to.
#[derive(Debug)]
enum Sent {
    First,
    Response(Box<Proof>),
    SyncFailure,
    MacFailure,
}

impl AwaitAnswer {
    /// Takes the BSF's answer. `now` is the UE's wall clock, right or wrong.
    #[must_use]
    pub fn resume(mut self, response: &UbResponse, now: SystemTime) -> UeStep {
        let servers = response.header_values("Server");
        self.run.bsf_takes_tmpi |= servers.map(GbaSupport::parse).any(|support| support.tmpi);
        self.step(response, now).unwrap_or_else(UeStep::Failed)
    }

    fn step(self, response: &UbResponse, now: SystemTime) -> Result<UeStep, UeError> {
        let Self { run, sent } = self;
        match (response.status, sent) {
            // Whatever the BSF makes of the report, a network that the card refuses is not asked again.
            (_, Sent::MacFailure) => Err(UeError::NetworkAuthentication),
            (200, Sent::Response(proof)) => proof.check(&run, response, now).map(UeStep::Established),
            (200, _) => Err(UeError::UnearnedSuccess),
            (401, Sent::First) if run.tmpi_sent && !has_challenge(response) => Ok(run.without_tmpi()),
            (401, _) => run.challenged(response),
            (503, _) => Err(UeError::Unavailable { retry_after: retry_after(response) }),
            (400..=499, Sent::First) if run.tmpi_sent => Ok(run.without_tmpi()),
            (status, _) => Err(UeError::Refused { status }),
        }
    }
}

/// A challenge that is to be answered.
#[derive(Debug)]
struct Challenged {
    run: Run,
    challenge: Challenge,
    qop: Qop,
}

/// Waits for the card.
#[derive(Debug)]
#[must_use]
pub struct AwaitCard {
    challenged: Challenged,
    rand: Rand,
}

impl AwaitCard {
    /// Takes the card's answer. `cnonce` is random.
    #[must_use]
    pub fn resume(self, outcome: CardOutcome, cnonce: Cnonce) -> UeStep {
        let Self { challenged, rand } = self;
        match outcome {
            CardOutcome::Res(res) => challenged.respond(res, cnonce, rand, |_| None),
            CardOutcome::SyncFailure(_) if challenged.run.sync_failures > 0 => {
                UeStep::Failed(UeError::SyncFailureTwice)
            }
            CardOutcome::SyncFailure(auts) => challenged.resynchronise(auts, cnonce),
            CardOutcome::MacFailure => {
                let report = Authorization { response: Some(String::new()), ..challenged.authorization() };
                challenged.run.send(&report, Sent::MacFailure)
            }
        }
    }
}

/// Waits for the SIM.
#[derive(Debug)]
#[must_use]
pub struct AwaitSim {
    challenged: Challenged,
    gba: TwoGGba,
    rand: Rand,
    ks_input: KsInput,
}

impl AwaitSim {
    /// Takes the SIM's answer. `cnonce` is random.
    #[must_use]
    pub fn resume(self, kc: &Kc, sres: &Sres, cnonce: Cnonce) -> UeStep {
        let Self { challenged, gba, rand, ks_input } = self;
        let Some(res) = gba.res(kc, &rand, sres) else {
            return UeStep::Failed(UeError::Nonce);
        };
        let ks = gba.ks(kc, &rand, sres, &ks_input);
        let derived = Derived { gba_type: GbaType::TwoG, ks, nonce: rand.0.to_vec() };
        challenged.respond(res, cnonce, rand, |_| Some(derived))
    }
}

/// Waits for what the TLS connection exports.
#[derive(Debug)]
#[must_use]
pub struct AwaitTls {
    challenged: Challenged,
    digest: UeDigest,
}

impl AwaitTls {
    /// Takes what the connection exports on which the answer will go. `cnonce` is random.
    #[must_use]
    pub fn resume(self, tls: &TlsMkExtr, cnonce: Cnonce) -> UeStep {
        let Self { challenged, digest } = self;
        let UeDigest { gba, ha1, .. } = &digest;
        let Some(res) = Res::new(gba.passwd(ha1, tls).danger_expose()) else {
            return UeStep::Failed(UeError::Nonce);
        };
        let nonce = challenged.challenge.nonce.clone().into_bytes();
        let derive = |response: &[u8]| {
            Some(Derived { gba_type: GbaType::Digest, ks: gba.ks(ha1, tls, response), nonce })
        };
        challenged.respond(res, cnonce, Rand([0; 16]), derive)
    }
}

impl Challenged {
    /// `derive` gets the response's octets.
    fn respond(
        self,
        res: Res,
        cnonce: Cnonce,
        rand: Rand,
        derive: impl FnOnce(&[u8]) -> Option<Derived>,
    ) -> UeStep {
        let authorization = self.answer(res.danger_expose(), cnonce, None);
        let response = authorization.response.as_deref().and_then(crate::hex::decode).unwrap_or_default();
        let derived = derive(&response);
        let proof = Proof { authorization: authorization.clone(), res, qop: self.qop, rand, derived };
        let run = Run { sync_failures: 0, ..self.run };
        run.send(&authorization, Sent::Response(Box::new(proof)))
    }

    /// RFC 3310 clause 3.4: AUTS beside a response with an empty password.
    fn resynchronise(self, Auts(auts): Auts, cnonce: Cnonce) -> UeStep {
        let authorization = self.answer(b"", cnonce, Some(BASE64.encode(auts)));
        let run = Run { sync_failures: self.run.sync_failures.saturating_add(1), ..self.run };
        run.send(&authorization, Sent::SyncFailure)
    }

    fn answer(&self, password: &[u8], Cnonce(cnonce): Cnonce, auts: Option<String>) -> Authorization {
        let answer = Authorization {
            qop: Some(self.qop),
            nc: Some("00000001".to_owned()),
            cnonce: Some(crate::hex::encode(&cnonce)),
            auts,
            ..self.authorization()
        };
        let response = answer.calculation(self.qop, password).response("GET", b"").ok();
        Authorization { response, ..answer }
    }

    fn authorization(&self) -> Authorization {
        Authorization {
            username: self.run.username().to_owned(),
            realm: self.challenge.realm.clone(),
            nonce: self.challenge.nonce.clone(),
            uri: self.run.config.uri.clone(),
            opaque: self.challenge.opaque.clone(),
            algorithm: self.challenge.algorithm.clone(),
            ..Authorization::default()
        }
    }
}

/// The state of one bootstrap.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) config: UeConfig,
    tmpi_sent: bool,
    pub(super) tmpi_was_unknown: bool,
    challenges: u8,
    sync_failures: u8,
    pub(super) bsf_takes_tmpi: bool,
}

impl Run {
    fn username(&self) -> &str {
        let tmpi = self.config.tmpi.as_ref().filter(|_| self.tmpi_sent);
        tmpi.map_or(self.config.impi.as_str(), Tmpi::as_str)
    }

    fn first_request(self) -> (UbRequest, AwaitAnswer) {
        let authorization = Authorization {
            username: self.username().to_owned(),
            realm: match &self.config.kind {
                UeKind::Digest(digest) => digest.realm.clone(),
                UeKind::Aka | UeKind::TwoG(_) => self.config.bsf.to_string(),
            },
            uri: self.config.uri.clone(),
            response: Some(String::new()),
            ..Authorization::default()
        };
        (self.request(&authorization), AwaitAnswer { run: self, sent: Sent::First })
    }

    fn send(self, authorization: &Authorization, sent: Sent) -> UeStep {
        UeStep::Send(self.request(authorization), AwaitAnswer { run: self, sent })
    }

    fn request(&self, authorization: &Authorization) -> UbRequest {
        let mut user_agent = with_support(&self.config.user_agent, self.config.tmpi_supported);
        if matches!(self.config.kind, UeKind::Digest(_)) {
            user_agent = format!("{user_agent} {DIGEST_TOKEN}");
        }
        let headers = [
            ("User-Agent", user_agent),
            ("Accept", "*/*".to_owned()),
            ("Authorization", authorization.to_string()),
        ];
        UbRequest {
            method: "GET".to_owned(),
            target: self.config.uri.clone(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: Vec::new(),
        }
    }

    /// TS 33.220 clause 4.5.2 leaves open which error asks for the IMPI: any refusal of a TMPI does.
    fn without_tmpi(self) -> UeStep {
        let (request, next) = Self { tmpi_sent: false, tmpi_was_unknown: true, ..self }.first_request();
        UeStep::Send(request, next)
    }

    fn challenged(mut self, response: &UbResponse) -> Result<UeStep, UeError> {
        self.challenges = self.challenges.saturating_add(1);
        if self.challenges > MAX_CHALLENGES {
            return Err(UeError::TooManyChallenges);
        }
        let challenge = challenge_with(response, self.config.kind.algorithm())?;
        let qop = match challenge.qop.as_slice() {
            offered if offered.contains(&Qop::AuthInt) => Qop::AuthInt,
            [_, ..] if self.config.accept_auth => Qop::Auth,
            _ => return Err(UeError::Qop),
        };
        self.check_realm(&challenge)?;
        let challenged = |run| Challenged { run, challenge: challenge.clone(), qop };
        match (self.config.kind.clone(), kdf2g::parse_nonce(&challenge.nonce)) {
            (UeKind::Aka, None) => {
                let octets = BASE64.decode(&challenge.nonce).map_err(|_| UeError::Nonce)?;
                let mut reader = Reader::new(&octets);
                let rand = Rand(reader.array().map_err(|_| UeError::Nonce)?);
                let autn = Autn(reader.array().map_err(|_| UeError::Nonce)?);
                let next = AwaitCard { challenged: challenged(self), rand };
                Ok(UeStep::AskCard { rand, autn, next })
            }
            (UeKind::TwoG(gba), Some((rand, ks_input))) => {
                let next = AwaitSim { challenged: challenged(self), gba, rand, ks_input };
                Ok(UeStep::AskSim { rand, next })
            }
            (UeKind::Aka, Some(_)) | (UeKind::TwoG(_), None) => Err(UeError::OtherBootstrap),
            (UeKind::Digest(_), _) if challenge.nonce.is_empty() => Err(UeError::Nonce),
            (UeKind::Digest(digest), _) => {
                Ok(UeStep::AskTls(AwaitTls { challenged: challenged(self), digest }))
            }
        }
    }

    fn check_realm(&self, challenge: &Challenge) -> Result<(), UeError> {
        let right = match (&self.config.kind, &self.config.expected_realm) {
            (UeKind::Digest(digest), _) => challenge.realm == digest.realm,
            (UeKind::Aka | UeKind::TwoG(_), Some(realm)) => {
                challenge.realm.eq_ignore_ascii_case(realm.as_str())
            }
            (UeKind::Aka | UeKind::TwoG(_), None) => true,
        };
        if right { Ok(()) } else { Err(UeError::Realm) }
    }
}

impl UeKind {
    const fn algorithm(&self) -> &Algorithm {
        match self {
            Self::Aka | Self::TwoG(_) => &Algorithm::AkaV1Md5,
            Self::Digest(digest) => &digest.algorithm,
        }
    }
}

fn has_challenge(response: &UbResponse) -> bool {
    !matches!(challenge_with(response, &Algorithm::AkaV1Md5), Err(UeError::NoChallenge))
}

/// The first challenge with that algorithm. One without means MD5.
fn challenge_with(response: &UbResponse, algorithm: &Algorithm) -> Result<Challenge, UeError> {
    let mut challenges = Vec::new();
    for value in response.header_values("WWW-Authenticate") {
        challenges.extend(Challenge::parse_all(value)?);
    }
    if challenges.is_empty() {
        return Err(UeError::NoChallenge);
    }
    let fits = |found: &Challenge| found.algorithm.as_ref().unwrap_or(&Algorithm::Md5) == algorithm;
    challenges.into_iter().find(fits).ok_or(UeError::Algorithm)
}

fn retry_after(response: &UbResponse) -> Option<Duration> {
    let text = response.header_values("Retry-After").next()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
