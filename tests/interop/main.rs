//! Everything that needs a real part installed on the machine, in one test program.
//!
//! A part that is missing fails its tests and says what to install: nothing is skipped silently.
//!
//! | module | real part |
//! |---|---|
//! | [`reader`] | pcscd with the vsmartcard virtual reader, and a scripted card |
//! | [`usim`], [`service`], [`trouble`], [`left_alone`] | the same, and the whole of `ksnaf`: card, service, commands |
//! | [`card_tools`], [`witness`], [`authentication_centre`] | OpenSC, pcsc-tools, `tests/python`, libosmocore |
//! | [`osmo_hlr`] | osmo-hlr: another authentication centre, over GSUP |
//! | [`cse`], [`ua`], [`ua_clients`] | ACME-CSE; OpenSSL and curl as its clients |
//! | [`free_diameter`] | freeDiameter, as a peer and as a relay |
//! | [`python_hss`], [`python_naf`], [`python_relay`] | an HSS and NAFs in Python on other people's Diameter and HTTP/2 |
//! | [`tshark`], [`tshark_network`] | Wireshark's dissectors |
//!
//! [`acme`], [`network`], [`pcscd`], [`programs`], [`lab`], [`python`], [`python_peers`], [`sim_usim`],
//! [`scripted_card`], [`tap`] and [`wire`] are what these stand on.

mod acme;
mod authentication_centre;
mod card_tools;
mod cse;
mod free_diameter;
mod lab;
mod left_alone;
mod network;
mod osmo_hlr;
mod pcscd;
mod programs;
mod python;
mod python_hss;
mod python_naf;
mod python_peers;
mod python_relay;
mod reader;
mod scripted_card;
mod service;
mod sim_usim;
mod tap;
mod trouble;
mod tshark;
mod tshark_network;
mod ua;
mod ua_clients;
mod usim;
mod wire;
mod witness;
