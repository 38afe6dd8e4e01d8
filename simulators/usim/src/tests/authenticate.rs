//! AUTHENTICATE in the GSM and 3G contexts (TS 31.102 clause 7.1, TS 33.102 clause 6.3 and annex C.2).

use super::*;
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::aka::{Auts, Rand};
use ksnaf_proto::secret::SecretBytes;

/// TS 35.208 test set 1, with AUTN made of its f1, f5, SQN ff9bb4d0b607 and AMF b9b9.
const SET_1: [u8; 39] =
    hex!("00 88 00 81 22 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b94a9ffac354dfafb3");
const RES_CK_IK: [u8; 44] =
    hex!("db 08 a54211d5e3ba50bf 10 b40ba9a3c58b2a05bbf0d987b21bf8cb 10 f769bcd751044604127672711c6d3441");

fn usim() -> SimCard {
    let mut card = card();
    select_application(&mut card, &USIM);
    card
}

/// What the network makes of `DC 0E AUTS`.
fn sqn_ms(response: &[u8], rand: [u8; 16]) -> u64 {
    let auts = Auts(response.strip_prefix(&hex!("dc 0e")).unwrap().try_into().unwrap());
    let algorithm = set_1().algorithm().unwrap();
    vector::check_auts(&*algorithm, &Rand(rand), &auts).unwrap().value()
}

#[test]
fn test_set_1_gives_res_ck_ik_and_kc() {
    let mut card = usim();
    let kc = hex!("08 eae4be823af9a08b");
    assert_eq!(data(&mut card, &SET_1), [&RES_CK_IK[..], &kc].concat());
}

#[test]
fn kc_is_there_only_with_gsm_access() {
    let mut card = SimCard::new(Personalisation { gsm_access: false, ..personalisation() }).unwrap();
    select_application(&mut card, &USIM);
    assert_eq!(data(&mut card, &SET_1), RES_CK_IK);
    let mut card = self::card();
    select_application(&mut card, &ISIM);
    assert_eq!(data(&mut card, &SET_1), RES_CK_IK, "an ISIM has no GSM");
}

#[test]
fn the_gsm_context_gives_sres_and_kc() {
    let gsm = hex!("00 88 00 80 11 10 23553cbe9637a89d218ae64dae47bf35");
    assert_eq!(data(&mut usim(), &gsm), hex!("04 46f8416a 08 eae4be823af9a08b"));
    let mut card = SimCard::new(Personalisation { gsm_access: false, ..personalisation() }).unwrap();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &gsm), 0x9864);
    let mut card = self::card();
    select_application(&mut card, &ISIM);
    assert_eq!(sw(&mut card, &gsm), 0x9864);
}

#[test]
fn tuak_test_set_1_gives_its_values() {
    let key = AkaKey::Tuak {
        k: SecretBytes::from(vec![0xab; 16]),
        topc: Secret::new(hex!("bd04d9530e87513c5d837ac2ad954623a8e2330c115305a73eb45d1f40cccbff")),
        res_octets: 4,
        iterations: 1,
    };
    let mut card = SimCard::new(Personalisation { key, gsm_access: false, ..personalisation() }).unwrap();
    select_application(&mut card, &USIM);
    // AUTN of SQN 111111111111, f5 719f1e9b9054, AMF ffff, f1 f9a54e6aeaa8618d.
    let command =
        hex!("00 88 00 81 22 10 42424242424242424242424242424242 10 608e0f8a8145 ffff f9a54e6aeaa8618d");
    assert_eq!(
        data(&mut card, &command),
        hex!("db 04 657acd64 10 d71a1e5c6caffe986a26f783e5c78be1 10 be849fa2564f869aecee6f62d4337e72")
    );
}

#[test]
fn a_wrong_mac_is_told_before_a_stale_number() {
    let mut card = usim();
    let mut wrong = SET_1;
    wrong[38] ^= 1;
    assert_eq!(sw(&mut card, &wrong), 0x9862);
    assert_eq!(data(&mut card, &SET_1).len(), 53, "the number was not used up by the wrong MAC");
    assert_eq!(sw(&mut card, &wrong), 0x9862, "stale too by now, but the MAC comes first");
}

#[test]
fn a_number_used_twice_gives_auts_with_the_highest_one() {
    let mut card = usim();
    data(&mut card, &SET_1);
    let auts = data(&mut card, &SET_1);
    assert_eq!(auts, hex!("dc 0e ba853f3c123ccf44e93596e355c6"));
}

#[test]
fn each_ind_counts_for_itself_and_auts_carries_the_highest_of_all() {
    let mut card = usim();
    let format = SqnFormat::default();
    let mut ask = |seq: u64, ind: u8| {
        let sqn = format.join(seq, ind).unwrap();
        let rand = [ind; 16];
        let response = data(&mut card, &authenticate_3g(&vector_for(sqn.value(), rand)));
        if response[0] == 0xdb { None } else { Some(sqn_ms(&response, rand)) }
    };
    let at = |seq: u64, ind: u8| Some(format.join(seq, ind).unwrap().value());
    assert_eq!(ask(0, 0), Some(0), "a fresh card has seen zero everywhere");
    assert_eq!(ask(10, 3), None);
    assert_eq!(ask(5, 4), None, "lower than the highest, new for its IND");
    assert_eq!(ask(10, 3), at(10, 3));
    assert_eq!(ask(5, 4), at(10, 3));
    assert_eq!(ask(6, 4), None);
}

#[test]
fn a_jump_beyond_delta_and_a_number_too_old_are_refused() {
    let sqn = SqnRules { ind_bits: 5, delta: Some(1000), age_limit: Some(100) };
    let mut card = SimCard::new(Personalisation { sqn, ..personalisation() }).unwrap();
    select_application(&mut card, &USIM);
    let format = SqnFormat::default();
    let mut accepted = |seq: u64, ind: u8| {
        let vector = vector_for(format.join(seq, ind).unwrap().value(), [seq as u8; 16]);
        data(&mut card, &authenticate_3g(&vector))[0] == 0xdb
    };
    assert!(!accepted(1001, 0));
    assert!(accepted(1000, 0));
    assert!(!accepted(2001, 1));
    assert!(!accepted(900, 2));
    assert!(accepted(901, 2));
}

#[test]
fn usim_and_isim_share_key_and_numbers() {
    let mut card = usim();
    data(&mut card, &SET_1);
    select_application(&mut card, &ISIM);
    assert_eq!(data(&mut card, &SET_1)[0], 0xdc);
}

#[test]
fn it_needs_an_application_a_pin_a_context_and_whole_data() {
    let mut card = card();
    assert_eq!(sw(&mut card, &SET_1), 0x6985, "no application");
    select_path(&mut card, &hex!("7f10"));
    assert_eq!(sw(&mut card, &SET_1), 0x6985);
    let mut card = locked_card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &SET_1), 0x6982);
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 08 31323334ffffffff")), 0x9000);
    // A subdirectory of the application is in the application.
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 5f3b")), 0x9000);
    for (p2, expected) in [(0x82, 0x9864), (0x85, 0x9864), (0x01, 0x6a86), (0x88, 0x6a86), (0xff, 0x6a86)] {
        let mut command = SET_1;
        command[3] = p2;
        assert_eq!(sw(&mut card, &command), expected, "{p2:02x}");
    }
    let mut command = SET_1;
    command[2] = 1;
    assert_eq!(sw(&mut card, &command), 0x6a86);
    let short_rand = [&hex!("00 88 00 81 21 0f")[..], &[0; 15], &[0x10], &[0; 16]].concat();
    assert_eq!(sw(&mut card, &short_rand), 0x6a80);
    let trailing = [&hex!("00 88 00 81 23")[..], &SET_1[5..], &[0]].concat();
    assert_eq!(sw(&mut card, &trailing), 0x6700);
    for length in 0..34 {
        let cut = [&[0x00, 0x88, 0x00, 0x81, length as u8][..], &SET_1[5..5 + length]].concat();
        assert_eq!(sw(&mut card, &cut), 0x6700, "{length}");
    }
    assert_eq!(data(&mut card, &SET_1).len(), 53);
}
