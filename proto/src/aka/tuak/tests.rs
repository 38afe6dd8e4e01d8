use super::super::known_answers::{self, TuakSet};
use super::*;
use keccak::State1600;
use proptest::prelude::*;

const MAC_LENGTHS: [MacLength; 3] = [MacLength::Bits64, MacLength::Bits128, MacLength::Bits256];
const RES_LENGTHS: [ResLength; 4] =
    [ResLength::Bits32, ResLength::Bits64, ResLength::Bits128, ResLength::Bits256];
const KEY_LENGTHS: [KeyLength; 2] = [KeyLength::Bits128, KeyLength::Bits256];

fn all_lengths() -> impl Iterator<Item = DerivedLengths> {
    RES_LENGTHS.into_iter().flat_map(|res| {
        KEY_LENGTHS
            .into_iter()
            .flat_map(move |ck| KEY_LENGTHS.into_iter().map(move |ik| DerivedLengths { res, ck, ik }))
    })
}

fn of_bits<L: Copy>(lengths: &[L], octets: fn(L) -> usize, bits: u64) -> L {
    *lengths.iter().find(|length| octets(**length) as u64 * 8 == bits).unwrap()
}

#[test]
fn every_published_set_gives_every_output() {
    let sets = known_answers::tuak();
    assert_eq!(sets.len(), 6);
    for set in sets {
        let TuakSet { k, top, topc, iterations, rand, sqn, amf, bits: [mac, res, ck, ik], .. } = set;
        assert_eq!(topc_from_top(k.danger_expose(), &top, iterations).unwrap(), topc);
        let functions = TuakFunctions::new(k.danger_expose(), &topc, iterations).unwrap();
        let mac = of_bits(&MAC_LENGTHS, MacLength::octets, mac);
        assert_eq!(functions.f1(&rand, sqn, amf, mac), set.f1);
        assert_eq!(functions.f1_star(&rand, sqn, amf, mac), set.f1_star);
        let lengths = DerivedLengths {
            res: of_bits(&RES_LENGTHS, ResLength::octets, res),
            ck: of_bits(&KEY_LENGTHS, KeyLength::octets, ck),
            ik: of_bits(&KEY_LENGTHS, KeyLength::octets, ik),
        };
        let TuakDerived { res, ck, ik, ak } = functions.f2345(&rand, lengths);
        assert_eq!((res, ck, ik, ak), (set.f2, set.f3, set.f4, set.f5));
        assert_eq!(functions.f5_star(&rand), set.f5_star);
    }
}

#[test]
fn operational_use_is_the_functions_at_the_lengths_of_aka() {
    for TuakSet { k, top, topc, iterations, rand, sqn, amf, .. } in known_answers::tuak() {
        let k = k.danger_expose();
        let functions = TuakFunctions::new(k, &topc, iterations).unwrap();
        for res in RES_LENGTHS {
            for tuak in [Tuak::new(k, &topc, res, iterations), Tuak::from_top(k, &top, res, iterations)] {
                let tuak = tuak.unwrap();
                let f1 = functions.f1(&rand, sqn, amf, MacLength::Bits64);
                assert_eq!(tuak.f1(&rand, sqn, amf).danger_expose(), f1.danger_expose());
                let f1_star = functions.f1_star(&rand, sqn, amf, MacLength::Bits64);
                assert_eq!(tuak.f1_star(&rand, sqn, amf).danger_expose(), f1_star.danger_expose());
                let lengths = DerivedLengths { res, ck: KeyLength::Bits128, ik: KeyLength::Bits128 };
                let expected = functions.f2345(&rand, lengths);
                let (mac, derived) = tuak.f12345(&rand, sqn, amf);
                assert_eq!(mac, tuak.f1(&rand, sqn, amf));
                for Derived { res, ck, ik, ak } in [derived, tuak.f2345(&rand)] {
                    assert_eq!(res.danger_expose(), expected.res.danger_expose());
                    assert_eq!(ck.danger_expose(), expected.ck.danger_expose());
                    assert_eq!(ik.danger_expose(), expected.ik.danger_expose());
                    assert_eq!(ak, expected.ak);
                }
                assert_eq!(tuak.f5_star(&rand), functions.f5_star(&rand));
            }
        }
    }
}

#[test]
fn a_set_with_the_lengths_of_aka_holds_for_operational_use() {
    let set = known_answers::tuak().into_iter().find(|set| set.bits == [64, 32, 128, 128]).unwrap();
    let tuak = Tuak::new(set.k.danger_expose(), &set.topc, ResLength::Bits32, set.iterations).unwrap();
    assert_eq!(tuak.f1(&set.rand, set.sqn, set.amf).danger_expose(), set.f1.danger_expose());
    assert_eq!(tuak.f1_star(&set.rand, set.sqn, set.amf).danger_expose(), set.f1_star.danger_expose());
    let derived = tuak.f2345(&set.rand);
    assert_eq!(derived.res.danger_expose(), set.f2.danger_expose());
    assert_eq!(derived.ck.danger_expose(), set.f3.danger_expose());
    assert_eq!(derived.ik.danger_expose(), set.f4.danger_expose());
}

#[test]
fn debug_shows_no_key() {
    let tuak = Tuak::new(&[0xab; 16], &Secret::new([0xcd; 32]), ResLength::Bits64, 1).unwrap();
    assert_eq!(format!("{tuak:?}"), "Tuak { functions: TuakFunctions, res: Bits64 }");
}

/// The state octet by octet, as the specification's figure has it, apart from the permutation.
struct Figure {
    octets: [u8; 200],
}

impl Figure {
    fn run(fields: &[(usize, &[u8])], iterations: u8) -> Self {
        let mut octets = [0; 200];
        let padding: [(usize, &[u8]); 3] = [(33, b"TUAK1.0"), (96, &[0x1f]), (135, &[0x80])];
        for (offset, field) in fields.iter().chain(&padding) {
            for (place, octet) in octets[*offset..].iter_mut().zip(field.iter().rev()) {
                *place = *octet;
            }
        }
        let mut lanes: State1600 = [0; 25];
        for (lane, octets) in lanes.iter_mut().zip(octets.as_chunks::<8>().0) {
            *lane = u64::from_le_bytes(*octets);
        }
        Keccak::new().with_f1600(|permutation| (0..iterations).for_each(|_| permutation(&mut lanes)));
        for (octets, lane) in octets.as_chunks_mut::<8>().0.iter_mut().zip(lanes) {
            *octets = lane.to_le_bytes();
        }
        Self { octets }
    }

    fn output(&self, offset: usize, len: usize) -> Vec<u8> {
        self.octets[offset..offset + len].iter().rev().copied().collect()
    }
}

proptest! {
    #[test]
    fn the_lanes_are_the_figure_at_every_length(
        k in prop_oneof![Just(16), Just(32)].prop_flat_map(|len| proptest::collection::vec(any::<u8>(), len)),
        top: [u8; 32], rand: [u8; 16], sqn: [u8; 6], amf: [u8; 2], iterations in 1u8..4,
    ) {
        let k_bit = u8::from(k.len() == 32);
        let topc = Figure::run(&[(0, &top), (32, &[k_bit]), (64, &k)], iterations).output(0, 32);
        let ours = topc_from_top(&k, &Secret::new(top), iterations).unwrap();
        prop_assert_eq!(ours.danger_expose().as_slice(), &topc);

        let functions = TuakFunctions::new(&k, &ours, iterations).unwrap();
        let figure = |instance: u8, sqn: &[u8], amf: &[u8]| {
            let instance = [instance | k_bit];
            let fields = [(0, &*topc), (32, &instance), (40, &rand), (56, amf), (58, sqn), (64, &k)];
            Figure::run(&fields, iterations)
        };
        for (length, bits) in MAC_LENGTHS.into_iter().zip([0x08, 0x10, 0x20]) {
            let len = length.octets();
            let f1 = functions.f1(&Rand(rand), Sqn::from_octets(sqn), Amf(amf), length);
            prop_assert_eq!(f1.danger_expose(), figure(bits, &sqn, &amf).output(0, len));
            let f1_star = functions.f1_star(&Rand(rand), Sqn::from_octets(sqn), Amf(amf), length);
            prop_assert_eq!(f1_star.danger_expose(), figure(0x80 | bits, &sqn, &amf).output(0, len));
        }
        for lengths in all_lengths() {
            let res = match lengths.res.octets() { 4 => 0x00, 8 => 0x08, 16 => 0x10, _ => 0x20 };
            let ck = if lengths.ck.octets() == 32 { 0x04 } else { 0 };
            let ik = if lengths.ik.octets() == 32 { 0x02 } else { 0 };
            let expected = figure(0x40 | res | ck | ik, &[0; 6], &[0; 2]);
            let derived = functions.f2345(&Rand(rand), lengths);
            prop_assert_eq!(derived.res.danger_expose(), expected.output(0, lengths.res.octets()));
            prop_assert_eq!(derived.ck.danger_expose(), expected.output(32, lengths.ck.octets()));
            prop_assert_eq!(derived.ik.danger_expose(), expected.output(64, lengths.ik.octets()));
            prop_assert_eq!(derived.ak.danger_expose().as_slice(), expected.output(96, 6));
        }
        let f5_star = figure(0xc0, &[0; 6], &[0; 2]).output(96, 6);
        prop_assert_eq!(Some(functions.f5_star(&Rand(rand))), Ak::try_from(&*f5_star).ok());
    }
}
