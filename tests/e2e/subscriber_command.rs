//! `ksnaf subscriber`: the same with and without a lab that runs on the directory.

use crate::device::Device;
use crate::lab::BSF;
use crate::people::Person;
use crate::program::{Place, Running};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::hex;
use ksnaf_proto::identity::mask_digits;
use serde_json::{Value, json};

/// A place with nothing running, and one where a lab runs.
fn both() -> [(Place, Option<Running>); 2] {
    let (alone, beside) = (Place::empty(), Place::of(&Person::new(GbaMode::U)));
    let lab = beside.lab(&[]);
    [(alone, None), (beside, Some(lab))]
}

fn end(place: Place, lab: Option<Running>) {
    if let Some(lab) = lab {
        lab.stop();
    }
    place.finish();
}

fn add(place: &Place, person: &Person, further: &[&str]) -> crate::program::Ran {
    person.watch(&mut place.watch());
    let csv = person.csv();
    let fields: Vec<&str> = csv.split(',').collect();
    let [imsi, k, opc, uicc] = fields[..] else { panic!("four fields") };
    let base = ["subscriber", "add", "--imsi", imsi, "--k", k, "--opc", opc, "--uicc", uicc];
    place.run(&[&base[..], further].concat())
}

fn listed(place: &Place) -> Vec<String> {
    let list = place.run(&["subscriber", "list", "--json", "--danger-show-keys"]).json();
    let subscribers = list["subscribers"].as_array().unwrap();
    subscribers.iter().map(|one| one["imsi"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn subscribers_are_added_shown_listed_and_removed() {
    for (place, lab) in both() {
        let before = listed(&place).len();
        let person = Person::new(GbaMode::U);
        let imsi = person.imsi.as_str();
        let further = ["--msisdn", "491711234567", "--impu", "sip:a@b;tel:+49", "--key-lifetime", "2h"];
        assert_eq!(add(&place, &person, &further).ok(), "1 added, 0 of them replaced\n");
        add(&place, &person, &[]).failed(1, &["taken", imsi]);
        assert_eq!(
            add(&place, &person, &["--replace", "--json"]).json(),
            json!({ "added": 1, "replaced": 1 })
        );

        let shown = place.run(&["subscriber", "show", imsi, "--json"]).json();
        assert_eq!((&shown["uicc"], &shown["algorithm"]), (&json!("GBA_U"), &json!("milenage")));
        assert_eq!((&shown["k"], &shown["opc"]), (&json!("(hidden)"), &json!("(hidden)")));
        assert_eq!(shown["imsi"], mask_digits(imsi));
        assert!(!shown.to_string().contains(imsi));
        let whole = place.run(&["subscriber", "show", imsi, "--json", "--danger-show-keys"]).json();
        assert_eq!(whole["imsi"], imsi);
        assert_eq!(
            person.csv(),
            ["imsi", "k", "opc", "uicc"].map(|name| whole[name].as_str().unwrap()).join(",")
        );

        let table = place.run(&["subscriber", "list"]);
        assert!(table.ok().starts_with("IMSI") && table.stdout.contains(&mask_digits(imsi)));
        assert!(!table.stdout.contains(imsi));
        assert_eq!(listed(&place).len(), before + 1);
        assert_eq!(place.run(&["subscriber", "remove", imsi]).ok(), "removed\n");
        assert_eq!(listed(&place).len(), before);
        end(place, lab);
    }
}

#[tokio::test]
async fn a_subscriber_added_beside_a_running_lab_bootstraps_at_once() {
    let (place, person) = (Place::of(&Person::new(GbaMode::U)), Person::new(GbaMode::Me));
    let lab = place.lab(&[]);
    add(&place, &person, &[]).ok();
    let mut device = Device::new(person.clone());
    let done = device.bootstrap(lab.address("ub")).await.unwrap();
    place.saw(&person, done.b_tid.as_str());
    assert!(done.b_tid.as_str().ends_with(BSF));
    place.run(&["subscriber", "remove", person.imsi.as_str()]).ok();
    assert!(device.bootstrap(lab.address("ub")).await.is_err());
    lab.api().network_side(done.b_tid.as_str(), "raw").await.refused(404, "CONTEXT_NOT_FOUND");
    lab.stop();
    place.finish();
}

#[test]
fn a_file_is_imported_whole_as_csv_or_as_json_lines_or_from_standard_input() {
    for (place, lab) in both() {
        let before = listed(&place).len();
        let people: Vec<Person> =
            (0..6).map(|at| Person::new(if at % 2 == 0 { GbaMode::U } else { GbaMode::Me })).collect();
        for person in &people {
            person.watch(&mut place.watch());
        }
        let csv = format!("imsi,k,opc,uicc\n{}\n{}\n", people[0].csv(), people[1].csv());
        let file = place.file("people.csv", &csv);
        assert_eq!(
            place.run(&["subscriber", "import", file.to_str().unwrap()]).ok(),
            "2 added, 0 of them replaced\n"
        );
        let line = |person: &Person| {
            let (csv, names) = (person.csv(), ["imsi", "k", "opc", "uicc"]);
            let members = names.iter().zip(csv.split(','));
            Value::Object(members.map(|(name, value)| ((*name).to_owned(), json!(value))).collect())
                .to_string()
        };
        let file = place.file("people.jsonl", &format!("{}\n{}\n", line(&people[2]), line(&people[3])));
        assert_eq!(place.run(&["subscriber", "import", "--json", file.to_str().unwrap()]).json()["added"], 2);
        let csv =
            format!("uicc,opc,k,imsi\n{}\n", people[4].csv().split(',').rev().collect::<Vec<_>>().join(","));
        place.run_with_input(&["subscriber", "import", "-"], &csv).ok();
        place.run_with_input(&["subscriber", "import", "-"], &line(&people[5])).ok();
        assert_eq!(listed(&place).len(), before + 6);
        end(place, lab);
    }
}

#[test]
fn a_file_with_bad_lines_imports_nothing_and_every_bad_line_is_named() {
    for (place, lab) in both() {
        let before = listed(&place);
        let good: Vec<Person> = (0..3).map(|_| Person::new(GbaMode::U)).collect();
        for person in &good {
            person.watch(&mut place.watch());
        }
        let [first, second, third] = [0, 1, 2].map(|at| good[at].csv());
        let short_key = second.replace(&hex_of_k(&good[1]), &hex_of_k(&good[1])[..30]);
        let content = format!(
            "imsi,k,opc,uicc\n{first}\n12,{k},{k},GBA\n{third},surplus\n{short_key}\n{first}\n\
             001019999999991,{k},,GBA\n001019999999992,{k},{k},GBA_X\n",
            k = "0".repeat(32)
        );
        let file = place.file("bad.csv", &content);
        let ran = place.run(&["subscriber", "import", file.to_str().unwrap()]);
        ran.failed(
            2,
            &[
                "nothing was imported: 6 bad lines",
                "line 3: imsi:",
                "line 4: 5 fields, the header line has 4",
                "line 5: k:",
                "line 6: the same IMSI as in line 2",
                "line 7:",
                "line 8: uicc:",
            ],
        );
        assert!(!ran.message().contains(&hex_of_k(&good[1])[..30]), "no key in a message");
        assert_eq!(listed(&place), before);
        for (content, part) in [
            ("", "line 1"),
            ("imsi,k,opc\n", "no subscriber in it"),
            ("imsi,k,opc,colour\n", "unknown column \"colour\""),
            ("imsi,opc\n", "at least imsi and k"),
            ("{\"imsi\":\"001019999999993\"\n", "line 1: not a JSON object"),
        ] {
            place.run_with_input(&["subscriber", "import", "-"], content).failed(2, &[part]);
        }
        place.run(&["subscriber", "import", "not-there.csv"]).failed(2, &["not-there.csv: No such file"]);
        assert_eq!(listed(&place), before);
        end(place, lab);
    }
}

fn hex_of_k(person: &Person) -> String {
    person.csv().split(',').nth(1).unwrap().to_owned()
}

#[test]
fn a_file_with_subscribers_that_are_there_changes_nothing_unless_it_may_replace_them() {
    let place = Place::empty();
    let (first, second) = (Person::new(GbaMode::U), Person::new(GbaMode::U));
    add(&place, &first, &[]).ok();
    second.watch(&mut place.watch());
    let file = place.file("both.csv", &format!("imsi,k,opc,uicc\n{}\n{}\n", first.csv(), second.csv()));
    let import = ["subscriber", "import", file.to_str().unwrap()];
    place.run(&import).failed(1, &["nothing was imported", first.imsi.as_str()]);
    assert_eq!(listed(&place), [first.imsi.as_str()]);
    let replacing = [&import[..], &["--replace"]].concat();
    assert_eq!(place.run(&replacing).ok(), "2 added, 1 of them replaced\n");
    place.finish();
}

#[test]
fn keys_may_come_from_a_file_and_stay_out_of_the_shells_history() {
    let place = Place::empty();
    let person = Person::new(GbaMode::U);
    person.watch(&mut place.watch());
    let csv = person.csv();
    let fields: Vec<&str> = csv.split(',').collect();
    let keys = place.file("keys", &format!("k = {}\nopc={}\n\n", fields[1], fields[2]));
    let from_file = ["subscriber", "add", "--imsi", fields[0], "--key-file", keys.to_str().unwrap()];
    place.run(&from_file).ok();
    let shown = place.run(&["subscriber", "show", fields[0], "--json", "--danger-show-keys"]).json();
    assert_eq!((&shown["k"], &shown["opc"]), (&json!(fields[1]), &json!(fields[2])));
    let wrong = place.file("wrong-keys", "no equals sign");
    let wrong = ["subscriber", "add", "--imsi", fields[0], "--key-file", wrong.to_str().unwrap()];
    place.run(&wrong).failed(2, &["write k=HEX and opc=HEX"]);
    place.run(&["subscriber", "add", "--imsi", fields[0]]).failed(2, &["--k"]);
    let both =
        ["subscriber", "add", "--imsi", fields[0], "--k", fields[1], "--opc", fields[2], "--op", fields[2]];
    place.run(&both).failed(2, &["cannot be used with"]);
    place.finish();
}

#[test]
fn tuak_subscribers_are_added_with_their_own_columns() {
    let place = Place::empty();
    let (k, topc) = (crate::people::random::<32>(), crate::people::random::<32>());
    for (name, secret) in [("K", k), ("TOPc", topc)] {
        place.watch().secret(name, secret);
    }
    let (k, topc) = (hex::encode(&k), hex::encode(&topc));
    let imsi = "001010000123456";
    let add = [
        "subscriber",
        "add",
        "--imsi",
        imsi,
        "--algorithm",
        "tuak",
        "--k",
        &k,
        "--topc",
        &topc,
        "--res-bits",
        "128",
    ];
    place.run(&add).ok();
    let shown = place.run(&["subscriber", "show", imsi, "--json"]).json();
    assert_eq!(
        (&shown["algorithm"], &shown["res_bits"], &shown["keccak_iterations"]),
        (&json!("tuak"), &json!(128), &json!(1))
    );
    assert_eq!((&shown["k"], &shown["topc"]), (&json!("(hidden)"), &json!("(hidden)")));
    let wrong =
        ["subscriber", "add", "--imsi", imsi, "--algorithm", "tuak", "--k", &k, "--topc", &topc[..32]];
    place.run(&wrong).failed(2, &["topc"]);
    place.finish();
}

#[test]
fn a_subscriber_of_another_centre_has_settings_and_no_key() {
    for (place, lab) in both() {
        let person = Person::new(GbaMode::U);
        let imsi = person.imsi.as_str();
        let guss = place.file("guss.xml", "<guss><bsfInfo><uiccType>GBA_U</uiccType></bsfInfo></guss>");
        let base = ["subscriber", "add", "--imsi", imsi, "--algorithm", "none"];
        let added = place.run(&[&base[..], &["--guss", guss.to_str().unwrap()]].concat());
        assert_eq!(added.ok(), "1 added, 0 of them replaced\n");
        let shown = place.run(&["subscriber", "show", imsi, "--json", "--danger-show-keys"]).json();
        assert_eq!((&shown["algorithm"], &shown["uicc"]), (&json!("none"), &json!("GBA_U")));
        assert_eq!((&shown["k"], &shown["opc"]), (&Value::Null, &Value::Null));
        assert!(shown["guss"].as_str().unwrap().contains("<uiccType>GBA_U</uiccType>"), "{shown}");
        let k = "00".repeat(16);
        place
            .run(&[&base[..], &["--replace", "--k", &k]].concat())
            .failed(2, &["k: not with algorithm none"]);
        place
            .run(&["subscriber", "add", "--imsi", imsi, "--algorithm", "milenage", "--replace"])
            .failed(2, &["k: missing"]);
        end(place, lab);
    }
}
