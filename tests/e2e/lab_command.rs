//! `ksnaf lab`: from nothing to an equal key in one command, and the files that tools wait for.

use crate::api::NAF;
use crate::naf::{Peer, Way, query};
use crate::people::Person;
use crate::program::Place;
use ksnaf_proto::gba::GbaMode;
use ksnaf_sim_usim::SimCard;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn the_first_run_makes_everything_and_reports_an_equal_key() {
    let place = Place::empty();
    let report = place.run(&["lab", "--once", "--json"]).json();
    assert_eq!(report["equal"], true);
    assert_eq!(report["device_key_fingerprint"], report["network_key_fingerprint"]);
    assert_eq!(report["device_key_fingerprint"].as_str().unwrap().len(), 8, "no key, only a fingerprint");
    assert_eq!((&report["gba_mode"], &report["naf_fqdn"]), (&"GBA_U".into(), &"naf.lab.example".into()));
    assert!(report["bootstrap_ms"].as_f64().is_some_and(|took| took > 0.0));
    assert!(SimCard::open(&place.card_file()).is_ok());
    let again = place.run(&["lab", "--once", "--json"]).json();
    assert_ne!(again["b_tid"], report["b_tid"], "each run is a bootstrap");
    let told = place.run(&["lab", "--once"]);
    for part in ["GBA_U, card → Ub → BSF in", "B-TID", "Ks_ext_NAF, fingerprint", "equal         yes"] {
        assert!(told.ok().contains(part), "{part:?} is not in: {}", told.stdout);
    }
    place.finish();
}

#[test]
fn gba_me_is_reported_by_its_own_names() {
    let place = Place::empty();
    ksnaf::data_dir::create(&place.data_dir()).unwrap();
    let person = Person::new(GbaMode::Me);
    let mut card = person.personalisation();
    card.gba_u = false;
    drop(SimCard::create(&place.card_file(), card).unwrap());
    let told = place.run(&["lab", "--once"]);
    assert!(told.ok().contains("GBA_ME") && told.stdout.contains("Ks_NAF, fingerprint"), "{}", told.stdout);
    place.finish();
}

#[tokio::test]
async fn the_ready_file_has_the_addresses_in_use_and_is_never_seen_in_part() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let (stop, file) = (Arc::new(AtomicBool::new(false)), place.folder.path().join("ready-0.json"));
    let seen = Arc::clone(&stop);
    let looking = std::thread::spawn(move || {
        let mut looks = 0;
        while !seen.load(Ordering::Relaxed) {
            if let Ok(content) = std::fs::read(&file) {
                let whole: Value = serde_json::from_slice(&content).expect("whole or not at all");
                assert!(whole["ub"].is_string());
                looks += 1;
            }
        }
        looks
    });
    let lab = place.lab(&[]);
    for name in ["ub", "api", "zn_sbi", "zn_diameter"] {
        assert_ne!(lab.address(name).port(), 0, "{name}");
    }
    let token_file = std::path::PathBuf::from(lab.addresses["token_file"].as_str().unwrap());
    assert_eq!(token_file, place.data_dir().join("lab.token"));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&token_file), 0o600);
    assert_eq!(mode(&place.data_dir()), 0o700);
    assert_eq!(mode(&place.card_file()), 0o600);
    let device = lab.api().device_side("raw").await.ok();
    let b_tid = device["b_tid"].as_str().unwrap();
    assert_eq!(lab.api().network_side(b_tid, "raw").await.ok(), device);
    let way = Way { address: lab.address("zn_diameter"), tls: None };
    let naf = Peer::by(way, NAF).await.expect("the lab's NAF, by its own name");
    let answer = ksnaf_proto::zn::diameter::read_answer(&naf.ask(&query(b_tid)).await).unwrap();
    assert_eq!(device["key"].as_str(), Some(&*ksnaf_proto::hex::encode(answer.me_key.danger_expose())));
    assert_eq!(lab.api().get("/v1/associations").await.status, 200, "lab is an admin");
    place.saw(&person, b_tid);
    lab.stop();
    stop.store(true, Ordering::Relaxed);
    assert!(looking.join().unwrap() > 0);
    let run_note = place.data_dir().join("run.json");
    assert!(
        !run_note.exists() && !place.data_dir().join("api.sock").exists(),
        "nothing points to what has ended"
    );
    place.finish();
}

#[tokio::test]
async fn token_card_and_bootstrap_outlive_the_lab() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[]);
    let (before, token) =
        (lab.api().device_side("raw").await.ok(), std::fs::read(place.data_dir().join("lab.token")));
    place.saw(&person, before["b_tid"].as_str().unwrap());
    lab.stop();
    let lab = place.lab(&[]);
    assert_eq!(token.unwrap(), std::fs::read(place.data_dir().join("lab.token")).unwrap());
    assert_eq!(lab.api().device_side("raw").await.ok(), before);
    assert_eq!(lab.api().network_side(before["b_tid"].as_str().unwrap(), "raw").await.ok(), before);
    lab.stop();
    place.finish();
}

#[tokio::test]
async fn a_second_lab_on_the_same_directory_fails_clearly_and_the_first_goes_on() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[]);
    let second = place.run(&["lab", "--once"]);
    second.failed(1, &["is in use by another process"]);
    let third = place.run(&["serve", "--set=ub.listen=127.0.0.1:0", "--set=api.listen=127.0.0.1:0"]);
    third.failed(1, &["is in use by another process"]);
    let device = lab.api().device_side("raw").await.ok();
    place.saw(&person, device["b_tid"].as_str().unwrap());
    assert_eq!(lab.api().network_side(device["b_tid"].as_str().unwrap(), "raw").await.ok(), device);
    assert!(place.data_dir().join("run.json").exists(), "the first one's note is still there");
    lab.stop();
    place.finish();
}

#[test]
fn a_lab_takes_its_configuration_from_file_environment_and_options() {
    let place = Place::of(&Person::new(GbaMode::U));
    let file = place.file(
        "lab.toml",
        "[bsf]\nfqdn = \"bsf.lab.example\"\n[ue]\nbsf_name = \"bsf.lab.example\"\n\
         [[naf]]\nfqdn = \"mine.example\"\nua_protocols = [\"tls13-psk\"]\nprincipals = [\"lab\"]\n",
    );
    let report = place.run(&["lab", "--once", "--json", "--config", file.to_str().unwrap()]).json();
    assert!(report["b_tid"].as_str().unwrap().ends_with("@bsf.lab.example"));
    assert_eq!(
        (&report["naf_fqdn"], &report["ua_sec_prot_id"]),
        (&"mine.example".into(), &"0100000007".into())
    );
    let set = ["lab", "--once", "--json", "--set", "ue.mode=me"];
    place.run(&set).failed(4, &["only GBA_ME is allowed"]);
    place.finish();
}
