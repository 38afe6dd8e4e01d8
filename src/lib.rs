//! ksnaf: a SIM card that is already in the device becomes the key to any service beside it.
//!
//! The protocol rules are in `ksnaf-proto`; this crate has what needs a socket, a reader, a file or a clock.
//! "BSF" is always the Bootstrapping Server Function here, never 5G's Binding Support Function.

//! | module | what |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`service`] | all roles, composed |
//! | [`bsf`], [`api`] | Ub's server; the credential API |
//! | [`ue`], [`credential`] | the device side; a NAF key in the form its user takes |
//! | [`av_source`], [`store`], [`reader`] | where vectors, durable state and cards come from |
//! | [`http`], [`config`], [`data_dir`], [`metrics`], [`telemetry`] | what all of them stand on |

pub mod api;
pub mod av_source;
pub mod bsf;
pub mod cli;
pub mod config;
pub mod credential;
pub mod cse;
pub mod data_dir;
pub mod http;
pub mod metrics;
pub mod reader;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod ue;
