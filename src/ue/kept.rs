//! Bootstraps on disk, one file a card, sealed: a command that ends leaves its Ks to the next one.

use super::Run;
use crate::data_dir;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use ksnaf_proto::aka::Rand;
use ksnaf_proto::gba::lifetime::{from_unix_seconds, unix_seconds};
use ksnaf_proto::gba::{BTid, GbaMode, GbaType, Ks, Tmpi, kdf};
use ksnaf_proto::hex;
use ksnaf_proto::identity::Impi;
use ksnaf_proto::secret::Secret;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The directory and the key that seals its files.
pub(super) struct Kept {
    directory: PathBuf,
    key: Secret<32>,
}

/// What stands in a file before it is sealed.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Record {
    b_tid: String,
    rand: [u8; 16],
    impi: String,
    gba_u: bool,
    created_at: u64,
    expires_at: u64,
    tmpi: Option<String>,
    ks: Option<[u8; 32]>,
    /// As on Diameter. Absent where nothing but AKA was known.
    #[serde(default)]
    gba_type: u32,
    /// GBA_Digest's.
    #[serde(default)]
    nonce: Option<Vec<u8>>,
}

impl Kept {
    /// Makes directory and key where they are missing.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        data_dir::create(directory)?;
        let path = directory.join("key");
        if !path.exists() {
            let mut fresh = Zeroizing::new([0; 32]);
            getrandom::fill(fresh.as_mut()).map_err(io::Error::other)?;
            data_dir::write_once(&path, fresh.as_ref())?;
        }
        let octets = Zeroizing::new(std::fs::read(&path)?);
        let key = Secret::try_from(octets.as_slice())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the key file has not 32 octets"))?;
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The bootstrap of a card. A file that is damaged or of another key counts as none: a bootstrap replaces it.
    pub(super) fn load(&self, iccid: &str) -> Option<Run> {
        let sealed = std::fs::read(self.file(iccid)).ok()?;
        let run = self.unseal(iccid, &sealed);
        if run.is_none() {
            tracing::warn!("the kept bootstrap of this card does not open and is left aside");
        }
        run
    }

    /// Keeps a bootstrap. Failing costs a bootstrap later, so it is a warning only.
    pub(super) fn store(&self, run: &Run) {
        let written =
            self.seal(run).and_then(|sealed| data_dir::write_atomically(&self.file(&run.iccid), &sealed));
        if let Err(error) = written {
            tracing::warn!(%error, "the bootstrap cannot be kept");
        }
    }

    /// Drops the bootstrap of a card.
    pub(super) fn forget(&self, iccid: &str) {
        let _ = std::fs::remove_file(self.file(iccid));
    }

    /// The name tells nothing of the card to whoever has no key.
    fn file(&self, iccid: &str) -> PathBuf {
        let name = kdf::kdf(self.key.danger_expose(), 0xff, &[b"file", iccid.as_bytes()]);
        let (head, _) = name.danger_expose().split_at(16);
        self.directory.join(hex::encode(head))
    }

    fn seal(&self, run: &Run) -> io::Result<Vec<u8>> {
        let record = Record {
            b_tid: run.b_tid.to_string(),
            rand: run.rand.0,
            impi: run.impi.as_str().to_owned(),
            gba_u: run.gba_mode == GbaMode::U,
            created_at: unix_seconds(run.created_at),
            expires_at: unix_seconds(run.expires_at),
            tmpi: run.tmpi.as_ref().map(|tmpi| tmpi.as_str().to_owned()),
            ks: run.ks.as_ref().map(|ks| *ks.danger_expose()),
            gba_type: run.gba_type.code(),
            nonce: run.nonce.clone(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&record)?);
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let payload = Payload { msg: &plain, aad: run.iccid.as_bytes() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| io::Error::other("sealing failed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn unseal(&self, iccid: &str, sealed: &[u8]) -> Option<Run> {
        let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
        let payload = Payload { msg: sealed, aad: iccid.as_bytes() };
        let plain = Zeroizing::new(self.cipher().decrypt(&Nonce::from(*nonce), payload).ok()?);
        let record: Record = serde_json::from_slice(&plain).ok()?;
        Some(Run {
            b_tid: BTid::parse(&record.b_tid).ok()?,
            rand: Rand(record.rand),
            impi: Impi::parse(&record.impi).ok()?,
            gba_mode: if record.gba_u { GbaMode::U } else { GbaMode::Me },
            gba_type: GbaType::from_code(record.gba_type)?,
            nonce: record.nonce.clone(),
            created_at: from_unix_seconds(record.created_at),
            expires_at: from_unix_seconds(record.expires_at),
            tmpi: record.tmpi.as_deref().and_then(Tmpi::parse),
            ks: record.ks.map(Ks::new),
            iccid: iccid.to_owned(),
        })
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.key.danger_expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run {
            b_tid: BTid::parse("AAAA@bsf.example").unwrap(),
            rand: Rand([1; 16]),
            impi: Impi::parse("a@b").unwrap(),
            gba_mode: GbaMode::Me,
            gba_type: GbaType::Digest,
            nonce: Some(vec![2; 16]),
            created_at: from_unix_seconds(1),
            expires_at: from_unix_seconds(2),
            tmpi: None,
            ks: Some(Ks::new([0xab; 32])),
            iccid: "8900101000000000017".to_owned(),
        }
    }

    #[test]
    fn a_bootstrap_survives_and_only_its_own_card_opens_it() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept::open(directory.path()).unwrap();
        kept.store(&run());
        let again = Kept::open(directory.path()).unwrap();
        let loaded = again.load(&run().iccid).unwrap();
        assert_eq!((loaded.b_tid, loaded.ks), (run().b_tid, run().ks));
        assert_eq!((loaded.gba_type, loaded.nonce), (run().gba_type, run().nonce));
        assert!(again.load("8900101000000000025").is_none());
        again.forget(&run().iccid);
        assert!(again.load(&run().iccid).is_none());
    }

    #[test]
    fn a_record_from_before_other_bootstraps_is_one_of_aka() {
        let former = r#"{"b_tid":"AAAA@bsf.example","rand":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"impi":"a@b",
            "gba_u":false,"created_at":1,"expires_at":2,"tmpi":null,"ks":null}"#;
        let record: Record = serde_json::from_str(former).unwrap();
        assert_eq!((record.gba_type, record.nonce.clone()), (GbaType::ThreeG.code(), None));
    }

    #[test]
    fn every_changed_bit_is_noticed_and_no_key_stands_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept::open(directory.path()).unwrap();
        let sealed = kept.seal(&run()).unwrap();
        assert!(!sealed.windows(8).any(|window| window == [0xab; 8]));
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(kept.unseal(&run().iccid, &changed).is_none(), "{bit}");
        }
        for end in 0..sealed.len() {
            assert!(kept.unseal(&run().iccid, &sealed[..end]).is_none(), "{end}");
        }
    }
}
