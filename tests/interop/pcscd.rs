//! A pcscd of one's own for each test, with two virtual readers and neither socket nor port on the host.
//!
//! pcscd's socket path is compiled in and vpcd listens on every address, so the daemon runs in a mount namespace, where
//! its `/run` is a folder of the test's, and in a network namespace, where every daemon may use the same port. Clients
//! stay outside and find the socket by `PCSCLITE_CSOCK_NAME`. That is a variable of the whole process, so
//! [`with_pcscd`] runs the test's body in a process of its own: this program once more, with that one test chosen.

use crate::programs::need;
use std::any::type_name;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The first of two neighbouring ports, one for each reader. Below the range that the system hands out: vpcd loses its
/// reader without a word when the port is taken.
pub(crate) const PORT: u16 = 30_000;

/// What pcscd calls the two readers.
pub(crate) const READERS: [&str; 2] = ["Virtual PCD 00 00", "Virtual PCD 00 01"];

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const FOLDER: &str = "KSNAF_INTEROP_FOLDER";
const CLIENT: &str = "KSNAF_INTEROP_CLIENT";

/// How long one test's process may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A running daemon, or one that is down for the moment.
pub(crate) struct Pcscd {
    folder: PathBuf,
    daemon: Option<Child>,
    test: &'static str,
}

/// Runs `body` in a process of its own with a daemon of its own. `F` must be the test's closure: its type names the
/// test.
pub(crate) fn with_pcscd<F: FnOnce(&mut Pcscd)>(body: F) {
    need(
        &["pcscd", DRIVER, "unshare", "nsenter", "setpriv", "mount", "ip"],
        "pcscd vsmartcard-vpcd util-linux mount iproute2",
    );
    assert!(rustix::process::geteuid().is_root(), "this test makes namespaces: run it as root");
    let path = type_name::<F>().trim_end_matches("::{{closure}}");
    let test = path.split_once("::").expect("a path with the crate's name").1;
    if let Some(folder) = std::env::var_os(FOLDER) {
        let mut pcscd = Pcscd { folder: folder.into(), daemon: None, test };
        pcscd.start();
        body(&mut pcscd);
        pcscd.stop();
        fs::write(pcscd.folder.join("done"), "").expect("a mark that the body ran");
        return;
    }
    let folder = tempfile::Builder::new().prefix("ksnaf-").tempdir().expect("a folder");
    let outside = Pcscd { folder: folder.path().to_owned(), daemon: None, test };
    let (status, output) = run(outside.again(Command::new(this_program())));
    let done = folder.path().join("done").exists();
    let log = fs::read_to_string(folder.path().join("pcscd.log")).unwrap_or_default();
    assert!(status.success() && done, "{test} in its own process: {status}\n{output}\npcscd said:\n{log}");
}

/// Whether this process is one that [`Pcscd::run_client`] made.
pub(crate) fn is_client() -> bool {
    std::env::var_os(CLIENT).is_some()
}

impl Pcscd {
    /// Starts the daemon and waits until both readers can be reached.
    pub(crate) fn start(&mut self) {
        self.start_with(Some(PORT));
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let readers = ksnaf::reader::list().unwrap_or_default();
            if readers.iter().map(|reader| reader.name.as_str()).eq(READERS) {
                return;
            }
            assert!(Instant::now() < until, "pcscd shows {readers:?} instead of its two readers");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts the daemon with the virtual readers on that port and the next, or without a reader, and waits until it
    /// accepts connections.
    pub(crate) fn start_with(&mut self, port: Option<u16>) {
        let (run, readers) = (self.folder.join("run"), self.folder.join("readers"));
        for folder in [&run, &readers] {
            let _ = fs::remove_dir_all(folder);
            fs::create_dir_all(folder).expect("a folder");
        }
        if let Some(port) = port {
            // One entry makes both readers; a second entry of this driver would take the first one's place.
            let entry = format!(
                "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:{port:#06X}\nLIBPATH {DRIVER}\nCHANNELID {port:#06X}\n"
            );
            fs::write(readers.join("vpcd"), entry.replace("0X", "0x")).expect("a reader configuration");
        }
        let script = "ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/pcscd \
             && mount --bind \"$1/run\" /run/pcscd && exec pcscd --foreground --info --config \"$1/readers\"";
        let log =
            fs::File::options().create(true).append(true).open(self.folder.join("pcscd.log")).expect("a log");
        // The daemon dies with the thread that started it, should that end without a drop.
        let daemon = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "-mn", "sh", "-c", script, "sh"])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("setpriv starts");
        let daemon = self.daemon.insert(daemon);
        let until = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(run.join("pcscd.comm")).is_err() {
            assert_eq!(daemon.try_wait().ok().flatten(), None, "pcscd ended");
            assert!(Instant::now() < until, "pcscd does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the daemon without a chance to tidy up.
    pub(crate) fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().expect("the daemon is killed");
            daemon.wait().expect("the daemon ends");
        }
    }

    /// The daemon's network namespace.
    pub(crate) fn network(&self) -> PathBuf {
        Path::new("/proc")
            .join(self.daemon.as_ref().expect("a running daemon").id().to_string())
            .join("ns/net")
    }

    /// The command that runs `program` where vpcd's ports are: for cards that are programs.
    pub(crate) fn beside(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter"]);
        command.arg(format!("--net={}", self.network().display())).arg("--").arg(program);
        command
    }

    /// Runs this test in one more process, for which [`is_client`] holds, to its end.
    pub(crate) fn run_client(&self) -> (ExitStatus, String) {
        let mut command = self.again(Command::new(this_program()));
        command.env(CLIENT, "1");
        run(command)
    }

    /// Starts this test in one more process, for which [`is_client`] holds, where vpcd's ports are.
    pub(crate) fn start_client_beside(&self) -> Child {
        let mut command = self.again(self.beside(this_program()));
        command
            .env(CLIENT, "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the client starts")
    }

    /// Completes a command that runs this program: this test is chosen, this daemon named.
    fn again(&self, mut command: Command) -> Command {
        command
            .args(["--exact", self.test, "--nocapture", "--test-threads=1"])
            .env(FOLDER, &self.folder)
            .env("PCSCLITE_CSOCK_NAME", self.folder.join("run/pcscd.comm"));
        command
    }
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("this program")
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a command to its end, gives its status and what it printed.
fn run(mut command: Command) -> (ExitStatus, String) {
    let (mut printed, write) = std::io::pipe().expect("a pipe");
    command.stdin(Stdio::null()).stdout(write.try_clone().expect("a second handle")).stderr(write);
    let mut child = command.spawn().expect("this program runs once more");
    // The command holds the writing end, and the reading ends with the last writer.
    drop(command);
    let reading = std::thread::spawn(move || {
        let mut output = Vec::new();
        let _ = printed.read_to_end(&mut output);
        String::from_utf8_lossy(&output).into_owned()
    });
    let until = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break status;
        }
        if Instant::now() > until {
            child.kill().expect("the child is killed");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (status, reading.join().unwrap_or_default())
}

/// The card of reader 0 or 1 in the hands of a program that is not ours.
pub(crate) fn other_program(reader: usize, share: pcsc::ShareMode) -> pcsc::Card {
    let context = pcsc::Context::establish(pcsc::Scope::User).expect("the service");
    let reader = std::ffi::CString::new(READERS[reader]).expect("a name");
    context.connect(&reader, share, pcsc::Protocols::ANY).expect("a card")
}

/// Ends its use as a program does that thinks of others.
pub(crate) fn leave(card: pcsc::Card) {
    card.disconnect(pcsc::Disposition::LeaveCard).map_err(|(_, error)| error).expect("the card is left");
}

/// Waits until the service sees a card in that reader, or none.
pub(crate) fn wait_for_card(name: &str, present: bool) {
    until(&format!("{name} card {present}"), || {
        let readers = ksnaf::reader::list().expect("a list");
        readers.iter().any(|reader| reader.name == name && reader.card.is_some() == present)
    });
}

/// Waits until something holds that is to come by itself.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
