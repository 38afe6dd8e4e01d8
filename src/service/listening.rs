//! Listeners, with errors that name the configuration's key.

use super::StartError;
use crate::data_dir;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::{TcpListener, UnixListener};

pub(super) async fn bind(
    key: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { key, address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Binds a Unix socket that users of `mode` may connect to, where the directory lets them. One that a killed process left
/// behind is replaced; one that answers is not.
pub(super) fn bind_unix(key: &'static str, path: &Path, mode: u32) -> Result<UnixListener, StartError> {
    let failed = |source| StartError::Listen { key, address: path.display().to_string(), source };
    let short = data_dir::ShortPath::of(path).map_err(failed)?;
    if std::os::unix::net::UnixStream::connect(short.path()).is_ok() {
        return Err(failed(std::io::ErrorKind::AddrInUse.into()));
    }
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(short.path()).map_err(failed)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).map_err(failed)?;
    Ok(listener)
}
