//! `ksnaf sim naf` as users run it: the key that it gets over Zn is the one that the device has.

use crate::api::{Api, NAF, segment, tcp};
use crate::certificates::{Ca, Files};
use crate::people::Person;
use crate::program::{Place, Running};
use http::{Method, StatusCode};
use ksnaf_proto::digest::{Algorithm, Authorization, Calculation, Challenge, Qop};
use ksnaf_proto::gba::GbaMode;
use serde_json::Value;
use std::sync::Arc;

/// Lets the lab's token and a Diameter peer of the NAF's name ask for the NAF's keys.
const CONFIGURATION: &str = "[zn]\ndiameter_listen = \"127.0.0.1:0\"\n[[naf]]\nfqdn = \"naf.lab.example\"\n\
                             ua_protocols = [\"http-digest\"]\nprincipals = [\"lab\", \"naf.lab.example\"]\n";

/// A lab with a bootstrap: where it runs, what its device side has.
async fn bootstrapped(place: &Place, person: &Person) -> (Running, Value) {
    let file = place.file("lab.toml", CONFIGURATION);
    let lab = place.lab(&["--config", file.to_str().unwrap()]);
    let device = lab.api().device_side("raw").await.ok();
    place.saw(person, device["b_tid"].as_str().unwrap());
    (lab, device)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

#[tokio::test]
async fn the_key_over_zn_is_the_devices_whichever_way_the_lab_is_named() {
    for mode in [GbaMode::U, GbaMode::Me] {
        let person = Person::new(mode);
        let place = Place::of(&person);
        let (lab, device) = bootstrapped(&place, &person).await;
        let ask = ["sim", "naf", "--naf", NAF, "--b-tid", text(&device, "b_tid"), "--json"];
        let url = format!("http://{}", lab.address("zn_sbi"));
        let token_file = text(&lab.addresses, "token_file").to_owned();
        let named = ["--nbsp", &url, "--token-file", &token_file];
        let peer = lab.address("zn_diameter").to_string();
        let peer = ["--diameter", &peer];
        for further in [&[][..], &["--http1"], &named, &[&named[..], &["--http1"]].concat(), &peer] {
            let shown = place.run(&[&ask, further, &["--danger-show-keys"]].concat()).json();
            for name in ["key", "b_tid", "expires_at", "naf_fqdn", "ua_sec_prot_id"] {
                assert_eq!(shown[name], device[name], "{name}");
            }
            let hidden = place.run(&[&ask, further].concat()).json();
            assert_eq!(hidden["key"], "(hidden, see --danger-show-keys)");
            assert_eq!(hidden["key_fingerprint"], shown["key_fingerprint"]);
        }
        let told = place.run(&["sim", "naf", "--naf", NAF, "--b-tid", text(&device, "b_tid")]);
        assert!(told.ok().contains("(hidden") && told.stdout.contains("3G_GBA"), "{}", told.stdout);
        lab.stop();
        place.finish();
    }
}

#[tokio::test]
async fn refused_unreachable_and_misnamed_have_statuses_of_their_own() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let (lab, device) = bootstrapped(&place, &person).await;
    let b_tid = text(&device, "b_tid");
    let of = |naf, b_tid, further: &[&str]| {
        place.run(&[&["sim", "naf", "--naf", naf, "--b-tid", b_tid, "--timeout", "1"], further].concat())
    };
    of("other.example", b_tid, &[]).failed(4, &["403"]);
    of(NAF, "AAAA@bsf.example", &[]).failed(4, &["404, CONTEXT_NOT_FOUND"]);
    let url = format!("http://{}", lab.address("zn_sbi"));
    of(NAF, b_tid, &["--nbsp", &url]).failed(4, &["401"]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    of(NAF, b_tid, &["--nbsp", &format!("http://{free}")]).failed(5, &["cannot reach", &free]);
    of(NAF, b_tid, &["--diameter", &free]).failed(5, &["no Diameter peer", &free]);
    let peer = lab.address("zn_diameter").to_string();
    of(NAF, "AAAA@bsf.example", &["--diameter", &peer]).failed(4, &["TRANSACTION_IDENTIFIER_INVALID"]);
    of("other.example", b_tid, &["--diameter", &peer, "--identity", NAF]).failed(4, &["NOT_AUTHORIZED"]);
    of(NAF, b_tid, &["--diameter", &peer, "--identity", "a.stranger"]).failed(4, &["NOT_AUTHORIZED"]);
    of(NAF, b_tid, &["--nbsp", "bsf"]).failed(2, &["--nbsp"]);
    of("a b", b_tid, &[]).failed(2, &["--naf a b"]);
    of(NAF, "nonsense", &[]).failed(2, &["--b-tid nonsense"]);
    of(NAF, b_tid, &["--ua-protocol", "smoke"]).failed(2, &["--ua-protocol smoke"]);
    of(NAF, b_tid, &["--nbsp", &url, "--diameter", &free]).failed(2, &["cannot be used with"]);
    of(NAF, b_tid, &["--token-file", "none"]).failed(2, &["none"]);
    place.run(&["sim", "naf", "--naf", NAF]).failed(2, &["--b-tid"]);
    lab.stop();
    of(NAF, b_tid, &[]).failed(2, &["no service runs on", "start `ksnaf lab`"]);
    place.finish();
}

#[tokio::test]
async fn over_https_the_nafs_certificate_says_who_asks() {
    let (person, ca) = (Person::new(GbaMode::U), Ca::new());
    let place = Place::of(&person);
    let (server, naf, stranger) = (ca.server(), ca.client(NAF), ca.client("stranger.example"));
    let set = |key: &str, path: &std::path::Path| format!("--set=zn.{key}={}", path.display());
    let file = place.file("lab.toml", CONFIGURATION);
    let lab = place.lab(&[
        "--config",
        file.to_str().unwrap(),
        "--set=zn.sbi_tls_listen=127.0.0.1:0",
        &set("tls_certificate", &server.certificate),
        &set("tls_key", &server.key),
        &set("client_ca", &ca.file()),
    ]);
    let device = lab.api().device_side("raw").await.ok();
    place.saw(&person, text(&device, "b_tid"));
    let url = format!("https://localhost:{}", lab.address("zn_sbi_tls").port());
    let ask = async |ca: &std::path::Path, own: Option<&Files>, further: &[&str]| {
        let mut arguments =
            vec!["sim", "naf", "--naf", NAF, "--b-tid", text(&device, "b_tid"), "--nbsp", &url];
        arguments.extend(["--json", "--danger-show-keys", "--ca", ca.to_str().unwrap()]);
        if let Some(own) = own {
            arguments.extend(["--tls-certificate", own.certificate.to_str().unwrap()]);
            arguments.extend(["--tls-key", own.key.to_str().unwrap()]);
        }
        place.run(&[&arguments, further].concat())
    };
    for further in [&[][..], &["--http1"]] {
        assert_eq!(ask(&ca.file(), Some(&naf), further).await.json()["key"], device["key"]);
    }
    ask(&ca.file(), Some(&stranger), &[]).await.failed(4, &["403"]);
    ask(&Ca::new().file(), Some(&naf), &[]).await.failed(5, &["cannot reach localhost"]);
    ask(std::path::Path::new("none.pem"), None, &[]).await.failed(2, &["none.pem"]);
    lab.stop();
    place.finish();
}

/// What a UE answers to a challenge, with the credential that the lab's device side gives.
fn answer(challenge: &str, credential: &Value) -> String {
    let challenge = Challenge::parse_all(challenge).unwrap().remove(0);
    let calculation = Calculation {
        algorithm: &Algorithm::Md5,
        username: text(credential, "username"),
        realm: text(credential, "realm"),
        password: text(credential, "password").as_bytes(),
        nonce: &challenge.nonce,
        nc: "00000001",
        cnonce: "c",
        qop: Qop::AuthInt,
        uri: "/",
    };
    let response = calculation.response("GET", b"").unwrap();
    let authorization = Authorization {
        username: text(credential, "username").to_owned(),
        realm: text(credential, "realm").to_owned(),
        nonce: challenge.nonce,
        uri: "/".to_owned(),
        response: Some(response),
        algorithm: Some(Algorithm::Md5),
        qop: Some(Qop::AuthInt),
        nc: Some("00000001".to_owned()),
        cnonce: Some("c".to_owned()),
        ..Authorization::default()
    };
    authorization.to_string()
}

#[tokio::test]
async fn a_ue_gets_in_with_its_digest_credential_until_its_bootstrap_is_revoked() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let (lab, _) = bootstrapped(&place, &person).await;
    let naf = place.serve(&["sim", "naf", "--naf", NAF, "--listen", "127.0.0.1:0"]);
    let ua = Api::new(tcp(naf.address("ua")), None, Arc::clone(&place.watch));
    let get = async |headers: &[(&str, &str)]| ua.send(Method::GET, "/", headers, b"").await;

    let first = get(&[]).await;
    assert_eq!((first.status, first.header("server")), (StatusCode::UNAUTHORIZED, Some("3gpp-gba")));
    let challenge = first.header("www-authenticate").unwrap();
    assert!(challenge.contains("3GPP-bootstrapping@naf.lab.example"), "{challenge}");
    let credential = lab.api().device_side("http-digest").await.ok();
    let let_in = get(&[("authorization", &answer(challenge, &credential))]).await;
    assert_eq!(let_in.status, StatusCode::OK);
    assert!(let_in.header("authentication-info").is_some_and(|info| info.contains("rspauth=")));
    assert_eq!(let_in.json()["b_tid"], credential["b_tid"]);

    let path = format!("/v1/associations/{}", segment(text(&credential, "b_tid")));
    assert!(lab.api().delete(&path).await.status.is_success());
    let second = get(&[]).await;
    let again = answer(second.header("www-authenticate").unwrap(), &credential);
    let revoked = get(&[("authorization", &again)]).await;
    assert_eq!(revoked.status, StatusCode::UNAUTHORIZED);
    assert_eq!(revoked.json()["detail"], "bootstrapping renegotiation");

    let fresh = lab.api().bootstrap(true).await.ok();
    place.saw(&person, text(&fresh, "b_tid"));
    let credential = lab.api().device_side("http-digest").await.ok();
    let renewed = answer(revoked.header("www-authenticate").unwrap(), &credential);
    assert_eq!(get(&[("authorization", &renewed)]).await.status, StatusCode::OK);
    lab.stop();
    let third = get(&[]).await;
    let unsaid = answer(third.header("www-authenticate").unwrap(), &credential);
    assert_eq!(get(&[("authorization", &unsaid)]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    naf.stop();
    place.finish();
}
