//! `[unconfirmed]`: what no public text says of the bootstraps beside AKA. Both ends must be set alike.

use super::bsf::OtherBootstrap;
use ksnaf_proto::gba::digest_mode::{GbaDigest, Ha1Form};
use ksnaf_proto::gba::kdf2g::{Layout, TwoGGba};
use ksnaf_proto::ub::OtherBootstraps;
use serde::Deserialize;

/// `[unconfirmed]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnconfirmedConfig {
    /// How the key derivation of 2G GBA lays out its parameters (TS 33.220 clause I.5).
    pub two_g_layout: TwoGLayout,
    /// How H(A1) becomes a key in GBA_Digest (TS 33.220 clauses B.5 and M.6.3).
    pub digest_key: DigestKey,
    /// The label by which GBA_Digest's TLS_MK_Extr is exported from TLS (TS 33.220 clause M.6.3, RFC 5705). IANA knows
    /// two labels by the looks of it: this one and `TLS_MK_Extr`.
    pub digest_exporter: String,
}

/// `unconfirmed.two_g_layout`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwoGLayout {
    /// Each parameter followed by its length, as in every other derivation of TS 33.220.
    #[default]
    Lengths,
    /// The parameters alone.
    NoLengths,
}

/// `unconfirmed.digest_key`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestKey {
    /// The hash's octets, as clause B.5 counts the response.
    #[default]
    Octets,
    /// Its hex digits.
    HexText,
}

impl Default for UnconfirmedConfig {
    fn default() -> Self {
        Self {
            two_g_layout: TwoGLayout::default(),
            digest_key: DigestKey::default(),
            digest_exporter: "EXPORTER_GBA_Digest".to_owned(),
        }
    }
}

impl UnconfirmedConfig {
    /// 2G GBA as configured.
    #[must_use]
    pub const fn two_g(&self) -> TwoGGba {
        TwoGGba::unconfirmed(match self.two_g_layout {
            TwoGLayout::Lengths => Layout::Lengths,
            TwoGLayout::NoLengths => Layout::NoLengths,
        })
    }

    /// GBA_Digest as configured.
    #[must_use]
    pub const fn digest(&self) -> GbaDigest {
        GbaDigest::unconfirmed(match self.digest_key {
            DigestKey::Octets => Ha1Form::Octets,
            DigestKey::HexText => Ha1Form::HexText,
        })
    }

    /// The bootstraps that are switched on, as configured.
    #[must_use]
    pub fn of(&self, switched_on: &[OtherBootstrap]) -> OtherBootstraps {
        let two_g = switched_on.contains(&OtherBootstrap::TwoG);
        let digest = switched_on.contains(&OtherBootstrap::Digest);
        OtherBootstraps { two_g: two_g.then(|| self.two_g()), digest: digest.then(|| self.digest()) }
    }
}
