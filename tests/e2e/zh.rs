//! Vectors and settings from other machines: the same bootstraps and the same failures over every protocol.

use crate::device::{Device, exchange};
use crate::hss::{LIFETIME, Network, SERVICE, SOURCES, guss, name_of, setup};
use crate::lab::{BSF, Lab, Setup, fqdn, seconds};
use crate::people::{Person, random};
use crate::wire::{Wire, first_request};
use ksnaf::config::{DiameterPeerConfig, ZhSource};
use ksnaf::store::Subscriber;
use ksnaf_proto::aka::Auts;
use ksnaf_proto::aka::sqn::SqnFormat;
use ksnaf_proto::gba::guss::Guss;
use ksnaf_proto::gba::{BTid, GbaMode};
use ksnaf_proto::ub::{CardOutcome, Cnonce, UbResponse, UeBootstrap, UeConfig, UeKind, UeStep};
use ksnaf_sim_hss::Faults;
use std::slice::from_ref;
use std::time::{Duration, SystemTime};

/// A count of `ksnaf_zh_requests_total`.
async fn counted(lab: &Lab, source: ZhSource, outcome: &str) -> u64 {
    let start = format!("ksnaf_zh_requests_total{{source=\"{}\",outcome=\"{outcome}\"}} ", name_of(source));
    let text = lab.api().metrics().await;
    text.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |count| count.parse().unwrap())
}

/// The settings that an association has.
async fn settings_of(lab: &Lab, b_tid: &str) -> Guss {
    let b_tid = BTid::parse(b_tid).unwrap();
    let association = lab.store().association(&b_tid, SystemTime::now()).await.unwrap().unwrap();
    let left = association.expires_at.duration_since(association.created_at).unwrap();
    assert!(
        left.abs_diff(LIFETIME) < Duration::from_secs(2),
        "the settings' lifetime, in whole seconds: {left:?}"
    );
    Guss::parse(&association.guss.expect("settings")).unwrap()
}

async fn bootstraps_over(source: ZhSource, mode: GbaMode) {
    let person = Person::new(mode);
    let network = Network::start(source, from_ref(&person), Faults::default()).await;
    let lab = setup(source, &network, &person).start().await;
    let device = lab.api().device_side("raw").await.ok();
    let b_tid = device["b_tid"].as_str().unwrap();
    assert_eq!(lab.api().network_side(b_tid, "raw").await.ok(), device);
    assert_eq!(device["gba_mode"], if mode == GbaMode::U { "GBA_U" } else { "GBA_ME" });
    assert_eq!(settings_of(&lab, b_tid).await.uss, guss(&person).uss);
    // Settings that have not changed are as good the second time.
    let second = lab.api().b_tid(true).await;
    assert_ne!(second, b_tid);
    assert_eq!(settings_of(&lab, &second).await.uss[0].gs_id, SERVICE);
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "resynchronised").await, 0, "SQN moves on");

    lab.reader().misbehave(|faults| faults.force_resync = 1);
    let third = lab.api().b_tid(true).await;
    let device = lab.api().device_side("raw").await.ok();
    assert_eq!(device["b_tid"].as_str().unwrap(), third);
    assert_eq!(lab.api().network_side(&third, "raw").await.ok(), device);
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "resynchronised").await, 1);
    assert!(counted(&lab, source, "vector").await >= 2, "{}", lab.api().metrics().await);
    lab.finish().await;
    network.stop().await;
}

#[tokio::test]
async fn cards_bootstrap_and_resynchronise_over_zh_by_diameter() {
    bootstraps_over(ZhSource::Diameter, GbaMode::U).await;
    bootstraps_over(ZhSource::Diameter, GbaMode::Me).await;
}

#[tokio::test]
async fn cards_bootstrap_and_resynchronise_over_nhss() {
    bootstraps_over(ZhSource::Nhss, GbaMode::U).await;
    bootstraps_over(ZhSource::Nhss, GbaMode::Me).await;
}

#[tokio::test]
async fn cards_bootstrap_and_resynchronise_over_nudm() {
    bootstraps_over(ZhSource::Nudm, GbaMode::U).await;
    bootstraps_over(ZhSource::Nudm, GbaMode::Me).await;
}

#[tokio::test]
async fn cards_bootstrap_and_resynchronise_over_cx() {
    bootstraps_over(ZhSource::Cx, GbaMode::U).await;
    bootstraps_over(ZhSource::Cx, GbaMode::Me).await;
}

#[tokio::test]
async fn cards_bootstrap_and_resynchronise_over_gsup() {
    bootstraps_over(ZhSource::Gsup, GbaMode::U).await;
    bootstraps_over(ZhSource::Gsup, GbaMode::Me).await;
}

#[tokio::test]
async fn a_subscriber_without_local_settings_bootstraps_by_the_defaults() {
    for source in [ZhSource::Nudm, ZhSource::Cx, ZhSource::Gsup] {
        let person = Person::new(GbaMode::Me);
        let network = Network::start(source, from_ref(&person), Faults::default()).await;
        let lab = setup(source, &network, &person).local(|_| None).start().await;
        let done = Device::new(person).bootstrap(lab.ub()).await.unwrap();
        let association = lab.store().association(&done.b_tid, SystemTime::now()).await.unwrap().unwrap();
        assert_eq!((association.gba_mode, association.guss.as_ref()), (GbaMode::Me, None));
        lab.finish().await;
        network.stop().await;
    }
}

#[tokio::test]
async fn the_built_in_centre_makes_no_vector_for_settings_alone() {
    let person = Person::new(GbaMode::Me);
    let without_key = |person: &Person| Some(Subscriber { key: None, ..person.subscriber() });
    let lab = Setup::of(person.clone()).without_card().local(without_key).start().await;
    assert_eq!(first_status(&lab, person.impi.as_str()).await, 403);
    lab.finish().await;
}

#[tokio::test]
async fn one_hss_answer_late_wrong_or_missing_never_stalls_other_subscribers() {
    for source in SOURCES {
        let (victim, other) = (Person::new(GbaMode::Me), Person::new(GbaMode::Me));
        let mut faults = Faults::default();
        faults.slow_for.insert(victim.imsi.clone(), Duration::from_secs(3600));
        let people = [victim.clone(), other.clone()];
        let network = Network::start(source, &people, faults).await;
        if let Network::Hlr(hlr) = &network {
            hlr.misbehave(&victim.imsi, Some(crate::hlr::Fault::Silence));
        }
        let setup = setup(source, &network, &other).without_card().config(|config| {
            // Fewer places than the victim has requests, and no bound that would end the wait within the test.
            config.zh.max_requests = 2;
            config.zh.timeout = seconds(500.0);
            config.ub.request_timeout = seconds(600.0);
        });
        let lab = Setup { others: vec![victim.clone()], ..setup }.start().await;
        let mut waiting = Vec::new();
        for _ in 0..6 {
            let mut wire = Wire::to(lab.ub()).await;
            wire.send(first_request(victim.impi.as_str(), "")).await;
            waiting.push(wire);
        }
        let mut device = Device::new(other);
        for _ in 0..3 {
            device.bootstrap(lab.ub()).await.unwrap_or_else(|error| panic!("{source:?}: {error}"));
        }
        for mut wire in waiting {
            assert!(
                !wire.is_closed_within(Duration::from_millis(1)).await,
                "{source:?}: the victim still waits"
            );
        }
        lab.finish().await;
        network.stop().await;
    }
}

#[tokio::test]
async fn an_hss_that_is_late_broken_or_talks_nonsense_is_a_503_and_others_say_why() {
    let short = |faults: &str| faults.parse::<Faults>().unwrap();
    for source in [ZhSource::Diameter, ZhSource::Nhss, ZhSource::Nudm, ZhSource::Cx] {
        let refusal =
            if matches!(source, ZhSource::Nhss | ZhSource::Nudm) { "error=503" } else { "error=3004" };
        for fault in ["drop", "garbage", "truncate", "other-subscriber", "garbage-mandatory", refusal] {
            // JSON knows neither mandatory members nor, from a UDM, whose vector it is.
            let harmless = matches!(
                (source, fault),
                (ZhSource::Nhss | ZhSource::Nudm, "garbage-mandatory") | (ZhSource::Nudm, "other-subscriber")
            );
            if harmless {
                continue;
            }
            // Another test may have had the same port before.
            let before = crate::leaks::lines().len();
            let (person, other) = (Person::new(GbaMode::Me), Person::new(GbaMode::Me));
            let people = [person.clone(), other];
            let network = Network::start(source, &people, short(fault)).await;
            let setup = setup(source, &network, &person).without_card();
            let lab = setup.config(|config| config.zh.timeout = seconds(1.0)).start().await;
            let answer = first_answer(&lab, person.impi.as_str()).await;
            assert_eq!(answer.status, 503, "{source:?} {fault}");
            assert_eq!(answer.body, b"Try again later.\n");
            let lines = crate::leaks::lines();
            let peer = network.address(source).to_string();
            let told = lines.iter().skip(before);
            let told = told.filter(|line| line.text.contains("no vector") && line.text.contains(&peer));
            let told: Vec<_> = told.map(|line| line.text.as_str()).collect();
            assert!(matches!(told[..], [line] if line.contains("cause=")), "{source:?} {fault}: {told:?}");
            lab.finish().await;
            network.stop().await;
        }
    }
}

#[tokio::test]
async fn an_hss_tells_its_realm_and_may_be_a_listed_peer() {
    for source in [ZhSource::Diameter, ZhSource::Cx] {
        for listed in [false, true] {
            let person = Person::new(GbaMode::U);
            let network = Network::start(source, from_ref(&person), Faults::default()).await;
            let setup = setup(source, &network, &person).config(|config| {
                config.zh.realm = None;
                if listed {
                    let address = config.zh.peer.take().map(|peer| peer.to_string());
                    config.diameter.peer.push(DiameterPeerConfig { address, ..Default::default() });
                }
            });
            let lab = setup.start().await;
            let device = lab.api().device_side("raw").await.ok();
            let network_side = lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok();
            assert_eq!(device["key"], network_side["key"], "{source:?}, listed: {listed}");
            lab.finish().await;
            network.stop().await;
        }
    }
}

#[tokio::test]
async fn a_source_that_is_not_there_is_a_503() {
    for source in SOURCES {
        let person = Person::new(GbaMode::Me);
        let network = Network::start(source, from_ref(&person), Faults::default()).await;
        let setup = setup(source, &network, &person).without_card();
        network.stop().await;
        let lab = setup.config(|config| config.zh.timeout = seconds(2.0)).start().await;
        assert_eq!(first_status(&lab, person.impi.as_str()).await, 503, "{source:?}");
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_ue_cannot_tell_an_unknown_subscriber_from_a_forbidden_one_or_a_refused_auts() {
    for source in SOURCES {
        let (person, stranger) = (Person::new(GbaMode::Me), Person::new(GbaMode::Me));
        let network = Network::start(source, from_ref(&person), Faults::default()).await;
        let lab = setup(source, &network, &person).without_card().start().await;
        let unknown = first_answer(&lab, stranger.impi.as_str()).await;
        let no_imsi = first_answer(&lab, "somebody@ims.example").await;
        let forged = forged_auts(&lab, &person).await;
        assert_eq!((unknown.status, no_imsi.status, forged.status), (403, 403, 403), "{source:?}");
        assert!(no_imsi.body == unknown.body && forged.body == unknown.body, "{source:?}");
        assert_eq!(unknown.body, b"Bootstrapping refused.\n");
        assert_eq!(counted(&lab, source, "unknown").await, 2, "{source:?}");
        assert_eq!(counted(&lab, source, "auts_refused").await, 1, "{source:?}");
        lab.finish().await;
        network.stop().await;

        let code = match source {
            ZhSource::Diameter => "error=5402",
            ZhSource::Cx => "error=10415:5004",
            _ => "error=403",
        };
        let network = Network::start(source, from_ref(&person), code.parse().unwrap()).await;
        if let Network::Hlr(hlr) = &network {
            hlr.misbehave(&person.imsi, Some(crate::hlr::Fault::Cause(0x0b)));
        }
        let lab = setup(source, &network, &person).without_card().start().await;
        let forbidden = first_answer(&lab, person.impi.as_str()).await;
        assert_eq!((forbidden.status, &forbidden.body), (403, &unknown.body), "{source:?}");
        assert_eq!(counted(&lab, source, "not_allowed").await, 1, "{source:?}");
        lab.finish().await;
        network.stop().await;
    }
}

#[tokio::test]
async fn a_standby_hss_takes_over_while_the_first_one_is_away() {
    for source in [ZhSource::Diameter, ZhSource::Cx] {
        let person = Person::new(GbaMode::Me);
        let others: Vec<_> = (0..40).map(|_| Person::new(GbaMode::Me)).collect();
        let people: Vec<_> = others.iter().chain([&person]).cloned().collect();
        let first = Network::start(source, &people, Faults::default()).await;
        // Its sequence numbers begin where no others have been.
        let sqn = SqnFormat::default().join(1000, 0).unwrap();
        let later: Vec<_> = people.into_iter().map(|person| Person { sqn, ..person }).collect();
        let standby = Network::start(source, &later, Faults::default()).await;
        let lab = setup(source, &first, &person).without_card().config(|config| {
            let peer = config.zh.peer.clone();
            standby.be_the_source(source, config);
            config.zh.standby_peer = std::mem::replace(&mut config.zh.peer, peer);
        });
        let lab = lab.start().await;
        let bootstrap = async |device: &mut Device| {
            device.bootstrap(lab.ub()).await.unwrap_or_else(|error| panic!("{source:?}: {error}"));
            let (rand, autn) = device.seen.last().unwrap();
            device.person.sqn_of(rand, autn).value() >> 5
        };
        // Whoever is connected first serves until the first one is.
        let mut served = false;
        for other in others {
            served = bootstrap(&mut Device::new(other)).await < 1000;
            if served {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(served, "{source:?}: the first one is there and not asked");
        let mut device = Device::new(person);
        assert!(bootstrap(&mut device).await < 1000);
        first.stop().await;
        assert!(bootstrap(&mut device).await >= 1000);
        lab.finish().await;
        standby.stop().await;
    }
}

#[tokio::test]
async fn a_challenge_from_before_a_restart_gets_its_settings_after_it() {
    for source in SOURCES {
        let person = Person::new(GbaMode::Me);
        let network = Network::start(source, from_ref(&person), Faults::default()).await;
        let mut lab = setup(source, &network, &person).without_card().start().await;
        let mut device = Device::new(person.clone());
        let begun = device.begin();
        let challenged = device.go_on(lab.ub(), begun).await.unwrap().err().expect("a challenge");
        lab.stop().await;
        lab.start_again().await;
        let finished = device.go_on(lab.ub(), challenged).await;
        let Ok(Ok(done)) = finished else { panic!("{source:?}: {:?}", finished.err()) };
        assert_eq!(settings_of(&lab, done.b_tid.as_str()).await.uss, guss(&person).uss, "{source:?}");
        lab.finish().await;
        network.stop().await;
    }
}

/// The answer to a first request.
async fn first_answer(lab: &Lab, impi: &str) -> crate::wire::Answer {
    Wire::to(lab.ub()).await.exchange(first_request(impi, "")).await
}

async fn first_status(lab: &Lab, impi: &str) -> u16 {
    first_answer(lab, impi).await.status
}

/// The answer to a synchronisation failure that no card has made.
async fn forged_auts(lab: &Lab, person: &Person) -> UbResponse {
    let (request, next) = UeBootstrap::start(UeConfig {
        impi: person.impi.clone(),
        tmpi: None,
        bsf: fqdn(BSF),
        expected_realm: Some(fqdn(BSF)),
        uri: "/".to_owned(),
        user_agent: "e2e".to_owned(),
        tmpi_supported: true,
        accept_auth: false,
        kind: UeKind::Aka,
    });
    let challenge = exchange(lab.ub(), request).await.unwrap();
    let UeStep::AskCard { next, .. } = next.resume(&challenge, SystemTime::now()) else {
        panic!("no challenge")
    };
    let failed = next.resume(CardOutcome::SyncFailure(Auts(random())), Cnonce(random()));
    let UeStep::Send(request, _) = failed else { panic!("no request") };
    exchange(lab.ub(), request).await.unwrap()
}
