//! A network of a test's own: programs that listen on every address, or on a port of their choice, disturb nobody there.

use crate::programs::{Running, need, ours};
use std::any::type_name;
use std::time::Duration;

/// Set where a test's body is to run; its value is the test's folder.
const INSIDE: &str = "KSNAF_INTEROP_NETWORK";

/// An address that is not of loopback, on the loopback interface: for programs that do not take 127.0.0.1 for an address.
pub(crate) const ADDRESS: &str = "192.0.2.1";

/// How long one test may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs `body` in a process of its own that has nothing but a loopback interface. `F` must be the test's closure: its
/// type names the test.
pub(crate) fn in_own_network<F: FnOnce()>(body: F) {
    need(&["unshare", "setpriv", "ip"], "util-linux iproute2");
    assert!(rustix::process::geteuid().is_root(), "this test makes a namespace: run it as root");
    if let Some(folder) = std::env::var_os(INSIDE) {
        body();
        std::fs::write(std::path::Path::new(&folder).join("done"), "").expect("a mark that the body ran");
        return;
    }
    let folder = tempfile::Builder::new().prefix("ksnaf-").tempdir().expect("a folder");
    let path = type_name::<F>().trim_end_matches("::{{closure}}");
    let test = path.split_once("::").expect("a path with the crate's name").1;
    let mut again = ours("unshare");
    again
        .args(["-n", "sh", "-c", "ip link set lo up && ip address add $0/32 dev lo && exec \"$@\"", ADDRESS])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, folder.path());
    let mut running = Running::start(&mut again);
    let status = running.wait(LIMIT);
    let done = folder.path().join("done").exists();
    assert!(status.success() && done, "{test} in its own network: {status}\n{}", running.log());
}
