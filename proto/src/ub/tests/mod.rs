//! UE and BSF against each other, with a card, an AuC, a store and a clock that tests move.

mod failures;
mod others;
mod procedure;
mod robustness;

use super::*;
use crate::aka::convert::{Kc, Sres, c2, c3};
use crate::aka::{AuthVector, Autn, Auts, Ck, Ik, Rand, Res};
use crate::gba::digest_mode::TlsMkExtr;
use crate::gba::lifetime::from_unix_seconds;
use crate::gba::{Association, BTid, GbaMode, Ks, Tmpi, autn_star};
use crate::identity::{Fqdn, Impi};
use crate::secret::Secret;
use crate::zh::DigestCredential;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

const IMPI: &str = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org";
const BSF: &str = "bsf.mnc001.mcc001.pub.3gppnetwork.org";
const HOUR: Duration = Duration::from_secs(3600);

/// `testdata/gba_computed_kat.json`.
fn known_answers() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../testdata/gba_computed_kat.json")).unwrap()
}

/// The six sets of TS 35.208 in `testdata/milenage_ts35208.json`, each with the AUTS it would give.
fn vectors() -> Vec<(AuthVector, Auts)> {
    let sets: serde_json::Value =
        serde_json::from_str(include_str!("../../../testdata/milenage_ts35208.json")).unwrap();
    let read = |set: &serde_json::Value| {
        let text = |name: &str| set[name].as_str().unwrap().to_owned();
        let derived = |name: &str| set["derived_not_in_spec"][name].as_str().unwrap().to_owned();
        let vector = AuthVector {
            rand: Rand(crate::hex::decode_array(&text("RAND")).unwrap()),
            autn: Autn(crate::hex::decode_array(&derived("AUTN")).unwrap()),
            xres: Res::new(&crate::hex::decode(&text("f2")).unwrap()).unwrap(),
            ck: Ck::new(crate::hex::decode_array(&text("f3")).unwrap()),
            ik: Ik::new(crate::hex::decode_array(&text("f4")).unwrap()),
        };
        (vector, Auts(crate::hex::decode_array(&derived("AUTS_if_SQNms_equals_SQN")).unwrap()))
    };
    sets["test_sets"].as_array().unwrap().iter().map(read).collect()
}

fn impi() -> Impi {
    Impi::parse(IMPI).unwrap()
}

fn bsf_name() -> Fqdn {
    Fqdn::parse(BSF).unwrap()
}

fn bsf_config() -> BsfConfig {
    BsfConfig {
        realm: bsf_name(),
        key_lifetime: 8 * HOUR,
        any_first_realm: false,
        retries: 0,
        challenge_lifetime: Duration::from_secs(60),
        accept_auth: AcceptAuth::Never,
        tmpi: true,
        server: "ksnaf".to_owned(),
        tell_current_time: false,
        others: OtherBootstraps::default(),
    }
}

fn ue_config() -> UeConfig {
    UeConfig {
        impi: impi(),
        tmpi: None,
        bsf: bsf_name(),
        expected_realm: Some(bsf_name()),
        uri: "/".to_owned(),
        user_agent: "ksnaf".to_owned(),
        tmpi_supported: true,
        accept_auth: false,
        kind: UeKind::Aka,
    }
}

fn sealing_keys(id: u32) -> SealingKeys {
    let key = |id: u32| SealingKey { id, key: Secret::new([u8::try_from(id).unwrap(); 32]) };
    SealingKeys { current: key(id), previous: id.checked_sub(1).map(key) }
}

/// Hands out the sets of TS 35.208 in their order, and remembers what it was asked.
struct Auc {
    next: usize,
    asked: Vec<VectorRequest>,
    gba_mode: GbaMode,
    card: CardAka,
    key_lifetime: Option<Duration>,
    failure: Option<VectorError>,
    digest: Option<DigestCredential>,
}

impl Auc {
    fn credential(&self) -> Result<DigestAnswer, VectorError> {
        let failure = self.failure.map_or(Ok(()), Err);
        failure?;
        let credential = self.digest.clone().ok_or(VectorError::NotAllowed)?;
        Ok(DigestAnswer { credential, key_lifetime: self.key_lifetime })
    }

    fn answer(&mut self, request: VectorRequest) -> Result<VectorAnswer, VectorError> {
        let resync = request.resync;
        self.asked.push(request);
        let failure = self.failure.map_or(Ok(()), Err);
        failure?;
        let sets = vectors();
        if resync.is_some_and(|resync| !sets.iter().any(|(vector, auts)| (vector.rand, *auts) == resync)) {
            return Err(VectorError::AuthenticationRejected);
        }
        let (vector, _) = sets[self.next % sets.len()].clone();
        self.next += 1;
        Ok(VectorAnswer { vector, card: self.card, gba_mode: self.gba_mode, key_lifetime: self.key_lifetime })
    }
}

/// Knows the sets of TS 35.208, and answers as a USIM would.
struct Card {
    gba_mode: GbaMode,
    /// How many of the next AUTNs it finds stale.
    out_of_step: usize,
    wrong_k: bool,
    ks: Option<Ks>,
    asked: usize,
}

impl Card {
    fn sim(&mut self, rand: Rand) -> (Kc, Sres) {
        self.asked += 1;
        let (vector, _) = vectors().into_iter().find(|(vector, _)| vector.rand == rand).unwrap();
        (c3(&vector.ck, &vector.ik), c2(&vector.xres).unwrap())
    }

    fn authenticate(&mut self, rand: Rand, autn: Autn) -> CardOutcome {
        self.asked += 1;
        let (vector, auts) = vectors().into_iter().find(|(vector, _)| vector.rand == rand).unwrap();
        let expected = match self.gba_mode {
            GbaMode::Me => vector.autn,
            GbaMode::U => autn_star(vector.autn, &vector.ik),
        };
        if expected != autn {
            return CardOutcome::MacFailure;
        }
        if self.out_of_step > 0 {
            self.out_of_step -= 1;
            return CardOutcome::SyncFailure(auts);
        }
        self.ks = Some(Ks::from_ck_ik(&vector.ck, &vector.ik));
        if self.wrong_k {
            CardOutcome::Res(Res::new(&[0; 8]).unwrap())
        } else {
            CardOutcome::Res(vector.xres)
        }
    }
}

#[derive(Default)]
struct Store {
    associations: BTreeMap<BTid, Association>,
    used: BTreeMap<Rand, SystemTime>,
    down: bool,
}

impl Store {
    fn establish(&mut self, establish: &Establish) -> StoreOutcome {
        if self.down {
            return StoreOutcome::Unavailable;
        }
        let association = &establish.association;
        if self.used.contains_key(&association.rand) {
            return StoreOutcome::RandAlreadyUsed;
        }
        self.used.insert(association.rand, establish.rand_used_until);
        self.associations.retain(|_, other| other.impi != association.impi);
        self.associations.insert(association.b_tid.clone(), association.clone());
        StoreOutcome::Created
    }

    fn sweep(&mut self, now: SystemTime) {
        self.used.retain(|_, until| now < *until);
    }

    fn lookup(&self, tmpi: &Tmpi, now: SystemTime) -> TmpiLookup {
        let owner = |association: &&Association| association.tmpi.as_ref() == Some(tmpi);
        match self.associations.values().find(owner).filter(|association| association.is_valid(now)) {
            _ if self.down => TmpiLookup::Unavailable,
            Some(association) => TmpiLookup::Known(association.impi.clone()),
            None => TmpiLookup::Unknown,
        }
    }
}

/// The whole road from card to store.
struct Pair {
    bsf: Bsf,
    auc: Auc,
    store: Store,
    pending: PendingChallenges,
    card: Card,
    now: SystemTime,
    transport: Transport,
    /// What each end's TLS connection exports: two, where somebody is between.
    ue_exports: [u8; 48],
    bsf_exports: [u8; 48],
    draws: u8,
    outcomes: Vec<Outcome>,
    requests: Vec<UbRequest>,
    responses: Vec<UbResponse>,
}

impl Pair {
    fn new() -> Self {
        Self::with(bsf_config())
    }

    fn with(config: BsfConfig) -> Self {
        Self {
            bsf: Bsf::new(config, sealing_keys(1)),
            auc: Auc {
                next: 0,
                asked: vec![],
                gba_mode: GbaMode::Me,
                card: CardAka::Umts,
                key_lifetime: None,
                failure: None,
                digest: None,
            },
            transport: Transport::Plain,
            ue_exports: [0; 48],
            bsf_exports: [0; 48],
            store: Store::default(),
            pending: PendingChallenges::new(8),
            card: Card { gba_mode: GbaMode::Me, out_of_step: 0, wrong_k: false, ks: None, asked: 0 },
            // Eight hours before the known answer's lifetime.
            now: from_unix_seconds(1_893_456_000 - 8 * 3600),
            draws: 0,
            outcomes: vec![],
            requests: vec![],
            responses: vec![],
        }
    }

    fn run(&mut self) -> Result<Bootstrapped, UeError> {
        self.run_as(ue_config())
    }

    fn run_as(&mut self, config: UeConfig) -> Result<Bootstrapped, UeError> {
        self.run_through(config, |_, _| {}, |_, _| {})
    }

    /// One bootstrap; the two functions may change the n-th request and answer on their way.
    fn run_through(
        &mut self,
        config: UeConfig,
        mut on_request: impl FnMut(usize, &mut UbRequest),
        mut on_response: impl FnMut(usize, &mut UbResponse),
    ) -> Result<Bootstrapped, UeError> {
        let (request, next) = UeBootstrap::start(config);
        let mut step = UeStep::Send(request, next);
        let mut legs = 0..10;
        loop {
            step = match step {
                UeStep::Send(mut request, next) => {
                    let leg = legs.next().expect("a UE that ends");
                    on_request(leg, &mut request);
                    let mut response = self.ask(&request);
                    on_response(leg, &mut response);
                    next.resume(&response, self.now)
                }
                UeStep::AskCard { rand, autn, next } => {
                    let outcome = self.card.authenticate(rand, autn);
                    next.resume(outcome, cnonce())
                }
                UeStep::AskSim { rand, next } => {
                    let (kc, sres) = self.card.sim(rand);
                    next.resume(&kc, &sres, cnonce())
                }
                UeStep::AskTls(next) => next.resume(&TlsMkExtr::new(self.ue_exports), cnonce()),
                UeStep::Established(bootstrapped) => return Ok(bootstrapped),
                UeStep::Failed(error) => return Err(error),
            };
        }
    }

    /// What a shell does with a request.
    fn ask(&mut self, request: &UbRequest) -> UbResponse {
        self.ask_over(request, self.transport)
    }

    fn ask_over(&mut self, request: &UbRequest, transport: Transport) -> UbResponse {
        let mut step = self.bsf.handle(request, transport, self.now);
        loop {
            step = match step {
                UbStep::Done(response, effects) => {
                    if let Some(challenge) = effects.remember {
                        self.pending.remember(challenge, self.now);
                    }
                    self.outcomes.push(effects.outcome);
                    self.requests.push(request.clone());
                    self.responses.push(response.clone());
                    return response;
                }
                UbStep::NeedTmpi(tmpi, next) => next.resume(self.store.lookup(&tmpi, self.now)),
                UbStep::NeedChallenge(nonce, next) => {
                    next.resume(self.pending.recall(&nonce, self.now), self.now)
                }
                UbStep::NeedVector(request, next) => {
                    self.draws += 1;
                    next.resume(self.auc.answer(request), self.now, ChallengeRandom::new([self.draws; 28]))
                }
                UbStep::NeedDigest(_, next) => {
                    self.draws += 1;
                    let random = ChallengeRandom::new([self.draws; 28]);
                    let tls = (transport == Transport::Tls).then(|| TlsMkExtr::new(self.bsf_exports));
                    next.resume(self.auc.credential(), tls.as_ref(), self.now, random)
                }
                UbStep::Establish(establish, next) => next.resume(self.store.establish(&establish)),
            };
        }
    }

    /// A UE's answer to a challenge that was never sent: the request as it would go out.
    fn answer_to_a_challenge(&mut self) -> UbRequest {
        let mut answer = None;
        let _ = self.run_through(
            ue_config(),
            |leg, request| {
                if leg == 1 {
                    answer = Some(request.clone());
                    request.method = "NOT SENT".to_owned();
                }
            },
            |_, _| {},
        );
        answer.unwrap()
    }

    fn last_refusal(&self) -> Refusal {
        match self.outcomes.last() {
            Some(Outcome::Refused(refusal)) => *refusal,
            other => panic!("no refusal but {other:?}"),
        }
    }

    fn only_association(&self) -> &Association {
        assert_eq!(self.store.associations.len(), 1);
        self.store.associations.values().next().unwrap()
    }
}

/// The known answer's.
fn cnonce() -> Cnonce {
    Cnonce(crate::hex::decode_array("6629fae49393a05397450978507c4ef1").unwrap())
}

fn header_mut<'a>(headers: &'a mut [(String, String)], name: &str) -> &'a mut String {
    headers.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value).unwrap()
}

fn authorization_of(request: &UbRequest) -> crate::digest::Authorization {
    let text = request.header_values("authorization").next().unwrap();
    crate::digest::Authorization::parse(text).unwrap()
}

/// Changes the parsed Authorization of a request.
fn rewrite(request: &mut UbRequest, change: impl FnOnce(&mut crate::digest::Authorization)) {
    let mut authorization = authorization_of(request);
    change(&mut authorization);
    *header_mut(&mut request.headers, "Authorization") = authorization.to_string();
}
