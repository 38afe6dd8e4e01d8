//! HTTP as every listener here serves it and as the device side speaks it: bounded, drained on shutdown.

pub mod client;
pub mod joint;
pub mod pool;
pub mod server;
pub mod tls;
