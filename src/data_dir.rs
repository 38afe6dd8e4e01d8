//! The directory that holds a service's state: private to its user, and the note of where a running one listens.

use serde::{Deserialize, Serialize};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where a running service can be reached: the content of the ready file, and of `run.json` in the data directory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Addresses {
    /// Ub over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ub: Option<SocketAddr>,
    /// Ub over HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ub_tls: Option<SocketAddr>,
    /// Nbsp_GBA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zn_sbi: Option<SocketAddr>,
    /// Nbsp_GBA over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zn_sbi_tls: Option<SocketAddr>,
    /// Zn and Zpn over Diameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zn_diameter: Option<SocketAddr>,
    /// The same over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zn_diameter_tls: Option<SocketAddr>,
    /// Credential API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<SocketAddr>,
    /// Credential API with client certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_tls: Option<SocketAddr>,
    /// Credential API on a Unix socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_unix: Option<PathBuf>,
    /// Ua's network side over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ua_proxy: Option<SocketAddr>,
    /// Ua's network side over plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ua_proxy_http: Option<SocketAddr>,
    /// Ua's network side over DTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ua_proxy_dtls: Option<SocketAddr>,
    /// Ua's device side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ua_client: Option<SocketAddr>,
    /// Ua's device side for CoAP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ua_client_coap: Option<SocketAddr>,
    /// Where a CSE's notifications are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cse_notifications: Option<SocketAddr>,
    /// Whether the service has a device side.
    pub device: bool,
    /// The lab's bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

/// Makes the directory, for its user only.
pub fn create(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file whole or not at all, for its user only: a reader never sees half of it.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = (|| {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// As [`write_atomically`], unless the file is there: of two processes that make a key at once, one wins for both.
pub fn write_once(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    write_atomically(&temporary, content)?;
    let linked = match std::fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    std::fs::remove_file(&temporary)?;
    linked
}

/// A path short enough for a socket's address (107 octets): a long one goes by way of its directory's descriptor.
pub struct ShortPath {
    path: PathBuf,
    _directory: Option<std::fs::File>,
}

/// `sockaddr_un` has 108 octets for the path and its NUL.
const MAX_SOCKET_PATH: usize = 107;

impl ShortPath {
    /// The path itself where it fits.
    pub fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok(Self { path: path.to_owned(), _directory: None });
        }
        let parent = path.parent().unwrap_or(Path::new("."));
        let directory = std::fs::File::open(parent)?;
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&directory);
        let name = path.file_name().unwrap_or_default();
        let path = PathBuf::from(format!("/proc/self/fd/{descriptor}")).join(name);
        Ok(Self { path, _directory: Some(directory) })
    }

    /// Valid as long as this value lives.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The note that a running service leaves.
#[must_use]
pub fn run_note(data_dir: &Path) -> PathBuf {
    data_dir.join("run.json")
}

/// Where the service of this data directory listens, if one is running or was killed.
#[must_use]
pub fn running(data_dir: &Path) -> Option<Addresses> {
    serde_json::from_slice(&std::fs::read(run_note(data_dir)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_that_is_there_is_not_written_again() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("key");
        write_once(&file, b"one").unwrap();
        write_once(&file, b"two").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_long_socket_path_can_be_bound_and_reached() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("x".repeat(120));
        create(&dir).unwrap();
        let path = dir.join("api.sock");
        let short = ShortPath::of(&path).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(short.path()).unwrap();
        drop(short);
        assert!(path.exists());
        let short = ShortPath::of(&path).unwrap();
        std::os::unix::net::UnixStream::connect(short.path()).unwrap();
    }

    #[test]
    fn files_and_directories_are_private_and_whole() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        create(&dir).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        let file = dir.join("f");
        write_atomically(&file, b"one").unwrap();
        write_atomically(&file, b"two").unwrap();
        assert_eq!((std::fs::read(&file).unwrap(), mode(&file)), (b"two".to_vec(), 0o600));
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        assert!(write_atomically(&dir.join("no/such/dir"), b"x").is_err());
    }
}
