//! A subscriber as an AuC keeps one, and the files that subscribers are imported from ([`mod@file`]).

pub mod file;

use crate::aka::{AkaKey, Amf, Sqn};
use crate::gba::GbaMode;
use crate::gba::guss::{BsfInfo, Guss};
use crate::identity::{Impi, Imsi};
use crate::zh::{CardAka, DigestCredential};
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

impl Subscriber {
    /// The settings as an HSS has them: those that the operator gave, else what the fields here say of the card and of
    /// key lifetimes.
    #[must_use]
    pub fn settings(&self) -> Guss {
        let given = self.guss.as_deref().and_then(|xml| Guss::parse(xml).ok());
        given.unwrap_or_else(|| Guss {
            impi: Some(self.impi.clone()),
            bsf_info: BsfInfo {
                uicc_type: Some(self.gba_mode),
                life_time: self.key_lifetime,
                ..BsfInfo::default()
            },
            uss: Vec::new(),
        })
    }
}
