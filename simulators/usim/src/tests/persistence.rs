//! What a card keeps in its file, when, and for whom.

use super::*;
use crate::{Application, CardFileError, NoCard, Pull, PullPoint};
use ksnaf_proto::uicc::CardError;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const SET_1: [u8; 39] =
    hex!("00 88 00 81 22 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b94a9ffac354dfafb3");
const BOOTSTRAP: [u8; 40] =
    hex!("00 88 00 84 23 dd 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b98c7f3f0d723fb244");
const DERIVE: [u8; 22] = hex!("00 88 00 84 11 de 09 6e616666 0100000002 05 6140622e63");

struct Drawer {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn drawer() -> Drawer {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("card.json");
    Drawer { _directory: directory, path }
}

fn open(path: &Path) -> SimCard {
    let mut card = SimCard::open(path).unwrap();
    select_application(&mut card, &USIM);
    card
}

fn create(path: &Path) -> SimCard {
    let mut card = SimCard::create(path, personalisation()).unwrap();
    select_application(&mut card, &USIM);
    card
}

#[test]
fn a_number_is_refused_after_the_card_is_taken_out_and_put_back() {
    let drawer = drawer();
    let mut card = create(&drawer.path);
    assert_eq!(data(&mut card, &SET_1)[0], 0xdb);
    drop(card);
    assert_eq!(data(&mut open(&drawer.path), &SET_1), hex!("dc 0e ba853f3c123ccf44e93596e355c6"));
}

#[test]
fn everything_that_is_kept_comes_back() {
    let drawer = drawer();
    let mut card = create(&drawer.path);
    data(&mut card, &BOOTSTRAP);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fd6")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 d6 00 11 05 03 624062 00")), 0x9000);
    let external = data(&mut card, &DERIVE);
    assert_eq!(sw(&mut card, &hex!("00 28 00 01 08 31323334ffffffff")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 08 30303030ffffffff")), 0x63c2);
    assert_eq!(sw(&mut card, &hex!("00 2c 00 01 10 3030303030303030 30303030ffffffff")), 0x63c9);
    let internal = card.danger_ks_int_naf(Application::Usim, &DERIVE[7..16]).unwrap().clone();
    drop(card);

    let mut card = open(&drawer.path);
    assert_eq!(card.personalisation(), &personalisation());
    assert_eq!(card.danger_ks_int_naf(Application::Usim, &DERIVE[7..16]), Some(&internal));
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 00")), 0x63c2);
    assert_eq!(sw(&mut card, &hex!("00 2c 00 01 00")), 0x63c9);
    assert_eq!(sw(&mut card, &DERIVE), 0x6982, "PIN1 is enabled still");
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 08 31323334ffffffff")), 0x9000);
    assert_eq!(data(&mut card, &DERIVE), external);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fda")), 0x9000);
    assert_eq!(
        data(&mut card, &hex!("00 b2 01 04 fa"))[..16],
        hex!("80 09 6e616666 0100000002 81 03 624062")
    );
}

#[test]
fn power_lost_before_the_state_is_kept_leaves_the_card_as_it_was() {
    let drawer = drawer();
    let mut card = create(&drawer.path);
    let before = std::fs::read(&drawer.path).unwrap();
    card.faults_mut().pull_in = Some(Pull { ins: 0x88, at: PullPoint::BeforeKept });
    assert_eq!(card.transmit(&BOOTSTRAP), Err(CardError::Removed));
    assert_eq!(card.transmit(&BOOTSTRAP), Err(CardError::NoCard));
    assert_eq!(std::fs::read(&drawer.path).unwrap(), before);
    card.insert();
    select_application(&mut card, &USIM);
    assert_eq!(data(&mut card, &BOOTSTRAP)[0], 0xdb);
}

#[test]
fn power_lost_after_the_state_is_kept_never_lets_a_number_in_twice() {
    let drawer = drawer();
    let mut card = create(&drawer.path);
    card.faults_mut().pull_in = Some(Pull { ins: 0x88, at: PullPoint::AfterKept });
    assert_eq!(card.transmit(&BOOTSTRAP), Err(CardError::Removed));
    drop(card);
    assert_eq!(data(&mut open(&drawer.path), &BOOTSTRAP)[0], 0xdc);
}

#[test]
fn a_state_that_cannot_be_kept_is_no_state() {
    let drawer = drawer();
    let mut card = create(&drawer.path);
    // In the place of the file that would replace the card's: writing fails, for root too.
    let in_the_way = drawer.path.with_file_name("card.json.new");
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(sw(&mut card, &SET_1), 0x6581);
    assert_eq!(sw(&mut card, &hex!("00 c0 00 00 35")), 0x6985, "the answer does not wait either");
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(data(&mut card, &SET_1)[0], 0xdb, "the number was not used up");
}

#[test]
fn reading_writes_nothing() {
    let drawer = drawer();
    let mut card = create(&drawer.path);
    let modified = || std::fs::metadata(&drawer.path).unwrap().modified().unwrap();
    let before = modified();
    data(&mut card, &hex!("00 b0 87 00 09"));
    assert_eq!(sw(&mut card, &hex!("00 88 00 81 22")), 0x6700);
    assert_eq!(modified(), before);
}

#[test]
fn a_card_is_in_one_reader_at_a_time_and_its_file_is_the_owners() {
    let drawer = drawer();
    let card = create(&drawer.path);
    let mode = std::fs::metadata(&drawer.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let in_use = |result| matches!(result, Err(NoCard::File(CardFileError::InUse { .. })));
    assert!(in_use(SimCard::open(&drawer.path)));
    assert!(in_use(SimCard::create(&drawer.path, personalisation())));
    assert_eq!(Personalisation::read(&drawer.path).unwrap(), personalisation(), "looking is no use");
    drop(card);
    assert!(matches!(
        SimCard::create(&drawer.path, personalisation()),
        Err(NoCard::File(CardFileError::Exists { .. }))
    ));
    SimCard::open(&drawer.path).unwrap();
}

#[test]
fn a_file_without_state_is_a_fresh_card() {
    let drawer = drawer();
    drop(create(&drawer.path));
    let text = std::fs::read_to_string(&drawer.path).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json.as_object_mut().unwrap().remove("state");
    std::fs::write(&drawer.path, json.to_string()).unwrap();
    assert_eq!(data(&mut open(&drawer.path), &SET_1)[0], 0xdb);
}

#[test]
fn a_file_that_is_no_card_is_refused_with_the_field_that_is_wrong() {
    let drawer = drawer();
    drop(create(&drawer.path));
    let text = std::fs::read_to_string(&drawer.path).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    let refusal = |pointer: &str, value: serde_json::Value| {
        let mut json = whole.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&drawer.path, json.to_string()).unwrap();
        SimCard::open(&drawer.path).unwrap_err().to_string()
    };
    for (pointer, value, field) in [
        ("/card/imsi", "12".into(), "imsi"),
        ("/card/mnc_digits", 4.into(), "mnc_digits"),
        ("/card/key/k", "00".into(), "k"),
        ("/card/pin1", "12".into(), "pin1"),
        ("/card/ind_bits", 9.into(), "ind_bits"),
        ("/card/ind_bits", 4.into(), "state.sqn"),
        ("/card/naf_key_entries", 0.into(), "naf_key_entries"),
        ("/card/isim/impi", "x".into(), "isim.impi"),
        ("/state/sqn", "zz".into(), "state.sqn"),
        ("/state/pin1/tries", 4.into(), "state.pin1"),
        ("/state/files", serde_json::json!({"usim/6f07": "00"}), "state.files.usim/6f07"),
        ("/state/files", serde_json::json!({"usim/0000": "00"}), "state.files.usim/0000"),
        ("/state/usim_gba/bootstrap", serde_json::json!({"rand": "", "ks": ""}), "state.usim_gba"),
    ] {
        let message = refusal(pointer, value);
        assert!(message.contains(&format!("{field}: ")), "{pointer}: {message}");
        assert!(message.contains("card.json"), "{message}");
        assert!(!message.contains("465b5ce8"), "no key in a message");
    }
    assert!(refusal("/card", serde_json::json!({"k": 1})).contains("unknown field"));
    for end in (0..text.len()).step_by(7) {
        std::fs::write(&drawer.path, &text[..end]).unwrap();
        assert!(SimCard::open(&drawer.path).is_err(), "{end}");
    }
}

#[test]
fn a_path_to_nothing_leaves_nothing_behind() {
    let drawer = drawer();
    assert!(matches!(SimCard::open(&drawer.path), Err(NoCard::File(CardFileError::Io { .. }))));
    assert!(!drawer.path.with_file_name("card.json.lock").exists());
}

#[test]
fn a_tuak_card_and_odd_codes_come_back_too() {
    let drawer = drawer();
    let card = Personalisation {
        key: AkaKey::Tuak {
            k: vec![7; 32].into(),
            topc: Secret::new([8; 32]),
            res_octets: 16,
            iterations: 2,
        },
        adm1: crate::Code::adm("00112233445566ff").unwrap(),
        isim: None,
        onem2m: vec![onem2m::subscription(Application::Usim)],
        msisdn: Some("+8821234567890".to_owned()),
        ..personalisation()
    };
    drop(SimCard::create(&drawer.path, card.clone()).unwrap());
    let mut opened = SimCard::open(&drawer.path).unwrap();
    assert_eq!(opened.personalisation(), &card);
    assert_eq!(sw(&mut opened, &hex!("00 20 00 0a 08 00112233445566ff")), 0x9000);
}
