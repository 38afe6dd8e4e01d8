//! AUTHENTICATE: 3G, GSM and GBA contexts, commands and answers (TS 31.102 clause 7.1, TS 31.103 clause 7.1).
//!
//! A synchronisation failure is an answer of the card, not an error: it carries the AUTS that heals it.

use super::apdu::{Command, Response};
use super::card::CardError;
use super::channel::Channel;
use super::status_word::StatusWord;
use crate::aka::{Autn, Auts, Ck, Ik, Rand, Res};
use crate::gba::{KsExtNaf, NafId};
use crate::identity::Impi;
use crate::reader::{Reader, Truncated};
use crate::secret::Secret;
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// AUTHENTICATE, even instruction code.
const AUTHENTICATE: u8 = 0x88;

/// First octet of an answer that gives what was asked.
const SUCCESS: u8 = 0xdb;
/// First octet of an answer that gives AUTS.
const SYNC_FAILURE: u8 = 0xdc;
/// First octet of the data for a bootstrap in the GBA context.
const BOOTSTRAPPING: u8 = 0xdd;
/// First octet of the data for a NAF key in the GBA context.
const NAF_DERIVATION: u8 = 0xde;

/// Data octets of a short command.
const LONGEST_DATA: usize = 255;

/// Authentication contexts, by their P2 (TS 31.102 clause 7.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// GSM, P2 = 80.
    Gsm,
    /// 3G, EPS, 5G and IMS AKA, P2 = 81.
    ThreeG,
    /// GBA, P2 = 84: bootstrapping and NAF derivation, told apart by the first octet of the data.
    Gba,
}

impl Context {
    /// P2.
    #[must_use]
    pub const fn p2(self) -> u8 {
        match self {
            Self::Gsm => 0x80,
            Self::ThreeG => 0x81,
            Self::Gba => 0x84,
        }
    }

    /// The context of a P2.
    #[must_use]
    pub const fn from_p2(p2: u8) -> Option<Self> {
        match p2 {
            0x80 => Some(Self::Gsm),
            0x81 => Some(Self::ThreeG),
            0x84 => Some(Self::Gba),
            _ => None,
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gsm => "GSM context",
            Self::ThreeG => "3G context",
            Self::Gba => "GBA context",
        })
    }
}

/// What the 3G context gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthOutcome {
    /// AUTN is right and fresh.
    Success {
        /// RES.
        res: Res,
        /// CK.
        ck: Ck,
        /// IK.
        ik: Ik,
        /// Kc, from a USIM with service 27.
        kc: Option<Secret<8>>,
    },
    /// AUTN is right and not fresh: AUTS tells the network where the card is.
    SyncFailure(Auts),
}

/// What the GBA context gives in bootstrapping mode. CK and IK stay in the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BootstrapOutcome {
    /// AUTN* is right and fresh; the card holds Ks.
    Success(Res),
    /// AUTN* is right and not fresh.
    SyncFailure(Auts),
}

/// What the GSM context gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GsmOutcome {
    /// SRES.
    pub sres: Secret<4>,
    /// Kc.
    pub kc: Secret<8>,
}

/// Why AUTHENTICATE gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// No answer.
    #[error(transparent)]
    Card(#[from] CardError),
    /// 9862: AUTN's MAC is wrong. No sequence number was spent.
    #[error("AUTHENTICATE failed: {}", StatusWord::INCORRECT_MAC)]
    MacFailure,
    /// 9864: the application has not this context.
    #[error("AUTHENTICATE failed: {}", StatusWord::CONTEXT_NOT_SUPPORTED)]
    ContextNotSupported,
    /// 6982: the application's PIN comes first.
    #[error("AUTHENTICATE failed: {}", StatusWord::SECURITY_NOT_SATISFIED)]
    PinNeeded,
    /// 6985: for NAF derivation, the card holds no Ks.
    #[error("AUTHENTICATE failed: {}", StatusWord::CONDITIONS_NOT_SATISFIED)]
    ConditionsNotSatisfied,
    /// Another status word.
    #[error("AUTHENTICATE failed: {0}")]
    Refused(StatusWord),
    /// Success, with data that is none.
    #[error("answer to AUTHENTICATE: {0}")]
    Malformed(#[from] MalformedAnswer),
    /// NAF_Id and IMPI do not fit one command.
    #[error("NAF_Id and IMPI have {0} octets, more than the 252 of one command")]
    TooLong(usize),
}

/// Why the data of an answer is none. Lengths only: the data may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedAnswer {
    /// It ends inside a field.
    #[error("cut short: {0}")]
    Truncated(#[from] Truncated),
    /// It begins with another tag than DB or DC.
    #[error("tag {0:02X}, where DB or DC should be")]
    Tag(u8),
    /// A field of a length that it cannot have.
    #[error("{field} of {octets} octets")]
    Length {
        /// RES, CK, …
        field: &'static str,
        /// Its length.
        octets: usize,
    },
    /// Octets after the last field.
    #[error("{0} octets too many")]
    TooLong(usize),
}

impl AuthenticateError {
    /// The card's status word, if the card refused.
    #[must_use]
    pub const fn status_word(&self) -> Option<StatusWord> {
        match self {
            Self::MacFailure => Some(StatusWord::INCORRECT_MAC),
            Self::ContextNotSupported => Some(StatusWord::CONTEXT_NOT_SUPPORTED),
            Self::PinNeeded => Some(StatusWord::SECURITY_NOT_SATISFIED),
            Self::ConditionsNotSatisfied => Some(StatusWord::CONDITIONS_NOT_SATISFIED),
            Self::Refused(sw) => Some(*sw),
            Self::Card(_) | Self::Malformed(_) | Self::TooLong(_) => None,
        }
    }

    /// The error of a status word other than success.
    #[must_use]
    pub const fn from_status_word(sw: StatusWord) -> Self {
        match sw {
            StatusWord::INCORRECT_MAC => Self::MacFailure,
            StatusWord::CONTEXT_NOT_SUPPORTED => Self::ContextNotSupported,
            StatusWord::SECURITY_NOT_SATISFIED => Self::PinNeeded,
            StatusWord::CONDITIONS_NOT_SATISFIED => Self::ConditionsNotSatisfied,
            _ => Self::Refused(sw),
        }
    }
}

impl Channel<'_> {
    /// AUTHENTICATE in the 3G context, which is also that of IMS AKA in an ISIM.
    pub fn authenticate_3g(&mut self, rand: &Rand, autn: &Autn) -> Result<AuthOutcome, AuthenticateError> {
        parse_3g(&self.exchange(command_3g(rand, autn))?)
    }

    /// AUTHENTICATE in the GSM context.
    pub fn authenticate_gsm(&mut self, rand: &Rand) -> Result<GsmOutcome, AuthenticateError> {
        parse_gsm(&self.exchange(command_gsm(rand))?)
    }

    /// AUTHENTICATE in the GBA context, bootstrapping mode. The card then holds a new Ks; the one before is gone.
    pub fn bootstrap_gba(
        &mut self,
        rand: &Rand,
        autn_star: &Autn,
    ) -> Result<BootstrapOutcome, AuthenticateError> {
        parse_gba_bootstrap(&self.exchange(command_gba_bootstrap(rand, autn_star))?)
    }

    /// AUTHENTICATE in the GBA context, NAF derivation mode, with the Ks that the card holds. Ks_int_NAF stays there.
    pub fn derive_naf_key(&mut self, naf_id: &NafId, impi: &Impi) -> Result<KsExtNaf, AuthenticateError> {
        parse_naf_derivation(&self.exchange(command_naf_derivation(naf_id, impi)?)?)
    }
}

/// The command for the 3G context: RAND and AUTN.
#[must_use]
pub fn command_3g(rand: &Rand, autn: &Autn) -> Command {
    command(Context::ThreeG, &[&[16][..], &rand.0, &[16], &autn.0].concat())
}

/// The command for the GSM context: RAND.
#[must_use]
pub fn command_gsm(rand: &Rand) -> Command {
    command(Context::Gsm, &[&[16][..], &rand.0].concat())
}

/// The command for a GBA bootstrap: tag DD, RAND and AUTN*.
#[must_use]
pub fn command_gba_bootstrap(rand: &Rand, autn_star: &Autn) -> Command {
    command(Context::Gba, &[&[BOOTSTRAPPING, 16][..], &rand.0, &[16], &autn_star.0].concat())
}

/// The command for a NAF key: tag DE, NAF_Id and IMPI, the IMPI in NFKC as the network's KDF takes it
/// (TS 33.220 clause G.2 and annex B.2.1).
pub fn command_naf_derivation(naf_id: &NafId, impi: &Impi) -> Result<Command, AuthenticateError> {
    let (naf_id, impi) = (naf_id.octets(), impi.as_str().nfkc().collect::<String>());
    let octets = naf_id.len() + impi.len();
    match (u8::try_from(naf_id.len()), u8::try_from(impi.len())) {
        (Ok(naf_id_length), Ok(impi_length)) if octets + 3 <= LONGEST_DATA => {
            let head = [NAF_DERIVATION, naf_id_length];
            let data = [&head[..], &naf_id, &[impi_length], impi.as_bytes()].concat();
            Ok(command(Context::Gba, &data))
        }
        _ => Err(AuthenticateError::TooLong(octets)),
    }
}

fn command(context: Context, data: &[u8]) -> Command {
    Command::new(0, AUTHENTICATE, 0, context.p2()).with_data(data).with_le(0)
}

/// The answer of the 3G context: `DB L RES L CK L IK [L Kc]` or `DC L AUTS`.
pub fn parse_3g(response: &Response) -> Result<AuthOutcome, AuthenticateError> {
    let mut reader = Reader::new(successful(response)?);
    match tag(&mut reader)? {
        Tag::SyncFailure => Ok(AuthOutcome::SyncFailure(auts(&mut reader)?)),
        Tag::Success => {
            let res = res(&mut reader)?;
            let ck = Ck::new(*field::<16>("CK", &mut reader)?.danger_expose());
            let ik = Ik::new(*field::<16>("IK", &mut reader)?.danger_expose());
            let kc = if reader.is_empty() { None } else { Some(field("Kc", &mut reader)?) };
            whole(&reader)?;
            Ok(AuthOutcome::Success { res, ck, ik, kc })
        }
    }
}

/// The answer of the GSM context: `L SRES L Kc`, without a tag.
pub fn parse_gsm(response: &Response) -> Result<GsmOutcome, AuthenticateError> {
    let mut reader = Reader::new(successful(response)?);
    let outcome = GsmOutcome { sres: field("SRES", &mut reader)?, kc: field("Kc", &mut reader)? };
    whole(&reader)?;
    Ok(outcome)
}

/// The answer of a GBA bootstrap: `DB L RES` or `DC L AUTS`. Cards that append CK and IK as in the 3G context are
/// put up with; what they append is not looked at.
pub fn parse_gba_bootstrap(response: &Response) -> Result<BootstrapOutcome, AuthenticateError> {
    let mut reader = Reader::new(successful(response)?);
    match tag(&mut reader)? {
        Tag::Success => Ok(BootstrapOutcome::Success(res(&mut reader)?)),
        Tag::SyncFailure => Ok(BootstrapOutcome::SyncFailure(auts(&mut reader)?)),
    }
}

/// The answer of a NAF derivation: `DB 20 Ks_ext_NAF`.
pub fn parse_naf_derivation(response: &Response) -> Result<KsExtNaf, AuthenticateError> {
    let mut reader = Reader::new(successful(response)?);
    match tag(&mut reader)? {
        Tag::SyncFailure => Err(MalformedAnswer::Tag(SYNC_FAILURE).into()),
        Tag::Success => {
            let key = field::<32>("Ks_ext_NAF", &mut reader)?;
            whole(&reader)?;
            Ok(KsExtNaf::new(*key.danger_expose()))
        }
    }
}

fn successful(response: &Response) -> Result<&[u8], AuthenticateError> {
    if response.sw.is_ok() {
        Ok(&response.data)
    } else {
        Err(AuthenticateError::from_status_word(response.sw))
    }
}

enum Tag {
    Success,
    SyncFailure,
}

fn tag(reader: &mut Reader<'_>) -> Result<Tag, MalformedAnswer> {
    match reader.u8()? {
        SUCCESS => Ok(Tag::Success),
        SYNC_FAILURE => Ok(Tag::SyncFailure),
        other => Err(MalformedAnswer::Tag(other)),
    }
}

fn res(reader: &mut Reader<'_>) -> Result<Res, MalformedAnswer> {
    let octets = reader.lv()?;
    Res::new(octets).ok_or(MalformedAnswer::Length { field: "RES", octets: octets.len() })
}

fn auts(reader: &mut Reader<'_>) -> Result<Auts, MalformedAnswer> {
    let octets = reader.lv()?;
    let auts =
        octets.try_into().map_err(|_| MalformedAnswer::Length { field: "AUTS", octets: octets.len() })?;
    whole(reader)?;
    Ok(Auts(auts))
}

fn field<const N: usize>(field: &'static str, reader: &mut Reader<'_>) -> Result<Secret<N>, MalformedAnswer> {
    let octets = reader.lv()?;
    octets.try_into().map_err(|_| MalformedAnswer::Length { field, octets: octets.len() })
}

fn whole(reader: &Reader<'_>) -> Result<(), MalformedAnswer> {
    if reader.is_empty() { Ok(()) } else { Err(MalformedAnswer::TooLong(reader.rest().len())) }
}

#[cfg(test)]
mod tests;
