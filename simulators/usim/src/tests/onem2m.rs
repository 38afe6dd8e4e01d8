//! DF_1M2M and where EF_DIR says it is, by the tables of TS-0003 annexes D.1 and E.1.

use super::*;
use crate::{Application, M2mPersonalisation, NoCard, PersonalisationError};

/// A subscription with everything.
pub(super) fn subscription(host: Application) -> M2mPersonalisation {
    M2mPersonalisation {
        services: vec![1, 2, 3, 4, 5, 6, 7, 8],
        node_id: Some("node-1".to_owned()),
        cse_id: Some("/mn7".to_owned()),
        ae_ids: vec!["Cgba".to_owned(), "S1".to_owned()],
        mefs: vec!["mef.example".to_owned(), "192.0.2.1".to_owned(), "2001:db8::1".to_owned()],
        in_cse_ids: vec!["/id-in".to_owned()],
        maf_fqdn: Some("maf.example".to_owned()),
        ..M2mPersonalisation::new(host, "abcde", "//sp.example")
    }
}

fn m2m_card(subscriptions: Vec<M2mPersonalisation>) -> SimCard {
    SimCard::new(Personalisation { onem2m: subscriptions, ..personalisation() }).unwrap()
}

fn select(card: &mut SimCard, fid: [u8; 2]) -> u16 {
    sw(card, &[&hex!("00 a4 00 0c 02")[..], &fid].concat())
}

/// The whole of a transparent file.
fn transparent(card: &mut SimCard, fid: u16, octets: u8) -> Vec<u8> {
    assert_eq!(select(card, fid.to_be_bytes()), 0x9000, "{fid:04x}");
    data(card, &[0x00, 0xb0, 0x00, 0x00, octets])
}

#[test]
fn a_card_has_no_m2m_files_unless_it_was_made_with_them() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(select(&mut card, hex!("5f61")), 0x6a82);
}

#[test]
fn ef_dir_names_the_directory_and_the_subscription_of_each_host() {
    let second = M2mPersonalisation::new(Application::Isim, "xy", "//other.example");
    let third = M2mPersonalisation::new(Application::Isim, "z", "//third.example");
    let mut card = m2m_card(vec![subscription(Application::Usim), second, third]);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 2f00")), 0x9000);
    let usim =
        [&hex!("61 25 4f 10")[..], &USIM, &hex!("50 04 5553494d 73 0b a2 09 80 07 5f61 6162636465")].concat();
    let isim =
        [&hex!("61 27 4f 10")[..], &ISIM, &hex!("50 04 4953494d 73 0d a2 0b 80 04 5f62 7879 80 03 5f63 7a")]
            .concat();
    assert_eq!((usim.len(), isim.len()), (39, 41));
    assert_eq!(data(&mut card, &hex!("00 b2 01 04 29"))[..39], usim);
    assert_eq!(data(&mut card, &hex!("00 b2 02 04 29")), isim);
}

#[test]
fn the_files_hold_what_the_tables_say() {
    let mut card = m2m_card(vec![subscription(Application::Usim)]);
    select_application(&mut card, &USIM);
    assert_eq!(select(&mut card, hex!("5f61")), 0x9000);
    assert_eq!(transparent(&mut card, 0x6f0a, 1), hex!("ff"));
    assert_eq!(transparent(&mut card, 0x6f02, 7), hex!("80 05 6162636465"));
    assert_eq!(transparent(&mut card, 0x6f03, 14), hex!("80 0c 2f2f73702e6578616d706c65"));
    assert_eq!(transparent(&mut card, 0x6f04, 8), hex!("80 06 6e6f64652d31"));
    assert_eq!(transparent(&mut card, 0x6f05, 6), hex!("80 04 2f6d6e37"));
    assert_eq!(transparent(&mut card, 0x6f09, 13), hex!("80 0b 6d61662e6578616d706c65"));
    assert_eq!(select(&mut card, hex!("6f06")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b2 01 04 06")), hex!("04 43676261 ff"));
    assert_eq!(data(&mut card, &hex!("00 b2 02 04 06")), hex!("02 5331 ffffff"));
    assert_eq!(data(&mut card, &hex!("00 b2 03 04 06")), hex!("00 ffffffffff"), "unset, by annex E.1");
    assert_eq!(select(&mut card, hex!("6f07")), 0x9000);
    let record = |card: &mut SimCard, number| data(card, &[0x00, 0xb2, number, 0x04, 0x13]);
    assert_eq!(record(&mut card, 1)[..13], hex!("0c 00 6d65662e6578616d706c65"));
    assert_eq!(record(&mut card, 2)[..6], hex!("05 01 c0000201"));
    assert_eq!(record(&mut card, 3)[..18], hex!("11 02 20010db8000000000000000000000001"));
    assert_eq!(record(&mut card, 3)[18..], hex!("ff"));
    assert_eq!(select(&mut card, hex!("6f08")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b2 01 04 08")), hex!("06 2f69642d696e ff"));
    // By short identifier, in the directory: EF_1M2MSPID 03, EF_1M2MST 0A.
    assert_eq!(data(&mut card, &hex!("00 b0 83 00 02")), hex!("80 0c"));
    assert_eq!(data(&mut card, &hex!("00 b0 8a 00 01")), hex!("ff"));
}

#[test]
fn everybody_reads_and_the_issuer_alone_writes() {
    let locked = Personalisation {
        onem2m: vec![subscription(Application::Isim)],
        pin1_enabled: true,
        ..personalisation()
    };
    let mut card = SimCard::new(locked).unwrap();
    select_application(&mut card, &ISIM);
    assert_eq!(select(&mut card, hex!("5f61")), 0x9000);
    assert_eq!(transparent(&mut card, 0x6f05, 6), hex!("80 04 2f6d6e37"), "without a PIN");
    assert_eq!(sw(&mut card, &hex!("00 d6 00 02 04 2f6d6e38")), 0x6982);
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 08 31323334ffffffff")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 d6 00 02 04 2f6d6e38")), 0x6982, "PIN1 is the user's");
    assert_eq!(sw(&mut card, &hex!("00 20 00 0a 08 3838383838383838")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 d6 00 02 04 2f6d6e38")), 0x9000);
    assert_eq!(transparent(&mut card, 0x6f05, 6), hex!("80 04 2f6d6e38"));
}

#[test]
fn access_rules_are_not_looked_up_in_the_list_of_aes() {
    let mut card = m2m_card(vec![subscription(Application::Usim)]);
    select_application(&mut card, &USIM);
    assert_eq!(select(&mut card, hex!("5f61")), 0x9000);
    let fcp = data(&mut card, &hex!("00 a4 00 04 02 6f05 00"));
    assert!(fcp.windows(5).any(|window| window == hex!("8b 03 2f06 02")), "{fcp:02x?}");
}

#[test]
fn a_table_is_as_long_as_its_last_service() {
    for (services, expected) in
        [(vec![7], &hex!("40")[..]), (vec![2, 12], &hex!("02 08")), (vec![8, 1], &hex!("81"))]
    {
        let one = M2mPersonalisation {
            services,
            ..M2mPersonalisation::new(Application::Usim, "s", "//sp.example")
        };
        let mut card = m2m_card(vec![one]);
        select_application(&mut card, &USIM);
        assert_eq!(select(&mut card, hex!("5f61")), 0x9000);
        let octets = u8::try_from(expected.len()).unwrap();
        assert_eq!(transparent(&mut card, 0x6f0a, octets), expected);
        for absent in [hex!("6f04"), hex!("6f05"), hex!("6f06"), hex!("6f07"), hex!("6f08"), hex!("6f09")] {
            assert_eq!(select(&mut card, absent), 0x6a82);
        }
    }
}

#[test]
fn what_no_file_can_hold_makes_no_card() {
    let refused = |onem2m: Vec<M2mPersonalisation>, isim: bool| {
        let isim = personalisation().isim.filter(|_| isim);
        match SimCard::new(Personalisation { onem2m, isim, ..personalisation() }) {
            Err(NoCard::Personalisation(error @ PersonalisationError::Onem2m(_))) => error.to_string(),
            other => panic!("{:?}", other.err()),
        }
    };
    let good = subscription(Application::Usim);
    assert!(refused(vec![good.clone(); 9], true).contains("8 subscriptions"));
    assert!(refused(vec![subscription(Application::Isim)], false).contains("no ISIM"));
    let long = M2mPersonalisation { subscription_id: "s".repeat(120), ..good.clone() };
    assert!(refused(vec![long.clone(), long], true).contains("EF_DIR"));
    assert!(
        refused(vec![M2mPersonalisation { services: vec![0], ..good.clone() }], true).contains("1 to 64")
    );
    let mefs = vec!["not an address".to_owned()];
    assert!(refused(vec![M2mPersonalisation { mefs, ..good.clone() }], true).contains("mefs"));
    let maf_fqdn = Some(String::new());
    assert!(refused(vec![M2mPersonalisation { maf_fqdn, ..good.clone() }], true).contains("1 to 200"));
    let ae_ids = vec!["C1".to_owned(); 255];
    assert!(refused(vec![M2mPersonalisation { ae_ids, ..good }], true).contains("254"));
}
