//! A UE in Python that shares no code with this project, against the program: Ub's scenarios, malformed requests, and
//! the network side's keys for what it bootstrapped.

use crate::people::Person;
use crate::program::Place;
use crate::python;
use ksnaf_proto::gba::GbaMode;
use std::ffi::OsStr;
use std::path::Path;

/// Dead soon, so that the witness can wait for it.
const CHALLENGE_LIFETIME: f64 = 2.0;

fn witness(module: &str, ready: &Path, subscribers: &Path, further: &[(&str, &OsStr)]) {
    let environment = [("KSNAF_READY", ready.as_os_str()), ("KSNAF_SUBSCRIBERS", subscribers.as_os_str())];
    let ran = python::unittest(module, &[&environment, further].concat());
    assert!(ran.succeeded, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.trim_end().ends_with("OK"), "nothing is skipped: {}", ran.stderr);
}

#[test]
fn the_witness_bootstraps_with_every_kind_of_subscriber_and_gets_the_keys_it_computes() {
    let place = Place::of(&Person::new(GbaMode::U));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/subscribers.csv");
    place.run(&["subscriber", "import", file.to_str().unwrap()]).ok();
    let lab = place.lab(&[
        &format!("--set=bsf.challenge_lifetime={CHALLENGE_LIFETIME}s"),
        "--set=naf.0.fqdn=naf.lab.example",
        "--set=naf.0.ua_protocols=[\"*\"]",
        "--set=naf.0.principals=[\"lab\"]",
    ]);
    let ready = place.file("ready-for-the-witness.json", &lab.addresses.to_string());
    witness("test_bootstrap", &ready, &file, &[]);
    let subscribers = std::fs::read_to_string(&file).unwrap();
    let one: Vec<&str> = subscribers.lines().take(2).collect();
    let one = place.file("one-subscriber.csv", &(one.join("\n") + "\n"));
    let waits = (CHALLENGE_LIFETIME + 0.1).to_string();
    let patience = [("KSNAF_CHALLENGE_LIFETIME", waits.as_ref())];
    witness("test_bootstrap.Scenarios.test_expired_nonce", &ready, &one, &patience);
    lab.stop();
    for line in subscribers.lines().skip(1) {
        for field in line.split(',').skip(1).take(5).filter(|field| field.len() >= 32) {
            place.watch().secret("a key of the witness", ksnaf_proto::hex::decode(field).unwrap());
        }
        place.watch().identity(line.split(',').next().unwrap());
    }
    place.finish();
}
