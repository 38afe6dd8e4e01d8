//! Vectors over Cx, for an HSS that has no Zh: Multimedia-Auth as an S-CSCF asks it (TS 29.228 clause 6.3,
//! TS 29.229, command 303, application 16777216).
//!
//! The HSS takes the BSF for an S-CSCF and keeps its [`ServerName`] for the subscriber until the next
//! registration. So this is for labs and for subscribers without IMS. Settings are the local subscriber file's.

use super::sip_auth::{self, AnswerError};
use super::{HssAnswer, VectorError, VectorRequest};
use crate::aka::{Auts, Rand};
use crate::diameter::addressing::{Addressing, stateless, vendor_specific};
use crate::diameter::dictionary::{base, cx, digest};
use crate::diameter::{
    Answer, ApplicationId, AvpDef, CommandCode, Fault, Message, Origin, Outcome, ResultCode, TgppResultCode,
};
use crate::identity::{Impi, Impu};

/// The AVPs that Cx's Multimedia-Auth knows: any other one with an M flag is refused.
pub const KNOWN: &[&[AvpDef]] = &[base::ALL, cx::ALL, digest::ALL];

/// The SIP URI under which the BSF shows itself as an S-CSCF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName(pub String);

/// MAR on Cx: one vector is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CxAuthRequest {
    /// User-Name.
    pub impi: Impi,
    /// Public-Identity: one that the HSS has for this IMPI.
    pub public_identity: Impu,
    /// Server-Name.
    pub server_name: ServerName,
    /// RAND and AUTS after a synchronisation failure.
    pub resync: Option<(Rand, Auts)>,
}

impl CxAuthRequest {
    /// What Ub asks. The public identity is `sip:` and the IMPI, which every subscriber with a USIM alone has
    /// (TS 23.003 clause 13.4B).
    #[must_use]
    pub fn new(request: &VectorRequest, server_name: ServerName) -> Self {
        let public_identity = Impu::from_impi(&request.impi);
        Self { impi: request.impi.clone(), public_identity, server_name, resync: request.resync }
    }

    /// The request to send.
    #[must_use]
    pub fn to_message(&self, addressing: &Addressing) -> Message {
        let mut avps = addressing.head(ApplicationId::CX, true);
        avps.extend([
            base::USER_NAME.text(self.impi.as_str()),
            cx::PUBLIC_IDENTITY.text(self.public_identity.as_str()),
            sip_auth::request_item(self.resync.as_ref()),
            cx::SIP_NUMBER_AUTH_ITEMS.unsigned32(1),
            cx::SERVER_NAME.text(&self.server_name.0),
        ]);
        Message::request(CommandCode::MULTIMEDIA_AUTH, ApplicationId::CX, avps)
    }

    /// Reads the answer to this request.
    ///
    /// # Errors
    /// [`AnswerError`]; its [`AnswerError::vector_error`] is what Ub gets.
    pub fn read_answer(&self, answer: &Message) -> Result<HssAnswer, AnswerError> {
        sip_auth::read_answer(answer, Some(&self.impi))
    }

    /// Reads a request, HSS side.
    ///
    /// # Errors
    /// The fault to answer with ([`fault`]).
    pub fn parse(message: &Message) -> Result<Self, Fault> {
        let avps = &message.avps;
        avps.check_mandatory(KNOWN)?;
        let server_name = avps.required(&cx::SERVER_NAME)?.text()?.to_owned();
        Ok(Self {
            impi: sip_auth::read_impi(avps)?.ok_or_else(|| Fault::missing(&base::USER_NAME))?,
            public_identity: sip_auth::read_impu(avps)?
                .ok_or_else(|| Fault::missing(&cx::PUBLIC_IDENTITY))?,
            server_name: ServerName(server_name),
            resync: sip_auth::read_request_item(avps)?,
        })
    }
}

/// MAA with vectors, HSS side.
#[must_use]
pub fn answer(message: &Message, request: &CxAuthRequest, origin: &Origin, answer: &HssAnswer) -> Message {
    let count = u32::try_from(answer.vectors.len()).unwrap_or(u32::MAX);
    begin(message, origin, Outcome::SUCCESS)
        .with(base::USER_NAME.text(request.impi.as_str()))
        .with(cx::PUBLIC_IDENTITY.text(request.public_identity.as_str()))
        .with(cx::SIP_NUMBER_AUTH_ITEMS.unsigned32(count))
        .with_all(sip_auth::answer_items(&answer.vectors))
        .build()
}

/// MAA without one, HSS side: with Cx's own codes.
#[must_use]
pub fn refuse(message: &Message, origin: &Origin, error: VectorError) -> Message {
    let outcome = match error {
        VectorError::UnknownSubscriber => Outcome::tgpp(TgppResultCode::USER_UNKNOWN),
        VectorError::NotAllowed => Outcome::tgpp(TgppResultCode::AUTH_SCHEME_NOT_SUPPORTED),
        VectorError::AuthenticationRejected => Outcome::Result(ResultCode::UNABLE_TO_COMPLY),
        VectorError::Unavailable => Outcome::Result(ResultCode::TOO_BUSY),
    };
    begin(message, origin, outcome).build()
}

/// MAA for a request that cannot be read, HSS side.
#[must_use]
pub fn fault(message: &Message, origin: &Origin, fault: &Fault) -> Message {
    Answer::fault(message, origin, fault).with_all([vendor_specific(ApplicationId::CX), stateless()]).build()
}

fn begin(message: &Message, origin: &Origin, outcome: Outcome) -> Answer {
    Answer::new(message, origin, outcome).with_all([vendor_specific(ApplicationId::CX), stateless()])
}

#[cfg(test)]
mod tests;
