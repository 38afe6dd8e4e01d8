//! This process as a Diameter node: what the configuration, the vector source and Zn make of it together.
//!
//! One node has all reference points. Whoever has a part in it adds it to the [`Plan`] before the node starts; who
//! answers requests is told to the [`Desk`] when there is somebody.

mod desk;
mod plan;
mod tls;

pub use desk::Desk;
pub use ksnaf_diameter::{Asker, Diameter, DisconnectCause, Listener, RequestError, Service};
pub use plan::{Plan, PlanError};
pub use tls::acceptor;
