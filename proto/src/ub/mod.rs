//! Ub: how a UE and the BSF bootstrap a shared key over HTTP Digest AKA (TS 24.109 clause 4, TS 33.220 clause 4.5.2).
//!
//! [`Bsf`] and [`UeBootstrap`] are the two ends, without IO. Each call gives a step; a step that needs the outside
//! names the question and carries the continuation to which the answer goes:
//!
//! ```text
//! UE  GET, IMPI or TMPI ───────────► BSF   NeedTmpi? → NeedVector → 401, challenge sealed in opaque
//! UE  AskCard → GET, response ─────► BSF   NeedChallenge? → verify → Establish → 200, rspauth, B-TID
//! UE  AskCard → GET, AUTS ─────────► BSF   NeedVector with AUTS → 401, once
//! ```
//!
//! The association is durable before the 200 goes out, and once per RAND: the store's answer decides.

mod answer;
mod body;
mod bsf;
mod challenge;
mod message;
mod pending;
mod product;
mod refusal;
mod sealed;
mod suspect;
mod ue;

pub use crate::zh::{VectorAnswer, VectorError, VectorRequest};
pub use answer::{AwaitChallenge, AwaitStore, Establish, StoreOutcome};
pub use body::{BodyError, BootstrappingInfo};
pub use bsf::{AcceptAuth, Bsf, BsfConfig, Cause, Effects, Outcome, UbStep};
pub use challenge::{AwaitTmpi, AwaitVector, TmpiLookup};
pub use message::{BSF_XML, Transport, UbRequest, UbResponse};
pub use pending::{OpenChallenge, PendingChallenges};
pub use product::{GbaSupport, TMPI_TOKEN};
pub use refusal::Refusal;
pub use sealed::{SealNonce, SealingKey, SealingKeys};
pub use suspect::Suspect;
pub use ue::{
    AwaitAnswer, AwaitCard, Bootstrapped, CardOutcome, Cnonce, UeBootstrap, UeConfig, UeError, UeStep,
};

#[cfg(test)]
mod tests;
