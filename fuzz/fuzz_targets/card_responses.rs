//! A card that lies when it likes: the terminal comes to an end, and spends no PIN twice.
//!
//! The first octet chooses the card, the network and the PIN. Then each octet says how the next command is answered:
//! below F0 it is the length of the octets that follow and are the answer; from F0 on it is the truth, but for what the
//! table in `answer` says.
#![no_main]

use ksnaf_proto::aka::{AkaKey, Amf, Autn, Rand, Sqn, vector};
use ksnaf_proto::gba::{BTid, NafId, UaSecurityProtocolId, autn_star, lifetime};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::secret::Secret;
use ksnaf_proto::uicc::card_identity::ApplicationPreference;
use ksnaf_proto::uicc::ef::Records;
use ksnaf_proto::uicc::gba::{GbaError, GbaPolicy};
use ksnaf_proto::uicc::pin::{LastTry, Pin};
use ksnaf_proto::uicc::session::{Uicc, UiccError, Unlock};
use ksnaf_proto::uicc::trace::Tracer;
use ksnaf_proto::uicc::{Card, CardError};
use ksnaf_sim_usim::{Code, Personalisation, Protocol, SimCard};
use libfuzzer_sys::fuzz_target;

/// More commands than any card needs for one run.
const PATIENCE: usize = 60_000;

const RAND: Rand = Rand([0x23; 16]);

/// The card's, and another. No status word and no other four digits look like one of eight.
const PINS: [&str; 2] = ["97531864", "46813579"];
const PINS_IN_HEX: [&str; 2] = ["3937353331383634", "3436383133353739"];

struct Liar<'s> {
    truth: SimCard,
    script: &'s [u8],
    /// So many commands more are answered truthfully before the script goes on.
    truths: u8,
    /// Whether the truth goes on after the script.
    stays: bool,
    commands: usize,
    pins_sent: usize,
    tracer: Tracer,
}

fuzz_target!(|octets: &[u8]| {
    let (choice, script) = octets.split_first().unwrap_or((&0, &[]));
    let chosen = |bit: u8| choice & (1 << bit) != 0;
    let pin1 = Code::pin(PINS[0]).expect("a PIN");
    let lab = Personalisation::lab(key());
    let (gba_u, pin1_enabled) = (chosen(1), chosen(2));
    let truth = Personalisation { gba_u, pin1, pin1_enabled, naf_key_entries: 2, ..lab };
    let truth = SimCard::new(truth).expect("the lab's card");
    let protocol = if chosen(3) { Protocol::T1 } else { Protocol::T0 };
    let mut card = Liar {
        truth: truth.with_protocol(protocol),
        script,
        truths: 0,
        stays: chosen(0),
        commands: 0,
        pins_sent: 0,
        tracer: Tracer::default(),
    };
    let pin = Pin::parse(PINS[usize::from(chosen(4))]);
    let last_try = if chosen(5) { LastTry::Spend } else { LastTry::Keep };
    if let Err(error) = use_card(&mut card, Unlock { pin, last_try }, autn(chosen(6))) {
        check_text(&error.to_string());
    }
    // USIM and ISIM may each have a PIN of their own; a third VERIFY would be a wrong one repeated.
    assert!(card.pins_sent <= 2, "{} PINs", card.pins_sent);
});

/// Everything that a terminal does with a card, going on as long as the card lets it.
fn use_card(card: &mut dyn Card, unlock: Unlock, autn: Autn) -> Result<(), GbaError> {
    let mut uicc = Uicc::open(card, unlock)?;
    let _ = uicc.pin_state();
    let identity = uicc.identity()?;
    let _ = (identity.impi(), identity.bsf_fqdn(), identity.gba_support());
    check_text(&format!("{:?}", identity.problems));
    let application = identity
        .gba_application(ApplicationPreference::Usim)
        .or_else(|_| identity.gba_application(ApplicationPreference::IsimFirst))?;
    let mut run = uicc.gba_run(application.clone(), GbaPolicy::Auto)?;
    let _ = run.authenticate(&RAND, &autn).map_err(|error| check_text(&error.to_string()));
    let _ = run.authenticate_me(&RAND, &autn);
    let _ = run.bootstrap_u(&RAND, &autn);
    let b_tid = BTid::new(&RAND, &run.application().bsf);
    let stored = run.store_b_tid(&RAND, &b_tid, lifetime::from_unix_seconds(0));
    let naf_id = NafId::new(run.application().bsf.clone(), UaSecurityProtocolId::HTTP_DIGEST);
    let _ = run.naf_key_u(&naf_id);
    let _ = run.naf_list();
    let _ = run.stored_bootstrap();
    let centres: Result<Records<Fqdn>, UiccError> = uicc.read_all(application.ef_nafkca());
    let _ = (uicc.close(), centres);
    stored
}

impl Card for Liar<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        self.commands += 1;
        assert!(self.commands < PATIENCE, "the terminal does not stop asking");
        self.pins_sent += usize::from(command.get(1) == Some(&0x20) && command.len() > 5);
        let answer = self.answer(command);
        check_text(&self.tracer.line(command, answer.as_deref().map_err(|error| *error)));
        answer
    }
}

impl Liar<'_> {
    fn answer(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        if self.truths > 0 || (self.script.is_empty() && self.stays) {
            self.truths = self.truths.saturating_sub(1);
            return self.truth.transmit(command);
        }
        let how = self.take().ok_or(CardError::Removed)?;
        if how < 0xf0 {
            let (answer, rest) = self.script.split_at(self.script.len().min(usize::from(how)));
            self.script = rest;
            return Ok(answer.to_vec());
        }
        let mut answer = self.truth.transmit(command)?;
        let data = answer.len().saturating_sub(2);
        let mut operand = || self.take().unwrap_or_default();
        match how {
            // Another octet in one place.
            0xf0 => {
                let (at, octet) = (operand(), operand());
                answer.iter_mut().skip(usize::from(at)).take(1).for_each(|place| *place = octet);
            }
            // Data cut, or longer than it is.
            0xf1 => drop(answer.drain(data.min(usize::from(operand()))..data)),
            0xf2 => drop(answer.splice(data..data, vec![operand(); usize::from(operand())])),
            // Another status word.
            0xf3 => drop(answer.splice(data.., [operand(), operand()])),
            0xf4 => return Err(CardError::Reset),
            0xf5 => return Err(CardError::Timeout),
            // The card forgets what is selected and verified.
            0xf6 => self.truth.reset(),
            _ => self.truths = operand(),
        }
        Ok(answer)
    }

    fn take(&mut self) -> Option<u8> {
        let (octet, rest) = self.script.split_first()?;
        self.script = rest;
        Some(*octet)
    }
}

fn key() -> AkaKey {
    AkaKey::Milenage { k: Secret::new([1; 16]), opc: Secret::new([2; 16]) }
}

/// What the card takes, as AUTN or as AUTN*.
fn autn(star: bool) -> Autn {
    let algorithm = key().algorithm().expect("a key of MILENAGE");
    let sqn = Sqn::new(1 << 5).expect("48 bits");
    let vector = vector::generate(algorithm.as_ref(), RAND, sqn, Amf([0x80, 0]));
    if star { autn_star(vector.autn, &vector.ik) } else { vector.autn }
}

/// Nothing that a person or a log is shown has a PIN in it.
fn check_text(text: &str) {
    let shown = PINS.iter().chain(&PINS_IN_HEX).any(|pin| text.contains(pin));
    assert!(!shown, "{text}");
}
