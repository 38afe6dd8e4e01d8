//! Conversion functions c1 to c5 between the values of UMTS and of GSM (TS 33.102 clause 6.8).

use super::{Ck, Ik, Rand, Res};
use crate::secret::named_secret;
use zeroize::Zeroizing;

named_secret! {
    /// GSM signed response, 4 octets.
    Sres, 4
}
named_secret! {
    /// GSM cipher key, 8 octets.
    Kc, 8
}

/// c1, RAND: GSM takes the same 16 octets.
#[must_use]
pub const fn c1(rand: Rand) -> [u8; 16] {
    rand.0
}

/// c2, SRES: the four words of RES, padded with zeros to 16 octets, xored. `None` for a RES of more than 16
/// octets, which the conversion does not know.
#[must_use]
pub fn c2(res: &Res) -> Option<Sres> {
    if res.octets() > 16 {
        return None;
    }
    let mut padded = Zeroizing::new([0; 16]);
    for (octet, res) in padded.iter_mut().zip(res.danger_expose()) {
        *octet = *res;
    }
    let words = padded.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
    Some(Sres::new(words.fold(0, |sres, word| sres ^ word).to_be_bytes()))
}

/// c3, Kc: both halves of CK and both halves of IK, xored.
#[must_use]
pub fn c3(ck: &Ck, ik: &Ik) -> Kc {
    let halves = [ck.danger_expose(), ik.danger_expose()].into_iter().flat_map(|key| key.as_chunks::<8>().0);
    Kc::new(halves.fold(0, |kc, half| kc ^ u64::from_be_bytes(*half)).to_be_bytes())
}

/// c4, CK: Kc ‖ Kc.
#[must_use]
pub fn c4(kc: &Kc) -> Ck {
    let kc = u128::from(u64::from_be_bytes(*kc.danger_expose()));
    Ck::new((kc << 64 | kc).to_be_bytes())
}

/// c5, IK: (Kc1 ⊕ Kc2) ‖ Kc ‖ (Kc1 ⊕ Kc2), with Kc1 and Kc2 the halves of Kc.
#[must_use]
pub fn c5(kc: &Kc) -> Ik {
    let kc = u128::from(u64::from_be_bytes(*kc.danger_expose()));
    let xored = (kc >> 32) ^ (kc & 0xffff_ffff);
    Ik::new((xored << 96 | kc << 32 | xored).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::known_answers::{self, DerivedSet};
    use super::*;
    use hex_literal::hex;

    #[test]
    fn every_published_set_gives_its_sres_and_kc() {
        let sets = known_answers::milenage().into_iter().zip(known_answers::derived());
        for (set, DerivedSet { sres, kc, .. }) in sets {
            assert_eq!(c1(set.rand), set.rand.0);
            assert_eq!(c2(&set.f2).unwrap(), Sres::new(sres));
            assert_eq!(c3(&set.f3, &set.f4), Kc::new(kc));
        }
    }

    #[test]
    fn a_res_of_any_length_up_to_16_octets_is_padded_at_its_end() {
        let sres = |res: &[u8]| c2(&Res::new(res).unwrap()).map(|sres| *sres.danger_expose());
        assert_eq!(sres(&hex!("01020304")), Some(hex!("01020304")));
        assert_eq!(sres(&hex!("0102030410")), Some(hex!("11020304")));
        assert_eq!(sres(&hex!("01020304102030400102030410203041")), Some(hex!("00000001")));
        assert_eq!(sres(&[0; 17]), None);
        assert_eq!(sres(&[0; 32]), None);
    }

    #[test]
    fn ck_and_ik_of_a_gsm_key_are_as_the_clause_lays_them_out() {
        let kc = Kc::new(hex!("0123456789abcdef"));
        assert_eq!(c4(&kc).danger_expose(), &hex!("0123456789abcdef0123456789abcdef"));
        assert_eq!(c5(&kc).danger_expose(), &hex!("888888880123456789abcdef88888888"));
    }

    #[test]
    fn a_gsm_key_survives_the_way_to_umts_and_back() {
        for kc in [hex!("0123456789abcdef"), [0; 8], [0xff; 8], hex!("8000000000000001")] {
            let kc = Kc::new(kc);
            assert_eq!(c3(&c4(&kc), &c5(&kc)), kc);
        }
    }
}
