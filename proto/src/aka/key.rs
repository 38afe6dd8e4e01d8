//! A subscriber's long-term key, and the algorithm it makes.

use super::AkaAlgorithm;
use super::milenage::{self, Milenage};
use super::tuak::{self, ResLength, Tuak};
use crate::secret::{Secret, SecretBytes};

/// A subscriber's long-term key, as a subscriber file or a card personalisation gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AkaKey {
    /// MILENAGE, TS 35.206.
    Milenage {
        /// K, 16 octets.
        k: Secret<16>,
        /// OPc, 16 octets.
        opc: Secret<16>,
    },
    /// TUAK, TS 35.231.
    Tuak {
        /// K, 16 or 32 octets.
        k: SecretBytes,
        /// TOPc, 32 octets.
        topc: Secret<32>,
        /// Octets of RES: 4, 8, 16 or 32.
        res_octets: u8,
        /// Keccak iterations, 1 or more.
        iterations: u8,
    },
}

/// Why values are no key of their algorithm. MILENAGE's cannot be wrong: their lengths are in their types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AkaKeyError {
    /// TUAK takes a K of 16 or 32 octets; this one has another number.
    #[error("TUAK takes a K of 16 or 32 octets, not {0}")]
    KLength(usize),
    /// TUAK gives a RES of 4, 8, 16 or 32 octets; another number was asked for.
    #[error("TUAK gives a RES of 4, 8, 16 or 32 octets, not {0}")]
    ResLength(u8),
    /// TUAK needs one Keccak iteration at least.
    #[error("TUAK needs one Keccak iteration at least")]
    Iterations,
}

impl AkaKey {
    /// A MILENAGE key from K and OP: OPc is what is kept.
    #[must_use]
    pub fn milenage_from_op(k: Secret<16>, op: &Secret<16>) -> Self {
        let opc = milenage::opc_from_op(&k, op);
        Self::Milenage { k, opc }
    }

    /// A TUAK key from K and TOPc, checked.
    pub fn tuak(
        k: SecretBytes,
        topc: Secret<32>,
        res_octets: u8,
        iterations: u8,
    ) -> Result<Self, AkaKeyError> {
        tuak(&k, &topc, res_octets, iterations)?;
        Ok(Self::Tuak { k, topc, res_octets, iterations })
    }

    /// A TUAK key from K and TOP, checked: TOPc is what is kept.
    pub fn tuak_from_top(
        k: SecretBytes,
        top: &Secret<32>,
        res_octets: u8,
        iterations: u8,
    ) -> Result<Self, AkaKeyError> {
        let topc = tuak::topc_from_top(k.danger_expose(), top, iterations)?;
        Self::tuak(k, topc, res_octets, iterations)
    }

    /// The algorithm set with this key in it. Keep it where many vectors are made: it holds the key schedule.
    pub fn algorithm(&self) -> Result<Box<dyn AkaAlgorithm>, AkaKeyError> {
        match self {
            Self::Milenage { k, opc } => Ok(Box::new(Milenage::new(k, opc))),
            Self::Tuak { k, topc, res_octets, iterations } => {
                Ok(Box::new(tuak(k, topc, *res_octets, *iterations)?))
            }
        }
    }
}

fn tuak(k: &SecretBytes, topc: &Secret<32>, res_octets: u8, iterations: u8) -> Result<Tuak, AkaKeyError> {
    let res = ResLength::from_octets(res_octets).ok_or(AkaKeyError::ResLength(res_octets))?;
    Tuak::new(k.danger_expose(), topc, res, iterations)
}

#[cfg(test)]
mod tests {
    use super::super::known_answers;
    use super::*;

    #[test]
    fn a_milenage_key_from_op_is_the_one_from_opc() {
        for set in known_answers::milenage() {
            let key = AkaKey::milenage_from_op(set.k.clone(), &set.op);
            assert_eq!(key, AkaKey::Milenage { k: set.k, opc: set.opc });
            assert_eq!(key.algorithm().unwrap().f1(&set.rand, set.sqn, set.amf), set.f1);
        }
    }

    #[test]
    fn a_tuak_key_from_top_is_the_one_from_topc() {
        for set in known_answers::tuak() {
            for res_octets in [4, 8, 16, 32] {
                let from_top =
                    AkaKey::tuak_from_top(set.k.clone(), &set.top, res_octets, set.iterations).unwrap();
                let from_topc =
                    AkaKey::tuak(set.k.clone(), set.topc.clone(), res_octets, set.iterations).unwrap();
                assert_eq!(from_top, from_topc);
                let algorithm = from_top.algorithm().unwrap();
                assert_eq!(algorithm.f2345(&set.rand).res.octets(), usize::from(res_octets));
                assert_eq!(algorithm.f5_star(&set.rand), set.f5_star);
            }
        }
    }

    #[test]
    fn a_tuak_key_that_the_specification_does_not_know_is_refused() {
        let key = |k: usize, res_octets, iterations| {
            let (k, topc) = (SecretBytes::from(vec![0; k]), Secret::new([0; 32]));
            let unchecked = AkaKey::Tuak { k: k.clone(), topc: topc.clone(), res_octets, iterations };
            let refused = AkaKey::tuak(k.clone(), topc.clone(), res_octets, iterations).err();
            assert_eq!(AkaKey::tuak_from_top(k, &topc, res_octets, iterations).err(), refused);
            assert_eq!(unchecked.algorithm().err(), refused);
            refused
        };
        for length in [0, 8, 15, 17, 24, 31, 33, 40] {
            assert_eq!(key(length, 8, 1), Some(AkaKeyError::KLength(length)));
        }
        for res_octets in [0, 1, 5, 12, 33, 255] {
            assert_eq!(key(16, res_octets, 1), Some(AkaKeyError::ResLength(res_octets)));
        }
        assert_eq!(key(16, 8, 0), Some(AkaKeyError::Iterations));
        assert_eq!(key(32, 32, 255), None);
    }

    #[test]
    fn debug_shows_no_key() {
        let key = AkaKey::milenage_from_op(Secret::new([0xab; 16]), &Secret::new([0xcd; 16]));
        assert_eq!(format!("{key:?}"), "Milenage { k: [16 secret octets], opc: [16 secret octets] }");
    }
}
