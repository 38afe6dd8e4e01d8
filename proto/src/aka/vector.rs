//! Authentication vectors: made by the AuC, checked by the card (TS 33.102 clause 6.3).

use super::{Autn, Auts, Ck, Ik, Rand, Res, Sqn};

/// What an AuC hands out for one authentication (TS 33.102 clause 6.3.2).
#[derive(Debug, Clone)]
pub struct AuthVector {
    /// RAND.
    pub rand: Rand,
    /// AUTN, always the plain one; the BSF makes AUTN* of it where GBA_U needs it.
    pub autn: Autn,
    /// XRES.
    pub xres: Res,
    /// CK.
    pub ck: Ck,
    /// IK.
    pub ik: Ik,
}

/// What a card gets from an AUTN that it accepts.
#[derive(Debug, Clone)]
pub struct Verified {
    /// RES.
    pub res: Res,
    /// CK.
    pub ck: Ck,
    /// IK.
    pub ik: Ik,
    /// The sequence number that AUTN carried.
    pub sqn: Sqn,
}

/// Why a card refuses an AUTN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AutnError {
    /// MAC-A does not verify: the network does not know K, or the octets were changed.
    #[error("AUTN's MAC does not verify")]
    MacFailure,
    /// MAC-A verifies, but the sequence number is not fresh. The AUTS tells the network where the card is.
    #[error("AUTN's sequence number is not fresh")]
    SyncFailure(Auts),
}

/// Why an AuC refuses an AUTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("AUTS's MAC-S does not verify")]
pub struct AutsError;
