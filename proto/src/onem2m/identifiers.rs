//! What keys and their uses are called (TS-0003 clauses 10.3.4 to 10.6 and 12.3.2.1, TS-0004 clause 6.3.4.2.39).

use crate::gba::BTid;
use crate::hex;
use crate::identity::Fqdn;
use std::fmt;

/// Why a text is no identifier of a key or a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// No `@`, or nothing before it.
    #[error("a key identifier is relative@FQDN")]
    KeyForm,
    /// What stands after the `@` is no host name.
    #[error("what stands after the @ is no host name")]
    Issuer,
    /// Blanks, control characters, or beyond ASCII.
    #[error("an identifier is of printable ASCII without blanks")]
    Character,
    /// No `type-` before the value, or the type is no positive number.
    #[error("a Credential-ID is type-value, the type a positive number")]
    CredentialForm,
    /// The relative part of an exported key's identifier is 32 hex digits.
    #[error("the relative part is not 32 hex digits")]
    Relative,
}

/// Security usage identifier: where a key comes from (the tens) and what it is for (the units).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Suid(pub u16);

impl Suid {
    /// Pre-provisioned, shared with an MEF.
    pub const PRE_PROVISIONED_MEF: Self = Self(10);
    /// Pre-provisioned, shared with a MAF.
    pub const PRE_PROVISIONED_MAF: Self = Self(11);
    /// Pre-provisioned, for security associations.
    pub const PRE_PROVISIONED_SAEF: Self = Self(12);
    /// Pre-provisioned, for end-to-end security of primitives.
    pub const PRE_PROVISIONED_ESPRIM: Self = Self(13);
    /// Pre-provisioned, for encryption of data.
    pub const PRE_PROVISIONED_ESDATA_ENCRYPTION: Self = Self(14);
    /// Pre-provisioned, for signatures of data.
    pub const PRE_PROVISIONED_ESDATA_SIGNATURE: Self = Self(15);
    /// Remotely provisioned, shared with a MAF: Km, also that of GBA.
    pub const PROVISIONED_MAF: Self = Self(21);
    /// Remotely provisioned, for security associations: Kpsa, also that of GBA.
    pub const PROVISIONED_SAEF: Self = Self(22);
    /// Remotely provisioned, for end-to-end security of primitives.
    pub const PROVISIONED_ESPRIM: Self = Self(23);
    /// Remotely provisioned, for encryption of data.
    pub const PROVISIONED_ESDATA_ENCRYPTION: Self = Self(24);
    /// Remotely provisioned, for signatures of data.
    pub const PROVISIONED_ESDATA_SIGNATURE: Self = Self(25);
    /// Distributed by a MAF, for security associations.
    pub const MAF_DISTRIBUTED_SAEF: Self = Self(32);
    /// Distributed by a MAF, for end-to-end security of primitives.
    pub const MAF_DISTRIBUTED_ESPRIM: Self = Self(33);
    /// Distributed by a MAF, for encryption of data.
    pub const MAF_DISTRIBUTED_ESDATA_ENCRYPTION: Self = Self(34);
    /// Distributed by a MAF, for signatures of data.
    pub const MAF_DISTRIBUTED_ESDATA_SIGNATURE: Self = Self(35);
    /// A certificate for an MEF.
    pub const CERTIFICATE_MEF: Self = Self(40);
    /// A certificate for a MAF.
    pub const CERTIFICATE_MAF: Self = Self(41);
    /// A certificate for security associations.
    pub const CERTIFICATE_SAEF: Self = Self(42);
    /// A certificate for end-to-end security of primitives.
    pub const CERTIFICATE_ESPRIM: Self = Self(43);
    /// A certificate for encryption of data.
    pub const CERTIFICATE_ESDATA_ENCRYPTION: Self = Self(44);
    /// A certificate for signatures of data.
    pub const CERTIFICATE_ESDATA_SIGNATURE: Self = Self(45);

    /// Whether the table of the specification has it.
    #[must_use]
    pub const fn is_assigned(self) -> bool {
        matches!(self.0, 10..=15 | 21..=25 | 32..=35 | 40..=45)
    }

    /// Whether a usage-constrained key of clause 10.3.7 may have it: a symmetric key that was remotely provisioned.
    #[must_use]
    pub const fn is_remotely_provisioned(self) -> bool {
        matches!(self.0, 21..=25)
    }
}

impl fmt::Display for Suid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Identifier of a symmetric key, `relative@issuer`: KeID, KpmID, KmID, KpsaID, KcID. Its octets count as they are: the
/// relative part of a B-TID is base64, which is beyond the alphabet of clauses 10.5 and 10.6 and case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId {
    text: String,
    issuer: Fqdn,
}

impl KeyId {
    /// Reads an identifier.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if !text.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(IdentifierError::Character);
        }
        let (relative, issuer) = text.rsplit_once('@').ok_or(IdentifierError::KeyForm)?;
        if relative.is_empty() {
            return Err(IdentifierError::KeyForm);
        }
        let issuer = Fqdn::parse(issuer).map_err(|_| IdentifierError::Issuer)?;
        Ok(Self { text: text.to_owned(), issuer })
    }

    /// The identifier of a key that a TLS exporter gave (clauses 10.3.4 and 10.3.5): hexBinary, whose canonical digits are
    /// capitals, of the exported identifier, at the FQDN of the MEF or MAF.
    #[must_use]
    pub fn of_export(relative: &RelativeKeyId, issuer: &Fqdn) -> Self {
        Self { text: format!("{relative}@{issuer}"), issuer: issuer.clone() }
    }

    /// The octets as they are.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the last `@`.
    #[must_use]
    pub fn relative(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(relative, _)| relative)
    }

    /// Who to ask for the key: the MEF, the MAF or the BSF.
    #[must_use]
    pub const fn issuer(&self) -> &Fqdn {
        &self.issuer
    }
}

impl TryFrom<&BTid> for KeyId {
    type Error = IdentifierError;

    /// KeID, and so KmID and KpsaID, of a bootstrap by GBA (clause 8.3.2.3).
    fn try_from(b_tid: &BTid) -> Result<Self, IdentifierError> {
        Self::parse(b_tid.as_str())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// RelativeKeyID, KcID: the 16 octets that an exporter gives before the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelativeKeyId(pub [u8; 16]);

impl RelativeKeyId {
    /// Reads 32 hex digits of either case.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        hex::decode_array(text).map(Self).ok_or(IdentifierError::Relative)
    }
}

impl fmt::Display for RelativeKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0).to_ascii_uppercase())
    }
}

/// sec:credIDTypeID: what kind of credential a Credential-ID names (clause 12.3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialType(pub u16);

impl CredentialType {
    /// Of a symmetric key with this usage, pre-provisioned or remotely provisioned; `None` for any other.
    #[must_use]
    pub const fn of_suid(suid: Suid) -> Option<Self> {
        Some(match suid {
            Suid::PRE_PROVISIONED_MAF | Suid::PROVISIONED_MAF => Self::KM,
            Suid::PRE_PROVISIONED_SAEF | Suid::PROVISIONED_SAEF => Self::KPSA,
            Suid::PRE_PROVISIONED_ESPRIM | Suid::PROVISIONED_ESPRIM => Self::ESPRIM,
            Suid::PRE_PROVISIONED_ESDATA_ENCRYPTION | Suid::PROVISIONED_ESDATA_ENCRYPTION => {
                Self::ESDATA_ENCRYPTION
            }
            Suid::PRE_PROVISIONED_ESDATA_SIGNATURE | Suid::PROVISIONED_ESDATA_SIGNATURE => Self::ESDATA_HMAC,
            _ => return None,
        })
    }

    /// KpmID, towards an MEF.
    pub const KPM: Self = Self(10);
    /// KmID, towards a MAF.
    pub const KM: Self = Self(11);
    /// KpsaID or KcID, in a security association.
    pub const KPSA: Self = Self(12);
    /// pairwiseESPrimKeyID.
    pub const ESPRIM: Self = Self(13);
    /// Symmetric key that encrypts data.
    pub const ESDATA_ENCRYPTION: Self = Self(14);
    /// Symmetric key that wraps keys of data.
    pub const ESDATA_KEY_WRAP: Self = Self(15);
    /// Symmetric key of an HMAC over data.
    pub const ESDATA_HMAC: Self = Self(16);
    /// Raw public key in TLS.
    pub const RAW_PUBLIC_KEY: Self = Self(30);
    /// Device certificate in TLS.
    pub const DEVICE_CERTIFICATE: Self = Self(31);
    /// CSE-ID certificate in TLS.
    pub const CSE_ID_CERTIFICATE: Self = Self(32);
    /// AE-ID certificate in TLS.
    pub const AE_ID_CERTIFICATE: Self = Self(33);
    /// Node-ID certificate in TLS.
    pub const NODE_ID_CERTIFICATE: Self = Self(34);

    /// Whether the table of the specification has it.
    #[must_use]
    pub const fn is_assigned(self) -> bool {
        matches!(self.0, 10..=16 | 30..=34 | 41..=45 | 51..=55)
    }
}

/// Credential-ID: `type-value` (clause 10.4). The value is kept octet by octet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CredentialId {
    /// What kind of credential it is.
    pub kind: CredentialType,
    value: String,
}

impl CredentialId {
    /// The credential with this key identifier.
    #[must_use]
    pub fn of_key(kind: CredentialType, key: &KeyId) -> Self {
        Self { kind, value: key.text.clone() }
    }

    /// Reads a Credential-ID. Types that no table has are kept.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let (kind, value) = text.split_once('-').ok_or(IdentifierError::CredentialForm)?;
        let is_number = !kind.starts_with('0') && kind.bytes().all(|octet| octet.is_ascii_digit());
        let kind = kind.parse().ok().filter(|_| is_number).ok_or(IdentifierError::CredentialForm)?;
        if value.is_empty() {
            return Err(IdentifierError::CredentialForm);
        }
        if !value.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(IdentifierError::Character);
        }
        Ok(Self { kind: CredentialType(kind), value: value.to_owned() })
    }

    /// The identifier of the credential, without its type.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind.0, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_b_tid_is_a_key_identifier_octet_by_octet() {
        let b_tid = BTid::parse("ab+/CD==@bsf.example").unwrap();
        let key = KeyId::try_from(&b_tid).unwrap();
        assert_eq!(key.as_str(), b_tid.as_str());
        assert_eq!((key.relative(), key.issuer().as_str()), ("ab+/CD==", "bsf.example"));
        assert_ne!(key, KeyId::parse("AB+/cd==@bsf.example").unwrap());
        let credential = CredentialId::of_key(CredentialType::KPSA, &key);
        assert_eq!(credential.to_string(), "12-ab+/CD==@bsf.example");
        assert_eq!(CredentialId::parse(&credential.to_string()), Ok(credential));
    }

    #[test]
    fn an_exported_key_is_named_in_hex_binary() {
        let relative = RelativeKeyId(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x11\x22\x33\x44\x55\x66\x77");
        let mef = Fqdn::parse("mef.example").unwrap();
        let key = KeyId::of_export(&relative, &mef);
        assert_eq!(key.as_str(), "0123456789ABCDEF0011223344556677@mef.example");
        assert_eq!(KeyId::parse(key.as_str()).as_ref(), Ok(&key));
        assert_eq!(RelativeKeyId::parse(key.relative()), Ok(relative));
        assert_eq!(RelativeKeyId::parse(&key.relative().to_lowercase()), Ok(relative));
        for end in 0..32 {
            assert_eq!(RelativeKeyId::parse(&key.relative()[..end]), Err(IdentifierError::Relative));
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        for (text, error) in [
            ("", IdentifierError::KeyForm),
            ("key", IdentifierError::KeyForm),
            ("@mef.example", IdentifierError::KeyForm),
            ("key@", IdentifierError::Issuer),
            ("key@a b", IdentifierError::Character),
            ("k\u{e9}y@mef.example", IdentifierError::Character),
            ("key@-a", IdentifierError::Issuer),
        ] {
            assert_eq!(KeyId::parse(text), Err(error), "{text}");
        }
        for (text, error) in [
            ("", IdentifierError::CredentialForm),
            ("12", IdentifierError::CredentialForm),
            ("12-", IdentifierError::CredentialForm),
            ("-key@a", IdentifierError::CredentialForm),
            ("+12-key", IdentifierError::CredentialForm),
            ("012-key", IdentifierError::CredentialForm),
            ("0-key", IdentifierError::CredentialForm),
            ("70000-key", IdentifierError::CredentialForm),
            ("x-key", IdentifierError::CredentialForm),
            ("12-a b", IdentifierError::Character),
        ] {
            assert_eq!(CredentialId::parse(text), Err(error), "{text}");
        }
        let example = CredentialId::parse("10-this-key@mymef.com").unwrap();
        assert_eq!((example.kind, example.value()), (CredentialType::KPM, "this-key@mymef.com"));
        assert!(!CredentialId::parse("99-x").unwrap().kind.is_assigned());
    }

    #[test]
    fn usages_are_those_of_the_table() {
        let assigned: Vec<u16> = (0..100).filter(|value| Suid(*value).is_assigned()).collect();
        let table = [10, 11, 12, 13, 14, 15, 21, 22, 23, 24, 25, 32, 33, 34, 35, 40, 41, 42, 43, 44, 45];
        assert_eq!(assigned, table);
        let provisioned = table.into_iter().filter(|value| Suid(*value).is_remotely_provisioned());
        assert_eq!(provisioned.collect::<Vec<_>>(), [21, 22, 23, 24, 25]);
        assert_eq!(Suid::PROVISIONED_SAEF.to_string(), "22");
        let provisionable: Vec<u16> =
            (0..100).filter(|value| CredentialType::of_suid(Suid(*value)).is_some()).collect();
        assert_eq!(provisionable, [11, 12, 13, 14, 15, 21, 22, 23, 24, 25]);
        assert_eq!(CredentialType::of_suid(Suid::PRE_PROVISIONED_SAEF), Some(CredentialType::KPSA));
        assert_eq!(CredentialType::of_suid(Suid(25)), Some(CredentialType::ESDATA_HMAC));
        let types: Vec<u16> = (0..60).filter(|value| CredentialType(*value).is_assigned()).collect();
        let first: Vec<u16> = (10..=16).chain(30..=34).chain(41..=45).chain(51..=55).collect();
        assert_eq!(types, first);
    }
}
