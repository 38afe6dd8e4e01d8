//! The programs of `tests/python`, which share no code with the project.

use crate::lab::KSNAF;
use crate::programs::{Ran, Running, ours, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A command of `tests/python`, in its folder.
pub(crate) fn python() -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let mut command = ours(interpreter());
    command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a script to its end.
pub(crate) fn script(name: &str, arguments: &[&str]) -> Ran {
    run(python().arg(name).args(arguments), "")
}

/// The JSON that a script printed, and the status with which it ended.
pub(crate) fn told(name: &str, arguments: &[&str]) -> (i32, Value) {
    let ran = script(name, arguments);
    let value = serde_json::from_str(&ran.out).unwrap_or_default();
    (ran.status.unwrap_or_else(|| panic!("{name} {arguments:?}: {}", ran.err)), value)
}

/// A script that goes on, and prints JSON objects, one a line.
pub(crate) struct Serving {
    running: Running,
}

impl Serving {
    pub(crate) fn start(name: &str, arguments: &[String]) -> Self {
        Self { running: Running::start(python().arg(name).args(arguments)) }
    }

    /// What it has told so far. Other lines are its library's.
    pub(crate) fn told(&self) -> Vec<Value> {
        self.running.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for something that it tells.
    pub(crate) fn until<T>(&mut self, what: &str, mut find: impl FnMut(&[Value]) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = find(&self.told()) {
                return found;
            }
            assert!(self.running.is_alive() && Instant::now() < end, "{what}: {}", self.running.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) const fn running(&mut self) -> &mut Running {
        &mut self.running
    }
}

/// `KSNAF_TEST_PYTHON`, else the Python that the Makefile installs beside the build.
fn interpreter() -> PathBuf {
    if let Some(chosen) = std::env::var_os("KSNAF_TEST_PYTHON") {
        return chosen.into();
    }
    let installed =
        Path::new(KSNAF).ancestors().nth(2).expect("target/PROFILE/ksnaf").join("python/bin/python");
    assert!(
        installed.exists(),
        "{} is missing: run `make python-tests`, or set KSNAF_TEST_PYTHON to a Python with \
         tests/python/requirements.txt installed",
        installed.display()
    );
    installed
}
