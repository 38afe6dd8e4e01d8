//! ACME-CSE, unmodified, on a port of its own, with nothing on disk that outlives the test; and an originator at it.

use crate::programs::{Running, ours};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Its administrator, who may do everything without proof.
pub(crate) const ADMIN: &str = "CAdmin";

/// How long it may take to start: it reads some thousand policies.
const START: Duration = Duration::from_secs(60);

/// A running CSE.
pub(crate) struct Acme {
    _folder: TempDir,
    program: Option<Running>,
    port: u16,
}

impl Acme {
    /// Starts one: an IN-CSE `/id-in` with the CSEBase `cse-in`.
    pub(crate) fn start() -> Self {
        // It cannot be told to take any port, and somebody else may take the one that was free.
        (0..5).find_map(|_| Self::start_at(free_port()).ok()).expect("a CSE, at one of five ports")
    }

    /// What it said, where it ended.
    fn start_at(port: u16) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("ksnaf-acme-").tempdir().expect("a folder");
        let configuration = format!(
            "[basic.config]\ncseType=IN\ncseID=id-in\ncseName=cse-in\nadminID={ADMIN}\n\
             dataDirectory=${{baseDirectory}}\nnetworkInterface=127.0.0.1\ncseHost=127.0.0.1\nhttpPort={port}\n\
             databaseType=memory\nlogLevel=info\nconsoleTheme=dark\nsecret=a-secret-of-this-test-only\n\n\
             [cse.registration]\nallowedAEOriginators=C*,S*\n"
        );
        std::fs::write(folder.path().join("acme.ini"), configuration).expect("a file");
        let mut command = ours(installed());
        command.arg("-dir").arg(folder.path()).args(["--config", "acme.ini"]);
        command.args(["--headless", "--db-type", "memory"]);
        let mut program = Running::start(command.stdin(std::process::Stdio::null()));
        let until = Instant::now() + START;
        let admin = Originator { port, origin: ADMIN };
        // It answers 404 before its CSEBase is there.
        while admin.get("/cse-in").0 != 2000 {
            if !program.is_alive() {
                return Err(program.log());
            }
            assert!(Instant::now() < until, "no CSE: {}", program.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { _folder: folder, program: Some(program), port })
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.signal(Signal::TERM);
            program.wait(Duration::from_secs(20));
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Somebody who speaks to it directly.
    pub(crate) fn at<'a>(&self, origin: &'a str) -> Originator<'a> {
        Originator { port: self.port, origin }
    }

    /// Somebody who speaks to it by way of a proxy.
    pub(crate) fn through<'a>(&self, proxy: SocketAddr, origin: &'a str) -> Originator<'a> {
        Originator { port: proxy.port(), origin }
    }

    /// An application of that name, registered.
    pub(crate) fn register<'a>(&self, origin: &'a str) -> Originator<'a> {
        let application = self.at(origin);
        let ae = json!({ "m2m:ae": { "rn": origin, "api": "Ntest", "rr": false, "srv": ["4"] } });
        assert_eq!(application.create("/cse-in", 2, &ae).0, 2001);
        application
    }
}

/// One originator's requests, straight to the CSE.
pub(crate) struct Originator<'a> {
    port: u16,
    origin: &'a str,
}

impl Originator<'_> {
    /// Response status code and content of a RETRIEVE.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, "application/json", "")
    }

    pub(crate) fn create(&self, path: &str, kind: u8, content: &Value) -> (u16, Value) {
        self.send("POST", path, &format!("application/json;ty={kind}"), &content.to_string())
    }

    pub(crate) fn delete(&self, path: &str) -> (u16, Value) {
        self.send("DELETE", path, "application/json", "")
    }

    /// The paths of all resources with that label that this originator may discover.
    pub(crate) fn discover(&self, label: &str) -> Vec<String> {
        let (rsc, found) = self.get(&format!("/cse-in?fu=1&lbl={label}"));
        assert_eq!(rsc, 2000, "{found}");
        let paths = found["m2m:uril"].as_array().cloned().unwrap_or_default();
        paths.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The content of a container's last instance, if there is one.
    pub(crate) fn latest(&self, container: &str) -> Option<Value> {
        let (rsc, instance) = self.get(&format!("{container}/la"));
        let content = instance.pointer("/m2m:cin/con").and_then(Value::as_str);
        content.filter(|_| rsc == 2000).and_then(|content| serde_json::from_str(content).ok())
    }

    fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, Value) {
        static SENT: AtomicU32 = AtomicU32::new(0);
        let number = SENT.fetch_add(1, Ordering::Relaxed);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-M2M-Origin: {}\r\nX-M2M-RI: t{number}\r\nX-M2M-RVI: 4\r\n\
             Accept: application/json\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            self.origin,
            body.len()
        );
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
            let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        }
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let rsc = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("x-m2m-rsc").then(|| value.trim().parse().ok())?
        });
        (rsc.unwrap_or_default(), serde_json::from_str(body).unwrap_or_default())
    }
}

/// The program that `make python-tests` installs, or the one beside `KSNAF_TEST_PYTHON`.
fn installed() -> PathBuf {
    let python = std::env::var_os("KSNAF_TEST_PYTHON").map_or_else(
        || {
            let program = PathBuf::from(crate::lab::KSNAF);
            program.ancestors().nth(2).expect("target/PROFILE/ksnaf").join("python/bin/python")
        },
        PathBuf::from,
    );
    let acme = python.with_file_name("acmecse");
    assert!(acme.exists(), "{} is missing: run `make python-tests`", acme.display());
    acme
}

/// Nobody listens there now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
