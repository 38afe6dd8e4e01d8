//! Both ends of Ub, with somebody between them who says what he likes.
//!
//! The input is text. Its first line has a digit for each answer of the world: vector, store, card, clock. Then come
//! messages with a line of `--` between them: a request to the BSF, an answer to the UE (it begins with its status), or
//! `relay`, which carries the UE's request to the BSF and the answer back, changed by the header lines and the body that
//! follow. `{nonce}`, `{opaque}`, `{response}`, `{sync}` and `{rspauth}` stand for what would be right there.
#![no_main]

#[path = "ub_exchange/bsf.rs"]
mod bsf;
#[path = "ub_exchange/script.rs"]
mod script;
#[path = "ub_exchange/ue.rs"]
mod ue;

use bsf::Network;
use ksnaf_proto::aka::{Ck, Ik, Res};
use ksnaf_proto::identity::{Fqdn, Impi};
use libfuzzer_sys::fuzz_target;
use script::{Choices, Message};
use ue::Terminal;

/// More than any bootstrap has.
const MESSAGES: usize = 12;

fuzz_target!(|octets: &[u8]| {
    let text = String::from_utf8_lossy(octets);
    let (choices, messages) = text.split_once('\n').unwrap_or((&text, ""));
    let mut choices = Choices::new(choices);
    let (mut network, mut terminal) = (Network::new(&mut choices), Terminal::new(&mut choices));
    for text in messages.split("\n--\n").take(MESSAGES) {
        let message = Message::read(text);
        match message.status() {
            Some(status) => terminal.hear_from_a_stranger(message.response(status), &mut choices),
            None if message.start == "relay" => relay(&message, &mut network, &mut terminal, &mut choices),
            None => drop(network.ask(message.request(), &mut choices)),
        }
    }
});

fn relay(message: &Message<'_>, network: &mut Network, terminal: &mut Terminal, choices: &mut Choices) {
    let Some(mut request) = terminal.request() else { return };
    message.change_headers(&mut request.headers);
    let mut response = network.ask(request, choices);
    let sent = response.body.clone();
    message.change_headers(&mut response.headers);
    if !message.body.is_empty() {
        response.body = message.body.as_bytes().to_vec();
    }
    let untouched = response.body == sent;
    if let Some(bootstrapped) = terminal.hear(&response, choices) {
        let association = network.association().expect("the BSF has what its UE has");
        assert!(untouched || terminal.accepts_auth, "a changed body was believed");
        if untouched {
            assert_eq!(bootstrapped.b_tid, association.b_tid);
            assert_eq!(bootstrapped.rand, association.rand);
            assert_eq!(bootstrapped.lifetime, association.expires_at);
        }
    }
}

fn bsf_name() -> Fqdn {
    Fqdn::parse("bsf.example").expect("a host name")
}

fn impi() -> Impi {
    Impi::parse("user@home.example").expect("an IMPI")
}

fn res() -> Res {
    Res::new(&[9; 8]).expect("eight octets")
}

fn ck_ik() -> (Ck, Ik) {
    (Ck::new([3; 16]), Ik::new([4; 16]))
}

/// No value ends its header line.
fn check_headers(headers: &[(String, String)]) {
    for (name, value) in headers {
        assert!(!name.chars().chain(value.chars()).any(char::is_control), "{name}: {value:?}");
    }
}
