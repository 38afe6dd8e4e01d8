//! What the files of a fresh card hold, octet by octet.
//!
//! Written out here and not with the terminal side's codecs, so that each of the two checks the other.

use ksnaf_proto::uicc::tlv;

/// Digits two an octet, the first of a pair in the low nibble, `f` for a missing last one.
pub(super) fn swapped_digits(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
    digits.chunks(2).map(|pair| pair.get(1).unwrap_or(&0x0f) << 4 | pair.first().unwrap_or(&0x0f)).collect()
}

/// EF_ICCID: ten octets (TS 102 221 clause 13.2).
pub(super) fn iccid(digits: &str) -> Vec<u8> {
    padded(swapped_digits(digits), 10)
}

/// EF_IMSI: length, then parity and first digit, then the other digits in pairs (TS 31.102 clause 4.2.2).
pub(super) fn imsi(digits: &str) -> Vec<u8> {
    // 9: an odd number of digits, 1: an even one; both stand where the digit before the first would.
    let parity = if digits.len() % 2 == 1 { '9' } else { '1' };
    let packed = swapped_digits(&format!("{parity}{digits}"));
    let length = u8::try_from(packed.len()).unwrap_or(8);
    padded([vec![length], packed].concat(), 9)
}

/// EF_ACC: one access class, chosen by the last digit of the IMSI (TS 31.102 clause 4.2.15).
pub(super) fn access_class(imsi: &str) -> Vec<u8> {
    let last = imsi.bytes().last().map_or(0, |digit| digit.saturating_sub(b'0').min(9));
    (1u16 << last).to_be_bytes().to_vec()
}

/// EF_UST, EF_IST: service `n` is bit (n-1) mod 8, low bit first, of octet (n-1) / 8.
pub(crate) fn service_table(octets: usize, services: &[u8]) -> Vec<u8> {
    let mut table = vec![0; octets];
    for service in services {
        let at = usize::from(service.saturating_sub(1));
        if let Some(octet) = table.get_mut(at / 8) {
            *octet |= 1 << (at % 8);
        }
    }
    table
}

/// EF_SST of TS 51.011: two bits a service, allocated and activated.
pub(super) fn sim_service_table(octets: usize, services: &[u8]) -> Vec<u8> {
    let mut table = vec![0; octets];
    for service in services {
        let at = usize::from(service.saturating_sub(1));
        if let Some(octet) = table.get_mut(at / 4) {
            *octet |= 0b11 << (2 * (at % 4));
        }
    }
    table
}

/// A record of EF_DIR: the application template (TS 102 221 clause 13.1), with what the application's own specification
/// puts behind.
pub(super) fn application_template(aid: &[u8], label: &str, discretionary: &[u8]) -> Vec<u8> {
    let mut objects = Vec::new();
    tlv::write(&mut objects, 0x4f, aid);
    tlv::write(&mut objects, 0x50, label.as_bytes());
    objects.extend(discretionary);
    tagged(0x61, &objects)
}

/// EF_SPN: display condition, then the name in the GSM default alphabet (TS 31.102 clause 4.2.12).
pub(super) fn provider_name(name: &str) -> Vec<u8> {
    padded([&[0x01], name.as_bytes()].concat(), 17)
}

/// A record of EF_MSISDN with an empty alpha identifier of ten octets (TS 31.102 clause 4.2.26).
pub(super) fn msisdn(number: Option<&str>) -> Vec<u8> {
    let Some(number) = number else { return vec![0xff; 24] };
    let (type_of_number, digits) = number.strip_prefix('+').map_or((0x81, number), |rest| (0x91, rest));
    let packed = swapped_digits(digits);
    let length = u8::try_from(packed.len() + 1).unwrap_or(11);
    let dialling = padded([vec![length, type_of_number], packed].concat(), 12);
    [vec![0xff; 10], dialling, vec![0xff; 2]].concat()
}

/// A record of EF_ECC: an emergency number in three octets and its category (TS 31.102 clause 4.2.21).
pub(super) fn emergency_number(digits: &str) -> Vec<u8> {
    [padded(swapped_digits(digits), 3), vec![0x00]].concat()
}

/// One data object.
pub(super) fn tagged(tag: u16, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    tlv::write(&mut out, tag, value);
    out
}

/// Filled with FF up to `size`, cut there if longer.
pub(super) fn padded(mut octets: Vec<u8>, size: usize) -> Vec<u8> {
    octets.resize(size, 0xff);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    #[test]
    fn identities_are_packed_as_cards_in_the_field_have_them() {
        assert_eq!(imsi("228062800000208"), hex!("082982608200002080"));
        assert_eq!(imsi("001010"), hex!("04 01 10 10 f0 ffffffff"));
        assert_eq!(iccid("8949440000001155314"), hex!("989444000000115513f4"));
    }

    #[test]
    fn services_count_from_the_low_bit_of_the_first_octet() {
        assert_eq!(service_table(11, &[1, 27, 38, 68]), hex!("0100000420000000 080000"));
        assert_eq!(sim_service_table(5, &[1, 17]), hex!("0300000003"));
        assert_eq!(service_table(1, &[9]), [0], "a service beyond the table is not there");
    }

    #[test]
    fn numbers_have_their_type_before_them() {
        assert_eq!(
            msisdn(Some("+8821234567890")),
            hex!("ffffffffffffffffffff 08 91 88 12 32 54 76 98 f0 ffffff ffff")
        );
        assert_eq!(msisdn(None), [0xff; 24]);
        assert_eq!(emergency_number("112"), hex!("11f2ff00"));
    }

    #[test]
    fn an_access_class_is_one_bit() {
        assert_eq!(access_class("001010123456789"), hex!("0200"));
        assert_eq!(access_class("001010123456780"), hex!("0001"));
    }
}
