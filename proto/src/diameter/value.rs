//! Data of AVPs: into types and out of them (RFC 6733 clauses 4.2 and 4.3).
//!
//! Building starts at a dictionary entry, which gives code, vendor and flags; reading at the AVP. A wrong
//! length is 5014, a wrong value 5004, with the AVP in Failed-AVP.

use super::avp::{Avp, Avps, padded_length};
use super::check::Fault;
use super::dictionary::{AvpDef, AvpKind};
use super::identity::DiameterIdentity;
use super::result_code::ResultCode;
use super::time::DiameterTime;
use crate::secret::SecretBytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Address families of IANA: two octets before the address.
const IPV4: u16 = 1;
const IPV6: u16 = 2;

impl AvpDef {
    /// With any octets.
    #[must_use]
    pub fn octets(&self, data: &[u8]) -> Avp {
        self.secret(SecretBytes::from(data))
    }

    /// With octets that are secret already.
    #[must_use]
    pub fn secret(&self, data: SecretBytes) -> Avp {
        Avp::new(self.code, self.vendor, self.mandatory, data)
    }

    /// With a text.
    #[must_use]
    pub fn text(&self, text: &str) -> Avp {
        self.octets(text.as_bytes())
    }

    /// With a number or a code: Unsigned32 and Enumerated.
    #[must_use]
    pub fn unsigned32(&self, value: u32) -> Avp {
        self.octets(&value.to_be_bytes())
    }

    /// With a long number.
    #[must_use]
    pub fn unsigned64(&self, value: u64) -> Avp {
        self.octets(&value.to_be_bytes())
    }

    /// With a moment.
    #[must_use]
    pub fn time(&self, moment: DiameterTime) -> Avp {
        self.unsigned32(moment.wire())
    }

    /// With an IP address.
    #[must_use]
    pub fn address(&self, address: IpAddr) -> Avp {
        let (family, octets) = match address {
            IpAddr::V4(address) => (IPV4, address.octets().to_vec()),
            IpAddr::V6(address) => (IPV6, address.octets().to_vec()),
        };
        self.octets(&[&family.to_be_bytes()[..], &octets].concat())
    }

    /// With a host or realm name.
    #[must_use]
    pub fn identity(&self, identity: &DiameterIdentity) -> Avp {
        self.text(identity.as_str())
    }

    /// With AVPs.
    #[must_use]
    pub fn grouped(&self, avps: &[Avp]) -> Avp {
        let mut data = Vec::with_capacity(padded_length(avps));
        avps.iter().for_each(|avp| avp.encode(&mut data));
        self.secret(SecretBytes::from(data))
    }

    /// With zeros in the smallest number: the example of a missing AVP (RFC 6733 clause 7.5).
    #[must_use]
    pub fn example(&self) -> Avp {
        let mut zeros = vec![0; self.kind.minimum()];
        if self.kind == AvpKind::Address
            && let Some(family) = zeros.get_mut(1)
        {
            *family = 1;
        }
        self.octets(&zeros)
    }
}

impl Avp {
    /// Unsigned32 or Enumerated.
    pub fn unsigned32(&self) -> Result<u32, Fault> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// Unsigned64.
    pub fn unsigned64(&self) -> Result<u64, Fault> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// Time.
    pub fn time(&self) -> Result<DiameterTime, Fault> {
        self.unsigned32().map(DiameterTime::from_wire)
    }

    /// UTF8String, or an OctetString that holds text.
    pub fn text(&self) -> Result<&str, Fault> {
        str::from_utf8(self.data().danger_expose()).map_err(|_| self.invalid_value())
    }

    /// DiameterIdentity.
    pub fn identity(&self) -> Result<DiameterIdentity, Fault> {
        DiameterIdentity::try_from(self.data().danger_expose()).map_err(|_| self.invalid_value())
    }

    /// Address of the families IPv4 and IPv6; another family is a wrong value.
    pub fn address(&self) -> Result<IpAddr, Fault> {
        let (family, octets) =
            self.data().danger_expose().split_first_chunk::<2>().ok_or_else(|| self.invalid_length())?;
        match u16::from_be_bytes(*family) {
            IPV4 => <[u8; 4]>::try_from(octets).map(|octets| Ipv4Addr::from(octets).into()),
            IPV6 => <[u8; 16]>::try_from(octets).map(|octets| Ipv6Addr::from(octets).into()),
            _ => return Err(self.invalid_value()),
        }
        .map_err(|_| self.invalid_length())
    }

    /// Grouped: one level; the members stay raw.
    pub fn grouped(&self) -> Result<Avps, Fault> {
        Avps::decode(self.data().danger_expose()).map_err(|broken| broken.fault)
    }

    /// An OctetString of exactly `N` octets, for what is no secret.
    pub fn array<const N: usize>(&self) -> Result<[u8; N], Fault> {
        self.fixed()
    }

    /// 5004 with this AVP.
    #[must_use]
    pub fn invalid_value(&self) -> Fault {
        Fault::with(ResultCode::INVALID_AVP_VALUE, self.clone())
    }

    /// 5014 with this AVP.
    #[must_use]
    pub fn invalid_length(&self) -> Fault {
        Fault::with(ResultCode::INVALID_AVP_LENGTH, self.clone())
    }

    fn fixed<const N: usize>(&self) -> Result<[u8; N], Fault> {
        self.data().danger_expose().try_into().map_err(|_| self.invalid_length())
    }
}

#[cfg(test)]
mod tests {
    use super::super::dictionary::{base, gba};
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        let v4 = IpAddr::from([127, 0, 0, 1]);
        let v6 = IpAddr::from([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(base::HOST_IP_ADDRESS.address(v4).data().danger_expose(), [0, 1, 127, 0, 0, 1]);
        assert_eq!(base::HOST_IP_ADDRESS.address(v4).address(), Ok(v4));
        assert_eq!(base::HOST_IP_ADDRESS.address(v6).address(), Ok(v6));
        assert_eq!(base::ACCOUNTING_SUB_SESSION_ID.unsigned64(1 << 40).unsigned64(), Ok(1 << 40));
        let moment = DiameterTime::from_unix_seconds(2_085_978_496).unwrap();
        assert_eq!(gba::KEY_EXPIRY_TIME.time(moment).data().danger_expose(), [0; 4]);
        assert_eq!(gba::KEY_EXPIRY_TIME.time(moment).time(), Ok(moment));
        assert_eq!(base::USER_NAME.text("\u{e4}").text(), Ok("\u{e4}"));
        assert_eq!(base::CLASS.octets(&[1, 2]).array(), Ok([1, 2]));
    }

    #[test]
    fn wrong_lengths_are_5014_and_wrong_values_5004_with_the_avp() {
        let short = base::RESULT_CODE.octets(&[0, 0, 7]);
        assert_eq!(short.unsigned32(), Err(short.invalid_length()));
        assert_eq!(short.unsigned64(), Err(short.invalid_length()));
        for (data, result) in [
            (&[0][..], ResultCode::INVALID_AVP_LENGTH),
            (&[0, 1, 1, 2, 3], ResultCode::INVALID_AVP_LENGTH),
            (&[0, 2, 1, 2, 3, 4], ResultCode::INVALID_AVP_LENGTH),
            (&[0, 8, 49, 50], ResultCode::INVALID_AVP_VALUE),
        ] {
            let fault = base::HOST_IP_ADDRESS.octets(data).address().unwrap_err();
            assert_eq!(fault.result, result, "{data:?}");
        }
        let garbage = base::ORIGIN_HOST.octets(&[0xff]);
        assert_eq!(garbage.text(), Err(garbage.invalid_value()));
        assert_eq!(garbage.identity(), Err(garbage.invalid_value()));
    }

    #[test]
    fn examples_have_the_smallest_length_of_their_kind() {
        assert_eq!(base::RESULT_CODE.example().unsigned32(), Ok(0));
        assert_eq!(base::HOST_IP_ADDRESS.example().address(), Ok(IpAddr::from([0, 0, 0, 0])));
        assert!(base::ORIGIN_HOST.example().data().is_empty());
    }
}
