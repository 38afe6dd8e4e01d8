//! One request of a UE: challenged, refused, or let in (TS 24.109 clause 5.2, TS 33.222 clause 5.3).

use crate::zn::{FetchError, Zn};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use ksnaf_proto::digest::Qop;
use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::gba::{KsExtNaf, NafId};
use ksnaf_proto::secret::Secret;
use ksnaf_proto::ua::digest::{Claim, ClaimError, DigestNaf};
use ksnaf_proto::ua::nonce::{NonceKey, UsedCounts};
use ksnaf_proto::ua::{NafKey, Namespace};
use ksnaf_proto::zn::{NafAnswer, NafQuery, ZnError};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How long a nonce opens anything.
const NONCE_LIFETIME: Duration = Duration::from_secs(300);

/// Nonces in use at once.
const MAX_NONCES: usize = 100_000;

/// The NAF behind its listener.
pub(crate) struct Gate {
    naf_id: NafId,
    digest: DigestNaf,
    offered: Vec<Namespace>,
    gs_ids: Vec<GsId>,
    nonces: NonceKey,
    used: Mutex<UsedCounts>,
    zn: Zn,
}

/// What a UE is told.
pub(crate) struct Verdict {
    pub(crate) status: StatusCode,
    /// WWW-Authenticate or Authentication-Info.
    pub(crate) header: Option<(header::HeaderName, String)>,
    pub(crate) body: Value,
}

impl Gate {
    /// With `gba_u`, the UICC's key is offered in front of the terminal's. `secret` makes nonces that are this NAF's.
    pub(crate) fn new(naf_id: NafId, gba_u: bool, gs_ids: Vec<GsId>, zn: Zn, secret: Secret<32>) -> Self {
        // Without TLS, only auth-int protects what is sent (TS 24.109 clause 5.2.3); auth is taken from those who
        // protect less.
        let qop = vec![Qop::AuthInt, Qop::Auth];
        let digest = DigestNaf { naf: naf_id.fqdn.clone(), qop, trailing_slash: false };
        let both = [Namespace::BootstrappingUicc, Namespace::Bootstrapping];
        let offered = both.into_iter().filter(|kind| gba_u || *kind == Namespace::Bootstrapping).collect();
        let used = Mutex::new(UsedCounts::new(NONCE_LIFETIME, MAX_NONCES));
        Self { naf_id, digest, offered, gs_ids, nonces: NonceKey::new(secret), used, zn }
    }

    /// How the NAF shows that it speaks GBA.
    pub(crate) fn product(&self) -> &'static str {
        if self.offers_uicc() { "3gpp-gba 3gpp-gba-uicc" } else { "3gpp-gba" }
    }

    /// Takes leave of the BSF.
    pub(crate) async fn close(&self) {
        self.zn.close().await;
    }

    fn offers_uicc(&self) -> bool {
        self.offered.contains(&Namespace::BootstrappingUicc)
    }

    /// Decides about one request at this moment. `chance` makes the next nonce unlike any other.
    pub(crate) async fn decide(&self, request: &Request<Bytes>, now: SystemTime, chance: [u8; 8]) -> Verdict {
        let challenge = |stale, why: &str| self.challenge(now, chance, stale, why);
        let mut sent = request.headers().get_all(header::AUTHORIZATION).iter();
        let credentials = match (sent.next().map(|value| value.to_str()), sent.next()) {
            (None, _) => return challenge(false, "bootstrapping required"),
            (Some(Ok(credentials)), None) => credentials,
            _ => return refused(StatusCode::BAD_REQUEST, "one Authorization in ASCII is needed"),
        };
        let claim = match self.digest.claim(credentials, target(request), host(request)) {
            Ok(claim) => claim,
            Err(ClaimError::Challenge(why)) => return challenge(false, why),
            Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let Ok(issued_at) = self.nonces.issued_at(&claim.nonce) else {
            return challenge(false, "a nonce of somebody else");
        };
        if !self.offered.contains(&claim.namespace) {
            return challenge(false, "a kind of key that is not offered");
        }
        let answer = match self.zn.fetch(&self.query(&claim)).await {
            Ok(answer) => answer,
            Err(FetchError::Refused { error: ZnError::UnknownTransaction, .. }) => {
                return challenge(false, "bootstrapping renegotiation");
            }
            Err(FetchError::Refused { told, .. }) => {
                tracing::info!(told, "no key");
                return refused(StatusCode::FORBIDDEN, "this NAF may not serve this subscriber");
            }
            Err(error) => {
                tracing::warn!(%error, "no key");
                return refused(StatusCode::SERVICE_UNAVAILABLE, "the BSF gives no answer of use");
            }
        };
        let Some(key) = key(&answer, claim.namespace) else {
            return challenge(false, "there is no key of that kind");
        };
        if answer.expires_at.is_some_and(|end| end <= now) {
            return challenge(false, "bootstrapping renegotiation");
        }
        if !claim.is_true(&key, request.method().as_str(), request.body()) {
            return challenge(false, "a wrong response");
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.take(&claim.nonce, issued_at, claim.count, now).is_err() {
            return challenge(true, "a nonce that is too old or was used with this count");
        }
        drop(used);
        admitted(&claim, &key, &answer)
    }

    fn query(&self, claim: &Claim) -> NafQuery {
        NafQuery {
            b_tid: claim.b_tid.clone(),
            naf_id: self.naf_id.clone(),
            gba_u_aware: self.offers_uicc(),
            gs_ids: self.gs_ids.clone(),
        }
    }

    fn challenge(&self, now: SystemTime, chance: [u8; 8], stale: bool, why: &str) -> Verdict {
        let challenge = self.digest.challenge(&self.offered, self.nonces.issue(now, chance), stale);
        Verdict {
            header: Some((header::WWW_AUTHENTICATE, challenge.to_string())),
            ..refused(StatusCode::UNAUTHORIZED, why)
        }
    }
}

/// The key that a UE says it used.
fn key(answer: &NafAnswer, namespace: Namespace) -> Option<NafKey> {
    match namespace {
        Namespace::Bootstrapping => Some(NafKey::Ext(KsExtNaf::new(*answer.me_key.danger_expose()))),
        Namespace::BootstrappingUicc => answer.uicc_key.clone().map(NafKey::Int),
    }
}

/// Who came in, as far as the BSF has told.
fn admitted(claim: &Claim, key: &NafKey, answer: &NafAnswer) -> Verdict {
    let uids: Vec<&String> = answer.uss.iter().flat_map(|uss| &uss.uids).collect();
    let body = json!({
        "b_tid": claim.b_tid.as_str(),
        "impi": answer.impi.as_ref().map(|impi| impi.as_str()),
        "uids": uids,
        "key": claim.namespace.as_str(),
        "gba_type": answer.gba_type.as_str(),
        "expires_at": answer.expires_at.map(to_xs_date_time),
    });
    let proof = claim.answer(key, body.to_string().as_bytes());
    let name = header::HeaderName::from_static("authentication-info");
    Verdict { status: StatusCode::OK, header: Some((name, proof.to_string())), body }
}

fn refused(status: StatusCode, why: &str) -> Verdict {
    tracing::info!(status = status.as_u16(), why, "request refused");
    Verdict { status, header: None, body: json!({ "status": status.as_u16(), "detail": why }) }
}

/// The request target as the UE has it in its digest.
fn target(request: &Request<Bytes>) -> &str {
    request.uri().path_and_query().map_or("/", |target| target.as_str())
}

/// The name that the request was sent to: of HTTP/2 in the target, of HTTP/1.1 in a header.
fn host(request: &Request<Bytes>) -> &str {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| request.uri().authority().map(|authority| authority.as_str())).unwrap_or_default()
}
