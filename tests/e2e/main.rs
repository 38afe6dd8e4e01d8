//! The whole service over real sockets on loopback: in this process, and as the program that users run.
//!
//! | module | what it stands on, or what is tried |
//! |---|---|
//! | [`leaks`] | no secret in any log line, output or file |
//! | [`lab`], [`people`], [`slot`], [`device`] | a service with its subscriber and card; a device without a service |
//! | [`api`], [`wire`], [`proxy`], [`certificates`] | callers, raw HTTP, a relay on Ub, TLS |
//! | [`forms`], [`applications`], [`resync`], [`temporary_identities`] | the bootstrap and the keys after it |
//! | [`other_bootstraps`] | 2G GBA and GBA_Digest, over TLS |
//! | [`misbehaving_cards`], [`pins`] | the card's side of it |
//! | [`reuse`], [`lifetimes`], [`restarts`] | how long a bootstrap lives |
//! | [`authentication`], [`authorization`], [`requests`], [`fetches`] | the API: who asks, what may be had, what is wrong |
//! | [`description`], [`python`] | the API against its own description, checked by another program |
//! | [`zn_sbi`] | the same fetch as NAFs of the service-based architecture make it |
//! | [`http2`], [`ub_limits`], [`ub_tls`], [`draining`] | the listeners: what clients may do to them, and their end |
//! | [`program`] | the program as a process, its output, its files |
//! | [`statuses`], [`configuration`], [`lab_command`] | how it ends, what it says to bad configuration, `ksnaf lab` |
//! | [`subscriber_command`], [`credential_command`] | its other commands, beside a lab and alone |
//! | [`terminations`], [`kills`] | SIGTERM, SIGKILL |
//! | [`witness`] | a UE in another language |

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, and says where")]

mod api;
mod applications;
mod authentication;
mod authorization;
mod certificates;
mod configuration;
mod credential_command;
mod description;
mod device;
mod draining;
mod fetches;
mod forms;
mod http2;
mod kills;
mod lab;
mod lab_command;
mod leaks;
mod lifetimes;
mod misbehaving_cards;
mod other_bootstraps;
mod people;
mod pins;
mod program;
mod proxy;
mod python;
mod requests;
mod restarts;
mod resync;
mod reuse;
mod slot;
mod statuses;
mod subscriber_command;
mod temporary_identities;
mod terminations;
mod ub_limits;
mod ub_tls;
mod wire;
mod witness;
mod zn_sbi;
