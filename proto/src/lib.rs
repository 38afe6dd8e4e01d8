//! The rules of AKA, GBA, Ub, Ua and the UICC, without a socket, a clock or a reader.
//!
//! The promise of this crate: it does no IO, never asks for the time or for randomness (both are
//! arguments), keeps no global state, and does not panic on any input. Equal inputs give equal outputs,
//! so two parties and "55 minutes later" fit in one unit test.
//!
//! Modules are reference points or the specifications' nouns, lower layers first:
//!
//! | module | what | specification |
//! |---|---|---|
//! | [`secret`], [`reader`] | secrets that do not print; the only way to walk bytes | |
//! | [`identity`] | IMSI, IMPI, FQDN and the names made of them | TS 23.003 |
//! | [`aka`] | MILENAGE, TUAK, vectors, sequence numbers | TS 33.102, 35.206, 35.231 |
//! | [`gba`] | B-TID, NAF_Id, Ks and the keys below it | TS 33.220 |
//! | [`diameter`] | Diameter messages, peers, routes | RFC 6733, 3539 |
//! | [`coap`] | CoAP messages, and where oneM2M writes into them | RFC 7252, TS-0008 |
//! | [`digest`] | HTTP Digest with AKA | RFC 2617, 3310, 7616 |
//! | [`sbi`] | JSON bodies, problems and moments of service-based interfaces | TS 29.500, 29.571 |
//! | [`ub`] | the bootstrap, UE and BSF | TS 24.109 clause 4 |
//! | [`ua`] | what a NAF and a UE do with a NAF key | TS 24.109 clause 5, 33.222 |
//! | [`subscriber`] | what an AuC keeps of a subscriber, and the files it comes from | |
//! | [`zh`] | vectors and settings from the HSS, and from what stands in for it | TS 29.109, 29.562 |
//! | [`zn`] | keys for NAFs | TS 29.109, 29.309 |
//! | [`zpn`] | keys for NAFs that push | TS 33.223, 29.109, 29.309 |
//! | [`uicc`] | the card seen from the terminal | TS 102 221, 31.102, 31.103 |
//! | [`onem2m`] | the same keys under oneM2M's names | TS-0003 |
//!
//! "BSF" is always the Bootstrapping Server Function here, never 5G's Binding Support Function.

pub mod aka;
pub mod coap;
pub mod diameter;
pub mod digest;
pub mod gba;
pub mod hex;
pub mod identity;
pub mod onem2m;
pub mod reader;
pub mod sbi;
pub mod secret;
pub mod subscriber;
pub mod ua;
pub mod ub;
pub mod uicc;
pub mod zh;
pub mod zn;
pub mod zpn;
