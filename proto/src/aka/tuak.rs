//! TUAK (TS 35.231): f1 to f5* from Keccak-f\[1600\].
//!
//! Every function fills the same 200-octet state, permutes it, and reads its output from fixed places. Fields
//! go in octet-reversed and the permutation reads its lanes little-endian, so a lane simply is eight octets of
//! a field as a big-endian number:
//!
//! | lanes | field |
//! |---|---|
//! | 0–3 | TOP or TOPc, its last eight octets in lane 0 |
//! | 4 | `TUAK1.0` ‖ INSTANCE |
//! | 5–6 | RAND |
//! | 7 | SQN ‖ AMF |
//! | 8–11 | K; a K of 128 bits in lanes 8 and 9 |
//! | 12, 16 | padding |
//!
//! [`TuakFunctions`] has every length that the specification allows, [`Tuak`] the ones that AKA carries.
//! Nothing branches on a secret: lengths and the number of iterations are public.

use super::{Ak, AkaAlgorithm, AkaKeyError, Amf, Ck, Derived, Ik, Mac, Rand, Res, Sqn};
use crate::secret::{Secret, SecretBytes};
use keccak::Keccak;
use std::fmt;
use std::num::NonZeroU8;
use zeroize::Zeroizing;

/// Length of MAC-A and MAC-S.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacLength {
    /// 8 octets, what AUTN and AUTS carry.
    Bits64,
    /// 16 octets.
    Bits128,
    /// 32 octets.
    Bits256,
}

/// Length of RES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResLength {
    /// 4 octets.
    Bits32,
    /// 8 octets.
    Bits64,
    /// 16 octets.
    Bits128,
    /// 32 octets.
    Bits256,
}

/// Length of CK or IK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLength {
    /// 16 octets, what AKA carries.
    Bits128,
    /// 32 octets.
    Bits256,
}

/// Lengths of what f2, f3 and f4 give. One permutation gives all three, and every length goes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedLengths {
    /// RES.
    pub res: ResLength,
    /// CK.
    pub ck: KeyLength,
    /// IK.
    pub ik: KeyLength,
}

/// What f2 to f5 give for one RAND, at the lengths that were asked for.
#[derive(Debug, Clone)]
pub struct TuakDerived {
    /// f2.
    pub res: SecretBytes,
    /// f3.
    pub ck: SecretBytes,
    /// f4.
    pub ik: SecretBytes,
    /// f5.
    pub ak: Ak,
}

/// TUAK for one subscriber, at every length of TS 35.231.
pub struct TuakFunctions {
    base: State,
    iterations: NonZeroU8,
}

impl TuakFunctions {
    /// From K (16 or 32 octets), TOPc and the number of Keccak iterations (1 or more).
    pub fn new(k: &[u8], topc: &Secret<32>, iterations: u8) -> Result<Self, AkaKeyError> {
        let iterations = NonZeroU8::new(iterations).ok_or(AkaKeyError::Iterations)?;
        Ok(Self { base: State::new(k, topc)?, iterations })
    }

    /// f1: MAC-A.
    #[must_use]
    pub fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf, length: MacLength) -> SecretBytes {
        self.mac(MAC_A, rand, sqn, amf, length).octets(LANE_RES_MAC, length.octets())
    }

    /// f1*: MAC-S.
    #[must_use]
    pub fn f1_star(&self, rand: &Rand, sqn: Sqn, amf: Amf, length: MacLength) -> SecretBytes {
        self.mac(MAC_S, rand, sqn, amf, length).octets(LANE_RES_MAC, length.octets())
    }

    /// f2 to f5: RES, CK, IK and AK.
    #[must_use]
    pub fn f2345(&self, rand: &Rand, lengths: DerivedLengths) -> TuakDerived {
        let state = self.derive(rand, lengths);
        TuakDerived {
            res: state.octets(LANE_RES_MAC, lengths.res.octets()),
            ck: state.octets(LANE_CK, lengths.ck.octets()),
            ik: state.octets(LANE_IK, lengths.ik.octets()),
            ak: state.anonymity_key(),
        }
    }

    /// f5*: AK for a resynchronisation.
    #[must_use]
    pub fn f5_star(&self, rand: &Rand) -> Ak {
        self.run(F5_STAR, rand, 0).anonymity_key()
    }

    fn mac(&self, function: u8, rand: &Rand, sqn: Sqn, amf: Amf, length: MacLength) -> State {
        let sqn_amf = sqn.value() << 16 | u64::from(u16::from_be_bytes(amf.0));
        self.run(function | length.instance(), rand, sqn_amf)
    }

    fn derive(&self, rand: &Rand, lengths: DerivedLengths) -> State {
        let ck = if lengths.ck == KeyLength::Bits256 { 0x04 } else { 0 };
        let ik = if lengths.ik == KeyLength::Bits256 { 0x02 } else { 0 };
        self.run(F2345 | lengths.res.instance() | ck | ik, rand, 0)
    }

    fn run(&self, instance: u8, rand: &Rand, sqn_amf: u64) -> State {
        let mut state = self.base.clone();
        let rand = u128::from_be_bytes(rand.0);
        let [_, _, _, _, name, rand_low, rand_high, lane_7, ..] = &mut *state.0;
        *name |= u64::from(instance);
        *rand_low = low_lane(rand);
        *rand_high = low_lane(rand >> 64);
        *lane_7 = sqn_amf;
        state.permute(self.iterations);
        state
    }
}

impl fmt::Debug for TuakFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TuakFunctions")
    }
}

/// TUAK as AKA carries it: MAC of 64 bits, CK and IK of 128 bits, RES as the operator chose.
#[derive(Debug)]
pub struct Tuak {
    functions: TuakFunctions,
    res: ResLength,
}

impl Tuak {
    /// From K (16 or 32 octets), TOPc, the length of RES and the number of Keccak iterations (1 or more).
    pub fn new(k: &[u8], topc: &Secret<32>, res: ResLength, iterations: u8) -> Result<Self, AkaKeyError> {
        Ok(Self { functions: TuakFunctions::new(k, topc, iterations)?, res })
    }

    /// As [`Tuak::new`], from TOP.
    pub fn from_top(k: &[u8], top: &Secret<32>, res: ResLength, iterations: u8) -> Result<Self, AkaKeyError> {
        Self::new(k, &topc_from_top(k, top, iterations)?, res, iterations)
    }
}

impl AkaAlgorithm for Tuak {
    fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Mac {
        self.functions.mac(MAC_A, rand, sqn, amf, MacLength::Bits64).short_mac()
    }

    fn f1_star(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Mac {
        self.functions.mac(MAC_S, rand, sqn, amf, MacLength::Bits64).short_mac()
    }

    fn f2345(&self, rand: &Rand) -> Derived {
        let lengths = DerivedLengths { res: self.res, ck: KeyLength::Bits128, ik: KeyLength::Bits128 };
        let state = self.functions.derive(rand, lengths);
        let [_, _, _, _, ck_low, ck_high, _, _, ik_low, ik_high, ..] = *state.0;
        Derived {
            res: Res::from_algorithm(state.octets(LANE_RES_MAC, self.res.octets())),
            ck: Ck::new(two_lanes(ck_high, ck_low)),
            ik: Ik::new(two_lanes(ik_high, ik_low)),
            ak: state.anonymity_key(),
        }
    }

    fn f5_star(&self, rand: &Rand) -> Ak {
        self.functions.f5_star(rand)
    }
}

/// TOPc of TOP under K (16 or 32 octets); the number of iterations goes into it (TS 35.231 clause 6).
pub fn topc_from_top(k: &[u8], top: &Secret<32>, iterations: u8) -> Result<Secret<32>, AkaKeyError> {
    let iterations = NonZeroU8::new(iterations).ok_or(AkaKeyError::Iterations)?;
    let mut state = State::new(k, top)?;
    state.permute(iterations);
    let [low, second, third, high, ..] = *state.0;
    let mut topc = Zeroizing::new([0; 32]);
    for (octets, lane) in topc.as_chunks_mut::<8>().0.iter_mut().zip([high, third, second, low]) {
        *octets = lane.to_be_bytes();
    }
    Ok(Secret::new(*topc))
}

impl MacLength {
    const fn octets(self) -> usize {
        match self {
            Self::Bits64 => 8,
            Self::Bits128 => 16,
            Self::Bits256 => 32,
        }
    }

    const fn instance(self) -> u8 {
        match self {
            Self::Bits64 => 0x08,
            Self::Bits128 => 0x10,
            Self::Bits256 => 0x20,
        }
    }
}

impl ResLength {
    /// The length that has this many octets: 4, 8, 16 or 32.
    #[must_use]
    pub const fn from_octets(octets: u8) -> Option<Self> {
        match octets {
            4 => Some(Self::Bits32),
            8 => Some(Self::Bits64),
            16 => Some(Self::Bits128),
            32 => Some(Self::Bits256),
            _ => None,
        }
    }

    /// How many octets RES has.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
            Self::Bits128 => 16,
            Self::Bits256 => 32,
        }
    }

    const fn instance(self) -> u8 {
        match self {
            Self::Bits32 => 0x00,
            Self::Bits64 => 0x08,
            Self::Bits128 => 0x10,
            Self::Bits256 => 0x20,
        }
    }
}

impl KeyLength {
    const fn octets(self) -> usize {
        match self {
            Self::Bits128 => 16,
            Self::Bits256 => 32,
        }
    }
}

// INSTANCE of each function, without its length bits and without the bit for a K of 256 bits (clause 6).
const MAC_A: u8 = 0x00;
const MAC_S: u8 = 0x80;
const F2345: u8 = 0x40;
const F5_STAR: u8 = 0xc0;

/// INSTANCE bit for a K of 256 bits.
const LONG_K: u64 = 0x01;

// First lanes of the outputs.
const LANE_RES_MAC: usize = 0;
const LANE_CK: usize = 4;
const LANE_IK: usize = 8;

/// The 25 lanes, wiped when dropped.
#[derive(Clone)]
struct State(Zeroizing<[u64; 25]>);

impl State {
    /// What all functions of one subscriber have in common.
    fn new(k: &[u8], top: &Secret<32>) -> Result<Self, AkaKeyError> {
        let lane = |octets: &[u8; 8]| u64::from_be_bytes(*octets);
        let (long, [k3, k2, k1, k0]) = match k.as_chunks::<8>() {
            ([a, b], []) => (0, [lane(b), lane(a), 0, 0]),
            ([a, b, c, d], []) => (LONG_K, [lane(d), lane(c), lane(b), lane(a)]),
            _ => return Err(AkaKeyError::KLength(k.len())),
        };
        let mut lanes = Zeroizing::new([0; 25]);
        for (lane, octets) in lanes.iter_mut().zip(top.danger_expose().as_chunks::<8>().0.iter().rev()) {
            *lane = u64::from_be_bytes(*octets);
        }
        let [_, _, _, _, name, _, _, _, l8, l9, l10, l11, l12, _, _, _, l16, ..] = &mut *lanes;
        *name = u64::from_be_bytes(*b"TUAK1.0\0") | long;
        (*l8, *l9, *l10, *l11) = (k3, k2, k1, k0);
        *l12 = 0x1f;
        *l16 = 0x80 << 56;
        Ok(Self(lanes))
    }

    fn permute(&mut self, iterations: NonZeroU8) {
        Keccak::new().with_f1600(|permutation| {
            for _ in 0..iterations.get() {
                permutation(&mut self.0);
            }
        });
    }

    fn octets(&self, first_lane: usize, len: usize) -> SecretBytes {
        // The capacity is taken first so that no outgrown buffer is left behind unwiped.
        let mut octets = Vec::with_capacity(len);
        octets.extend(self.0.iter().skip(first_lane).flat_map(|lane| lane.to_le_bytes()).take(len));
        octets.reverse();
        octets.into()
    }

    fn short_mac(&self) -> Mac {
        let [lane, ..] = *self.0;
        Mac::new(lane.to_be_bytes())
    }

    fn anonymity_key(&self) -> Ak {
        let [_, _, _, _, _, _, _, _, _, _, _, _, lane, ..] = *self.0;
        let [_, _, ak @ ..] = lane.to_be_bytes();
        Ak::new(ak)
    }
}

/// The low 64 bits.
const fn low_lane(value: u128) -> u64 {
    value as u64
}

const fn two_lanes(high: u64, low: u64) -> [u8; 16] {
    ((high as u128) << 64 | low as u128).to_be_bytes()
}

#[cfg(test)]
mod tests;
