//! osmo-hlr as the network's authentication centre: cards bootstrap with its vectors, over GSUP.

use crate::lab::{Lab, NAF, json_of, set_1};
use crate::programs::{Running, need, ours};
use ksnaf_proto::aka::AkaKey;
use ksnaf_proto::hex;
use ksnaf_sim_usim::Personalisation;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What osmo-hlr listens on for GSUP; its configuration has no place for another port.
const GSUP: u16 = 4222;

/// Its console.
const VTY: u16 = 4258;

/// Vectors in one of its answers.
const VECTORS: usize = 5;

/// For anything that comes by itself.
const BOUND: Duration = Duration::from_secs(20);

/// An osmo-hlr of the test's own: a loopback address that no other has, since the ports are fixed.
struct OsmoHlr {
    folder: TempDir,
    address: String,
    running: Option<Running>,
}

impl OsmoHlr {
    fn start() -> Self {
        need(&["osmo-hlr"], "osmo-hlr");
        let mut octets = [0; 2];
        getrandom::fill(&mut octets).expect("randomness");
        let address = format!("127.{}.{}.{}", 64 + octets[0] % 128, octets[1], 1 + std::process::id() % 250);
        let folder = tempfile::Builder::new().prefix("ksnaf-").tempdir().expect("a folder");
        let bind = format!(" bind {address}\n");
        let content = format!("line vty\n{bind}ctrl\n{bind}hlr\n gsup\n  bind ip {address}\n");
        fs::write(folder.path().join("hlr.cfg"), content).expect("a file");
        let mut hlr = Self { folder, address, running: None };
        hlr.run();
        hlr
    }

    /// Starts it, on its database, and waits until it listens.
    fn run(&mut self) {
        let mut command = ours("osmo-hlr");
        command.current_dir(self.folder.path()).args(["-c", "hlr.cfg", "-l", "hlr.db"]);
        let mut running = Running::start(&mut command);
        let until = Instant::now() + BOUND;
        for port in [GSUP, VTY] {
            while TcpStream::connect((self.address.as_str(), port)).is_err() {
                assert!(running.is_alive() && Instant::now() < until, "no osmo-hlr: {}", running.log());
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        self.running = Some(running);
    }

    /// Kills it without a chance to tidy up.
    fn kill(&mut self) {
        let mut running = self.running.take().expect("a running HLR");
        running.signal(Signal::KILL);
        running.wait(BOUND);
    }

    /// Types commands on its console; what it says to them.
    fn say(&self, commands: &[&str]) -> String {
        let mut console = TcpStream::connect((self.address.as_str(), VTY)).expect("the console");
        console.set_read_timeout(Some(BOUND)).expect("a socket");
        let mut said = String::new();
        let lines = std::iter::once(&"enable").chain(commands);
        said += &until_prompt(&mut console, b"> ");
        for line in lines {
            console.write_all(format!("{line}\r\n").as_bytes()).expect("the console reads");
            said += &until_prompt(&mut console, b"# ");
        }
        said
    }

    /// A subscriber with this card's keys. Its sequence number begins at zero, as often as this is said.
    fn keys_of(&self, card: &Personalisation) {
        let AkaKey::Milenage { k, opc } = &card.key else { panic!("MILENAGE") };
        let (imsi, k, opc) =
            (card.imsi.as_str(), hex::encode(k.danger_expose()), hex::encode(opc.danger_expose()));
        let update = format!("subscriber imsi {imsi} update aud3g milenage k {k} opc {opc}");
        let said = self.say(&[&format!("subscriber imsi {imsi} create"), &update]);
        assert!(said.contains("Created subscriber") || said.contains("Subscriber already exists"), "{said}");
    }
}

fn until_prompt(console: &mut TcpStream, prompt: &[u8]) -> String {
    let mut said = Vec::new();
    let mut buffer = [0; 1024];
    while !said.ends_with(prompt) {
        let count = console.read(&mut buffer).expect("the console answers");
        assert!(count > 0, "the console ended: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// A lab with this card whose vectors are the HLR's: its store has the settings and no key.
fn lab(hlr: &OsmoHlr, card: &Personalisation, settings: &[&str]) -> Lab {
    let mut lab = Lab::new();
    lab.make_card(card.clone());
    let file = lab.file("settings.csv", &format!("imsi,algorithm,uicc\n{},none,GBA_U\n", card.imsi.as_str()));
    lab.ksnaf(&["subscriber", "import", file.to_str().expect("a text")]).good();
    let peer = format!("zh.peer={}:{GSUP}", hlr.address);
    lab.start(&[&["zh.source=gsup", &peer], settings].concat());
    lab
}

/// Bootstraps anew; the credential of the lab's NAF is the same on both sides.
fn bootstrap(lab: &Lab) {
    let (status, done) = lab.api().bootstrap();
    assert_eq!(status, 200, "{done}\n{}", lab.log());
    assert_eq!(done["gba_mode"], "GBA_U", "the local settings count");
    let (status, device) = lab.api().credential();
    assert_eq!((status, &device["b_tid"]), (200, &done["b_tid"]));
    lab.assert_network_agrees(&device);
}

/// A count of the lab's metrics.
fn count(lab: &Lab, name: &str, labels: &str) -> usize {
    let start = format!("ksnaf_{name}_total{{{labels}}} ");
    let metrics = lab.api().metrics();
    metrics
        .lines()
        .find_map(|line| line.strip_prefix(&start))
        .map_or(0, |count| count.parse().expect("a number"))
}

fn zh(lab: &Lab, outcome: &str) -> usize {
    count(lab, "zh_requests", &format!("source=\"gsup\",outcome=\"{outcome}\""))
}

#[test]
fn the_card_bootstraps_with_vectors_of_osmo_hlr_and_resynchronises_when_it_is_ahead() {
    let (hlr, card) = (OsmoHlr::start(), Personalisation::lab(set_1()));
    hlr.keys_of(&card);
    let lab = lab(&hlr, &card, &[]);
    for _ in 0..VECTORS {
        bootstrap(&lab);
    }
    assert_eq!((zh(&lab, "vector"), zh(&lab, "kept")), (1, VECTORS - 1), "all of an answer are used");
    bootstrap(&lab);
    assert_eq!(zh(&lab, "vector"), 2, "SQN moves on");
    for _ in 1..VECTORS {
        bootstrap(&lab);
    }
    assert_eq!(count(&lab, "ub_requests", "outcome=\"resynchronised\""), 0);
    // The HLR begins at zero again: the card is ten ahead.
    hlr.keys_of(&card);
    bootstrap(&lab);
    assert_eq!(count(&lab, "ub_requests", "outcome=\"resynchronised\""), 1);
    for _ in 1..=VECTORS {
        bootstrap(&lab);
    }
    assert_eq!(count(&lab, "ub_requests", "outcome=\"resynchronised\""), 1, "and stays in step");
}

#[test]
fn an_osmo_hlr_that_is_killed_is_used_again_when_it_is_back() {
    let (mut hlr, card) = (OsmoHlr::start(), Personalisation::lab(set_1()));
    let lab = lab(&hlr, &card, &["zh.keep_vectors=false"]);
    // Not yet known: no challenge, and the UE hears no more than that.
    let (status, problem) = lab.api().bootstrap();
    assert_eq!((status, &problem["cause"]), (502, &Value::from("AUTHENTICATION_REJECTED")), "{problem}");
    assert_eq!(zh(&lab, "unknown"), 1);
    hlr.keys_of(&card);
    bootstrap(&lab);
    hlr.kill();
    let (status, problem) = lab.api().bootstrap();
    assert_eq!((status, &problem["cause"]), (503, &Value::from("BSF_UNREACHABLE")), "{problem}");
    hlr.run();
    let until = Instant::now() + BOUND;
    while lab.api().bootstrap().0 != 200 {
        assert!(Instant::now() < until, "osmo-hlr is back and not used: {}", lab.log());
    }
    bootstrap(&lab);
    assert_eq!(count(&lab, "ub_requests", "outcome=\"resynchronised\""), 0, "its database kept SQN");
}

#[test]
fn the_credential_command_works_on_vectors_of_osmo_hlr() {
    let (hlr, card) = (OsmoHlr::start(), Personalisation::lab(set_1()));
    hlr.keys_of(&card);
    let lab = lab(&hlr, &card, &[]);
    let said = json_of(lab.ksnaf(&["credential", "--json", "--danger-show-keys", "--naf", NAF]));
    lab.assert_network_agrees(&said);
}
