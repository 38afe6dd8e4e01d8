//! T=0 and T=1, classes and instructions (TS 102 221 clauses 7.3 and 10.1).

use super::*;

#[test]
fn with_t_0_an_answer_waits_and_a_wrong_le_is_told() {
    let mut card = with_protocol(Protocol::T0);
    // With and without the Le that T=0 cannot carry.
    for command in [&hex!("00 a4 00 04 02 2fe2")[..], &hex!("00 a4 00 04 02 2fe2 00")] {
        assert_eq!(sw(&mut card, command), 0x6119);
        assert_eq!(sw(&mut card, &hex!("00 c0 00 00 20")), 0x6c19, "more than there is");
        let first = send(&mut card, &hex!("00 c0 00 00 10"));
        assert_eq!((first.len(), &first[16..]), (18, &hex!("61 09")[..]));
        assert_eq!(send(&mut card, &hex!("00 c0 00 00 09")).len(), 9 + 2);
        assert_eq!(sw(&mut card, &hex!("00 c0 00 00 01")), 0x6985);
    }
    assert_eq!(sw(&mut card, &hex!("00 b0 00 00 00")), 0x6c0a);
    assert_eq!(sw(&mut card, &hex!("00 b0 00 00 0b")), 0x6c0a);
    assert_eq!(sw(&mut card, &hex!("80 f2 00 00 00")), 0x6c25);
}

#[test]
fn with_t_1_an_answer_comes_at_once() {
    let mut card = with_protocol(Protocol::T1);
    assert_eq!(send(&mut card, &hex!("00 a4 00 04 02 2fe2 00")).len(), 0x19 + 2);
    let part = send(&mut card, &hex!("00 a4 00 04 02 2fe2 10"));
    assert_eq!((part.len(), &part[16..]), (18, &hex!("61 09")[..]));
    assert_eq!(send(&mut card, &hex!("00 c0 00 00 00")).len(), 9 + 2);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 04 02 2fe2")), 0x6119, "no Le: nothing was asked for yet");
    assert_eq!(send(&mut card, &hex!("00 b0 00 00 00")).len(), 12);
    let short = send(&mut card, &hex!("00 b0 00 08 05"));
    assert_eq!((short.len(), &short[2..]), (4, &hex!("62 82")[..]), "the file ends before Le");
    assert_eq!(send(&mut card, &hex!("80 f2 00 00 00")).len(), 0x25 + 2);
    assert_eq!(send(&mut card, &hex!("80 f2 00 00 ff")).len(), 0x25 + 2);
    assert_eq!(sw(&mut card, &hex!("80 f2 00 00 10")), 0x6c25);
    assert_eq!(sw(&mut card, &hex!("80 f2 00 00")), 0x9000, "no Le: no data is wanted");
    assert_eq!(sw(&mut card, &hex!("00 b0 00 00")), 0x6c0a, "a read without Le asks for nothing sensible");
}

#[test]
fn get_response_has_no_parameters_and_needs_something_to_give() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("00 c0 00 00 10")), 0x6985);
    assert_eq!(sw(&mut card, &hex!("00 c0 00 01 10")), 0x6a86);
}

#[test]
fn unknown_classes_and_instructions_are_told_apart() {
    let mut card = SimCard::new(Personalisation { gsm_access: false, ..personalisation() }).unwrap();
    // The class of TS 51.011 SIMs.
    assert_eq!(sw(&mut card, &hex!("a0 a4 00 00 02 3f00")), 0x6e00);
    assert_eq!(sw(&mut card, &hex!("ff a4 00 00 02 3f00")), 0x6e00);
    assert_eq!(sw(&mut card, &hex!("80 a4 00 04 02 3f00")), 0x6e00);
    assert_eq!(sw(&mut card, &hex!("00 f2 00 00 00")), 0x6e00);
    assert_eq!(sw(&mut card, &hex!("00 e0 00 00 02 6200")), 0x6d00);
    assert_eq!(sw(&mut card, &hex!("00 89 00 85 02 7300")), 0x6d00);
}

#[test]
fn lengths_that_do_not_agree_are_refused() {
    let mut card = card();
    for command in
        [&hex!("")[..], &hex!("00"), &hex!("00a40004"), &hex!("00a4000402 3f"), &hex!("00a4000402 3f000000")]
    {
        assert_eq!(sw(&mut card, command), 0x6700, "{command:02x?}");
    }
    assert_eq!(sw(&mut card, &hex!("00 a4 00 04 00 0002 3f00")), 0x6700, "extended length");
}

#[test]
fn a_terminals_first_words_are_heard() {
    let mut card = card();
    assert_eq!(sw(&mut card, &hex!("80 10 00 00 03 ffffff")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("80 10 00 00")), 0x6700);
    assert_eq!(sw(&mut card, &hex!("80 aa 00 00 05 a903810100")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("80 aa 00 00 02 0000")), 0x6a80);
    assert_eq!(sw(&mut card, &hex!("80 12 00 00 00")), 0x6f00, "no proactive command waits");
    assert_eq!(sw(&mut card, &hex!("80 14 00 00 01 81")), 0x6f00);
}

#[test]
fn a_challenge_is_as_long_as_asked_for_and_never_the_same() {
    let mut card = card();
    let challenge = hex!("00 84 00 00 08");
    let (first, second) = (data(&mut card, &challenge), data(&mut card, &challenge));
    assert_eq!((first.len(), second.len()), (8, 8));
    assert_ne!(first, second);
    assert_eq!(sw(&mut card, &hex!("00 84 00 00 00")), 0x6c08);
    assert_eq!(sw(&mut card, &hex!("00 84 01 00 08")), 0x6a86);
}
