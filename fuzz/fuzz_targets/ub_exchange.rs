//! Both ends of Ub against a peer that says what it likes. A made-up answer never earns an association.
#![no_main]

use ksnaf_proto::aka::{AuthVector, Autn, Ck, Ik, Rand, Res};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::gba::lifetime::from_unix_seconds;
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::secret::Secret;
use ksnaf_proto::ub::{
    AcceptAuth, Bsf, BsfConfig, CardOutcome, Cnonce, SealNonce, SealingKey, SealingKeys, TmpiLookup,
    Transport, UbRequest, UbResponse, UbStep, UeBootstrap, UeConfig, UeStep, VectorAnswer,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::Duration;

static BSF: LazyLock<Bsf> = LazyLock::new(|| {
    let config = BsfConfig {
        realm: fqdn(),
        key_lifetime: Duration::from_secs(60),
        any_first_realm: true,
        retries: 1,
        challenge_lifetime: Duration::from_secs(60),
        accept_auth: AcceptAuth::Always,
        tmpi: true,
        server: "fuzz".to_owned(),
        tell_current_time: true,
    };
    Bsf::new(config, SealingKeys { current: SealingKey { id: 1, key: Secret::new([7; 32]) }, previous: None })
});

fn fqdn() -> Fqdn {
    Fqdn::parse("bsf.example").expect("a host name")
}

fn impi() -> Impi {
    Impi::parse("user@bsf.example").expect("an IMPI")
}

fn res() -> Res {
    Res::new(&[9; 8]).expect("eight octets")
}

fuzz_target!(|octets: &[u8]| {
    let text = String::from_utf8_lossy(octets);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    at_the_bsf(first, second);
    at_the_ue(first, second);
});

fn at_the_bsf(authorization: &str, agent: &str) {
    let request = UbRequest {
        method: "GET".to_owned(),
        target: "/".to_owned(),
        headers: vec![
            ("authorization".to_owned(), authorization.to_owned()),
            ("user-agent".to_owned(), agent.to_owned()),
        ],
        body: Vec::new(),
    };
    let now = from_unix_seconds(1_700_000_000);
    let mut step = BSF.handle(&request, Transport::Plain, now);
    for _ in 0..6 {
        step = match step {
            UbStep::Done(response, _) => {
                assert!((400..=599).contains(&response.status));
                return;
            }
            UbStep::NeedTmpi(_, then) => then.resume(TmpiLookup::Known(impi())),
            UbStep::NeedChallenge(_, then) => then.resume(Some(agent), now),
            UbStep::NeedVector(_, then) => {
                let (rand, autn) = (Rand([1; 16]), Autn([2; 16]));
                let vector =
                    AuthVector { rand, autn, xres: res(), ck: Ck::new([3; 16]), ik: Ik::new([4; 16]) };
                let answer = VectorAnswer { vector, gba_mode: GbaMode::U, key_lifetime: None };
                then.resume(Ok(answer), now, SealNonce([5; 12]))
            }
            UbStep::Establish(..) => panic!("an association without a challenge"),
        };
    }
    panic!("the procedure does not end");
}

fn at_the_ue(header: &str, body: &str) {
    let config = UeConfig {
        impi: impi(),
        tmpi: None,
        bsf: fqdn(),
        expected_realm: None,
        uri: "/".to_owned(),
        user_agent: "fuzz".to_owned(),
        tmpi_supported: true,
        accept_auth: true,
    };
    let now = from_unix_seconds(1_700_000_000);
    let challenge = UbResponse {
        status: 401,
        headers: vec![("WWW-Authenticate".to_owned(), header.to_owned())],
        body: Vec::new(),
    };
    let (_, next) = UeBootstrap::start(config);
    let UeStep::AskCard { next, .. } = next.resume(&challenge, now) else { return };
    let UeStep::Send(_, next) = next.resume(CardOutcome::Res(res()), Cnonce([6; 16])) else { return };
    let success = UbResponse {
        status: 200,
        headers: vec![("Authentication-Info".to_owned(), header.to_owned())],
        body: body.as_bytes().to_vec(),
    };
    assert!(matches!(next.resume(&success, now), UeStep::Failed(_)), "success without a proof");
}
