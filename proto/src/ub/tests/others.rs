//! 2G GBA and GBA_Digest: TS 33.220 annexes I and M, TS 24.109 annexes H and I.

use super::*;
use crate::digest::{Algorithm, Challenge};
use crate::gba::digest_mode::{self, GbaDigest, Ha1Form};
use crate::gba::kdf2g::{Layout, TwoGGba};
use crate::gba::{GbaType, NafId, UaSecurityProtocolId, kdf};
use crate::secret::SecretBytes;

const HOME: &str = "home1.net";

/// `testdata/other_bootstraps_python.json`.
fn answers() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../testdata/other_bootstraps_python.json")).unwrap()
}

fn naf() -> NafId {
    NafId::new(Fqdn::parse("naf1.operator.com").unwrap(), UaSecurityProtocolId::HTTP_DIGEST)
}

fn two_g() -> TwoGGba {
    TwoGGba::unconfirmed(Layout::Lengths)
}

fn gba_digest() -> GbaDigest {
    GbaDigest::unconfirmed(Ha1Form::Octets)
}

fn both() -> OtherBootstraps {
    OtherBootstraps { two_g: Some(two_g()), digest: Some(gba_digest()) }
}

/// A BSF that runs these, over TLS.
fn over_tls(others: OtherBootstraps) -> Pair {
    let mut pair = Pair::with(BsfConfig { others, ..bsf_config() });
    pair.transport = Transport::Tls;
    for (octet, value) in pair.ue_exports.iter_mut().zip(0..) {
        *octet = value;
    }
    pair.bsf_exports = pair.ue_exports;
    pair
}

fn sim_pair() -> Pair {
    let mut pair = over_tls(both());
    pair.auc.card = CardAka::Gsm;
    pair
}

fn digest_pair() -> Pair {
    let mut pair = over_tls(both());
    pair.auc.digest = Some(credential(0));
    pair
}

/// The credential of one of the known answers.
fn credential(case: usize) -> DigestCredential {
    let case = &answers()["GBA_Digest"][case];
    DigestCredential {
        realm: HOME.to_owned(),
        algorithm: case["algorithm"].as_str().unwrap().to_owned(),
        qop: None,
        ha1: crate::hex::decode_secret(case["HA1"].as_str().unwrap()).unwrap(),
    }
}

fn sim_ue() -> UeConfig {
    UeConfig { kind: UeKind::TwoG(two_g()), ..ue_config() }
}

fn digest_ue(case: usize) -> UeConfig {
    let DigestCredential { realm, algorithm, ha1, .. } = credential(case);
    let gba = match answers()["GBA_Digest"][case]["key_form"].as_str().unwrap() {
        "octets" => gba_digest(),
        _ => GbaDigest::unconfirmed(Ha1Form::HexText),
    };
    let digest = UeDigest { gba, realm, algorithm: Algorithm::parse(&algorithm), ha1 };
    UeConfig { kind: UeKind::Digest(digest), ..ue_config() }
}

#[test]
fn both_ends_of_2g_gba_hold_the_known_answers() {
    for (case, layout) in [(0, Layout::Lengths), (1, Layout::NoLengths)] {
        let answers = answers();
        let known = &answers["2G_GBA"][case];
        let gba = TwoGGba::unconfirmed(layout);
        let mut pair = over_tls(OtherBootstraps { two_g: Some(gba), digest: None });
        pair.auc.card = CardAka::Gsm;
        let done = pair.run_as(UeConfig { kind: UeKind::TwoG(gba), ..ue_config() }).unwrap();
        let challenge =
            Challenge::parse_all(pair.responses[0].header_values("WWW-Authenticate").next().unwrap());
        let challenge = challenge.unwrap().remove(0);
        assert_eq!(challenge.nonce, known["nonce"]);
        assert_eq!((challenge.realm.as_str(), challenge.algorithm), (BSF, Some(Algorithm::AkaV1Md5)));
        assert_eq!(authorization_of(&pair.requests[1]).response.as_deref(), known["response"].as_str());
        let association = pair.only_association();
        assert_eq!((association.gba_type, association.gba_mode), (GbaType::TwoG, GbaMode::Me));
        assert_eq!(association.b_tid.as_str(), known["B_TID"]);
        assert_eq!(association.tmpi, None, "the username is the IMPI");
        assert_eq!(crate::hex::encode(association.ks.danger_expose()), known["Ks"]);
        let derived = done.derived.unwrap();
        assert_eq!((derived.gba_type, &derived.ks), (GbaType::TwoG, &association.ks));
        let key = kdf::ks_naf(&derived.ks, &done.rand, &impi(), &naf());
        assert_eq!(crate::hex::encode(key.danger_expose()), known["Ks_NAF"]);
        assert!(done.b_tid_as_specified && !done.tmpi_allowed);
    }
}

#[test]
fn both_ends_of_gba_digest_hold_the_known_answers() {
    for case in 0..3 {
        let answers = answers();
        let known = &answers["GBA_Digest"][case];
        let ue = digest_ue(case);
        let UeKind::Digest(UeDigest { gba, .. }) = &ue.kind else { panic!("GBA_Digest") };
        let mut pair = over_tls(OtherBootstraps { two_g: None, digest: Some(*gba) });
        pair.auc.digest = Some(credential(case));
        let done = pair.run_as(ue).unwrap();
        let challenge =
            Challenge::parse_all(pair.responses[0].header_values("WWW-Authenticate").next().unwrap());
        let challenge = challenge.unwrap().remove(0);
        assert_eq!(challenge.nonce, known["nonce"]);
        assert_eq!(
            (challenge.realm.as_str(), challenge.algorithm.unwrap().as_str()),
            (HOME, known["algorithm"].as_str().unwrap())
        );
        let user_agent = pair.requests[0].header_values("User-Agent").next();
        assert_eq!(user_agent, Some("ksnaf GBA_Digest"));
        assert_eq!(authorization_of(&pair.requests[1]).response.as_deref(), known["response"].as_str());
        let association = pair.only_association();
        assert_eq!((association.gba_type, association.gba_mode), (GbaType::Digest, GbaMode::Me));
        assert_eq!(association.b_tid.as_str(), known["B_TID"]);
        assert_eq!(crate::hex::encode(association.ks.danger_expose()), known["Ks"]);
        let derived = done.derived.unwrap();
        assert_eq!((derived.gba_type, &derived.ks), (GbaType::Digest, &association.ks));
        assert_eq!(derived.nonce, association.rand.0);
        let key = digest_mode::ks_naf(&derived.ks, &derived.nonce, &impi(), &naf());
        assert_eq!(crate::hex::encode(key.danger_expose()), known["Ks_NAF"]);
        assert!(done.b_tid_as_specified);
        assert_eq!(pair.auc.asked, [], "no vector is spent");
    }
}

#[test]
fn each_is_refused_unless_it_is_switched_on() {
    let mut pair = over_tls(OtherBootstraps::default());
    pair.auc.card = CardAka::Gsm;
    pair.auc.digest = Some(credential(0));
    assert_eq!(pair.run_as(sim_ue()), Err(UeError::Refused { status: 403 }));
    assert_eq!(pair.last_refusal(), Refusal::BootstrapOff(GbaType::TwoG));
    assert_eq!(pair.run_as(digest_ue(0)), Err(UeError::Refused { status: 403 }));
    assert_eq!(pair.last_refusal(), Refusal::BootstrapOff(GbaType::Digest));
    assert!(pair.store.associations.is_empty());
}

#[test]
fn each_is_refused_outside_tls_and_looks_like_any_other_refusal() {
    let refused = |mut pair: Pair, ue| {
        pair.transport = Transport::Plain;
        assert_eq!(pair.run_as(ue), Err(UeError::Refused { status: 403 }));
        (pair.last_refusal(), pair.responses.pop().unwrap())
    };
    let (two_g, first) = refused(sim_pair(), sim_ue());
    let (digest, second) = refused(digest_pair(), digest_ue(0));
    assert_eq!(two_g, Refusal::NeedsTls(GbaType::TwoG));
    assert_eq!(digest, Refusal::NeedsTls(GbaType::Digest));
    let mut unknown = over_tls(both());
    unknown.auc.failure = Some(VectorError::UnknownSubscriber);
    assert_eq!(unknown.run_as(sim_ue()), Err(UeError::Refused { status: 403 }));
    assert_eq!(&first, unknown.responses.last().unwrap());
    assert_eq!(first, second);
}

#[test]
fn an_answer_that_comes_without_tls_or_after_a_change_of_mind_earns_nothing() {
    for (mut pair, ue) in [(sim_pair(), sim_ue()), (digest_pair(), digest_ue(0))] {
        let answer = answer_of(&mut pair, ue);
        assert_eq!(pair.ask_over(&answer, Transport::Plain).status, 403);
        assert!(matches!(pair.last_refusal(), Refusal::NeedsTls(_)));
        let off = OtherBootstraps::default();
        let bsf = Bsf::new(BsfConfig { others: off, any_first_realm: true, ..bsf_config() }, sealing_keys(1));
        let on = std::mem::replace(&mut pair.bsf, bsf);
        let status = pair.ask(&answer).status;
        assert!(matches!(status, 400 | 403), "{status}: {:?}", pair.last_refusal());
        assert!(pair.store.associations.is_empty());
        pair.bsf = on;
        assert_eq!(pair.ask(&answer).status, 200);
        assert_eq!(pair.ask(&answer).status, 403);
        assert_eq!(pair.last_refusal(), Refusal::Replay);
    }
}

/// A UE's answer to the challenge it got, not sent.
fn answer_of(pair: &mut Pair, ue: UeConfig) -> UbRequest {
    let mut answer = None;
    let _ = pair.run_through(
        ue,
        |leg, request| {
            if leg == 1 {
                answer = Some(request.clone());
                request.method = "NOT SENT".to_owned();
            }
        },
        |_, _| {},
    );
    answer.unwrap()
}

#[test]
fn a_usim_is_never_bid_down_whatever_the_ue_says() {
    let mut pair = over_tls(both());
    assert_eq!(pair.run_as(sim_ue()), Err(UeError::OtherBootstrap), "the network sends AUTN");
    assert_eq!(pair.run().unwrap().derived, None);
    assert_eq!(pair.only_association().gba_type, GbaType::ThreeG);
    let mut sim = sim_pair();
    assert_eq!(sim.run(), Err(UeError::OtherBootstrap), "a UE with a USIM does not answer a 2G challenge");
    assert_eq!(sim.card.asked, 0);
}

#[test]
fn a_bootstrap_that_somebody_relays_over_another_connection_fails() {
    let mut pair = digest_pair();
    pair.bsf_exports[0] ^= 1;
    assert_eq!(pair.run_as(digest_ue(0)), Err(UeError::Refused { status: 403 }));
    assert_eq!(pair.last_refusal(), Refusal::Response(Suspect::Res));
    assert!(pair.store.associations.is_empty());
}

#[test]
fn wrong_secrets_are_refused() {
    let mut pair = digest_pair();
    let mut ue = digest_ue(0);
    let UeKind::Digest(digest) = &mut ue.kind else { panic!("GBA_Digest") };
    digest.ha1 = SecretBytes::from(vec![0; 16]);
    assert_eq!(pair.run_as(ue), Err(UeError::Refused { status: 403 }));
    assert_eq!(pair.last_refusal(), Refusal::Response(Suspect::Res));

    let other_layout = TwoGGba::unconfirmed(Layout::NoLengths);
    let ue = UeConfig { kind: UeKind::TwoG(other_layout), ..ue_config() };
    assert_eq!(sim_pair().run_as(ue), Err(UeError::Refused { status: 403 }));
}

#[test]
fn a_subscriber_without_a_usable_credential_gets_no_challenge() {
    let mut pair = over_tls(both());
    assert_eq!(pair.run_as(digest_ue(0)), Err(UeError::Refused { status: 403 }));
    assert_eq!(pair.last_refusal(), Refusal::NotAllowed);
    for (algorithm, octets) in [("MD5-sess", 16), ("SHA-512", 64), ("MD5", 32), ("SHA-256", 16)] {
        let ha1 = SecretBytes::from(vec![1; octets]);
        let algorithm = algorithm.to_owned();
        pair.auc.digest = Some(DigestCredential { algorithm, ha1, ..credential(0) });
        assert_eq!(
            pair.run_as(digest_ue(0)),
            Err(UeError::Unavailable { retry_after: Some(Duration::from_secs(5)) })
        );
        assert_eq!(pair.last_refusal(), Refusal::NoVector);
    }
}

#[test]
fn a_credential_that_changes_between_the_legs_earns_nothing() {
    let changes: [fn(&mut DigestCredential); 3] = [
        |credential| credential.realm = "home2.net".to_owned(),
        |credential| *credential = self::credential(1),
        |credential| credential.ha1 = SecretBytes::from(vec![9; 16]),
    ];
    for change in changes {
        let mut pair = digest_pair();
        let answer = answer_of(&mut pair, digest_ue(0));
        change(pair.auc.digest.as_mut().unwrap());
        assert_eq!(pair.ask(&answer).status, 403);
        assert!(matches!(pair.last_refusal(), Refusal::Response(_)));
        pair.auc.failure = Some(VectorError::Unavailable);
        assert_eq!(pair.ask(&answer).status, 503);
    }
}

#[test]
fn a_late_answer_gets_another_challenge_and_a_wrong_one_may() {
    for (mut pair, ue) in [(sim_pair(), sim_ue()), (digest_pair(), digest_ue(0))] {
        let answer = answer_of(&mut pair, ue);
        pair.now += Duration::from_secs(60);
        let response = pair.ask(&answer);
        assert_eq!(response.status, 401);
        assert!(response.header_values("WWW-Authenticate").next().unwrap().contains("stale=true"));
        assert!(matches!(pair.outcomes.last(), Some(Outcome::Challenged { cause: Cause::Stale, .. })));
    }
    let mut pair = digest_pair();
    pair.bsf = Bsf::new(BsfConfig { others: both(), retries: 1, ..bsf_config() }, sealing_keys(1));
    let mut wrong = answer_of(&mut pair, digest_ue(0));
    rewrite(&mut wrong, |authorization| authorization.cnonce = Some("x".to_owned()));
    assert_eq!(pair.ask(&wrong).status, 401);
    assert!(matches!(pair.outcomes.last(), Some(Outcome::Challenged { cause: Cause::WrongResponse(_), .. })));
}

#[test]
fn an_answer_to_a_forgotten_challenge_gets_one_of_its_kind() {
    for (mut pair, ue, algorithm) in
        [(sim_pair(), sim_ue(), "AKAv1-MD5"), (digest_pair(), digest_ue(0), "MD5")]
    {
        let answer = answer_of(&mut pair, ue);
        pair.bsf = Bsf::new(BsfConfig { others: both(), ..bsf_config() }, sealing_keys(9));
        let response = pair.ask(&answer);
        let challenge = Challenge::parse_all(response.header_values("WWW-Authenticate").next().unwrap());
        assert_eq!(challenge.unwrap()[0].algorithm, Some(Algorithm::parse(algorithm)));
    }
}

#[test]
fn auts_an_empty_response_and_another_algorithm_have_no_place() {
    for (mut pair, ue) in [(sim_pair(), sim_ue()), (digest_pair(), digest_ue(0))] {
        let answer = answer_of(&mut pair, ue);
        let mut refused = |change: fn(&mut crate::digest::Authorization)| {
            let mut request = answer.clone();
            rewrite(&mut request, change);
            let status = pair.ask(&request).status;
            (status, pair.last_refusal())
        };
        let auts = refused(|authorization| authorization.auts = Some("uoU/PBI8z0TpNZbjVcY=".to_owned()));
        assert_eq!(auts, (400, Refusal::AutsWithoutChallenge));
        let empty = refused(|authorization| authorization.response = Some(String::new()));
        assert_eq!(empty, (403, Refusal::NoResponse));
        let algorithm = refused(|authorization| authorization.algorithm = Some(Algorithm::Sha256));
        assert_eq!(algorithm, (400, Refusal::Algorithm));
        let realm = refused(|authorization| authorization.realm = "elsewhere.example".to_owned());
        assert_eq!(realm, (400, Refusal::Realm));
        let username = refused(|authorization| authorization.username = "a@b".to_owned());
        assert_eq!(username, (400, Refusal::UsernameChanged));
    }
}

#[test]
fn a_temporary_identity_has_no_place_in_gba_digest() {
    let mut pair = digest_pair();
    let (mut request, _) = UeBootstrap::start(digest_ue(0));
    rewrite(&mut request, |a| a.username = format!("{:032}@{}", 1, Tmpi::DOMAIN));
    assert_eq!(pair.ask(&request).status, 404);
    assert_eq!(pair.last_refusal(), Refusal::UnknownTmpi);
}

#[test]
fn a_ue_answers_no_realm_but_its_own() {
    let mut pair = digest_pair();
    pair.auc.digest.as_mut().unwrap().realm = "home2.net".to_owned();
    assert_eq!(pair.run_as(digest_ue(0)), Err(UeError::Realm));
    let elsewhere = Some(Fqdn::parse("bsf2.example").unwrap());
    assert_eq!(sim_pair().run_as(UeConfig { expected_realm: elsewhere, ..sim_ue() }), Err(UeError::Realm));
}

#[test]
fn nothing_of_an_answer_is_believed_before_the_bsf_has_proven_itself() {
    for (make, ue) in [(sim_pair as fn() -> Pair, sim_ue()), (digest_pair, digest_ue(0))] {
        let mut pair = make();
        pair.run_as(ue.clone()).unwrap();
        for end in 0..pair.responses[1].body.len() {
            let cut = make().run_through(
                ue.clone(),
                |_, _| {},
                |leg, response| {
                    if leg == 1 {
                        response.body.truncate(end);
                    }
                },
            );
            assert_eq!(cut, Err(UeError::BsfAuthentication), "{end}");
        }
    }
}

#[test]
fn every_cut_of_every_request_and_challenge_is_survived() {
    for (make, ue) in [(sim_pair as fn() -> Pair, sim_ue()), (digest_pair, digest_ue(0))] {
        let mut pair = make();
        pair.run_as(ue.clone()).unwrap();
        for request in pair.requests.clone() {
            let text = request.header_values("Authorization").next().unwrap().to_owned();
            let response_ends = text.find("response=\"").unwrap() + "response=\"".len() + 32;
            for end in 0..text.len() {
                let mut cut = request.clone();
                *header_mut(&mut cut.headers, "Authorization") = text[..end].to_owned();
                let step = pair.bsf.handle(&cut, Transport::Tls, pair.now);
                assert!(end > response_ends || !matches!(step, UbStep::Establish(..)), "{end}: {step:?}");
            }
        }
        let challenge = pair.responses[0].header_values("WWW-Authenticate").next().unwrap().to_owned();
        for end in 0..challenge.len() {
            let mut pair = make();
            let _ = pair.run_through(
                ue.clone(),
                |_, _| {},
                |leg, response| {
                    if leg == 0 {
                        *header_mut(&mut response.headers, "WWW-Authenticate") = challenge[..end].to_owned();
                    }
                },
            );
        }
    }
}

#[test]
fn nothing_that_prints_shows_a_key_or_a_subscriber() {
    let mut pair = digest_pair();
    let (first, next) = UeBootstrap::start(digest_ue(0));
    let mut printed = vec![format!("{first:?} {next:?} {:?}", pair.bsf)];
    printed.push(format!("{:?}", pair.bsf.handle(&first, Transport::Tls, pair.now)));
    let challenge = pair.ask(&first);
    let step = next.resume(&challenge, pair.now);
    printed.push(format!("{step:?}"));
    let answer = answer_of(&mut pair, digest_ue(0));
    printed.push(format!("{:?}", pair.bsf.handle(&answer, Transport::Tls, pair.now)));
    let done = pair.run_as(digest_ue(0)).unwrap();
    printed.push(format!("{done:?} {:?}", pair.outcomes));
    let printed = printed.join("\n").to_lowercase();
    let known = &answers()["GBA_Digest"][0];
    for secret in ["HA1", "passwd", "Ks"] {
        assert!(!printed.contains(known[secret].as_str().unwrap()), "{secret}");
    }
    assert!(!printed.contains("001010123456789"), "{printed}");
}
