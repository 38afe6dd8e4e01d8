//! TLS between Diameter peers (RFC 6733 clause 13.1): one certificate for both directions.

use crate::config::DiameterConfig;
use crate::http::tls::{self, TlsError};
use rustls::ClientConfig;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// For the peers that connect, where the configuration has a certificate. With `diameter.tls_ca` they must show one.
pub fn acceptor(config: &DiameterConfig) -> Result<Option<TlsAcceptor>, TlsError> {
    let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else { return Ok(None) };
    tls::server(certificate, key, config.tls_ca.as_deref(), &[]).map(|config| Some(config.into()))
}

/// For the peers that are reached over TLS.
pub(super) fn client(config: &DiameterConfig) -> Result<Option<Arc<ClientConfig>>, TlsError> {
    let Some(ca) = config.tls_ca.as_ref().filter(|_| config.peer.iter().any(|peer| peer.tls)) else {
        return Ok(None);
    };
    let own = config.tls_certificate.as_deref().zip(config.tls_key.as_deref());
    tls::client_as(ca, own).map(|config| Some(Arc::new(config)))
}
