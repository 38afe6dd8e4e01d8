//! Everything that needs a real part installed on the machine, in one test program.
//!
//! A part that is missing fails its tests and says what to install: nothing is skipped silently.
//!
//! | module | real part |
//! |---|---|
//! | [`reader`] | pcscd with the vsmartcard virtual reader |
//! | [`tshark`] | Wireshark's dissectors |

mod pcscd;
mod programs;
mod reader;
mod scripted_card;
mod tap;
mod tshark;
mod wire;
