//! A key that a NAF has pushed: GBA-Push-Info in, the NAF's key out (TS 33.223).
//!
//! The Ks of a push serves once. In GBA_ME it is gone when this returns. In GBA_U it takes the place of the card's
//! former Ks, so a bootstrap that is kept with it is dropped: the next caller bootstraps. Only a card that has accepted
//! the network's token has a new Ks, so nobody without the subscriber's key can drop a bootstrap by pushing.

use super::card::PushedKey;
use super::{Device, State, UeError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ksnaf_proto::aka::{Auts, Rand};
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::gba::{GbaMode, NafId};
use ksnaf_proto::hex;
use ksnaf_proto::zn::MeKey;
use ksnaf_proto::zpn::gpi::{GpiError, UnverifiedGpi};
use ksnaf_proto::zpn::{GbaPushInfo, PTid};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;
use tokio::sync::MutexGuard;

/// An association that a NAF has pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// By which NAF and UE know it.
    pub p_tid: PTid,
    /// Whose key it is.
    pub naf_id: NafId,
    /// Whether the terminal or the card has made it.
    pub gba_mode: GbaMode,
    /// When it ends.
    pub expires_at: SystemTime,
    /// Ks_NAF, or Ks_ext_NAF of GBA_U.
    pub key: MeKey,
}

impl Pushed {
    /// The association with its key, for the caller that may have it.
    #[must_use]
    pub fn danger_json(&self) -> Value {
        json!({
            "p_tid": self.p_tid.as_str(),
            "naf_fqdn": self.naf_id.fqdn.as_str(),
            "ua_sec_prot_id": self.naf_id.ua.to_string(),
            "gba_mode": self.gba_mode.as_str(),
            "expires_at": to_xs_date_time(self.expires_at),
            "key": hex::encode(self.key.danger_expose()),
        })
    }
}

/// A GBA-Push-Info as people and programs pass it on: hex, or else base64. What is hex throughout is hex.
#[must_use]
pub fn push_of_text(text: &str) -> Option<GbaPushInfo> {
    let text = text.trim();
    hex::decode(text).or_else(|| STANDARD.decode(text).ok()).map(GbaPushInfo)
}

/// Why a push gives no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// No layout is configured.
    #[error("no layout of GBA-Push-Info is configured: zn.gpi_layout")]
    NoLayout,
    /// It is none, or changed, or over.
    #[error(transparent)]
    Gpi(#[from] GpiError),
    /// The card wants a fresher sequence number; the NAF repeats its request with both of these.
    #[error("the card wants a fresher sequence number")]
    SyncFailure {
        /// Of the push.
        rand: Rand,
        /// For the BSF.
        auts: Auts,
    },
    /// The card gave no key.
    #[error(transparent)]
    Ue(#[from] UeError),
}

impl Device {
    /// Reads a push, so that a caller can be asked for its rights before the card is.
    pub fn read_push(&self, gpi: &GbaPushInfo) -> Result<UnverifiedGpi, PushError> {
        let layout = self.layout.ok_or(PushError::NoLayout)?;
        Ok(layout.read(gpi)?)
    }

    /// Lets the card make a push's key, and checks the push with it. One that says itself that it is over is not worth
    /// the card's Ks.
    pub async fn take_push(&self, gpi: UnverifiedGpi) -> Result<Pushed, PushError> {
        let (_, expires_at) = gpi.association();
        if expires_at <= SystemTime::now() {
            return Err(GpiError::Expired.into());
        }
        let mut state = self.state.lock().await;
        self.look(&mut state).await?;
        let replaced = Arc::new(AtomicBool::new(false));
        let derived = self.means.card()?.push(gpi.clone(), Arc::clone(&replaced)).await;
        if replaced.load(Ordering::Relaxed) {
            self.forget_replaced(&mut state);
        }
        let key = match derived? {
            PushedKey::Derived(key) => key,
            PushedKey::SyncFailure(auts) => {
                let (_, rand, _) = gpi.challenge();
                return Err(PushError::SyncFailure { rand, auts });
            }
        };
        let content = gpi.verify(&key, SystemTime::now())?;
        tracing::info!(naf = %content.naf_id, mode = %content.mode, "key made of a push");
        Ok(Pushed {
            p_tid: content.p_tid,
            naf_id: content.naf_id,
            gba_mode: content.mode,
            expires_at: content.expires_at,
            key,
        })
    }

    fn forget_replaced(&self, state: &mut MutexGuard<'_, State>) {
        if let Some(run) = state.run.take_if(|run| run.gba_mode == GbaMode::U) {
            tracing::info!("a push has taken the place of the card's Ks");
            self.kept.forget(&run.iccid);
            state.run_is_doubtful = false;
        }
    }
}
