//! The whole service over real sockets on loopback: in this process, and as the program that users run.
//!
//! | module | what it stands on, or what is tried |
//! |---|---|
//! | [`leaks`] | no secret in any log line, output or file |
//! | [`lab`], [`people`], [`slot`], [`device`] | a service with its subscriber and card; a device without a service |
//! | [`api`], [`wire`], [`proxy`], [`certificates`] | callers, raw HTTP, a relay on Ub, TLS |

mod api;
mod certificates;
mod device;
mod forms;
mod lab;
mod leaks;
mod people;
mod proxy;
mod slot;
mod wire;
