//! `[card]` and `[ue]`: the device's card and its GBA client.

use super::Lifetime;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// `[card]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CardConfig {
    /// `sim`, `pcsc`, `pcsc:READER`, `imsi:DIGITS`, `iccid:DIGITS`; none: this process has no device side.
    #[serde(rename = "use")]
    pub selector: Option<String>,
    /// A file whose first line is the PIN, for cards that ask for it.
    pub pin_file: Option<PathBuf>,
}

/// `[ue]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UeConfig {
    /// Where the BSF is, `http://host:port/`; by default this process's own, else the MEF that the card
    /// names, else the name that it implies.
    pub bsf: Option<String>,
    /// The BSF's name, realm on Ub, where its URL does not say it and it is not the card's.
    pub bsf_name: Option<String>,
    /// PEM certificates to trust for an `https` BSF.
    pub bsf_ca: Option<PathBuf>,
    /// Which bootstrap to run.
    pub bootstrap: UeBootstrap,
    /// For `digest`: a TOML file with `impi`, `realm` and `ha1`.
    pub digest_file: Option<PathBuf>,
    /// Whether to offer a temporary identity in place of the IMPI.
    pub tmpi: bool,
    /// Which key hierarchy to run: the card's best, or GBA_ME always.
    pub mode: UeMode,
    /// Which of the card's applications: the ISIM where there is one, else the USIM; or one of them always.
    pub application: UeApplication,
    /// How long before expiry a Ks is renewed.
    pub renew_before: Lifetime,
    /// For one bootstrap, card and network together.
    pub timeout: Lifetime,
    /// For one card command; a frozen card frees its caller after this.
    pub card_timeout: Lifetime,
}

/// `ue.bootstrap`. There is no falling back from one to another: who is between could force the weakest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum UeBootstrap {
    /// AKA with a USIM or an ISIM.
    #[default]
    #[serde(rename = "aka")]
    Aka,
    /// 2G GBA with the card's GSM context, over TLS.
    #[serde(rename = "2g")]
    TwoG,
    /// GBA_Digest with a SIP Digest credential and without a card, over TLS.
    #[serde(rename = "digest")]
    Digest,
}

/// `ue.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UeMode {
    /// GBA_U where the card can, else GBA_ME.
    #[default]
    Auto,
    /// GBA_ME.
    Me,
    /// GBA_U or an error.
    U,
}

/// `ue.application`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UeApplication {
    /// The ISIM where there is one with an IMPI, else the USIM.
    #[default]
    Auto,
    /// The USIM.
    Usim,
    /// The ISIM.
    Isim,
}

impl Default for UeConfig {
    fn default() -> Self {
        Self {
            bsf: None,
            bsf_name: None,
            bsf_ca: None,
            bootstrap: UeBootstrap::Aka,
            digest_file: None,
            tmpi: true,
            mode: UeMode::Auto,
            application: UeApplication::Auto,
            renew_before: Lifetime(Duration::from_secs(300)),
            timeout: Lifetime(Duration::from_secs(20)),
            card_timeout: Lifetime(Duration::from_secs(5)),
        }
    }
}
