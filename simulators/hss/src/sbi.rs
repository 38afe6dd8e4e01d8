//! The service-based interfaces: Nhss_gbaUEAU, Nhss_gbaSDM (TS 29.562) and Nudm_UEAU (TS 29.503), a request in and an
//! answer out.

use crate::behaviour::{Behaviour, Dropped};
use http::{Method, StatusCode};
use ksnaf_proto::sbi::ProblemDetails;
use ksnaf_proto::sbi::problem::{PROBLEM_JSON, cause};
use ksnaf_proto::secret::SecretBytes;
use ksnaf_proto::zh::nhss_gba_ueau::{AuthDataRequest, Scheme};
use ksnaf_proto::zh::{Settings, UeId, nhss_gba_sdm, nhss_gba_ueau, nudm_ueau};

/// Status, media type, body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) media_type: &'static str,
    pub(crate) body: SecretBytes,
}

/// What a path names.
enum Resource {
    AuthData(UeId),
    SubscriberData(UeId),
    GbaVector(UeId),
}

impl Behaviour {
    /// Answers one HTTP request.
    pub(crate) async fn http(&self, method: &Method, path: &str, body: &[u8]) -> Result<Answer, Dropped> {
        let resource = Resource::of(path);
        self.take(resource.as_ref().map(Resource::ue_id)).await?;
        let answer = match (self.faults.http_error, resource) {
            (Some(status), _) => problem((
                status.as_u16(),
                ProblemDetails { status: Some(status.as_u16()), ..ProblemDetails::default() },
            )),
            (None, None) => problem((404, ProblemDetails::new(404, cause::RESOURCE_URI_STRUCTURE_NOT_FOUND))),
            (None, Some(resource)) if resource.method() != *method => {
                problem((405, ProblemDetails { status: Some(405), ..ProblemDetails::default() }))
            }
            (None, Some(resource)) => self.resource(&resource, body),
        };
        Ok(self.spoil(answer))
    }

    fn resource(&self, resource: &Resource, body: &[u8]) -> Answer {
        match resource {
            Resource::AuthData(ue_id) => match AuthDataRequest::parse(body) {
                Ok(AuthDataRequest { scheme, resync }) => {
                    let answer = match scheme {
                        Scheme::DigestAkaV1Md5 => self.vector(ue_id, resync.as_ref()),
                        Scheme::DigestHttp => self.digest(ue_id),
                    };
                    match answer {
                        Ok(answer) => json(nhss_gba_ueau::answer(&answer)),
                        Err(error) => problem(nhss_gba_ueau::refuse(error)),
                    }
                }
                Err(error) => problem(nhss_gba_ueau::bad_request(&error)),
            },
            Resource::SubscriberData(ue_id) => match self.settings(ue_id) {
                Ok(Settings::Sent { guss, .. }) => json(nhss_gba_sdm::answer(Some(&guss))),
                Ok(_) => json(nhss_gba_sdm::answer(None)),
                Err(error) => problem(nhss_gba_sdm::refuse(error)),
            },
            Resource::GbaVector(ue_id) => match nudm_ueau::parse_request(body) {
                Ok(resync) => match self.vector(ue_id, resync.as_ref()) {
                    Ok(answer) => json(nudm_ueau::answer(&answer)),
                    Err(error) => problem(nudm_ueau::refuse(error)),
                },
                Err(error) => problem(nudm_ueau::bad_request(&error)),
            },
        }
    }

    fn spoil(&self, mut answer: Answer) -> Answer {
        let body = answer.body.danger_expose();
        if self.faults.garbage {
            answer.body = b"no JSON: \x00\xff"[..].into();
        } else if self.faults.truncate {
            answer.body = body.get(..body.len() / 2).unwrap_or_default().into();
        } else if let (Some(_), [b'{', rest @ ..]) = (self.faults.garbage_avps, body) {
            let separator: &[u8] = if rest.first() == Some(&b'}') { b"" } else { b"," };
            let unknown: &[u8] = b"{\"x-unknown\":{\"of\":[\"nobody\",1,null]}";
            let mut longer = Vec::with_capacity(unknown.len() + body.len() + 1);
            [unknown, separator, rest].into_iter().for_each(|part| longer.extend_from_slice(part));
            answer.body = longer.into();
        }
        answer
    }
}

impl Resource {
    fn of(path: &str) -> Option<Self> {
        let below = |api: &str| path.strip_prefix('/')?.strip_prefix(api)?.strip_prefix('/');
        if let Some(rest) = below(nhss_gba_ueau::API) {
            let segment = rest.strip_suffix("/security-information/generate-auth-data")?;
            return UeId::parse(segment).map(Self::AuthData);
        }
        if let Some(rest) = below(nhss_gba_sdm::API) {
            return UeId::parse(rest.strip_suffix("/subscriber-data")?).map(Self::SubscriberData);
        }
        let rest = path.strip_prefix('/')?.strip_prefix(nudm_ueau::API)?;
        nudm_ueau::parse_path(rest).map(|imsi| Self::GbaVector(UeId::Imsi(imsi)))
    }

    const fn ue_id(&self) -> &UeId {
        let (Self::AuthData(ue_id) | Self::SubscriberData(ue_id) | Self::GbaVector(ue_id)) = self;
        ue_id
    }

    const fn method(&self) -> Method {
        match self {
            Self::SubscriberData(_) => Method::GET,
            Self::AuthData(_) | Self::GbaVector(_) => Method::POST,
        }
    }
}

fn json(body: SecretBytes) -> Answer {
    Answer { status: StatusCode::OK, media_type: "application/json", body }
}

fn problem((status, problem): (u16, ProblemDetails)) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer { status, media_type: PROBLEM_JSON, body: problem.to_json().into() }
}
