//! A BSF with its AuC, its store and its clock.

use crate::script::{self, Choices, authorization, calculation};
use crate::{bsf_name, check_headers, ck_ik, impi, res};
use ksnaf_proto::aka::{AuthVector, Autn, Rand};
use ksnaf_proto::digest::{AuthenticationInfo, Challenge};
use ksnaf_proto::gba::lifetime::from_unix_seconds;
use ksnaf_proto::gba::{Association, GbaMode, Ks};
use ksnaf_proto::secret::Secret;
use ksnaf_proto::ub::{
    AcceptAuth, AwaitStore, BootstrappingInfo, Bsf, BsfConfig, CardAka, ChallengeRandom, Establish,
    OtherBootstraps, PendingChallenges, SealingKey, SealingKeys, StoreOutcome, TmpiLookup, Transport,
    UbRequest, UbResponse, UbStep, VectorAnswer, VectorError,
};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// A strict one, and one that lets pass what it may.
static BSFS: LazyLock<[Bsf; 2]> = LazyLock::new(|| [bsf(false), bsf(true)]);

/// How far the clock goes on between two requests.
const STEPS: [u64; 8] = [0, 0, 0, 0, 1, 59, 60, 3600];

pub struct Network {
    bsf: &'static Bsf,
    transport: Transport,
    pending: PendingChallenges,
    now: SystemTime,
    vectors: u8,
    /// The challenge sent last, which an input may name.
    challenge: Challenge,
    associations: Vec<Association>,
}

impl Network {
    pub fn new(choices: &mut Choices) -> Self {
        let choice = choices.next();
        Self {
            bsf: &BSFS[usize::from(choice & 1)],
            transport: if choice & 2 == 0 { Transport::Plain } else { Transport::Tls },
            pending: PendingChallenges::new(2),
            now: from_unix_seconds(1_700_000_000),
            vectors: 0,
            challenge: Challenge::default(),
            associations: Vec::new(),
        }
    }

    /// The association established last.
    pub fn association(&self) -> Option<&Association> {
        self.associations.last()
    }

    /// Takes a request and does for the BSF what a shell does.
    pub fn ask(&mut self, mut request: UbRequest, choices: &mut Choices) -> UbResponse {
        let answered = self.fill(&mut request);
        self.now += Duration::from_secs(STEPS[usize::from(choices.next())]);
        let mut step = self.bsf.handle(&request, self.transport, self.now);
        for _ in 0..6 {
            step = match step {
                UbStep::Done(response, effects) => {
                    if let Some(challenge) = effects.remember {
                        self.pending.remember(challenge, self.now);
                    }
                    self.check(&response);
                    return response;
                }
                UbStep::NeedTmpi(_, then) => then.resume(match choices.next() {
                    0..=3 => TmpiLookup::Known(impi()),
                    4..=6 => TmpiLookup::Unknown,
                    _ => TmpiLookup::Unavailable,
                }),
                UbStep::NeedChallenge(nonce, then) => match choices.next() {
                    0..=4 => then.resume(self.pending.recall(&nonce, self.now), self.now),
                    5 => then.resume(None, self.now),
                    6 => then.resume(Some(&nonce), self.now),
                    _ => then.resume(self.challenge.opaque.as_deref(), self.now),
                },
                UbStep::NeedVector(_, then) => {
                    let vector = self.vector(choices.next());
                    then.resume(vector, self.now, ChallengeRandom::new([self.vectors; 28]))
                }
                UbStep::NeedDigest(..) => panic!("GBA_Digest is off"),
                UbStep::Establish(establish, then) => {
                    assert!(answered, "an association without a right response");
                    self.establish(*establish, then, &request, choices.next())
                }
            };
        }
        panic!("the procedure does not end");
    }

    /// Puts in what the input leaves open. Whether the response is the right one, by that or from the beginning.
    fn fill(&self, request: &mut UbRequest) -> bool {
        let opaque = self.challenge.opaque.as_deref().unwrap_or_default();
        script::fill(&mut request.headers, &[("{nonce}", &self.challenge.nonce), ("{opaque}", opaque)]);
        let Some(authorization) = authorization(request) else { return false };
        let secret = res();
        let right = |password| calculation(&authorization, password)?.response("GET", &request.body).ok();
        let (response, sync) = (right(secret.danger_expose()), right(b""));
        let told = authorization.response.as_deref().unwrap_or_default();
        let answered = response.as_ref().is_some_and(|right| right.eq_ignore_ascii_case(told));
        let answered = answered || told.contains("{response}");
        let names = [("{response}", response.unwrap_or_default()), ("{sync}", sync.unwrap_or_default())];
        script::fill(&mut request.headers, &names.each_ref().map(|(name, right)| (*name, right.as_str())));
        answered
    }

    fn vector(&mut self, choice: u8) -> Result<VectorAnswer, VectorError> {
        let (ck, ik) = ck_ik();
        self.vectors = self.vectors.wrapping_add(1);
        let (rand, autn) = (Rand([self.vectors; 16]), Autn([2; 16]));
        let vector = AuthVector { rand, autn, xres: res(), ck, ik };
        let answer =
            |gba_mode, key_lifetime| Ok(VectorAnswer { vector, card: CardAka::Umts, gba_mode, key_lifetime });
        match choice {
            0 | 1 => answer(GbaMode::Me, None),
            2 => answer(GbaMode::U, Some(Duration::from_secs(7))),
            3 => answer(GbaMode::U, Some(Duration::MAX)),
            4 => Err(VectorError::UnknownSubscriber),
            5 => Err(VectorError::NotAllowed),
            6 => Err(VectorError::AuthenticationRejected),
            _ => Err(VectorError::Unavailable),
        }
    }

    fn establish(
        &mut self,
        establish: Establish,
        then: AwaitStore,
        request: &UbRequest,
        choice: u8,
    ) -> UbStep {
        let association = establish.association;
        let (ck, ik) = ck_ik();
        assert_eq!(association.ks, Ks::from_ck_ik(&ck, &ik));
        assert_eq!(association.b_tid.rand(), Some(association.rand));
        assert!(association.is_valid(self.now) && establish.rand_used_until > self.now);
        let used = self.associations.iter().any(|before| before.rand == association.rand);
        match choice {
            _ if used => return then.resume(StoreOutcome::RandAlreadyUsed),
            6 => return then.resume(StoreOutcome::RandAlreadyUsed),
            7 => return then.resume(StoreOutcome::Unavailable),
            _ => {}
        }
        let step = then.resume(StoreOutcome::Created);
        let UbStep::Done(response, _) = &step else { panic!("a stored association is the end") };
        assert_eq!(response.status, 200);
        let info = BootstrappingInfo::parse(&response.body).expect("what the BSF writes");
        assert_eq!((&info.b_tid, info.lifetime), (&association.b_tid, association.expires_at));
        let proof = response.header_values("Authentication-Info").next().expect("the BSF's proof");
        let proof = AuthenticationInfo::parse(proof).expect("what the BSF writes");
        let answer = authorization(request).expect("an answer was read");
        let secret = res();
        let calculation = calculation(&answer, secret.danger_expose()).expect("an answer has a qop");
        assert!(calculation.rspauth_is(proof.rspauth.as_deref().unwrap_or_default(), &response.body));
        self.associations.push(association);
        step
    }

    fn check(&mut self, response: &UbResponse) {
        check_headers(&response.headers);
        assert!(matches!(response.status, 200 | 400 | 401 | 403 | 404 | 405 | 503), "{}", response.status);
        if response.status == 401 {
            let challenge = response.header_values("WWW-Authenticate").next().expect("a challenge");
            let mut all = Challenge::parse_all(challenge).expect("what the BSF writes");
            self.challenge = all.pop().filter(|_| all.is_empty()).expect("one challenge");
            assert_eq!(self.challenge.realm, bsf_name().as_str());
        }
    }
}

fn bsf(lax: bool) -> Bsf {
    let config = BsfConfig {
        realm: bsf_name(),
        key_lifetime: Duration::from_secs(28_800),
        any_first_realm: lax,
        retries: u8::from(lax),
        challenge_lifetime: Duration::from_secs(60),
        accept_auth: if lax { AcceptAuth::Always } else { AcceptAuth::OverTls },
        tmpi: true,
        server: "fuzz".to_owned(),
        tell_current_time: lax,
        others: OtherBootstraps::default(),
    };
    let key = |id| SealingKey { id, key: Secret::new([7; 32]) };
    Bsf::new(config, SealingKeys { current: key(1), previous: Some(key(0)) })
}
