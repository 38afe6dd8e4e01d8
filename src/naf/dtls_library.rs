//! The DTLS library, and its questions. It asks for a key, and for a cookie, in the middle of a call and by one trait object
//! for all connections; what it is to hear is laid out for the time of the call, on the thread that makes it.

use dimpl::crypto::{CryptoProvider, HashAlgorithm, HmacProvider, rust_crypto};
use dimpl::{Config, CryptoError, Dtls, Error, Output, PskResolver};
use ksnaf_proto::ua::NafKey;
use ksnaf_proto::ua::Namespace;
use ksnaf_proto::ua::dtls::COOKIE;
use std::cell::RefCell;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Octets of a datagram that every path carries (RFC 8200 clause 5, less the headers of IPv6 and UDP). A block of 1024
/// octets fits with what protects it.
const MTU: usize = 1232;

/// Octets of what the library gives at once, it says where it needs more; and more than a datagram from behind may have.
pub(crate) const PIECE: usize = 2048;

thread_local! {
    static ANSWERS: RefCell<Answers> = RefCell::default();
}

/// What the library hears during one call.
#[derive(Default)]
pub(super) struct Answers {
    /// The cookie that the client was asked for.
    pub(super) cookie: Option<[u8; COOKIE]>,
    /// The one identity that opens something, and its key.
    pub(super) key: Option<(Vec<u8>, NafKey)>,
}

/// Hands a datagram to the library.
pub(super) fn hand(dtls: &mut Dtls, datagram: &[u8], answers: Answers) -> Result<(), Error> {
    ANSWERS.set(answers);
    let handed = dtls.handle_packet(datagram);
    ANSWERS.take();
    handed
}

/// What the library wanted done, and said.
pub(crate) struct Progress {
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    /// What the peer sent.
    pub(crate) data: Vec<Vec<u8>>,
    /// Datagrams for the peer.
    pub(crate) packets: Vec<Vec<u8>>,
    /// When it wants to be asked again.
    pub(crate) wake: Instant,
}

/// Takes from the library all that it has.
pub(crate) fn progress(dtls: &mut Dtls) -> Progress {
    let mut buffer = vec![0; PIECE];
    let (mut connected, mut closed) = (false, false);
    let (mut data, mut packets) = (Vec::new(), Vec::new());
    loop {
        match dtls.poll_output(&mut buffer) {
            Output::Packet(octets) => packets.push(octets.to_vec()),
            Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
            Output::Connected => connected = true,
            Output::ApplicationData(octets) => data.push(octets.to_vec()),
            Output::CloseNotify => closed = true,
            Output::Timeout(wake) => return Progress { connected, closed, data, packets, wake },
            _ => {}
        }
    }
}

/// What all connections share. `None`, where the library's ciphers fail its own checks.
pub(super) fn config(handshake: Duration) -> Option<Arc<Config>> {
    let provider = CryptoProvider { hmac_provider: &Cookies, ..rust_crypto::default_provider() };
    let hint = Namespace::Bootstrapping.as_str().as_bytes().to_vec();
    let builder =
        Config::builder().with_crypto_provider(provider).with_psk_server(Some(hint), Arc::new(Keys));
    Some(Arc::new(builder.mtu(MTU).handshake_timeout(handshake).build().ok()?))
}

/// One connection, which has the one suite with a pre-shared key that the library knows: TLS_PSK_WITH_AES_128_CCM_8.
pub(super) fn connection(config: Arc<Config>) -> Dtls {
    Dtls::new_12_psk(config, Instant::now())
}

struct Keys;

impl PskResolver for Keys {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        ANSWERS.with_borrow(|answers| {
            let (known, key) = answers.key.as_ref()?;
            (known == identity).then(|| key.danger_expose().to_vec())
        })
    }
}

/// The library makes cookies of a secret of each connection, and that is HMAC-SHA-256's one use there by this method. A
/// cookie of ours was made before there was a connection.
#[derive(Debug)]
struct Cookies;

static PLAIN: LazyLock<CryptoProvider> = LazyLock::new(rust_crypto::default_provider);

impl HmacProvider for Cookies {
    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> Result<[u8; 32], CryptoError> {
        match ANSWERS.with_borrow(|answers| answers.cookie) {
            Some(cookie) => Ok(cookie),
            None => PLAIN.hmac_provider.hmac_sha256(key, data),
        }
    }

    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        PLAIN.hmac_provider.hmac(hash, key, data, out)
    }
}
