//! TLS on Ua: pre-shared keys and certificates on one listener, over OpenSSL (TS 33.222 clause 5, TS 24.109 clause 5.3).
//!
//! The key of a TLS 1.2 handshake is made for the suite that was negotiated (01 00 01 yy zz), and OpenSSL asks for it
//! without saying which suite that is. So the choice is made here, from the client's hello: the connection is pinned to one
//! suite, and any other outcome ends it. With TLS 1.3 the key does not depend on the suite.

use super::holder::Holder;
use super::keys::{Keys, NoKey};
use super::tap::{Handshake, Tap};
use ksnaf_proto::gba::{CipherSuite, UaSecurityProtocolId};
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{
    AlpnError, ClientHelloResponse, Ssl, SslAlert, SslContext, SslContextBuilder, SslFiletype, SslMethod,
    SslOptions, SslRef, SslSessionCacheMode, SslVersion, select_next_proto,
};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_openssl::SslStream;

/// Suites of TLS 1.2 with a pre-shared key, the preferred one first: forward secrecy, then authenticated encryption, then
/// what TS-0003 clause 10.2.2 demands.
const PSK_SUITES: [(u16, &str); 4] = [
    (0xccac, "ECDHE-PSK-CHACHA20-POLY1305"),
    (0xc037, "ECDHE-PSK-AES128-CBC-SHA256"),
    (0x00a8, "PSK-AES128-GCM-SHA256"),
    (0x00ae, "PSK-AES128-CBC-SHA256"),
];

/// What OpenSSL calls a suite with a pre-shared key, of those that both ends of this project speak.
#[must_use]
pub fn openssl_name(suite: CipherSuite) -> Option<&'static str> {
    PSK_SUITES.iter().find(|(code, _)| *code == suite.0).map(|(_, name)| *name)
}

/// Suites of TLS 1.2 with a certificate.
const CERTIFICATE_SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:\
    ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA256";

/// Suites of TLS 1.3. An external key goes with SHA-256 (RFC 8446 clause 4.2.11).
const TLS13_SUITES: &str = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";

/// Why TLS cannot be set up. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UaTlsError {
    /// A file of certificate or key is of no use.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What OpenSSL says.
        source: ErrorStack,
    },
    /// OpenSSL does not do what is needed.
    #[error("OpenSSL: {0}")]
    Openssl(#[from] ErrorStack),
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    /// The identity opened nothing.
    #[error("no key for the client's identity: {0}")]
    NoKey(NoKey),
    /// What OpenSSL says: a wrong key, no suite in common, a broken message.
    #[error("{0}")]
    Tls(#[from] openssl::ssl::Error),
    /// OpenSSL does not begin.
    #[error("{0}")]
    Setup(#[from] ErrorStack),
    /// It ended with another suite than the key was made for.
    #[error("the handshake came to another suite than its key is for")]
    Suite,
}

/// A connection after its handshake.
pub(super) struct Secured<S> {
    pub(super) stream: SslStream<Tap<S>>,
    /// The Ua security protocol that keys inside are made for.
    pub(super) ua: UaSecurityProtocolId,
    /// The holder of the pre-shared key; without one, Digest has to tell who it is.
    pub(super) holder: Option<Holder>,
}

/// The NAF's end of TLS.
#[derive(Clone)]
pub struct UaTls {
    context: SslContext,
    handshake: Index<Ssl, Arc<Handshake>>,
}

impl UaTls {
    /// With a certificate and its key in PEM files, or for pre-shared keys alone.
    pub fn new(certificate: Option<(&Path, &Path)>) -> Result<Self, UaTlsError> {
        let handshake = Ssl::new_ex_index()?;
        let mut builder = SslContext::builder(SslMethod::tls_server())?;
        settings(&mut builder)?;
        let mut suites: Vec<&str> = PSK_SUITES.iter().map(|(_, name)| *name).collect();
        if let Some((chain, key)) = certificate {
            let wrong = |path: &Path, source| UaTlsError::File { path: path.to_owned(), source };
            builder.set_certificate_chain_file(chain).map_err(|source| wrong(chain, source))?;
            builder.set_private_key_file(key, SslFiletype::PEM).map_err(|source| wrong(key, source))?;
            builder.check_private_key().map_err(|source| wrong(key, source))?;
            suites.push(CERTIFICATE_SUITES);
        }
        builder.set_cipher_list(&suites.join(":"))?;
        builder.set_client_hello_callback(move |ssl, _: &mut SslAlert| pin(ssl, handshake));
        builder.set_psk_server_callback(move |ssl, identity, key| {
            Ok(identity.and_then(|identity| give(ssl, handshake, identity, key)).unwrap_or(0))
        });
        Ok(Self { context: builder.build(), handshake })
    }

    /// The handshake of one client, which may take its time: the caller bounds it.
    pub(super) async fn accept<S>(
        &self,
        stream: S,
        keys: Arc<Keys>,
        from: IpAddr,
    ) -> Result<Secured<S>, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = Arc::new(Handshake::default());
        let mut ssl = Ssl::new(&self.context)?;
        ssl.set_ex_data(self.handshake, Arc::clone(&handshake));
        let mut stream = SslStream::new(ssl, Tap::new(stream, Arc::clone(&handshake), keys, from))?;
        if let Err(error) = Pin::new(&mut stream).accept().await {
            return Err(match (handshake.taken(), handshake.refused()) {
                (None, Some(reason)) => HandshakeError::NoKey(reason),
                _ => error.into(),
            });
        }
        let (ua, holder) = outcome(stream.ssl(), &handshake)?;
        Ok(Secured { stream, ua, holder })
    }
}

fn settings(builder: &mut SslContextBuilder) -> Result<(), ErrorStack> {
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_ciphersuites(TLS13_SUITES)?;
    // Neither tickets nor sessions: a resumed connection would have no key that expires, and 0-RTT can be replayed.
    builder.set_options(
        SslOptions::NO_TICKET
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_COMPRESSION
            | SslOptions::CIPHER_SERVER_PREFERENCE,
    );
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_num_tickets(0)?;
    builder.set_max_early_data(0)?;
    builder.set_alpn_select_callback(|_, offered| {
        select_next_proto(b"\x08http/1.1", offered).ok_or(AlpnError::NOACK)
    });
    Ok(())
}

/// Chooses the suite as the server would, and leaves no other. Without one of ours the list stays: a certificate then.
fn pin(ssl: &mut SslRef, index: Index<Ssl, Arc<Handshake>>) -> Result<ClientHelloResponse, ErrorStack> {
    let offered: Vec<u16> = {
        let octets = ssl.client_hello_ciphers().unwrap_or_default();
        octets.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes).collect()
    };
    if let Some((code, name)) = PSK_SUITES.iter().find(|(code, _)| offered.contains(code)) {
        ssl.set_cipher_list(name)?;
        if let Some(handshake) = ssl.ex_data(index) {
            handshake.pin(CipherSuite(*code));
        }
    }
    Ok(ClientHelloResponse::SUCCESS)
}

/// The key of an identity, into `key`; its length.
fn give(ssl: &SslRef, index: Index<Ssl, Arc<Handshake>>, identity: &[u8], key: &mut [u8]) -> Option<usize> {
    let handshake = ssl.ex_data(index)?;
    let ua = match ssl.version2() {
        Some(SslVersion::TLS1_3) => UaSecurityProtocolId::TLS13_PSK,
        _ => UaSecurityProtocolId::tls(handshake.pinned()?),
    };
    let holder = handshake.take(identity, ua)?;
    let octets = holder.key()?;
    let octets = octets.danger_expose();
    key.get_mut(..octets.len())?.copy_from_slice(octets);
    Some(octets.len())
}

/// What the handshake came to. A key that was only offered proves nothing: TLS 1.3 may have passed it over for a
/// certificate.
fn outcome(
    ssl: &SslRef,
    handshake: &Handshake,
) -> Result<(UaSecurityProtocolId, Option<Holder>), HandshakeError> {
    let [high, low] = ssl.current_cipher().ok_or(HandshakeError::Suite)?.protocol_id();
    let suite = CipherSuite(u16::from_be_bytes([high, low]));
    let inside = UaSecurityProtocolId::tls(suite);
    if ssl.version2() == Some(SslVersion::TLS1_3) {
        // An external key counts as a session for OpenSSL, and there are no others here.
        let holder = if ssl.session_reused() { handshake.taken() } else { None };
        return Ok((inside, holder));
    }
    match handshake.pinned() {
        Some(pinned) if pinned == suite => {
            let holder = handshake.taken().filter(|holder| holder.ua == inside);
            holder.map(|holder| (inside, Some(holder))).ok_or(HandshakeError::Suite)
        }
        Some(_) => Err(HandshakeError::Suite),
        None => Ok((inside, None)),
    }
}
