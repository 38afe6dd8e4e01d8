//! Bootstrapping-Info on Zn, both sides (TS 29.109 clauses 5 and 6.1, command 310, application 16777220).

use super::{MeKey, NafAnswer, NafQuery, ZnError};
use crate::diameter::addressing::{Addressing, vendor_specific};
use crate::diameter::dictionary::{base, gba};
use crate::diameter::{
    Answer, ApplicationId, Avp, AvpDef, Avps, CommandCode, DiameterTime, Fault, Message, Origin, Outcome,
};
use crate::gba::guss::{GsId, Namespace, Uss};
use crate::gba::{BTid, GbaType, KsIntNaf, NafId};
use crate::identity::Impi;
use crate::secret::SecretBytes;
use std::time::SystemTime;

/// The AVPs that Zn knows: any other one with an M flag is refused.
pub const KNOWN: &[&[AvpDef]] = &[base::ALL, gba::ALL];

/// The last moment that Diameter can say, in 2104.
const LAST_MOMENT: u32 = 0x7fff_ffff;

/// Why a request cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The NAF's fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The UE's: what it gave as a B-TID is none. The NAF is told so, and lets the UE bootstrap.
    #[error("what the UE gave is no B-TID")]
    BTid,
}

/// Why an answer gives no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The BSF says no.
    #[error("the BSF answers {0}")]
    Refused(Outcome),
    /// The answer lacks something, or has it wrong.
    #[error("a BSF's answer that cannot be used: {0}")]
    Malformed(#[from] Fault),
}

impl AnswerError {
    /// What the NAF makes of it.
    #[must_use]
    pub fn zn_error(&self) -> ZnError {
        match self {
            Self::Refused(outcome) => ZnError::from_outcome(*outcome),
            Self::Malformed(_) => ZnError::Unavailable,
        }
    }
}

impl NafQuery {
    /// BIR, NAF side.
    #[must_use]
    pub fn to_message(&self, addressing: &Addressing) -> Message {
        let mut avps = addressing.head(ApplicationId::ZN, false);
        avps.extend(service_identifiers(&self.gs_ids));
        avps.extend([
            gba::TRANSACTION_IDENTIFIER.text(self.b_tid.as_str()),
            gba::NAF_ID.octets(&self.naf_id.octets()),
        ]);
        avps.extend(self.gba_u_aware.then(|| gba::GBA_U_AWARENESS_INDICATOR.unsigned32(1)));
        Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZN, avps)
    }

    /// Reads a BIR, BSF side.
    ///
    /// # Errors
    /// [`RequestError`], for [`fault`].
    pub fn parse(message: &Message) -> Result<Self, RequestError> {
        let avps = &message.avps;
        avps.check_mandatory(KNOWN)?;
        let naf_id = read_naf_id(avps)?;
        let gs_ids = read_service_identifiers(avps)?;
        let gba_u_aware = read_awareness(avps)?;
        let b_tid = avps.required(&gba::TRANSACTION_IDENTIFIER)?;
        let b_tid = b_tid.text().ok().and_then(|text| BTid::parse(text).ok()).ok_or(RequestError::BTid)?;
        Ok(Self { b_tid, naf_id, gba_u_aware, gs_ids })
    }
}

/// BIA, BSF side.
#[must_use]
pub fn answer(
    request: &Message,
    origin: &Origin,
    answer: &Result<NafAnswer, ZnError>,
    namespace: Namespace,
) -> Message {
    match answer {
        Ok(answer) => begin(request, origin, Outcome::SUCCESS).with_all(key_avps(answer, namespace)).build(),
        Err(error) => begin(request, origin, error.outcome()).build(),
    }
}

/// BIA for a request that cannot be taken, BSF side.
#[must_use]
pub fn fault(request: &Message, origin: &Origin, error: &RequestError) -> Message {
    match error {
        RequestError::BTid => begin(request, origin, ZnError::UnknownTransaction.outcome()).build(),
        RequestError::Fault(fault) => {
            Answer::fault(request, origin, fault).with(vendor_specific(ApplicationId::ZN)).build()
        }
    }
}

/// Reads a BIA, NAF side.
///
/// # Errors
/// [`AnswerError`]; its [`AnswerError::zn_error`] says what to do.
pub fn read_answer(answer: &Message) -> Result<NafAnswer, AnswerError> {
    let outcome = answer.outcome()?;
    if outcome.is_success() { Ok(read_keys(&answer.avps)?) } else { Err(AnswerError::Refused(outcome)) }
}

fn begin(request: &Message, origin: &Origin, outcome: Outcome) -> Answer {
    Answer::new(request, origin, outcome).with(vendor_specific(ApplicationId::ZN))
}

/// The AVPs of an answer that holds keys, in the order of BIA's grammar; those of a push answer, too.
pub(crate) fn key_avps(answer: &NafAnswer, namespace: Namespace) -> Vec<Avp> {
    let uss = (!answer.uss.is_empty()).then(|| {
        gba::GBA_USER_SEC_SETTINGS.secret(SecretBytes::from(Uss::list_to_xml(&answer.uss, namespace)))
    });
    // A peer that does not know GBA-Type would have to refuse it for its M flag; UMTS AKA goes without saying.
    let gba_type =
        (answer.gba_type != GbaType::ThreeG).then(|| gba::GBA_TYPE.unsigned32(answer.gba_type.code()));
    let created_at = answer.created_at.and_then(|moment| DiameterTime::from_system_time(moment).ok());
    [
        answer.impi.as_ref().map(|impi| base::USER_NAME.text(impi.as_str())),
        Some(gba::ME_KEY_MATERIAL.octets(answer.me_key.danger_expose())),
        answer.uicc_key.as_ref().map(|key| gba::UICC_KEY_MATERIAL.octets(key.danger_expose())),
        answer.expires_at.map(|moment| gba::KEY_EXPIRY_TIME.time(expiry(moment))),
        created_at.map(|moment| gba::BOOTSTRAP_INFO_CREATION_TIME.time(moment)),
        uss,
        gba_type,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A key without an end would be worse than one that ends too early.
fn expiry(moment: SystemTime) -> DiameterTime {
    DiameterTime::from_system_time(moment).unwrap_or(DiameterTime::from_wire(LAST_MOMENT))
}

/// Reads what [`key_avps`] wrote.
pub(crate) fn read_keys(avps: &Avps) -> Result<NafAnswer, Fault> {
    let key = avps.required(&gba::ME_KEY_MATERIAL)?;
    let me_key = MeKey::try_from(key.data().danger_expose()).map_err(|_| key.invalid_length())?;
    let uicc_key = avps
        .optional(&gba::UICC_KEY_MATERIAL)?
        .map(|avp| KsIntNaf::try_from(avp.data().danger_expose()).map_err(|_| avp.invalid_length()));
    let time =
        |def| avps.optional(def)?.map(|avp: &Avp| avp.time().map(DiameterTime::system_time)).transpose();
    let settings = avps.optional(&gba::GBA_USER_SEC_SETTINGS)?.filter(|avp| !avp.data().is_empty());
    let uss =
        settings.map(|avp| Uss::parse_list(avp.data().danger_expose()).map_err(|_| avp.invalid_value()));
    let gba_type = avps
        .optional(&gba::GBA_TYPE)?
        .map(|avp| GbaType::from_code(avp.unsigned32()?).ok_or_else(|| avp.invalid_value()));
    let user_name = avps.optional(&base::USER_NAME)?;
    let impi = user_name.map(|avp| Impi::parse(avp.text()?).map_err(|_| avp.invalid_value()));
    Ok(NafAnswer {
        me_key,
        uicc_key: uicc_key.transpose()?,
        expires_at: time(&gba::KEY_EXPIRY_TIME)?,
        created_at: time(&gba::BOOTSTRAP_INFO_CREATION_TIME)?,
        uss: uss.transpose()?.unwrap_or_default(),
        gba_type: gba_type.transpose()?.unwrap_or_default(),
        impi: impi.transpose()?,
    })
}

/// NAF-Id: name and Ua protocol.
pub(crate) fn read_naf_id(avps: &Avps) -> Result<NafId, Fault> {
    let avp = avps.required(&gba::NAF_ID)?;
    NafId::parse(avp.data().danger_expose()).map_err(|_| avp.invalid_value())
}

/// GAA-Service-Identifier, once for each service: decimal digits.
pub(crate) fn service_identifiers(gs_ids: &[GsId]) -> impl Iterator<Item = Avp> {
    gs_ids.iter().map(|gs_id| gba::GAA_SERVICE_IDENTIFIER.text(&gs_id.to_string()))
}

pub(crate) fn read_service_identifiers(avps: &Avps) -> Result<Vec<GsId>, Fault> {
    let read = |avp: &Avp| GsId::parse(avp.text()?).ok_or_else(|| avp.invalid_value());
    avps.all(&gba::GAA_SERVICE_IDENTIFIER).map(read).collect()
}

/// GBA_U-Awareness-Indicator: 1 for yes, 0 and absence for no.
pub(crate) fn read_awareness(avps: &Avps) -> Result<bool, Fault> {
    let Some(avp) = avps.optional(&gba::GBA_U_AWARENESS_INDICATOR)? else { return Ok(false) };
    match avp.unsigned32()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(avp.invalid_value()),
    }
}

#[cfg(test)]
mod tests;
