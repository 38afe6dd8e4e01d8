//! The Python of `tests/python`, with its requirements installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a script said.
pub(crate) struct Ran {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a script of `tests/python` in its folder.
pub(crate) fn run(script: &str, arguments: &[&Path], environment: &[(&str, &OsStr)]) -> Ran {
    let mut command = Command::new(interpreter());
    command.arg(script).args(arguments);
    finish(command, environment)
}

/// Runs the tests of one module of `tests/python`.
pub(crate) fn unittest(module: &str, environment: &[(&str, &OsStr)]) -> Ran {
    let mut command = Command::new(interpreter());
    command.args(["-m", "unittest", module]);
    finish(command, environment)
}

fn finish(mut command: Command, environment: &[(&str, &OsStr)]) -> Ran {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    command.current_dir(folder).envs(environment.iter().copied()).env("PYTHONDONTWRITEBYTECODE", "1");
    let ran = command.output().expect("Python starts");
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    Ran { succeeded: ran.status.success(), stdout: text(ran.stdout), stderr: text(ran.stderr) }
}

/// `KSNAF_TEST_PYTHON`, else the one that the Makefile installs beside the build.
fn interpreter() -> PathBuf {
    if let Some(chosen) = std::env::var_os("KSNAF_TEST_PYTHON") {
        return chosen.into();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_ksnaf"));
    let installed = program.ancestors().nth(2).expect("target/PROFILE/ksnaf").join("python/bin/python");
    assert!(
        installed.exists(),
        "{} is missing: run `make python-tests`, or set KSNAF_TEST_PYTHON to a Python with \
         tests/python/requirements.txt installed",
        installed.display()
    );
    installed
}
