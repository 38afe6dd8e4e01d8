//! A bootstrapped security association: what a BSF keeps of one successful bootstrap (TS 33.220 clause 4.5.2).

use super::{BTid, GbaMode, GbaType, Ks, Tmpi};
use crate::aka::Rand;
use crate::identity::Impi;
use std::time::SystemTime;

/// B-TID → Ks, with all that a NAF key needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// Names the association to the UE and to NAFs.
    pub b_tid: BTid,
    /// RAND of the run: an input of every NAF key. With GBA_Digest, the challenge's nonce.
    pub rand: Rand,
    /// CK ‖ IK of the run.
    pub ks: Ks,
    /// The subscriber, always the IMPI, also when a TMPI stood on Ub.
    pub impi: Impi,
    /// Where both sides told that they support it.
    pub tmpi: Option<Tmpi>,
    /// Where Ks lives on the UE's side.
    pub gba_mode: GbaMode,
    /// What authenticated the bootstrap: a NAF may ask.
    pub gba_type: GbaType,
    /// When the bootstrap succeeded.
    pub created_at: SystemTime,
    /// From this moment on the association is worth nothing.
    pub expires_at: SystemTime,
    /// The subscriber's GBA user security settings as XML octets, if the HSS gave any (TS 29.109 annex A).
    pub guss: Option<Vec<u8>>,
}

impl Association {
    /// Whether the association may still be used. Checked at every use, not only by a sweep.
    #[must_use]
    pub fn is_valid(&self, now: SystemTime) -> bool {
        now < self.expires_at
    }
}
