//! Deposited credentials at the proxy (SER-019 to SER-021): an Enrolee fetches its own over the channel that its bootstrap
//! secures, and a deposited Kpsa opens a connection where no bootstrap has that name.

use super::gate::Connection;
use super::holder::Holder;
use super::key_source::{CloseFuture, Granted, KeyFuture, KeySource, UaSubscriber};
use super::refusal::{Body, Refusal, whole};
use crate::credential::enrolment::{Enrolment, Standing};
use crate::credential::provisioned::Provisioned;
use http::{HeaderValue, Method, Response, StatusCode, header};
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::gba::{BTid, CipherSuite, UaSecurityProtocolId};
use ksnaf_proto::hex;
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::zn::{MeKey, ZnError};
use serde_json::json;
use std::sync::Arc;
use std::time::SystemTime;

/// What the proxy answers itself.
const PATH: &str = "/.well-known/ksnaf/credentials";

/// Of DTLS, beside those of TLS.
const AES_128_CCM_8: CipherSuite = CipherSuite(0xc0a8);

/// The deposits of the target behind the proxy.
#[derive(Clone)]
pub(super) struct Deposits {
    deposits: Arc<Provisioned>,
    enrolment: Enrolment,
    target: Fqdn,
}

impl Deposits {
    pub(super) const fn new(deposits: Arc<Provisioned>, enrolment: Enrolment, target: Fqdn) -> Self {
        Self { deposits, enrolment, target }
    }

    /// A Kpsa, for a subscriber that still enrols with the target.
    fn granted(&self, key_id: &BTid, ua: UaSecurityProtocolId) -> Option<Granted> {
        if !is_psk(ua) {
            return None;
        }
        let deposit = self.deposits.connection_key(&self.target, key_id.as_str(), SystemTime::now())?;
        let is_its = |impi| self.deposits.name_of(impi, &self.target) == deposit.enrolee;
        let impi = self.enrolment.listed().iter().map(|entry| &entry.impi).find(|impi| is_its(impi))?;
        let standing = self.enrolment.standing(Some(impi), &[], &self.target);
        matches!(standing, Standing::Enrolee(_)).then(|| Granted {
            me_key: MeKey::new(*deposit.key.danger_expose()),
            uicc_key: None,
            expires_at: deposit.expires_at,
            subscriber: UaSubscriber {
                impi: Some(impi.clone()),
                provisioned: true,
                ..UaSubscriber::default()
            },
        })
    }

    fn of(&self, holder: &Holder) -> Result<Response<Body>, Refusal> {
        let UaSubscriber { impi, identities, provisioned, .. } = &holder.granted.subscriber;
        let standing = self.enrolment.standing(impi.as_ref(), identities, &self.target);
        let (Some(impi), false, false) = (impi, provisioned, standing == Standing::Stranger) else {
            return Err(Refusal::Status(
                StatusCode::FORBIDDEN,
                "credentials go to Enrolees by their bootstrap",
            ));
        };
        let found = self.deposits.of_enrolee(&self.target, impi, SystemTime::now());
        tracing::info!(target = %self.target, count = found.len(), "deposited credentials go to their Enrolee");
        let members = found.iter().map(|deposit| {
            json!({
                "credential_id": deposit.credential_id.to_string(),
                "suid": deposit.suid.0,
                "enrolment_target": self.target.as_str(),
                "key": hex::encode(deposit.key.danger_expose()),
                "expires_at": to_xs_date_time(deposit.expires_at),
            })
        });
        let text = json!({ "credentials": members.collect::<Vec<_>>() }).to_string();
        let mut response = Response::new(whole(text));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

/// What the proxy answers itself, where it does: the Enrolee's deposited credentials, inside TLS.
pub(super) fn answer(
    connection: &Connection,
    parts: &http::request::Parts,
    holder: &Holder,
) -> Option<Result<Response<Body>, Refusal>> {
    let deposits = connection.proxy.deposits.as_ref().filter(|_| parts.uri.path() == PATH)?;
    Some(match (&parts.method, connection.tls) {
        (&Method::GET, true) => deposits.of(holder),
        (&Method::GET, false) => Err(Refusal::Status(StatusCode::FORBIDDEN, "credentials go by TLS only")),
        _ => Err(Refusal::Status(StatusCode::METHOD_NOT_ALLOWED, "GET alone")),
    })
}

/// Deposited keys are for handshakes, whatever their suite: TS-0003 binds Kpsa to none.
fn is_psk(ua: UaSecurityProtocolId) -> bool {
    ua == UaSecurityProtocolId::TLS13_PSK
        || ua == UaSecurityProtocolId::tls(AES_128_CCM_8)
        || ua.cipher_suite().is_some_and(|suite| super::tls::openssl_name(suite).is_some())
}

/// Keys of bootstraps, and deposited ones where there is no bootstrap of that name.
pub(super) struct WithDeposits {
    pub(super) bootstraps: Arc<dyn KeySource>,
    pub(super) deposits: Deposits,
}

impl KeySource for WithDeposits {
    fn naf_key<'a>(&'a self, b_tid: &'a BTid, ua: UaSecurityProtocolId) -> KeyFuture<'a> {
        Box::pin(async move {
            match self.bootstraps.naf_key(b_tid, ua).await {
                Err(error @ (ZnError::UnknownTransaction | ZnError::Unavailable)) => {
                    self.deposits.granted(b_tid, ua).ok_or(error)
                }
                other => other,
            }
        })
    }

    fn close(&self) -> CloseFuture<'_> {
        self.bootstraps.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deposited_key_is_for_handshakes_with_pre_shared_keys() {
        for suite in [0x00ae, 0x00a8, 0xc037, 0xccac, 0xc0a8] {
            assert!(is_psk(UaSecurityProtocolId::tls(CipherSuite(suite))), "{suite:04x}");
        }
        assert!(is_psk(UaSecurityProtocolId::TLS13_PSK));
        // HTTP Digest, outside TLS and inside it with a certificate.
        assert!(!is_psk(UaSecurityProtocolId::HTTP_DIGEST));
        for suite in [0xc02b, 0xc02f, 0x1301, 0x1303] {
            assert!(!is_psk(UaSecurityProtocolId::tls(CipherSuite(suite))), "{suite:04x}");
        }
    }
}
