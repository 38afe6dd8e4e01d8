//! EF_GBABP and EF_GBANL: what a GBA_U card keeps of a bootstrap and of its NAF keys (TS 31.102 clauses 4.2.79 and
//! 4.2.83, TS 31.103 clauses 4.2.9 and 4.2.10).

use super::{EfContent, EfError, is_blank};
use crate::aka::Rand;
use crate::gba::{BTid, NafId, lifetime};
use crate::reader::{Reader, Truncated};
use crate::uicc::tlv;
use std::time::SystemTime;

/// EF_GBABP: the bootstrap whose Ks the card holds. The card writes RAND; the terminal adds B-TID and lifetime once
/// the BSF has told them. Any of the three may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gbabp {
    rand: Vec<u8>,
    b_tid: Vec<u8>,
    lifetime: Vec<u8>,
}

/// The longest field: a length of FF is that of a field nobody wrote.
const LONGEST_FIELD: usize = 0xfe;

impl Gbabp {
    /// What stands in the card after a whole bootstrap. The lifetime is written as the BSF's answer writes it, an
    /// xs:dateTime in UTC. `None` if the B-TID is longer than a field, 254 octets.
    #[must_use]
    pub fn new(rand: &Rand, b_tid: &BTid, expires: SystemTime) -> Option<Self> {
        Self::named(rand, b_tid.as_str(), expires)
    }

    /// As [`Self::new`], by a name that need not be a B-TID: a push association has a P-TID.
    #[must_use]
    pub fn named(rand: &Rand, name: &str, expires: SystemTime) -> Option<Self> {
        (name.len() <= LONGEST_FIELD).then(|| Self {
            rand: rand.0.to_vec(),
            b_tid: name.as_bytes().to_vec(),
            lifetime: lifetime::to_xs_date_time(expires).into_bytes(),
        })
    }

    /// What a card writes in the middle of a bootstrap, when it has Ks and nobody knows the B-TID.
    #[must_use]
    pub fn of_rand(rand: &Rand) -> Self {
        Self { rand: rand.0.to_vec(), ..Self::default() }
    }

    /// RAND, if 16 octets stand there.
    #[must_use]
    pub fn rand(&self) -> Option<Rand> {
        self.rand.as_slice().try_into().ok().map(Rand)
    }

    /// The B-TID, if one stands there.
    #[must_use]
    pub fn b_tid(&self) -> Option<BTid> {
        std::str::from_utf8(&self.b_tid).ok().and_then(|text| BTid::parse(text).ok())
    }

    /// The octets of the B-TID as they are, for a card, which does not look at them.
    #[must_use]
    pub fn b_tid_octets(&self) -> &[u8] {
        &self.b_tid
    }

    /// The moment at which Ks ends, if one stands there.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        std::str::from_utf8(&self.lifetime).ok().and_then(lifetime::from_xs_date_time)
    }
}

impl EfContent for Gbabp {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        let mut reader = Reader::new(octets);
        let mut written = !is_blank(octets);
        let mut field = || -> Result<Vec<u8>, Truncated> {
            written = written && reader.rest().first() != Some(&0xff);
            if written { reader.lv().map(<[u8]>::to_vec) } else { Ok(Vec::new()) }
        };
        let gbabp = Self { rand: field()?, b_tid: field()?, lifetime: field()? };
        if gbabp == Self::default() { Err(EfError::Blank) } else { Ok(gbabp) }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for field in [&self.rand, &self.b_tid, &self.lifetime] {
            out.push(u8::try_from(field.len()).unwrap_or_default());
            out.extend_from_slice(field);
        }
        out
    }
}

/// A record of EF_GBANL: a NAF for which the card holds a Ks_int_NAF, and the bootstrap that it is of. Octets as the
/// terminal gave them to the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NafListEntry {
    /// NAF_Id: host name and five octets.
    pub naf_id: Vec<u8>,
    /// B-TID, as text.
    pub b_tid: Vec<u8>,
}

impl NafListEntry {
    const NAF_ID: u16 = 0x80;
    const B_TID: u16 = 0x81;

    /// The NAF_Id, if the octets are one.
    #[must_use]
    pub fn naf_id(&self) -> Option<NafId> {
        NafId::parse(&self.naf_id).ok()
    }

    /// The B-TID, if the octets are one.
    #[must_use]
    pub fn b_tid(&self) -> Option<BTid> {
        std::str::from_utf8(&self.b_tid).ok().and_then(|text| BTid::parse(text).ok())
    }
}

impl EfContent for NafListEntry {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        if is_blank(octets) {
            return Err(EfError::Blank);
        }
        let objects = tlv::read_all(octets)?;
        let value = |tag| {
            let object = objects.iter().find(|object| object.tag == tag);
            object.map(|object| object.value.to_vec()).ok_or(EfError::NoTag(tag))
        };
        Ok(Self { naf_id: value(Self::NAF_ID)?, b_tid: value(Self::B_TID)? })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        tlv::write(&mut out, Self::NAF_ID, &self.naf_id);
        tlv::write(&mut out, Self::B_TID, &self.b_tid);
        out
    }
}

/// Laid out by hand from TS 31.102 clause 4.2.79: after the bootstrap, and in its middle.
#[cfg(test)]
pub(super) const GBABP_EXAMPLES: &super::tests::Examples<Gbabp> = &[
    (
        "1023553cbe9637a89d218ae64dae47bf35\
         2c4931553876705933714a306869755a4e726b652f4e513d3d406273662e6c61622e6578616d706c652e6e6574\
         14323033302d30312d30315430303a30303a30305affff",
        || Gbabp {
            rand: crate::hex::decode("23553cbe9637a89d218ae64dae47bf35").unwrap(),
            b_tid: b"I1U8vpY3qJ0hiuZNrke/NQ==@bsf.lab.example.net".to_vec(),
            lifetime: b"2030-01-01T00:00:00Z".to_vec(),
        },
    ),
    ("1023553cbe9637a89d218ae64dae47bf350000ffffff", || {
        Gbabp::of_rand(&Rand(crate::hex::decode_array("23553cbe9637a89d218ae64dae47bf35").unwrap()))
    }),
];

/// Laid out by hand from TS 31.102 clause 4.2.83.
#[cfg(test)]
pub(super) const GBANL_EXAMPLES: &super::tests::Examples<NafListEntry> =
    &[("80106e61662e6578616d706c650100000002811041424344406273662e6578616d706c65ffff", || NafListEntry {
        naf_id: b"naf.example\x01\x00\x00\x00\x02".to_vec(),
        b_tid: b"ABCD@bsf.example".to_vec(),
    })];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gba::UaSecurityProtocolId;

    fn whole() -> Gbabp {
        GBABP_EXAMPLES[0].1()
    }

    #[test]
    fn every_truncation_of_a_bootstrap_is_an_error() {
        let octets = whole().encode();
        for end in 0..octets.len() {
            assert!(Gbabp::decode(&octets[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn the_fields_have_a_meaning() {
        let gbabp = whole();
        assert_eq!(gbabp.b_tid().unwrap().rand(), gbabp.rand());
        assert_eq!(gbabp.expires(), Some(lifetime::from_unix_seconds(1_893_456_000)));
        let again = Gbabp::new(&gbabp.rand().unwrap(), &gbabp.b_tid().unwrap(), gbabp.expires().unwrap());
        assert_eq!(again, Some(gbabp));
        let half = GBABP_EXAMPLES[1].1();
        assert_eq!((half.b_tid(), half.expires()), (None, None));
        let long = BTid::parse(&format!("{}@bsf.example", "a".repeat(250))).unwrap();
        assert_eq!(Gbabp::new(&Rand([0; 16]), &long, SystemTime::UNIX_EPOCH), None);
    }

    #[test]
    fn a_length_of_ff_ends_what_was_written() {
        let rand_then_ff = [&[16][..], &[7; 16], &[0xff; 9]].concat();
        assert_eq!(Gbabp::decode(&rand_then_ff), Ok(Gbabp::of_rand(&Rand([7; 16]))));
        for blank in [&[0, 0, 0][..], &[0, 0xff, 0xff], &[0xff, 3, 1, 2, 3]] {
            assert_eq!(Gbabp::decode(blank), Err(EfError::Blank), "{blank:?}");
        }
        let short_rand = [&[3][..], &[7; 3], &[0, 0]].concat();
        assert_eq!(Gbabp::decode(&short_rand).unwrap().rand(), None);
    }

    #[test]
    fn a_naf_list_entry_names_naf_and_bootstrap() {
        let entry = GBANL_EXAMPLES[0].1();
        assert_eq!(entry.naf_id().unwrap().ua, UaSecurityProtocolId::HTTP_DIGEST);
        assert_eq!(entry.b_tid().unwrap().as_str(), "ABCD@bsf.example");
        let octets = entry.encode();
        for end in 0..octets.len() {
            assert!(NafListEntry::decode(&octets[..end]).is_err(), "{end}");
        }
    }
}
