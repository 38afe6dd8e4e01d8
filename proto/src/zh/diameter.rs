//! Multimedia-Auth on Zh, both sides (TS 29.109 clauses 4 and 5, command 303, application 16777221).
//!
//! The BSF writes a [`MultimediaAuthRequest`] and reads the answer; an HSS does the opposite. AVPs may come in any
//! order. Read with tolerance for older HSSs: no XML namespace in the settings, the application id of Cx in the
//! answer, 5001 of Cx for an unknown subscriber.

use super::sip_auth::{self, AnswerError};
use super::{AuthScheme, HssAnswer, Settings, VectorError, VectorRequest};
use crate::aka::{Auts, Rand};
use crate::diameter::addressing::{Addressing, stateless, vendor_specific};
use crate::diameter::dictionary::{base, cx, digest, gba};
use crate::diameter::{
    Answer, ApplicationId, Avp, AvpDef, CommandCode, DiameterTime, Fault, Message, Origin, Outcome,
};
use crate::gba::guss::{Guss, Namespace};
use crate::identity::{Impi, Impu};
use crate::secret::SecretBytes;
use std::time::SystemTime;

/// The AVPs that Zh knows: any other one with an M flag is refused.
pub const KNOWN: &[&[AvpDef]] = &[base::ALL, cx::ALL, gba::ALL, digest::ALL];

/// MAR: a vector is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultimediaAuthRequest {
    /// User-Name. One of this and `public_identity` is needed.
    pub impi: Option<Impi>,
    /// Public-Identity: for push, where the NAF knows no other name.
    pub public_identity: Option<Impu>,
    /// What is wanted.
    pub scheme: AuthScheme,
    /// RAND and AUTS after a synchronisation failure.
    pub resync: Option<(Rand, Auts)>,
    /// Which settings the BSF has kept.
    pub guss_timestamp: Option<SystemTime>,
}

impl MultimediaAuthRequest {
    /// What Ub asks, with the timestamp of the settings kept from before.
    #[must_use]
    pub fn new(request: &VectorRequest, guss_timestamp: Option<SystemTime>) -> Self {
        let impi = Some(request.impi.clone());
        Self {
            impi,
            public_identity: None,
            scheme: AuthScheme::default(),
            resync: request.resync,
            guss_timestamp,
        }
    }

    /// The same for the subscriber's digest credential.
    #[must_use]
    pub fn for_digest(impi: Impi, guss_timestamp: Option<SystemTime>) -> Self {
        let request = Self::new(&VectorRequest { impi, resync: None }, guss_timestamp);
        Self { scheme: AuthScheme::SipDigest, ..request }
    }

    /// The request to send. A timestamp outside Diameter's range is left out: then the HSS sends the settings.
    #[must_use]
    pub fn to_message(&self, addressing: &Addressing) -> Message {
        let mut avps = addressing.head(ApplicationId::ZH, true);
        avps.extend(self.impi.as_ref().map(|impi| base::USER_NAME.text(impi.as_str())));
        avps.extend(self.public_identity.as_ref().map(|impu| cx::PUBLIC_IDENTITY.text(impu.as_str())));
        avps.push(sip_auth::request_item_for(self.scheme, self.resync.as_ref()));
        avps.extend(self.guss_timestamp.and_then(timestamp));
        Message::request(CommandCode::MULTIMEDIA_AUTH, ApplicationId::ZH, avps)
    }

    /// Reads a request, HSS side.
    ///
    /// # Errors
    /// The fault to answer with ([`Answer::fault`]).
    pub fn parse(message: &Message) -> Result<Self, Fault> {
        let avps = &message.avps;
        avps.check_mandatory(KNOWN)?;
        let impi = sip_auth::read_impi(avps)?;
        let public_identity = sip_auth::read_impu(avps)?;
        if impi.is_none() && public_identity.is_none() {
            return Err(Fault::missing(&base::USER_NAME));
        }
        let (scheme, resync) = sip_auth::read_request_item_with_scheme(avps)?;
        let guss_timestamp = avps.optional(&gba::GUSS_TIMESTAMP)?.map(Avp::time).transpose()?;
        let guss_timestamp = guss_timestamp.map(DiameterTime::system_time);
        Ok(Self { impi, public_identity, scheme, resync, guss_timestamp })
    }

    /// Reads the answer to this request.
    ///
    /// # Errors
    /// [`AnswerError`]; its [`AnswerError::vector_error`] is what Ub gets.
    pub fn read_answer(&self, answer: &Message) -> Result<HssAnswer, AnswerError> {
        let settings = self.read_settings(answer)?;
        Ok(HssAnswer { settings, ..sip_auth::read_answer(answer, self.impi.as_ref())? })
    }

    /// Without GBA-UserSecSettings, the copy that was named is right, or there is none (TS 29.109 clause 4.2).
    fn read_settings(&self, answer: &Message) -> Result<Settings, AnswerError> {
        let settings = answer.avps.optional(&gba::GBA_USER_SEC_SETTINGS)?;
        let Some(avp) = settings.filter(|avp| !avp.data().is_empty()) else {
            return Ok(if self.guss_timestamp.is_some() { Settings::Unchanged } else { Settings::Absent });
        };
        let guss = Guss::parse(avp.data().danger_expose()).map_err(|_| avp.invalid_value())?;
        let timestamp = answer.avps.optional(&gba::GUSS_TIMESTAMP)?.map(Avp::time).transpose()?;
        Ok(Settings::Sent { guss, timestamp: timestamp.map(DiameterTime::system_time) })
    }
}

/// MAA with a vector, HSS side. Settings go along unless the request names just these.
#[must_use]
pub fn answer(
    message: &Message,
    request: &MultimediaAuthRequest,
    origin: &Origin,
    answer: &HssAnswer,
    namespace: Namespace,
) -> Message {
    let impi = answer.impi.as_ref().or(request.impi.as_ref());
    let settings = match &answer.settings {
        Settings::Sent { guss, timestamp: version } if !is_kept(request, *version) => {
            let xml = SecretBytes::from(guss.to_xml(namespace));
            [Some(gba::GBA_USER_SEC_SETTINGS.secret(xml)), version.and_then(timestamp)]
        }
        _ => [None, None],
    };
    begin(message, origin, Outcome::SUCCESS)
        .with_all(impi.map(|impi| base::USER_NAME.text(impi.as_str())))
        .with_all(request.public_identity.as_ref().map(|impu| cx::PUBLIC_IDENTITY.text(impu.as_str())))
        .with_all(sip_auth::answer_items(&answer.vectors))
        .with_all(answer.digest.as_ref().map(sip_auth::digest_item))
        .with_all(settings.into_iter().flatten())
        .build()
}

/// MAA without one, HSS side.
#[must_use]
pub fn refuse(message: &Message, origin: &Origin, error: VectorError) -> Message {
    begin(message, origin, sip_auth::refusal(error)).build()
}

/// MAA for a request that cannot be read, HSS side.
#[must_use]
pub fn fault(message: &Message, origin: &Origin, fault: &Fault) -> Message {
    Answer::fault(message, origin, fault).with_all([vendor_specific(ApplicationId::ZH), stateless()]).build()
}

fn begin(message: &Message, origin: &Origin, outcome: Outcome) -> Answer {
    Answer::new(message, origin, outcome).with_all([vendor_specific(ApplicationId::ZH), stateless()])
}

/// Timestamps compare in whole seconds, as Diameter carries them.
fn is_kept(request: &MultimediaAuthRequest, version: Option<SystemTime>) -> bool {
    let wire =
        |moment: Option<SystemTime>| moment.and_then(|moment| DiameterTime::from_system_time(moment).ok());
    wire(version).is_some_and(|version| wire(request.guss_timestamp) == Some(version))
}

/// GUSS-Timestamp, where Diameter can say the moment.
fn timestamp(moment: SystemTime) -> Option<Avp> {
    DiameterTime::from_system_time(moment).ok().map(|moment| gba::GUSS_TIMESTAMP.time(moment))
}

#[cfg(test)]
mod tests;
