//! ksnaf: a SIM card that is already in the device becomes the key to any service beside it.
//!
//! The protocol rules are in `ksnaf-proto`; this crate has what needs a socket, a reader, a file or a clock.
//! "BSF" is always the Bootstrapping Server Function here, never 5G's Binding Support Function.

pub mod reader;
pub mod store;
