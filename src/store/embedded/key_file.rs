//! The key file: 64 hex digits, readable for the service alone, made once.

use crate::store::StoreError;
use ksnaf_proto::hex;
use ksnaf_proto::secret::Secret;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// More than a key file can hold; what is longer is something else.
const MAX_OCTETS: u64 = 1024;

/// Reads the key, or makes one where none is and `create` allows it.
///
/// # Errors
/// [`StoreError::KeyFile`] where it cannot be read, is no key, or is open to everybody.
pub(super) fn load(path: &Path, create: bool) -> Result<Secret<32>, StoreError> {
    match read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && create => make(path).and_then(|()| read(path)),
        other => other,
    }
    .map_err(|source| StoreError::KeyFile { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Secret<32>, Error> {
    let file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o007 != 0 {
        return Err(Error::new(ErrorKind::PermissionDenied, "it is open to every user; chmod it to 600"));
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_OCTETS as usize));
    file.take(MAX_OCTETS).read_to_string(&mut text)?;
    hex::decode_secret(text.trim())
        .and_then(|octets| Secret::try_from(octets.danger_expose()).ok())
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "not 64 hex digits"))
}

/// Writes a fresh key beside its place and links it there: after a crash there is a whole key file or none, and a key
/// that somebody else has put there meanwhile stays.
fn make(path: &Path) -> Result<(), Error> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(Error::other)?;
    let text = Zeroizing::new(hex::encode(&*key));
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| match std::fs::hard_link(&beside, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
    let removed = std::fs::remove_file(&beside);
    written.and(removed)?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(dir: &Path) -> Result<(), Error> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};

    #[test]
    fn a_key_is_made_once_and_for_the_service_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.key");
        assert!(matches!(load(&path, false), Err(StoreError::KeyFile { .. })));
        let key = load(&path, true).unwrap();
        assert_eq!(load(&path, true).unwrap(), key);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_or_open_to_everybody_is_refused_without_being_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.key");
        for bad in [String::new(), "00".repeat(31), "zz".repeat(32), "00".repeat(600)] {
            write(&path, &bad).unwrap();
            set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let error = load(&path, true).unwrap_err().to_string();
            assert!(error.ends_with("store.key: not 64 hex digits"), "{error}");
        }
        write(&path, "ab".repeat(32)).unwrap();
        assert!(load(&path, true).is_ok());
        set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(load(&path, true).unwrap_err().to_string().contains("chmod"));
    }
}
