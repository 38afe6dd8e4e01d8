//! GBA-Push-Info: what a push-NAF sends to a UE so that its card can make the key (TS 33.223 clause 5.3.5).
//!
//! The specification's layout was not to be had, so everybody but a UE handles [`GbaPushInfo`] as octets. To try
//! push end to end, [`LabLayout`] is a layout of this project's own. It is no 3GPP layout: its fields are not
//! encrypted, and only UEs of this project understand it. Nothing makes one unless somebody names it.
//!
//! ```text
//! 4b 53 01 | mode 00 ME, 01 U | RAND 16 | AUTN(*) 16 | expiry 8, seconds since 1970 |
//! L NAF_Id | L P-TID | L UICC application label | MAC 16
//! ```
//! L is one octet. MAC is the left half of HMAC-SHA-256 under a key that is derived from the NAF's key, over all
//! octets before it: who changes the GPI has no NAF key to do it with.

use super::query::PTid;
use crate::aka::{Autn, Rand};
use crate::gba::lifetime::{from_unix_seconds, unix_seconds};
use crate::gba::{GbaMode, NafId, kdf::kdf};
use crate::reader::{Reader, Truncated};
use crate::zn::MeKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::SystemTime;

/// A GBA-Push-Info as it travels. Public, apart from whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GbaPushInfo(pub Vec<u8>);

/// What a GBA-Push-Info tells the UE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpiContent {
    /// Whether the terminal or the card keeps the key.
    pub mode: GbaMode,
    /// RAND.
    pub rand: Rand,
    /// AUTN, or AUTN* where the card keeps the key.
    pub autn: Autn,
    /// The NAF, and how it uses the key.
    pub naf_id: NafId,
    /// The name of the association.
    pub p_tid: PTid,
    /// The application on the card that is to be used.
    pub uicc_app_label: String,
    /// When the association ends.
    pub expires_at: SystemTime,
}

/// This project's own layout, for labs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabLayout(());

/// Octets that nobody here writes by chance, and a version.
const MAGIC: [u8; 3] = [0x4b, 0x53, 0x01];
const MAC_OCTETS: usize = 16;
/// No FC of a 3GPP specification: keys of this layout are keys of nothing else.
const FC_LAB: u8 = 0xfe;

/// Why a GBA-Push-Info is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GpiError {
    /// Another layout, or fields that cannot be.
    #[error("not a GBA-Push-Info of this layout")]
    Layout,
    /// Cut off.
    #[error("a GBA-Push-Info that is cut off: {0}")]
    Truncated(#[from] Truncated),
    /// The MAC does not verify: changed on the way, or made for another card.
    #[error("the GBA-Push-Info's MAC does not verify")]
    Mac,
    /// It has ended.
    #[error("the GBA-Push-Info has expired")]
    Expired,
}

/// A GBA-Push-Info before its MAC is checked: what the card needs, and no more, may be used of it.
#[derive(Debug, Clone)]
pub struct UnverifiedGpi {
    content: GpiContent,
    covered: Vec<u8>,
    mac: [u8; MAC_OCTETS],
}

impl LabLayout {
    /// Chooses a layout that no specification knows.
    #[must_use]
    pub const fn unconfirmed() -> Self {
        Self(())
    }

    /// Makes a GBA-Push-Info; `None` where a field is longer than 255 octets. For [`super::answer()`].
    #[must_use]
    pub fn build(self, content: &GpiContent, me_key: &MeKey) -> Option<GbaPushInfo> {
        let mut out = MAGIC.to_vec();
        out.push(match content.mode {
            GbaMode::Me => 0,
            GbaMode::U => 1,
        });
        out.extend_from_slice(&content.rand.0);
        out.extend_from_slice(&content.autn.0);
        out.extend_from_slice(&unix_seconds(content.expires_at).to_be_bytes());
        let naf_id = content.naf_id.octets();
        for field in [&naf_id[..], content.p_tid.as_str().as_bytes(), content.uicc_app_label.as_bytes()] {
            out.push(u8::try_from(field.len()).ok()?);
            out.extend_from_slice(field);
        }
        let mac = mac(me_key, &out).finalize().into_bytes();
        out.extend(mac.into_iter().take(MAC_OCTETS));
        Some(GbaPushInfo(out))
    }

    /// Reads a GBA-Push-Info, UE side.
    ///
    /// # Errors
    /// [`GpiError`].
    pub fn read(self, gpi: &GbaPushInfo) -> Result<UnverifiedGpi, GpiError> {
        let mut reader = Reader::new(&gpi.0);
        if reader.array()? != MAGIC {
            return Err(GpiError::Layout);
        }
        let mode = match reader.u8()? {
            0 => GbaMode::Me,
            1 => GbaMode::U,
            _ => return Err(GpiError::Layout),
        };
        let (rand, autn) = (Rand(reader.array()?), Autn(reader.array()?));
        let expires_at = from_unix_seconds(reader.u64()?);
        let naf_id = NafId::parse(reader.lv()?).map_err(|_| GpiError::Layout)?;
        let text = |octets| str::from_utf8(octets).map_err(|_| GpiError::Layout);
        let p_tid = PTid::parse(text(reader.lv()?)?).map_err(|_| GpiError::Layout)?;
        let uicc_app_label = text(reader.lv()?)?.to_owned();
        let covered = gpi.0.get(..reader.offset()).unwrap_or_default().to_vec();
        let mac = reader.array()?;
        let content = GpiContent { mode, rand, autn, naf_id, p_tid, uicc_app_label, expires_at };
        if reader.is_empty() { Ok(UnverifiedGpi { content, covered, mac }) } else { Err(GpiError::Layout) }
    }
}

impl UnverifiedGpi {
    /// What the card is to be asked: with AUTN* in the card's mode, with AUTN in the terminal's.
    #[must_use]
    pub const fn challenge(&self) -> (GbaMode, Rand, Autn) {
        (self.content.mode, self.content.rand, self.content.autn)
    }

    /// For which NAF the key is to be derived.
    #[must_use]
    pub const fn naf_id(&self) -> &NafId {
        &self.content.naf_id
    }

    /// The application on the card that is to be asked.
    #[must_use]
    pub fn uicc_app_label(&self) -> &str {
        &self.content.uicc_app_label
    }

    /// The name under which a card that keeps the key files it, and until when.
    #[must_use]
    pub const fn association(&self) -> (&PTid, SystemTime) {
        (&self.content.p_tid, self.content.expires_at)
    }

    /// Checks it with the key that the card led to.
    ///
    /// # Errors
    /// [`GpiError::Mac`] or [`GpiError::Expired`].
    pub fn verify(self, me_key: &MeKey, now: SystemTime) -> Result<GpiContent, GpiError> {
        mac(me_key, &self.covered).verify_truncated_left(&self.mac).map_err(|_| GpiError::Mac)?;
        if now < self.content.expires_at { Ok(self.content) } else { Err(GpiError::Expired) }
    }
}

fn mac(me_key: &MeKey, covered: &[u8]) -> Hmac<Sha256> {
    let key = kdf(me_key.danger_expose(), FC_LAB, &[b"ksnaf-gpi-mac"]);
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key.danger_expose()) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.chain_update(covered)
}

#[cfg(test)]
mod tests;
