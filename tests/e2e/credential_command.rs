//! `ksnaf bootstrap` and `ksnaf credential`: beside a running lab and alone, keys hidden unless asked for.

use crate::api::NAF;
use crate::people::Person;
use crate::program::{Place, Ran};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::hex;
use serde_json::{Value, json};

const HIDDEN: &str = "(hidden, see --danger-show-keys)";

fn credential(place: &Place, further: &[&str]) -> Ran {
    let ran = place.run(&[&["credential", "--naf", NAF, "--json"], further].concat());
    // What is shown on demand is a secret everywhere else.
    if let Ok(shown) = serde_json::from_str::<Value>(&ran.stdout)
        && let Some(octets) = shown["key"].as_str().and_then(hex::decode)
    {
        place.watch().secret("a key", octets);
    }
    ran
}

#[tokio::test]
async fn the_network_side_gives_the_same_beside_a_lab_and_alone() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[]);
    let device = lab.api().device_side("raw").await.ok();
    let b_tid = device["b_tid"].as_str().unwrap();
    place.saw(&person, b_tid);
    let ask = ["--b-tid", b_tid, "--danger-show-keys"];
    assert_eq!(credential(&place, &ask).json(), device, "by the running lab");
    let (url, token) = (format!("http://{}", lab.address("api")), place.data_dir().join("lab.token"));
    let remote = [&ask[..], &["--api", &url, "--token-file", token.to_str().unwrap()]].concat();
    assert_eq!(credential(&place, &remote).json(), device, "by its API");
    lab.stop();
    assert_eq!(credential(&place, &ask).json(), device, "by the store itself");
    place.finish();
}

#[tokio::test]
async fn keys_are_hidden_in_every_form_unless_they_are_asked_for() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[]);
    for form in ["raw", "tls-psk", "http-digest", "onem2m"] {
        let whole = lab.api().device_side(form).await.ok();
        let b_tid = whole["b_tid"].as_str().unwrap().to_owned();
        place.saw(&person, &b_tid);
        let hidden = credential(&place, &["--b-tid", &b_tid, "--form", form]).json();
        let secret = if form == "http-digest" { "password" } else { "key" };
        assert_eq!(hidden[secret], HIDDEN);
        let (mut without, mut expected) = (hidden.clone(), whole.clone());
        for value in [&mut without, &mut expected] {
            value.as_object_mut().unwrap().remove(secret);
        }
        assert_eq!(without, expected, "{form}");
        let table = place.run(&["credential", "--naf", NAF, "--b-tid", &b_tid, "--form", form]);
        assert!(table.ok().contains(HIDDEN) && table.stdout.contains(&b_tid));
        let shown = credential(&place, &["--b-tid", &b_tid, "--form", form, "--danger-show-keys"]).json();
        assert_eq!(shown, whole);
    }
    lab.stop();
    place.finish();
}

#[tokio::test]
async fn the_device_side_is_the_running_labs_unless_a_card_is_named() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[]);
    let by_lab = credential(&place, &["--danger-show-keys"]).json();
    let b_tid = by_lab["b_tid"].as_str().unwrap();
    place.saw(&person, b_tid);
    assert_eq!(lab.api().network_side(b_tid, "raw").await.ok(), by_lab);
    assert_eq!(credential(&place, &["--danger-show-keys"]).json(), by_lab, "its Ks is reused");
    let by_card = credential(&place, &["--card", "sim", "--danger-show-keys"]).json();
    let b_tid = by_card["b_tid"].as_str().unwrap();
    place.saw(&person, b_tid);
    assert_eq!(lab.api().network_side(b_tid, "raw").await.ok(), by_card);
    lab.stop();
    place.finish();
}

/// Two programs with one card: what either hands out fits the network at that moment.
#[tokio::test]
async fn a_bootstrap_by_another_program_with_the_same_card_does_not_confuse_the_lab() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[]);
    let first = lab.api().b_tid(false).await;
    place.saw(&person, &first);
    let second = place.run(&["bootstrap", "--card", "sim", "--json"]).json();
    place.saw(&person, second["b_tid"].as_str().unwrap());
    assert_ne!(second["b_tid"], first);
    let device = lab.api().device_side("raw").await.ok();
    let b_tid = device["b_tid"].as_str().unwrap();
    place.saw(&person, b_tid);
    assert_eq!(lab.api().network_side(b_tid, "raw").await.ok(), device);
    lab.stop();
    place.finish();
}

#[tokio::test]
async fn a_bootstrap_prints_what_it_made_and_leaves_it_to_the_next_command() {
    let person = Person::new(GbaMode::Me);
    let place = Place::of(&person);
    let network = Place::empty();
    let csv = network.file("people.csv", &format!("imsi,k,opc,uicc\n{}\n", person.csv()));
    person.watch(&mut network.watch());
    network.run(&["subscriber", "import", csv.to_str().unwrap()]).ok();
    let bsf = network.serve(&[
        "serve",
        "--set=ub.listen=127.0.0.1:0",
        "--set=api.listen=127.0.0.1:0",
        "--set=zn.sbi_listen=127.0.0.1:0",
        "--set=zn.diameter_listen=off",
    ]);
    assert_eq!(bsf.addresses["device"], false, "a service without a card has no device side");
    let url = format!("http://{}/", bsf.address("ub"));
    let at = ["--card", "sim", "--bsf", &url];
    let made = place.run(&[&["bootstrap", "--json"], &at[..]].concat()).json();
    let members: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(members, ["b_tid", "expires_at", "gba_mode"]);
    assert_eq!(made["gba_mode"], "GBA_ME");
    let b_tid = made["b_tid"].as_str().unwrap();
    place.saw(&person, b_tid);
    network.saw(&person, b_tid);
    let device = credential(&place, &[&at[..], &["--danger-show-keys"]].concat()).json();
    assert_eq!(device["b_tid"], b_tid, "the kept Ks");
    let given = credential(&network, &["--b-tid", b_tid, "--danger-show-keys"]).json();
    assert_eq!(given, device);
    let told = place.run(&[&["bootstrap", "--danger-show-keys"], &at[..]].concat());
    for part in ["B-TID", "expires", "mode     GBA_ME", person.impi.as_str()] {
        assert!(told.ok().contains(part), "{part:?} is not in: {}", told.stdout);
    }
    bsf.stop();
    place.finish();
    network.finish();
}

#[test]
fn cards_are_listed_and_described_without_their_identities() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    place.run(&["lab", "--once"]).ok();
    let list = place.run(&["card", "list", "--json"]).json();
    assert_eq!(list["readers"][0], json!({ "reader": "sim", "card": "present" }));
    let info = place.run(&["card", "info", "--json"]).json();
    assert_eq!(info["bootstrap"]["mode"], "GBA_U");
    let files = place.run(&["card", "files", "--json"]).json();
    let content = |name: &str| {
        let mut rows = files["files"].as_array().unwrap().iter();
        let row = rows.rfind(|row| row["file"] == name);
        row.map(|row| row["content"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert!(content("EF_GBABP").contains("B-TID"), "{files}");
    for text in [
        info.to_string(),
        files.to_string(),
        place.run(&["card", "info"]).stdout,
        place.run(&["card", "files"]).stdout,
    ] {
        assert!(!text.contains(person.imsi.as_str()), "{text}");
    }
    assert!(place.run(&["card", "files", "--danger-show-keys"]).ok().contains(person.imsi.as_str()));
    let authenticate =
        ["card", "authenticate", "--rand", &"00".repeat(16), "--autn", &"00".repeat(16), "--json"];
    let ran = place.run(&authenticate);
    assert!(ran.status != 0 && ran.message().contains("9862"), "{ran:#?}");
    let naf = place.run(&["card", "authenticate", "--context", "gba", "--naf", NAF, "--json"]).json();
    assert_eq!((&naf["outcome"], &naf["ks_ext_naf"]), (&json!("success"), &json!(HIDDEN)));
    place.finish();
}
