//! The whole service over real sockets on loopback: in this process, and as the program that users run.
//!
//! | module | what it stands on, or what is tried |
//! |---|---|
//! | [`leaks`] | no secret in any log line, output or file |
//! | [`lab`], [`people`], [`slot`], [`device`] | a service with its subscriber and card; a device without a service |
//! | [`api`], [`wire`], [`proxy`], [`certificates`] | callers, raw HTTP, a relay on Ub, TLS |
//! | [`forms`], [`applications`], [`resync`], [`temporary_identities`] | the bootstrap and the keys after it |
//! | [`other_bootstraps`] | 2G GBA and GBA_Digest, over TLS |
//! | [`misbehaving_cards`], [`pins`], [`enrolment`] | the card's side of it; what it says about oneM2M |
//! | [`reuse`], [`lifetimes`], [`restarts`] | how long a bootstrap lives |
//! | [`authentication`], [`authorization`], [`requests`], [`fetches`] | the API: who asks, what may be had, what is wrong |
//! | [`enrolees`] | which subscriber enrols with which target, and what that hears |
//! | [`provisioned`] | credentials that a service provider deposits |
//! | [`description`], [`python`] | the API against its own description, checked by another program |
//! | [`hss`], [`hlr`], [`front`] | the simulated HSS, an HLR, and what stands before an HSS that speaks HTTP |
//! | [`zh`], [`zh_sbi`], [`zh_gsup`] | vectors and settings from them |
//! | [`zn_sbi`] | the same fetch as NAFs of the service-based architecture make it |
//! | [`ua_lab`], [`ua_client`] | a proxy before a server of the test's own; its clients |
//! | [`ua_psk`], [`ua_digest`] | Ua, the network side: by TLS with a pre-shared key, by HTTP Digest |
//! | [`ua_coap_lab`], [`ua_coap`] | the same by DTLS, with CoAP inside |
//! | [`ua_device`] | Ua, the device side, through to it |
//! | [`app_rules`] | which applications may register there |
//! | [`ua_originators`], [`ua_passage`] | who a client is to what stands behind; what goes through |
//! | [`naf`], [`zn_faces`] | a NAF, which asks the same over Diameter and over Nbsp_GBA and gets the same |
//! | [`zn_sbi`], [`zn_access`], [`zn_diameter`] | what belongs to one of them: HTTP, access tokens and TLS, peers and AVPs |
//! | [`push`] | keys that a NAF pushes, to the card and back |
//! | [`diameter`] | the service as a Diameter node |
//! | [`http2`], [`ub_limits`], [`ub_tls`], [`draining`] | the listeners: what clients may do to them, and their end |
//! | [`program`] | the program as a process, its output, its files |
//! | [`statuses`], [`configuration`], [`lab_command`] | how it ends, what it says to bad configuration, `ksnaf lab` |
//! | [`subscriber_command`], [`credential_command`] | its other commands, beside a lab and alone |
//! | [`sim_hss`], [`sim_naf`] | its simulators of the network's other ends |
//! | [`terminations`], [`kills`] | SIGTERM, SIGKILL |
//! | [`witness`] | a UE in another language |

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, and says where")]

mod api;
mod app_rules;
mod applications;
mod authentication;
mod authorization;
mod certificates;
mod configuration;
mod credential_command;
mod description;
mod device;
mod diameter;
mod draining;
mod enrolees;
mod enrolment;
mod fetches;
mod forms;
mod front;
mod hlr;
mod hss;
mod http2;
mod kills;
mod lab;
mod lab_command;
mod leaks;
mod lifetimes;
mod misbehaving_cards;
mod naf;
mod other_bootstraps;
mod people;
mod pins;
mod program;
mod provisioned;
mod proxy;
mod push;
mod python;
mod requests;
mod restarts;
mod resync;
mod reuse;
mod sim_hss;
mod sim_naf;
mod slot;
mod statuses;
mod subscriber_command;
mod temporary_identities;
mod terminations;
mod ua_client;
mod ua_coap;
mod ua_coap_lab;
mod ua_device;
mod ua_digest;
mod ua_lab;
mod ua_originators;
mod ua_passage;
mod ua_psk;
mod ub_limits;
mod ub_tls;
mod wire;
mod witness;
mod zh;
mod zh_gsup;
mod zh_sbi;
mod zn_access;
mod zn_diameter;
mod zn_faces;
mod zn_sbi;
