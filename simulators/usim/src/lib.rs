//! A SIM card without the plastic: a UICC with USIM and ISIM at APDU level.
//!
//! [`SimCard`] is a [`Card`](ksnaf_proto::uicc::Card): it takes command APDUs and answers as TS 102 221, TS 31.102 and
//! TS 31.103 say, with a real file system, PINs, logical channels, MILENAGE or TUAK, an array of sequence numbers, and
//! GBA_U. [`vpcd::run`] plugs it into a pcscd, where any program takes it for a card in a reader. [`Faults`] make it
//! misbehave.
//!
//! It shares types, TLV, status words and cryptography with the rest of the project, and nothing of the terminal side:
//! files are encoded here by hand, so that a misreading of the specification on one side shows at the other.
//!
//! Lab use only: its file holds K, PINs and keys in clear.
//!
//! ```
//! use ksnaf_proto::aka::AkaKey;
//! use ksnaf_proto::secret::Secret;
//! use ksnaf_proto::uicc::Card as _;
//! use ksnaf_sim_usim::{Personalisation, SimCard};
//!
//! let key = AkaKey::Milenage { k: Secret::new([1; 16]), opc: Secret::new([2; 16]) };
//! let mut card = SimCard::new(Personalisation::lab(key))?;
//! // SELECT EF_ICCID below the MF, no data wanted; READ BINARY.
//! assert_eq!(card.transmit(&[0x00, 0xa4, 0x00, 0x0c, 0x02, 0x2f, 0xe2])?, [0x90, 0x00]);
//! assert_eq!(card.transmit(&[0x00, 0xb0, 0x00, 0x00, 0x0a])?.len(), 10 + 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atr;
mod card;
mod card_file;
mod card_json;
mod commands;
mod faults;
mod files;
mod memory;
mod onem2m;
mod personalisation;
mod session;
pub mod vpcd;

pub use atr::Protocol;
pub use card::{NoCard, SimCard};
pub use card_file::CardFileError;
pub use card_json::FieldError;
pub use faults::{FaultSyntax, Faults, Pull, PullPoint};
pub use files::Application;
pub use onem2m::M2mPersonalisation;
pub use personalisation::{
    Code, Iccid, IsimPersonalisation, Personalisation, PersonalisationError, SqnRules,
};

#[cfg(test)]
mod tests;
