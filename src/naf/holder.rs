//! Who proved to have a key: by what bootstrap, in what use, and whose it is.

use super::key_source::Granted;
use ksnaf_proto::gba::{BTid, UaSecurityProtocolId};
use ksnaf_proto::ua::{NafKey, Namespace};
use std::sync::Arc;
use std::time::SystemTime;

/// A client that is known by its key.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) b_tid: BTid,
    pub(super) ua: UaSecurityProtocolId,
    pub(super) namespace: Namespace,
    pub(super) granted: Arc<Granted>,
}

impl Holder {
    pub(super) fn key(&self) -> Option<NafKey> {
        self.granted.key(self.namespace)
    }

    pub(super) fn has_expired(&self, now: SystemTime) -> bool {
        self.granted.expires_at <= now
    }
}
