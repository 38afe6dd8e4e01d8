//! A card that answers what it likes: the terminal neither panics, nor runs for ever, nor spends a PIN.

use super::card::{Card, CardError};
use super::card_identity::ApplicationPreference;
use super::ef::{Gbabp, Records};
use super::gba::{GbaError, GbaPolicy};
use super::pin::{LastTry, Pin};
use super::script::Lookup;
use super::session::tests::whole_card;
use super::session::{Uicc, UiccError, Unlock};
use super::trace::Tracer;
use crate::aka::{Autn, Rand};
use crate::gba::{BTid, NafId, UaSecurityProtocolId, lifetime};
use crate::identity::Fqdn;
use proptest::collection::vec;
use proptest::prelude::*;

/// Answers in turn, from the beginning again when they are through. `None` leaves the answer to a card that is in
/// order.
struct Hostile {
    answers: Vec<Option<Vec<u8>>>,
    in_order: Lookup,
    asked: usize,
    pins_sent: usize,
    tracer: Tracer,
}

impl Hostile {
    fn new(answers: Vec<Option<Vec<u8>>>) -> Self {
        let in_order = Lookup::new(&whole_card());
        Self { answers, in_order, asked: 0, pins_sent: 0, tracer: Tracer::default() }
    }

    fn in_order(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let octets = |text: &str| Ok(crate::hex::decode(&text.replace(' ', "")).unwrap());
        match command {
            [_, 0x20, _, _] => octets("63c3"),
            [_, 0x20 | 0xd6, ..] => octets("9000"),
            [_, 0x88, _, 0x81, ..] => octets(&format!("db0401020304 10{0} 10{0} 9000", "55".repeat(16))),
            [_, 0x88, _, 0x84, _, 0xdd, ..] => octets("db0401020304 9000"),
            [_, 0x88, _, 0x84, _, 0xde, ..] => octets(&format!("db20{} 9000", "aa".repeat(32))),
            [_, 0xa4, 0, 4, 2, 0x6f, 0xd6, 0] => octets("6208 82024121 80020080 9000"),
            [_, 0xb0, 0, 0, 0x80] => octets(&format!("10{}{}9000", "01".repeat(16), "ff".repeat(111))),
            [_, 0xa4, 0, 4, 2, 0x6f, 0xda, 0] => octets("6207 82054221000401 9000"),
            [_, 0xb2, 1, 4, 4] => octets("8000 8100 9000"),
            _ => self.in_order.transmit(command),
        }
    }
}

/// More commands than any card needs for one run, and fewer than a user would wait for.
const PATIENCE: usize = 60_000;

impl Card for Hostile {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let answer = match self.answers.get(self.asked % self.answers.len().max(1)) {
            Some(Some(answer)) => answer.clone(),
            _ => self.in_order(command)?,
        };
        self.asked += 1;
        assert!(self.asked < PATIENCE, "the terminal does not stop asking");
        let verifies = command.get(1) == Some(&0x20) && command.len() > 5;
        self.pins_sent += usize::from(verifies);
        let line = self.tracer.line(command, Ok(&answer));
        assert!(!line.contains("31323334") && !line.contains("1234"));
        Ok(answer)
    }
}

fn answer() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![
        8 => Just([0x90, 0x00]),
        1 => Just([0x91, 0x10]),
        2 => any::<u8>().prop_map(|octets| [0x61, octets]),
        1 => any::<u8>().prop_map(|le| [0x6c, le]),
        1 => (0_u8..4).prop_map(|tries| [0x63, 0xc0 | tries]),
        1 => prop_oneof![Just([0x6a, 0x82]), Just([0x98, 0x62]), Just([0x69, 0x82]), Just([0x98, 0x64])],
        1 => any::<[u8; 2]>(),
    ];
    let template = vec(
        prop_oneof![
            (any::<u8>(), vec(any::<u8>(), 0..6)).prop_map(|(tag, value)| object(tag, &value)),
            Just(vec![0x82, 0x02, 0x41, 0x21]),
            any::<[u8; 3]>().prop_map(|[high, low, count]| vec![
                0x82,
                0x05,
                0x42,
                0x21,
                high & 1,
                low,
                count
            ]),
            any::<[u8; 2]>().prop_map(|[high, low]| vec![0x80, 0x02, high, low]),
            any::<[u8; 2]>()
                .prop_map(|[bits, key]| { vec![0xc6, 0x06, 0x90, 0x01, bits, 0x83, 0x01, key & 0x17] }),
        ],
        0..6,
    )
    .prop_map(|objects| object(0x62, &objects.concat()));
    let frameworks = vec(vec(any::<u8>(), 0..5), 0..10).prop_map(|frameworks| {
        let frameworks: Vec<_> = frameworks.iter().map(|framework| object(0x80, framework)).collect();
        object(0x73, &object(0xa2, &frameworks.concat()))
    });
    let directory =
        (any::<bool>(), vec(any::<u8>(), 0..9), frameworks).prop_map(|(isim, rest, frameworks)| {
            let aid = [&[0xa0, 0, 0, 0, 0x87, 0x10, if isim { 4 } else { 2 }][..], &rest].concat();
            object(0x61, &[object(0x4f, &aid), frameworks].concat())
        });
    let data = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec(any::<u8>(), 0..300),
        4 => template,
        2 => directory,
        1 => Just(vec![8, 0x09, 0x10, 0x10, 0, 0, 0, 0x10, 0x20]),
        1 => Just(object(0x80, b"a@b.example")),
        1 => (0xdb_u8..0xdd, vec(any::<u8>(), 0..60)).prop_map(|(tag, value)| object(tag, &value)),
        1 => Just(vec![1]),
        1 => Just(vec![0xff; 10]),
        1 => (0_u8..4, vec(any::<u8>(), 0..18)).prop_map(|(kind, address)| {
            let length = u8::try_from(address.len() + 1).unwrap_or(1);
            [&[length, kind], &address[..]].concat()
        }),
    ];
    prop_oneof![
        12 => (data, status).prop_map(|(data, status)| [data, status.to_vec()].concat()),
        1 => vec(any::<u8>(), 0..4),
    ]
}

fn object(tag: u8, value: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(value.len()).unwrap_or(0x7f)], value].concat()
}

/// Everything a terminal does with a card, going on as long as the card lets it.
fn use_card(card: &mut dyn Card, unlock: Unlock) -> Result<Option<Gbabp>, GbaError> {
    let (rand, autn) = (Rand([1; 16]), Autn([2; 16]));
    let mut uicc = Uicc::open(card, unlock)?;
    let _ = uicc.pin_state();
    let identity = uicc.identity()?;
    let _ = (identity.impi(), identity.bsf_fqdn(), identity.gba_support(), format!("{identity:?}"));
    let subscriptions = uicc.m2m_subscriptions(&identity.applications)?;
    let _ = format!("{subscriptions:?}");
    let application = identity
        .gba_application(ApplicationPreference::Usim)
        .or_else(|_| identity.gba_application(ApplicationPreference::IsimFirst))?;
    let mut run = uicc.gba_run(application.clone(), GbaPolicy::Auto)?;
    for result in
        [run.authenticate(&rand, &autn), run.authenticate_me(&rand, &autn), run.bootstrap_u(&rand, &autn)]
    {
        let _ = result.map_err(|error| error.to_string());
    }
    let b_tid = BTid::new(&rand, &run.application().bsf);
    let _ = run.store_b_tid(&rand, &b_tid, lifetime::from_unix_seconds(0)).map_err(|error| error.to_string());
    let naf_id = NafId::new(run.application().bsf.clone(), UaSecurityProtocolId::HTTP_DIGEST);
    let _ = run.naf_key_u(&naf_id).map_err(|error| error.to_string());
    let _ = run.naf_list();
    let stored = run.stored_bootstrap();
    let _: Result<Records<Fqdn>, UiccError> = uicc.read_all(application.ef_nafkca());
    stored
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_card_makes_the_terminal_panic_or_go_on_for_ever(answers in vec(answer().prop_map(Some), 1..40)) {
        prop_assert!(pins_sent_to(answers) <= 2);
    }

    #[test]
    fn nor_does_one_that_lies_now_and_then(
        answers in vec(prop_oneof![30 => Just(None), 1 => answer().prop_map(Some)], 40..200),
    ) {
        prop_assert!(pins_sent_to(answers) <= 2);
    }
}

/// How many PINs a card gets that wants them. USIM and ISIM may have one each; a third would be a wrong one repeated.
fn pins_sent_to(answers: Vec<Option<Vec<u8>>>) -> usize {
    let mut card = Hostile::new(answers);
    let unlock = Unlock { pin: Pin::parse("1234"), last_try: LastTry::Keep };
    let _ = use_card(&mut card, unlock);
    card.pins_sent
}

#[test]
fn the_card_in_order_is_used_to_the_end() {
    let stored = use_card(&mut Hostile::new(Vec::new()), Unlock::default()).unwrap();
    assert_eq!(stored, Some(Gbabp::of_rand(&Rand([1; 16]))));
}

#[test]
fn a_card_that_is_all_there_and_never_ends_is_left_in_time() {
    let template = object(0x62, &[0x82, 0x05, 0x42, 0x21, 0, 9, 0xfe]);
    for answer in [
        [&template[..], &[0x90, 0]].concat(),
        [&object(0x62, &[0x82, 2, 0x41, 0x21, 0x80, 2, 0xff, 0xff])[..], &[0x90, 0]].concat(),
        [&[0xff; 255][..], &[0x90, 0]].concat(),
        vec![0x61, 0],
        vec![0x6c, 1],
        vec![0x90, 0],
    ] {
        let result = use_card(&mut Hostile::new(vec![Some(answer)]), Unlock::default());
        assert!(result.is_err());
    }
}

#[test]
fn a_reader_that_fails_is_told_from_a_card_that_refuses() {
    struct Failing(CardError);
    impl Card for Failing {
        fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, CardError> {
            Err(self.0)
        }
    }
    for error in [CardError::NoCard, CardError::Reset, CardError::Timeout, CardError::Busy, CardError::Reader]
    {
        let result = use_card(&mut Failing(error), Unlock::default());
        assert_eq!(result, Err(GbaError::Uicc(UiccError::Card(error))));
    }
}
