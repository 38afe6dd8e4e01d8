//! A UE with its card.

use crate::script::{self, Choices, authorization, calculation};
use crate::{bsf_name, check_headers, impi, res};
use ksnaf_proto::aka::Auts;
use ksnaf_proto::gba::Tmpi;
use ksnaf_proto::gba::lifetime::from_unix_seconds;
use ksnaf_proto::ub::{
    AwaitAnswer, Bootstrapped, CardOutcome, Cnonce, UbRequest, UbResponse, UeBootstrap, UeConfig, UeKind,
    UeStep,
};

/// A TMPI that is not known, and four challenges with an answer each: more is going round in circles.
const LEGS: u8 = 8;

pub struct Terminal {
    /// What it has sent, and what waits for the answer.
    open: Option<(UbRequest, AwaitAnswer)>,
    legs: u8,
    pub accepts_auth: bool,
}

impl Terminal {
    pub fn new(choices: &mut Choices) -> Self {
        let choice = choices.next();
        let tmpi = Tmpi::parse("NdfNQvvGWK4SGbs7c17alrZHQXyhEcrW@tmpi.bsf.3gppnetwork.org");
        let accepts_auth = choice & 1 != 0;
        let open = UeBootstrap::start(UeConfig {
            impi: impi(),
            tmpi: tmpi.filter(|_| choice & 2 != 0),
            bsf: bsf_name(),
            expected_realm: (choice & 4 == 0).then(bsf_name),
            uri: "/".to_owned(),
            user_agent: "fuzz".to_owned(),
            tmpi_supported: true,
            accept_auth: accepts_auth,
            kind: UeKind::Aka,
        });
        Self { open: Some(open), legs: 1, accepts_auth }
    }

    /// What it has sent last, if it waits for the answer.
    pub fn request(&self) -> Option<UbRequest> {
        self.open.as_ref().map(|(request, _)| request.clone())
    }

    /// An answer that no BSF sent. Without the card's RES nobody can make the last one.
    pub fn hear_from_a_stranger(&mut self, mut response: UbResponse, choices: &mut Choices) {
        let Some((request, _)) = &self.open else { return };
        let sent = authorization(request).expect("what the UE writes");
        let secret = res();
        let right = calculation(&sent, secret.danger_expose()).and_then(|it| it.rspauth(&response.body).ok());
        let right = right.unwrap_or_default();
        let knows_res = response.headers.iter().any(|(_, value)| value.contains("{rspauth}"));
        script::fill(&mut response.headers, &[("{rspauth}", &right)]);
        let established = self.hear(&response, choices).is_some();
        assert!(!established || knows_res, "success without a proof");
    }

    /// Takes an answer, and asks the card if need be.
    pub fn hear(&mut self, response: &UbResponse, choices: &mut Choices) -> Option<Bootstrapped> {
        let (_, next) = self.open.take()?;
        let now = match choices.next() {
            0..=5 => from_unix_seconds(1_700_000_000),
            6 => from_unix_seconds(0),
            _ => from_unix_seconds(u64::from(u32::MAX)),
        };
        let mut step = next.resume(response, now);
        if let UeStep::AskCard { next, .. } = step {
            let outcome = match choices.next() {
                0..=4 => CardOutcome::Res(res()),
                5 | 6 => CardOutcome::SyncFailure(Auts([8; 14])),
                _ => CardOutcome::MacFailure,
            };
            step = next.resume(outcome, Cnonce([self.legs; 16]));
        }
        match step {
            UeStep::Send(request, next) => {
                self.legs += 1;
                assert!(self.legs <= LEGS, "the UE does not stop asking");
                check_headers(&request.headers);
                self.open = Some((request, next));
                None
            }
            UeStep::AskCard { .. } => panic!("the card was asked"),
            UeStep::AskSim { .. } | UeStep::AskTls(_) => panic!("another bootstrap was asked for"),
            UeStep::Established(bootstrapped) => Some(bootstrapped),
            UeStep::Failed(_) => None,
        }
    }
}
