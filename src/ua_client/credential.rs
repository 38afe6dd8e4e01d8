//! The NAF key at hand.

use crate::credential::Credential;
use crate::ue::{Device, UeError};
use ksnaf_proto::gba::{BTid, NafId, UaSecurityProtocolId};
use ksnaf_proto::identity::Fqdn;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Keys of one NAF, one for each way of using it: a suite of TLS is a way of its own.
pub(super) struct Credentials {
    device: Arc<Device>,
    naf: Fqdn,
    at_hand: Mutex<HashMap<UaSecurityProtocolId, Arc<Credential>>>,
}

impl Credentials {
    pub(super) fn new(device: Arc<Device>, naf: Fqdn) -> Self {
        Self { device, naf, at_hand: Mutex::default() }
    }

    /// The key, of a bootstrap that is not about to end. The card is asked only for the first of a bootstrap.
    pub(super) async fn of(&self, ua: UaSecurityProtocolId) -> Result<Arc<Credential>, UeError> {
        let current = self.device.run_at_hand().await;
        let mut at_hand = self.at_hand.lock().await;
        if let (Some(current), Some(known)) = (&current, at_hand.get(&ua))
            && known.b_tid == current.b_tid
        {
            return Ok(Arc::clone(known));
        }
        let fresh = self.device.credential(NafId::new(self.naf.clone(), ua)).await?;
        at_hand.retain(|_, known| known.b_tid == fresh.b_tid);
        let fresh = Arc::new(fresh);
        at_hand.insert(ua, Arc::clone(&fresh));
        Ok(fresh)
    }

    /// The target knows `refused` no more: another bootstrap, unless there has been one since.
    pub(super) async fn renew(&self, refused: &BTid) -> Result<(), UeError> {
        let current = self.device.run_at_hand().await;
        let is_current = current.is_none_or(|run| run.b_tid == *refused);
        if is_current {
            tracing::info!("the target does not know the key any more; bootstrapping again");
            self.device.bootstrap(true).await?;
        }
        Ok(())
    }
}
