//! Multimedia-Auth of Zh and Cx, a request in and an answer out.

use crate::behaviour::{Behaviour, Dropped};
use crate::centre::owns;
use crate::faults::Garbage;
use ksnaf_proto::diameter::addressing::{stateless, vendor_specific};
use ksnaf_proto::diameter::{
    Answer, ApplicationId, Avp, CommandCode, DiameterIdentity, Fault, Message, Origin, Outcome, ResultCode,
    TgppResultCode, VendorId,
};
use ksnaf_proto::gba::guss::Namespace;
use ksnaf_proto::identity::{Impi, Impu};
use ksnaf_proto::zh::cx::CxAuthRequest;
use ksnaf_proto::zh::diameter::MultimediaAuthRequest;
use ksnaf_proto::zh::{AuthScheme, UeId, cx, diameter};

/// A vendor that assigns nothing to anybody.
const NOBODY: VendorId = VendorId(0x00ff_fff0);

/// A request of either application.
enum Asked {
    Zh(MultimediaAuthRequest),
    Cx(CxAuthRequest),
}

impl Behaviour {
    /// Answers one request of a peer.
    pub(crate) async fn diameter(&self, origin: &Origin, request: &Message) -> Result<Message, Dropped> {
        let origin = self.origin(origin);
        let asked = Asked::read(request);
        let name = asked.as_ref().ok().and_then(|asked| asked.as_ref().ok()).and_then(Asked::name);
        self.take(name.as_ref()).await?;
        let answer = match (self.faults.diameter_error, asked) {
            (Some(outcome), _) => refuse(request, &origin, outcome),
            (None, Err(unknown)) => Answer::error(request, &origin, &unknown).build(),
            (None, Ok(Err(fault))) => Answer::fault(request, &origin, &fault)
                .with_all([vendor_specific(request.header.application), stateless()])
                .build(),
            (None, Ok(Ok(asked))) => self.multimedia_auth(request, &origin, &asked),
        };
        let (application, outcome) = (request.header.application, answer.outcome());
        tracing::info!(%application, result = outcome.map_or_else(|_| "none".to_owned(), |it| it.to_string()), "request answered");
        Ok(self.with_garbage(answer))
    }

    fn multimedia_auth(&self, message: &Message, origin: &Origin, asked: &Asked) -> Message {
        let (impi, impu) = asked.names();
        if let (Some(impi), Some(impu)) = (impi, impu)
            && self.centre.find(&UeId::of(impi.clone())).is_some_and(|one| !owns(one, impu))
        {
            return refuse(message, origin, Outcome::tgpp(TgppResultCode::IDENTITIES_DONT_MATCH));
        }
        let Some(name) = asked.name() else {
            return refuse(message, origin, Outcome::Result(ResultCode::MISSING_AVP));
        };
        match asked {
            Asked::Zh(request) => {
                let answer = match request.scheme {
                    AuthScheme::DigestAkaV1Md5 => self.vector(&name, request.resync.as_ref()),
                    AuthScheme::SipDigest => self.digest(&name),
                };
                match answer {
                    Ok(answer) => diameter::answer(message, request, origin, &answer, Namespace::R9),
                    Err(error) => diameter::refuse(message, origin, error),
                }
            }
            Asked::Cx(request) => match self.vector(&name, request.resync.as_ref()) {
                // Cx names who was asked for; the codec takes the name from the request.
                Ok(answer) => {
                    let about = answer.impi.clone().unwrap_or_else(|| request.impi.clone());
                    let request = CxAuthRequest { impi: about, ..request.clone() };
                    cx::answer(message, &request, origin, &answer)
                }
                Err(error) => cx::refuse(message, origin, error),
            },
        }
    }

    fn origin(&self, origin: &Origin) -> Origin {
        let elsewhere = DiameterIdentity::parse("elsewhere.invalid").ok().filter(|_| self.faults.wrong_realm);
        Origin { realm: elsewhere.unwrap_or_else(|| origin.realm.clone()), ..origin.clone() }
    }

    fn with_garbage(&self, mut answer: Message) -> Message {
        if let Some(garbage) = self.faults.garbage_avps {
            let mandatory = garbage == Garbage::Mandatory;
            answer.avps.push(Avp::new(4711, NOBODY, mandatory, b"of nobody"[..].into()));
            answer.avps.push(Avp::new(0x00ff_ffff, VendorId::IETF, mandatory, b""[..].into()));
        }
        answer
    }
}

impl Asked {
    /// Reads a request; the outer error is for somebody who speaks another application or command.
    fn read(message: &Message) -> Result<Result<Self, Fault>, Fault> {
        match (message.header.command, message.header.application) {
            (CommandCode::MULTIMEDIA_AUTH, ApplicationId::ZH) => {
                Ok(MultimediaAuthRequest::parse(message).map(Self::Zh))
            }
            (CommandCode::MULTIMEDIA_AUTH, ApplicationId::CX) => {
                Ok(CxAuthRequest::parse(message).map(Self::Cx))
            }
            (_, ApplicationId::ZH | ApplicationId::CX) => Err(Fault::new(ResultCode::COMMAND_UNSUPPORTED)),
            _ => Err(Fault::new(ResultCode::APPLICATION_UNSUPPORTED)),
        }
    }

    const fn names(&self) -> (Option<&Impi>, Option<&Impu>) {
        match self {
            Self::Zh(request) => (request.impi.as_ref(), request.public_identity.as_ref()),
            Self::Cx(request) => (Some(&request.impi), Some(&request.public_identity)),
        }
    }

    fn name(&self) -> Option<UeId> {
        let (impi, impu) = self.names();
        impi.cloned().map(UeId::of).or_else(|| impu.cloned().map(UeId::Impu))
    }
}

fn refuse(request: &Message, origin: &Origin, outcome: Outcome) -> Message {
    Answer::new(request, origin, outcome)
        .with_all([vendor_specific(request.header.application), stateless()])
        .build()
}
