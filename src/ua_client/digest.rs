//! HTTP Digest on Ua, the UE's side (TS 24.109 clause 5.2).

use crate::credential::Credential;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, header};
use ksnaf_proto::digest::{Algorithm, AuthenticationInfo, Authorization, Calculation, Challenge, Qop};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::ua::{HttpDigestCredential, UaRealm};
use std::sync::{Arc, Mutex, PoisonError};

/// The challenge that responses answer to, and how often it has been answered.
pub(super) struct Challenges {
    naf: Fqdn,
    open: Mutex<Option<(Arc<Challenge>, u32)>>,
}

/// A response that was sent, to check the target's proof by.
pub(super) struct Sent {
    authorization: Authorization,
    pub(super) credential: Arc<Credential>,
}

impl Challenges {
    pub(super) fn new(naf: Fqdn) -> Self {
        Self { naf, open: Mutex::default() }
    }

    /// Takes the challenge of a 401 that a NAF key answers: its realm names this NAF, as the UE addressed it. `None`: this
    /// 401 is somebody else's, and the client's to answer.
    pub(super) fn learn(&self, headers: &HeaderMap) -> Option<Arc<Challenge>> {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let found =
            values.filter_map(|value| Challenge::parse_all(value).ok()).flatten().find(|challenge| {
                let ours = |realm: &UaRealm| {
                    realm.naf == self.naf && realm.namespace == ksnaf_proto::ua::Namespace::Bootstrapping
                };
                let computable = matches!(
                    challenge.algorithm,
                    None | Some(
                        Algorithm::Md5 | Algorithm::Md5Sess | Algorithm::Sha256 | Algorithm::Sha256Sess
                    )
                );
                computable && UaRealm::parse_list(&challenge.realm).iter().any(ours)
            })?;
        let found = Arc::new(found);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&found), 0));
        Some(found)
    }

    /// A response to the open challenge, if there is one.
    pub(super) fn respond(
        &self,
        credential: &Arc<Credential>,
        method: &Method,
        uri: &str,
        body: &[u8],
    ) -> Option<(String, Sent)> {
        let (challenge, count) = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let (challenge, count) = open.as_mut()?;
            *count = count.checked_add(1)?;
            (Arc::clone(challenge), *count)
        };
        let mut chance = [0; 16];
        getrandom::fill(&mut chance).ok()?;
        // The whole of what is said is to be covered, where the NAF offers that.
        let offered = [Qop::AuthInt, Qop::Auth].into_iter().find(|qop| challenge.qop.contains(qop));
        let mut authorization = Authorization {
            username: credential.b_tid.to_string(),
            realm: challenge.realm.clone(),
            nonce: challenge.nonce.clone(),
            uri: uri.to_owned(),
            algorithm: challenge.algorithm.clone(),
            qop: offered,
            nc: Some(format!("{count:08x}")),
            cnonce: Some(STANDARD.encode(chance)),
            opaque: challenge.opaque.clone(),
            ..Authorization::default()
        };
        let digest = HttpDigestCredential::new(&credential.b_tid, &credential.key, &self.naf);
        let response =
            calculation(&authorization, digest.password.danger_expose())?.response(method.as_str(), body);
        authorization.response = Some(response.ok()?);
        let text = authorization.to_string();
        Some((text, Sent { authorization, credential: Arc::clone(credential) }))
    }
}

impl Sent {
    /// Whether the proof of an answer needs its body.
    pub(super) fn covers_the_answer(&self, headers: &HeaderMap) -> bool {
        self.authorization.qop == Some(Qop::AuthInt) && proof(headers).is_some()
    }

    /// Whether the target knows the key. An answer without a proof says nothing: it need not have one.
    pub(super) fn is_proved(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let Some(info) = proof(headers) else {
            return true;
        };
        let Some(rspauth) = info.rspauth else {
            return true;
        };
        let digest = HttpDigestCredential::new(
            &self.credential.b_tid,
            &self.credential.key,
            &self.credential.naf_id.fqdn,
        );
        calculation(&self.authorization, digest.password.danger_expose())
            .is_some_and(|calculation| calculation.rspauth_is(&rspauth, body))
    }
}

fn proof(headers: &HeaderMap) -> Option<AuthenticationInfo> {
    let value = headers.get("authentication-info")?.to_str().ok()?;
    AuthenticationInfo::parse(value).ok()
}

/// Without an offer of a qop, RFC 2069's form would be wanted, which no NAF key is for.
fn calculation<'a>(authorization: &'a Authorization, password: &'a [u8]) -> Option<Calculation<'a>> {
    Some(authorization.calculation(authorization.qop?, password))
}
