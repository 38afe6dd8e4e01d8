//! Everything that needs a real part installed on the machine, in one test program.
//!
//! A part that is missing fails its tests and says what to install: nothing is skipped silently.
//!
//! | module | real part |
//! |---|---|
//! | [`reader`] | pcscd with the vsmartcard virtual reader |
//! | [`tshark`] | Wireshark's dissectors |

mod lab;
mod left_alone;
mod pcscd;
mod programs;
mod reader;
mod scripted_card;
mod service;
mod sim_usim;
mod tap;
mod trouble;
mod tshark;
mod usim;
mod wire;
