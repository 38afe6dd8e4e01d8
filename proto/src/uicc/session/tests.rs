use super::*;
use crate::gba::GbaMode;
use crate::identity::{Imsi, MncLength};
use crate::uicc::card_identity::{ApplicationPreference, CardIdentity};
use crate::uicc::ef::ust;
use crate::uicc::file::known::{isim, usim};
use crate::uicc::script::{Lookup, Script, over_t_0};

// The card's octets: file control parameters and contents of real cards (osmocom/pysim, card backups and tests, values
// only), PIN status and service tables set to what the test is about.

const OPEN: (&str, &str) = ("0070000001", "01 9000");
const CLOSE: (&str, &str) = ("00708001", "9000");
const MASTER_FILE: (&str, &str) =
    ("01a40004023f0000", "621d 82027821 83023f00 a503800171 8a0105 8b032f0603 c606900100830101 9000");

const ICCID: &[(&str, &str)] = &[
    MASTER_FILE,
    ("01a40004022fe200", "6217 82024121 83022fe2 8a0105 8b032f060a 8002000a 880110 9000"),
    ("01b000000a", "988812010000400310f0 9000"),
];

const DIRECTORY: &[(&str, &str)] = &[
    MASTER_FILE,
    ("01a40004022f0000", "621a 8205422100 2b03 83022f00 8a0105 8b032f0604 80020081 8801f0 9000"),
    (
        "01b201042b",
        "61294f10a0000000871002ffffffff890709000050055553696d31730ea00c80011781025f608203454150 9000",
    ),
    (
        "01b202042b",
        "61194f10a0000000871004ffffffff890709000050054953696d31ffffffffffffffffffffffffffffffff 9000",
    ),
    (
        "01b203042b",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff 9000",
    ),
];

const SELECT_USIM: &str = "01a4040410a0000000871002ffffffff890709000000";
const SELECT_ISIM: &str = "01a4040410a0000000871004ffffffff890709000000";

/// PIN 1 disabled, the local PIN enabled: a card as it comes for tests.
const USIM_OPEN: (&str, &str) =
    (SELECT_USIM, "6224 82027821 8410a0000000871002ffffffff8907090000 8a0105 c609900140830101830181 9000");
const ISIM_OPEN: (&str, &str) =
    (SELECT_ISIM, "6224 82027821 8410a0000000871004ffffffff8907090000 8a0105 c609900140830101830181 9000");
/// PIN 1 enabled.
const USIM_LOCKED: (&str, &str) =
    (SELECT_USIM, "6224 82027821 8410a0000000871002ffffffff8907090000 8a0105 c6099001c0830101830181 9000");
const ISIM_LOCKED: (&str, &str) =
    (SELECT_ISIM, "6224 82027821 8410a0000000871004ffffffff8907090000 8a0105 c6099001c0830101830181 9000");

const USIM_FILES: &[(&str, &str)] = &[
    ("01a40004026f0700", "6217 82024121 83026f07 8a0105 8b036f0604 80020009 880138 9000"),
    ("01b0000009", "080910100000001020 9000"),
    ("01a40004026fad00", "6217 82024121 83026fad 8a0105 8b036f0601 80020004 880118 9000"),
    ("01b0000004", "00000102 9000"),
    ("01a40004026f3800", "6217 82024121 83026f38 8a0105 8b036f0604 8002000b 880120 9000"),
    ("01b000000b", "9eff1b3c37fe5900080000 9000"),
];

const ISIM_FILES: &[(&str, &str)] = &[
    ("01a40004026f0200", "6217 82024121 83026f02 8a0105 8b036f0603 80020033 880110 9000"),
    (
        "01b0000033",
        "803137333830303630303030303031303140696d732e6d6e633030302e6d63633733382e336770706e6574776f726b2e6f7267\
         9000",
    ),
    ("01a40004026f0300", "6217 82024121 83026f03 8a0105 8b036f0603 80020023 880128 9000"),
    ("01b0000023", "8021696d732e6d6e633030302e6d63633733382e336770706e6574776f726b2e6f7267 9000"),
    ("01a40004026f0400", "621a 8205422100 3802 83026f04 8a0105 8b036f0603 80020070 880120 9000"),
    (
        "01b2010438",
        "80357369703a37333830303630303030303031303140696d732e6d6e633030302e6d63633733382e336770706e6574776f726b\
         2e6f7267ff 9000",
    ),
    (
        "01b2020438",
        "8000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
         ffffffffffff 9000",
    ),
    ("01a40004026f0700", "6217 82024121 83026f07 8a0105 8b036f0603 80020003 880138 9000"),
    ("01b0000003", "190208 9000"),
];

/// A card with USIM and ISIM, nothing locked, the GBA service in the USIM.
pub(in crate::uicc) fn whole_card() -> Vec<(&'static str, &'static str)> {
    [&[OPEN], ICCID, DIRECTORY, &[USIM_OPEN], USIM_FILES, &[ISIM_OPEN], ISIM_FILES, &[CLOSE]].concat()
}

fn identity(card: &mut dyn Card, unlock: Unlock) -> Result<CardIdentity, UiccError> {
    Uicc::open(card, unlock)?.identity()
}

fn identity_of(steps: &[(&str, &str)], pin: Option<&str>) -> Result<CardIdentity, UiccError> {
    let mut card = Script::new(steps);
    let unlock = Unlock { pin: pin.and_then(Pin::parse), last_try: LastTry::Keep };
    let identity = identity(&mut card, unlock);
    card.finish();
    identity
}

#[test]
fn a_card_tells_who_it_is_over_either_protocol() {
    let direct = identity_of(&whole_card(), None).unwrap();
    let fetched = over_t_0(&whole_card());
    let fetched: Vec<_> = fetched.iter().map(|(ask, answer)| (ask.as_str(), answer.as_str())).collect();
    assert!(fetched.len() > whole_card().len());
    assert_eq!(identity_of(&fetched, None).as_ref(), Ok(&direct));

    assert_eq!(direct.iccid.as_ref().unwrap().as_str(), "8988211000000430010");
    let kinds: Vec<_> = direct.applications.iter().map(|application| application.aid.kind()).collect();
    assert_eq!(kinds, [ApplicationKind::Usim, ApplicationKind::Isim]);
    assert_eq!(direct.applications[0].label, "USim1");
    let usim = direct.usim.as_ref().unwrap();
    assert_eq!(usim.imsi, Imsi::parse("001010000000102").unwrap());
    assert_eq!(usim.mnc_length, MncLength::Two);
    assert!(usim.ust.as_ref().unwrap().has(ust::GBA));
    let isim = direct.isim.as_ref().unwrap();
    assert_eq!(isim.domain.as_ref().unwrap().as_str(), "ims.mnc000.mcc738.3gppnetwork.org");
    assert_eq!(isim.impus.len(), 1);
    assert_eq!(direct.problems, []);
}

#[test]
fn an_isim_goes_before_the_usim_unless_asked_otherwise() {
    let identity = identity_of(&whole_card(), None).unwrap();
    assert_eq!(identity.impi().unwrap().as_str(), "738006000000101@ims.mnc000.mcc738.3gppnetwork.org");
    assert_eq!(identity.bsf_fqdn().unwrap().as_str(), "bsf.ims.mnc000.mcc738.pub.3gppnetwork.org");
    // The ISIM's own table counts, though the USIM has the service.
    assert_eq!(identity.gba_support(), Some(GbaMode::Me));
    let usim = identity.gba_application(ApplicationPreference::Usim).unwrap();
    assert_eq!(usim.impi.as_str(), "001010000000102@ims.mnc001.mcc001.3gppnetwork.org");
    assert_eq!(usim.bsf.as_str(), "bsf.mnc001.mcc001.pub.3gppnetwork.org");
    assert_eq!(usim.support, GbaMode::U);
    assert_eq!((usim.ef_gbabp(), usim.ef_gbanl()), (usim::EF_GBABP, usim::EF_GBANL));
    let isim = identity.gba_application(ApplicationPreference::Isim).unwrap();
    assert_eq!((isim.ef_gbabp(), isim.ef_gbanl()), (isim::EF_GBABP, isim::EF_GBANL));
}

#[test]
fn a_factory_isim_without_impi_leaves_the_usim() {
    let blank = format!("{} 9000", "ff".repeat(51));
    let mut steps: Vec<(&str, &str)> = whole_card();
    for step in &mut steps {
        if step.0 == "01b0000033" {
            step.1 = &blank;
        }
    }
    let identity = identity_of(&steps, None).unwrap();
    assert_eq!(identity.isim.as_ref().unwrap().impi, None);
    assert_eq!(identity.problems, []);
    assert_eq!(identity.gba_support(), Some(GbaMode::U));
    assert_eq!(identity.gba_application(ApplicationPreference::Isim), Err(UiccError::NoSubscriber));
}

#[test]
fn optional_files_may_be_missing() {
    let steps = [
        &[OPEN, MASTER_FILE, ("01a40004022fe200", "6a82")],
        DIRECTORY,
        &[USIM_OPEN, USIM_FILES[0], ("01b0000009", "083901140010325476 9000")],
        &[("01a40004026fad00", "6a82"), ("01a40004026f3800", "6a82"), ISIM_OPEN],
        &[("01a40004026f0200", "6a82"), ("01a40004026f0300", "6a82"), ("01a40004026f0400", "6a82")],
        &[("01a40004026f0700", "6a82"), CLOSE],
    ]
    .concat();
    let identity = identity_of(&steps, None).unwrap();
    assert_eq!(identity.problems, []);
    assert_eq!(identity.iccid, None);
    let usim = identity.usim.as_ref().unwrap();
    // 310 is a country of three-digit MNCs, which EF_AD would have said.
    assert_eq!((usim.imsi.mcc(), usim.mnc_length), ("310", MncLength::Three));
    assert_eq!(identity.gba_support(), Some(GbaMode::Me));
    assert_eq!(identity.impi().unwrap().as_str(), "310410001234567@ims.mnc410.mcc310.3gppnetwork.org");
}

#[test]
fn an_ef_ad_of_the_gsm_age_leaves_the_mnc_to_the_numbering_plan() {
    let mut steps = whole_card();
    for step in &mut steps {
        match step.0 {
            "01b0000009" => step.1 = "083901140010325476 9000",
            "01b0000004" => step.1 = "00ffffff 9000",
            _ => {}
        }
    }
    assert_eq!(identity_of(&steps, None).unwrap().usim.unwrap().mnc_length, MncLength::Three);
}

#[test]
fn without_a_directory_the_applications_are_asked_for_by_cut_aids() {
    let steps = [
        &[OPEN][..],
        ICCID,
        &[MASTER_FILE, ("01a40004022f0000", "6a82")],
        &[("01a4040407a000000087100200", USIM_OPEN.1), ("01a4040407a000000087100400", "6a82")],
        &[USIM_OPEN],
        USIM_FILES,
        &[CLOSE],
    ]
    .concat();
    let identity = identity_of(&steps, None).unwrap();
    assert_eq!(identity.applications.len(), 1);
    assert_eq!(identity.applications[0].aid.to_string(), "a0000000871002ffffffff8907090000");
    assert!(identity.usim.is_some() && identity.isim.is_none());
}

#[test]
fn an_aid_that_the_card_does_not_take_whole_is_tried_cut() {
    let mut steps = whole_card();
    let at = steps.iter().position(|step| step.0 == SELECT_USIM).unwrap();
    steps[at].1 = "6a82";
    steps.insert(at + 1, ("01a4040407a000000087100200", "9000"));
    let identity = identity_of(&steps, None).unwrap();
    assert!(identity.usim.is_some());
}

#[test]
fn wrong_content_is_noted_and_does_not_stop_the_rest() {
    let mut steps = whole_card();
    for step in &mut steps {
        match step.0 {
            "01b0000004" => step.1 = "0000 9000",
            "01b0000033" => step.1 = "8005 9000",
            "01a40004026f0300" => step.1 = "6f00",
            _ => {}
        }
    }
    steps.retain(|step| step.0 != "01b0000023");
    let identity = identity_of(&steps, None).unwrap();
    let told: Vec<String> = identity.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "EF_AD (6FAD): cut short: 2 octets needed at offset 1, 1 left",
            "EF_IMPI (6F02): data object cut short: 5 octets needed at offset 2, 0 left",
            "SELECT of EF_DOMAIN (6F03) refused: 6F00 (technical problem)",
        ]
    );
    assert_eq!(identity.usim.unwrap().mnc_length, MncLength::Two);
}

#[test]
fn a_pin_that_was_not_given_hides_the_subscriber_and_is_named() {
    let refused = ("01b0000009", "6982");
    let asked = ("01200001", "63c3");
    let isim_refused = [
        ISIM_LOCKED,
        ISIM_FILES[0],
        ("01b0000033", "6982"),
        asked,
        ("01a40004026f0300", "6a82"),
        ("01a40004026f0400", "6a82"),
        ("01a40004026f0700", "6a82"),
        CLOSE,
    ];
    let steps = [&[OPEN][..], ICCID, DIRECTORY, &[USIM_LOCKED, USIM_FILES[0], refused, asked], &isim_refused]
        .concat();
    let identity = identity_of(&steps, None).unwrap();
    assert!(identity.iccid.is_some());
    let needed = UiccError::PinNeeded { key_reference: 1, state: PinState::Required { tries_left: 3 } };
    assert_eq!(identity.problems, [needed]);
    assert_eq!(identity.gba_application(ApplicationPreference::default()), Err(needed));
    assert_eq!(needed.to_string(), "the card wants its PIN (key reference 01): required, 3 tries left");
}

#[test]
fn a_pin_is_given_once_for_all_applications() {
    let verified = [("01200001", "63c3"), ("012000010831323334ffffffff", "9000")];
    let steps = [
        &[OPEN][..],
        ICCID,
        DIRECTORY,
        &[USIM_LOCKED],
        &verified,
        USIM_FILES,
        &[ISIM_LOCKED],
        ISIM_FILES,
        &[CLOSE],
    ]
    .concat();
    assert_eq!(identity_of(&steps, Some("1234")).unwrap().problems, []);
}

#[test]
fn a_wrong_pin_is_not_tried_again_for_the_next_application() {
    let refused = [("01200001", "63c3"), ("012000010831323334ffffffff", "63c2"), CLOSE];
    let steps = [&[OPEN][..], ICCID, DIRECTORY, &[USIM_LOCKED], &refused].concat();
    let error = identity_of(&steps, Some("1234")).unwrap_err();
    assert_eq!(error, UiccError::Pin(PinError::Wrong { tries_left: 2 }));
    let kept = [("01200001", "63c1"), CLOSE];
    let steps = [&[OPEN][..], ICCID, DIRECTORY, &[USIM_LOCKED], &kept].concat();
    assert_eq!(identity_of(&steps, Some("1234")), Err(UiccError::Pin(PinError::LastTry)));
}

#[test]
fn a_wrong_pin_is_forgotten() {
    let refused = [("01200001", "63c3"), ("012000010831323334ffffffff", "63c2")];
    let steps = [&[OPEN, USIM_LOCKED], &refused[..], &[USIM_LOCKED, CLOSE]].concat();
    let mut card = Script::new(&steps);
    let unlock = Unlock { pin: Pin::parse("1234"), last_try: LastTry::Spend };
    let mut uicc = Uicc::open(&mut card, unlock).unwrap();
    let aid = Aid::new(&crate::hex::decode("a0000000871002ffffffff8907090000").unwrap()).unwrap();
    assert!(uicc.select_application(&aid).is_err());
    assert!(uicc.select_application(&aid).is_ok());
    drop(uicc);
    card.finish();
}

#[test]
fn a_refusal_that_no_pin_explains_stays_what_it_is() {
    let steps = [OPEN, USIM_OPEN, ("01a40004026f3800", "9000"), ("01b00000ff", "6982"), CLOSE];
    let mut card = Script::new(&steps);
    let mut uicc = Uicc::open(&mut card, Unlock::default()).unwrap();
    let aid = Aid::new(&crate::hex::decode("a0000000871002ffffffff8907090000").unwrap()).unwrap();
    uicc.select_application(&aid).unwrap();
    assert_eq!(uicc.pin_state(), Ok(PinState::Disabled));
    let error = uicc.read::<crate::uicc::ef::ServiceTable>(usim::EF_UST).unwrap_err();
    assert!(matches!(error, UiccError::File(error) if error.needs_pin()));
    assert_eq!(uicc.close(), Ok(()));
    card.finish();
}

#[test]
fn a_card_pulled_at_any_moment_is_reported_as_removed() {
    let steps = whole_card();
    for said in 0..steps.len() - 1 {
        let mut card = Script::new(&steps[..said]).failing(CardError::Removed);
        let result = identity(&mut card, Unlock::default());
        assert_eq!(result, Err(UiccError::Card(CardError::Removed)), "after {said} answers");
    }
}

#[test]
fn no_truncation_of_any_answer_breaks_a_run_or_invents_a_subscriber() {
    let whole = identity_of(&whole_card(), None).unwrap();
    for mut card in
        Lookup::all_with_an_answer_cut(&whole_card()).chain(Lookup::all_with_data_cut(&whole_card()))
    {
        let Ok(identity) = identity(&mut card, Unlock::default()) else { continue };
        if let Some(usim) = identity.usim {
            assert_eq!(usim.imsi, whole.usim.as_ref().unwrap().imsi);
        }
        if let Some(impi) = identity.isim.and_then(|isim| isim.impi) {
            assert_eq!(Some(impi), whole.isim.as_ref().unwrap().impi);
        }
    }
}

#[test]
fn a_file_of_as_many_records_as_there_can_be_is_read_to_its_end() {
    let mut steps = vec![OPEN, ("01a40004026f0400", "6207 820542210004fe 9000")];
    let asks: Vec<String> = (1..=254).map(|number| format!("01b2{number:02x}0404")).collect();
    steps.extend(asks.iter().map(|ask| (ask.as_str(), "80026162 9000")));
    steps.push(CLOSE);
    let mut card = Script::new(&steps);
    let mut uicc = Uicc::open(&mut card, Unlock::default()).unwrap();
    let records: Records<crate::uicc::ef::Impu> = uicc.read_all(isim::EF_IMPU).unwrap();
    assert_eq!(records.len(), 254);
    assert_eq!(records.last().map(|(number, _)| *number), Some(254));
}
