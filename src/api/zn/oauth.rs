//! Access tokens on Nbsp_GBA: JWTs that an NRF, or who stands in for one, has signed (TS 33.501 clause 13.4.1, TS 29.510
//! clause 6.3.5.2.4, RFC 6750).
//!
//! `jsonwebtoken` reads and validates; the signatures are verified by ring, as everywhere in this program. That crate
//! takes its cryptography from one value of the process, which nothing but this module uses.

use crate::config::ZnOauthConfig;
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, decode, decode_header, signature};
use ksnaf_proto::secret::SecretBytes;
use ring::signature as verified;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo, X509Certificate};
use zeroize::Zeroizing;

/// Clocks of NRF and BSF may differ by this many seconds.
const LEEWAY: u64 = 5;

/// A shorter secret of HMAC can be guessed (RFC 7518 clause 3.2).
const MIN_SECRET: usize = 32;

/// Who signs access tokens, and what must stand in them.
pub struct Oauth {
    keys: Vec<Key>,
    principal_claim: String,
}

struct Key {
    key: DecodingKey,
    validation: Validation,
}

/// Why the configuration of access tokens is of no use. Exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OauthError {
    /// A key file cannot be read.
    #[error("zn.oauth: {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What a key file holds is no key that tokens can be signed for.
    #[error("zn.oauth: {0}: not one public key or certificate for RSA, P-256, P-384 or Ed25519 in PEM")]
    Key(PathBuf),
    /// A secret that can be guessed.
    #[error("zn.oauth: {0}: a secret has {MIN_SECRET} octets or more")]
    Secret(PathBuf),
    /// Nobody could sign a token.
    #[error("zn.oauth: set public_keys or hmac_secret_file")]
    NoKey,
    /// Any token of that signer, for whatever service, would do.
    #[error("zn.oauth: audience must name this BSF's NF instance or NF type")]
    NoAudience,
}

/// Why a token does not let its bearer in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a token, not signed by whom it should be, for somebody else, over, or without a name in it.
    #[error("{0}")]
    Invalid(&'static str),
    /// A good token for something else.
    #[error("the token's scope does not include the operation")]
    Scope,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    scope: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Oauth {
    /// Reads the keys.
    pub fn from_config(config: &ZnOauthConfig) -> Result<Self, OauthError> {
        if config.audience.is_empty() {
            return Err(OauthError::NoAudience);
        }
        // Set already: by another service of this process, to the same value.
        let _ = PROVIDER.install_default();
        let public = config.public_keys.iter().map(|path| public_key(path));
        let secret = config.hmac_secret_file.iter().map(|path| secret(path));
        let keys = public
            .chain(secret)
            .map(|key| key.map(|(key, algorithms)| Key { key, validation: validation(config, algorithms) }));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(OauthError::NoKey);
        }
        Ok(Self { keys, principal_claim: config.principal_claim.clone() })
    }

    /// The bearer's name, if the token is good for one of these scopes.
    pub fn principal(&self, token: &str, scopes: &[&str]) -> Result<String, TokenError> {
        let header =
            decode_header(token).map_err(|_| TokenError::Invalid("not a token, or of no known algorithm"))?;
        // What an extension means is not known here, and it says that it must be (RFC 7515 clause 4.1.11).
        if header.crit.is_some() {
            return Err(TokenError::Invalid("a header extension that is not known"));
        }
        let mut reason = NO_KEY;
        for Key { key, validation } in &self.keys {
            match decode::<Claims>(token, key, validation) {
                Ok(token) => return self.bearer(token.claims, scopes),
                Err(error) => reason = worse(reason, error.kind()),
            }
        }
        Err(TokenError::Invalid(reason))
    }

    fn bearer(&self, claims: Claims, scopes: &[&str]) -> Result<String, TokenError> {
        if !claims.scope.split(' ').any(|scope| scopes.contains(&scope)) {
            return Err(TokenError::Scope);
        }
        match claims.rest.get(&self.principal_claim) {
            Some(Value::String(name)) if !name.is_empty() => Ok(name.clone()),
            _ => Err(TokenError::Invalid("no principal in it")),
        }
    }
}

/// Of a token that no key was tried on.
const NO_KEY: &str = "no key for its algorithm";

/// Why a token is refused that its signer's key verifies says more than that other keys do not.
fn worse(before: &'static str, kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not yet valid",
        ErrorKind::InvalidAudience => "for another audience",
        ErrorKind::InvalidIssuer => "of another issuer",
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) | ErrorKind::Json(_) => {
            "a claim is missing or wrong"
        }
        ErrorKind::InvalidSignature if before == NO_KEY => "the signature does not verify",
        _ => before,
    }
}

fn validation(config: &ZnOauthConfig, algorithms: Vec<Algorithm>) -> Validation {
    let mut validation =
        Validation { algorithms, leeway: LEEWAY, validate_nbf: true, ..Validation::default() };
    validation.set_audience(&config.audience);
    let mut required = vec!["exp", "aud"];
    if let Some(issuer) = &config.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

fn public_key(path: &Path) -> Result<(DecodingKey, Vec<Algorithm>), OauthError> {
    let read = |source| OauthError::Read { path: path.to_owned(), source };
    let pem = std::fs::read(path).map_err(read)?;
    let info = match SubjectPublicKeyInfoDer::from_pem_slice(&pem) {
        Ok(info) => Some(info.as_ref().to_vec()),
        Err(_) => CertificateDer::from_pem_slice(&pem).ok().and_then(|certificate| {
            let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
            Some(certificate.public_key().raw.to_vec())
        }),
    };
    info.as_deref().and_then(key_of_info).ok_or_else(|| OauthError::Key(path.to_owned()))
}

/// The key and what it can verify: the key decides, never the token.
fn key_of_info(info: &[u8]) -> Option<(DecodingKey, Vec<Algorithm>)> {
    let (_, info) = SubjectPublicKeyInfo::from_der(info).ok()?;
    let octets = info.subject_public_key.data.as_ref();
    Some(match (info.algorithm.algorithm.to_id_string().as_str(), octets.len()) {
        ("1.2.840.113549.1.1.1", _) => {
            (DecodingKey::from_rsa_der(octets), AlgorithmFamily::Rsa.algorithms().to_vec())
        }
        ("1.2.840.10045.2.1", 65) => (DecodingKey::from_ec_der(octets), vec![Algorithm::ES256]),
        ("1.2.840.10045.2.1", 97) => (DecodingKey::from_ec_der(octets), vec![Algorithm::ES384]),
        ("1.3.101.112", 32) => (DecodingKey::from_ed_der(octets), vec![Algorithm::EdDSA]),
        _ => return None,
    })
}

fn secret(path: &Path) -> Result<(DecodingKey, Vec<Algorithm>), OauthError> {
    let read = |source| OauthError::Read { path: path.to_owned(), source };
    let octets = Zeroizing::new(std::fs::read(path).map_err(read)?);
    let octets = octets.trim_ascii();
    if octets.len() < MIN_SECRET {
        return Err(OauthError::Secret(path.to_owned()));
    }
    Ok((DecodingKey::from_secret(octets), AlgorithmFamily::Hmac.algorithms().to_vec()))
}

static PROVIDER: CryptoProvider = CryptoProvider {
    // This program makes no tokens.
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: |algorithm, key| {
        let octets = SecretBytes::from(key.try_get_as_bytes()?.to_vec());
        Ok(Box::new(Ring { algorithm: *algorithm, key: octets }))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// One algorithm with one key.
struct Ring {
    algorithm: Algorithm,
    key: SecretBytes,
}

impl JwtVerifier for Ring {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl signature::Verifier<Vec<u8>> for Ring {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let key = self.key.danger_expose();
        let public = |algorithm: &'static dyn verified::VerificationAlgorithm| {
            verified::UnparsedPublicKey::new(algorithm, key).verify(message, signature)
        };
        let shared =
            |algorithm| ring::hmac::verify(&ring::hmac::Key::new(algorithm, key), message, signature);
        let checked = match self.algorithm {
            Algorithm::HS256 => shared(ring::hmac::HMAC_SHA256),
            Algorithm::HS384 => shared(ring::hmac::HMAC_SHA384),
            Algorithm::HS512 => shared(ring::hmac::HMAC_SHA512),
            Algorithm::RS256 => public(&verified::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => public(&verified::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => public(&verified::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => public(&verified::RSA_PSS_2048_8192_SHA256),
            Algorithm::PS384 => public(&verified::RSA_PSS_2048_8192_SHA384),
            Algorithm::PS512 => public(&verified::RSA_PSS_2048_8192_SHA512),
            Algorithm::ES256 => public(&verified::ECDSA_P256_SHA256_FIXED),
            Algorithm::ES384 => public(&verified::ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDSA => public(&verified::ED25519),
            _ => Err(ring::error::Unspecified),
        };
        checked.map_err(|_| signature::Error::new())
    }
}

#[cfg(test)]
mod tests;
