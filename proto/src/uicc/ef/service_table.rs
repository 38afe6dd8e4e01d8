//! EF_UST and EF_IST: which services an application offers (TS 31.102 clause 4.2.8, TS 31.103 clause 4.2.7).

use super::{EfContent, EfError, is_blank};

/// Service numbers of EF_UST that this program asks about.
pub mod ust {
    /// GSM access: a 3G authentication then gives Kc too.
    pub const GSM_ACCESS: u16 = 27;
    /// GSM security context.
    pub const GSM_CONTEXT: u16 = 38;
    /// GBA: EF_GBABP, EF_GBANL and AUTHENTICATE's GBA context.
    pub const GBA: u16 = 68;
    /// MBMS security.
    pub const MBMS: u16 = 69;
    /// GBA-based local key establishment.
    pub const GBA_LOCAL_KEY: u16 = 76;
}

/// Service numbers of EF_IST that this program asks about.
pub mod ist {
    /// P-CSCF address.
    pub const P_CSCF: u16 = 1;
    /// GBA: EF_GBABP, EF_GBANL and AUTHENTICATE's GBA context.
    pub const GBA: u16 = 2;
    /// HTTP Digest.
    pub const HTTP_DIGEST: u16 = 3;
    /// GBA-based local key establishment.
    pub const GBA_LOCAL_KEY: u16 = 4;
}

/// A bit for each service, the first in the lowest bit of the first octet. Services beyond the end are not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceTable(Vec<u8>);

impl ServiceTable {
    /// A table with these services, counted from 1.
    #[must_use]
    pub fn of(services: &[u16]) -> Self {
        let mut table = Self::default();
        for (octet, bit) in services.iter().filter_map(|service| place(*service)) {
            if table.0.len() <= octet {
                table.0.resize(octet + 1, 0);
            }
            if let Some(bits) = table.0.get_mut(octet) {
                *bits |= bit;
            }
        }
        table
    }

    /// Whether a service, counted from 1, is available.
    #[must_use]
    pub fn has(&self, service: u16) -> bool {
        place(service).is_some_and(|(octet, bit)| self.0.get(octet).is_some_and(|bits| bits & bit != 0))
    }

    /// The numbers of all available services, in order.
    pub fn services(&self) -> impl Iterator<Item = u16> {
        let last = u16::try_from(self.0.len() * 8).unwrap_or(u16::MAX);
        (1..=last).filter(|service| self.has(*service))
    }
}

fn place(service: u16) -> Option<(usize, u8)> {
    let place = service.checked_sub(1)?;
    Some((usize::from(place / 8), 1 << (place % 8)))
}

impl EfContent for ServiceTable {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        // No card offers everything: a table of ones is one that nobody wrote.
        if is_blank(octets) { Err(EfError::Blank) } else { Ok(Self(octets.to_vec())) }
    }

    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// Tables of pySim's card backups (osmocom/pysim), values only; the last has the GBA service of a USIM.
#[cfg(test)]
pub(super) const EXAMPLES: &super::tests::Examples<ServiceTable> = &[
    ("190208", || ServiceTable::of(&[1, 4, 5, 10, 20])),
    ("9e6b1dfc67f6580000", || {
        let mut table = ServiceTable::of(&[
            2, 3, 4, 5, 8, 9, 10, 12, 14, 15, 17, 19, 20, 21, 27, 28, 29, 30, 31, 32, 33, 34, 35, 38, 39, 42,
            43, 45, 46, 47, 48, 52, 53, 55,
        ]);
        table.0.resize(9, 0);
        table
    }),
    ("000000000000000008", || ServiceTable::of(&[ust::GBA])),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_cards_with_gba_files_may_have_no_gba_service() {
        let table =
            ServiceTable::decode(&crate::hex::decode("beff9f9de73e04080000ff330000000600000000").unwrap())
                .unwrap();
        assert!(table.has(ust::GSM_ACCESS) && table.has(ust::GSM_CONTEXT));
        assert!(!table.has(ust::GBA));
    }

    #[test]
    fn services_are_counted_from_1_and_absent_beyond_the_end() {
        let table = ServiceTable::of(&[ist::GBA]);
        assert_eq!(table.encode(), [0x02]);
        assert!(table.has(2));
        for absent in [0, 1, 3, 9, u16::MAX] {
            assert!(!table.has(absent), "{absent}");
        }
        assert_eq!(ServiceTable::of(&[68, 1, 0]).services().collect::<Vec<_>>(), [1, 68]);
    }
}
