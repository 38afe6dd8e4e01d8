//! ksnaf: a SIM card that is already in the device becomes the key to any service beside it.
//!
//! The protocol rules are in `ksnaf-proto`; this crate has what needs a socket, a reader, a file or a clock.
//! "BSF" is always the Bootstrapping Server Function here, never 5G's Binding Support Function.

//! | module | what |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`service`] | all roles, composed |
//! | [`bsf`], [`api`] | Ub's server; the credential API |
//! | `naf` (feature `ua`) | Ua's server: an authentication proxy |
//! | `ua_client` (feature `ua`) | Ua's device side: a forward proxy |
//! | [`ue`], [`credential`] | the device side; a NAF key in the form its user takes |
//! | [`av_source`], [`store`], [`reader`], [`diameter`] | where vectors, durable state, cards and peers come from |
//! | [`http`], [`config`], [`data_dir`], [`metrics`], [`telemetry`] | what all of them stand on |

pub mod api;
pub mod av_source;
pub mod bsf;
pub mod cli;
pub mod config;
pub mod credential;
pub mod cse;
pub mod data_dir;
pub mod diameter;
pub mod http;
pub mod metrics;
#[cfg(feature = "ua")]
pub mod naf;
pub mod reader;
pub mod service;
pub mod store;
pub mod telemetry;
#[cfg(feature = "ua")]
pub mod ua_client;
pub mod ue;
