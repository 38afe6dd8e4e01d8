//! The program that users run, each time with a data directory of the test's own. At its end a test asks all that the
//! program printed, logged at TRACE and left on disk for every secret it knows.

use crate::api::Api;
use crate::lab::{assert_files_are_clean, folder};
use crate::leaks::Watch;
use crate::people::Person;
use ksnaf_proto::hex;
use ksnaf_sim_usim::SimCard;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// For anything that a program does by itself.
const BOUND: Duration = Duration::from_secs(20);

/// A folder with a data directory in it, and what the programs that ran on it have said.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) watch: Arc<Mutex<Watch>>,
    said: Mutex<Vec<Ran>>,
    logs: Mutex<Vec<PathBuf>>,
    finished: bool,
}

/// What a program that has ended said.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) command: String,
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A service in a process of its own.
pub(crate) struct Running {
    child: Child,
    pub(crate) addresses: Value,
    ready_file: PathBuf,
    watch: Arc<Mutex<Watch>>,
}

impl Place {
    /// With nothing in it yet.
    pub(crate) fn empty() -> Self {
        let (watch, said, logs) = (Arc::default(), Mutex::default(), Mutex::default());
        Self { folder: folder(), watch, said, logs, finished: false }
    }

    /// With a simulated card, for which a lab makes the subscriber.
    pub(crate) fn of(person: &Person) -> Self {
        let place = Self::empty();
        place.insert(person);
        place
    }

    /// Puts a card into the data directory.
    pub(crate) fn insert(&self, person: &Person) {
        ksnaf::data_dir::create(&self.data_dir()).unwrap();
        SimCard::create(&self.card_file(), person.personalisation()).unwrap();
        person.watch(&mut self.watch());
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn card_file(&self) -> PathBuf {
        self.data_dir().join("sim-usim.json")
    }

    /// Writes a file beside the data directory.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn watch(&self) -> std::sync::MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program on this place: nothing of the test's own environment reaches it, no pcscd is there, it logs all.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ksnaf"));
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("KSNAF_")) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .env("KSNAF_DATA_DIR", self.data_dir())
            .env("KSNAF_LOG", "trace")
            .env("PCSCLITE_CSOCK_NAME", self.folder.path().join("no-pcscd"))
            .current_dir(self.folder.path());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        self.run_with_input(arguments, "")
    }

    /// As [`Self::run`], with something on standard input.
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let words: Vec<OsString> = arguments.iter().map(|word| word.as_ref().to_owned()).collect();
        let ran = Ran {
            command: format!("{words:?}"),
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        self.said.lock().unwrap().push(ran.clone());
        ran
    }

    /// Starts `lab` on free ports and waits until it is ready.
    pub(crate) fn lab(&self, further: &[&str]) -> Running {
        let ports = ["ub.listen", "api.listen", "zn.sbi_listen", "zn.diameter_listen"]
            .map(|key| format!("--set={key}=127.0.0.1:0"));
        let mut arguments = vec!["lab"];
        arguments.extend(ports.iter().map(String::as_str));
        arguments.extend(further);
        self.serve(&arguments)
    }

    /// Starts a service and waits until it is ready.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Running {
        let number = self.logs.lock().unwrap().len();
        let ready_file = self.folder.path().join(format!("ready-{number}.json"));
        let (out, log) = (
            self.folder.path().join(format!("out-{number}")),
            self.folder.path().join(format!("log-{number}")),
        );
        let mut command = self.command(arguments);
        command.arg("--ready-file").arg(&ready_file).stdin(Stdio::null());
        command.stdout(std::fs::File::create(&out).unwrap()).stderr(std::fs::File::create(&log).unwrap());
        let mut child = command.spawn().expect("the program starts");
        self.logs.lock().unwrap().extend([out, log.clone()]);
        let until = Instant::now() + BOUND;
        let addresses = loop {
            if let Ok(content) = std::fs::read(&ready_file) {
                break serde_json::from_slice(&content).expect("a ready file is there whole or not at all");
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{arguments:?} ended with {status}: {}", last_lines(&log));
            }
            assert!(Instant::now() < until, "{arguments:?} is not ready: {}", last_lines(&log));
            std::thread::sleep(Duration::from_millis(5));
        };
        if let Ok(token) = std::fs::read_to_string(self.data_dir().join("lab.token")) {
            self.watch().secret("the lab's token", token.trim());
        }
        Running { child, addresses, ready_file, watch: Arc::clone(&self.watch) }
    }

    /// Remembers what the bootstrap of this B-TID made.
    pub(crate) fn saw(&self, person: &Person, b_tid: &str) {
        person.watch_bootstrap(&mut self.watch(), b_tid);
    }

    /// Ends the test: no output, no log, no file but those of keys holds a secret. Programs that were asked to show keys
    /// may have done so, on standard output.
    pub(crate) fn finish(mut self) {
        let mut watch = self.watch().clone();
        watch_card(&mut watch, &self.card_file());
        let search = watch.search();
        for ran in self.said.lock().unwrap().iter() {
            search.assert_program_log_is_clean(&format!("the log of {}", ran.command), &ran.stderr);
            if !ran.command.contains("danger") {
                search.assert_no_secret_in(&format!("the output of {}", ran.command), ran.stdout.as_bytes());
            }
        }
        for path in self.logs.lock().unwrap().iter() {
            let log = std::fs::read_to_string(path).unwrap();
            search.assert_program_log_is_clean(&path.display().to_string(), &log);
        }
        if self.data_dir().exists() {
            assert_files_are_clean(&search, &self.data_dir());
        }
        self.finished = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test must end with Place::finish");
    }
}

impl Ran {
    /// It did what it was asked to.
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.status, 0, "{self:#?}");
        &self.stdout
    }

    /// Its output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.ok()).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// It failed with this status, and its message to people has these parts.
    pub(crate) fn failed(&self, status: i32, parts: &[&str]) {
        assert_eq!(self.status, status, "{self:#?}");
        let message = self.message();
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
        assert_eq!(self.stdout, "", "what failed prints no data");
    }

    /// What standard error has for people: all but the log.
    pub(crate) fn message(&self) -> String {
        let lines = self.stderr.lines().filter(|line| !line.starts_with('{'));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Running {
    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        self.addresses[name].as_str().and_then(|text| text.parse().ok()).expect("an address")
    }

    /// The API as the lab's principal.
    pub(crate) fn api(&self) -> Api {
        let file = self.addresses["token_file"].as_str().expect("a lab's token");
        let token = std::fs::read_to_string(file).unwrap();
        Api::tcp(self.address("api"), token.trim(), Arc::clone(&self.watch))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end: how it ended, and after how long.
    pub(crate) fn wait(&mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, started.elapsed());
            }
            assert!(started.elapsed() < BOUND, "the program does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM, and a clean end.
    pub(crate) fn stop(mut self) -> Duration {
        self.signal(Signal::TERM);
        let (status, took) = self.wait();
        assert!(status.success(), "{status}");
        assert!(!self.ready_file.exists(), "what is not ready has no ready file");
        took
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Registers every key that a simulated card's file holds.
fn watch_card(watch: &mut Watch, path: &Path) {
    if !path.is_file() {
        return;
    }
    let card: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut pending = vec![&card];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text)
                            if ["k", "opc", "topc", "ks", "ks_int_naf"].contains(&name.as_str()) =>
                        {
                            watch.secret(&format!("the card's {name}"), hex::decode(text).unwrap());
                        }
                        Value::String(text) if name == "imsi" => watch.identity(text),
                        _ => pending.push(member),
                    }
                }
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.join("\n")
}

/// A check that cannot fail proves nothing.
mod tests {
    use super::*;
    use ksnaf_proto::gba::GbaMode;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn what_a_program_prints_logs_or_leaves_on_disk_is_looked_through() {
        // What each of the three does hold, taken for a secret.
        let plants: [fn(&Place, &str) -> String; 4] = [
            |_, b_tid| b_tid.to_owned(),
            |_, _| "card → Ub → BSF".to_owned(),
            |_, _| "Ub challenge".to_owned(),
            |place, _| {
                let file = place.data_dir().join("left-behind");
                std::fs::write(file, "something left behind").unwrap();
                "something left behind".to_owned()
            },
        ];
        for plant in plants {
            let place = Place::of(&Person::new(GbaMode::U));
            let ran = place.run(&["lab", "--once"]);
            let b_tid =
                ran.ok().lines().find_map(|line| line.strip_prefix("B-TID")).unwrap().trim().to_owned();
            let planted = plant(&place, &b_tid);
            place.watch().secret("planted", planted);
            assert!(catch_unwind(AssertUnwindSafe(|| place.finish())).is_err());
        }
    }
}
