//! READ, UPDATE and SEARCH, what stands in the files, and who may (TS 102 221 clauses 11.1.3 to 11.1.7).

use super::*;

#[test]
fn a_fresh_card_holds_its_identity() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 2fe2")), 0x9000);
    let iccid = data(&mut card, &hex!("00 b0 00 00 0a"));
    assert_eq!(iccid[..9], hex!("98 00 01 11 10 32 54 76 98"));
    select_application(&mut card, &USIM);
    // By short identifier: EF_IMSI 07, EF_AD 03, EF_UST 04, EF_ACC 06.
    assert_eq!(data(&mut card, &hex!("00 b0 87 00 09")), hex!("08 09 10 10 10 32 54 76 98"));
    assert_eq!(data(&mut card, &hex!("00 b0 83 00 04")), hex!("00 00 00 02"));
    assert_eq!(data(&mut card, &hex!("00 b0 86 00 02")), hex!("02 00"));
    let ust = data(&mut card, &hex!("00 b0 84 00 11"));
    let has = |service: usize| ust[(service - 1) / 8] >> ((service - 1) % 8) & 1;
    assert_eq!([27, 33, 38, 68].map(has), [1, 1, 1, 1]);
    assert_eq!([1, 2, 69, 76].map(has), [0, 0, 0, 0]);
}

#[test]
fn ef_dir_names_the_applications() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 2f00")), 0x9000);
    for (record, aid, label) in [(1, USIM, b"USIM"), (2, ISIM, b"ISIM")] {
        let expected = [&hex!("61 18 4f 10")[..], &aid, &hex!("50 04"), label, &[0xff; 12]].concat();
        assert_eq!(data(&mut card, &[0x00, 0xb2, record, 0x04, 0x26]), expected);
    }
    assert_eq!(sw(&mut card, &hex!("00 b2 03 04 26")), 0x6a83);
}

#[test]
fn ef_arr_spells_out_the_rule_that_a_template_points_to() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6f06")), 0x9000);
    // Record 4: read with PIN1, update with ADM1, nothing else.
    let issued = hex!("800101 a406 830101 950108  800102 a406 83010a 950108  80017c 9700  ffffffff ff");
    assert_eq!(data(&mut card, &hex!("00 b2 04 04 20")), issued);
    // Record 1: read always.
    assert_eq!(data(&mut card, &hex!("00 b2 01 04 20"))[..10], hex!("800101 9000 80017e 9700"));
}

#[test]
fn offsets_and_lengths_stay_inside_the_file() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 2fe2")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b0 00 08 02")).len(), 2);
    assert_eq!(sw(&mut card, &hex!("00 b0 00 0a 01")), 0x6b00);
    assert_eq!(sw(&mut card, &hex!("00 b0 7f ff 01")), 0x6b00);
    assert_eq!(sw(&mut card, &hex!("00 b0 00 08 03")), 0x6c02);
    assert_eq!(sw(&mut card, &hex!("00 b0 a0 00 01")), 0x6a86);
    assert_eq!(sw(&mut card, &hex!("00 b0 9f 00 01")), 0x6a86);
    assert_eq!(sw(&mut card, &hex!("00 b0 93 00 01")), 0x6a82, "no file has SFI 13 below the MF");
}

#[test]
fn a_long_file_is_read_and_written_in_parts() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fd6")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 d6 01 00 03 aabbcc")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b0 00 fe 06")), hex!("ff ff aa bb cc ff"));
    assert_eq!(data(&mut card, &hex!("00 b0 00 00 00")).len(), 256);
    assert_eq!(sw(&mut card, &hex!("00 d6 01 17 02 aabb")), 0x6700, "one octet sticks out");
    assert_eq!(sw(&mut card, &hex!("00 d6 01 18 01 aa")), 0x6b00);
    assert_eq!(sw(&mut card, &hex!("00 d6 00 00")), 0x6700);
    assert_eq!(data(&mut card, &hex!("00 b0 01 17 01")), hex!("ff"));
}

#[test]
fn records_are_read_by_number_and_in_turn() {
    let mut card = card();
    select_application(&mut card, &USIM);
    // EF_ECC, SFI 01, two records of four octets.
    assert_eq!(data(&mut card, &hex!("00 b2 02 0c 04")), hex!("19 f1 ff 00"));
    assert_eq!(data(&mut card, &hex!("00 b2 00 02 04")), hex!("11 f2 ff 00"), "next of nothing: the first");
    assert_eq!(data(&mut card, &hex!("00 b2 00 04 04")), hex!("11 f2 ff 00"), "current");
    assert_eq!(sw(&mut card, &hex!("00 b2 00 03 04")), 0x6a83, "nothing before the first");
    assert_eq!(sw(&mut card, &hex!("00 b2 00 02 05")), 0x6c04, "a wrong Le does not move the pointer");
    assert_eq!(data(&mut card, &hex!("00 b2 00 02 04")), hex!("19 f1 ff 00"));
    assert_eq!(sw(&mut card, &hex!("00 b2 00 02 04")), 0x6a83, "nothing after the last");
    assert_eq!(data(&mut card, &hex!("00 b2 01 04 04")), hex!("11 f2 ff 00"));
    assert_eq!(data(&mut card, &hex!("00 b2 00 04 04")), hex!("19 f1 ff 00"), "by number: pointer unmoved");
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fb7")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 b2 00 04 04")), 0x6a83, "selected anew: no current record");
    assert_eq!(
        data(&mut card, &hex!("00 b2 00 03 04")),
        hex!("19 f1 ff 00"),
        "previous of nothing: the last"
    );
    assert_eq!(sw(&mut card, &hex!("00 b2 01 06 04")), 0x6a86);
    assert_eq!(sw(&mut card, &hex!("00 b2 01 02 04")), 0x6a86);
}

#[test]
fn records_are_written_whole() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6f40")), 0x9000);
    let record = [0x41; 24];
    assert_eq!(sw(&mut card, &[&hex!("00 dc 01 04 18")[..], &record].concat()), 0x9000);
    assert_eq!(sw(&mut card, &[&hex!("00 dc 01 04 17")[..], &record[1..]].concat()), 0x6700);
    assert_eq!(sw(&mut card, &[&hex!("00 dc 02 04 18")[..], &record].concat()), 0x6a83);
    // The same file below DF_TELECOM.
    select_path(&mut card, &hex!("7f10 6f40"));
    assert_eq!(data(&mut card, &hex!("00 b2 01 04 18")), record);
}

#[test]
fn a_search_gives_record_numbers() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fb7")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 a2 01 04 02 ff00")), hex!("01 02"));
    assert_eq!(data(&mut card, &hex!("00 a2 02 05 02 ff00")), hex!("02 01"));
    assert_eq!(data(&mut card, &hex!("00 a2 01 0c 01 19")), hex!("02"));
    assert_eq!(data(&mut card, &hex!("00 b2 00 04 04")), hex!("19 f1 ff 00"), "the match is current");
    assert_eq!(sw(&mut card, &hex!("00 a2 01 04 01 77")), 0x6282);
    assert_eq!(sw(&mut card, &hex!("00 a2 03 04 01 19")), 0x6a83);
    assert_eq!(sw(&mut card, &hex!("00 a2 01 04 05 11f2ff0019")), 0x6700);
    assert_eq!(sw(&mut card, &hex!("00 a2 01 06 03 040019")), 0x6a86, "enhanced search is not offered");
}

#[test]
fn the_command_must_suit_the_file() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("00 b0 00 00 01")), 0x6986);
    assert_eq!(sw(&mut card, &hex!("00 b2 01 04 01")), 0x6986);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 2f00")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 b0 00 00 01")), 0x6981);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 2fe2")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 b2 01 04 01")), 0x6981);
    assert_eq!(sw(&mut card, &hex!("00 a2 01 04 01 01")), 0x6981);
}

#[test]
fn nobody_reads_or_writes_without_the_right_code() {
    let mut card = locked_card();
    select_application(&mut card, &USIM);
    // EF_AD and EF_ECC always; EF_IMSI, EF_UST and EF_GBABP with PIN1.
    assert_eq!(data(&mut card, &hex!("00 b0 83 00 04")).len(), 4);
    assert_eq!(data(&mut card, &hex!("00 b2 01 0c 04")).len(), 4);
    for fid in [[0x6f, 0x07], [0x6f, 0x38], [0x6f, 0xd6]] {
        assert_eq!(sw(&mut card, &[&hex!("00 a4 00 0c 02")[..], &fid].concat()), 0x9000);
        assert_eq!(sw(&mut card, &hex!("00 b0 00 00 01")), 0x6982, "{fid:02x?}");
        assert_eq!(sw(&mut card, &hex!("00 d6 00 00 01 00")), 0x6982, "{fid:02x?}");
    }
    assert_eq!(sw(&mut card, &hex!("00 20 00 01 08 31323334ffffffff")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 d6 00 00 01 00")), 0x9000, "EF_GBABP is the terminal's to write");
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fda")), 0x9000);
    let record = [&hex!("00 dc 01 04 fa")[..], &[0xff; 250]].concat();
    assert_eq!(sw(&mut card, &record), 0x6982, "EF_GBANL is the card's and the issuer's");
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6f07")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 d6 00 00 01 08")), 0x6982);
    assert_eq!(sw(&mut card, &hex!("00 20 00 0a 08 3838383838383838")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 d6 00 00 01 08")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fda")), 0x9000);
    assert_eq!(sw(&mut card, &record), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 3f00")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 2fe2")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 d6 00 00 01 98")), 0x6982, "nobody changes EF_ICCID");
}

#[test]
fn files_have_the_sizes_that_the_specification_gives() {
    let mut card = card();
    select_application(&mut card, &USIM);
    // EF_Keys, EF_KeysPS, EF_HPPLMN, EF_SPN, EF_START-HFN, EF_THRESHOLD, EF_PSLOCI, EF_ACC, EF_LOCI, EF_AD, EF_NETPAR,
    // EF_EPSLOCI.
    for (fid, size) in [
        (0x6f08, 33),
        (0x6f09, 33),
        (0x6f31, 1),
        (0x6f46, 17),
        (0x6f5b, 6),
        (0x6f5c, 3),
        (0x6f73, 14),
        (0x6f78, 2),
        (0x6f7e, 11),
        (0x6fad, 4),
        (0x6fc4, 46),
        (0x6fe3, 18),
    ] {
        let [high, low] = u16::to_be_bytes(fid);
        assert_eq!(sw(&mut card, &[0x00, 0xa4, 0x00, 0x0c, 0x02, high, low]), 0x9000);
        assert_eq!(data(&mut card, &hex!("00 b0 00 00 00")).len(), size, "{fid:04x}");
    }
}

#[test]
fn every_file_opens_and_its_size_is_what_its_template_says() {
    let mut card = card();
    let apps: [&[u8]; 2] = [&USIM, &ISIM];
    let mut seen = 0;
    for aid in apps {
        select_application(&mut card, aid);
        for fid in 0x6f00..=0x6fff_u16 {
            let [high, low] = fid.to_be_bytes();
            if sw(&mut card, &[0x00, 0xa4, 0x00, 0x0c, 0x02, high, low]) != 0x9000 {
                continue;
            }
            let fcp = data(&mut card, &[0x00, 0xa4, 0x00, 0x04, 0x02, high, low]);
            let size = fcp.windows(4).position(|w| w[..2] == [0x80, 0x02]).unwrap();
            let size = usize::from(u16::from_be_bytes([fcp[size + 2], fcp[size + 3]]));
            if fcp[4] == 0x41 {
                assert_eq!(data(&mut card, &hex!("00 b0 00 00 00")).len(), size.min(256), "{fid:04x}");
            } else {
                let (length, count) = (fcp[7], fcp[8]);
                assert_eq!(usize::from(length) * usize::from(count), size, "{fid:04x}");
                assert_eq!(data(&mut card, &[0x00, 0xb2, count, 0x04, length]).len(), usize::from(length));
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 25 + 11);
}
