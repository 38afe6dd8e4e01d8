//! Nhss and Nudm over HTTP: versions, TLS, tokens, redirections, connections that end, and how long settings last.

use crate::certificates::Ca;
use crate::device::Device;
use crate::front::{Front, Speaks};
use crate::hss::{Network, guss, setup};
use crate::lab::{Lab, Setup, seconds};
use crate::people::{Person, random};
use crate::wire::{Wire, first_request};
use http::Version;
use ksnaf::config::{OauthClientConfig, ZhHttp, ZhSource};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::gba::guss::Guss;
use ksnaf_proto::hex;
use ksnaf_sim_hss::Faults;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// An HSS with something before it.
struct Before {
    person: Person,
    others: Vec<Person>,
    source: ZhSource,
    network: Network,
    front: Front,
}

impl Before {
    async fn new(source: ZhSource, speaks: Speaks) -> Self {
        let person = Person::new(GbaMode::Me);
        let others: Vec<_> = (0..8).map(|_| Person::new(GbaMode::Me)).collect();
        let people: Vec<_> = others.iter().chain([&person]).cloned().collect();
        let network = Network::start(source, &people, Faults::default()).await;
        let Network::Hss(hss) = &network else { panic!("an HSS") };
        let front = Front::start(hss.addresses().sbi.unwrap(), speaks).await;
        Self { person, others, source, network, front }
    }

    fn setup(&self) -> Setup {
        let setup = setup(self.source, &self.network, &self.person).without_card();
        let url = self.front.url();
        let setup = setup.config(|config| config.zh.base_url = url.parse().ok());
        Setup { others: self.others.clone(), ..setup }
    }

    fn device(&self) -> Device {
        Device::new(self.person.clone())
    }

    async fn finish(self, lab: Lab) {
        lab.finish().await;
        self.front.stop().await;
        self.network.stop().await;
    }
}

async fn first_status(lab: &Lab, person: &Person) -> u16 {
    Wire::to(lab.ub()).await.exchange(first_request(person.impi.as_str(), "")).await.status
}

#[tokio::test]
async fn one_connection_of_http2_carries_the_requests_of_all_subscribers() {
    for source in [ZhSource::Nhss, ZhSource::Nudm] {
        let before = Before::new(source, Speaks::Both).await;
        let lab = before.setup().start().await;
        let all = before.others.iter().map(|other| {
            let (mut device, ub) = (Device::new(other.clone()), lab.ub());
            tokio::spawn(async move { device.bootstrap(ub).await.map(|_| ()) })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.unwrap().unwrap();
        }
        assert_eq!(before.front.accepted(), 1);
        assert!(before.front.seen().iter().all(|seen| seen.version == Version::HTTP_2));
        before.finish(lab).await;
    }
}

#[tokio::test]
async fn a_peer_that_speaks_http1_only_gets_it_and_so_does_one_for_which_it_is_configured() {
    for (speaks, http) in [(Speaks::Http1, ZhHttp::Two), (Speaks::Both, ZhHttp::OneOne)] {
        let before = Before::new(ZhSource::Nhss, speaks).await;
        let lab = before.setup().config(|config| config.zh.http = http).start().await;
        for _ in 0..2 {
            before.device().bootstrap(lab.ub()).await.unwrap();
        }
        let seen = before.front.seen();
        assert!(seen.len() >= 3 && seen.iter().all(|seen| seen.version == Version::HTTP_11), "{seen:?}");
        before.finish(lab).await;
    }
}

#[tokio::test]
async fn over_tls_both_ends_show_certificates_and_alpn_chooses_the_version() {
    let protocols: [(&'static [&'static [u8]], Version); 3] = [
        (&[b"h2", b"http/1.1"], Version::HTTP_2),
        (&[b"http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ];
    for (offered, version) in protocols {
        let ca = Arc::new(Ca::new());
        let before = Before::new(ZhSource::Nhss, Speaks::Tls(Arc::clone(&ca), offered)).await;
        let client = ca.client("bsf.example");
        let lab = before.setup().config(|config| {
            config.zh.ca = Some(ca.file());
            config.zh.tls_certificate = Some(client.certificate.clone());
            config.zh.tls_key = Some(client.key.clone());
        });
        let lab = lab.start().await;
        before.device().bootstrap(lab.ub()).await.unwrap();
        assert!(before.front.seen().iter().all(|seen| seen.version == version), "{offered:?}");
        before.finish(lab).await;
    }
}

#[tokio::test]
async fn a_peer_whose_certificate_is_not_trusted_gives_no_vector() {
    let (ca, other) = (Arc::new(Ca::new()), Ca::new());
    let before = Before::new(ZhSource::Nhss, Speaks::Tls(Arc::clone(&ca), &[b"h2"])).await;
    for trusted in [other.file(), ca.file()] {
        // The second one fails for want of the client's own certificate.
        let lab = before.setup().config(|config| config.zh.ca = Some(trusted)).start().await;
        assert_eq!(first_status(&lab, &before.person).await, 503);
        assert!(before.front.seen().is_empty());
        lab.finish().await;
    }
    before.front.stop().await;
    before.network.stop().await;
}

#[tokio::test]
async fn access_tokens_are_fetched_once_a_scope_and_again_when_one_is_refused() {
    let before = Before::new(ZhSource::Nhss, Speaks::Both).await;
    let folder = crate::lab::folder();
    let (file, secret) = (folder.path().join("secret"), hex::encode(&random::<16>()));
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    before.front.rules().client = Some(format!("bsf-1:{secret}"));
    let oauth = OauthClientConfig {
        token_url: format!("{}/oauth2/token", before.front.url()).parse().ok(),
        client_id: "bsf-1".to_owned(),
        secret_file: Some(file.clone()),
        scope: None,
    };
    let lab = before.setup().config(|config| config.zh.oauth = Some(oauth.clone())).start().await;
    lab.secret("the client's secret", &secret);
    for _ in 0..2 {
        before.device().bootstrap(lab.ub()).await.unwrap();
    }
    assert_eq!(before.front.count("token"), 2, "one for vectors, one for settings");
    let given = before.front.tokens();
    before.front.revoke_tokens();
    before.device().bootstrap(lab.ub()).await.unwrap();
    assert_eq!(before.front.count("token"), 3, "settings are kept, so their token was not missed");
    for token in given.iter().chain(&before.front.tokens()) {
        lab.secret("a token", token);
    }
    lab.finish().await;

    std::fs::write(&file, "not the secret\n").unwrap();
    let lab = before.setup().config(|config| config.zh.oauth = Some(oauth)).start().await;
    assert_eq!(first_status(&lab, &before.person).await, 503);
    before.finish(lab).await;
}

#[tokio::test]
async fn redirections_are_followed_and_loops_end() {
    let before = Before::new(ZhSource::Nhss, Speaks::Both).await;
    let Network::Hss(hss) = &before.network else { panic!("an HSS") };
    let direct = format!("http://{}", hss.addresses().sbi.unwrap());
    before.front.rules().redirect = Some(direct);
    let lab = before.setup().start().await;
    let done = before.device().bootstrap(lab.ub()).await.unwrap();
    assert_eq!(settings_of(&lab, &done).await.uss, guss(&before.person).uss);
    assert_eq!((before.front.count("generate-auth-data"), before.front.count("subscriber-data")), (1, 1));
    let url = before.front.url();
    before.front.rules().redirect = Some(url);
    assert_eq!(first_status(&lab, &before.others[0]).await, 503);
    before.finish(lab).await;
}

async fn settings_of(lab: &Lab, done: &crate::device::Done) -> Guss {
    let association = lab.store().association(&done.b_tid, SystemTime::now()).await.unwrap().unwrap();
    Guss::parse(&association.guss.expect("settings")).unwrap()
}

#[tokio::test]
async fn settings_are_asked_for_once_in_their_lifetime_and_the_last_known_serve_where_none_can_be_had() {
    let before = Before::new(ZhSource::Nhss, Speaks::Both).await;
    let lab = before.setup().start().await;
    for _ in 0..2 {
        before.device().bootstrap(lab.ub()).await.unwrap();
    }
    assert_eq!((before.front.count("generate-auth-data"), before.front.count("subscriber-data")), (2, 1));
    before.front.rules().down = Some("subscriber-data");
    assert_eq!(first_status(&lab, &before.others[0]).await, 503, "nothing is known of this one");
    lab.finish().await;

    let brief = |config: &mut ksnaf::config::Config| {
        config.zh.settings_lifetime = ksnaf::config::Lifetime(Duration::from_nanos(1));
    };
    before.front.rules().down = None;
    let lab = before.setup().config(brief).start().await;
    before.device().bootstrap(lab.ub()).await.unwrap();
    before.front.rules().down = Some("subscriber-data");
    let asked = before.front.count("subscriber-data");
    let done = before.device().bootstrap(lab.ub()).await.unwrap();
    assert_eq!(before.front.count("subscriber-data"), asked + 1, "asked for and not got");
    assert_eq!(settings_of(&lab, &done).await.uss, guss(&before.person).uss);
    before.finish(lab).await;
}

#[tokio::test]
async fn a_connection_that_the_peer_has_closed_costs_no_bootstrap() {
    let before = Before::new(ZhSource::Nhss, Speaks::Both).await;
    let lab = before.setup().start().await;
    for round in 1..=3 {
        before.device().bootstrap(lab.ub()).await.unwrap();
        assert_eq!(before.front.accepted(), round);
        before.front.hang_up();
    }
    before.finish(lab).await;
}

#[tokio::test]
async fn nonsense_and_silence_about_one_subscriber_do_not_concern_the_others() {
    let before = Before::new(ZhSource::Nhss, Speaks::Both).await;
    {
        let mut rules = before.front.rules();
        rules.nonsense_for = Some(before.others[0].imsi.as_str().to_owned());
        rules.silence_for = Some(before.others[1].imsi.as_str().to_owned());
    }
    let lab = before.setup().config(|config| config.zh.timeout = seconds(500.0));
    let lab = lab.config(|config| config.ub.request_timeout = seconds(600.0)).start().await;
    let mut silent = Wire::to(lab.ub()).await;
    silent.send(first_request(before.others[1].impi.as_str(), "")).await;
    for _ in 0..3 {
        assert_eq!(first_status(&lab, &before.others[0]).await, 503);
        before.device().bootstrap(lab.ub()).await.unwrap();
    }
    assert_eq!(before.front.accepted(), 1, "nonsense is no reason to connect anew");
    assert!(!silent.is_closed_within(Duration::from_millis(1)).await);
    before.finish(lab).await;
}
