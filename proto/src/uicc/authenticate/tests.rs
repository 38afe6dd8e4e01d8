use super::*;
use crate::gba::UaSecurityProtocolId;
use crate::identity::Fqdn;
use crate::uicc::script::Script;
use hex_literal::hex;

// TS 35.208 test set 1.
const RAND: Rand = Rand(hex!("23553cbe9637a89d218ae64dae47bf35"));
const AUTN: Autn = Autn(hex!("55f328b43577b9b94a9ffac354dfafb3"));
const SUCCESS_3G: &str = "db 08 a54211d5e3ba50bf 10 b40ba9a3c58b2a05bbf0d987b21bf8cb\
                          10 f769bcd751044604127672711c6d3441";
const KC: &str = "08 eae4be823af9a08b";

fn response(data: &str, sw: u16) -> Response {
    Response { data: crate::hex::decode(&data.replace(' ', "")).unwrap(), sw: StatusWord(sw) }
}

fn naf_id() -> NafId {
    NafId::new(Fqdn::parse("naf.example").unwrap(), UaSecurityProtocolId::HTTP_DIGEST)
}

#[test]
fn the_commands_are_those_of_the_specification() {
    let three_g = "0088008122 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b94a9ffac354dfafb3 00";
    let gsm = "0088008011 10 23553cbe9637a89d218ae64dae47bf35 00";
    let bootstrap = "0088008423dd 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b94a9ffac354dfafb3 00";
    let derivation = "0088008416de 10 6e61662e6578616d706c650100000002 03 614062 00";
    for (command, expected) in [
        (command_3g(&RAND, &AUTN), three_g),
        (command_gsm(&RAND), gsm),
        (command_gba_bootstrap(&RAND, &AUTN), bootstrap),
        (command_naf_derivation(&naf_id(), &Impi::parse("a@b").unwrap()).unwrap(), derivation),
    ] {
        assert_eq!(crate::hex::encode(&command.encode()), expected.replace(' ', ""));
    }
}

#[test]
fn the_3g_context_gives_res_ck_ik_and_perhaps_kc() {
    for (tail, kc) in [("", None), (KC, Some(Secret::new(hex!("eae4be823af9a08b"))))] {
        let outcome = parse_3g(&response(&format!("{SUCCESS_3G}{tail}"), 0x9000)).unwrap();
        let expected = AuthOutcome::Success {
            res: Res::new(&hex!("a54211d5e3ba50bf")).unwrap(),
            ck: Ck::new(hex!("b40ba9a3c58b2a05bbf0d987b21bf8cb")),
            ik: Ik::new(hex!("f769bcd751044604127672711c6d3441")),
            kc,
        };
        assert_eq!(outcome, expected);
    }
    for res in ["04 01020304", "10 000102030405060708090a0b0c0d0e0f"] {
        let data = format!("db {res} 10 {0} 10 {0}", "00".repeat(16));
        assert!(parse_3g(&response(&data, 0x9110)).is_ok(), "{res}");
    }
}

#[test]
fn a_synchronisation_failure_carries_auts_in_either_context() {
    let answer = response("dc 0e 0102030405060708090a0b0c0d0e", 0x9000);
    let auts = Auts(hex!("0102030405060708090a0b0c0d0e"));
    assert_eq!(parse_3g(&answer), Ok(AuthOutcome::SyncFailure(auts)));
    assert_eq!(parse_gba_bootstrap(&answer), Ok(BootstrapOutcome::SyncFailure(auts)));
    assert_eq!(parse_naf_derivation(&answer), Err(MalformedAnswer::Tag(0xdc).into()));
}

#[test]
fn a_bootstrap_gives_res_alone_and_what_follows_is_not_looked_at() {
    let res = Res::new(&hex!("a54211d5e3ba50bf")).unwrap();
    for tail in ["", "10 b40b", "0000"] {
        let outcome = parse_gba_bootstrap(&response(&format!("db 08 a54211d5e3ba50bf {tail}"), 0x9000));
        assert_eq!(outcome, Ok(BootstrapOutcome::Success(res.clone())), "{tail}");
    }
}

#[test]
fn the_gsm_context_and_naf_derivation_have_fixed_lengths() {
    let gsm = parse_gsm(&response(&format!("04 46f8416a {KC}"), 0x9000)).unwrap();
    assert_eq!(gsm.sres, Secret::new(hex!("46f8416a")));
    let key = parse_naf_derivation(&response(&format!("db 20 {}", "ab".repeat(32)), 0x9000)).unwrap();
    assert_eq!(key, KsExtNaf::new([0xab; 32]));
}

#[test]
fn every_truncation_of_every_answer_is_an_error() {
    fn sweep<T>(
        whole: &str,
        parse: impl Fn(&Response) -> Result<T, AuthenticateError>,
        also_valid: &[usize],
    ) {
        let whole = response(whole, 0x9000);
        assert!(parse(&whole).is_ok());
        for end in 0..whole.data.len() {
            let cut = Response { data: whole.data[..end].to_vec(), sw: whole.sw };
            let result = parse(&cut).err();
            let malformed =
                matches!(result, Some(AuthenticateError::Malformed(MalformedAnswer::Truncated(_))));
            assert!(malformed != also_valid.contains(&end), "{end}");
        }
    }
    sweep(&format!("{SUCCESS_3G}{KC}"), parse_3g, &[44]);
    sweep("dc 0e 0102030405060708090a0b0c0d0e", parse_3g, &[]);
    sweep("dc 0e 0102030405060708090a0b0c0d0e", parse_gba_bootstrap, &[]);
    sweep("db 08 a54211d5e3ba50bf", parse_gba_bootstrap, &[]);
    sweep(&format!("04 46f8416a {KC}"), parse_gsm, &[]);
    sweep(&format!("db 20 {}", "ab".repeat(32)), parse_naf_derivation, &[]);
}

#[test]
fn wrong_lengths_and_tags_are_named_without_the_octets() {
    for (data, error) in [
        ("db 03 010203", MalformedAnswer::Length { field: "RES", octets: 3 }),
        ("db 04 01020304 08 0000000000000000", MalformedAnswer::Length { field: "CK", octets: 8 }),
        ("dc 0d 01020304050607080910111213", MalformedAnswer::Length { field: "AUTS", octets: 13 }),
        ("dc 0e 0102030405060708090a0b0c0d0e 00", MalformedAnswer::TooLong(1)),
        ("61 00", MalformedAnswer::Tag(0x61)),
    ] {
        assert_eq!(parse_3g(&response(data, 0x9000)), Err(error.into()), "{data}");
    }
    let trailing = response(&format!("{SUCCESS_3G}{KC}00"), 0x9000);
    assert_eq!(parse_3g(&trailing), Err(MalformedAnswer::TooLong(1).into()));
}

#[test]
fn a_refusal_keeps_its_status_word_and_says_what_it_means() {
    for (sw, error, text) in [
        (0x9862, AuthenticateError::MacFailure, "9862 (authentication error, incorrect MAC)"),
        (
            0x9864,
            AuthenticateError::ContextNotSupported,
            "9864 (authentication error, security context not supported)",
        ),
        (0x6982, AuthenticateError::PinNeeded, "6982 (security status not satisfied: PIN needed)"),
        (0x6985, AuthenticateError::ConditionsNotSatisfied, "6985 (conditions of use not satisfied)"),
        (0x6f00, AuthenticateError::Refused(StatusWord(0x6f00)), "6F00 (technical problem)"),
    ] {
        let refused = parse_3g(&response("", sw)).unwrap_err();
        assert_eq!(refused, error);
        assert_eq!(refused.status_word(), Some(StatusWord(sw)));
        assert_eq!(refused.to_string(), format!("AUTHENTICATE failed: {text}"));
    }
}

#[test]
fn a_naf_and_an_impi_too_long_for_one_command_are_refused_unsent() {
    let impi = |octets: usize| Impi::parse(&format!("{}@b", "a".repeat(octets - 2))).unwrap();
    assert_eq!(command_naf_derivation(&naf_id(), &impi(236)).unwrap().data.len(), 255);
    assert_eq!(command_naf_derivation(&naf_id(), &impi(237)), Err(AuthenticateError::TooLong(253)));
}

#[test]
fn the_impi_goes_to_the_card_in_nfkc() {
    let wide = command_naf_derivation(&naf_id(), &Impi::parse("ａ@b").unwrap()).unwrap();
    assert_eq!(wide, command_naf_derivation(&naf_id(), &Impi::parse("a@b").unwrap()).unwrap());
}

#[test]
fn over_t_0_the_answer_is_fetched() {
    let ask = crate::hex::encode(&command_gba_bootstrap(&RAND, &AUTN).encode());
    let mut card = Script::new(&[(&ask, "610a"), ("00c000000a", "db 08 a54211d5e3ba50bf 9000")]);
    let outcome = Channel::basic(&mut card).bootstrap_gba(&RAND, &AUTN).unwrap();
    assert!(matches!(outcome, BootstrapOutcome::Success(_)));
    card.finish();
}

#[test]
fn debug_shows_no_octet_of_an_outcome() {
    let outcome = parse_3g(&response(&format!("{SUCCESS_3G}{KC}"), 0x9000)).unwrap();
    let shown = format!("{outcome:?}");
    for secret in ["a5", "165", "b4", "eae4"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
