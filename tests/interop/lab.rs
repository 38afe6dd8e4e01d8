//! `ksnaf lab` and single `ksnaf` commands on a data directory of the test's own, and HTTP to the lab's API.

use crate::programs::{Ran, Running, ours, run};
use ksnaf_proto::aka::AkaKey;
use ksnaf_proto::secret::Secret;
use ksnaf_sim_usim::{Personalisation, SimCard, SqnRules};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const KSNAF: &str = env!("CARGO_BIN_EXE_ksnaf");

/// The NAF that a lab lets its principal ask for.
pub(crate) const NAF: &str = "naf.lab.example";

/// The key of TS 35.208 test set 1.
pub(crate) fn set_1() -> AkaKey {
    let k = hex_literal::hex!("465b5ce8b199b49faa5f0a2ee238a6bc");
    AkaKey::Milenage {
        k: Secret::new(k),
        opc: Secret::new(hex_literal::hex!("cd63cb71954a9f4e48a5994e37a02baf")),
    }
}

/// A card with that key that takes any sequence number that grows, so that published values can be tried on it.
pub(crate) fn set_1_card() -> Personalisation {
    let sqn = SqnRules { delta: None, ..SqnRules::default() };
    Personalisation { sqn, ..Personalisation::lab(set_1()) }
}

/// A data directory, and the lab on it while it runs.
pub(crate) struct Lab {
    folder: TempDir,
    service: Option<Running>,
    addresses: Value,
    token: String,
}

impl Lab {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("ksnaf-").tempdir().expect("a folder");
        Self { folder, service: None, addresses: Value::Null, token: String::new() }
    }

    /// A lab that runs, with that card; no device side uses it yet.
    pub(crate) fn with(card: Personalisation) -> Self {
        let mut lab = Self::new();
        lab.make_card(card);
        lab.start(&[]);
        lab
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the lab's own card is kept.
    pub(crate) fn card_file(&self) -> PathBuf {
        self.data_dir().join("sim-usim.json")
    }

    /// Puts a card of the test's own in the place of the one that the lab would make.
    pub(crate) fn make_card(&self, card: Personalisation) {
        fs::create_dir_all(self.data_dir()).expect("a folder");
        SimCard::create(&self.card_file(), card).expect("a card");
    }

    /// Another card's file beside the data directory.
    pub(crate) fn other_card(&self, name: &str, card: Personalisation) -> PathBuf {
        let path = self.folder.path().join(name);
        SimCard::create(&path, card).expect("a card");
        path
    }

    /// The file of a second card of the lab's subscriber.
    pub(crate) fn twin(&self) -> PathBuf {
        let path = self.folder.path().join("twin.json");
        fs::copy(self.card_file(), &path).expect("a copy");
        path
    }

    /// A file of the test's own.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path
    }

    /// Runs `ksnaf lab` with further `--set` values until it is ready.
    pub(crate) fn start(&mut self, settings: &[&str]) {
        let ready = self.folder.path().join("ready.json");
        let mut command = ours(KSNAF);
        command.arg("lab").arg("--ready-file").arg(&ready);
        for setting in ["ub.listen", "api.listen", "zn.sbi_listen", "zn.diameter_listen"] {
            command.args(["--set", &format!("{setting}=127.0.0.1:0")]);
        }
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut service = Running::start(command.args(["--set", &self.data_dir_setting()]));
        let until = Instant::now() + Duration::from_secs(10);
        while !ready.exists() {
            assert!(service.is_alive() && Instant::now() < until, "no lab: {}", service.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.service = Some(service);
        self.addresses = serde_json::from_slice(&fs::read(&ready).expect("a file")).expect("JSON");
        let token = self.addresses["token_file"].as_str().expect("a token file");
        fs::read_to_string(token).expect("a token").trim().clone_into(&mut self.token);
    }

    /// Sends SIGTERM; how the lab ended, and after how long.
    pub(crate) fn stop(&mut self) -> (ExitStatus, Duration) {
        let mut service = self.service.take().expect("a running lab");
        let began = Instant::now();
        service.signal(Signal::TERM);
        (service.wait(Duration::from_secs(30)), began.elapsed())
    }

    /// Ends the lab without a chance to tidy up.
    pub(crate) fn kill(&mut self) {
        self.service.take();
        let _ = fs::remove_file(self.folder.path().join("ready.json"));
    }

    /// What the lab has logged so far.
    pub(crate) fn log(&self) -> String {
        self.service.as_ref().expect("a running lab").log()
    }

    /// The token of the lab's principal.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Where one of the lab's listeners is, by its key in the ready file.
    pub(crate) fn address(&self, key: &str) -> &str {
        self.addresses[key].as_str().unwrap_or_else(|| panic!("no {key} in {}", self.addresses))
    }

    /// Revokes every association.
    pub(crate) fn revoke_all(&self) {
        let listed = self.api().send("GET", "/v1/associations", "").1;
        let associations: Value = serde_json::from_str(&listed).expect("JSON");
        let associations = associations["associations"].as_array().expect("a list").clone();
        assert!(!associations.is_empty());
        for association in associations {
            let b_tid =
                association["b_tid"].as_str().expect("a B-TID").replace('/', "%2F").replace('+', "%2B");
            assert_eq!(self.api().send("DELETE", &format!("/v1/associations/{b_tid}"), "").0, 204);
        }
    }

    /// The lab's BSF.
    pub(crate) fn bsf(&self) -> String {
        format!("http://{}/", self.addresses["ub"].as_str().expect("an address"))
    }

    /// A command on the lab's data directory, with JSON and keys in its output where it has them.
    pub(crate) fn ksnaf(&self, arguments: &[&str]) -> Ran {
        command(&self.data_dir(), arguments)
    }

    /// Starts a command on the lab's data directory.
    pub(crate) fn start_ksnaf(&self, arguments: &[&str]) -> Running {
        Running::start(ours(KSNAF).args(arguments).args(["--set", &self.data_dir_setting()]))
    }

    /// A command on a data directory of its own, as on a device that is another machine, with the lab's BSF.
    pub(crate) fn device(&self, arguments: &[&str]) -> Ran {
        let device = tempfile::Builder::new().prefix("ksnaf-").tempdir().expect("a folder");
        command(&device.path().join("data"), &[arguments, &["--bsf", &self.bsf()]].concat())
    }

    /// The report of a bootstrap, on a device of its own, that succeeds.
    pub(crate) fn bootstrap(&self, card: &str) -> Value {
        json_of(self.device(&["bootstrap", "--json", "--card", card]))
    }

    /// A credential of the lab's NAF, on a device of its own.
    pub(crate) fn credential(&self, card: &str) -> Value {
        json_of(self.device(&["credential", "--json", "--danger-show-keys", "--naf", NAF, "--card", card]))
    }

    /// A credential of any NAF, in any form, by the card that the lab itself has.
    pub(crate) fn credential_of(&self, naf: &str, ua: &str, form: &str) -> Value {
        let fixed = ["credential", "--json", "--danger-show-keys"];
        json_of(self.ksnaf(&[&fixed[..], &["--naf", naf, "--ua-protocol", ua, "--form", form]].concat()))
    }

    /// What the network side says to the credential that a device has: it is the same.
    pub(crate) fn assert_network_agrees(&self, device: &Value) {
        let mut ask = question();
        ask["b_tid"] = device["b_tid"].clone();
        let (status, network) = self.api().post("/v1/naf/credentials", &ask);
        assert_eq!(status, 200, "{network}");
        let key = device["key"].as_str().expect("a key");
        assert_eq!((key.len(), &device["key"]), (64, &network["key"]));
        for member in ["b_tid", "naf_fqdn", "ua_sec_prot_id", "gba_mode", "expires_at"] {
            assert_eq!(device[member], network[member], "{member}");
        }
    }

    /// The API over TCP, as the lab's principal.
    pub(crate) fn api(&self) -> Api {
        let address = self.addresses["api"].as_str().expect("an address").to_owned();
        Api { address, token: self.token.clone() }
    }

    fn data_dir_setting(&self) -> String {
        format!("data_dir={}", self.data_dir().display())
    }
}

/// The lab's API.
pub(crate) struct Api {
    address: String,
    token: String,
}

impl Api {
    /// The device side: a bootstrap.
    pub(crate) fn bootstrap(&self) -> (u16, Value) {
        self.post("/v1/ue/bootstrap", &json!({ "force": true }))
    }

    /// The device side: a credential of the lab's NAF.
    pub(crate) fn credential(&self) -> (u16, Value) {
        self.post("/v1/ue/credentials", &question())
    }

    /// The device side: a push that has come to it.
    pub(crate) fn take_push(&self, gpi: &Value) -> (u16, Value) {
        self.post("/v1/ue/push", &json!({ "gpi": gpi }))
    }

    /// The counters, as text.
    pub(crate) fn metrics(&self) -> String {
        self.send("GET", "/metrics", "").1
    }

    /// One request; the status and the body, if there is one.
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.send("POST", path, &body.to_string());
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let Self { address, token } = self;
        let mut stream = TcpStream::connect(address).expect("the API listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the API reads");
        let mut answer = String::new();
        // A service that is stopped may cut the connection.
        let _ = stream.read_to_string(&mut answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
        (status, body.to_owned())
    }
}

fn question() -> Value {
    json!({ "naf_fqdn": NAF, "ua_sec_prot_id": "0100000002", "form": "raw" })
}

/// Runs a command to its end.
fn command(data_dir: &Path, arguments: &[&str]) -> Ran {
    let setting = format!("data_dir={}", data_dir.display());
    run(ours(KSNAF).args(arguments).args(["--set", &setting]), "")
}

/// The JSON that a command printed.
pub(crate) fn json_of(ran: Ran) -> Value {
    serde_json::from_str(&ran.good()).expect("JSON")
}
