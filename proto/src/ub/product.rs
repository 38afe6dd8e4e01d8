//! Product tokens in User-Agent and Server: what the sender can do (TS 24.109 annex A.3, TS 33.220 clause 4.5.2).

/// The token by which UE and BSF tell that they support TMPIs.
pub const TMPI_TOKEN: &str = "3gpp-gba-tmpi";

/// The token by which a UE asks for GBA_Digest (TS 24.109 clause I.2).
pub const DIGEST_TOKEN: &str = "GBA_Digest";

/// What a User-Agent or Server header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GbaSupport {
    /// Takes and computes TMPIs: `3gpp-gba-tmpi`.
    pub tmpi: bool,
    /// GBA_U based, on Ua: `3gpp-gba-uicc`.
    pub uicc: bool,
    /// Wants to bootstrap with a SIP Digest credential, on Ub: `GBA_Digest`.
    pub digest: bool,
}

impl GbaSupport {
    /// Reads the header's text. A token may be glued to what stands before it: some senders forget the blank.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let tells = |token: &str| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'))
                .any(|word| word.to_ascii_lowercase().ends_with(token))
        };
        Self { tmpi: tells(TMPI_TOKEN), uicc: tells("3gpp-gba-uicc"), digest: tells("gba_digest") }
    }
}

/// `product` with the TMPI token behind it, where `tmpi` is supported and not told yet.
#[must_use]
pub(super) fn with_support(product: &str, tmpi: bool) -> String {
    match (tmpi && !GbaSupport::parse(product).tmpi, product.is_empty()) {
        (false, _) => product.to_owned(),
        (true, true) => TMPI_TOKEN.to_owned(),
        (true, false) => format!("{product} {TMPI_TOKEN}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_wherever_they_stand() {
        for text in [
            "Bootstrapping Client Agent; Release-6; 3gpp-gba-tmpi",
            "3gpp-gba-tmpi",
            "agent/1.0 3GPP-GBA-TMPI/1.0 (x)",
            "agent3gpp-gba-tmpi",
            "a,3gpp-gba-tmpi;b",
        ] {
            assert!(GbaSupport::parse(text).tmpi, "{text}");
        }
        for text in ["", "3gpp-gba", "3gpp-gba-tmpi2", "3gpp-gba-tmp", "3gpp gba-tmpi"] {
            assert!(!GbaSupport::parse(text).tmpi, "{text}");
        }
        assert_eq!(GbaSupport::parse("x 3gpp-gba-uicc"), GbaSupport { uicc: true, ..GbaSupport::default() });
        let digest = GbaSupport { digest: true, ..GbaSupport::default() };
        assert_eq!(GbaSupport::parse("ksnaf/1 GBA_Digest"), digest);
        assert_eq!(GbaSupport::parse("x gba_digest;"), digest);
        assert!(!GbaSupport::parse("3gpp-gba-digest").digest, "that is Ua's");
    }

    #[test]
    fn the_token_is_written_once() {
        assert_eq!(with_support("ksnaf", true), "ksnaf 3gpp-gba-tmpi");
        assert_eq!(with_support("ksnaf 3gpp-gba-tmpi", true), "ksnaf 3gpp-gba-tmpi");
        assert_eq!(with_support("", true), "3gpp-gba-tmpi");
        assert_eq!(with_support("ksnaf", false), "ksnaf");
    }
}
