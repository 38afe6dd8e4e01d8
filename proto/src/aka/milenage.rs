//! MILENAGE (TS 35.206): f1 to f5* from AES-128, with the rotations and constants of clause 4.1.
//!
//! The AES key schedule is made once per subscriber. Nothing branches on, or looks up by, a secret: the block
//! cipher is constant-time on every backend, the rest is xor and rotation by fixed amounts.

use super::{Ak, AkaAlgorithm, Amf, Ck, Derived, Ik, Mac, Rand, Res, Sqn};
use crate::secret::Secret;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// MILENAGE for one subscriber: the schedule of K, and OPc.
pub struct Milenage {
    cipher: Aes128Enc,
    opc: Secret<16>,
}

impl Milenage {
    /// From K and OPc.
    #[must_use]
    pub fn new(k: &Secret<16>, opc: &Secret<16>) -> Self {
        Self { cipher: Aes128Enc::new(k.danger_expose().into()), opc: opc.clone() }
    }

    /// From K and OP. OP is the operator's and the same in every card: a store is better off with OPc.
    #[must_use]
    pub fn from_op(k: &Secret<16>, op: &Secret<16>) -> Self {
        Self::new(k, &opc_from_op(k, op))
    }

    fn opc(&self) -> u128 {
        u128::from_be_bytes(*self.opc.danger_expose())
    }

    /// TEMP = E(RAND ⊕ OPc).
    fn temp(&self, rand: &Rand) -> Zeroizing<u128> {
        let [temp] = *encrypt(&self.cipher, [u128::from_be_bytes(rand.0) ^ self.opc()]);
        Zeroizing::new(temp)
    }

    /// What the block cipher turns into OUT1: r1 = 64, c1 = 0, IN1 = SQN ‖ AMF ‖ SQN ‖ AMF.
    fn in1(&self, temp: u128, sqn: Sqn, amf: Amf) -> u128 {
        let half = u128::from(sqn.value()) << 16 | u128::from(u16::from_be_bytes(amf.0));
        temp ^ ((half << 64 | half) ^ self.opc()).rotate_left(64)
    }

    /// What the block cipher turns into OUT2 to OUT5, given r and c of that function.
    fn input(&self, temp: u128, r: u32, c: u128) -> u128 {
        (temp ^ self.opc()).rotate_left(r) ^ c
    }

    fn in2(&self, temp: u128) -> u128 {
        self.input(temp, 0, 1)
    }

    fn in3(&self, temp: u128) -> u128 {
        self.input(temp, 32, 2)
    }

    fn in4(&self, temp: u128) -> u128 {
        self.input(temp, 64, 4)
    }

    fn in5(&self, temp: u128) -> u128 {
        self.input(temp, 96, 8)
    }

    /// The last step of every function: E(·) ⊕ OPc, for independent blocks at once.
    fn outputs<const N: usize>(&self, inputs: [u128; N]) -> Zeroizing<[u128; N]> {
        let mut blocks = encrypt(&self.cipher, inputs);
        for block in blocks.iter_mut() {
            *block ^= self.opc();
        }
        blocks
    }

    /// OUT1: MAC-A, then MAC-S.
    fn out1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Zeroizing<u128> {
        let temp = self.temp(rand);
        let [out1] = *self.outputs([self.in1(*temp, sqn, amf)]);
        Zeroizing::new(out1)
    }
}

/// OPc = OP ⊕ E(OP) under K (TS 35.206 clause 4.1).
#[must_use]
pub fn opc_from_op(k: &Secret<16>, op: &Secret<16>) -> Secret<16> {
    let op = Zeroizing::new(u128::from_be_bytes(*op.danger_expose()));
    let cipher = Aes128Enc::new(k.danger_expose().into());
    let [encrypted] = *encrypt(&cipher, [*op]);
    Secret::new((encrypted ^ *op).to_be_bytes())
}

impl AkaAlgorithm for Milenage {
    fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Mac {
        Mac::new(first_half(*self.out1(rand, sqn, amf)))
    }

    fn f1_star(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Mac {
        Mac::new(second_half(*self.out1(rand, sqn, amf)))
    }

    fn f2345(&self, rand: &Rand) -> Derived {
        let temp = self.temp(rand);
        let outputs = self.outputs([self.in2(*temp), self.in3(*temp), self.in4(*temp)]);
        let [out2, out3, out4] = *outputs;
        derived(out2, out3, out4)
    }

    fn f5_star(&self, rand: &Rand) -> Ak {
        let temp = self.temp(rand);
        let [out5] = *self.outputs([self.in5(*temp)]);
        anonymity_key(out5)
    }

    /// One TEMP for both, and four independent blocks side by side.
    fn f12345(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> (Mac, Derived) {
        let temp = self.temp(rand);
        let inputs = [self.in1(*temp, sqn, amf), self.in2(*temp), self.in3(*temp), self.in4(*temp)];
        let outputs = self.outputs(inputs);
        let [out1, out2, out3, out4] = *outputs;
        (Mac::new(first_half(out1)), derived(out2, out3, out4))
    }
}

impl fmt::Debug for Milenage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Milenage")
    }
}

fn encrypt<const N: usize>(cipher: &Aes128Enc, mut inputs: [u128; N]) -> Zeroizing<[u128; N]> {
    let mut blocks = Zeroizing::new(inputs.map(u128::to_be_bytes));
    inputs.zeroize();
    cipher.encrypt_blocks(Block::cast_slice_from_core_mut(blocks.as_mut_slice()));
    Zeroizing::new(blocks.map(u128::from_be_bytes))
}

fn derived(out2: u128, out3: u128, out4: u128) -> Derived {
    Derived {
        res: Res::from_algorithm(second_half(out2).as_slice().into()),
        ck: Ck::new(out3.to_be_bytes()),
        ik: Ik::new(out4.to_be_bytes()),
        ak: anonymity_key(out2),
    }
}

fn anonymity_key(block: u128) -> Ak {
    let [a, b, c, d, e, f, ..] = block.to_be_bytes();
    Ak::new([a, b, c, d, e, f])
}

fn first_half(block: u128) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = block.to_be_bytes();
    [a, b, c, d, e, f, g, h]
}

fn second_half(block: u128) -> [u8; 8] {
    let [.., a, b, c, d, e, f, g, h] = block.to_be_bytes();
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::super::known_answers::{self, MilenageSet};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_published_set_gives_every_output() {
        let sets = known_answers::milenage();
        assert_eq!(sets.len(), 6);
        for MilenageSet { k, op, opc, rand, sqn, amf, f1, f1_star, f2, f3, f4, f5, f5_star } in sets {
            assert_eq!(opc_from_op(&k, &op), opc);
            for algorithm in [Milenage::new(&k, &opc), Milenage::from_op(&k, &op)] {
                assert_eq!(algorithm.f1(&rand, sqn, amf), f1);
                assert_eq!(algorithm.f1_star(&rand, sqn, amf), f1_star);
                let Derived { res, ck, ik, ak } = algorithm.f2345(&rand);
                assert_eq!((res, ck, ik, ak), (f2.clone(), f3.clone(), f4.clone(), f5.clone()));
                assert_eq!(algorithm.f5_star(&rand), f5_star);
                let (mac, Derived { res, ck, ik, ak }) = algorithm.f12345(&rand, sqn, amf);
                assert_eq!((mac, res, ck), (f1.clone(), f2.clone(), f3.clone()));
                assert_eq!((ik, ak), (f4.clone(), f5.clone()));
            }
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = Secret::new([0xab; 16]);
        assert_eq!(format!("{:?}", Milenage::new(&key, &key)), "Milenage");
    }

    proptest! {
        /// The witness shares the block cipher with this module and nothing else.
        #[test]
        fn another_implementation_agrees(
            k: [u8; 16], op: [u8; 16], rand: [u8; 16], sqn: [u8; 6], amf: [u8; 2],
        ) {
            let ours = Milenage::from_op(&Secret::new(k), &Secret::new(op));
            let mut theirs = milenage::Milenage::new_with_op(k, op);
            prop_assert_eq!(opc_from_op(&Secret::new(k), &Secret::new(op)), Secret::new(*theirs.opc()));

            let (ours_rand, ours_sqn, ours_amf) = (Rand(rand), Sqn::from_octets(sqn), Amf(amf));
            let f1 = Mac::new(theirs.f1(&rand, &sqn, &amf));
            let f1_star = Mac::new(theirs.f1star(&rand, &sqn, &amf));
            let (f2, f3, f4, f5) = theirs.f2345(&rand);
            prop_assert_eq!(ours.f1(&ours_rand, ours_sqn, ours_amf), f1.clone());
            prop_assert_eq!(ours.f1_star(&ours_rand, ours_sqn, ours_amf), f1_star);
            let (mac, both) = ours.f12345(&ours_rand, ours_sqn, ours_amf);
            prop_assert_eq!(mac, f1);
            for Derived { res, ck, ik, ak } in [both, ours.f2345(&ours_rand)] {
                prop_assert_eq!(Some(res), Res::new(&f2));
                prop_assert_eq!((ck, ik, ak), (Ck::new(f3), Ik::new(f4), Ak::new(f5)));
            }
            prop_assert_eq!(ours.f5_star(&ours_rand), Ak::new(theirs.f5star(&rand)));
        }
    }
}
