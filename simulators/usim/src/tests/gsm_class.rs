//! The card as a SIM (TS 51.011 clauses 9.2 and 9.4).

use super::*;

/// SELECT and GET RESPONSE.
fn select(card: &mut SimCard, fid: [u8; 2]) -> Vec<u8> {
    let response = send(card, &[&hex!("a0 a4 00 00 02")[..], &fid].concat());
    assert_eq!(response[0], 0x9f, "{response:02x?}");
    let mut header = send(card, &[0xa0, 0xc0, 0x00, 0x00, response[1]]);
    assert_eq!(header.split_off(usize::from(response[1])), hex!("9000"));
    header
}

#[test]
fn directories_and_files_have_the_headers_of_a_sim() {
    let mut card = card();
    assert_eq!(
        select(&mut card, [0x3f, 0x00]),
        hex!("0000 0000 3f00 01 0000000000 09 81 04 04 03 00 83 8a 00 00")
    );
    assert_eq!(
        select(&mut card, [0x7f, 0x20]),
        hex!("0000 0000 7f20 02 0000000000 09 81 00 0b 03 00 83 8a 00 00")
    );
    assert_eq!(select(&mut card, [0x6f, 0x07]), hex!("0000 0009 6f07 04 00 14ffff 01 02 00 00"));
    select(&mut card, [0x7f, 0x10]);
    assert_eq!(select(&mut card, [0x6f, 0x40]), hex!("0000 0018 6f40 04 00 11ffff 01 02 01 18"));
    let header = select(&mut locked_card(), [0x3f, 0x00]);
    assert_eq!(header[13], 0x01, "CHV1 is enabled");
}

#[test]
fn identity_is_read_and_the_algorithm_run() {
    let mut card = card();
    select(&mut card, [0x2f, 0xe2]);
    assert_eq!(data(&mut card, &hex!("a0 b0 00 00 0a"))[..4], hex!("98 00 01 11"));
    select(&mut card, [0x7f, 0x20]);
    select(&mut card, [0x6f, 0x07]);
    assert_eq!(data(&mut card, &hex!("a0 b0 00 00 09")), hex!("08 09 10 10 10 32 54 76 98"));
    assert_eq!(send(&mut card, &hex!("a0 88 00 00 10 23553cbe9637a89d218ae64dae47bf35")), hex!("9f0c"));
    assert_eq!(send(&mut card, &hex!("a0 c0 00 00 0c")), hex!("46f8416a eae4be823af9a08b 9000"));
    assert_eq!(send(&mut card, &hex!("a0 f2 00 00 07")), hex!("0000 0000 7f20 02 9000"));
}

#[test]
fn refusals_are_in_the_words_of_a_sim() {
    let mut card = locked_card();
    assert_eq!(sw(&mut card, &hex!("a0 b0 00 00 01")), 0x9400);
    assert_eq!(sw(&mut card, &hex!("a0 a4 00 00 02 6fff")), 0x9404);
    assert_eq!(sw(&mut card, &hex!("a0 c0 00 00 01")), 0x9808);
    select(&mut card, [0x7f, 0x20]);
    select(&mut card, [0x6f, 0x07]);
    assert_eq!(sw(&mut card, &hex!("a0 b0 00 00 09")), 0x9804);
    assert_eq!(sw(&mut card, &hex!("a0 88 00 00 10 23553cbe9637a89d218ae64dae47bf35")), 0x9804);
    assert_eq!(sw(&mut card, &hex!("a0 20 00 01 08 30303030ffffffff")), 0x9804);
    assert_eq!(sw(&mut card, &hex!("a0 20 00 01 08 30303030ffffffff")), 0x9804);
    assert_eq!(sw(&mut card, &hex!("a0 20 00 01 08 30303030ffffffff")), 0x9840);
    assert_eq!(sw(&mut card, &hex!("a0 2c 00 00 10 3132333435363738 35363738ffffffff")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("a0 b0 00 00 0a")), 0x6709);
    assert_eq!(sw(&mut card, &hex!("a0 b0 00 09 01")), 0x9402);
    assert_eq!(sw(&mut card, &hex!("a0 b2 01 04 09")), 0x9408);
    assert_eq!(sw(&mut card, &hex!("a0 e0 00 00 00")), 0x6d00);
}
