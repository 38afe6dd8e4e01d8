//! Hexadecimal text, big-endian, as every specification here prints its octets.

use crate::secret::SecretBytes;

/// Lower-case hex of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0f])
        .filter_map(|nibble| DIGITS.get(usize::from(nibble)))
        .map(|digit| char::from(*digit))
        .collect()
}

/// Octets of an even number of hex digits, either case; `None` for anything else.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    decode_octets(text.as_bytes()).map(|bytes| bytes.to_vec())
}

/// As [`decode`], into a secret.
#[must_use]
pub fn decode_secret(text: &str) -> Option<SecretBytes> {
    decode_octets(text.as_bytes()).map(SecretBytes::from)
}

/// Exactly `N` octets; `None` if the text has another length or is not hex.
#[must_use]
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode_octets(text.as_bytes())?.try_into().ok()
}

fn decode_octets(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cases_are_read_and_lower_case_is_written() {
        assert_eq!(decode("00ffAb"), Some(vec![0, 255, 0xab]));
        assert_eq!(encode(&[0, 255, 0xab]), "00ffab");
    }

    #[test]
    fn odd_lengths_and_other_characters_are_refused() {
        for bad in ["0", "0g", "+1", " 0", "é"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
        assert_eq!(decode_array::<2>("0011ff"), None);
    }
}
