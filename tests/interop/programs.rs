//! Programs and files that other packages bring, and how programs are run: bounded in time, ended by their id.

use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a program may take that is to end by itself.
const LIMIT: Duration = Duration::from_secs(20);

/// Fails the test unless every one of `files` is there. `packages` are Debian's names of what brings them.
pub(crate) fn need(files: &[&str], packages: &str) {
    let missing: Vec<_> = files.iter().filter(|file| !is_there(file)).collect();
    assert!(
        missing.is_empty(),
        "this test needs {missing:?}: apt-get install --no-install-recommends {packages}"
    );
}

/// Whether a path exists, or a program of that name is in the path or in a system folder.
fn is_there(file: &str) -> bool {
    if file.starts_with('/') {
        return Path::new(file).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(Into::into);
    std::env::split_paths(&path).chain(system).any(|folder| folder.join(file).exists())
}

/// A command that dies with this process, should that end without tidying up.
pub(crate) fn ours(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None`: by a signal.
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output of a program that ended well.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.status, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// Standard error of a program that ended with that status, silent on standard output.
    pub(crate) fn failed(self, status: i32) -> String {
        assert_eq!((self.status, self.out.as_str()), (Some(status), ""), "{}", self.err);
        self.err
    }
}

/// Runs a command to its end with `input` on its standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Ran {
    let mut running = Running::start(command.stdin(Stdio::piped()));
    if let Some(mut stdin) = running.child.stdin.take() {
        // A program need not read it.
        let _ = stdin.write_all(input.as_bytes());
    }
    let status = running.wait(LIMIT);
    Ran { status: status.code(), out: running.out.whole(), err: running.err.whole() }
}

/// A program under way. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    out: Output,
    err: Output,
}

impl Running {
    /// Starts it and reads along.
    pub(crate) fn start(command: &mut Command) -> Self {
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let out = Output::of(child.stdout.take().expect("a pipe"));
        let err = Output::of(child.stderr.take().expect("a pipe"));
        Self { child, out, err }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program runs");
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("the child can be waited for").is_none()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has said on both outputs so far.
    pub(crate) fn log(&self) -> String {
        format!("{}{}", self.out.so_far(), self.err.so_far())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipe that is read to its end.
struct Output {
    read: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let read = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&read);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                sink.lock().expect("no panic in the reader").extend_from_slice(&buffer[..count]);
            }
        });
        Self { read, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.read.lock().expect("no panic in the reader")).into_owned()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.so_far()
    }
}
