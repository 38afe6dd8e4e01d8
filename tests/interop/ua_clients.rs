//! Clients that other people wrote reach an unmodified CSE through the proxy before it: OpenSSL with the key, curl by Digest.

use crate::acme::{ADMIN, Acme};
use crate::lab::Lab;
use crate::pcscd::until;
use crate::programs::{need, ours, run};
use crate::ua::{Ear, NAF, network_before};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The suite that TS-0003 clause 10.2.2 demands, and the Ua security protocol of it.
const PSK_SUITE: (&str, &str) = ("PSK-AES128-CBC-SHA256", "01000100ae");

/// A suite with the proxy's certificate, and the Ua security protocol of it.
const CERTIFICATE_SUITE: (&str, &str) = ("ECDHE-ECDSA-AES128-GCM-SHA256", "010001c02b");

/// A request to the CSE.
struct Request<'a> {
    origin: &'a str,
    method: &'a str,
    path: &'a str,
    /// Of the resource in `content`.
    kind: Option<u8>,
    content: Value,
}

impl Request<'_> {
    fn headers(&self) -> Vec<String> {
        let mut headers = vec![
            format!("X-M2M-Origin: {}", self.origin),
            "X-M2M-RI: r1".to_owned(),
            "X-M2M-RVI: 4".to_owned(),
            "Accept: application/json".to_owned(),
        ];
        headers.extend(self.kind.map(|kind| format!("Content-Type: application/json;ty={kind}")));
        headers
    }

    fn body(&self) -> String {
        if self.kind.is_some() { self.content.to_string() } else { String::new() }
    }
}

/// The response status code of an HTTP response as text, and its content.
fn read(response: &str) -> (u16, Value) {
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {response}"));
    let rsc = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-m2m-rsc").then(|| value.trim().parse().ok())?
    });
    (rsc.unwrap_or_default(), serde_json::from_str(body).unwrap_or_default())
}

/// `openssl s_client -psk` with the device's key: a connection a request.
struct SClient {
    place: String,
    identity: String,
    key: String,
}

impl SClient {
    fn of(network: &Lab) -> Self {
        let credential = network.credential_of(NAF, PSK_SUITE.1, "tls-psk");
        let member = |name: &str| credential[name].as_str().expect("a member").to_owned();
        Self {
            place: network.address("ua_proxy").to_owned(),
            identity: member("identity"),
            key: member("key"),
        }
    }

    fn send(&self, request: &Request) -> (u16, Value) {
        let mut command = ours("openssl");
        command.args(["s_client", "-quiet", "-ign_eof", "-tls1_2", "-cipher", PSK_SUITE.0]);
        command.args(["-connect", &self.place, "-psk_identity", &self.identity, "-psk", &self.key]);
        let body = request.body();
        let text = format!(
            "{} {} HTTP/1.1\r\nHost: {NAF}\r\nConnection: close\r\n{}\r\nContent-Length: {}\r\n\r\n{body}",
            request.method,
            request.path,
            request.headers().join("\r\n"),
            body.len()
        );
        let ran = run(&mut command, &text);
        read(&ran.out)
    }
}

/// `curl --digest` inside TLS with the proxy's certificate, with the key of the suite that it is told to use.
struct Curl {
    port: String,
    certificate: PathBuf,
    user: String,
}

impl Curl {
    fn of(network: &Lab, certificate: &Path) -> Self {
        let credential = network.credential_of(NAF, CERTIFICATE_SUITE.1, "http-digest");
        let member = |name: &str| credential[name].as_str().expect("a member");
        let place = network.address("ua_proxy");
        Self {
            port: place.rsplit_once(':').expect("a port").1.to_owned(),
            certificate: certificate.to_owned(),
            user: format!("{}:{}", member("username"), member("password")),
        }
    }

    fn send(&self, request: &Request) -> (u16, Value) {
        let Self { port, certificate, user } = self;
        let mut command = ours("curl");
        command.args(["-sS", "--digest", "-u", user, "--resolve", &format!("{NAF}:{port}:127.0.0.1")]);
        command.args(["--tls-max", "1.2", "--ciphers", CERTIFICATE_SUITE.0]).arg("--cacert").arg(certificate);
        command.args(["-w", "\r\n\r\n%{stderr}%header{x-m2m-rsc}", "-X", request.method]);
        for header in request.headers() {
            command.args(["-H", &header]);
        }
        if request.kind.is_some() {
            command.args(["--data-binary", &request.body()]);
        }
        let ran = run(command.arg(format!("https://{NAF}:{port}{}", request.path)), "");
        assert_eq!(ran.status, Some(0), "{}", ran.err);
        (ran.err.trim().parse().unwrap_or_default(), serde_json::from_str(ran.out.trim()).unwrap_or_default())
    }
}

/// What AEs do at a CSE, and what the CSE then has.
fn assert_an_ae_works(acme: &Acme, send: impl Fn(&Request) -> (u16, Value)) {
    let origin = "Cdevice1";
    let create = |path: &str, kind: u8, content: Value| {
        send(&Request { origin, method: "POST", path, kind: Some(kind), content })
    };
    let get = |origin: &str, path: &str| {
        send(&Request { origin, method: "GET", path, kind: None, content: Value::Null })
    };
    let (heard, poa) = Ear::open();
    let registration =
        json!({ "m2m:ae": { "rn": "device1", "api": "Ntest", "rr": true, "srv": ["4"], "poa": [poa] } });
    let (rsc, made) = create("/cse-in", 2, registration);
    assert_eq!((rsc, &made["m2m:ae"]["aei"]), (2001, &json!(origin)), "{made}");
    let container = json!({ "m2m:cnt": { "rn": "readings", "lbl": ["kind:reading"] } });
    assert_eq!(create("/cse-in/device1", 3, container).0, 2001);
    let watch = json!({ "m2m:sub": { "rn": "watch", "nu": [poa], "enc": { "net": [3] }, "nct": 1 } });
    assert_eq!(create("/cse-in/device1/readings", 23, watch).0, 2001);
    assert_eq!(create("/cse-in/device1/readings", 4, json!({ "m2m:cin": { "con": "21.5" } })).0, 2001);
    until("the notification comes", || heard.has("21.5"));
    let (rsc, latest) = get(origin, "/cse-in/device1/readings/la");
    assert_eq!((rsc, &latest["m2m:cin"]["con"]), (2000, &json!("21.5")));
    let (rsc, found) = get(origin, "/cse-in?fu=1&lbl=kind:reading");
    assert_eq!((rsc, &found["m2m:uril"]), (2000, &json!(["cse-in/device1/readings"])));
    let (rsc, seen) = acme.at(ADMIN).get("/cse-in/device1");
    assert_eq!((rsc, &seen["m2m:ae"]["aei"]), (2000, &json!(origin)));
    for forged in [ADMIN, "Cother"] {
        assert_eq!(get(forged, "/cse-in").0, 4106, "{forged}");
    }
}

#[test]
fn openssl_with_the_key_works_at_a_cse() {
    need(&["openssl"], "openssl");
    let acme = Acme::start();
    let (network, _) = network_before(&acme);
    let client = SClient::of(&network);
    assert_an_ae_works(&acme, |request| client.send(request));
}

#[test]
fn curl_by_digest_works_at_a_cse() {
    need(&["openssl", "curl"], "openssl curl");
    let acme = Acme::start();
    let (network, certificate) = network_before(&acme);
    let client = Curl::of(&network, &certificate);
    assert_an_ae_works(&acme, |request| client.send(request));
}
