//! Programs and files that other packages bring.

use std::path::Path;

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
