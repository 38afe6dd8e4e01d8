//! A subscriber of the built-in AuC, or the settings alone of one whose key another AuC has.

use ksnaf_proto::aka::{AkaKey, Amf, Sqn};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::identity::{Impi, Imsi};
use std::time::Duration;

/// One subscriber: identity, long-term key where it is here, and what the GUSS would say of its card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// IMSI, the key of the subscriber table.
    pub imsi: Imsi,
    /// IMPI, unique too.
    pub impi: Impi,
    /// Algorithm with K and operator constant. `None`: another AuC makes the vectors, only the settings are here.
    pub key: Option<AkaKey>,
    /// AMF of its vectors.
    pub amf: Amf,
    /// The sequence number before the first one to use.
    pub sqn: Sqn,
    /// What `uiccType` says: GBA_ME or GBA_U.
    pub gba_mode: GbaMode,
    /// Telephone number, digits.
    pub msisdn: Option<String>,
    /// Public identities.
    pub impus: Vec<String>,
    /// `lifeTime` of its GUSS.
    pub key_lifetime: Option<Duration>,
    /// Whether its identity may be told to applications (SER-015).
    pub consent: bool,
    /// The whole GUSS as XML octets, where the operator gives one.
    pub guss: Option<Vec<u8>>,
}
