//! The published test sets, read from `proto/testdata` (TS 35.208 clause 4, TS 35.233 clauses 6.3 to 6.8).

use super::milenage::Milenage;
use super::tuak::{ResLength, Tuak};
use super::{Ak, AkaAlgorithm, Amf, Autn, Auts, Ck, Ik, Mac, Rand, Res, Sqn};
use crate::hex;
use crate::secret::{Secret, SecretBytes};
use serde_json::Value;

pub(super) struct MilenageSet {
    pub(super) k: Secret<16>,
    pub(super) op: Secret<16>,
    pub(super) opc: Secret<16>,
    pub(super) rand: Rand,
    pub(super) sqn: Sqn,
    pub(super) amf: Amf,
    pub(super) f1: Mac,
    pub(super) f1_star: Mac,
    pub(super) f2: Res,
    pub(super) f3: Ck,
    pub(super) f4: Ik,
    pub(super) f5: Ak,
    pub(super) f5_star: Ak,
}

/// What follows from a MILENAGE set by TS 33.102, computed apart from this code.
pub(super) struct DerivedSet {
    pub(super) autn: Autn,
    pub(super) auts: Auts,
    pub(super) sres: [u8; 4],
    pub(super) kc: [u8; 8],
}

pub(super) struct TuakSet {
    pub(super) k: SecretBytes,
    pub(super) top: Secret<32>,
    pub(super) topc: Secret<32>,
    pub(super) iterations: u8,
    pub(super) rand: Rand,
    pub(super) sqn: Sqn,
    pub(super) amf: Amf,
    pub(super) f1: SecretBytes,
    pub(super) f1_star: SecretBytes,
    pub(super) f2: SecretBytes,
    pub(super) f3: SecretBytes,
    pub(super) f4: SecretBytes,
    pub(super) f5: Ak,
    pub(super) f5_star: Ak,
    /// Bits of MAC, RES, CK and IK as the set states them.
    pub(super) bits: [u64; 4],
}

pub(super) fn milenage() -> Vec<MilenageSet> {
    sets(MILENAGE)
        .iter()
        .map(|set| MilenageSet {
            k: Secret::new(array(set, "K")),
            op: Secret::new(array(set, "OP")),
            opc: Secret::new(array(set, "OPc")),
            rand: Rand(array(set, "RAND")),
            sqn: Sqn::from_octets(array(set, "SQN")),
            amf: Amf(array(set, "AMF")),
            f1: Mac::new(array(set, "f1")),
            f1_star: Mac::new(array(set, "f1star")),
            f2: Res::new(octets(set, "f2").danger_expose()).unwrap(),
            f3: Ck::new(array(set, "f3")),
            f4: Ik::new(array(set, "f4")),
            f5: Ak::new(array(set, "f5")),
            f5_star: Ak::new(array(set, "f5star")),
        })
        .collect()
}

pub(super) fn derived() -> Vec<DerivedSet> {
    sets(MILENAGE)
        .iter()
        .map(|set| &set["derived_not_in_spec"])
        .map(|set| DerivedSet {
            autn: Autn(array(set, "AUTN")),
            auts: Auts(array(set, "AUTS_if_SQNms_equals_SQN")),
            sres: array(set, "SRES_c2"),
            kc: array(set, "Kc_c3"),
        })
        .collect()
}

pub(super) fn tuak() -> Vec<TuakSet> {
    sets(TUAK)
        .iter()
        .map(|set| TuakSet {
            k: octets(set, "K"),
            top: Secret::new(array(set, "TOP")),
            topc: Secret::new(array(set, "TOPc")),
            iterations: set["keccak_iterations"].as_u64().unwrap().try_into().unwrap(),
            rand: Rand(array(set, "RAND")),
            sqn: Sqn::from_octets(array(set, "SQN")),
            amf: Amf(array(set, "AMF")),
            f1: octets(set, "f1"),
            f1_star: octets(set, "f1star"),
            f2: octets(set, "f2"),
            f3: octets(set, "f3"),
            f4: octets(set, "f4"),
            f5: Ak::new(array(set, "f5")),
            f5_star: Ak::new(array(set, "f5star")),
            bits: ["mac_len_bits", "res_len_bits", "ck_len_bits", "ik_len_bits"]
                .map(|name| set[name].as_u64().unwrap()),
        })
        .collect()
}

/// Every set as an algorithm for operational use, with the set's RAND, SQN and AMF.
pub(super) fn algorithms() -> Vec<(Box<dyn AkaAlgorithm>, Rand, Sqn, Amf)> {
    let milenage = milenage().into_iter().map(|set| {
        let algorithm: Box<dyn AkaAlgorithm> = Box::new(Milenage::new(&set.k, &set.opc));
        (algorithm, set.rand, set.sqn, set.amf)
    });
    let tuak = tuak().into_iter().map(|set| {
        let k = set.k.danger_expose();
        let tuak = Tuak::new(k, &set.topc, ResLength::Bits64, set.iterations).unwrap();
        let algorithm: Box<dyn AkaAlgorithm> = Box::new(tuak);
        (algorithm, set.rand, set.sqn, set.amf)
    });
    milenage.chain(tuak).collect()
}

const MILENAGE: &str = include_str!("../../testdata/milenage_ts35208.json");
const TUAK: &str = include_str!("../../testdata/tuak_ts35233.json");

fn sets(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["test_sets"].as_array().unwrap().clone()
}

fn octets(set: &Value, name: &str) -> SecretBytes {
    hex::decode_secret(set[name].as_str().unwrap()).unwrap()
}

fn array<const N: usize>(set: &Value, name: &str) -> [u8; N] {
    hex::decode_array(set[name].as_str().unwrap()).unwrap()
}
