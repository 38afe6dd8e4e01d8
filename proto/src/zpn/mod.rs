//! Zpn: a push-NAF makes a security association with a UE that has not bootstrapped (TS 33.223, TS 29.109 clause
//! 5.4, TS 29.309).
//!
//! The NAF names a subscriber and chooses a P-TID ([`PushQuery`]); the BSF takes a vector, derives the NAF's key of
//! a Ks that serves this once ([`answer()`]), and gives the NAF a GBA-Push-Info for the UE ([`PushAnswer`]). The UE
//! runs its card with what is in there and has the same key.
//!
//! The layout of GBA-Push-Info could not be had: it is opaque octets here. [`gpi`] has a layout of this project's
//! own, for labs, that has to be asked for by name.

mod answer;
pub mod diameter;
pub mod gpi;
pub mod nbsp_gba;
mod query;

pub use answer::{PushAnswer, PushSubscriber, answer};
pub use gpi::GbaPushInfo;
pub use query::{AuthorizedPush, PTid, PushQuery, PushUeId};
