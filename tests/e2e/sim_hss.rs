//! `ksnaf sim hss` as users run it.

use crate::api::{Api, tcp};
use crate::people::Person;
use crate::program::Place;
use http::Method;
use ksnaf_diameter::{Diameter, NodeConfig, PeerAddress, PeerConfig, Route, RoutingTable, Settings};
use ksnaf_proto::aka::sqn::Freshness;
use ksnaf_proto::aka::{AuthVector, vector};
use ksnaf_proto::diameter::{
    Addressing, Application, ApplicationId, DiameterIdentity, LocalNode, Origin, VendorId,
};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::zh::diameter::MultimediaAuthRequest;
use ksnaf_proto::zh::nhss_gba_ueau::{self, AuthDataRequest};
use ksnaf_proto::zh::{Settings as GussSettings, UeId, VectorRequest};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const FREE: [&str; 4] = ["--diameter", "127.0.0.1:0", "--sbi", "127.0.0.1:0"];

/// The realm that the simulator has by default.
const REALM: &str = "zh.realm=ims.mnc001.mcc001.3gppnetwork.org";

/// For anything that comes at all.
const BOUND: Duration = Duration::from_secs(20);

fn arguments<'a>(further: &[&'a str]) -> Vec<&'a str> {
    [&["sim", "hss"][..], &FREE, further].concat()
}

/// The card of this person takes the vector.
fn assert_is_for(person: &Person, place: &Place, vector: &AuthVector) {
    place.watch().secret("CK", vector.ck.danger_expose());
    place.watch().secret("IK", vector.ik.danger_expose());
    place.watch().secret("XRES", vector.xres.danger_expose());
    let algorithm = person.key.algorithm().unwrap();
    let taken = vector::verify(algorithm.as_ref(), &vector.rand, &vector.autn, |_| Freshness::Accepted);
    assert_eq!(taken.expect("a vector of this subscriber").ck, vector.ck);
}

async fn vector_by_nhss(place: &Place, sbi: SocketAddr, person: &Person) -> AuthVector {
    let ue_id = UeId::of(person.impi.clone());
    let path = format!("/{}{}", nhss_gba_ueau::API, nhss_gba_ueau::path(&ue_id));
    let body = AuthDataRequest::default().to_json();
    let api = Api::new(tcp(sbi), None, Arc::clone(&place.watch));
    let kind = [("content-type", "application/json")];
    let answer = api.send(Method::POST, &path, &kind, body.danger_expose()).await;
    nhss_gba_ueau::read_answer(&ue_id, answer.status.as_u16(), &answer.body).unwrap().vectors.remove(0)
}

/// A BSF's node that knows this HSS.
async fn peer_of(address: SocketAddr) -> Diameter {
    let identity = |name| DiameterIdentity::parse(name).unwrap();
    let local = LocalNode {
        origin: Origin { host: identity("bsf.example"), realm: identity("example") },
        addresses: vec![address.ip()],
        vendor: VendorId::IETF,
        product: "a BSF of a test".to_owned(),
        firmware: None,
        origin_state_id: 1,
        applications: vec![Application::of_vendor(VendorId::TGPP, ApplicationId::ZH)],
        served_realms: Vec::new(),
    };
    let label = identity("hss");
    let route = Route { realm: None, application: None, peer: label.clone(), priority: 0 };
    let peer = PeerAddress { config: PeerConfig::unnamed(label), address: address.to_string(), tls: None };
    let settings = Settings {
        routes: RoutingTable::new(vec![route]),
        peers: vec![peer],
        ..Settings::new(NodeConfig::new(local))
    };
    let node = Diameter::start(settings, Vec::new(), None);
    let mut peers = node.watch_peers();
    let connected = peers.wait_for(|peers| peers.iter().any(|peer| peer.connected));
    tokio::time::timeout(BOUND, connected).await.expect("in time").unwrap();
    drop(peers);
    node
}

#[tokio::test]
async fn the_labs_card_is_known_by_every_interface_and_the_end_is_in_order() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let hss = place.serve(&arguments(&[]));
    assert_eq!((&hss.addresses["subscribers"], &hss.addresses["applications"]), (&json!(1), &json!(["Zh"])));
    assert_is_for(&person, &place, &vector_by_nhss(&place, hss.address("sbi"), &person).await);

    let bsf = peer_of(hss.address("diameter")).await;
    let request =
        MultimediaAuthRequest::new(&VectorRequest { impi: person.impi.clone(), resync: None }, None);
    let addressing = Addressing {
        session_id: bsf.session_id(),
        origin: bsf.local().origin.clone(),
        destination_realm: bsf.peers()[0].realm.clone().unwrap(),
        destination_host: None,
    };
    let (name, answer) = bsf.request(request.to_message(&addressing), BOUND).await.unwrap();
    assert_eq!(name.as_str(), "hss.ims.mnc001.mcc001.3gppnetwork.org");
    let answer = request.read_answer(&answer).unwrap();
    assert_is_for(&person, &place, &answer.vectors[0]);
    let GussSettings::Sent { guss, .. } = answer.settings else { panic!("no settings") };
    assert_eq!(guss.bsf_info.gba_mode(), GbaMode::U);

    let mut peers = bsf.watch_peers();
    hss.stop();
    let gone = peers.wait_for(|peers| !peers.iter().any(|peer| peer.connected));
    tokio::time::timeout(BOUND, gone).await.expect("in time").unwrap();
    place.finish();
}

#[test]
fn a_lab_bootstraps_with_vectors_of_every_interface() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let hss = place.serve(&arguments(&["--cx"]));
    let peer = format!("zh.peer={}", hss.address("diameter"));
    let base_url = format!("zh.base_url=http://{}", hss.address("sbi"));
    for (source, whom) in [("diameter", &peer), ("cx", &peer), ("nhss", &base_url), ("nudm", &base_url)] {
        let source = format!("zh.source={source}");
        let lab = ["lab", "--once", "--json", "--set", &source, "--set", whom, "--set", REALM];
        let report = place.run(&lab).json();
        assert_eq!((&report["equal"], &report["gba_mode"]), (&json!(true), &json!("GBA_U")), "{source}");
        place.saw(&person, report["b_tid"].as_str().unwrap());
    }
    hss.stop();
    place.run(&["lab", "--once", "--set", "zh.source=nhss", "--set", &base_url]).failed(5, &[]);
    place.finish();
}

#[tokio::test]
async fn without_a_card_the_hss_makes_the_one_that_the_lab_then_has() {
    let place = Place::empty();
    let hss = place.serve(&arguments(&["--json", "--cx"]));
    assert_eq!(hss.addresses["applications"], json!(["Zh", "Cx"]));
    assert!(place.card_file().is_file());
    let info = place.run(&["card", "info", "--card", "sim", "--json", "--danger-show-keys"]).json();
    assert!(info.to_string().contains("\"imsi\""), "{info}");
    hss.stop();
    place.run(&["lab", "--once"]).ok();
    place.finish();
}

#[tokio::test]
async fn a_file_names_others_and_numbers_outlive_the_process_where_wanted() {
    let (one, two) = (Person::new(GbaMode::U), Person::new(GbaMode::Me));
    let place = Place::empty();
    one.watch(&mut place.watch());
    two.watch(&mut place.watch());
    let file = place.file("people.csv", &format!("imsi,k,opc,uicc\n{}\n{}\n", one.csv(), two.csv()));
    let numbers = place.folder.path().join("sqn");
    let options = [
        "--subscribers",
        file.to_str().unwrap(),
        "--sqn-file",
        numbers.to_str().unwrap(),
        "--diameter",
        "off",
    ];
    let options = [&["sim", "hss", "--sbi", "127.0.0.1:0"][..], &options].concat();
    let mut last = 0;
    for _ in 0..2 {
        let hss = place.serve(&options);
        assert_eq!((&hss.addresses["subscribers"], &hss.addresses["diameter"]), (&json!(2), &json!(null)));
        for person in [&one, &two] {
            assert_is_for(person, &place, &vector_by_nhss(&place, hss.address("sbi"), person).await);
        }
        let vector = vector_by_nhss(&place, hss.address("sbi"), &one).await;
        assert_is_for(&one, &place, &vector);
        let sqn = one.sqn_of(&vector.rand, &vector.autn).value();
        assert!(sqn > last, "{sqn} after {last}");
        last = sqn;
        hss.stop();
    }
    place.finish();
}

#[test]
fn what_cannot_be_served_is_told_with_its_reason() {
    let place = Place::of(&Person::new(GbaMode::U));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let person = Person::new(GbaMode::U);
    person.watch(&mut place.watch());
    let bad = place.file("bad.csv", &format!("imsi,k,opc,uicc\n{}x\n{}\n", person.csv(), person.csv()));
    let numbers = place.file("numbers", "nonsense\n");
    let refused = |further: &[&str], parts: &[&str]| place.run(&arguments(further)).failed(2, parts);
    refused(&["--fault", "magic"], &["--fault: a fault is delay=MS", "no-guss"]);
    refused(&["--identity", "a b"], &["--identity a b"]);
    refused(&["--subscribers", bad.to_str().unwrap()], &["1 bad lines", "line 2: uicc"]);
    refused(&["--subscribers", "none.csv"], &["none.csv"]);
    refused(&["--sqn-file", numbers.to_str().unwrap()], &["--sqn-file", "line 1"]);
    let busy = ["sim", "hss", "--diameter", "127.0.0.1:0", "--sbi", &address];
    place.run(&busy).failed(2, &["--sbi", &address]);
    place.finish();
}

#[tokio::test]
async fn a_fault_of_the_command_line_reaches_the_answers() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let hss = place.serve(&arguments(&["--fault", "error=503"]));
    let api = Api::new(tcp(hss.address("sbi")), None, Arc::clone(&place.watch));
    let path = format!("/{}{}", nhss_gba_ueau::API, nhss_gba_ueau::path(&UeId::of(person.impi.clone())));
    assert_eq!(api.post(&path, &json!({})).await.status.as_u16(), 503);
    hss.stop();
    place.finish();
}
