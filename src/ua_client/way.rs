//! How the target is reached: TCP, then TLS with a pre-shared key (OpenSSL) or with a certificate (rustls), or none.

use super::{Trouble, UaClientError};
use crate::config::{PskIdentityForm, UaClientConfig, UaUse};
use crate::credential::Credential;
use crate::http::tls;
use crate::naf::tls::openssl_name;
use ksnaf_proto::gba::{CipherSuite, UaSecurityProtocolId};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::ua::TlsPskCredential;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{ErrorCode, Ssl, SslContext, SslMethod, SslOptions, SslVerifyMode, SslVersion};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// Octets both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The way to the target.
pub(super) struct Way {
    /// `host:port` to connect to.
    address: String,
    naf: Fqdn,
    kind: Kind,
}

enum Kind {
    Plain,
    Certificate(Arc<ClientConfig>),
    Psk(Psk),
}

struct Psk {
    context: SslContext,
    offer: Index<Ssl, Arc<Offer>>,
    ua: UaSecurityProtocolId,
    /// The suite that the key is for; none with TLS 1.3.
    suite: Option<CipherSuite>,
    form: PskIdentityForm,
}

/// What one handshake offers.
struct Offer {
    identity: String,
    credential: Arc<Credential>,
}

/// Why there is no connection.
pub(super) enum NoWay {
    /// The target refuses the key, as far as TLS can say.
    KeyRefused(String),
    Other(Trouble),
}

impl Way {
    pub(super) fn new(
        settings: &UaClientConfig,
        target: &http::Uri,
        naf: &Fqdn,
    ) -> Result<Self, UaClientError> {
        let is_tls = target.scheme_str() == Some("https");
        let setting = |text: &str| UaClientError::Setting(text.to_owned());
        let kind = match settings.protection {
            UaUse::HttpDigest if is_tls => {
                let ca = settings.ca.as_deref();
                let ca = ca.ok_or_else(|| {
                    setting("ua_client.use = \"http-digest\" over https needs ua_client.ca")
                })?;
                Kind::Certificate(tls::client(ca)?)
            }
            UaUse::HttpDigest => Kind::Plain,
            _ if !is_tls => {
                return Err(setting("ua_client.target: TLS with a pre-shared key needs https://"));
            }
            UaUse::TlsPsk => {
                let name = openssl_name(settings.suite).ok_or_else(|| {
                    setting("ua_client.suite: not a suite with a pre-shared key that this build speaks")
                })?;
                Kind::Psk(Psk::new(settings, Some((settings.suite, name)))?)
            }
            UaUse::Tls13Psk => Kind::Psk(Psk::new(settings, None)?),
        };
        let port = target.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let address = settings.connect.clone().unwrap_or_else(|| format!("{naf}:{port}"));
        Ok(Self { address, naf: naf.clone(), kind })
    }

    /// The use of the key that a connection by this way needs before it begins; `None` where Digest comes later.
    pub(super) const fn key_before(&self) -> Option<UaSecurityProtocolId> {
        match &self.kind {
            Kind::Psk(psk) => Some(psk.ua),
            Kind::Plain | Kind::Certificate(_) => None,
        }
    }

    /// Connects. What comes back beside the stream is the use of the keys inside.
    pub(super) async fn open(
        &self,
        credential: Option<Arc<Credential>>,
    ) -> Result<(Box<dyn Stream>, UaSecurityProtocolId), NoWay> {
        let unreachable = |error: &dyn std::fmt::Display| {
            NoWay::Other(Trouble::Unreachable(format!("{}: {error}", self.address)))
        };
        let stream = TcpStream::connect(&self.address).await.map_err(|error| unreachable(&error))?;
        let _ = stream.set_nodelay(true);
        match (&self.kind, credential) {
            (Kind::Plain, _) => Ok((Box::new(stream), UaSecurityProtocolId::HTTP_DIGEST)),
            (Kind::Certificate(trust), _) => {
                let name = ServerName::try_from(self.naf.as_str().to_owned())
                    .map_err(|error| unreachable(&error))?;
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(trust));
                let stream = connector.connect(name, stream).await.map_err(|error| unreachable(&error))?;
                let suite =
                    stream.get_ref().1.negotiated_cipher_suite().map(|suite| u16::from(suite.suite()));
                let suite = suite.ok_or(NoWay::Other(Trouble::Unproven("TLS without a suite")))?;
                Ok((Box::new(stream), UaSecurityProtocolId::tls(CipherSuite(suite))))
            }
            (Kind::Psk(psk), Some(credential)) => {
                let stream = psk.connect(stream, &self.naf, credential).await?;
                Ok((Box::new(stream), psk.ua))
            }
            (Kind::Psk(_), None) => Err(NoWay::Other(Trouble::Unproven("no key for the handshake"))),
        }
    }
}

impl Psk {
    fn new(settings: &UaClientConfig, suite: Option<(CipherSuite, &str)>) -> Result<Self, ErrorStack> {
        let offer = Ssl::new_ex_index::<Arc<Offer>>()?;
        let mut builder = SslContext::builder(SslMethod::tls_client())?;
        let version = if suite.is_some() { SslVersion::TLS1_2 } else { SslVersion::TLS1_3 };
        builder.set_min_proto_version(Some(version))?;
        builder.set_max_proto_version(Some(version))?;
        if let Some((_, name)) = suite {
            builder.set_cipher_list(name)?;
        } else {
            // An external key goes with SHA-256 (RFC 8446 clause 4.2.11).
            builder.set_ciphersuites("TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256")?;
        }
        builder
            .set_options(SslOptions::NO_TICKET | SslOptions::NO_COMPRESSION | SslOptions::NO_RENEGOTIATION);
        // No certificate is trusted: a server that falls back to one, fails.
        builder.set_verify(SslVerifyMode::PEER);
        builder.set_psk_client_callback(move |ssl, _, identity, key| {
            Ok(ssl.ex_data(offer).and_then(|offer| offer.write(identity, key)).unwrap_or(0))
        });
        let ua = suite.map_or(UaSecurityProtocolId::TLS13_PSK, |(suite, _)| UaSecurityProtocolId::tls(suite));
        let suite = suite.map(|(suite, _)| suite);
        Ok(Self { context: builder.build(), offer, ua, suite, form: settings.psk_identity })
    }

    async fn connect(
        &self,
        stream: TcpStream,
        naf: &Fqdn,
        credential: Arc<Credential>,
    ) -> Result<SslStream<TcpStream>, NoWay> {
        let failed = |error: ErrorStack| NoWay::Other(Trouble::Broken(error.to_string()));
        let identity = match self.form {
            PskIdentityForm::Bare => credential.b_tid.to_string(),
            PskIdentityForm::Prefixed => {
                TlsPskCredential::new(&credential.b_tid, &credential.key).identity.to_string()
            }
        };
        let mut ssl = Ssl::new(&self.context).map_err(failed)?;
        ssl.set_hostname(naf.as_str()).map_err(failed)?;
        ssl.set_ex_data(self.offer, Arc::new(Offer { identity, credential }));
        let mut stream = SslStream::new(ssl, stream).map_err(failed)?;
        if let Err(error) = Pin::new(&mut stream).connect().await {
            let text = error.to_string();
            // An alert says no to the key, or to the suite; a connection that is cut says so too, as some servers do.
            let is_answer =
                matches!(error.code(), ErrorCode::SSL | ErrorCode::ZERO_RETURN | ErrorCode::SYSCALL);
            return Err(if is_answer {
                NoWay::KeyRefused(text)
            } else {
                NoWay::Other(Trouble::Broken(text))
            });
        }
        let ssl = stream.ssl();
        let proved = match self.suite {
            Some(pinned) => {
                let code = ssl.current_cipher().map(|cipher| u16::from_be_bytes(cipher.protocol_id()));
                code == Some(pinned.0)
            }
            // An external key counts as a session for OpenSSL, and there are no others here.
            None => ssl.session_reused(),
        };
        if proved { Ok(stream) } else { Err(NoWay::Other(Trouble::Unproven("TLS without the key"))) }
    }
}

impl Offer {
    /// Writes identity, with a NUL behind it, and key; the key's length.
    fn write(&self, identity: &mut [u8], key: &mut [u8]) -> Option<usize> {
        let text = self.identity.as_bytes();
        identity.get_mut(..text.len())?.copy_from_slice(text);
        *identity.get_mut(text.len())? = 0;
        let octets = self.credential.key.danger_expose();
        key.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(octets.len())
    }
}
