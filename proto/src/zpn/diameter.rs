//! GBAPush-Info on Zpn, both sides (TS 29.109 clauses 5.4 and 6.1, command 312, application 16777268).

use super::PushAnswer;
use super::gpi::GbaPushInfo;
use super::query::{PTid, PushQuery, PushUeId};
use crate::diameter::addressing::{Addressing, stateless, vendor_specific};
use crate::diameter::dictionary::{base, cx, gba};
use crate::diameter::{
    Answer, ApplicationId, Avp, AvpDef, CommandCode, DiameterTime, Fault, Message, Origin, Outcome,
};
use crate::gba::GbaMode;
use crate::gba::guss::{Namespace, SecurityFeature};
use crate::zh::sip_auth;
use crate::zn::ZnError;
use crate::zn::diameter::{self as zn, AnswerError};

/// The AVPs that Zpn knows: any other one with an M flag is refused.
pub const KNOWN: &[&[AvpDef]] = &[base::ALL, cx::ALL, gba::ALL];

/// UE-Id-Type.
const PRIVATE: u32 = 0;
const PUBLIC: u32 = 1;
/// Private-Identity-Request: zero is yes.
const REQUESTED: u32 = 0;

impl PushQuery {
    /// GPR, NAF side.
    ///
    /// # Errors
    /// [`crate::diameter::OutOfRange`] for an end that Diameter cannot say.
    pub fn to_message(&self, addressing: &Addressing) -> Result<Message, crate::diameter::OutOfRange> {
        let until = DiameterTime::from_system_time(self.requested_until)?;
        let mut avps = addressing.head(ApplicationId::ZPN, true);
        avps.extend([
            gba::UE_ID.text(self.ue_id.as_str()),
            gba::UE_ID_TYPE.unsigned32(if self.ue_id.is_public() { PUBLIC } else { PRIVATE }),
            gba::UICC_APP_LABEL.text(&self.uicc_app_label),
            gba::NAF_ID.octets(&self.naf_id.octets()),
            gba::NAF_SA_IDENTIFIER.text(self.p_tid.as_str()),
            gba::UICC_ME.unsigned32(match self.mode {
                GbaMode::Me => 0,
                GbaMode::U => 1,
            }),
            gba::REQUESTED_KEY_LIFETIME.time(until),
        ]);
        avps.extend(self.private_identity.then(|| gba::PRIVATE_IDENTITY_REQUEST.unsigned32(REQUESTED)));
        avps.extend(self.gba_u_aware.then(|| gba::GBA_U_AWARENESS_INDICATOR.unsigned32(1)));
        avps.extend(zn::service_identifiers(&self.gs_ids));
        avps.extend(self.resync.as_ref().map(|resync| sip_auth::request_item(Some(resync))));
        avps.extend(features(&gba::SECURITY_FEATURE_REQUEST, &self.security_features));
        Ok(Message::request(CommandCode::GBA_PUSH_INFO, ApplicationId::ZPN, avps))
    }

    /// Reads a GPR, BSF side.
    ///
    /// # Errors
    /// The fault to answer with ([`fault`]).
    pub fn parse(message: &Message) -> Result<Self, Fault> {
        let avps = &message.avps;
        avps.check_mandatory(KNOWN)?;
        let public = code(avps.required(&gba::UE_ID_TYPE)?, PRIVATE, PUBLIC)?;
        let ue_id = avps.required(&gba::UE_ID)?;
        let p_tid = avps.required(&gba::NAF_SA_IDENTIFIER)?;
        let in_card = code(avps.required(&gba::UICC_ME)?, 0, 1)?;
        let identity = avps.optional(&gba::PRIVATE_IDENTITY_REQUEST)?.map(|avp| code(avp, 1, REQUESTED));
        Ok(Self {
            ue_id: PushUeId::parse(ue_id.text()?, public).map_err(|_| ue_id.invalid_value())?,
            uicc_app_label: avps.required(&gba::UICC_APP_LABEL)?.text()?.to_owned(),
            naf_id: zn::read_naf_id(avps)?,
            p_tid: PTid::parse(p_tid.text()?).map_err(|_| p_tid.invalid_value())?,
            mode: if in_card { GbaMode::U } else { GbaMode::Me },
            requested_until: avps.required(&gba::REQUESTED_KEY_LIFETIME)?.time()?.system_time(),
            private_identity: identity.transpose()?.unwrap_or_default(),
            gba_u_aware: zn::read_awareness(avps)?,
            gs_ids: zn::read_service_identifiers(avps)?,
            resync: sip_auth::read_request_item(avps)?,
            security_features: read_features(message, &gba::SECURITY_FEATURE_REQUEST)?,
        })
    }
}

/// GPA, BSF side.
#[must_use]
pub fn answer(
    request: &Message,
    origin: &Origin,
    answer: &Result<PushAnswer, ZnError>,
    namespace: Namespace,
) -> Message {
    match answer {
        Ok(answer) => begin(request, origin, Outcome::SUCCESS)
            .with_all(zn::key_avps(&answer.keys, namespace))
            .with(gba::GBA_PUSH_INFO.octets(&answer.gpi.0))
            .with_all(features(&gba::SECURITY_FEATURE_RESPONSE, &answer.security_features))
            .build(),
        Err(error) => begin(request, origin, error.outcome()).build(),
    }
}

/// GPA for a request that cannot be read, BSF side.
#[must_use]
pub fn fault(request: &Message, origin: &Origin, fault: &Fault) -> Message {
    Answer::fault(request, origin, fault).with_all([vendor_specific(ApplicationId::ZPN), stateless()]).build()
}

/// Reads a GPA, NAF side.
///
/// # Errors
/// [`AnswerError`]; its [`AnswerError::zn_error`] says what to do.
pub fn read_answer(answer: &Message) -> Result<PushAnswer, AnswerError> {
    let outcome = answer.outcome()?;
    if !outcome.is_success() {
        return Err(AnswerError::Refused(outcome));
    }
    let gpi = answer.avps.required(&gba::GBA_PUSH_INFO)?.data().danger_expose().to_vec();
    let security_features = read_features(answer, &gba::SECURITY_FEATURE_RESPONSE)?;
    Ok(PushAnswer { keys: zn::read_keys(&answer.avps)?, gpi: GbaPushInfo(gpi), security_features })
}

fn begin(request: &Message, origin: &Origin, outcome: Outcome) -> Answer {
    Answer::new(request, origin, outcome).with_all([vendor_specific(ApplicationId::ZPN), stateless()])
}

fn features(def: &AvpDef, features: &[SecurityFeature]) -> Option<Avp> {
    (!features.is_empty()).then(|| def.text(&SecurityFeature::list(features)))
}

fn read_features(message: &Message, def: &AvpDef) -> Result<Vec<SecurityFeature>, Fault> {
    let list = message.avps.optional(def)?.map(Avp::text).transpose()?;
    Ok(list.map(SecurityFeature::parse_list).unwrap_or_default())
}

/// An Enumerated that says no or yes.
fn code(avp: &Avp, no: u32, yes: u32) -> Result<bool, Fault> {
    match avp.unsigned32()? {
        value if value == yes => Ok(true),
        value if value == no => Ok(false),
        _ => Err(avp.invalid_value()),
    }
}

#[cfg(test)]
mod tests;
