//! Exit statuses of the contract, and messages that say what to do next.

use crate::people::Person;
use crate::program::Place;
use ksnaf_proto::gba::GbaMode;
use rustix::process::Signal;

#[test]
fn zero_is_done() {
    let place = Place::of(&Person::new(GbaMode::U));
    place.run(&["lab", "--once"]).ok();
    place.run(&["--help"]).ok();
    assert!(place.run(&["--version"]).ok().starts_with("ksnaf "));
    place.finish();
}

#[test]
fn one_is_failed() {
    let place = Place::of(&Person::new(GbaMode::U));
    place.run(&["lab", "--once"]).ok();
    let unknown = ["credential", "--naf", "naf.lab.example", "--b-tid", "AAAA@bsf.example"];
    place.run(&unknown).failed(1, &["no valid bootstrap has this B-TID"]);
    place.run(&["subscriber", "show", "001018888888888"]).failed(1, &["no such subscriber"]);
    place.run(&["subscriber", "remove", "001018888888888"]).failed(1, &["no such subscriber"]);
    place.finish();
}

#[test]
fn two_is_usage_or_configuration() {
    let place = Place::empty();
    let bad: [(&[&str], &str); 9] = [
        (&[], "Usage"),
        (&["fly"], "unrecognized subcommand"),
        (&["lab", "--twice"], "unexpected argument"),
        (&["credential"], "--naf"),
        (&["credential", "--naf", "a b"], "--naf a b: not a fully qualified host name"),
        (&["credential", "--naf", "a.example", "--form", "x"], "--form x: not a form: raw, tls-psk"),
        (&["credential", "--naf", "a.example", "--ua-protocol", "x"], "--ua-protocol x"),
        (&["bootstrap", "--card", "tarot"], "tarot"),
        (&["bootstrap", "--card", "sim", "--bsf", "gopher://x"], "http:// or https://"),
    ];
    for (arguments, part) in bad {
        place.run(arguments).failed(2, &[part]);
    }
    place.run(&["lab", "--once", "--log-format", "runes"]).failed(2, &["possible values"]);
    let mut command = place.command(&["lab", "--once"]);
    let output = command.env("KSNAF_LOG", "not=a=filter").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("KSNAF_LOG"));
    place.finish();
}

#[test]
fn three_is_no_card_or_reader() {
    let place = Place::empty();
    for arguments in [&["bootstrap"][..], &["card", "list"], &["card", "info", "--card", "pcsc"]] {
        let ran = place.run(arguments);
        if cfg!(feature = "pcsc") {
            ran.failed(3, &["is pcscd running?"]);
        } else {
            ran.failed(3, &["pcsc"]);
        }
    }
    place.run(&["bootstrap", "--card", "sim"]).failed(3, &["no card in", "sim-usim.json"]);
    place.run(&["sim", "usim"]).failed(3, &["ksnaf lab --once", "makes the lab's card"]);
    place.finish();
}

#[test]
fn four_is_authentication_refused() {
    let person = Person::new(GbaMode::U);
    let place = Place::of(&person);
    let lab = place.lab(&[]);
    let url = format!("http://{}/", lab.address("ub"));

    let mut forger = Person::new(GbaMode::U);
    (forger.imsi, forger.impi) = (person.imsi.clone(), person.impi.clone());
    let elsewhere = Place::of(&forger);
    let forged = ["bootstrap", "--card", "sim", "--bsf", &url];
    elsewhere.run(&forged).failed(4, &["9862", "K or OPc differ between card and network"]);
    elsewhere.finish();

    let stranger = Place::of(&Person::new(GbaMode::U));
    stranger.run(&["bootstrap", "--card", "sim", "--bsf", &url]).failed(4, &["the BSF answered 403"]);
    stranger.finish();

    let token = place.file("token", "not-the-labs-token-at-all");
    let api = format!("http://{}", lab.address("api"));
    let wrong = [
        "credential",
        "--naf",
        "naf.lab.example",
        "--b-tid",
        "AAAA@bsf.example",
        "--api",
        &api,
        "--token-file",
        token.to_str().unwrap(),
    ];
    place.run(&wrong).failed(4, &["a bearer token, a client certificate or the Unix socket is needed"]);
    lab.stop();
    place.finish();
}

#[test]
fn five_is_peer_unreachable() {
    let place = Place::of(&Person::new(GbaMode::U));
    let nobody = ["bootstrap", "--card", "sim", "--bsf", "http://127.0.0.1:1/"];
    place.run(&nobody).failed(5, &["cannot reach 127.0.0.1:1", "refused"]);
    let token = place.file("token", "some-token-of-enough-length");
    let api = [
        "credential",
        "--naf",
        "naf.lab.example",
        "--b-tid",
        "AAAA@bsf.example",
        "--api",
        "http://127.0.0.1:1",
        "--token-file",
        token.to_str().unwrap(),
    ];
    place.run(&api).failed(5, &["cannot reach 127.0.0.1:1"]);
    place.finish();
}

#[test]
fn a_signal_that_a_service_takes_is_a_clean_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::of(&Person::new(GbaMode::U));
        let mut lab = place.lab(&[]);
        lab.signal(signal);
        let (status, _) = lab.wait();
        assert_eq!(status.code(), Some(0));
        place.finish();
    }
}

#[test]
fn a_reader_of_the_output_may_go_away() {
    let place = Place::of(&Person::new(GbaMode::U));
    place.run(&["lab", "--once"]).ok();
    let mut command = place.command(&["subscriber", "list"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    place.finish();
}
