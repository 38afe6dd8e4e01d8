//! MANAGE CHANNEL: selections apart, verified codes shared (TS 102 221 clauses 8.7 and 11.1.17).

use super::*;

#[test]
fn three_channels_open_beside_the_basic_one_and_close_again() {
    let mut card = card();
    let open = hex!("00 70 00 00 01");
    assert_eq!(sw(&mut card, &hex!("00 70 00 00 00")), 0x6c01);
    assert_eq!([0; 3].map(|_: u8| send(&mut card, &open)), [1, 2, 3].map(|n| vec![n, 0x90, 0x00]));
    assert_eq!(sw(&mut card, &open), 0x6a81);
    assert_eq!(sw(&mut card, &hex!("00 70 80 02")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 70 80 02")), 0x6881);
    assert_eq!(send(&mut card, &open), hex!("02 9000"));
    assert_eq!(sw(&mut card, &hex!("00 70 80 00")), 0x6a86, "the basic channel stays");
    assert_eq!(sw(&mut card, &hex!("00 70 00 14")), 0x6a86);
    card.reset();
    assert_eq!(sw(&mut card, &hex!("01 a4 00 0c 02 3f00")), 0x6881, "a reset closes them");
}

#[test]
fn a_terminal_may_name_the_channel_that_it_wants() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("00 70 00 02 00")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("02 a4 00 0c 02 2fe2")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 70 00 02 00")), 0x6a81, "open already");
    assert_eq!(sw(&mut card, &hex!("00 70 00 04 00")), 0x6a81, "beyond the three");
    assert_eq!(send(&mut card, &hex!("00 70 00 00 01")), hex!("01 9000"));
    assert_eq!(send(&mut card, &hex!("00 70 00 00 01")), hex!("03 9000"));
}

#[test]
fn each_channel_has_its_own_selection() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(send(&mut card, &hex!("00 70 00 00 01")), hex!("01 9000"));
    assert_eq!(
        sw(&mut card, &hex!("01 a4 00 0c 02 2fe2")),
        0x9000,
        "opened from the basic channel: at the MF"
    );
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6f07")), 0x9000);
    assert_eq!(data(&mut card, &hex!("01 b0 00 00 0a")).len(), 10);
    assert_eq!(data(&mut card, &hex!("00 b0 00 00 09")).len(), 9);
    let isim = [&hex!("01 a4 04 0c 10")[..], &ISIM].concat();
    assert_eq!(sw(&mut card, &isim), 0x9000);
    assert_eq!(data(&mut card, &hex!("81 f2 00 01 12"))[2..], ISIM);
    assert_eq!(data(&mut card, &hex!("80 f2 00 01 12"))[2..], USIM);
    assert_eq!(send(&mut card, &hex!("01 70 00 00 01")), hex!("02 9000"));
    assert_eq!(data(&mut card, &hex!("82 f2 00 01 12"))[2..], ISIM, "opened from channel 1: what it has");
}

#[test]
fn a_pin_verified_on_one_channel_is_verified_on_all() {
    let mut card = locked_card();
    assert_eq!(send(&mut card, &hex!("00 70 00 00 01")), hex!("01 9000"));
    assert_eq!(sw(&mut card, &hex!("01 20 00 01 08 31323334ffffffff")), 0x9000);
    select_application(&mut card, &USIM);
    assert_eq!(data(&mut card, &hex!("00 b0 87 00 09")).len(), 9);
}

#[test]
fn closed_and_extended_channels_and_secure_messaging_are_refused() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("01 a4 00 0c 02 3f00")), 0x6881);
    assert_eq!(sw(&mut card, &hex!("40 a4 00 0c 02 3f00")), 0x6881);
    assert_eq!(sw(&mut card, &hex!("c0 f2 00 0c")), 0x6881);
    assert_eq!(sw(&mut card, &hex!("04 a4 00 0c 02 3f00")), 0x6882);
    assert_eq!(sw(&mut card, &hex!("0c a4 00 0c 02 3f00")), 0x6882);
}

#[test]
fn data_waits_for_get_response_on_its_own_channel_and_for_the_next_command_only() {
    let mut card = card();
    assert_eq!(send(&mut card, &hex!("00 70 00 00 01")), hex!("01 9000"));
    assert_eq!(sw(&mut card, &hex!("01 a4 00 04 02 2fe2")), 0x6119);
    assert_eq!(sw(&mut card, &hex!("00 c0 00 00 19")), 0x6985);
    assert_eq!(sw(&mut card, &hex!("01 c0 00 00 19")), 0x6985, "gone with the command between");
    assert_eq!(sw(&mut card, &hex!("01 a4 00 04 02 2fe2")), 0x6119);
    assert_eq!(send(&mut card, &hex!("01 c0 00 00 19")).len(), 0x19 + 2);
}
