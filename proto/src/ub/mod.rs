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
//!
//! Beside AKA stand [`OtherBootstraps`], each off unless configured and over TLS only: 2G GBA, where the network says that
//! the subscriber's card is a SIM, and GBA_Digest, where the UE asks for it.

mod answer;
mod body;
mod bsf;
mod by_digest;
mod challenge;
mod message;
mod other;
mod pending;
mod product;
mod refusal;
mod sealed;
mod state;
mod suspect;
mod ue;
mod ue_proof;

pub use crate::zh::{CardAka, DigestAnswer, VectorAnswer, VectorError, VectorRequest};
pub use answer::{AwaitChallenge, AwaitStore, Establish, StoreOutcome};
pub use body::{BodyError, BootstrappingInfo};
pub use bsf::{AcceptAuth, Bsf, BsfConfig, Cause, Effects, Outcome, UbStep};
pub use by_digest::AwaitDigest;
pub use challenge::{AwaitTmpi, AwaitVector, TmpiLookup};
pub use message::{BSF_XML, Transport, UbRequest, UbResponse};
pub use other::OtherBootstraps;
pub use pending::{OpenChallenge, PendingChallenges};
pub use product::{DIGEST_TOKEN, GbaSupport, TMPI_TOKEN};
pub use refusal::Refusal;
pub use sealed::{ChallengeRandom, SealingKey, SealingKeys};
pub use suspect::Suspect;
pub use ue::{
    AwaitAnswer, AwaitCard, AwaitSim, AwaitTls, Bootstrapped, CardOutcome, Cnonce, Derived, UeBootstrap,
    UeConfig, UeDigest, UeError, UeKind, UeStep,
};

#[cfg(test)]
mod tests;
