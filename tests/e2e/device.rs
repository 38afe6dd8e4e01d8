//! A device without a service: a simulated card in memory and `ksnaf_proto`'s UE over a plain socket. It can stop at any
//! step, and sees every AUTN.

use crate::lab::{BSF, fqdn};
use crate::people::{Person, random};
use bytes::Bytes;
use ksnaf::http::client::{self, Ask, ClientError};
use ksnaf_proto::aka::{Autn, Rand};
use ksnaf_proto::gba::{BTid, GbaMode, Ks, KsNaf, NafId, Tmpi, kdf};
use ksnaf_proto::ub::{
    AwaitAnswer, Bootstrapped, CardOutcome, Cnonce, UbRequest, UbResponse, UeBootstrap, UeConfig, UeError,
    UeKind, UeStep,
};
use ksnaf_proto::uicc::card_identity::ApplicationPreference;
use ksnaf_proto::uicc::gba::{Bootstrap, GbaPolicy};
use ksnaf_proto::uicc::session::{Uicc, Unlock};
use ksnaf_sim_usim::SimCard;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// A device of one subscriber, in GBA_ME.
pub(crate) struct Device {
    pub(crate) person: Person,
    pub(crate) card: SimCard,
    /// Goes in place of the IMPI on the next bootstrap.
    pub(crate) tmpi: Option<Tmpi>,
    /// Every challenge that came.
    pub(crate) seen: Vec<(Rand, Autn)>,
}

/// A bootstrap that stands before its next request.
pub(crate) struct Pending {
    pub(crate) request: UbRequest,
    next: AwaitAnswer,
    ks: Option<Ks>,
}

/// A bootstrap that both sides have.
pub(crate) struct Done {
    pub(crate) b_tid: BTid,
    pub(crate) rand: Rand,
    pub(crate) expires_at: SystemTime,
    ks: Ks,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Network(#[from] ClientError),
    #[error(transparent)]
    Procedure(#[from] UeError),
}

impl Done {
    /// The key of a NAF, computed here.
    pub(crate) fn ks_naf(&self, person: &Person, naf_id: &NafId) -> KsNaf {
        kdf::ks_naf(&self.ks, &self.rand, &person.impi, naf_id)
    }
}

impl Device {
    pub(crate) fn new(person: Person) -> Self {
        assert_eq!(person.gba_mode, GbaMode::Me, "this device keeps its Ks itself");
        let card = SimCard::new(person.personalisation()).expect("a card");
        Self { person, card, tmpi: None, seen: Vec::new() }
    }

    /// A whole bootstrap.
    pub(crate) async fn bootstrap(&mut self, ub: SocketAddr) -> Result<Done, Failed> {
        let mut pending = self.begin();
        loop {
            match self.go_on(ub, pending).await? {
                Ok(done) => return Ok(done),
                Err(next) => pending = next,
            }
        }
    }

    /// Before the first request.
    pub(crate) fn begin(&self) -> Pending {
        let (request, next) = UeBootstrap::start(UeConfig {
            impi: self.person.impi.clone(),
            tmpi: self.tmpi.clone(),
            bsf: fqdn(BSF),
            expected_realm: Some(fqdn(BSF)),
            uri: "/".to_owned(),
            user_agent: "e2e".to_owned(),
            tmpi_supported: true,
            accept_auth: false,
            kind: UeKind::Aka,
        });
        Pending { request, next, ks: None }
    }

    /// Sends the request that stands and asks the card what its answer wants: done, or the next request.
    pub(crate) async fn go_on(
        &mut self,
        ub: SocketAddr,
        pending: Pending,
    ) -> Result<Result<Done, Pending>, Failed> {
        let Pending { request, next, mut ks } = pending;
        let answer = exchange(ub, request).await?;
        let mut step = next.resume(&answer, SystemTime::now());
        loop {
            step = match step {
                UeStep::Send(request, next) => return Ok(Err(Pending { request, next, ks })),
                UeStep::AskCard { rand, autn, next } => {
                    self.seen.push((rand, autn));
                    let (outcome, fresh) = self.ask_card(&rand, &autn);
                    ks = fresh;
                    next.resume(outcome, Cnonce(random()))
                }
                UeStep::Established(done) => return Ok(Ok(self.finish(done, ks))),
                UeStep::AskSim { .. } | UeStep::AskTls(_) => panic!("this device runs AKA"),
                UeStep::Failed(error) => return Err(error.into()),
            };
        }
    }

    fn ask_card(&mut self, rand: &Rand, autn: &Autn) -> (CardOutcome, Option<Ks>) {
        self.card.reset();
        let mut uicc = Uicc::open(&mut self.card, Unlock::default()).expect("a card that opens");
        let identity = uicc.identity().expect("a card that says who it is");
        let application = identity.gba_application(ApplicationPreference::IsimFirst).expect("an application");
        let mut run = uicc.gba_run(application, GbaPolicy::MeOnly).expect("an application that opens");
        match run.authenticate(rand, autn) {
            Ok(Bootstrap::Me { res, ks }) => (CardOutcome::Res(res), Some(ks)),
            Ok(Bootstrap::SyncFailure { auts, .. }) => (CardOutcome::SyncFailure(auts), None),
            Ok(Bootstrap::U { .. }) => panic!("only GBA_ME was allowed"),
            Err(_) => (CardOutcome::MacFailure, None),
        }
    }

    fn finish(&mut self, done: Bootstrapped, ks: Option<Ks>) -> Done {
        let ks = ks.expect("an answer that was accepted had a Ks");
        self.tmpi = done.tmpi_allowed.then(|| kdf::tmpi(&ks, &done.rand, &self.person.impi, &fqdn(BSF)));
        assert!(done.b_tid_as_specified);
        Done { b_tid: done.b_tid, rand: done.rand, expires_at: done.expires_at, ks }
    }
}

/// One request on a connection of its own.
pub(crate) async fn exchange(ub: SocketAddr, request: UbRequest) -> Result<UbResponse, ClientError> {
    let ask = Ask {
        path: &request.target,
        host: Some(BSF),
        headers: request.headers.clone(),
        body: Bytes::from(request.body),
        ..Ask::default()
    };
    let answer = client::send(&crate::api::tcp(ub), ask, Duration::from_secs(10)).await?;
    let headers = answer.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(UbResponse { status: answer.status.as_u16(), headers: headers.collect(), body: answer.body.to_vec() })
}
