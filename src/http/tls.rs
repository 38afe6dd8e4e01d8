//! TLS with certificates: rustls over ring, named explicitly so that no process-wide default matters.

use ksnaf_proto::secret::Secret;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ConnectionCommon, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};
use zeroize::Zeroizing;

/// Why TLS cannot be set up. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file cannot be read or has nothing of the kind in it.
    #[error("{path}: {source}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit, or a CA is none.
    #[error("{path}: {source}")]
    Rustls {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The list of client CAs is of no use.
    #[error("{path}: {source}")]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::server::VerifierBuilderError,
    },
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A server's side. With `client_ca`, clients must show a certificate of it.
pub fn server(
    certificate: &Path,
    key: &Path,
    client_ca: Option<&Path>,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(certificate)?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Pem { path: key.to_owned(), source })?;
    let rustls_error = |source| TlsError::Rustls { path: certificate.to_owned(), source };
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(rustls_error)?;
    let builder = match client_ca {
        Some(path) => {
            let roots = Arc::new(roots(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                .build()
                .map_err(|source| TlsError::ClientCa { path: path.to_owned(), source })?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, private).map_err(rustls_error)?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// A client's side, trusting the certificates of one PEM file.
pub fn client(ca: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    client_as(ca, None).map(Arc::new)
}

/// A client's side, with a certificate chain and a private key of its own where it has them.
pub fn client_as(ca: &Path, own: Option<(&Path, &Path)>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsError::Rustls { path: ca.to_owned(), source })?
        .with_root_certificates(roots(ca)?);
    let Some((certificate, key)) = own else {
        return Ok(builder.with_no_client_auth());
    };
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Pem { path: key.to_owned(), source })?;
    builder
        .with_client_auth_cert(certificates(certificate)?, private)
        .map_err(|source| TlsError::Rustls { path: certificate.to_owned(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |source| TlsError::Pem { path: path.to_owned(), source };
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if chain.is_empty() { Err(wrong(rustls::pki_types::pem::Error::NoItemsFound)) } else { Ok(chain) }
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|source| TlsError::Rustls { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

/// What a connection exports by a label, without a context (RFC 5705): 48 octets that its two ends alone know. `None`
/// before its handshake is over.
#[must_use]
pub fn exported<Data>(connection: &ConnectionCommon<Data>, label: &str) -> Option<Secret<48>> {
    let octets = Zeroizing::new([0; 48]);
    let exported = connection.export_keying_material(octets, label.as_bytes(), None).ok()?;
    Some(Secret::new(*exported))
}

/// DNS names and URIs in the subject alternative names of a verified client's own certificate.
#[must_use]
pub fn names_of(chain: &[CertificateDer<'_>]) -> Vec<String> {
    let Some(leaf) = chain.first() else {
        return Vec::new();
    };
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else {
        return Vec::new();
    };
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |general: &GeneralName<'_>| match general {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(name).collect()
}
