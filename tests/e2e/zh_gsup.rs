//! GSUP: vectors in their order, answers that come late, and an HLR that breaks off and comes back.

use crate::device::Device;
use crate::hlr::{Fault, Hlr, VECTORS};
use crate::hss::{Network, setup};
use crate::lab::{Lab, Setup, seconds};
use crate::people::Person;
use crate::wire::{Wire, first_request};
use ksnaf::config::ZhSource;
use ksnaf_proto::gba::GbaMode;
use std::time::{Duration, Instant};

struct Running {
    person: Person,
    other: Person,
    network: Network,
}

impl Running {
    async fn start() -> Self {
        let (person, other) = (Person::new(GbaMode::Me), Person::new(GbaMode::Me));
        let network = Network::Hlr(Hlr::start(&[person.clone(), other.clone()]).await);
        Self { person, other, network }
    }

    fn setup(&self) -> Setup {
        let setup = setup(ZhSource::Gsup, &self.network, &self.person).without_card();
        Setup { others: vec![self.other.clone()], ..setup }
    }

    fn hlr(&self) -> &Hlr {
        let Network::Hlr(hlr) = &self.network else { panic!("an HLR") };
        hlr
    }

    fn requests(&self) -> usize {
        self.hlr().requests().len()
    }
}

async fn first_status(lab: &Lab, person: &Person) -> u16 {
    Wire::to(lab.ub()).await.exchange(first_request(person.impi.as_str(), "")).await.status
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn all_vectors_of_an_answer_are_used_in_their_order() {
    let running = Running::start().await;
    let lab = running.setup().start().await;
    let mut device = Device::new(running.person.clone());
    for _ in 0..VECTORS {
        device.bootstrap(lab.ub()).await.unwrap();
    }
    assert_eq!(running.requests(), 1);
    device.bootstrap(lab.ub()).await.unwrap();
    assert_eq!(running.requests(), 2);
    let seqs: Vec<u64> =
        device.seen.iter().map(|(rand, autn)| device.person.sqn_of(rand, autn).value() >> 5).collect();
    assert_eq!(seqs, (1..=6).collect::<Vec<_>>());
    lab.finish().await;
    running.network.stop().await;
}

#[tokio::test]
async fn vectors_from_before_a_resynchronisation_are_not_used_after_it() {
    let running = Running::start().await;
    let lab = running.setup().start().await;
    let mut device = Device::new(running.person.clone());
    device.bootstrap(lab.ub()).await.unwrap();
    // Four are kept; the card refuses the first of them, as if another network had gone beyond them all.
    device.card.faults_mut().force_resync = 1;
    device.bootstrap(lab.ub()).await.unwrap();
    device.bootstrap(lab.ub()).await.unwrap();
    let asked: Vec<bool> = running.hlr().requests().into_iter().map(|(_, resync)| resync).collect();
    assert_eq!(asked, [false, true], "and those that came with the answer are used");
    lab.finish().await;
    running.network.stop().await;
}

#[tokio::test]
async fn without_keeping_each_bootstrap_asks() {
    let running = Running::start().await;
    let lab = running.setup().config(|config| config.zh.keep_vectors = false).start().await;
    let mut device = Device::new(running.person.clone());
    for _ in 0..2 {
        device.bootstrap(lab.ub()).await.unwrap();
    }
    assert_eq!(running.requests(), 2);
    lab.finish().await;
    running.network.stop().await;
}

#[tokio::test]
async fn wrong_answers_about_one_subscriber_are_a_503_and_the_others_go_on() {
    let running = Running::start().await;
    let lab = running.setup().config(|config| {
        config.zh.timeout = seconds(2.0);
        config.zh.keep_vectors = false;
    });
    let lab = lab.start().await;
    let mut device = Device::new(running.other.clone());
    let faults =
        [Fault::Silence, Fault::Garbage, Fault::Cause(0x11), Fault::Cut, Fault::NoFrame, Fault::Other];
    for fault in faults {
        running.hlr().misbehave(&running.person.imsi, Some(fault));
        assert_eq!(first_status(&lab, &running.person).await, 503, "{fault:?}");
        device.bootstrap(lab.ub()).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
    }
    // Triplets alone: a SIM's, and this BSF does not run 2G GBA.
    running.hlr().misbehave(&running.person.imsi, Some(Fault::Triplets));
    assert_eq!(first_status(&lab, &running.person).await, 403);
    running.hlr().misbehave(&running.person.imsi, None);
    Device::new(running.person.clone()).bootstrap(lab.ub()).await.unwrap();
    lab.finish().await;
    running.network.stop().await;
}

#[tokio::test]
async fn a_late_answer_is_not_taken_for_that_of_a_resynchronisation() {
    let running = Running::start().await;
    let lab = running.setup().config(|config| config.zh.timeout = seconds(3.0)).start().await;
    let mut device = Device::new(running.person.clone());
    // A challenge that the card refuses; then a request that is not answered in time.
    device.card.faults_mut().force_resync = 1;
    let begun = device.begin();
    let failed = device.go_on(lab.ub(), begun).await.unwrap().err().expect("a challenge");
    running.hlr().misbehave(&running.person.imsi, Some(Fault::Held));
    for _ in 1..VECTORS {
        assert_eq!(first_status(&lab, &running.person).await, 401, "vectors that are kept");
    }
    assert_eq!(first_status(&lab, &running.person).await, 503);
    assert_eq!(running.requests(), 2);
    // Its answer comes right before that of the resynchronisation.
    let ub = lab.ub();
    let resync = tokio::spawn(async move { (device.go_on(ub, failed).await, device) });
    until("the request with the AUTS", || running.requests() == 3).await;
    running.hlr().release();
    let (challenged, mut device) = resync.await.unwrap();
    let challenged = challenged.unwrap().err().expect("a challenge");
    running.hlr().misbehave(&running.person.imsi, None);
    assert!(device.go_on(lab.ub(), challenged).await.unwrap().is_ok());
    lab.finish().await;
    running.network.stop().await;
}

#[tokio::test]
async fn an_hlr_that_goes_and_comes_back_is_used_again() {
    let running = Running::start().await;
    let lab = running.setup().config(|config| config.zh.keep_vectors = false).start().await;
    Device::new(running.person.clone()).bootstrap(lab.ub()).await.unwrap();
    let address = running.hlr().address();
    let Running { person, other, network } = running;
    network.stop().await;
    assert_eq!(first_status(&lab, &person).await, 503);
    let hlr = Hlr::start_at(&[person, other.clone()], address).await;
    let end = Instant::now() + Duration::from_secs(20);
    while first_status(&lab, &other).await != 401 {
        assert!(Instant::now() < end, "the HLR is back and not used");
    }
    lab.finish().await;
    hlr.stop().await;
}
