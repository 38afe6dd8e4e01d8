//! A NAF without an application: it asks a BSF for keys ([`Zn`], by Nbsp_GBA or Diameter), and lets UEs in that prove
//! to have them ([`UaServer`], HTTP Digest by TS 24.109 clause 5).
//!
//! It shares types, codecs and the rules of Ua with the rest of the project, and nothing of the BSF's code.

mod bir;
mod nbsp;
mod ua;
mod ua_server;
mod zn;

pub use bir::Bir;
pub use ksnaf_sim_http::Version;
pub use nbsp::Nbsp;
pub use ua_server::{UaServer, UaSetup};
pub use zn::{FetchError, Zn};

#[cfg(test)]
mod tests;
