use super::*;
use crate::aka::{Ck, Ik};
use crate::gba::{UaSecurityProtocolId, lifetime};
use crate::identity::{Fqdn, Impi};
use crate::uicc::card::CardError;
use crate::uicc::file::known::{isim, usim};
use crate::uicc::file::{Aid, Step};
use crate::uicc::pin::PinState;
use crate::uicc::script::{Lookup, Script, over_t_0};
use crate::uicc::session::Unlock;
use hex_literal::hex;

// RAND, RES, CK and IK of TS 35.208 test set 1; AUTN and AUTN* of the same.
const RAND: Rand = Rand(hex!("23553cbe9637a89d218ae64dae47bf35"));
const AUTN: Autn = Autn(hex!("55f328b43577b9b94a9ffac354dfafb3"));

const OPEN: (&str, &str) = ("0070000001", "01 9000");
const CLOSE: (&str, &str) = ("00708001", "9000");
const SELECT_USIM: (&str, &str) = (
    "01a4040410a0000000871002ffffffff890709000000",
    "6224 82027821 8410a0000000871002ffffffff8907090000 8a0105 c609900140830101830181 9000",
);
const SELECT_USIM_LOCKED: (&str, &str) = (SELECT_USIM.0, "6208 c606900180830101 9000");
const SELECT_ISIM: (&str, &str) = (
    "01a4040410a0000000871004ffffffff890709000000",
    "6224 82027821 8410a0000000871004ffffffff8907090000 8a0105 c609900140830101830181 9000",
);

const ASK_3G: &str = "0188008122 1023553cbe9637a89d218ae64dae47bf35 1055f328b43577b9b94a9ffac354dfafb3 00";
const ASK_GBA: &str =
    "0188008423 dd 1023553cbe9637a89d218ae64dae47bf35 1055f328b43577b9b94a9ffac354dfafb3 00";
const ANSWER_3G: &str = "db 08a54211d5e3ba50bf 10b40ba9a3c58b2a05bbf0d987b21bf8cb \
                         10f769bcd751044604127672711c6d3441 9000";
const ANSWER_GBA: &str = "db 08a54211d5e3ba50bf 9000";
const SYNC_FAILURE: &str = "dc 0e0102030405060708090a0b0c0d0e 9000";
const AUTS: Auts = Auts(hex!("0102030405060708090a0b0c0d0e"));

const B_TID: &str = "I1U8vpY3qJ0hiuZNrke/NQ==@bsf.lab.example.net";
const FCP_GBABP: (&str, &str) =
    ("01a40004026fd600", "6216 82024121 83026fd6 8a0105 8b036f0604 80020060 8800 9000");
/// RAND, then what a card leaves for the terminal to fill: 96 octets.
const GBABP_HALF: &str = "1023553cbe9637a89d218ae64dae47bf35\
    ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
    ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const GBABP_WHOLE: &str = "1023553cbe9637a89d218ae64dae47bf35\
    2c4931553876705933714a306869755a4e726b652f4e513d3d406273662e6c61622e6578616d706c652e6e6574\
    14323033302d30312d30315430303a30303a30305a\
    ffffffffffffffffffffffffff";

fn application(kind: ApplicationKind, support: GbaMode) -> GbaApplication {
    let aid = match kind {
        ApplicationKind::Isim => hex!("a0000000871004ffffffff8907090000"),
        _ => hex!("a0000000871002ffffffff8907090000"),
    };
    GbaApplication {
        aid: Aid::new(&aid).unwrap(),
        kind,
        impi: Impi::parse("a@b").unwrap(),
        bsf: Fqdn::parse("bsf.b").unwrap(),
        support,
    }
}

/// Plays these exchanges with a USIM, after its selection and before the channel is closed.
fn with_usim<T>(
    support: GbaMode,
    policy: GbaPolicy,
    steps: &[(&str, &str)],
    run: impl FnOnce(&mut GbaRun<'_, '_>) -> T,
) -> T {
    let steps = [&[OPEN, SELECT_USIM], steps, &[CLOSE]].concat();
    played(&steps, application(ApplicationKind::Usim, support), policy, run)
}

fn played<T>(
    steps: &[(&str, &str)],
    application: GbaApplication,
    policy: GbaPolicy,
    run: impl FnOnce(&mut GbaRun<'_, '_>) -> T,
) -> T {
    let mut card = Script::new(steps);
    let mut uicc = Uicc::open(&mut card, Unlock::default()).unwrap();
    let result = run(&mut uicc.gba_run(application, policy).unwrap());
    drop(uicc);
    card.finish();
    result
}

fn authenticate(support: GbaMode, policy: GbaPolicy, steps: &[(&str, &str)]) -> Result<Bootstrap, GbaError> {
    with_usim(support, policy, steps, |run| run.authenticate(&RAND, &AUTN))
}

fn res() -> Res {
    Res::new(&hex!("a54211d5e3ba50bf")).unwrap()
}

fn ks() -> Ks {
    let ck = Ck::new(hex!("b40ba9a3c58b2a05bbf0d987b21bf8cb"));
    Ks::from_ck_ik(&ck, &Ik::new(hex!("f769bcd751044604127672711c6d3441")))
}

fn naf_id() -> NafId {
    NafId::new(Fqdn::parse("naf.example").unwrap(), UaSecurityProtocolId::HTTP_DIGEST)
}

#[test]
fn a_card_without_the_service_runs_gba_me() {
    let bootstrap = authenticate(GbaMode::Me, GbaPolicy::Auto, &[(ASK_3G, ANSWER_3G)]);
    assert_eq!(bootstrap, Ok(Bootstrap::Me { res: res(), ks: ks() }));
}

#[test]
fn a_card_with_the_service_runs_gba_u_and_keeps_ks() {
    let bootstrap = authenticate(GbaMode::U, GbaPolicy::Auto, &[(ASK_GBA, ANSWER_GBA)]).unwrap();
    assert_eq!(bootstrap, Bootstrap::U { res: res() });
    assert_eq!(bootstrap.mode(), GbaMode::U);
}

#[test]
fn a_network_that_wants_gba_me_gets_it_from_a_card_with_the_service() {
    let steps = [(ASK_GBA, "9862"), (ASK_3G, ANSWER_3G)];
    let bootstrap = authenticate(GbaMode::U, GbaPolicy::Auto, &steps).unwrap();
    assert_eq!(bootstrap, Bootstrap::Me { res: res(), ks: ks() });
    assert_eq!(bootstrap.mode(), GbaMode::Me);
}

#[test]
fn a_card_that_claims_a_context_it_has_not_falls_back_too() {
    for refusal in ["9864", "6a86", "6b00", "6a80", "6700", "6a81", "6a88"] {
        let steps = [(ASK_GBA, refusal), (ASK_3G, ANSWER_3G)];
        let bootstrap = authenticate(GbaMode::U, GbaPolicy::Auto, &steps);
        assert_eq!(bootstrap, Ok(Bootstrap::Me { res: res(), ks: ks() }), "{refusal}");
    }
}

#[test]
fn a_stale_sequence_number_says_for_which_mode_the_token_was() {
    for (steps, support, mode) in [
        (&[(ASK_3G, SYNC_FAILURE)][..], GbaMode::Me, GbaMode::Me),
        (&[(ASK_GBA, SYNC_FAILURE)], GbaMode::U, GbaMode::U),
        (&[(ASK_GBA, "9862"), (ASK_3G, SYNC_FAILURE)], GbaMode::U, GbaMode::Me),
    ] {
        let bootstrap = authenticate(support, GbaPolicy::Auto, steps);
        assert_eq!(bootstrap, Ok(Bootstrap::SyncFailure { auts: AUTS, mode }));
        assert_eq!(bootstrap.unwrap().mode(), mode);
    }
}

#[test]
fn a_wrong_mac_names_its_likely_cause() {
    let kind = ApplicationKind::Usim;
    for (support, policy, steps, suspected) in [
        (
            GbaMode::Me,
            GbaPolicy::Auto,
            &[(ASK_3G, "9862")][..],
            MacFailureCause::UiccTypeGbaUWithoutService(kind),
        ),
        (GbaMode::U, GbaPolicy::MeOnly, &[(ASK_3G, "9862")], MacFailureCause::UiccTypeGbaUWithPolicyMe(kind)),
        (GbaMode::U, GbaPolicy::UOnly, &[(ASK_GBA, "9862")], MacFailureCause::UiccTypeGbaWithPolicyU(kind)),
        (GbaMode::U, GbaPolicy::Auto, &[(ASK_GBA, "9862"), (ASK_3G, "9862")], MacFailureCause::KeysDiffer),
        (
            GbaMode::U,
            GbaPolicy::Auto,
            &[(ASK_GBA, "9864"), (ASK_3G, "9862")],
            MacFailureCause::GbaContextNotServed(kind, StatusWord(0x9864)),
        ),
    ] {
        let error = authenticate(support, policy, steps).unwrap_err();
        assert_eq!(error, GbaError::MacFailure { suspected });
        let told = error.to_string();
        assert!(told.starts_with("9862 (authentication error, incorrect MAC): "), "{told}");
        assert!(told.contains("uiccType") && told.contains("K or OPc differ"), "{told}");
    }
}

#[test]
fn the_isim_has_its_own_table_and_files() {
    let steps = [OPEN, SELECT_ISIM, (ASK_3G, "9862"), CLOSE];
    let isim = application(ApplicationKind::Isim, GbaMode::Me);
    let error = played(&steps, isim, GbaPolicy::Auto, |run| run.authenticate(&RAND, &AUTN)).unwrap_err();
    assert!(error.to_string().contains("the ISIM's service table has no GBA service (EF_IST service 2)"));
    let steps = [OPEN, SELECT_ISIM, ("01a40004026fd500", "6a82"), CLOSE];
    let isim = application(ApplicationKind::Isim, GbaMode::U);
    assert_eq!(isim.ef_gbabp(), isim::EF_GBABP);
    assert_eq!(played(&steps, isim, GbaPolicy::Auto, |run| run.stored_bootstrap()), Ok(None));
}

#[test]
fn gba_u_is_not_asked_of_a_card_whose_table_does_not_offer_it() {
    let refused = Err(GbaError::NoGbaService(ApplicationKind::Usim));
    assert_eq!(authenticate(GbaMode::Me, GbaPolicy::UOnly, &[]), refused);
}

#[test]
fn other_refusals_keep_context_and_status_word() {
    let error = authenticate(GbaMode::U, GbaPolicy::Auto, &[(ASK_GBA, "6f00")]).unwrap_err();
    assert_eq!(error.to_string(), "GBA context: AUTHENTICATE failed: 6F00 (technical problem)");
    let error = authenticate(GbaMode::Me, GbaPolicy::Auto, &[(ASK_3G, "9864")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "3G context: AUTHENTICATE failed: 9864 (authentication error, security context not supported)"
    );
}

#[test]
fn a_pin_in_the_way_is_named() {
    let locked = [OPEN, SELECT_USIM_LOCKED, (ASK_3G, "6982"), ("01200001", "63c3"), CLOSE];
    let usim = application(ApplicationKind::Usim, GbaMode::Me);
    let error = played(&locked, usim, GbaPolicy::Auto, |run| run.authenticate(&RAND, &AUTN)).unwrap_err();
    let state = PinState::Required { tries_left: 3 };
    assert_eq!(error, GbaError::Uicc(UiccError::PinNeeded { key_reference: 1, state }));
}

#[test]
fn the_b_tid_is_stored_beside_the_cards_rand_and_read_back() {
    let (half, whole) = (format!("{GBABP_HALF}9000"), format!("{GBABP_WHOLE}9000"));
    let update = format!("01d6000060{GBABP_WHOLE}");
    let steps = [
        FCP_GBABP,
        ("01b0000060", half.as_str()),
        (update.as_str(), "9000"),
        FCP_GBABP,
        ("01b0000060", whole.as_str()),
    ];
    let expires = lifetime::from_unix_seconds(1_893_456_000);
    let b_tid = BTid::parse(B_TID).unwrap();
    with_usim(GbaMode::U, GbaPolicy::Auto, &steps, |run| run.store_b_tid(&RAND, &b_tid, expires)).unwrap();
    let steps = &steps[3..];
    let stored =
        with_usim(GbaMode::U, GbaPolicy::Auto, steps, |run| run.stored_bootstrap()).unwrap().unwrap();
    assert_eq!((stored.rand(), stored.b_tid(), stored.expires()), (Some(RAND), Some(b_tid), Some(expires)));
}

#[test]
fn a_blank_file_is_written_too() {
    let (blank, whole) = (format!("{}9000", "ff".repeat(96)), format!("{GBABP_WHOLE}9000"));
    let update = format!("01d6000060{GBABP_WHOLE}");
    let steps =
        [FCP_GBABP, ("01b0000060", &blank), (&update, "9000"), FCP_GBABP, ("01b0000060", whole.as_str())];
    assert_eq!(store(&steps), Ok(()));
}

/// By hand: RAND, `p-tid-1`, 2030-01-01T00:00:00Z, each behind its length, and filler.
#[test]
fn the_name_of_a_push_stands_where_the_b_tid_would() {
    let end = "14323033302d30312d30315430303a30303a30305a";
    let whole = format!("1023553cbe9637a89d218ae64dae47bf3507702d7469642d31{end}{}", "ff".repeat(50));
    let (half, read) = (format!("{GBABP_HALF}9000"), format!("{whole}9000"));
    let update = format!("01d6000060{whole}");
    let steps =
        [FCP_GBABP, ("01b0000060", &half), (&update, "9000"), FCP_GBABP, ("01b0000060", read.as_str())];
    let expires = lifetime::from_unix_seconds(1_893_456_000);
    with_usim(GbaMode::U, GbaPolicy::UOnly, &steps, |run| run.store_p_tid(&RAND, "p-tid-1", expires))
        .unwrap();
}

fn store(steps: &[(&str, &str)]) -> Result<(), GbaError> {
    let expires = lifetime::from_unix_seconds(1_893_456_000);
    let b_tid = BTid::parse(B_TID).unwrap();
    with_usim(GbaMode::U, GbaPolicy::Auto, steps, |run| run.store_b_tid(&RAND, &b_tid, expires))
}

#[test]
fn what_keeps_a_b_tid_from_being_stored_is_named() {
    let other = format!("10{}{}9000", "ab".repeat(16), "ff".repeat(79));
    let steps = [FCP_GBABP, ("01b0000060", other.as_str())];
    assert_eq!(store(&steps), Err(GbaError::AnotherBootstrap(usim::EF_GBABP)));

    let small = format!("1023553cbe9637a89d218ae64dae47bf35{}9000", "ff".repeat(47));
    let steps = [("01a40004026fd600", "6208 82024121 80020040 9000"), ("01b0000040", small.as_str())];
    let error = store(&steps).unwrap_err();
    assert_eq!(error, GbaError::FileTooSmall { file: usim::EF_GBABP, size: 64, needed: 83 });

    let half = format!("{GBABP_HALF}9000");
    let update = format!("01d6000060{GBABP_WHOLE}");
    let steps =
        [FCP_GBABP, ("01b0000060", &half), (&update, "9000"), FCP_GBABP, ("01b0000060", half.as_str())];
    assert_eq!(store(&steps), Err(GbaError::NotStored(usim::EF_GBABP)));

    let steps = [FCP_GBABP, ("01b0000060", half.as_str()), (update.as_str(), "6581")];
    let refused = FileError::Refused { file: usim::EF_GBABP, step: Step::Update, sw: StatusWord(0x6581) };
    assert_eq!(store(&steps), Err(GbaError::Uicc(UiccError::File(refused))));

    assert!(matches!(store(&[("01a40004026fd600", "6a82")]), Err(GbaError::Uicc(UiccError::File(_)))));

    let long = BTid::parse(&format!("{}@bsf.example", "a".repeat(250))).unwrap();
    let error = with_usim(GbaMode::U, GbaPolicy::Auto, &[], |run| {
        run.store_b_tid(&RAND, &long, lifetime::from_unix_seconds(0))
    });
    assert_eq!(error, Err(GbaError::BTidTooLong(262)));
}

const ASK_NAF: &str = "0188008416 de 106e61662e6578616d706c650100000002 03614062 00";

#[test]
fn a_naf_key_comes_from_the_card() {
    let answer = format!("db20{}9000", "ab".repeat(32));
    let steps = [(ASK_NAF, answer.as_str())];
    let key = with_usim(GbaMode::U, GbaPolicy::Auto, &steps, |run| run.naf_key_u(&naf_id())).unwrap();
    assert_eq!(key, KsExtNaf::new([0xab; 32]));
    let none = with_usim(GbaMode::U, GbaPolicy::Auto, &[(ASK_NAF, "6985")], |run| run.naf_key_u(&naf_id()));
    assert_eq!(none, Err(GbaError::NoKs));
    let other = with_usim(GbaMode::U, GbaPolicy::Auto, &[(ASK_NAF, "6a88")], |run| run.naf_key_u(&naf_id()));
    assert!(other.unwrap_err().to_string().contains("6A88 (referenced data not found)"));
}

#[test]
fn the_naf_list_names_records_and_skips_blank_ones() {
    let entry = "80106e61662e6578616d706c650100000002 81104142434440 6273662e6578616d706c65ff 9000";
    let blank = format!("{}9000", "ff".repeat(37));
    let steps = [
        ("01a40004026fda00", "6207 82054221002503 9000"),
        ("01b2010425", blank.as_str()),
        ("01b2020425", entry),
        ("01b2030425", "80ff 9000"),
    ];
    let list = with_usim(GbaMode::U, GbaPolicy::Auto, &steps, |run| run.naf_list()).unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].0, 2);
    assert_eq!(list[0].1.as_ref().unwrap().naf_id(), Some(naf_id()));
    assert!(list[1].1.is_err());
}

#[test]
fn a_whole_run_is_the_same_over_t_0() {
    let answer = format!("db20{}9000", "ab".repeat(32));
    let steps = [OPEN, SELECT_USIM, (ASK_GBA, "9862"), (ASK_3G, ANSWER_3G), (ASK_NAF, &answer), CLOSE];
    let fetched = over_t_0(&steps);
    let fetched: Vec<_> = fetched.iter().map(|(ask, answer)| (ask.as_str(), answer.as_str())).collect();
    assert_eq!(fetched.len(), steps.len() + 3);
    let usim = application(ApplicationKind::Usim, GbaMode::U);
    played(&fetched, usim, GbaPolicy::Auto, |run| {
        assert_eq!(run.authenticate(&RAND, &AUTN).unwrap().mode(), GbaMode::Me);
        assert_eq!(run.naf_key_u(&naf_id()), Ok(KsExtNaf::new([0xab; 32])));
    });
}

#[test]
fn no_truncation_of_any_answer_gives_a_key_or_stores_a_b_tid() {
    let (half, naf) = (format!("{GBABP_HALF}9000"), format!("db20{}9000", "ab".repeat(32)));
    let steps = [
        OPEN,
        SELECT_USIM,
        (ASK_GBA, ANSWER_GBA),
        (ASK_3G, ANSWER_3G),
        FCP_GBABP,
        ("01b0000060", half.as_str()),
        (ASK_NAF, naf.as_str()),
        CLOSE,
    ];
    let b_tid = BTid::parse(B_TID).unwrap();
    let mut had = 0;
    for mut card in Lookup::all_with_an_answer_cut(&steps).chain(Lookup::all_with_data_cut(&steps)) {
        let Ok(mut uicc) = Uicc::open(&mut card, Unlock::default()) else { continue };
        let usim = application(ApplicationKind::Usim, GbaMode::U);
        let Ok(mut run) = uicc.gba_run(usim, GbaPolicy::Auto) else { continue };
        if let Ok(bootstrap) = run.bootstrap_u(&RAND, &AUTN) {
            assert_eq!(bootstrap, Bootstrap::U { res: res() });
            had += 1;
        }
        if let Ok(bootstrap) = run.authenticate_me(&RAND, &AUTN) {
            assert_eq!(bootstrap, Bootstrap::Me { res: res(), ks: ks() });
            had += 1;
        }
        if let Ok(key) = run.naf_key_u(&naf_id()) {
            assert_eq!(key, KsExtNaf::new([0xab; 32]));
            had += 1;
        }
        // The card does not know UPDATE: nothing may look stored.
        assert!(run.store_b_tid(&RAND, &b_tid, lifetime::from_unix_seconds(1_893_456_000)).is_err());
    }
    assert!(had > 0, "a cut answer leaves the others whole");
}

#[test]
fn a_card_pulled_in_the_middle_is_reported_as_removed() {
    let steps = [OPEN, SELECT_USIM, (ASK_GBA, "9862")];
    let mut card = Script::new(&steps).failing(CardError::Removed);
    let mut uicc = Uicc::open(&mut card, Unlock::default()).unwrap();
    let mut run = uicc.gba_run(application(ApplicationKind::Usim, GbaMode::U), GbaPolicy::Auto).unwrap();
    let removed = GbaError::Uicc(UiccError::Card(CardError::Removed));
    assert_eq!(run.authenticate(&RAND, &AUTN), Err(removed));
    assert_eq!(run.stored_bootstrap(), Err(removed));
    assert_eq!(run.naf_key_u(&naf_id()), Err(removed));
}

#[test]
fn a_result_shows_no_key() {
    let bootstrap = authenticate(GbaMode::Me, GbaPolicy::Auto, &[(ASK_3G, ANSWER_3G)]).unwrap();
    assert_eq!(format!("{bootstrap:?}"), "Me { res: Res([8 secret octets]), ks: Ks([32 secret octets]) }");
}
