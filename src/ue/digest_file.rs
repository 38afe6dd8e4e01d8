//! The SIP Digest credential of a device that bootstraps without a card: a TOML file with `impi`, `realm` and `ha1`.

use super::{CardFacts, DeviceError};
use crate::config::UnconfirmedConfig;
use ksnaf_proto::digest::Algorithm;
use ksnaf_proto::hex;
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::secret::SecretBytes;
use ksnaf_proto::ub::UeDigest;
use serde::Deserialize;
use std::path::Path;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What the file has.
#[derive(Debug)]
pub(super) struct DigestFile {
    impi: Impi,
    /// The BSF that the IMPI implies (TS 23.003 clause 16.2).
    bsf: Fqdn,
    digest: UeDigest,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Content {
    /// The username.
    impi: String,
    /// The realm that H(A1) was made with; the IMPI's unless it is there.
    realm: Option<String>,
    /// H(A1) in hex: 32 digits of MD5, or 64 of SHA-256.
    ha1: String,
}

impl DigestFile {
    /// Reads it. An error never quotes the file.
    pub(super) fn read(path: &Path, unconfirmed: &UnconfirmedConfig) -> Result<Self, DeviceError> {
        let wrong = |what: &dyn std::fmt::Display| {
            DeviceError::Setting(format!("ue.digest_file {}: {what}", path.display()))
        };
        let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| wrong(&error))?;
        Self::parse(&text, unconfirmed).map_err(|reason| wrong(&reason))
    }

    fn parse(text: &str, unconfirmed: &UnconfirmedConfig) -> Result<Self, String> {
        let content: Content = toml::from_str(text).map_err(|error: toml::de::Error| {
            let line =
                error.span().map_or(0, |span| text.get(..span.start).unwrap_or(text).matches('\n').count());
            format!("line {}: impi, realm and ha1 are needed, each a text", line + 1)
        })?;
        let impi = Impi::parse(&content.impi).map_err(|error| format!("impi: {error}"))?;
        let bsf = Fqdn::bsf_for_isim(&impi).map_err(|error| format!("impi: {error}"))?;
        let ha1 = hex::decode_secret(&content.ha1).filter(|ha1: &SecretBytes| matches!(ha1.len(), 16 | 32));
        let ha1 = ha1.ok_or("ha1: 32 hex digits of MD5 or 64 of SHA-256 are needed")?;
        let algorithm = if ha1.len() == 16 { Algorithm::Md5 } else { Algorithm::Sha256 };
        let realm = content.realm.clone().unwrap_or_else(|| impi.realm().to_owned());
        Ok(Self { impi, bsf, digest: UeDigest { gba: unconfirmed.digest(), realm, algorithm, ha1 } })
    }

    /// For the procedure.
    pub(super) fn digest(&self) -> UeDigest {
        self.digest.clone()
    }

    /// What a card would say of itself.
    pub(super) fn facts(&self) -> CardFacts {
        CardFacts::without_card(self.impi.clone(), self.bsf.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HA1: &str = "97ba36405cc0b162e061ef550feb1e64";

    fn parse(text: &str) -> Result<DigestFile, String> {
        DigestFile::parse(text, &UnconfirmedConfig::default())
    }

    #[test]
    fn the_hash_is_told_by_its_length_and_the_realm_by_the_impi() {
        let file = parse(&format!("impi = \"user@home1.net\"\nha1 = \"{HA1}\"\n")).unwrap();
        assert_eq!((file.digest.realm.as_str(), file.digest.algorithm), ("home1.net", Algorithm::Md5));
        let text = format!("impi = \"user@home1.net\"\nrealm = \"r\"\nha1 = \"{HA1}{HA1}\"\n");
        let file = parse(&text).unwrap();
        assert_eq!((file.digest.realm.as_str(), file.digest.algorithm), ("r", Algorithm::Sha256));
    }

    #[test]
    fn an_error_says_what_is_wrong_and_quotes_nothing() {
        let bad = "z".repeat(32);
        for (text, expected) in [
            (format!("impi = \"u@r\"\nha1 = {HA1}\n"), "line 2"),
            ("impi = \"u@r\"\n".to_owned(), "line 1"),
            (format!("impi = \"u@r\"\nha1 = \"{HA1}\"\nk = \"{HA1}\"\n"), "line 3"),
            (format!("impi = \"\"\nha1 = \"{HA1}\"\n"), "impi"),
            (format!("impi = \"u@r\"\nha1 = \"{bad}\"\n"), "ha1"),
            (format!("impi = \"u@r\"\nha1 = \"{HA1}00\"\n"), "ha1"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(expected) && !error.contains(HA1) && !error.contains(&bad), "{error}");
        }
    }
}
