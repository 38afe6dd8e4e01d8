//! A card that answers what it likes: the terminal comes to an end.
#![no_main]

use ksnaf_proto::aka::{Autn, Rand};
use ksnaf_proto::uicc::card_identity::ApplicationPreference;
use ksnaf_proto::uicc::gba::GbaPolicy;
use ksnaf_proto::uicc::session::{Uicc, Unlock};
use ksnaf_proto::uicc::trace::Tracer;
use ksnaf_proto::uicc::{Card, CardError};
use libfuzzer_sys::fuzz_target;

/// Answers behind a length octet each, then none.
struct Answers<'a> {
    rest: &'a [u8],
    tracer: Tracer,
}

impl Card for Answers<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let (length, rest) = self.rest.split_first().ok_or(CardError::Removed)?;
        let (answer, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        self.rest = rest;
        self.tracer.line(command, Ok(answer));
        Ok(answer.to_vec())
    }
}

fuzz_target!(|octets: &[u8]| {
    let mut card = Answers { rest: octets, tracer: Tracer::default() };
    let Ok(mut uicc) = Uicc::open(&mut card, Unlock::default()) else { return };
    let Ok(identity) = uicc.identity() else { return };
    let Ok(application) = identity.gba_application(ApplicationPreference::IsimFirst) else { return };
    let Ok(mut run) = uicc.gba_run(application, GbaPolicy::Auto) else { return };
    let _ = run.authenticate(&Rand([1; 16]), &Autn([2; 16]));
});
