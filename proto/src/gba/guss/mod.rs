//! GBA user security settings: what the HSS lets services know of a subscriber, and what it tells the BSF about
//! bootstrapping (TS 33.220 clause 4.4, TS 29.109 annex A).
//!
//! A [`Guss`] has one part for the BSF ([`BsfInfo`]: card type, key lifetime) and one USS per service ([`Uss`]).
//! The BSF hands a NAF those USSs only that it asked for and that are meant for its group ([`Guss::select`]).
//! [`xml`] writes and reads what Zh and Zn carry in GBA-UserSecSettings, `json` what the service-based interfaces
//! carry.
//!
//! ```
//! use ksnaf_proto::gba::guss::{GsId, Guss};
//!
//! let guss = Guss::parse(br#"<guss id="a@b"><bsfInfo><lifeTime>3600</lifeTime></bsfInfo>
//!     <ussList><uss id="1000000" type="0"><uids><uid>sip:a@b</uid></uids></uss></ussList></guss>"#)?;
//! assert_eq!(guss.bsf_info.key_lifetime(), Some(std::time::Duration::from_secs(3600)));
//! assert_eq!(guss.select(&[GsId(1_000_000)], &[])[0].uids, ["sip:a@b"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod json;
mod tree;
pub mod xml;

pub use xml::{GussError, Namespace};

use super::GbaMode;
use crate::identity::Impi;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// All settings of a subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guss {
    /// Whose they are, where it is said and is an IMPI.
    pub impi: Option<Impi>,
    /// For the BSF itself.
    pub bsf_info: BsfInfo,
    /// For services.
    pub uss: Vec<Uss>,
}

/// How the subscriber is to bootstrap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BsfInfo {
    /// The card's type; absent means GBA_ME ([`Self::gba_mode`]).
    pub uicc_type: Option<GbaMode>,
    /// How long a key of this subscriber lives, in seconds.
    pub life_time: Option<Duration>,
    /// Optional features of the subscriber's terminal and card.
    pub security_features: Vec<SecurityFeature>,
}

impl BsfInfo {
    /// The mode the card bootstraps in.
    #[must_use]
    pub fn gba_mode(&self) -> GbaMode {
        self.uicc_type.unwrap_or_default()
    }

    /// The lifetime to use in place of the BSF's own; a lifetime of zero seconds says nothing, for a key that is
    /// dead on arrival helps nobody and HSSs store zero for "not set".
    #[must_use]
    pub fn key_lifetime(&self) -> Option<Duration> {
        self.life_time.filter(|lifetime| !lifetime.is_zero())
    }
}

/// Settings of a subscriber for one service. Debug shows how many identities there are, not which.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Uss {
    /// The service.
    pub gs_id: GsId,
    /// What kind of service.
    pub service_type: ServiceType,
    /// The NAFs it is meant for; absent means every NAF.
    pub naf_group: Option<String>,
    /// By what names the service may know the subscriber; the first is the default.
    pub uids: Vec<String>,
    /// What the subscriber may do there: codes of the service type (TS 29.109 annex C).
    pub flags: Vec<u32>,
    /// Which key the NAF has to use with a GBA_U card.
    pub key_choice: Option<KeyChoice>,
}

impl fmt::Debug for Uss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uss")
            .field("gs_id", &self.gs_id)
            .field("service_type", &self.service_type)
            .field("naf_group", &self.naf_group)
            .field("uids", &self.uids.len())
            .field("flags", &self.flags)
            .field("key_choice", &self.key_choice)
            .finish()
    }
}

/// GAA service identifier: 0 to 999 999 are 3GPP's, the rest are the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GsId(pub u32);

impl GsId {
    /// Reads decimal digits, as GAA-Service-Identifier carries them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decimal(text).map(Self)
    }
}

impl fmt::Display for GsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// GAA service type code (TS 29.109 annex B).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ServiceType(pub u32);

impl ServiceType {
    /// No type in particular.
    pub const UNSPECIFIC: Self = Self(0);
    /// PKI portal: the flags are [`Self::AUTHENTICATION_CERTIFICATE`] and [`Self::NON_REPUDIATION_CERTIFICATE`].
    pub const PKI_PORTAL: Self = Self(1);
    /// Authentication proxy.
    pub const AUTHENTICATION_PROXY: Self = Self(2);
    /// Presence.
    pub const PRESENCE: Self = Self(3);
    /// Multimedia broadcast and multicast.
    pub const MBMS: Self = Self(4);
    /// Liberty Alliance.
    pub const LIBERTY: Self = Self(5);

    /// Flag of a PKI portal: a certificate for authentication may be issued (TS 29.109 annex C).
    pub const AUTHENTICATION_CERTIFICATE: u32 = 1;
    /// Flag of a PKI portal: a certificate for non-repudiation may be issued (TS 29.109 annex C).
    pub const NON_REPUDIATION_CERTIFICATE: u32 = 2;
}

/// Which of a GBA_U subscriber's keys a service is to use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyChoice {
    /// Ks_ext_NAF.
    Me,
    /// Ks_int_NAF.
    Uicc,
    /// Both.
    MeAndUicc,
    /// A choice that a later release may have defined, as spelt.
    Other(String),
}

impl KeyChoice {
    const ALL: [Self; 3] = [Self::Me, Self::Uicc, Self::MeAndUicc];

    /// Reads any spelling: hyphens or underscores, upper or lower case, singular or plural.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let plain = |text: &str| -> String {
            let letters = text.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|c| c.to_ascii_lowercase()).collect::<String>().trim_end_matches('s').to_owned()
        };
        let wanted = plain(text);
        let known = Self::ALL.into_iter().find(|choice| plain(choice.xml()) == wanted);
        known.unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    /// As XML spells it.
    #[must_use]
    pub fn xml(&self) -> &str {
        match self {
            Self::Me => "ME-based-key",
            Self::Uicc => "UICC-based-key",
            Self::MeAndUicc => "ME-UICC-based-keys",
            Self::Other(text) => text,
        }
    }

    /// As JSON spells it (TS 29.309 clause 6.1.6.3.3).
    #[must_use]
    pub fn json(&self) -> &str {
        match self {
            Self::Me => "ME_BASED_KEY",
            Self::Uicc => "UICC_BASED_KEY",
            Self::MeAndUicc => "ME_UICC_BASED_KEYS",
            Self::Other(text) => text,
        }
    }
}

/// An optional feature that both ends of an association must have to use it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecurityFeature(pub String);

impl SecurityFeature {
    /// Generic push layer with keys of the UICC (TS 29.309 clause 6.1.6.3.5).
    pub const GPL_U: &'static str = "GPL_U";

    /// Reads a list with semicolons, as Security-Feature-Request carries it.
    #[must_use]
    pub fn parse_list(text: &str) -> Vec<Self> {
        let names = text.split(';').map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| Self(name.to_owned())).collect()
    }

    /// Writes a list with semicolons.
    #[must_use]
    pub fn list(features: &[Self]) -> String {
        let names: Vec<&str> = features.iter().map(|feature| feature.0.as_str()).collect();
        names.join(";")
    }
}

impl Guss {
    /// What a NAF gets of these settings: the USSs it asked for, in the order it asked, each GSID once.
    ///
    /// A USS with a NAF group is for NAFs of that group alone, and where the NAF has one for its group it gets
    /// that in place of the general one. The group itself is not told.
    #[must_use]
    pub fn select(&self, wanted: &[GsId], naf_groups: &[String]) -> Vec<Uss> {
        let mut seen: Vec<GsId> = Vec::new();
        let mut selected = Vec::new();
        for gs_id in wanted {
            if seen.contains(gs_id) {
                continue;
            }
            seen.push(*gs_id);
            selected.extend(
                self.of_service(*gs_id, naf_groups).map(|uss| Uss { naf_group: None, ..uss.clone() }),
            );
        }
        selected
    }

    /// Whether [`Self::select`] would find something for this service: a BSF may demand that (annex J).
    #[must_use]
    pub fn has(&self, gs_id: GsId, naf_groups: &[String]) -> bool {
        self.of_service(gs_id, naf_groups).next().is_some()
    }

    fn of_service<'a>(&'a self, gs_id: GsId, naf_groups: &'a [String]) -> impl Iterator<Item = &'a Uss> {
        let in_group =
            move |uss: &&Uss| uss.naf_group.as_ref().is_some_and(|group| naf_groups.contains(group));
        let of_id = move || self.uss.iter().filter(move |uss| uss.gs_id == gs_id);
        let grouped = of_id().any(|uss| in_group(&uss));
        of_id().filter(move |uss| if grouped { in_group(uss) } else { uss.naf_group.is_none() })
    }
}

/// A number of decimal digits and nothing else.
fn decimal<N: FromStr>(text: &str) -> Option<N> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
