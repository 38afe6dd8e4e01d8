//! A subscriber of the built-in AuC.

use ksnaf_proto::aka::{AkaKey, Amf, Sqn};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::identity::{Impi, Imsi};
use ksnaf_proto::zh::{CardAka, DigestCredential};
use std::time::Duration;

/// One subscriber: identity, long-term key, and what the GUSS would say of its card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// IMSI, the key of the subscriber table.
    pub imsi: Imsi,
    /// IMPI, unique too.
    pub impi: Impi,
    /// Algorithm with K and operator constant.
    pub key: AkaKey,
    /// AMF of its vectors.
    pub amf: Amf,
    /// The sequence number before the first one to use.
    pub sqn: Sqn,
    /// What `uiccType` says: GBA_ME or GBA_U.
    pub gba_mode: GbaMode,
    /// Whether its card does UMTS AKA. A SIM does not, and bootstraps by 2G GBA if at all.
    pub card: CardAka,
    /// Its SIP Digest credential, for GBA_Digest.
    pub digest: Option<DigestCredential>,
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
