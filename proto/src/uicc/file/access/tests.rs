use super::super::known::{EF_DIR, EF_ICCID, usim};
use super::super::{FileKind, LifeCycle};
use super::*;
use crate::uicc::script::Script;

fn on_basic<T>(steps: &[(&str, &str)], run: impl FnOnce(&mut Channel<'_>) -> T) -> T {
    let mut card = Script::new(steps);
    let result = run(&mut Channel::basic(&mut card));
    card.finish();
    result
}

const ICCID_FCP: &str = "62178202412183022fe28a01058b032f060a8002000a880110 9000";

#[test]
fn a_file_is_selected_by_identifier_path_or_aid() {
    let fcp = on_basic(&[("00a40004022fe200", ICCID_FCP)], |channel| channel.select(EF_ICCID)).unwrap();
    assert_eq!((fcp.kind, fcp.size), (Some(FileKind::Transparent), Some(10)));
    assert_eq!(fcp.life_cycle, Some(LifeCycle::Activated));
    on_basic(&[("00a40804047fff6f0700", "9000")], |channel| channel.select_path(&[ADF, usim::EF_IMSI]))
        .unwrap();
    on_basic(&[("00a40004023f0000", "9000")], |channel| channel.select_path(&[])).unwrap();
    let steps = [("00a4040407a000000087100200", "6a82"), ("00a4040607a000000087100200", "620400")];
    on_basic(&steps, |channel| {
        let aid = Aid::new(&[0xa0, 0, 0, 0, 0x87, 0x10, 0x02]).unwrap();
        assert!(channel.select_aid(&aid, Occurrence::First).unwrap_err().is_missing());
        assert_eq!(
            channel.select_aid(&aid, Occurrence::Next),
            Err(FileError::Refused { file: ADF, step: Step::Select, sw: StatusWord(0x0400) })
        );
    });
}

#[test]
fn every_truncation_of_the_file_control_parameters_is_an_error() {
    let whole = crate::hex::decode(&ICCID_FCP.replace(' ', "")).unwrap();
    let data = &whole[..whole.len() - 2];
    for end in 1..data.len() {
        let answer = format!("{}9000", crate::hex::encode(&data[..end]));
        let result =
            on_basic(&[("00a40004022fe200", &answer)], |channel| channel.select(EF_ICCID)).unwrap_err();
        assert!(matches!(result, FileError::Fcp { file: EF_ICCID, .. }), "{end}");
    }
}

#[test]
fn a_long_file_comes_in_chunks() {
    let (first, second) = (format!("{}9000", "aa".repeat(255)), format!("{}9000", "bb".repeat(45)));
    let steps = [
        ("00a40004022fe200", "6208 82024121 8002012c 9000"),
        ("00b00000ff", first.as_str()),
        ("00b000ff2d", second.as_str()),
    ];
    let content = on_basic(&steps, |channel| channel.read_transparent(EF_ICCID)).unwrap();
    assert_eq!((content.len(), content[254], content[255]), (300, 0xaa, 0xbb));
}

#[test]
fn a_file_shorter_than_it_says_ends_where_it_ends() {
    for (answer, expected) in [("aabb 9000", 2), ("aabb 6282", 2), ("9000", 0), ("aabbccdd 9000", 3)] {
        let content = on_basic(&[("00b0000003", answer)], |channel| channel.read_binary(EF_ICCID, 0, 3));
        assert_eq!(content.unwrap().len(), expected, "{answer}");
    }
    let steps = [("00b0000003", "6c02"), ("00b0000002", "aabb 9000")];
    assert_eq!(on_basic(&steps, |channel| channel.read_binary(EF_ICCID, 0, 3)).unwrap(), [0xaa, 0xbb]);
}

#[test]
fn offsets_beyond_the_addressable_are_not_asked_for() {
    let content =
        on_basic(&[("00b07fff01", "aa 9000")], |channel| channel.read_binary(EF_ICCID, 0x7fff, u16::MAX));
    assert_eq!(content.unwrap(), [0xaa]);
    assert_eq!(on_basic(&[], |channel| channel.read_binary(EF_ICCID, 0x8000, 9)), Ok(vec![]));
}

#[test]
fn short_identifiers_read_without_select() {
    let imsi = on_basic(&[("00b0870009", "082982608200002080 9000")], |channel| {
        channel.read_binary_sfi(usim::EF_IMSI, 0x07, 9)
    });
    assert_eq!(imsi.unwrap().len(), 9);
    let record =
        on_basic(&[("00b201f402", "61ff 9000")], |channel| channel.read_record_sfi(EF_DIR, 0x1e, 1, 2));
    assert_eq!(record.unwrap(), [0x61, 0xff]);
}

#[test]
fn all_records_are_read_up_to_the_count_or_the_first_missing_one() {
    let steps = [
        ("00a40004022f0000", "6207 82054221000202 9000"),
        ("00b2010402", "0102 9000"),
        ("00b2020402", "0304 9000"),
    ];
    let records = on_basic(&steps, |channel| channel.read_records(EF_DIR)).unwrap();
    assert_eq!(records, [[1, 2], [3, 4]]);
    let steps = [
        ("00a40004022f0000", "6207 82054221000200 9000"),
        ("00b2010402", "0102 9000"),
        ("00b2020402", "6a83"),
    ];
    assert_eq!(on_basic(&steps, |channel| channel.read_records(EF_DIR)).unwrap(), [[1, 2]]);
}

#[test]
fn a_file_of_another_structure_is_named() {
    let steps = [("00a40004022f0000", "6204 82024121 9000")];
    let error = on_basic(&steps, |channel| channel.read_records(EF_DIR)).unwrap_err();
    assert_eq!(error, FileError::Structure { file: EF_DIR });
    let steps = [("00a40004022fe200", "6207 82054221000202 9000")];
    let error = on_basic(&steps, |channel| channel.read_transparent(EF_ICCID)).unwrap_err();
    assert_eq!(error.to_string(), "EF_ICCID (2FE2) has another structure than the specification gives it");
}

#[test]
fn writing_goes_in_chunks_and_stops_at_a_refusal() {
    let first = format!("00d60000ff{}", "55".repeat(255));
    let steps = [(first.as_str(), "9000"), ("00d600ff025555", "9110")];
    on_basic(&steps, |channel| channel.update_binary(EF_ICCID, 0, &[0x55; 257])).unwrap();
    let error =
        on_basic(&[(first.as_str(), "6982")], |channel| channel.update_binary(EF_ICCID, 0, &[0x55; 257]))
            .unwrap_err();
    assert!(error.needs_pin());
    assert_eq!(
        error.to_string(),
        "UPDATE of EF_ICCID (2FE2) refused: 6982 (security status not satisfied: PIN needed)"
    );
    on_basic(&[("00dc0204020102", "9000")], |channel| channel.update_record(EF_DIR, 2, &[1, 2])).unwrap();
    assert!(matches!(
        on_basic(&[], |channel| channel.update_record(EF_DIR, 2, &[0; 256])),
        Err(FileError::TooLong { needed: 256, .. })
    ));
    assert!(matches!(
        on_basic(&[], |channel| channel.update_binary(EF_DIR, 0x7fff, &[0; 2])),
        Err(FileError::TooLong { size: 1, .. })
    ));
}
