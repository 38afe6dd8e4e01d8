//! Diameter (RFC 6733): messages, peers and routes, without a socket and without a clock.
//!
//! Three layers, each usable without the one above:
//!
//! - The codec: [`Message`], [`Avp`], [`MessageReader`]. It reads raw AVPs and refuses only what has no
//!   readable length; unknown commands, applications and AVPs are values. [`dictionary`] names the AVPs of the
//!   base protocol, Cx and GBA; `check` and [`Answer`] turn what an application misses into the answer that
//!   RFC 6733 wants.
//! - [`peer`]: one peer, as a poll machine.
//! - [`node`]: all peers of one node, with routes, fail-over and duplicates, as a poll machine.
//!
//! ```
//! use ksnaf_proto::diameter::dictionary::{base, gba};
//! use ksnaf_proto::diameter::{ApplicationId, CommandCode, Message};
//!
//! let request = Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZN, vec![
//!     base::SESSION_ID.text("naf.example;1;1"),
//!     gba::TRANSACTION_IDENTIFIER.text("cmFuZA==@bsf.example"),
//! ]);
//! let octets = request.encode()?;
//! let read = Message::decode(octets.danger_expose())?;
//! assert_eq!(read.avps.required(&gba::TRANSACTION_IDENTIFIER)?.text()?, "cmFuZA==@bsf.example");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod addressing;
mod answer;
mod avp;
mod capabilities;
mod check;
mod code;
pub mod dictionary;
mod header;
mod identifier;
mod identity;
mod jitter;
mod message;
pub mod node;
pub mod peer;
mod result_code;
mod stream;
mod time;
mod value;
mod wire_code;

pub use addressing::Addressing;
pub use answer::Answer;
pub use avp::{Avp, AvpFlags, Avps};
pub use capabilities::{Application, Capabilities, LocalNode};
pub use check::Fault;
pub use code::{ApplicationId, CommandCode, VendorId};
pub use dictionary::{AvpDef, AvpKind};
pub use header::{HEADER_LENGTH, Header, HeaderFlags};
pub use identifier::{EndToEndIds, SessionIds};
pub use identity::{DiameterIdentity, NotAnIdentity, Origin};
pub use jitter::Jitter;
pub use message::{DecodeError, Message, TooLong, Unreadable};
pub use result_code::{Outcome, ResultClass, ResultCode, TgppResultCode};
pub use stream::{DEFAULT_MESSAGE_LIMIT, MessageReader};
pub use time::{DiameterTime, OutOfRange};

#[cfg(test)]
mod golden_tests;

#[cfg(test)]
use moments::first_moment;

#[cfg(test)]
mod moments {
    /// Any moment does as the first of a test; the others are counted from it.
    #[expect(clippy::disallowed_methods, reason = "there is no other way to a first Instant")]
    pub(super) fn first_moment() -> std::time::Instant {
        std::time::Instant::now()
    }
}
