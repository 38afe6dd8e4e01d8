//! An AE and a CSE that know nothing of GBA talk through two `ksnaf`: the device's proxy, and the one before the CSE. The
//! SIM is the only credential, by every way of using it.

use crate::acme::{ADMIN, Acme};
use crate::lab::{Lab, set_1_card};
use crate::pcscd::{until, with_pcscd};
use crate::programs::{need, ours, run};
use crate::sim_usim::SimUsim;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The NAF that the proxy before the CSE is.
pub(crate) const NAF: &str = "id-in.cse.example";
const IMPI: &str = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org";

/// One way of the key between the two proxies.
struct Way {
    /// `ua_client.use`.
    protection: &'static str,
    /// Whether TLS is spoken.
    tls: bool,
}

const WAYS: [Way; 4] = [
    Way { protection: "tls-psk", tls: true },
    Way { protection: "tls13-psk", tls: true },
    Way { protection: "http-digest", tls: true },
    Way { protection: "http-digest", tls: false },
];

/// A CSE behind a proxy of the network's, and a device with a proxy of its own.
struct Chain {
    acme: Acme,
    network: Lab,
    device: Lab,
}

impl Chain {
    /// With these settings of the device's card.
    fn start(way: &Way, card: &[&str]) -> Self {
        let acme = Acme::start();
        let (network, certificate) = network_before(&acme);
        let mut device = Lab::new();
        std::fs::create_dir_all(device.data_dir()).expect("a folder");
        std::fs::copy(network.card_file(), device.card_file()).expect("a card");
        let place = network.address(if way.tls { "ua_proxy" } else { "ua_proxy_http" });
        let settings = [
            format!("ue.bsf={}", network.bsf()),
            format!("ua_client.target={}://{NAF}", if way.tls { "https" } else { "http" }),
            format!("ua_client.connect={place}"),
            format!("ua_client.use={}", way.protection),
            format!("ua_client.ca={}", certificate.display()),
            "ua_client.listen=127.0.0.1:0".to_owned(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).chain(card.iter().copied()).collect();
        device.start(&settings);
        Self { acme, network, device }
    }

    /// What the AE's requests go through.
    fn door(&self) -> SocketAddr {
        self.device.address("ua_client").parse().expect("an address")
    }

    /// Registers an AE, lets it work as AEs do, and looks at what the CSE has of it.
    fn assert_an_ae_works(&self) {
        let (heard, poa) = Ear::open();
        let ae = self.acme.through(self.door(), "Cdevice1");
        let registration =
            json!({ "m2m:ae": { "rn": "device1", "api": "Ntest", "rr": true, "srv": ["4"], "poa": [poa] } });
        let (rsc, made) = ae.create("/cse-in", 2, &registration);
        assert_eq!(
            (rsc, &made["m2m:ae"]["aei"]),
            (2001, &json!("Cdevice1")),
            "{}{}",
            self.device.log(),
            self.network.log()
        );
        let container = json!({ "m2m:cnt": { "rn": "readings", "lbl": ["kind:reading"] } });
        assert_eq!(ae.create("/cse-in/device1", 3, &container).0, 2001);
        let watch = json!({ "m2m:sub": { "rn": "watch", "nu": [poa], "enc": { "net": [3] }, "nct": 1 } });
        assert_eq!(ae.create("/cse-in/device1/readings", 23, &watch).0, 2001);
        let reading = json!({ "m2m:cin": { "con": "21.5" } });
        assert_eq!(ae.create("/cse-in/device1/readings", 4, &reading).0, 2001);
        until("the notification comes", || heard.has("21.5"));
        let (rsc, latest) = ae.get("/cse-in/device1/readings/la");
        assert_eq!((rsc, &latest["m2m:cin"]["con"]), (2000, &json!("21.5")));
        assert!(ae.discover("kind:reading").contains(&"cse-in/device1/readings".to_owned()));
        let (rsc, seen) = self.acme.at(ADMIN).get("/cse-in/device1");
        assert_eq!((rsc, &seen["m2m:ae"]["aei"]), (2000, &json!("Cdevice1")));
        // Another originator than the subscriber's stops before the CSE.
        for forged in ["CAdmin", "Cother", "/id-in/CAdmin"] {
            let (rsc, said) = self.acme.through(self.door(), forged).get("/cse-in");
            assert_eq!(rsc, 4106, "{forged}: {said}");
        }
    }
}

#[test]
fn an_unmodified_ae_and_an_unmodified_cse_talk_by_every_way_of_using_the_key() {
    need(&["openssl"], "openssl");
    for way in WAYS {
        let chain = Chain::start(&way, &[]);
        chain.assert_an_ae_works();
    }
}

#[test]
fn the_card_in_a_reader_is_the_only_credential() {
    with_pcscd(|pcscd| {
        let chain = Chain::start(&WAYS[0], &["card.use=pcsc"]);
        let (rsc, _) = chain.acme.through(chain.door(), "Cdevice1").get("/cse-in");
        assert_eq!(rsc, 0, "without a card there is no way");
        let card = SimUsim::plug(pcscd, 0, &chain.device.card_file(), &[]);
        chain.assert_an_ae_works();
        card.pull();
    });
}

#[test]
fn requests_go_on_while_keys_are_renewed_revoked_and_lost() {
    for way in [&WAYS[0], &WAYS[2]] {
        let mut chain = Chain::start(way, &[]);
        chain.assert_an_ae_works();
        let ae = chain.acme.through(chain.door(), "Cdevice1");
        // Another bootstrap of the same subscriber ends the former key; the device finds out by itself.
        for _ in 0..3 {
            assert_eq!(chain.device.api().bootstrap().0, 200);
            for _ in 0..5 {
                assert_eq!(ae.get("/cse-in/device1").0, 2000);
            }
        }
        // The network has forgotten everything: a bootstrap, and on.
        chain.network.revoke_all();
        assert_eq!(ae.get("/cse-in/device1").0, 2000, "{}{}", chain.device.log(), chain.network.log());
        chain.device.stop();
        chain.network.stop();
    }
}

/// Hears notifications.
pub(crate) struct Ear(Arc<Mutex<String>>);

impl Ear {
    /// An ear, and where it is.
    pub(crate) fn open() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let heard = Arc::new(Mutex::new(String::new()));
        let writes = Arc::clone(&heard);
        // Ends with the test's process; every wait of a test for it is bounded.
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut request = vec![0; 65536];
                let mut length = 0;
                while let Ok(count @ 1..) = stream.read(&mut request[length..]) {
                    length += count;
                    if is_whole(&request[..length]) {
                        break;
                    }
                }
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let identifier = text.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("x-m2m-ri").then(|| value.trim().to_owned())
                });
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: {}\r\nX-M2M-RVI: 4\r\nContent-Length: 0\r\n\
                     Connection: close\r\n\r\n",
                    identifier.unwrap_or_default()
                );
                let _ = stream.write_all(answer.as_bytes());
                writes.lock().expect("no panic elsewhere").push_str(&text);
            }
        });
        (Self(heard), url)
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.0.lock().expect("no panic elsewhere").contains(text)
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or_default()
}

/// A service with a card and a proxy before that CSE, and the certificate of the proxy.
pub(crate) fn network_before(acme: &Acme) -> (Lab, PathBuf) {
    let mut network = Lab::new();
    network.make_card(set_1_card());
    let (certificate, key) = certificate(&network);
    let settings = [
        format!("ua_proxy.naf_fqdn={NAF}"),
        format!("ua_proxy.upstream={}", acme.url()),
        "ua_proxy.listen=127.0.0.1:0".to_owned(),
        "ua_proxy.http_listen=127.0.0.1:0".to_owned(),
        format!("ua_proxy.certificate={}", certificate.display()),
        format!("ua_proxy.key={}", key.display()),
        "ua_proxy.recheck=1s".to_owned(),
        format!("enrolee=[{{impi=\"{IMPI}\",origins=[\"Cdevice*\"],targets=[\"{NAF}\"]}}]"),
    ];
    network.start(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    (network, certificate)
}

/// A certificate of the target's name that signs itself, and its key, made by OpenSSL.
fn certificate(lab: &Lab) -> (PathBuf, PathBuf) {
    let (certificate, key) = (lab.file("target.pem", ""), lab.file("target.key", ""));
    let mut command = ours("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args([
        "-days",
        "2",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-subj",
        "/CN=target",
        "-addext",
        &format!("subjectAltName=DNS:{NAF}"),
    ]);
    command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    run(&mut command, "").good();
    (certificate, key)
}
