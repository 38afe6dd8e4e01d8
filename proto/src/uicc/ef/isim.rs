//! EF_IMPI, EF_DOMAIN and EF_IMPU of an ISIM, and EF_NAFKCA: a text each (TS 31.103 clauses 4.2.2 to 4.2.4, 4.2.11).

use super::{EfContent, EfError, text_object, write_text_object};
use crate::identity::{Fqdn, Impi, mask_digits};
use std::fmt;

/// EF_IMPI.
impl EfContent for Impi {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        Ok(Self::parse(text_object(octets)?)?)
    }

    fn encode(&self) -> Vec<u8> {
        write_text_object(self.as_str())
    }
}

/// EF_DOMAIN, and a record of EF_NAFKCA.
impl EfContent for Fqdn {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        Ok(Self::parse(text_object(octets)?)?)
    }

    fn encode(&self) -> Vec<u8> {
        write_text_object(self.as_str())
    }
}

/// IP Multimedia Public Identity: a SIP or tel URI, a record of EF_IMPU. Debug masks the user part.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Impu(String);

impl Impu {
    /// Takes any text that is not empty.
    #[must_use]
    pub fn new(uri: &str) -> Option<Self> {
        (!uri.is_empty()).then(|| Self(uri.to_owned()))
    }

    /// The whole URI. Personal data: not for logs above debug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Impu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once(':').unwrap_or(("", &self.0));
        let (user, host) = rest.split_once('@').unwrap_or((rest, ""));
        write!(f, "{scheme}:{}@{host}", mask_digits(user))
    }
}

impl EfContent for Impu {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        Self::new(text_object(octets)?).ok_or(EfError::Blank)
    }

    fn encode(&self) -> Vec<u8> {
        write_text_object(&self.0)
    }
}

/// From pySim's tests (osmocom/pysim), values only.
#[cfg(test)]
pub(super) const IMPI_EXAMPLES: &super::tests::Examples<Impi> = &[(
    "803137333830303630303030303031303140696d732e6d6e633030302e6d63633733382e336770706e6574776f726b2e6f7267",
    || Impi::parse("738006000000101@ims.mnc000.mcc738.3gppnetwork.org").unwrap(),
)];

/// From pySim's tests: EF_DOMAIN, then EF_NAFKCA.
#[cfg(test)]
pub(super) const FQDN_EXAMPLES: &super::tests::Examples<Fqdn> = &[
    ("8021696d732e6d6e633030302e6d63633733382e336770706e6574776f726b2e6f7267", || {
        Fqdn::parse("ims.mnc000.mcc738.3gppnetwork.org").unwrap()
    }),
    ("80296273662e696d732e6d6e633030302e6d63633733382e7075622e336770706e6574776f726b2e6f7267", || {
        Fqdn::parse("bsf.ims.mnc000.mcc738.pub.3gppnetwork.org").unwrap()
    }),
];

/// From pySim's tests.
#[cfg(test)]
pub(super) const IMPU_EXAMPLES: &super::tests::Examples<Impu> = &[(
    "80357369703a37333830303630303030303031303140696d732e6d6e633030302e6d63633733382e336770706e6574776f726b\
     2e6f7267",
    || Impu::new("sip:738006000000101@ims.mnc000.mcc738.3gppnetwork.org").unwrap(),
)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityError;
    use crate::reader::Truncated;
    use crate::uicc::tlv::TlvError;

    #[test]
    fn every_truncation_is_an_error() {
        let octets = crate::hex::decode(IMPI_EXAMPLES[0].0).unwrap();
        assert_eq!(Impi::decode(&[]), Err(EfError::Blank));
        for end in 1..octets.len() {
            assert!(
                matches!(
                    Impi::decode(&octets[..end]),
                    Err(EfError::Tlv(TlvError::Truncated(Truncated { .. })))
                ),
                "{end}"
            );
        }
    }

    #[test]
    fn a_record_prepared_but_not_filled_is_blank() {
        // As some cards come out of the factory.
        for text in ["8000ffffffff", "8003ffffff"] {
            assert_eq!(Impu::decode(&crate::hex::decode(text).unwrap()), Err(EfError::Blank), "{text}");
        }
    }

    #[test]
    fn another_tag_or_text_is_an_error_of_its_own() {
        let decode = |text: &str| Impi::decode(&crate::hex::decode(text).unwrap());
        assert_eq!(decode("8103614062"), Err(EfError::NoTag(0x80)));
        assert_eq!(decode("80036140c3"), Err(EfError::Text));
        assert_eq!(decode("8003616263"), Err(EfError::Identity(IdentityError::Impi)));
        assert_eq!(decode("8103ffffff8003614062ffff").unwrap().as_str(), "a@b");
    }

    #[test]
    fn debug_does_not_name_a_subscriber() {
        let impu = Impu::new("sip:738006000000101@ims.example").unwrap();
        assert_eq!(format!("{impu:?}"), "sip:738**********01@ims.example");
        assert_eq!(format!("{:?}", Impu::new("tel:+491711234567").unwrap()), "tel:+49********67@");
    }
}
