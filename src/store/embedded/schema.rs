//! What the store knows of itself: the version of its tables, whether this is the key it was sealed with, and the
//! secrets of the BSF as a whole.

use super::codec::{decode_number, decode_secret, encode_number, encode_secret};
use super::engine::{Engine, Table, Transaction};
use super::seal::Sealer;
use crate::store::StoreError;
use ksnaf_proto::secret::Secret;

/// Version of the tables, raised when an older program could misread them.
const VERSION: u32 = 1;

/// The version, four octets and not sealed: it says how to read everything else.
const VERSION_KEY: &[u8] = b"version";
/// A sealed record that only the right key opens.
const KEY_CHECK: &[u8] = b"key check";

/// Describes an empty database, or compares the description of one that is not empty.
pub(super) fn check(engine: &Engine, sealer: &mut Sealer) -> Result<(), StoreError> {
    let damaged = StoreError::Damaged(Table::Meta.name());
    let view = engine.snapshot();
    match view.raw(Table::Meta, VERSION_KEY)? {
        Some(found) => {
            let found = found.as_ref().try_into().map(u32::from_be_bytes).map_err(|_| damaged)?;
            if found != VERSION {
                return Err(StoreError::Version { found, known: VERSION });
            }
            let check = view.get(Table::Meta, KEY_CHECK, decode_number)?;
            check.map(|_| ()).ok_or(StoreError::Damaged(Table::Meta.name()))
        }
        None if view.is_empty()? => {
            let mut transaction = engine.begin(sealer);
            transaction.put_raw(Table::Meta, VERSION_KEY, VERSION.to_be_bytes().to_vec());
            transaction.put(Table::Meta, KEY_CHECK, &encode_number(u64::from(VERSION)))?;
            transaction.keep()?;
            transaction.commit()
        }
        None => Err(damaged),
    }
}

/// See [`crate::store::Store::shared_secret`].
pub(super) fn shared_secret(
    transaction: &mut Transaction<'_>,
    name: &'static str,
    fresh: &Secret<32>,
) -> Result<Secret<32>, StoreError> {
    let kept = transaction.get(Table::SharedSecret, name.as_bytes(), decode_secret)?;
    if kept.is_none() {
        transaction.put(Table::SharedSecret, name.as_bytes(), &encode_secret(fresh.danger_expose()))?;
    }
    Ok(kept.unwrap_or_else(|| fresh.clone()))
}
