//! BER-TLV and COMPREHENSION-TLV as UICC files and FCP templates use them (TS 101 220 clause 7.1, ISO 8825-1).

use crate::reader::{Reader, Truncated};

/// One data object; a constructed one's value is again data objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// One or two tag octets as a number: 62, 84, 7F20.
    pub tag: u16,
    /// The value.
    pub value: &'a [u8],
}

/// Why octets are no data object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlvError {
    /// The octets end inside an object.
    #[error("data object cut short: {0}")]
    Truncated(#[from] Truncated),
    /// A tag of more than two octets, or a length of more than three.
    #[error("tag or length form not used on a UICC, at offset {0}")]
    Form(usize),
}

/// Reads one object.
pub fn read<'a>(reader: &mut Reader<'a>) -> Result<Tlv<'a>, TlvError> {
    let start = reader.offset();
    let first = reader.u8()?;
    let tag = if first & 0x1f == 0x1f {
        let second = reader.u8()?;
        if second & 0x80 != 0 {
            return Err(TlvError::Form(start));
        }
        u16::from_be_bytes([first, second])
    } else {
        u16::from(first)
    };
    let length = match reader.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8()?),
        0x82 => usize::from(reader.u16()?),
        _ => return Err(TlvError::Form(start)),
    };
    Ok(Tlv { tag, value: reader.take(length)? })
}

/// Reads objects up to the end or up to padding (FF or 00 where a tag should stand).
pub fn read_all(octets: &[u8]) -> Result<Vec<Tlv<'_>>, TlvError> {
    let mut reader = Reader::new(octets);
    let mut objects = Vec::new();
    while !matches!(reader.rest(), [] | [0xff | 0x00, ..]) {
        objects.push(read(&mut reader)?);
    }
    Ok(objects)
}

/// The value of the first object with this tag at the top level.
#[must_use]
pub fn find(octets: &[u8], tag: u16) -> Option<&[u8]> {
    let mut reader = Reader::new(octets);
    while !matches!(reader.rest(), [] | [0xff | 0x00, ..]) {
        let object = read(&mut reader).ok()?;
        if object.tag == tag {
            return Some(object.value);
        }
    }
    None
}

/// Appends one object, with the shortest length form.
pub fn write(out: &mut Vec<u8>, tag: u16, value: &[u8]) {
    match tag.to_be_bytes() {
        [0, low] => out.push(low),
        both => out.extend(both),
    }
    match value.len() {
        short @ 0..=0x7f => out.push(u8::try_from(short).unwrap_or(0x7f)),
        medium @ 0x80..=0xff => out.extend([0x81, u8::try_from(medium).unwrap_or(u8::MAX)]),
        long => {
            out.push(0x82);
            out.extend(u16::try_from(long).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_is_an_error_and_the_whole_reads_back() {
        let mut octets = Vec::new();
        write(&mut octets, 0x84, &[1; 3]);
        write(&mut octets, 0x7f20, &[2; 200]);
        write(&mut octets, 0x80, &[3; 300]);
        let objects = read_all(&octets).unwrap();
        assert_eq!(objects.iter().map(|tlv| tlv.tag).collect::<Vec<_>>(), [0x84, 0x7f20, 0x80]);
        for end in 0..octets.len() {
            assert!(read_all(&octets[..end]).is_err() || [0, 5, 209].contains(&end), "{end}");
        }
        assert_eq!(find(&octets, 0x80), Some(&[3; 300][..]));
    }

    #[test]
    fn padding_ends_a_list() {
        assert_eq!(read_all(&[0x80, 1, 5, 0xff, 0xff]).unwrap().len(), 1);
        assert_eq!(read_all(&[0xff; 4]).unwrap(), []);
    }

    #[test]
    fn a_four_octet_length_is_refused() {
        assert_eq!(read_all(&[0x80, 0x84, 0, 0, 0, 1, 5]), Err(TlvError::Form(0)));
    }
}
