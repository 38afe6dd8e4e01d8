//! What succeeds: TS 24.109 clause 4.2 and annex A.

use super::*;
use crate::digest::{Algorithm, Challenge, Qop};
use crate::gba::{NafId, UaSecurityProtocolId, kdf};
use proptest::prelude::*;

#[test]
fn both_ends_hold_the_same_key() {
    let mut pair = Pair::new();
    let bootstrapped = pair.run().unwrap();
    let association = pair.only_association();
    assert_eq!(bootstrapped.b_tid, association.b_tid);
    assert_eq!(Some(&association.ks), pair.card.ks.as_ref());
    assert_eq!(bootstrapped.expires_at, association.expires_at);
    assert!(bootstrapped.b_tid_as_specified);
    let naf = NafId::new(Fqdn::parse("naf1.operator.com").unwrap(), UaSecurityProtocolId::HTTP_DIGEST);
    let network = kdf::ks_naf(&association.ks, &association.rand, &association.impi, &naf);
    let device = kdf::ks_naf(pair.card.ks.as_ref().unwrap(), &bootstrapped.rand, &impi(), &naf);
    assert_eq!(network, device);
    let known = known_answers()["naf_keys"][0]["Ks_NAF_or_Ks_ext_NAF"].as_str().unwrap().to_owned();
    assert_eq!(crate::hex::encode(device.danger_expose()), known);
}

#[test]
fn every_octet_of_the_known_answer_goes_over_ub() {
    let kat = known_answers();
    let text = |name| kat["Ub_digest_AKAv1_MD5"][name].as_str().unwrap();
    let mut pair = Pair::new();
    pair.run().unwrap();
    let challenge = Challenge::parse_all(pair.responses[0].header_values("WWW-Authenticate").next().unwrap());
    assert_eq!(challenge.unwrap()[0].nonce, text("nonce"));
    let answer = authorization_of(&pair.requests[1]);
    assert_eq!(answer.username, text("username"));
    assert_eq!(answer.cnonce.as_deref(), Some(text("cnonce")));
    assert_eq!(answer.response.as_deref(), Some(text("response")));
    let success = &pair.responses[1];
    assert_eq!(success.body, text("response_body").as_bytes());
    let proof = success.header_values("Authentication-Info").next().unwrap();
    let starts = format!(
        "qop=auth-int, rspauth=\"{}\", cnonce=\"{}\", nc=00000001, opaque=\"",
        text("rspauth"),
        text("cnonce")
    );
    assert!(proof.starts_with(&starts), "{proof}");
    assert_eq!(success.header_values("Content-Type").next(), Some("application/vnd.3gpp.bsf+xml"));
    assert_eq!(success.header_values("Expires").next(), Some("Tue, 01 Jan 2030 00:00:00 GMT"));
    assert_eq!(pair.only_association().b_tid.as_str(), kat["B_TID"].as_str().unwrap());
}

#[test]
fn the_first_request_and_the_challenge_look_like_annex_a() {
    let mut pair = Pair::new();
    pair.run().unwrap();
    assert_eq!(
        pair.requests[0].header_values("Authorization").next().unwrap(),
        format!(r#"Digest username="{IMPI}", realm="{BSF}", nonce="", uri="/", response="""#)
    );
    assert_eq!(pair.requests[0].header_values("User-Agent").next(), Some("ksnaf 3gpp-gba-tmpi"));
    let challenge = pair.responses[0].header_values("WWW-Authenticate").next().unwrap();
    let opaque = challenge.split("opaque=\"").nth(1).unwrap().trim_end_matches('"');
    assert_eq!(
        challenge,
        format!(
            r#"Digest realm="{BSF}", nonce="I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M=", algorithm=AKAv1-MD5, qop="auth-int", opaque="{opaque}""#
        )
    );
    assert!(!opaque.contains([',', '"', ' ', '=']), "a UE may split at any of these");
    for response in &pair.responses {
        assert_eq!(response.header_values("Server").next(), Some("ksnaf 3gpp-gba-tmpi"));
    }
}

#[test]
fn a_card_out_of_step_is_resynchronised() {
    let kat = known_answers();
    let text = |name| kat["Ub_digest_AKAv1_MD5"][name].as_str().unwrap();
    let mut pair = Pair::new();
    pair.card.out_of_step = 1;
    let bootstrapped = pair.run().unwrap();
    let report = authorization_of(&pair.requests[1]);
    assert_eq!(report.auts.as_deref(), Some(text("auts_base64")));
    assert_eq!(report.response.as_deref(), Some(text("sync_failure_response_empty_password")));
    let sets = vectors();
    assert_eq!(pair.auc.asked[1].resync, Some((sets[0].0.rand, sets[0].1)));
    assert_eq!(bootstrapped.rand, sets[1].0.rand);
    assert_eq!(authorization_of(&pair.requests[2]).nc.as_deref(), Some("00000001"));
    assert!(matches!(pair.outcomes[1], Outcome::Challenged { cause: Cause::Resynchronised, .. }));
}

#[test]
fn a_gba_u_card_gets_autn_star_and_only_where_the_settings_say_so() {
    let mut pair = Pair::new();
    (pair.auc.gba_mode, pair.card.gba_mode) = (GbaMode::U, GbaMode::U);
    pair.run().unwrap();
    assert_eq!(pair.only_association().gba_mode, GbaMode::U);
    let nonce = authorization_of(&pair.requests[1]).nonce;
    let star = kat_autn_star();
    assert_eq!(nonce, base64::Engine::encode(&crate::digest::BASE64, star));

    for (network, card) in [(GbaMode::U, GbaMode::Me), (GbaMode::Me, GbaMode::U)] {
        let mut pair = Pair::new();
        (pair.auc.gba_mode, pair.card.gba_mode) = (network, card);
        assert_eq!(pair.run(), Err(UeError::NetworkAuthentication));
        assert_eq!(pair.last_refusal(), Refusal::NetworkAuthentication(network));
        assert!(pair.store.associations.is_empty());
    }
}

fn kat_autn_star() -> Vec<u8> {
    let kat = known_answers();
    let star = kat["GBA_U"]["AUTN_star"].as_str().unwrap();
    crate::hex::decode(&format!("{}{star}", kat["inputs"]["RAND"].as_str().unwrap())).unwrap()
}

#[test]
fn a_tmpi_made_by_both_sides_stands_for_the_impi_next_time() {
    let mut pair = Pair::new();
    let first = pair.run().unwrap();
    assert!(first.tmpi_allowed);
    let ks = pair.card.ks.clone().unwrap();
    let tmpi = kdf::tmpi(&ks, &first.rand, &impi(), &bsf_name());
    assert_eq!(pair.only_association().tmpi.as_ref(), Some(&tmpi));

    let second = pair.run_as(UeConfig { tmpi: Some(tmpi.clone()), ..ue_config() }).unwrap();
    assert!(!second.tmpi_was_unknown);
    assert_ne!(second.b_tid, first.b_tid);
    assert_eq!(pair.only_association().impi, impi());
    for request in &pair.requests[2..] {
        assert_eq!(authorization_of(request).username, tmpi.as_str());
    }
}

#[test]
fn an_unknown_tmpi_asks_for_the_impi() {
    let tmpi = Tmpi::parse("NdfNQvvGWK4SGbs7c17alrZHQXyhEcrW@tmpi.bsf.3gppnetwork.org").unwrap();
    for tmpi_at_bsf in [true, false] {
        let mut pair = Pair::with(BsfConfig { tmpi: tmpi_at_bsf, ..bsf_config() });
        let bootstrapped = pair.run_as(UeConfig { tmpi: Some(tmpi.clone()), ..ue_config() }).unwrap();
        assert!(bootstrapped.tmpi_was_unknown);
        assert_eq!(bootstrapped.tmpi_allowed, tmpi_at_bsf);
        assert_eq!(pair.outcomes[0], Outcome::Refused(Refusal::UnknownTmpi));
        assert_eq!(pair.responses[0].status, 404);
        assert_eq!(authorization_of(&pair.requests[1]).username, IMPI);
    }
    let mut pair = Pair::new();
    let bootstrapped = pair.run_through(
        UeConfig { tmpi: Some(tmpi), ..ue_config() },
        |_, _| {},
        // As a BSF does that answers every failure with a bare 401.
        |leg, response| {
            if leg == 0 {
                response.status = 401
            }
        },
    );
    assert!(bootstrapped.unwrap().tmpi_was_unknown);
}

#[test]
fn without_a_token_from_either_side_there_is_no_tmpi() {
    let mut pair = Pair::new();
    let bootstrapped = pair.run_as(UeConfig { tmpi_supported: false, ..ue_config() }).unwrap();
    assert!(!bootstrapped.tmpi_allowed);
    assert_eq!(pair.only_association().tmpi, None);
    let mut pair = Pair::with(BsfConfig { tmpi: false, ..bsf_config() });
    assert!(!pair.run().unwrap().tmpi_allowed);
    assert_eq!(pair.only_association().tmpi, None);
}

#[test]
fn a_new_bootstrap_replaces_the_former_ks() {
    let mut pair = Pair::new();
    let first = pair.run().unwrap();
    pair.now += Duration::from_secs(55 * 60);
    let second = pair.run().unwrap();
    assert_ne!(first.b_tid, second.b_tid);
    assert_eq!(pair.only_association().b_tid, second.b_tid);
}

#[test]
fn the_key_lives_as_long_as_the_settings_say() {
    let mut pair = Pair::new();
    let bootstrapped = pair.run().unwrap();
    assert_eq!(bootstrapped.expires_at, pair.now + 8 * HOUR);
    let association = pair.only_association();
    assert!(association.is_valid(pair.now + 8 * HOUR - Duration::from_secs(1)));
    assert!(!association.is_valid(pair.now + 8 * HOUR));
    pair.auc.key_lifetime = Some(HOUR);
    assert_eq!(pair.run().unwrap().expires_at, pair.now + HOUR);
}

#[test]
fn a_ue_with_a_wrong_clock_learns_the_duration() {
    let mut pair = Pair::with(BsfConfig { tell_current_time: true, ..bsf_config() });
    pair.run().unwrap();
    let told = BootstrappingInfo::parse(&pair.responses[1].body).unwrap();
    assert_eq!(told.expires_at(from_unix_seconds(0)), from_unix_seconds(8 * 3600));
}

#[test]
fn first_requests_leave_nothing_behind_and_each_can_still_be_answered() {
    let mut pair = Pair::new();
    pair.pending = PendingChallenges::new(0);
    let answer = pair.answer_to_a_challenge();
    let (first, _) = UeBootstrap::start(ue_config());
    for _ in 0..200 {
        assert_eq!(pair.ask(&first).status, 401);
    }
    assert!(pair.store.associations.is_empty() && pair.pending.is_empty());
    assert_eq!(pair.ask(&answer).status, 200);
}

#[test]
fn a_ue_that_drops_opaque_is_served_from_the_table() {
    let drop_opaque = |leg: usize, request: &mut UbRequest| {
        if leg == 1 {
            rewrite(request, |authorization| authorization.opaque = None);
        }
    };
    let mut pair = Pair::new();
    pair.run_through(ue_config(), drop_opaque, |_, _| {}).unwrap();
    assert_eq!(pair.auc.asked.len(), 1);

    let mut pair = Pair::new();
    pair.pending = PendingChallenges::new(0);
    pair.run_through(ue_config(), drop_opaque, |_, _| {}).unwrap();
    assert!(matches!(pair.outcomes[1], Outcome::Challenged { cause: Cause::Forgotten, .. }));
}

#[test]
fn another_node_or_a_rotated_key_finishes_what_was_begun() {
    let mut pair = Pair::new();
    let answer = pair.answer_to_a_challenge();
    pair.bsf = Bsf::new(bsf_config(), sealing_keys(2));
    assert_eq!(pair.ask(&answer).status, 200);
}

#[test]
fn an_answer_to_a_challenge_from_before_a_restart_gets_another_challenge() {
    let mut pair = Pair::new();
    let answer = pair.answer_to_a_challenge();
    pair.bsf = Bsf::new(bsf_config(), sealing_keys(9));
    pair.pending = PendingChallenges::new(8);
    let response = pair.ask(&answer);
    assert_eq!(response.status, 401);
    assert!(matches!(pair.outcomes.last(), Some(Outcome::Challenged { cause: Cause::Forgotten, .. })));
    pair.run().unwrap();
}

#[test]
fn a_late_answer_gets_a_stale_challenge_and_then_succeeds() {
    let mut pair = Pair::new();
    let answer = pair.answer_to_a_challenge();
    pair.now += Duration::from_secs(60);
    let response = pair.ask(&answer);
    let challenge = Challenge::parse_all(response.header_values("WWW-Authenticate").next().unwrap()).unwrap();
    assert!(challenge[0].stale);
    assert!(matches!(pair.outcomes.last(), Some(Outcome::Challenged { cause: Cause::Stale, .. })));
    assert!(pair.store.associations.is_empty());
    assert_eq!(pair.run().unwrap().b_tid, pair.only_association().b_tid);
}

#[test]
fn headers_in_any_spelling_are_served() {
    let respell: [fn(&str) -> String; 9] = [
        |text| text.replace(", ", ","),
        |text| text.replace(", ", ",\r\n "),
        |text| text.replacen("Digest", "dIGEST", 1),
        |text| text.replace("nc=00000001", "nc=\"00000001\"").replace("qop=auth-int", "qop=\"auth-int\""),
        |text| text.replace("algorithm=AKAv1-MD5", "algorithm=\"akaV1-md5\""),
        |text| text.replace(", algorithm=AKAv1-MD5", ""),
        |text| text.replace("username=", "Username = ").replace("response=", "RESPONSE="),
        |text| {
            let mut parameters: Vec<_> = text.trim_start_matches("Digest ").split(", ").collect();
            parameters.reverse();
            format!("Digest  {},extra=\"a, b\", x=y,", parameters.join(" ,\t"))
        },
        |text| {
            let (before, after) = text.split_once("response=\"").unwrap();
            let (digits, rest) = after.split_once('"').unwrap();
            format!("{before}response=\"{}\"{rest}", digits.to_uppercase())
        },
    ];
    for (number, respell) in respell.into_iter().enumerate() {
        let mut pair = Pair::new();
        let mut answer = pair.answer_to_a_challenge();
        let text = header_mut(&mut answer.headers, "Authorization");
        *text = respell(text);
        assert_eq!(pair.ask(&answer).status, 200, "spelling {number}: {:?}", pair.outcomes.last());
    }
}

#[test]
fn first_requests_of_deployed_ues_get_a_challenge() {
    let config = BsfConfig { any_first_realm: true, ..bsf_config() };
    for authorization in [
        format!(r#"Digest username="{IMPI}", realm="{BSF}", uri="/", nonce="", response="""#),
        format!(
            r#"Digest username="{IMPI}",realm="{}:80",nonce="",uri="http://{BSF}:80/",response="""#,
            BSF.to_uppercase()
        ),
        format!(
            r#"Digest username="{IMPI}", realm="ims.mnc001.mcc001.3gppnetwork.org", nonce="", uri="/", response="", opaque="dynamic_opaque", algorithm=AKAv1-MD5"#
        ),
        format!(r#"Digest username="{IMPI}", realm="{BSF}""#),
    ] {
        let mut pair = Pair::with(config.clone());
        let (mut first, _) = UeBootstrap::start(ue_config());
        *header_mut(&mut first.headers, "Authorization") = authorization.clone();
        assert_eq!(pair.ask(&first).status, 401, "{authorization}");
    }
}

#[test]
fn auth_is_taken_only_where_the_operator_says_so() {
    for (accept_auth, transport, status) in [
        (AcceptAuth::Never, Transport::Tls, 400),
        (AcceptAuth::OverTls, Transport::Plain, 400),
        (AcceptAuth::OverTls, Transport::Tls, 200),
        (AcceptAuth::Always, Transport::Plain, 200),
    ] {
        let mut pair = Pair::with(BsfConfig { accept_auth, ..bsf_config() });
        let mut answer = None;
        let config = UeConfig { accept_auth: true, ..ue_config() };
        let _ = pair.run_through(
            config,
            |leg, request| {
                if leg == 1 {
                    answer = Some(request.clone());
                    request.method = "NOT SENT".to_owned();
                }
            },
            |_, response| {
                if response.status == 401 {
                    let text = header_mut(&mut response.headers, "WWW-Authenticate");
                    *text = text.replace("qop=\"auth-int\"", "qop=\"auth\"");
                }
            },
        );
        let answer = answer.unwrap();
        assert_eq!(authorization_of(&answer).qop, Some(Qop::Auth));
        assert_eq!(pair.ask_over(&answer, transport).status, status, "{accept_auth:?} {transport:?}");
    }
}

#[test]
fn the_aka_challenge_is_chosen_among_others() {
    let mut pair = Pair::new();
    let chosen = pair.run_through(
        ue_config(),
        |_, _| {},
        |_, response| {
            if response.status == 401 {
                let other = Challenge {
                    realm: "x".to_owned(),
                    nonce: "y".to_owned(),
                    algorithm: Some(Algorithm::Md5),
                    ..Challenge::default()
                };
                let other = format!("Basic realm=\"b\", {other}");
                response.headers.insert(0, ("www-authenticate".to_owned(), other));
            }
        },
    );
    chosen.unwrap();
}

proptest! {
    #[test]
    fn any_res_any_body_and_any_uri_agree(
        res in proptest::collection::vec(any::<u8>(), 4..=16),
        cnonce in any::<[u8; 16]>(),
        body in proptest::collection::vec(any::<u8>(), 0..40),
        path in "/[a-z0-9/?=&.]{0,20}",
        user in "[a-z0-9.]{1,20}",
    ) {
        let mut pair = Pair::new();
        let impi = Impi::parse(&format!("{user}@ims.example")).unwrap();
        let config = UeConfig { impi: impi.clone(), uri: path, ..ue_config() };
        let (first, next) = UeBootstrap::start(config);
        let UbStep::NeedVector(_, await_vector) = pair.bsf.handle(&first, Transport::Plain, pair.now) else {
            panic!("no vector asked for")
        };
        let res = Res::new(&res).unwrap();
        let vector = AuthVector { xres: res.clone(), ..vectors()[0].0.clone() };
        let answer =
            VectorAnswer { vector, card: CardAka::Umts, gba_mode: GbaMode::Me, key_lifetime: None };
        let UbStep::Done(challenge, _) = await_vector.resume(Ok(answer), pair.now, ChallengeRandom::new([7; 28])) else {
            panic!("no challenge")
        };
        let UeStep::AskCard { next, .. } = next.resume(&challenge, pair.now) else { panic!("card not asked") };
        let UeStep::Send(mut request, next) = next.resume(CardOutcome::Res(res.clone()), Cnonce(cnonce)) else {
            panic!("no answer")
        };
        // The UE of this crate sends no body; one that does covers it with auth-int.
        request.body = body.clone();
        rewrite(&mut request, |authorization| {
            let calculation = crate::digest::Calculation {
                algorithm: &Algorithm::AkaV1Md5,
                username: &authorization.username,
                realm: &authorization.realm,
                password: res.danger_expose(),
                nonce: &authorization.nonce,
                nc: "00000001",
                cnonce: authorization.cnonce.as_deref().unwrap(),
                qop: Qop::AuthInt,
                uri: &authorization.uri,
            };
            authorization.response = calculation.response("GET", &body).ok();
        });
        let success = pair.ask(&request);
        prop_assert_eq!(success.status, 200);
        let established = next.resume(&success, pair.now);
        prop_assert!(matches!(established, UeStep::Established(_)), "{:?}", established);
        prop_assert_eq!(&pair.only_association().impi, &impi);
    }
}
