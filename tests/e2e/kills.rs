//! SIGKILL under load: what was acknowledged is there after the restart, and no sequence number comes twice.

use crate::api::NAF;
use crate::device::{Device, Done};
use crate::lab::{BSF, fqdn};
use crate::people::Person;
use crate::program::{Place, Running};
use ksnaf_proto::aka::{Autn, Rand};
use ksnaf_proto::gba::{BTid, GbaMode, NafId, UaSecurityProtocolId};
use ksnaf_proto::hex;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;

const ROUNDS: u64 = 4;

/// Each with devices of its own, one after the other.
const WORKERS: usize = 3;
const DEVICES: usize = 8;

/// A device and what it knows of its last bootstraps.
struct Known {
    device: Device,
    acknowledged: Option<Done>,
    /// It has begun another one and got no answer.
    in_flight: bool,
}

/// Bootstraps with one device after the other until the program is gone.
async fn bootstrap_until_the_end(mut devices: Vec<Known>, ub: SocketAddr) -> (Vec<Known>, usize) {
    let mut count = 0;
    for at in (0..DEVICES).cycle() {
        let known = &mut devices[at];
        known.in_flight = true;
        match known.device.bootstrap(ub).await {
            Ok(done) => {
                known.acknowledged = Some(done);
                known.in_flight = false;
                count += 1;
            }
            Err(_) => break,
        }
    }
    (devices, count)
}

/// The network side's key is the device's.
async fn check(lab: &Running, known: &Known) {
    let Some(done) = &known.acknowledged else { return };
    let answer = lab.api().network_side(done.b_tid.as_str(), "raw").await;
    if known.in_flight && answer.status == 404 {
        // The one that was under way took its place just before the end.
        let (rand, _) = known.device.seen.last().expect("a challenge");
        let successor = BTid::new(rand, &fqdn(BSF));
        lab.api().network_side(successor.as_str(), "raw").await.ok();
        return;
    }
    let naf_id = NafId::new(fqdn(NAF), UaSecurityProtocolId::HTTP_DIGEST);
    let key = done.ks_naf(&known.device.person, &naf_id);
    assert_eq!(answer.ok()["key"], hex::encode(key.danger_expose()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_every_acknowledged_bootstrap_works_and_no_sequence_number_was_used_twice() {
    let place = Place::of(&Person::new(GbaMode::U));
    let people: Vec<Person> = (0..WORKERS * DEVICES).map(|_| Person::new(GbaMode::Me)).collect();
    let lines: Vec<String> = people.iter().map(Person::csv).collect();
    let csv = place.file("people.csv", &format!("imsi,k,opc,uicc\n{}\n", lines.join("\n")));
    place.run(&["subscriber", "import", csv.to_str().unwrap()]).ok();
    let known = |person: Person| {
        person.watch(&mut place.watch());
        Known { device: Device::new(person), acknowledged: None, in_flight: false }
    };
    let mut all: Vec<Known> = people.into_iter().map(known).collect();
    let mut total = 0;
    for round in 0..ROUNDS {
        let mut lab = place.lab(&[]);
        let ub = lab.address("ub");
        let mut workers = JoinSet::new();
        while !all.is_empty() {
            workers.spawn(bootstrap_until_the_end(all.split_off(all.len() - DEVICES), ub));
        }
        tokio::time::sleep(Duration::from_millis(300 + 70 * round)).await;
        lab.signal(Signal::KILL);
        assert!(!lab.wait().0.success());
        for (devices, count) in workers.join_all().await {
            all.extend(devices);
            total += count;
        }
        let lab = place.lab(&[]);
        for known in &all {
            check(&lab, known).await;
            if let Some(done) = &known.acknowledged {
                place.saw(&known.device.person, done.b_tid.as_str());
            }
        }
        lab.stop();
    }
    assert!(total > WORKERS * DEVICES, "a load of {total} bootstraps");
    for Known { device, .. } in &all {
        let sqn = |(rand, autn): &(Rand, Autn)| device.person.sqn_of(rand, autn).value();
        let numbers: BTreeSet<u64> = device.seen.iter().map(sqn).collect();
        assert_eq!(numbers.len(), device.seen.len(), "a sequence number came twice");
    }
    place.finish();
}
