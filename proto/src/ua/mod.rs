//! Ua: what a UE and a NAF do with a NAF key (TS 24.109 clause 5, TS 33.222).
//!
//! Over HTTP Digest the username is the B-TID and the password base64(key) as text; over TLS-PSK the identity is
//! namespace and B-TID, and the pre-shared key the 32 octets themselves. Realm and hint name the key's kind.
//!
//! ```
//! use ksnaf_proto::ua::{Namespace, UaRealm};
//! let offered = UaRealm::parse_list("3GPP-bootstrapping-uicc@naf.example;3GPP-bootstrapping@naf.example");
//! assert_eq!(offered.len(), 2);
//! assert_eq!(offered.last().map(ToString::to_string).as_deref(), Some("3GPP-bootstrapping@naf.example"));
//! ```

pub mod digest;
pub mod dtls;
pub mod handshake;
pub mod nonce;

use crate::gba::{BTid, KsExtNaf, KsIntNaf, KsNaf};
use crate::identity::Fqdn;
use crate::secret::{Secret, SecretBytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// Stands between the realms of a list, the namespaces of a hint, and namespace and B-TID of an identity
/// (TS 24.109 clauses 5.2.4 and 5.3.3).
pub const SEPARATOR: char = ';';

/// More octets than any realm list or identity has use for.
const MAX_TEXT: usize = 4096;

/// Why a text of Ua cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UaError {
    /// Not a namespace, `@` and a host name.
    #[error("not a realm of a NAF: 3GPP-bootstrapping or 3GPP-bootstrapping-uicc, @ and a host name")]
    Realm,
    /// Neither a namespace, `;` and a B-TID, nor a B-TID.
    #[error("not a PSK identity: 3GPP-bootstrapping or 3GPP-bootstrapping-uicc, ; and a B-TID")]
    Identity,
}

/// The static strings that name a kind of NAF key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// Ks_NAF or Ks_ext_NAF: `3GPP-bootstrapping`.
    Bootstrapping,
    /// Ks_int_NAF: `3GPP-bootstrapping-uicc`.
    BootstrappingUicc,
}

impl Namespace {
    /// The string.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bootstrapping => "3GPP-bootstrapping",
            Self::BootstrappingUicc => "3GPP-bootstrapping-uicc",
        }
    }

    /// Reads the string in any case; `None` for any other, such as GBA_Digest's and AKMA's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Bootstrapping, Self::BootstrappingUicc]
            .into_iter()
            .find(|namespace| namespace.as_str().eq_ignore_ascii_case(text))
    }

    /// The PSK identity hint that offers these, the preferred one first.
    #[must_use]
    pub fn hint(offered: &[Self]) -> String {
        let names: Vec<_> = offered.iter().map(|namespace| namespace.as_str()).collect();
        names.join(&SEPARATOR.to_string())
    }

    /// What a PSK identity hint offers, in its order; what is unknown is left out.
    #[must_use]
    pub fn parse_hint(hint: &str) -> Vec<Self> {
        parts(hint).filter_map(Self::parse).collect()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The realm by which a NAF asks for one of its keys: namespace `@` host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UaRealm {
    /// Which key.
    pub namespace: Namespace,
    /// Must be the host that the UE asked, and inside TLS the certificate's name too.
    pub naf: Fqdn,
}

impl UaRealm {
    /// Joins the two.
    #[must_use]
    pub const fn new(namespace: Namespace, naf: Fqdn) -> Self {
        Self { namespace, naf }
    }

    /// Reads one realm.
    ///
    /// # Errors
    /// [`UaError::Realm`] for another namespace or no host name.
    pub fn parse(text: &str) -> Result<Self, UaError> {
        let (namespace, naf) = text.trim().split_once('@').ok_or(UaError::Realm)?;
        let namespace = Namespace::parse(namespace).ok_or(UaError::Realm)?;
        Ok(Self::new(namespace, Fqdn::parse(naf).map_err(|_| UaError::Realm)?))
    }

    /// Reads a realm text that may offer several, in its order; what is not a realm of GBA is left out, so an empty list
    /// means an ordinary web server.
    #[must_use]
    pub fn parse_list(text: &str) -> Vec<Self> {
        parts(text).filter_map(|realm| Self::parse(realm).ok()).collect()
    }
}

impl fmt::Display for UaRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.namespace, self.naf)
    }
}

/// A NAF key of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NafKey {
    /// GBA_ME.
    Me(KsNaf),
    /// GBA_U, in the terminal.
    Ext(KsExtNaf),
    /// GBA_U, in the UICC and the NAF only.
    Int(KsIntNaf),
}

impl NafKey {
    /// How Ua names the kind.
    #[must_use]
    pub const fn namespace(&self) -> Namespace {
        match self {
            Self::Me(_) | Self::Ext(_) => Namespace::Bootstrapping,
            Self::Int(_) => Namespace::BootstrappingUicc,
        }
    }

    /// The octets, for a computation or for the wire. Never for a log.
    #[must_use]
    pub const fn danger_expose(&self) -> &[u8; 32] {
        match self {
            Self::Me(key) => key.danger_expose(),
            Self::Ext(key) => key.danger_expose(),
            Self::Int(key) => key.danger_expose(),
        }
    }
}

/// What HTTP Digest on Ua takes (TS 24.109 clause 5.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpDigestCredential {
    /// The B-TID.
    pub username: BTid,
    /// base64 of the key as text, 44 characters: that text is the password, not the octets.
    pub password: SecretBytes,
    /// The realm of this key alone, also where the NAF offered a list. A NAF takes the whole list back as well.
    pub realm: String,
}

impl HttpDigestCredential {
    /// The credential of one association with one NAF.
    #[must_use]
    pub fn new(b_tid: &BTid, key: &NafKey, naf: &Fqdn) -> Self {
        Self {
            username: b_tid.clone(),
            password: STANDARD.encode(key.danger_expose()).into_bytes().into(),
            realm: UaRealm::new(key.namespace(), naf.clone()).to_string(),
        }
    }
}

/// What TLS with a pre-shared key on Ua takes (TS 24.109 clause 5.3.3, RFC 4279).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPskCredential {
    /// Sent by the UE.
    pub identity: PskIdentity,
    /// The pre-shared key.
    pub key: Secret<32>,
    /// Sent by the NAF before, up to TLS 1.2.
    pub hint: String,
}

impl TlsPskCredential {
    /// The credential of one association with one NAF.
    #[must_use]
    pub fn new(b_tid: &BTid, key: &NafKey) -> Self {
        let namespace = key.namespace();
        Self {
            identity: PskIdentity { namespace, b_tid: b_tid.clone() },
            key: Secret::new(*key.danger_expose()),
            hint: namespace.as_str().to_owned(),
        }
    }
}

/// The identity of a pre-shared key: namespace `;` B-TID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PskIdentity {
    /// Which key.
    pub namespace: Namespace,
    /// Which association.
    pub b_tid: BTid,
}

impl PskIdentity {
    /// Reads what a client sent. A bare B-TID, which some clients send, means Ks_NAF or Ks_ext_NAF.
    ///
    /// # Errors
    /// [`UaError::Identity`] for another namespace or no B-TID.
    pub fn parse(octets: &[u8]) -> Result<Self, UaError> {
        let text = std::str::from_utf8(octets).map_err(|_| UaError::Identity)?;
        let (namespace, b_tid) = match text.split_once(SEPARATOR) {
            Some((namespace, b_tid)) => (Namespace::parse(namespace).ok_or(UaError::Identity)?, b_tid),
            None => (Namespace::Bootstrapping, text),
        };
        Ok(Self { namespace, b_tid: BTid::parse(b_tid).map_err(|_| UaError::Identity)? })
    }
}

impl fmt::Display for PskIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.namespace, self.b_tid)
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    let text = if text.len() <= MAX_TEXT { text } else { "" };
    text.split(SEPARATOR).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Calculation, Qop};
    use proptest::prelude::*;

    const B_TID: &str = "I1U8vpY3qJ0hiuZNrke/NQ==@bsf.mnc001.mcc001.pub.3gppnetwork.org";

    fn b_tid() -> BTid {
        BTid::parse(B_TID).unwrap()
    }

    fn fqdn(text: &str) -> Fqdn {
        Fqdn::parse(text).unwrap()
    }

    /// `testdata/gba_computed_kat.json`, Ua_digest_MD5.
    #[test]
    fn the_http_digest_credential_gives_the_known_answer() {
        let kat: serde_json::Value =
            serde_json::from_str(include_str!("../../testdata/gba_computed_kat.json")).unwrap();
        let text = |name| kat["Ua_digest_MD5"][name].as_str().unwrap();
        let key = kat["naf_keys"][0]["Ks_NAF_or_Ks_ext_NAF"].as_str().unwrap();
        let key = NafKey::Me(KsNaf::new(crate::hex::decode_array(key).unwrap()));
        let credential = HttpDigestCredential::new(&b_tid(), &key, &fqdn("naf1.operator.com"));
        assert_eq!(credential.password.danger_expose(), text("password_base64_Ks_NAF").as_bytes());
        assert_eq!(
            (credential.username.as_str(), credential.realm.as_str()),
            (text("username"), text("realm"))
        );
        let calculation = Calculation {
            algorithm: &Algorithm::Md5,
            username: credential.username.as_str(),
            realm: &credential.realm,
            password: credential.password.danger_expose(),
            nonce: text("nonce"),
            nc: text("nc"),
            cnonce: text("cnonce"),
            qop: Qop::AuthInt,
            uri: text("uri"),
        };
        assert_eq!(calculation.response("GET", b"").unwrap(), text("response"));
    }

    #[test]
    fn the_kind_of_key_decides_realm_hint_and_identity() {
        let int = NafKey::Int(KsIntNaf::new([3; 32]));
        let credential = TlsPskCredential::new(&b_tid(), &int);
        assert_eq!(credential.identity.to_string(), format!("3GPP-bootstrapping-uicc;{B_TID}"));
        assert_eq!(credential.hint, "3GPP-bootstrapping-uicc");
        assert_eq!(credential.key, Secret::new([3; 32]));
        let realm = HttpDigestCredential::new(&b_tid(), &int, &fqdn("naf.example")).realm;
        assert_eq!(realm, "3GPP-bootstrapping-uicc@naf.example");
        let ext = TlsPskCredential::new(&b_tid(), &NafKey::Ext(KsExtNaf::new([4; 32])));
        assert_eq!(ext.identity.to_string(), format!("3GPP-bootstrapping;{B_TID}"));
    }

    #[test]
    fn identities_are_read_with_and_without_a_namespace() {
        let with = |namespace| Ok(PskIdentity { namespace, b_tid: b_tid() });
        let read = |text: String| PskIdentity::parse(text.as_bytes());
        assert_eq!(read(B_TID.to_owned()), with(Namespace::Bootstrapping));
        assert_eq!(read(format!("3GPP-bootstrapping;{B_TID}")), with(Namespace::Bootstrapping));
        assert_eq!(read(format!("3gpp-Bootstrapping-UICC;{B_TID}")), with(Namespace::BootstrappingUicc));
        for bad in ["", ";", "3GPP-bootstrapping;", "3GPP-akma;a@b", "a@b;c", "a b@c"] {
            assert_eq!(PskIdentity::parse(bad.as_bytes()), Err(UaError::Identity), "{bad}");
        }
        assert_eq!(PskIdentity::parse(&[0xff, b'@', b'x']), Err(UaError::Identity));
        let whole = format!("3GPP-bootstrapping;{B_TID}");
        for end in 0..whole.len() {
            if let Ok(shorter) = PskIdentity::parse(&whole.as_bytes()[..end]) {
                assert_ne!(shorter.b_tid, b_tid(), "{end}");
            }
        }
    }

    #[test]
    fn lists_keep_what_is_known_in_their_order() {
        let list = "3GPP-bootstrapping-akma@naf.example; 3GPP-bootstrapping-uicc@NAF.example ;;3GPP-bootstrapping@naf.example;x@";
        let realms = UaRealm::parse_list(list);
        assert_eq!(
            realms,
            [
                UaRealm::new(Namespace::BootstrappingUicc, fqdn("naf.example")),
                UaRealm::new(Namespace::Bootstrapping, fqdn("naf.example")),
            ]
        );
        assert_eq!(UaRealm::parse_list("Intranet"), []);
        for bad in
            ["", "3GPP-bootstrapping", "3GPP-bootstrapping@", "3GPP-bootstrapping@a b", "x@naf.example"]
        {
            assert_eq!(UaRealm::parse(bad), Err(UaError::Realm), "{bad}");
        }
        let both = [Namespace::BootstrappingUicc, Namespace::Bootstrapping];
        assert_eq!(Namespace::hint(&both), "3GPP-bootstrapping-uicc;3GPP-bootstrapping");
        assert_eq!(Namespace::parse_hint(&format!("{};x", Namespace::hint(&both))), both);
        assert_eq!(Namespace::parse_hint(""), []);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = PskIdentity::parse(&octets);
            let text = String::from_utf8_lossy(&octets);
            let _ = (UaRealm::parse_list(&text), Namespace::parse_hint(&text));
        }
    }
}
