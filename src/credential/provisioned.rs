//! Credentials that service providers deposit for their Enrolees (SER-019 to SER-021): each in its target's own namespace,
//! sealed on the disk, given to the Enrolee alone, and never back to who deposited it.
//!
//! The file is one octet of version, twelve of nonce, and AES-256-GCM over all of them; its key is the store's.

use super::pseudonym;
use crate::data_dir;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use ksnaf_proto::gba::lifetime::{from_unix_seconds, unix_seconds};
use ksnaf_proto::hex;
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::onem2m::{CredentialId, CredentialType, Suid};
use ksnaf_proto::secret::Secret;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use zeroize::{Zeroize, Zeroizing};

/// Of one target. The file is written whole at each deposit.
const MAX_OF_A_TARGET: usize = 10_000;

const VERSION: u8 = 1;
const NONCE_OCTETS: usize = 12;
const BELONGS_TO: &[u8] = b"ksnaf provisioned 1";

/// One credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// Whose namespace it is in.
    pub target: Fqdn,
    /// Names it there.
    pub credential_id: CredentialId,
    /// What it is for.
    pub suid: Suid,
    /// The Enrolee, by the name that this target alone knows.
    pub enrolee: String,
    /// The credential.
    pub key: Secret<32>,
    /// When it was deposited.
    pub deposited_at: SystemTime,
    /// From this moment on it is gone.
    pub expires_at: SystemTime,
}

impl Deposit {
    fn is(&self, target: &Fqdn, id: &CredentialId) -> bool {
        self.target == *target && self.credential_id == *id
    }
}

/// Why a deposit is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DepositError {
    /// The target has as many as it may have.
    #[error("the target has {MAX_OF_A_TARGET} credentials already")]
    Full,
    /// It cannot be written.
    #[error("{0}")]
    File(#[from] io::Error),
}

/// All of them.
pub struct Provisioned {
    file: PathBuf,
    cipher: Aes256Gcm,
    /// Makes the names of Enrolees.
    names: Secret<32>,
    held: Mutex<Vec<Deposit>>,
}

impl Provisioned {
    /// Those of a file, which need not be there.
    ///
    /// # Errors
    /// Where the file is there and cannot be read, was changed, or is sealed with another key.
    pub fn open(file: PathBuf, key: &Secret<32>, names: Secret<32>) -> io::Result<Self> {
        let cipher = Aes256Gcm::new(key.danger_expose().into());
        let held = match std::fs::read(&file) {
            Ok(octets) => read(&cipher, &octets).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "it is damaged or sealed with another key")
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { file, cipher, names, held: Mutex::new(held) })
    }

    /// What a target knows a subscriber by.
    #[must_use]
    pub fn name_of(&self, impi: &Impi, target: &Fqdn) -> String {
        pseudonym(&self.names, impi.as_str(), target)
    }

    /// Takes one, in place of the target's own of this name. On the disk when it returns; it may block.
    ///
    /// # Errors
    /// [`DepositError`]; nothing has changed then.
    pub fn put(&self, deposit: Deposit, now: SystemTime) -> Result<(), DepositError> {
        let mut held = self.held();
        let stays = |one: &&Deposit| one.expires_at > now && !one.is(&deposit.target, &deposit.credential_id);
        let mut next: Vec<Deposit> = held.iter().filter(stays).cloned().collect();
        if next.iter().filter(|one| one.target == deposit.target).count() >= MAX_OF_A_TARGET {
            return Err(DepositError::Full);
        }
        next.push(deposit);
        self.write(&next)?;
        *held = next;
        Ok(())
    }

    /// Takes one away; false if there was none. It may block.
    ///
    /// # Errors
    /// Where it cannot be written; nothing has changed then.
    pub fn remove(&self, target: &Fqdn, id: &CredentialId, now: SystemTime) -> io::Result<bool> {
        let mut held = self.held();
        if !held.iter().any(|one| one.expires_at > now && one.is(target, id)) {
            return Ok(false);
        }
        let next: Vec<Deposit> = held.iter().filter(|one| !one.is(target, id)).cloned().collect();
        self.write(&next)?;
        *held = next;
        Ok(true)
    }

    /// Those of a target, by their names.
    #[must_use]
    pub fn of_target(&self, target: &Fqdn, now: SystemTime) -> Vec<Deposit> {
        let is = |one: &&Deposit| one.target == *target && one.expires_at > now;
        let mut found: Vec<Deposit> = self.held().iter().filter(is).cloned().collect();
        found.sort_by_cached_key(|one| one.credential_id.to_string());
        found
    }

    /// Those of a target for one of its Enrolees.
    #[must_use]
    pub fn of_enrolee(&self, target: &Fqdn, impi: &Impi, now: SystemTime) -> Vec<Deposit> {
        let name = self.name_of(impi, target);
        let mut found = self.of_target(target, now);
        found.retain(|one| one.enrolee == name);
        found
    }

    /// The Kpsa, or else the Km, of a target that an identity in a handshake names.
    #[must_use]
    pub fn connection_key(&self, target: &Fqdn, key_id: &str, now: SystemTime) -> Option<Deposit> {
        let held = self.held();
        let of = |kind| {
            held.iter().find(|one| {
                let id = &one.credential_id;
                one.target == *target && id.kind == kind && id.value() == key_id && one.expires_at > now
            })
        };
        of(CredentialType::KPSA).or_else(|| of(CredentialType::KM)).cloned()
    }

    fn held(&self) -> MutexGuard<'_, Vec<Deposit>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, deposits: &[Deposit]) -> io::Result<()> {
        let records: Vec<Record> = deposits.iter().map(Record::from).collect();
        let text = Zeroizing::new(serde_json::to_vec(&records).map_err(io::Error::other)?);
        let mut nonce = [0; NONCE_OCTETS];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let payload = Payload { msg: &text, aad: BELONGS_TO };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| io::Error::other("too large to be sealed"))?;
        data_dir::write_atomically(&self.file, &[&[VERSION], &nonce[..], &sealed].concat())
    }
}

/// A deposit in the file.
#[derive(Serialize, Deserialize)]
struct Record {
    target: String,
    credential_id: String,
    suid: u16,
    enrolee: String,
    key: String,
    deposited_at: u64,
    expires_at: u64,
}

impl Drop for Record {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl From<&Deposit> for Record {
    fn from(deposit: &Deposit) -> Self {
        Self {
            target: deposit.target.to_string(),
            credential_id: deposit.credential_id.to_string(),
            suid: deposit.suid.0,
            enrolee: deposit.enrolee.clone(),
            key: hex::encode(deposit.key.danger_expose()),
            deposited_at: unix_seconds(deposit.deposited_at),
            expires_at: unix_seconds(deposit.expires_at),
        }
    }
}

impl Record {
    fn deposit(&self) -> Option<Deposit> {
        Some(Deposit {
            target: Fqdn::parse(&self.target).ok()?,
            credential_id: CredentialId::parse(&self.credential_id).ok()?,
            suid: Suid(self.suid),
            enrolee: self.enrolee.clone(),
            key: Secret::try_from(hex::decode_secret(&self.key)?.danger_expose()).ok()?,
            deposited_at: from_unix_seconds(self.deposited_at),
            expires_at: from_unix_seconds(self.expires_at),
        })
    }
}

fn read(cipher: &Aes256Gcm, octets: &[u8]) -> Option<Vec<Deposit>> {
    let (&[VERSION], rest) = octets.split_first_chunk::<1>()? else { return None };
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_OCTETS>()?;
    let payload = Payload { msg: sealed, aad: BELONGS_TO };
    let text = Zeroizing::new(cipher.decrypt(&Nonce::from(*nonce), payload).ok()?);
    let records: Vec<Record> = serde_json::from_slice(&text).ok()?;
    records.iter().map(Record::deposit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        from_unix_seconds(1_800_000_000)
    }

    fn fqdn(text: &str) -> Fqdn {
        Fqdn::parse(text).unwrap()
    }

    fn deposit(target: &str, id: &str, octet: u8) -> Deposit {
        Deposit {
            target: fqdn(target),
            credential_id: CredentialId::parse(id).unwrap(),
            suid: Suid::PROVISIONED_SAEF,
            enrolee: format!("{octet:032x}"),
            key: Secret::new([octet; 32]),
            deposited_at: now(),
            expires_at: now() + HOUR,
        }
    }

    fn open(folder: &tempfile::TempDir, key: u8) -> io::Result<Provisioned> {
        let file = folder.path().join("provisioned.sealed");
        Provisioned::open(file, &Secret::new([key; 32]), Secret::new([9; 32]))
    }

    #[test]
    fn targets_with_the_same_names_do_not_meet_and_a_restart_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let all = open(&folder, 1).unwrap();
        let (one, other) =
            (deposit("a.example", "12-k@sp.example", 1), deposit("b.example", "12-k@sp.example", 2));
        all.put(one.clone(), now()).unwrap();
        all.put(other.clone(), now()).unwrap();
        let changed = Deposit { key: Secret::new([3; 32]), ..one.clone() };
        all.put(changed.clone(), now()).unwrap();
        for all in [&all, &open(&folder, 1).unwrap()] {
            assert_eq!(
                all.of_target(&one.target, now()),
                std::slice::from_ref(&changed),
                "its own is replaced"
            );
            assert_eq!(all.of_target(&other.target, now()), std::slice::from_ref(&other));
            assert_eq!(all.connection_key(&other.target, "k@sp.example", now()), Some(other.clone()));
            assert_eq!(all.connection_key(&fqdn("c.example"), "k@sp.example", now()), None);
            assert_eq!(all.connection_key(&other.target, "K@sp.example", now()), None);
        }
        assert!(!all.remove(&fqdn("c.example"), &one.credential_id, now()).unwrap());
        assert!(all.remove(&one.target, &one.credential_id, now()).unwrap());
        assert!(!all.remove(&one.target, &one.credential_id, now()).unwrap());
        assert_eq!(open(&folder, 1).unwrap().of_target(&other.target, now()), [other]);
    }

    #[test]
    fn an_enrolee_has_its_own_until_they_expire() {
        let folder = tempfile::tempdir().unwrap();
        let all = open(&folder, 1).unwrap();
        let impi = Impi::parse("a@ims.example").unwrap();
        let target = fqdn("a.example");
        let name = all.name_of(&impi, &target);
        assert_ne!(name, all.name_of(&impi, &fqdn("b.example")));
        let mine = Deposit { enrolee: name.clone(), ..deposit("a.example", "13-k@sp.example", 1) };
        let kept = |all: &Provisioned, at| all.of_enrolee(&target, &impi, at);
        all.put(mine.clone(), now()).unwrap();
        all.put(deposit("a.example", "13-l@sp.example", 2), now()).unwrap();
        all.put(Deposit { enrolee: name, ..deposit("b.example", "13-k@sp.example", 3) }, now()).unwrap();
        assert_eq!(kept(&all, now()), std::slice::from_ref(&mine));
        assert_eq!(kept(&all, mine.expires_at - Duration::from_secs(1)), std::slice::from_ref(&mine));
        assert_eq!(kept(&all, mine.expires_at), []);
        assert_eq!(all.connection_key(&target, "k@sp.example", now()), None, "not for connections");
        assert!(!all.remove(&target, &mine.credential_id, mine.expires_at).unwrap());
        all.put(deposit("c.example", "13-k@sp.example", 1), mine.expires_at).unwrap();
        assert_eq!(kept(&open(&folder, 1).unwrap(), now()), [], "swept from the disk");
    }

    #[test]
    fn the_file_shows_nothing_and_no_change_to_it_passes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("provisioned.sealed");
        open(&folder, 1).unwrap().put(deposit("a.example", "12-k@sp.example", 7), now()).unwrap();
        let whole = std::fs::read(&file).unwrap();
        for shown in [&b"sp.example"[..], &[7; 32], "07".repeat(32).as_bytes()] {
            assert!(!whole.windows(shown.len()).any(|window| window == shown));
        }
        assert!(open(&folder, 1).is_ok());
        assert!(open(&folder, 2).is_err(), "another key");
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&file, &changed).unwrap();
            assert!(open(&folder, 1).is_err(), "octet {at}");
            std::fs::write(&file, &whole[..at]).unwrap();
            assert!(open(&folder, 1).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_target_has_a_bound_and_others_are_served_beyond_it() {
        let folder = tempfile::tempdir().unwrap();
        let all = open(&folder, 1).unwrap();
        let many = (0..MAX_OF_A_TARGET).map(|at| deposit("a.example", &format!("13-{at}@sp.example"), 1));
        *all.held() = many.collect();
        let more = deposit("a.example", "13-more@sp.example", 1);
        assert!(matches!(all.put(more.clone(), now()), Err(DepositError::Full)));
        all.put(deposit("a.example", "13-7@sp.example", 2), now()).unwrap();
        all.put(deposit("b.example", "13-more@sp.example", 1), now()).unwrap();
        assert!(matches!(all.put(more, now()), Err(DepositError::Full)));
    }
}
