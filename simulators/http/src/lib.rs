//! HTTP for the simulators, requests and answers whole: a listener that speaks HTTP/2 with prior knowledge and HTTP/1.1
//! on one port ([`serve`]), and a client of either ([`ask`]).
//!
//! The project's own server and client are not used here, so that a misunderstanding of HTTP on one side shows at the
//! other.

mod client;
mod server;

pub use client::{AskError, Peer, Version, ask};
pub use server::serve;

/// Octets of a body that are read at the most.
pub const MAX_BODY: usize = 128 * 1024;

#[cfg(test)]
mod tests;
