//! `[api]`: the credential API.

use super::{Lifetime, loopback};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[api]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Where HTTP/1.1 and HTTP/2 are served.
    pub listen: SocketAddr,
    /// Unix socket; `api.sock` in `data_dir` unless set.
    pub unix_socket: Option<PathBuf>,
    /// Where HTTPS with client certificates is served, if anywhere.
    pub tls_listen: Option<SocketAddr>,
    /// PEM certificate chain for HTTPS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM private key for HTTPS.
    pub tls_key: Option<PathBuf>,
    /// PEM certificates of the CAs whose clients are let in.
    pub client_ca: Option<PathBuf>,
    /// Bearer tokens, one a line: the principal's name, a blank, the token.
    pub token_file: Option<PathBuf>,
    /// Principals that may list and revoke associations and change subscribers. The process's own user always may,
    /// over the Unix socket.
    pub admins: Vec<String>,
    /// Principals that may see the identity of a subscriber who consents (SER-015).
    pub identity_readers: Vec<String>,
    /// Connections at once.
    pub max_connections: usize,
    /// For one request's header, and for one request's handling. A card may take its time.
    pub request_timeout: Lifetime,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: loopback(8081),
            unix_socket: None,
            tls_listen: None,
            tls_certificate: None,
            tls_key: None,
            client_ca: None,
            token_file: None,
            admins: Vec::new(),
            identity_readers: Vec::new(),
            max_connections: 1024,
            request_timeout: Lifetime(Duration::from_secs(30)),
        }
    }
}
