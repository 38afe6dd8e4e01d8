//! An HSS for GBA: Zh and Cx over Diameter, Nhss_gbaUEAU, Nhss_gbaSDM and Nudm_UEAU over HTTP.
//!
//! [`Hss`] answers for the subscribers of a file, with an authentication centre of its own: MILENAGE or TUAK, sequence
//! numbers, resynchronisation. [`Faults`] make it misbehave. It shares types, codecs and cryptography with the rest of
//! the project, and nothing of the BSF's code.
//!
//! Lab use only: it knows every K and asks nobody who they are.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use ksnaf_proto::diameter::{DiameterIdentity, Origin};
//! use ksnaf_proto::subscriber::file::{self, Format};
//! use ksnaf_sim_hss::{Hss, Listeners, Setup};
//!
//! let subscribers = file::parse(&std::fs::read("subscribers.csv")?, Format::Csv).map_err(|bad| format!("{bad:?}"))?;
//! let identity = |name| DiameterIdentity::parse(name);
//! let origin = Origin { host: identity("hss.lab.example")?, realm: identity("lab.example")? };
//! let sbi = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let hss = Hss::start(Setup::new(subscribers, origin), Listeners { sbi: Some(sbi), ..Listeners::default() }).await?;
//! println!("Nhss and Nudm on {:?}", hss.addresses().sbi);
//! hss.stop().await;
//! # Ok(())
//! # }
//! ```

mod behaviour;
mod centre;
mod diameter;
mod faults;
mod hss;
mod http;
mod node;
mod sbi;
mod sequence;
mod wire;

pub use faults::{FaultSyntax, Faults, Garbage};
pub use hss::{Addresses, Hss, Listeners, Setup, StartError};
pub use sequence::SequenceFileError;

#[cfg(test)]
mod tests;
