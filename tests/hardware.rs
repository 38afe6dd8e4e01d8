//! With a real card in a real reader: `KSNAF_ICCID=8900… cargo test --test hardware -- --ignored`.
//!
//! The card is named by its number, and no other card is touched: AUTHENTICATE moves a card's sequence number. The two
//! AUTHENTICATE here carry a wrong MAC, which spends none.
#![cfg(feature = "pcsc")]

use ksnaf::reader::{self, Choice, SlotOptions};
use ksnaf_proto::aka::{Autn, Rand};
use ksnaf_proto::uicc::authenticate::{AuthenticateError, Context};
use ksnaf_proto::uicc::card_identity::ApplicationPreference;
use ksnaf_proto::uicc::ef::Iccid;
use ksnaf_proto::uicc::gba::{GbaError, GbaPolicy};
use ksnaf_proto::uicc::pin::Pin;
use ksnaf_proto::uicc::session::{Uicc, UiccError, Unlock};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(10);

fn with_card<T: Send + 'static>(work: impl FnOnce(&mut Uicc<'_>) -> T + Send + 'static) -> T {
    let number = std::env::var("KSNAF_ICCID").expect("KSNAF_ICCID names the test card");
    let iccid = Iccid::parse(&number).expect("KSNAF_ICCID has the digits of an ICCID");
    let wanted = iccid.clone();
    let is_wanted = move |card: &mut dyn ksnaf_proto::uicc::Card| {
        Uicc::open(card, Unlock::default())?.iccid().map(|found| found.as_ref() == Some(&wanted))
    };
    let slot = reader::open::<UiccError>(&Choice::Iccid(iccid), &SlotOptions::default(), BOUND, is_wanted)
        .expect("the card named by KSNAF_ICCID is in a reader");
    let pin = std::env::var("KSNAF_PIN").ok().map(|digits| Pin::parse(&digits).expect("KSNAF_PIN is a PIN"));
    slot.with_card_blocking(BOUND, move |card| {
        let unlock = Unlock { pin, ..Unlock::default() };
        work(&mut Uicc::open(card, unlock).expect("the card opens"))
    })
    .expect("the card answers")
}

#[test]
#[ignore = "needs a real card"]
fn a_card_tells_who_it_is() {
    let identity = with_card(|uicc| uicc.identity()).unwrap();
    assert!(identity.usim.is_some() || identity.isim.is_some(), "no subscriber: {:?}", identity.problems);
    assert!(identity.bsf_fqdn().is_some());
}

#[test]
#[ignore = "needs a real card"]
fn a_wrong_mac_is_refused_in_every_context_the_card_has() {
    let refused = with_card(|uicc| {
        let application = uicc.identity()?.gba_application(ApplicationPreference::IsimFirst)?;
        uicc.gba_run(application, GbaPolicy::Auto)?.authenticate(&Rand([0x5a; 16]), &Autn([0xa5; 16]))
    });
    let mac = matches!(
        refused,
        Err(GbaError::MacFailure { .. }
            | GbaError::Authenticate { context: Context::ThreeG, cause: AuthenticateError::MacFailure })
    );
    assert!(mac, "{refused:?}");
}
