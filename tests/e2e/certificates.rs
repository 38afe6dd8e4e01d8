//! A certificate authority for one test: a server's certificate, and clients by their subject alternative names.

use ksnaf::http::client::Target;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// What the server's certificate is for.
const SERVER: &str = "localhost";

/// A CA with its files.
pub(crate) struct Ca {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

/// PEM files of one end entity.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let directory = crate::lab::folder();
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = format!("CA {}", ksnaf_proto::hex::encode(&crate::people::random::<4>()));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).expect("a file");
        let root = certificate.der().clone();
        Self { directory, issuer: Issuer::new(params, key), root }
    }

    /// The root, PEM.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A server on loopback.
    pub(crate) fn server(&self) -> Files {
        self.server_of(SERVER)
    }

    /// A server of that name.
    pub(crate) fn server_of(&self, name: &str) -> Files {
        let name = SanType::DnsName(Ia5String::try_from(name).expect("ASCII"));
        self.issue("server", vec![name], ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A server on loopback with a name of its own.
    pub(crate) fn server_called(&self, name: &str) -> Files {
        let san = |name| SanType::DnsName(Ia5String::try_from(name).expect("ASCII"));
        self.issue("named-server", vec![san(SERVER), san(name)], ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client with a DNS name.
    pub(crate) fn client(&self, name: &str) -> Files {
        let san = SanType::DnsName(Ia5String::try_from(name).expect("ASCII"));
        self.issue(name, vec![san], ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A client with a URI.
    pub(crate) fn client_by_uri(&self, uri: &str) -> Files {
        let san = SanType::URI(Ia5String::try_from(uri).expect("ASCII"));
        self.issue("uri", vec![san], ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A client without an alternative name.
    pub(crate) fn nameless_client(&self) -> Files {
        self.issue("nameless", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A target that trusts this CA, and shows a client's certificate where there is one.
    pub(crate) fn target(&self, address: SocketAddr, client: Option<&Files>) -> Target {
        Target::Tls { host: SERVER.to_owned(), port: address.port(), config: self.trust(client) }
    }

    /// The client's side of TLS.
    pub(crate) fn trust(&self, client: Option<&Files>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_root_certificates(roots);
        Arc::new(match client {
            None => builder.with_no_client_auth(),
            Some(files) => {
                let chain = vec![CertificateDer::from_pem_file(&files.certificate).expect("a certificate")];
                let key = PrivateKeyDer::from_pem_file(&files.key).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("a pair")
            }
        })
    }

    fn issue(&self, stem: &str, names: Vec<SanType>, usage: ExtendedKeyUsagePurpose) -> Files {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.subject_alt_names = names;
        params.extended_key_usages.push(usage);
        let pair = KeyPair::generate().expect("a key");
        let issued = params.signed_by(&pair, &self.issuer).expect("a certificate");
        let (certificate, key) = (
            self.directory.path().join(format!("{stem}.pem")),
            self.directory.path().join(format!("{stem}.key")),
        );
        std::fs::write(&certificate, issued.pem()).expect("a file");
        std::fs::write(&key, pair.serialize_pem()).expect("a file");
        Files { certificate, key }
    }
}
