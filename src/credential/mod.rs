//! Service credentials: a NAF key in the form that its user takes, and the API that hands them out.
//!
//! [`Credential`] is the same value on the device side (from the card) and on the network side (from the association).

pub mod enrolment;
pub mod provisioned;

use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::gba::{Association, BTid, GbaMode, GbaType, KsIntNaf, NafId, digest_mode, kdf};
use ksnaf_proto::hex;
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::{self, EnrolmentTarget};
use ksnaf_proto::secret::Secret;
use ksnaf_proto::ua::{HttpDigestCredential, NafKey, TlsPskCredential};
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

/// A name for a subscriber that no two NAFs share (SER-025): stable for one NAF, no use to another.
#[must_use]
pub fn pseudonym(key: &Secret<32>, subscriber: &str, naf: &Fqdn) -> String {
    let parts = [&b"pseudonym"[..], subscriber.as_bytes(), naf.as_str().as_bytes()];
    let mac = kdf::kdf(key.danger_expose(), 0xff, &parts);
    let (head, _) = mac.danger_expose().split_at(16);
    hex::encode(head)
}

/// How a credential is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// The key itself, 64 hex digits.
    #[default]
    Raw,
    /// Identity, key and hint of TLS-PSK.
    TlsPsk,
    /// Username, password and realm of HTTP Digest.
    HttpDigest,
    /// oneM2M's names.
    Onem2m,
}

impl Form {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 4] = [Self::Raw, Self::TlsPsk, Self::HttpDigest, Self::Onem2m];

    /// `raw`, `tls-psk`, `http-digest`, `onem2m`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::TlsPsk => "tls-psk",
            Self::HttpDigest => "http-digest",
            Self::Onem2m => "onem2m",
        }
    }
}

/// No form has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a form: raw, tls-psk, http-digest or onem2m")]
pub struct UnknownForm;

impl FromStr for Form {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        Self::ALL.into_iter().find(|form| form.as_str() == text).ok_or(UnknownForm)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The key of one NAF from one bootstrap.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Names the bootstrap.
    pub b_tid: BTid,
    /// Whose key it is.
    pub naf_id: NafId,
    /// Ks_NAF, or Ks_ext_NAF of GBA_U.
    pub key: NafKey,
    /// Ks_int_NAF, where the network side may tell it.
    pub key_int: Option<KsIntNaf>,
    /// Which hierarchy it comes from.
    pub gba_mode: GbaMode,
    /// What authenticated the bootstrap.
    pub gba_type: GbaType,
    /// The key dies with its Ks.
    pub expires_at: SystemTime,
    /// What the key is called in oneM2M.
    pub target: EnrolmentTarget,
}

impl Credential {
    /// The network side's: derived from the association.
    #[must_use]
    pub fn of_association(
        association: &Association,
        naf_id: NafId,
        with_int: bool,
        target: EnrolmentTarget,
    ) -> Self {
        let Association { ks, rand, impi, .. } = association;
        let key = match (association.gba_type, association.gba_mode) {
            (GbaType::Digest, _) => NafKey::Me(digest_mode::ks_naf(ks, &rand.0, impi, &naf_id)),
            (_, GbaMode::Me) => NafKey::Me(kdf::ks_naf(ks, rand, impi, &naf_id)),
            (_, GbaMode::U) => NafKey::Ext(kdf::ks_ext_naf(ks, rand, impi, &naf_id)),
        };
        let int = with_int && association.gba_mode == GbaMode::U;
        let key_int = int.then(|| kdf::ks_int_naf(ks, rand, impi, &naf_id));
        Self {
            b_tid: association.b_tid.clone(),
            naf_id,
            key,
            key_int,
            gba_mode: association.gba_mode,
            gba_type: association.gba_type,
            expires_at: association.expires_at,
            target,
        }
    }

    /// The credential with its key, for the caller that may have it.
    #[must_use]
    pub fn danger_json(&self, form: Form) -> Value {
        let mut whole = match form {
            Form::Raw => self.raw(),
            Form::TlsPsk => self.tls_psk(),
            Form::HttpDigest => self.http_digest(),
            Form::Onem2m => self.onem2m(),
        };
        if let Some(members) = whole.as_object_mut() {
            members.insert("b_tid".into(), json!(self.b_tid.as_str()));
            members.insert("naf_fqdn".into(), json!(self.naf_id.fqdn.as_str()));
            members.insert("ua_sec_prot_id".into(), json!(self.naf_id.ua.to_string()));
            members.insert("gba_mode".into(), json!(self.gba_mode.as_str()));
            members.insert("expires_at".into(), json!(to_xs_date_time(self.expires_at)));
            members.insert("form".into(), json!(form.as_str()));
        }
        whole
    }

    fn hex_key(&self) -> String {
        hex::encode(self.key.danger_expose())
    }

    fn suites(&self) -> Vec<String> {
        onem2m::cipher_suites(self.naf_id.ua)
            .into_iter()
            .map(|suite| suite.name().map_or_else(|| format!("0x{:04x}", suite.0), str::to_owned))
            .collect()
    }

    fn raw(&self) -> Value {
        match &self.key_int {
            Some(int) => json!({ "key": self.hex_key(), "key_int": hex::encode(int.danger_expose()) }),
            None => json!({ "key": self.hex_key() }),
        }
    }

    fn tls_psk(&self) -> Value {
        let credential = TlsPskCredential::new(&self.b_tid, &self.key);
        json!({
            "identity": credential.identity.to_string(),
            "key": self.hex_key(),
            "hint": credential.hint,
            "cipher_suites": self.suites(),
        })
    }

    fn http_digest(&self) -> Value {
        let credential = HttpDigestCredential::new(&self.b_tid, &self.key, &self.naf_id.fqdn);
        json!({
            "username": credential.username.as_str(),
            "password": String::from_utf8_lossy(credential.password.danger_expose()),
            "realm": credential.realm,
        })
    }

    fn onem2m(&self) -> Value {
        let id = match self.target {
            EnrolmentTarget::Maf => "km_id",
            EnrolmentTarget::Cse => "kpsa_id",
        };
        json!({
            "ke_id": self.b_tid.as_str(),
            id: self.b_tid.as_str(),
            "key": self.hex_key(),
            "suid": self.target.suid().0,
            "credential_id": self.target.credential_id(&self.b_tid),
            "enrolment_target": self.naf_id.fqdn.as_str(),
            "cipher_suites": self.suites(),
        })
    }
}
