//! Zh: authentication vectors and user security settings from the HSS (TS 33.220 clause 4.4.5, TS 29.109 clause
//! 4), and what stands in for it where there is no Zh.
//!
//! What is asked and answered is neutral: [`VectorRequest`], [`HssAnswer`], [`VectorError`]. Each module maps it
//! to one protocol, the HSS's side included:
//!
//! | module | peer | settings |
//! |---|---|---|
//! | [`diameter`] | HSS by Zh, Multimedia-Auth | in the answer |
//! | [`nhss_gba_ueau`] | HSS by Nhss_gbaUEAU | by [`nhss_gba_sdm`] |
//! | [`nudm_ueau`] | UDM by Nudm_UEAU | from the local subscriber file |
//! | [`cx`] | HSS by Cx, Multimedia-Auth | from the local subscriber file |
//! | [`gsup`] | HLR by GSUP, SendAuthInfo | from the local subscriber file |

pub mod cx;
pub mod diameter;
pub mod gsup;
mod json_vector;
pub mod nhss_gba_sdm;
pub mod nhss_gba_ueau;
pub mod nudm_ueau;
pub(crate) mod sip_auth;
mod ue_id;
mod vector;

pub use json_vector::SbiError;
pub use sip_auth::{AnswerError, AuthScheme, DigestCredential};
pub use ue_id::UeId;
pub use vector::{CardAka, DigestAnswer, HssAnswer, Settings, VectorAnswer, VectorError, VectorRequest};

/// The only scheme that GBA with a USIM knows (TS 29.229 clause 6.3.9).
pub const DIGEST_AKAV1_MD5: &str = "Digest-AKAv1-MD5";

#[cfg(test)]
#[path = "tests/witness.rs"]
pub(crate) mod witness;
