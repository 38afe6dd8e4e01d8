//! What fails, and how: TS 24.109 clauses 4.3 to 4.5, replays, downgrades, and what is down.

use super::*;
use crate::digest::{Algorithm, Authorization, HeaderError, Qop};

#[test]
fn a_wrong_res_is_refused_and_the_log_names_the_suspect() {
    let mut pair = Pair::new();
    pair.card.wrong_k = true;
    assert_eq!(pair.run(), Err(UeError::Refused { status: 403 }));
    assert_eq!(pair.last_refusal(), Refusal::Response(Suspect::Res));
    assert!(pair.store.associations.is_empty());
    let log = pair.last_refusal().to_string();
    assert_eq!(log, "the response does not verify; suspect: RES");
}

#[test]
fn a_wrong_res_may_be_tried_again_as_often_as_the_operator_says() {
    let mut pair = Pair::with(BsfConfig { retries: 2, ..bsf_config() });
    pair.card.wrong_k = true;
    assert_eq!(pair.run(), Err(UeError::Refused { status: 403 }));
    assert_eq!(pair.card.asked, 3);
    let again = |outcome: &Outcome| {
        matches!(outcome, Outcome::Challenged { cause: Cause::WrongResponse(Suspect::Res), .. })
    };
    assert_eq!(pair.outcomes.iter().filter(|outcome| again(outcome)).count(), 2);
}

#[test]
fn a_wrong_input_of_the_digest_is_named() {
    type Change = fn(&mut Authorization);
    let changes: [(Change, Suspect); 4] = [
        (|a| a.nc = Some("00000002".to_owned()), Suspect::NonceCount),
        (|a| a.uri = format!("http://{BSF}/"), Suspect::Uri),
        (|a| a.realm = BSF.to_uppercase(), Suspect::Realm),
        (|a| a.cnonce = Some("x".to_owned()), Suspect::Res),
    ];
    for (change, suspect) in changes {
        let mut pair = Pair::new();
        let mut answer = pair.answer_to_a_challenge();
        rewrite(&mut answer, change);
        assert_eq!(pair.ask(&answer).status, 403);
        assert_eq!(pair.last_refusal(), Refusal::Response(suspect));
    }
    let mut pair = Pair::new();
    let mut answer = pair.answer_to_a_challenge();
    answer.body = b"added on the way".to_vec();
    pair.ask(&answer);
    assert_eq!(pair.last_refusal(), Refusal::Response(Suspect::BodyHash));
}

#[test]
fn a_card_that_refuses_the_mac_ends_the_bootstrap_on_both_sides() {
    let mut pair = Pair::new();
    pair.card.gba_mode = GbaMode::U;
    assert_eq!(pair.run(), Err(UeError::NetworkAuthentication));
    let report = authorization_of(&pair.requests[1]);
    assert_eq!((report.response.as_deref(), report.auts), (Some(""), None));
    assert_eq!(pair.responses[1].status, 403);
    assert_eq!(pair.auc.asked.len(), 1);
}

#[test]
fn a_second_synchronisation_failure_in_a_row_ends_it() {
    let mut pair = Pair::new();
    pair.card.out_of_step = 2;
    assert_eq!(pair.run(), Err(UeError::SyncFailureTwice));

    // A UE that does not give up by itself.
    let mut pair = Pair::new();
    pair.card.out_of_step = 1;
    let mut first_report = None;
    let _ = pair.run_through(
        ue_config(),
        |leg, request| match leg {
            1 => first_report = Some(authorization_of(request)),
            2 => rewrite(request, |authorization| {
                let report = first_report.clone().unwrap();
                authorization.auts = report.auts;
                let empty = crate::digest::Calculation {
                    algorithm: &Algorithm::AkaV1Md5,
                    username: &authorization.username,
                    realm: &authorization.realm,
                    password: b"",
                    nonce: &authorization.nonce,
                    nc: "00000001",
                    cnonce: authorization.cnonce.as_deref().unwrap(),
                    qop: Qop::AuthInt,
                    uri: "/",
                };
                authorization.response = empty.response("GET", b"").ok();
            }),
            _ => {}
        },
        |_, _| {},
    );
    assert_eq!(pair.last_refusal(), Refusal::SyncFailureTwice);
    assert_eq!(pair.responses.last().unwrap().status, 403);
    assert_eq!(pair.auc.asked.len(), 2);
}

#[test]
fn auts_needs_an_open_challenge_a_right_response_and_a_right_mac() {
    let report = || {
        let mut pair = Pair::new();
        pair.card.out_of_step = 1;
        let report = pair.answer_to_a_challenge();
        (pair, report)
    };
    let (mut pair, mut no_nonce) = report();
    rewrite(&mut no_nonce, |authorization| authorization.nonce.clear());
    assert_eq!(pair.ask(&no_nonce).status, 400);
    assert_eq!(pair.last_refusal(), Refusal::AutsWithoutChallenge);

    let (mut pair, forgotten) = report();
    pair.bsf = Bsf::new(bsf_config(), sealing_keys(9));
    assert_eq!(pair.ask(&forgotten).status, 400);
    assert_eq!(pair.last_refusal(), Refusal::AutsWithoutChallenge);

    let (mut pair, mut wrong_response) = report();
    rewrite(&mut wrong_response, |authorization| authorization.response = Some("0".repeat(32)));
    assert_eq!(pair.ask(&wrong_response).status, 403);
    assert_eq!(pair.last_refusal(), Refusal::Response(Suspect::Res));

    let (mut pair, mut short) = report();
    rewrite(&mut short, |authorization| authorization.auts = Some("uoU/PBI8".to_owned()));
    assert_eq!(pair.ask(&short).status, 400);
    assert_eq!(pair.last_refusal(), Refusal::Auts);

    let (mut pair, mut wrong_mac) = report();
    rewrite(&mut wrong_mac, |authorization| authorization.auts = Some("uoU/PBI8z0TpNZbjVcc=".to_owned()));
    assert_eq!(pair.ask(&wrong_mac).status, 403);
    assert_eq!(pair.last_refusal(), Refusal::AutsRejected);

    let (mut pair, late) = report();
    pair.now += HOUR;
    assert_eq!(pair.ask(&late).status, 401);
    assert_eq!(pair.auc.asked.last().unwrap().resync, None);
}

#[test]
fn a_replay_is_refused_without_a_vector_and_gives_no_second_association() {
    let mut pair = Pair::new();
    pair.run().unwrap();
    let (answer, before) = (pair.requests[1].clone(), pair.only_association().clone());
    for _ in 0..3 {
        // 57 seconds in the end: the challenge is still open.
        pair.now += Duration::from_secs(19);
        pair.store.sweep(pair.now);
        let replay = pair.ask(&answer);
        assert_eq!((replay.status, pair.last_refusal()), (403, Refusal::Replay));
        assert_eq!(replay.header_values("Authentication-Info").count(), 0);
    }
    assert_eq!(pair.auc.asked.len(), 1);
    assert_eq!(pair.only_association(), &before);
    // When the challenge is expired, the store may forget the RAND: nothing comes of it any more.
    pair.now += Duration::from_secs(2);
    pair.store.sweep(pair.now);
    assert_eq!(pair.ask(&answer).status, 403);
    pair.now += Duration::from_secs(301);
    pair.store.sweep(pair.now);
    assert!(pair.store.used.is_empty());
    assert_eq!(pair.ask(&answer).status, 401);
    assert_eq!(pair.only_association(), &before);
}

#[test]
fn a_lost_answer_costs_one_more_bootstrap() {
    let mut pair = Pair::new();
    let lost = pair.run_through(
        ue_config(),
        |_, _| {},
        |leg, response| {
            if leg == 1 {
                *response = UbResponse { status: 504, headers: vec![], body: vec![] };
            }
        },
    );
    assert_eq!(lost, Err(UeError::Refused { status: 504 }));
    let orphan = pair.only_association().b_tid.clone();
    let repeated = pair.requests[1].clone();
    assert_eq!(pair.ask(&repeated).status, 403);
    let bootstrapped = pair.run().unwrap();
    assert_ne!(bootstrapped.b_tid, orphan);
    assert_eq!(pair.only_association().b_tid, bootstrapped.b_tid);
    assert_eq!(Some(&pair.only_association().ks), pair.card.ks.as_ref());
}

#[test]
fn what_is_down_is_said_and_can_be_tried_again() {
    let mut pair = Pair::new();
    pair.auc.failure = Some(VectorError::Unavailable);
    let unavailable = Err(UeError::Unavailable { retry_after: Some(Duration::from_secs(5)) });
    assert_eq!(pair.run(), unavailable);
    assert_eq!(pair.last_refusal(), Refusal::NoVector);
    pair.auc.failure = None;
    pair.store.down = true;
    assert_eq!(pair.run(), unavailable);
    assert_eq!(pair.last_refusal(), Refusal::NoStore);
    pair.store.down = false;
    let answer = pair.requests.last().unwrap().clone();
    assert_eq!(pair.ask(&answer).status, 200);
    let tmpi = pair.only_association().tmpi.clone();
    pair.store.down = true;
    assert_eq!(pair.run_as(UeConfig { tmpi, ..ue_config() }), unavailable);
    assert_eq!(pair.last_refusal(), Refusal::NoStore);
}

#[test]
fn all_refusals_of_a_subscriber_look_alike() {
    let mut bodies = BTreeSet::new();
    for failure in [VectorError::UnknownSubscriber, VectorError::NotAllowed] {
        let mut pair = Pair::new();
        pair.auc.failure = Some(failure);
        assert_eq!(pair.run(), Err(UeError::Refused { status: 403 }));
        bodies.insert(format!("{:?}", (&pair.responses[0].headers, &pair.responses[0].body)));
    }
    let mut pair = Pair::new();
    pair.card.wrong_k = true;
    let _ = pair.run();
    bodies.insert(format!("{:?}", (&pair.responses[1].headers, &pair.responses[1].body)));
    assert_eq!(bodies.len(), 1);
}

#[test]
fn another_algorithm_is_refused_on_both_sides() {
    for named in [Algorithm::Md5, Algorithm::Sha256, Algorithm::Other("AKAv2-MD5".to_owned())] {
        let mut pair = Pair::new();
        let mut answer = pair.answer_to_a_challenge();
        rewrite(&mut answer, |authorization| authorization.algorithm = Some(named.clone()));
        assert_eq!(pair.ask(&answer).status, 400);
        assert_eq!(pair.last_refusal(), Refusal::Algorithm);
    }
    for changed in ["algorithm=MD5", "algorithm=AKAv2-MD5", "x=y"] {
        let mut pair = Pair::new();
        let refused = pair.run_through(
            ue_config(),
            |_, _| {},
            |_, response| {
                let text = header_mut(&mut response.headers, "WWW-Authenticate");
                *text = text.replace("algorithm=AKAv1-MD5", changed);
            },
        );
        assert_eq!(refused, Err(UeError::Algorithm), "{changed}");
        assert_eq!(pair.card.asked, 0);
    }
}

#[test]
fn a_challenge_that_is_not_the_bsfs_is_not_answered() {
    for (from, to, error) in [
        ("realm=\"bsf", "realm=\"evil", UeError::Realm),
        ("qop=\"auth-int\"", "qop=\"auth\"", UeError::Qop),
        ("qop=\"auth-int\"", "x=y", UeError::Qop),
        ("nonce=\"I1U8", "nonce=\"", UeError::Nonce),
        ("nonce=\"I1U8", "nonce=\"?", UeError::Nonce),
        ("Digest", "Basic", UeError::NoChallenge),
        ("nonce=", "x=", UeError::Header(HeaderError::Missing("nonce"))),
    ] {
        let mut pair = Pair::new();
        let refused = pair.run_through(
            ue_config(),
            |_, _| {},
            |_, response| {
                let text = header_mut(&mut response.headers, "WWW-Authenticate");
                *text = text.replacen(from, to, 1);
            },
        );
        assert_eq!(refused, Err(error), "{from} {to}");
        assert_eq!(pair.card.asked, 0);
    }
}

#[test]
fn success_needs_the_bsfs_proof_over_this_very_body() {
    let run = |change: fn(&mut UbResponse)| {
        let mut pair = Pair::new();
        pair.run_through(
            ue_config(),
            |_, _| {},
            |leg, response| {
                if leg == 1 {
                    change(response);
                }
            },
        )
    };
    let no_proof = run(|response| response.headers.retain(|(name, _)| name != "Authentication-Info"));
    assert_eq!(no_proof, Err(UeError::NoAuthenticationInfo));
    for change in [
        |response: &mut UbResponse| response.body[90] ^= 1,
        |response: &mut UbResponse| response.body.push(b'\n'),
        |response: &mut UbResponse| response.body.clear(),
        |response: &mut UbResponse| {
            let text = header_mut(&mut response.headers, "Authentication-Info");
            *text = text.replace("rspauth=", "x=");
        },
        |response: &mut UbResponse| {
            let text = header_mut(&mut response.headers, "Authentication-Info");
            *text = text.replace("qop=auth-int", "qop=auth");
        },
        |response: &mut UbResponse| {
            let text = header_mut(&mut response.headers, "Authentication-Info");
            *text = text.replace("nc=00000001", "nc=00000002");
        },
        |response: &mut UbResponse| {
            let text = header_mut(&mut response.headers, "Authentication-Info");
            *text = text.replace("cnonce=\"6", "cnonce=\"7");
        },
    ] {
        assert_eq!(run(change), Err(UeError::BsfAuthentication));
    }
}

#[test]
fn a_success_that_nothing_has_earned_is_refused() {
    for stop in [0, 1] {
        let mut pair = Pair::new();
        pair.card.out_of_step = 1;
        let refused = pair.run_through(
            ue_config(),
            |_, _| {},
            |leg, response| {
                if leg == stop {
                    response.status = 200;
                }
            },
        );
        assert_eq!(refused, Err(UeError::UnearnedSuccess), "answer {stop}");
    }
}

#[test]
fn a_bsf_that_never_stops_challenging_is_left() {
    let mut pair = Pair::new();
    let mut challenges = Vec::new();
    let (first, _) = UeBootstrap::start(ue_config());
    for _ in 0..6 {
        challenges.push(pair.ask(&first));
    }
    let mut next_challenge = challenges.into_iter();
    let left = pair.run_through(
        ue_config(),
        |_, _| {},
        |_, response| {
            *response = next_challenge.next().unwrap();
        },
    );
    assert_eq!(left, Err(UeError::TooManyChallenges));
    assert_eq!(pair.card.asked, 4);
}

#[test]
fn what_is_no_bootstrapping_request_is_refused() {
    let refusal = |change: fn(&mut UbRequest)| {
        let mut pair = Pair::new();
        let mut answer = pair.answer_to_a_challenge();
        change(&mut answer);
        let response = pair.ask(&answer);
        assert_eq!(response.status, pair.last_refusal().status());
        assert_eq!(pair.auc.asked.len(), 1);
        (response, pair.last_refusal())
    };
    let (not_get, why) = refusal(|request| request.method = "POST".to_owned());
    assert_eq!((not_get.status, why), (405, Refusal::Method));
    assert_eq!(not_get.header_values("Allow").next(), Some("GET"));
    for (change, expected) in [
        ((|request| request.headers.clear()) as fn(&mut UbRequest), Refusal::Authorization),
        (|request| request.headers.extend(request.headers.clone()), Refusal::Authorization),
        (|request| request.target = "/other".to_owned(), Refusal::Uri),
        (|request| rewrite(request, |a| a.realm = "other.example".to_owned()), Refusal::Realm),
        (|request| rewrite(request, |a| a.realm.clear()), Refusal::Realm),
        (
            |request| rewrite(request, |a| a.username = "other@ims.example".to_owned()),
            Refusal::UsernameChanged,
        ),
        (|request| rewrite(request, |a| a.nonce = a.nonce.replace('I', "J")), Refusal::Opaque),
        (|request| rewrite(request, |a| a.qop = None), Refusal::Qop),
        (|request| rewrite(request, |a| a.response = None), HeaderError::Missing("response").into()),
        (|request| rewrite(request, |a| a.nc = None), HeaderError::Missing("nc").into()),
        (|request| rewrite(request, |a| a.nc = Some("00000000".to_owned())), HeaderError::Value("nc").into()),
        (|request| rewrite(request, |a| a.nc = Some("1".to_owned())), HeaderError::Value("nc").into()),
        (|request| rewrite(request, |a| a.cnonce = None), HeaderError::Missing("cnonce").into()),
        (|request| rewrite(request, |a| a.cnonce = Some(String::new())), HeaderError::Value("cnonce").into()),
        (
            |request| *header_mut(&mut request.headers, "Authorization") = "Bearer x".to_owned(),
            HeaderError::NotDigest.into(),
        ),
    ] {
        assert_eq!(refusal(change).1, expected);
    }
    for username in ["", "001010123456789", "a b@c", "a@b@c"] {
        let mut pair = Pair::new();
        let (mut first, _) = UeBootstrap::start(ue_config());
        rewrite(&mut first, |authorization| authorization.username = username.to_owned());
        assert_eq!(pair.ask(&first).status, 400);
        assert_eq!(pair.last_refusal(), Refusal::Username);
    }
}

#[test]
fn a_challenge_is_good_for_its_subscriber_and_its_bsf_only() {
    let mut pair = Pair::new();
    let mut answer = pair.answer_to_a_challenge();
    let other = pair.answer_to_a_challenge();
    rewrite(&mut answer, |authorization| authorization.opaque = authorization_of(&other).opaque);
    assert_eq!(pair.ask(&answer).status, 400);
    assert_eq!(pair.last_refusal(), Refusal::Opaque);
    let elsewhere = BsfConfig { realm: Fqdn::parse("bsf2.example").unwrap(), ..bsf_config() };
    let mut pair = Pair::new();
    let mut answer = pair.answer_to_a_challenge();
    pair.bsf = Bsf::new(elsewhere, sealing_keys(1));
    rewrite(&mut answer, |authorization| authorization.realm = "bsf2.example".to_owned());
    assert_eq!(pair.ask(&answer).status, 400);
    assert_eq!(pair.last_refusal(), Refusal::Opaque);
}
