//! Records sealed with AES-256-GCM: who has the disk but not the key file learns no key and changes none unseen.
//!
//! A sealed record is one octet of version, twelve of nonce, the ciphertext and the tag. What it belongs to, the
//! table's name and the record's key, is authenticated with it, so that no record can be put in another's place.

use super::codec::Record;
use crate::store::StoreError;
use aes_gcm::aead::{Aead as _, AeadInOut as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use ksnaf_proto::secret::Secret;
use zeroize::Zeroizing;

/// The version that is written, authenticated as well.
const VERSION: u8 = 1;
const NONCE_OCTETS: usize = 12;

/// Opens what a [`Sealer`] of the same key has sealed.
#[derive(Clone)]
pub(super) struct Opener(Aes256Gcm);

/// Seals. One for each key and process: its nonces must not repeat.
pub(super) struct Sealer {
    cipher: Aes256Gcm,
    nonces: Nonces,
}

impl Opener {
    /// For a key of 32 octets.
    pub(super) fn new(key: &Secret<32>) -> Self {
        Self(Aes256Gcm::new(key.danger_expose().into()))
    }

    /// The record of `key` in `table`.
    pub(super) fn open(&self, table: &'static str, key: &[u8], sealed: &[u8]) -> Result<Record, StoreError> {
        let damaged = StoreError::Damaged(table);
        let Some((&[VERSION], rest)) = sealed.split_first_chunk::<1>() else { return Err(damaged) };
        let Some((nonce, ciphertext)) = rest.split_first_chunk::<NONCE_OCTETS>() else { return Err(damaged) };
        let payload = Payload { msg: ciphertext, aad: &belongs_to(table, key) };
        self.0.decrypt(&Nonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| damaged)
    }
}

impl Sealer {
    /// For a key of 32 octets, with nonces of its own.
    pub(super) fn new(key: &Secret<32>) -> Result<Self, StoreError> {
        Ok(Self { cipher: Aes256Gcm::new(key.danger_expose().into()), nonces: Nonces::new()? })
    }

    /// Seals a record for `key` in `table`.
    pub(super) fn seal(
        &mut self,
        table: &'static str,
        key: &[u8],
        record: &Record,
    ) -> Result<Vec<u8>, StoreError> {
        let nonce = self.nonces.next()?;
        let mut body = record.to_vec();
        let tag = self
            .cipher
            .encrypt_inout_detached(&Nonce::from(nonce), &belongs_to(table, key), body.as_mut_slice().into())
            .map_err(|_| StoreError::TooLarge(table))?;
        Ok([&[VERSION], &nonce[..], &body, &tag[..]].concat())
    }
}

/// The authenticated data: version, table, a zero octet that no table name has, key.
fn belongs_to(table: &str, key: &[u8]) -> Vec<u8> {
    [&[VERSION], table.as_bytes(), &[0], key].concat()
}

/// Eight random octets, then a counter. Nonces of twelve random octets would be too few for one key: a busy BSF seals
/// 2^32 records in days. New random octets are drawn at every start and whenever the counter is used up, so a database
/// restored from a copy does not repeat nonces either.
struct Nonces {
    prefix: [u8; 8],
    used: u32,
}

impl Nonces {
    fn new() -> Result<Self, StoreError> {
        let mut prefix = [0; 8];
        getrandom::fill(&mut prefix).map_err(|error| StoreError::Engine(Box::new(error)))?;
        Ok(Self { prefix, used: 0 })
    }

    fn next(&mut self) -> Result<[u8; NONCE_OCTETS], StoreError> {
        if self.used == u32::MAX {
            *self = Self::new()?;
        }
        self.used += 1;
        let mut nonce = [0; NONCE_OCTETS];
        let (left, right) = nonce.split_at_mut(8);
        left.copy_from_slice(&self.prefix);
        right.copy_from_slice(&self.used.to_be_bytes());
        Ok(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Sealer, Opener) {
        let key = Secret::new([7; 32]);
        (Sealer::new(&key).unwrap(), Opener::new(&key))
    }

    #[test]
    fn any_bit_turned_anywhere_is_noticed() {
        let (mut sealer, opener) = pair();
        let record = Zeroizing::new(b"twenty-one octets: Ks".to_vec());
        let sealed = sealer.seal("association", b"key", &record).unwrap();
        assert_eq!(opener.open("association", b"key", &sealed).unwrap(), record);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let opened = opener.open("association", b"key", &changed);
            assert!(matches!(opened, Err(StoreError::Damaged("association"))), "{bit}");
        }
        for end in 0..sealed.len() {
            assert!(opener.open("association", b"key", &sealed[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_record_counts_only_in_its_own_place_and_under_its_own_key() {
        let (mut sealer, opener) = pair();
        let record = Zeroizing::new(vec![1]);
        let sealed = sealer.seal("association", b"key", &record).unwrap();
        assert!(opener.open("subscriber", b"key", &sealed).is_err());
        assert!(opener.open("association", b"other", &sealed).is_err());
        assert!(Opener::new(&Secret::new([8; 32])).open("association", b"key", &sealed).is_err());
    }

    #[test]
    fn nonces_do_not_repeat_when_the_counter_is_used_up() {
        let mut nonces = Nonces { prefix: [0; 8], used: u32::MAX - 1 };
        assert_eq!(nonces.next().unwrap(), [0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]);
        let next = nonces.next().unwrap();
        assert_eq!(next[8..], [0, 0, 0, 1]);
        assert_ne!(next[..8], [0; 8]);
    }
}
