//! HTTP Digest at the proxy: challenges, and the check of what comes back (TS 24.109 clause 5.2).

use super::holder::Holder;
use super::keys::{Keys, NoKey};
use super::refusal::Refusal;
use crate::config::UaProxyConfig;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ksnaf_proto::digest::Qop;
use ksnaf_proto::gba::UaSecurityProtocolId;
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::secret::Secret;
use ksnaf_proto::ua::Namespace;
use ksnaf_proto::ua::digest::{Claim, ClaimError, DigestNaf};
use ksnaf_proto::ua::nonce::{NonceKey, UsedCounts};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Nonces whose counts are remembered.
const NONCES: usize = 100_000;

/// Product by which a UE says that its card can keep a key of its own (TS 24.109 clause 5.2.2).
const UICC_PRODUCT: &str = "3gpp-gba-uicc";

/// The proxy's Digest, for both kinds of connection.
pub(super) struct Digest {
    /// Inside TLS, which protects bodies.
    inside: DigestNaf,
    /// Without TLS: auth-int only.
    plain: DigestNaf,
    uicc_key: bool,
    nonces: NonceKey,
    used: Mutex<UsedCounts>,
}

/// A request as Digest sees it.
pub(super) struct Asked<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) tls: bool,
    pub(super) ua: UaSecurityProtocolId,
    pub(super) from: IpAddr,
}

/// A claim with the key that it is to be checked with.
pub(super) struct Checkable {
    pub(super) claim: Claim,
    pub(super) holder: Holder,
}

impl Digest {
    pub(super) fn new(config: &UaProxyConfig, naf: &Fqdn, secret: Secret<32>) -> Self {
        let rules = |qop| DigestNaf { naf: naf.clone(), qop, trailing_slash: config.digest_trailing_slash };
        Self {
            inside: rules(vec![Qop::Auth, Qop::AuthInt]),
            plain: rules(vec![Qop::AuthInt]),
            uicc_key: config.uicc_key,
            nonces: NonceKey::new(secret),
            used: Mutex::new(UsedCounts::new(config.nonce_lifetime.0, NONCES)),
        }
    }

    const fn rules(&self, tls: bool) -> &DigestNaf {
        if tls { &self.inside } else { &self.plain }
    }

    /// "Bootstrapping required", "renegotiation", or with `stale` only "another nonce".
    pub(super) fn challenge(&self, headers: &HeaderMap, tls: bool, stale: bool) -> Refusal {
        let products = headers.get_all(header::USER_AGENT).iter().filter_map(|value| value.to_str().ok());
        let card =
            products.flat_map(|text| text.split([' ', ';', ',', '/'])).any(|word| word == UICC_PRODUCT);
        let both = [Namespace::BootstrappingUicc, Namespace::Bootstrapping];
        let offered = if self.uicc_key && card { &both[..] } else { &both[1..] };
        let mut chance = [0; 8];
        if getrandom::fill(&mut chance).is_err() {
            return Refusal::Status(StatusCode::SERVICE_UNAVAILABLE, "no randomness");
        }
        let nonce = self.nonces.issue(SystemTime::now(), chance);
        let challenge = self.rules(tls).challenge(offered, nonce, stale).to_string();
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => Refusal::Challenge { challenge, close: false },
            Err(_) => Refusal::Status(StatusCode::INTERNAL_SERVER_ERROR, "no challenge"),
        }
    }

    /// What a request claims, and the key to check it with. Nothing is proved yet.
    pub(super) async fn claim(&self, asked: &Asked<'_>, keys: &Keys) -> Result<Checkable, Refusal> {
        let again = |stale| self.challenge(asked.headers, asked.tls, stale);
        let mut values = asked.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(again(false));
        };
        let host = asked.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let text = value.to_str().map_err(|_| again(false))?;
        let claim = self.rules(asked.tls).claim(text, asked.target, host).map_err(|error| match error {
            ClaimError::Bad(text) => Refusal::Status(StatusCode::BAD_REQUEST, text),
            _ => {
                tracing::debug!(%error, "challenged");
                again(false)
            }
        })?;
        // A nonce that is not ours or too old costs no question to the BSF.
        let now = SystemTime::now();
        let issued_at = self.nonces.issued_at(&claim.nonce).map_err(|_| again(true))?;
        if !self.used.lock().unwrap_or_else(PoisonError::into_inner).is_fresh(issued_at, now) {
            return Err(again(true));
        }
        let granted = keys.find(&claim.b_tid, asked.ua, asked.from).await.map_err(|error| {
            tracing::info!(%error, peer = %asked.from, "no key for a Digest request");
            match error {
                NoKey::Unknown => again(false),
                NoKey::NotAuthorized => Refusal::Status(StatusCode::FORBIDDEN, "not for this subscriber"),
                NoKey::Unavailable => Refusal::Status(StatusCode::SERVICE_UNAVAILABLE, "no key at present"),
            }
        })?;
        let (b_tid, namespace) = (claim.b_tid.clone(), claim.namespace);
        let holder = Holder { b_tid, ua: asked.ua, namespace, granted };
        if namespace == Namespace::BootstrappingUicc && !self.uicc_key {
            return Err(again(false));
        }
        Ok(Checkable { claim, holder })
    }

    /// Whether the claim is true; a right response opens once.
    pub(super) fn check(&self, asked: &Asked<'_>, checkable: &Checkable, body: &[u8]) -> Result<(), Refusal> {
        let Checkable { claim, holder } = checkable;
        let again = |stale| self.challenge(asked.headers, asked.tls, stale);
        let key = holder.key().ok_or_else(|| again(false))?;
        if !claim.is_true(&key, asked.method, body) {
            tracing::info!(peer = %asked.from, "a Digest response that is not of its key");
            return Err(again(false));
        }
        let issued_at = self.nonces.issued_at(&claim.nonce).map_err(|_| again(true))?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.take(&claim.nonce, issued_at, claim.count, SystemTime::now()).map_err(|_| {
            tracing::info!(peer = %asked.from, "a nonce count that was used before");
            again(true)
        })
    }
}

/// The NAF's own proof, as a header's value.
pub(super) fn proof(checkable: &Checkable, body: &[u8]) -> Option<HeaderValue> {
    let key = checkable.holder.key()?;
    HeaderValue::try_from(checkable.claim.answer(&key, body).to_string()).ok()
}
