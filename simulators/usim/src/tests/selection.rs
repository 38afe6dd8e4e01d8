//! SELECT and STATUS (TS 102 221 clauses 8.4, 11.1.1, 11.1.2).

use super::*;

const MF_FCP: [u8; 37] =
    hex!("62 23 82 02 7821 83 02 3f00 a5 06 800171 870101 8a 01 05 8b 03 2f0606 c6 09 900140 830101 83010a");
const USIM_FCP: [u8; 47] = hex!(
    "62 2d 82 02 7821 83 02 7fff 84 10 a0000000871002ffffffff8900000001 8a 01 05 8b 03 6f0606"
    "c6 09 900140 830101 83010a"
);

#[test]
fn the_mf_is_selected_by_its_identifier_and_shows_its_template() {
    assert_eq!(data(&mut card(), &hex!("00 a4 00 04 02 3f00")), MF_FCP);
}

#[test]
fn an_enabled_pin_shows_in_the_pin_status() {
    let fcp = data(&mut locked_card(), &hex!("00 a4 00 04 02 3f00"));
    assert!(fcp.ends_with(&hex!("c6 09 9001c0 830101 83010a")));
}

#[test]
fn files_show_their_kind_size_rule_and_short_identifier() {
    let mut card = card();
    assert_eq!(
        data(&mut card, &hex!("00 a4 00 04 02 2fe2")),
        hex!("62 17 82 02 4121 83 02 2fe2 8a 01 05 8b 03 2f0601 80 02 000a 88 01 10")
    );
    assert_eq!(
        data(&mut card, &hex!("00 a4 00 04 02 2f00")),
        hex!("62 1a 82 05 4221002602 83 02 2f00 8a 01 05 8b 03 2f0602 80 02 004c 88 01 f0")
    );
    select_application(&mut card, &USIM);
    assert_eq!(
        data(&mut card, &hex!("00 a4 00 04 02 6fd6")),
        hex!("62 16 82 02 4121 83 02 6fd6 8a 01 05 8b 03 6f0605 80 02 0118 88 00")
    );
    assert_eq!(
        data(&mut card, &hex!("00 a4 00 04 02 6fda")),
        hex!("62 19 82 05 422100fa08 83 02 6fda 8a 01 05 8b 03 6f0604 80 02 07d0 88 00")
    );
}

#[test]
fn an_application_is_selected_by_its_whole_name_or_by_the_beginning() {
    let mut card = card();
    for length in [5, 7, 12, 16] {
        let aid = &USIM[..length];
        let command = [&[0x00, 0xa4, 0x04, 0x04, length as u8], aid].concat();
        assert_eq!(data(&mut card, &command), USIM_FCP, "{length}");
    }
    assert_eq!(sw(&mut card, &hex!("00 a4 04 04 07 a0000000871003")), 0x6a82);
    assert_eq!(sw(&mut card, &hex!("00 a4 04 04 00")), 0x6a82);
    let too_long = [&hex!("00 a4 04 04 11")[..], &USIM, &[0]].concat();
    assert_eq!(sw(&mut card, &too_long), 0x6700);
}

#[test]
fn occurrences_follow_one_another_in_the_order_of_ef_dir() {
    let mut card = card();
    let mut select = |p2: u8| {
        let response = send(&mut card, &[&[0x00, 0xa4, 0x04, p2, 0x05], &USIM[..5]].concat());
        if response == hex!("6a82") {
            return 0;
        }
        let fcp = send(&mut card, &[0x00, 0xc0, 0x00, 0x00, response[1]]);
        fcp[18]
    };
    // First; next; next again; previous; last; first.
    assert_eq!([0x04, 0x06, 0x06, 0x07, 0x05, 0x04].map(&mut select), [0x02, 0x04, 0, 0x02, 0x04, 0x02]);
}

#[test]
fn ending_an_application_session_leaves_no_current_application() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 7fff")), 0x9000);
    assert_eq!(sw(&mut card, &[&hex!("00 a4 04 4c 10")[..], &USIM].concat()), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 7fff")), 0x6a82);
    assert_eq!(data(&mut card, &hex!("80 f2 00 00 25")), MF_FCP);
}

#[test]
fn an_identifier_is_looked_for_around_the_current_directory_only() {
    let mut card = card();
    let mut select = |fid: [u8; 2]| sw(&mut card, &[&hex!("00 a4 00 0c 02")[..], &fid].concat());
    // EF_IMSI is not below the MF; no application is active yet.
    assert_eq!(select([0x6f, 0x07]), 0x6a82);
    assert_eq!(select([0x7f, 0xff]), 0x6a82);
    // DF_TELECOM, itself again, its file, its brother DF_GSM, the MF's file from there.
    for fid in [[0x7f, 0x10], [0x7f, 0x10], [0x6f, 0x40], [0x7f, 0x20], [0x3f, 0x00], [0x2f, 0xe2]] {
        assert_eq!(select(fid), 0x9000, "{fid:02x?}");
    }
    assert_eq!(select([0x7f, 0x20]), 0x9000);
    assert_eq!(select([0x2f, 0xe2]), 0x6a82, "files of the directory above are not found");
}

#[test]
fn a_failed_select_changes_nothing() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 2fe2")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 ffff")), 0x6a82);
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c 04 7f10ffff")), 0x6a82);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 1c 02 3f00")), 0x6a86);
    assert_eq!(data(&mut card, &hex!("00 b0 00 00 0a")).len(), 10);
}

#[test]
fn paths_go_down_from_the_mf_from_the_application_or_from_here() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c 04 7f106f42")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c 04 7fff6f07")), 0x6a82, "no application yet");
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c 04 7fff6f07")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c 06 7fff5f3b4f20")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 09 0c 02 4f52")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c 04 2fe22fe2")), 0x6a82, "nothing is below a file");
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c 03 7f106f")), 0x6700);
    assert_eq!(sw(&mut card, &hex!("00 a4 08 0c")), 0x6700);
}

#[test]
fn parent_and_child_directories_have_their_own_form() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 01 0c 02 5f3b")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 01 0c 02 4f20")), 0x6a82, "a file is no directory");
    assert_eq!(data(&mut card, &hex!("00 a4 03 04 00")), USIM_FCP);
    assert_eq!(data(&mut card, &hex!("00 a4 03 04 00")), MF_FCP);
    assert_eq!(sw(&mut card, &hex!("00 a4 03 04 00")), 0x6a82, "nothing is above the MF");
    assert_eq!(sw(&mut card, &hex!("00 a4 02 04 02 2fe2")), 0x6a86);
}

#[test]
fn status_tells_of_the_directory_and_of_the_application() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("80 f2 00 01 12")), 0x6a88);
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6f07")), 0x9000);
    assert_eq!(data(&mut card, &hex!("80 f2 00 00 2f")), USIM_FCP);
    assert_eq!(data(&mut card, &hex!("80 f2 01 01 12")), [&hex!("84 10")[..], &USIM].concat());
    assert_eq!(sw(&mut card, &hex!("80 f2 02 0c")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("80 f2 03 00 00")), 0x6a86);
    assert_eq!(sw(&mut card, &hex!("80 f2 00 02 00")), 0x6a86);
    assert_eq!(data(&mut card, &hex!("00 b0 00 00 09")).len(), 9, "EF_IMSI is still current");
}

#[test]
fn a_reset_forgets_selections() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6f07")), 0x9000);
    card.reset();
    assert_eq!(sw(&mut card, &hex!("00 b0 00 00 09")), 0x6986);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 7fff")), 0x6a82);
    assert_eq!(data(&mut card, &hex!("80 f2 00 00 25")), MF_FCP);
}

#[test]
fn the_isim_has_its_own_files() {
    let mut card = card();
    select_application(&mut card, &ISIM);
    assert_eq!(
        data(&mut card, &hex!("00 b0 82 00 00")),
        [&hex!("80 31")[..], b"001010123456789@ims.mnc001.mcc001.3gppnetwork.org"].concat()
    );
    assert_eq!(
        data(&mut card, &hex!("00 b0 85 00 00")),
        [&hex!("80 21")[..], b"ims.mnc001.mcc001.3gppnetwork.org"].concat()
    );
    assert_eq!(data(&mut card, &hex!("00 b0 87 00 03")), hex!("13 00 00"));
    let without = Personalisation { isim: None, ..personalisation() };
    let mut card = SimCard::new(without).unwrap();
    assert_eq!(sw(&mut card, &[&hex!("00 a4 04 0c 10")[..], &ISIM].concat()), 0x6a82);
}
