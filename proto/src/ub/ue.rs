//! The UE's side of Ub.
//!
//! The core asks the card with RAND and AUTN and never sees CK and IK; GBA_ME and GBA_U look alike on Ub. Who has the
//! card derives Ks, or tells the card the B-TID. Redirects are the shell's.

use super::body::{BodyError, BootstrappingInfo};
use super::message::{UbRequest, UbResponse};
use super::product::{GbaSupport, with_support};
use crate::aka::{Autn, Auts, Rand, Res};
use crate::digest::{
    Algorithm, AuthenticationInfo, Authorization, BASE64, Calculation, Challenge, HeaderError, Qop,
};
use crate::gba::{BTid, Tmpi};
use crate::identity::{Fqdn, Impi};
use crate::reader::Reader;
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
    /// The BSF has proven that it knows RES: Ks is in force.
    Established(Bootstrapped),
    /// No association.
    Failed(UeError),
}

/// What the UE has when a bootstrap succeeded. Ks is CK ‖ IK of the card's last answer, or in the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrapped {
    /// Names the association.
    pub b_tid: BTid,
    /// RAND of the run: an input of every NAF key.
    pub rand: Rand,
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
    #[error("no challenge with AKAv1-MD5")]
    Algorithm,
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
    pub fn start(config: UeConfig) -> (UbRequest, AwaitAnswer) {
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

/// Waits for the card.
#[derive(Debug)]
#[must_use]
pub struct AwaitCard {
    run: Run,
    challenge: Challenge,
    qop: Qop,
    rand: Rand,
}

impl AwaitCard {
    /// Takes the card's answer. `cnonce` is random.
    #[must_use]
    pub fn resume(self, outcome: CardOutcome, cnonce: Cnonce) -> UeStep {
        match outcome {
            CardOutcome::Res(res) => self.respond(res, cnonce),
            CardOutcome::SyncFailure(_) if self.run.sync_failures > 0 => {
                UeStep::Failed(UeError::SyncFailureTwice)
            }
            CardOutcome::SyncFailure(auts) => self.resynchronise(auts, cnonce),
            CardOutcome::MacFailure => {
                let report = Authorization { response: Some(String::new()), ..self.authorization() };
                self.run.send(&report, Sent::MacFailure)
            }
        }
    }

    fn respond(self, res: Res, cnonce: Cnonce) -> UeStep {
        let authorization = self.answer(res.danger_expose(), cnonce, None);
        let run = Run { sync_failures: 0, ..self.run };
        let proof = Proof { authorization: authorization.clone(), res, qop: self.qop, rand: self.rand };
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
        let response = calculation(&answer, self.qop, password).response("GET", b"").ok();
        Authorization { response, ..answer }
    }

    fn authorization(&self) -> Authorization {
        Authorization {
            username: self.run.username().to_owned(),
            realm: self.challenge.realm.clone(),
            nonce: self.challenge.nonce.clone(),
            uri: self.run.config.uri.clone(),
            opaque: self.challenge.opaque.clone(),
            algorithm: Some(Algorithm::AkaV1Md5),
            ..Authorization::default()
        }
    }
}

/// The state of one bootstrap.
#[derive(Debug)]
struct Run {
    config: UeConfig,
    tmpi_sent: bool,
    tmpi_was_unknown: bool,
    challenges: u8,
    sync_failures: u8,
    bsf_takes_tmpi: bool,
}

impl Run {
    fn username(&self) -> &str {
        let tmpi = self.config.tmpi.as_ref().filter(|_| self.tmpi_sent);
        tmpi.map_or(self.config.impi.as_str(), Tmpi::as_str)
    }

    fn first_request(self) -> (UbRequest, AwaitAnswer) {
        let authorization = Authorization {
            username: self.username().to_owned(),
            realm: self.config.bsf.to_string(),
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
        let user_agent = with_support(&self.config.user_agent, self.config.tmpi_supported);
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
        let challenge = aka_challenge(response)?;
        let expected = self.config.expected_realm.as_ref();
        if expected.is_some_and(|realm| !challenge.realm.eq_ignore_ascii_case(realm.as_str())) {
            return Err(UeError::Realm);
        }
        let qop = match challenge.qop.as_slice() {
            offered if offered.contains(&Qop::AuthInt) => Qop::AuthInt,
            [_, ..] if self.config.accept_auth => Qop::Auth,
            _ => return Err(UeError::Qop),
        };
        let octets = BASE64.decode(&challenge.nonce).map_err(|_| UeError::Nonce)?;
        let mut reader = Reader::new(&octets);
        let rand = Rand(reader.array().map_err(|_| UeError::Nonce)?);
        let autn = Autn(reader.array().map_err(|_| UeError::Nonce)?);
        Ok(UeStep::AskCard { rand, autn, next: AwaitCard { run: self, challenge, qop, rand } })
    }
}

fn has_challenge(response: &UbResponse) -> bool {
    !matches!(aka_challenge(response), Err(UeError::NoChallenge))
}

/// The first challenge with AKAv1-MD5. One without an algorithm means MD5.
fn aka_challenge(response: &UbResponse) -> Result<Challenge, UeError> {
    let mut challenges = Vec::new();
    for value in response.header_values("WWW-Authenticate") {
        challenges.extend(Challenge::parse_all(value)?);
    }
    if challenges.is_empty() {
        return Err(UeError::NoChallenge);
    }
    let is_aka = |challenge: &Challenge| challenge.algorithm == Some(Algorithm::AkaV1Md5);
    challenges.into_iter().find(is_aka).ok_or(UeError::Algorithm)
}

/// What the UE checks the BSF's proof against.
#[derive(Debug)]
struct Proof {
    authorization: Authorization,
    res: Res,
    qop: Qop,
    rand: Rand,
}

impl Proof {
    /// Nothing of the answer is believed before rspauth holds (RFC 2617 clause 3.2.3).
    fn check(&self, run: &Run, response: &UbResponse, now: SystemTime) -> Result<Bootstrapped, UeError> {
        let mut infos = response.header_values("Authentication-Info");
        let (Some(text), None) = (infos.next(), infos.next()) else {
            return Err(UeError::NoAuthenticationInfo);
        };
        let info = AuthenticationInfo::parse(text)?;
        let same = |told: &Option<String>, sent: &Option<String>| told.is_none() || told == sent;
        let about_this = info.qop.is_none_or(|qop| qop == self.qop)
            && same(&info.cnonce, &self.authorization.cnonce)
            && same(&info.nc, &self.authorization.nc);
        let rspauth = info.rspauth.unwrap_or_default();
        let calculation = calculation(&self.authorization, self.qop, self.res.danger_expose());
        if !about_this || !calculation.rspauth_is(&rspauth, &response.body) {
            return Err(UeError::BsfAuthentication);
        }
        let told = BootstrappingInfo::parse(&response.body)?;
        let as_specified = told.b_tid.rand() == Some(self.rand)
            && told.b_tid.bsf().eq_ignore_ascii_case(&self.authorization.realm);
        Ok(Bootstrapped {
            expires_at: told.expires_at(now),
            lifetime: told.lifetime,
            b_tid: told.b_tid,
            rand: self.rand,
            tmpi_allowed: run.config.tmpi_supported && run.bsf_takes_tmpi,
            tmpi_was_unknown: run.tmpi_was_unknown,
            b_tid_as_specified: as_specified,
        })
    }
}

fn calculation<'a>(authorization: &'a Authorization, qop: Qop, password: &'a [u8]) -> Calculation<'a> {
    Calculation {
        algorithm: &Algorithm::AkaV1Md5,
        username: &authorization.username,
        realm: &authorization.realm,
        password,
        nonce: &authorization.nonce,
        nc: authorization.nc.as_deref().unwrap_or_default(),
        cnonce: authorization.cnonce.as_deref().unwrap_or_default(),
        qop,
        uri: &authorization.uri,
    }
}

fn retry_after(response: &UbResponse) -> Option<Duration> {
    let text = response.header_values("Retry-After").next()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
