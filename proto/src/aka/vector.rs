//! Authentication vectors: made by the AuC, checked by the card (TS 33.102 clause 6.3).
//!
//! [`generate`] and [`check_auts`] are the AuC's, [`verify`] and [`auts`] the card's. MACs are compared in
//! constant time.

use super::sqn::Freshness;
use super::{Ak, AkaAlgorithm, Amf, Autn, Auts, Ck, Derived, Ik, Rand, Res, Sqn};

/// What an AuC hands out for one authentication (TS 33.102 clause 6.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthVector {
    /// RAND.
    pub rand: Rand,
    /// AUTN, always the plain one; the BSF makes AUTN* of it where GBA_U needs it.
    pub autn: Autn,
    /// XRES.
    pub xres: Res,
    /// CK.
    pub ck: Ck,
    /// IK.
    pub ik: Ik,
}

/// What a card gets from an AUTN that it accepts.
#[derive(Debug, Clone)]
pub struct Verified {
    /// RES.
    pub res: Res,
    /// CK.
    pub ck: Ck,
    /// IK.
    pub ik: Ik,
    /// The sequence number that AUTN carried.
    pub sqn: Sqn,
}

/// Why a card refuses an AUTN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AutnError {
    /// MAC-A does not verify: the network does not know K, or the octets were changed.
    #[error("AUTN's MAC does not verify")]
    MacFailure,
    /// MAC-A verifies, but the sequence number is not fresh. The AUTS tells the network where the card is.
    #[error("AUTN's sequence number is not fresh")]
    SyncFailure(Auts),
}

/// Why an AuC refuses an AUTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("AUTS's MAC-S does not verify")]
pub struct AutsError;

/// Makes the vector of one RAND and one sequence number (TS 33.102 clause 6.3.2). Use neither a second time.
pub fn generate<A>(algorithm: &A, rand: Rand, sqn: Sqn, amf: Amf) -> AuthVector
where
    A: AkaAlgorithm + ?Sized,
{
    let (mac, Derived { res, ck, ik, ak }) = algorithm.f12345(&rand, sqn, amf);
    AuthVector { rand, autn: Autn::new(conceal(sqn, &ak), amf, &mac), xres: res, ck, ik }
}

/// Checks an AUTN as a card does (TS 33.102 clause 6.3.3): first its MAC, then whether its number is fresh.
///
/// `freshness` is asked only about a number whose MAC verifies; it remembers the number if it accepts it, as
/// [`SqnArray::accept`](super::sqn::SqnArray::accept) does. What it remembers must be stored before the answer
/// leaves the card.
pub fn verify<A>(
    algorithm: &A,
    rand: &Rand,
    autn: &Autn,
    freshness: impl FnOnce(Sqn) -> Freshness,
) -> Result<Verified, AutnError>
where
    A: AkaAlgorithm + ?Sized,
{
    verify_derived(algorithm, rand, autn, algorithm.f2345(rand), freshness)
}

/// As [`verify`], by a card that has already computed f2 to f5 for this RAND: one in GBA_U mode needs IK
/// before it can make AUTN of AUTN*.
pub fn verify_derived<A>(
    algorithm: &A,
    rand: &Rand,
    autn: &Autn,
    derived: Derived,
    freshness: impl FnOnce(Sqn) -> Freshness,
) -> Result<Verified, AutnError>
where
    A: AkaAlgorithm + ?Sized,
{
    let Derived { res, ck, ik, ak } = derived;
    let sqn = conceal(autn.concealed(), &ak);
    if algorithm.f1(rand, sqn, autn.amf()) != autn.mac() {
        return Err(AutnError::MacFailure);
    }
    match freshness(sqn) {
        Freshness::Accepted => Ok(Verified { res, ck, ik, sqn }),
        Freshness::Stale(sqn_ms) => Err(AutnError::SyncFailure(auts(algorithm, rand, sqn_ms))),
    }
}

/// The AUTS by which a card tells its highest accepted sequence number (TS 33.102 clause 6.3.3).
pub fn auts<A>(algorithm: &A, rand: &Rand, sqn_ms: Sqn) -> Auts
where
    A: AkaAlgorithm + ?Sized,
{
    let mac = algorithm.f1_star(rand, sqn_ms, Amf::RESYNC);
    Auts::new(conceal(sqn_ms, &algorithm.f5_star(rand)), &mac)
}

/// SQN_MS of an AUTS that answers this RAND, if its MAC-S verifies (TS 33.102 clause 6.3.5). On an error the
/// AuC's own number stays where it is.
pub fn check_auts<A>(algorithm: &A, rand: &Rand, auts: &Auts) -> Result<Sqn, AutsError>
where
    A: AkaAlgorithm + ?Sized,
{
    let sqn_ms = conceal(auts.concealed(), &algorithm.f5_star(rand));
    if algorithm.f1_star(rand, sqn_ms, Amf::RESYNC) == auts.mac() { Ok(sqn_ms) } else { Err(AutsError) }
}

/// SQN ⊕ AK, which is its own inverse.
fn conceal(sqn: Sqn, ak: &Ak) -> Sqn {
    let [a, b, c, d, e, f] = sqn.octets();
    let [g, h, i, j, k, l] = *ak.danger_expose();
    Sqn::from_octets([a ^ g, b ^ h, c ^ i, d ^ j, e ^ k, f ^ l])
}

#[cfg(test)]
mod tests {
    use super::super::AkaKey;
    use super::super::known_answers::{self, DerivedSet};
    use super::*;
    use crate::gba::autn_star;
    use proptest::prelude::*;

    fn accepted(_: Sqn) -> Freshness {
        Freshness::Accepted
    }

    #[test]
    fn every_published_set_gives_its_autn_and_auts() {
        let sets = known_answers::milenage().into_iter().zip(known_answers::derived());
        assert_eq!(sets.len(), 6);
        for (set, DerivedSet { autn, auts: expected, .. }) in sets {
            let key = AkaKey::Milenage { k: set.k, opc: set.opc };
            let algorithm = key.algorithm().unwrap();
            let vector = generate(&algorithm, set.rand, set.sqn, set.amf);
            assert_eq!((vector.rand, vector.autn), (set.rand, autn));
            assert_eq!((vector.xres, vector.ck, vector.ik), (set.f2, set.f3, set.f4));
            assert_eq!(auts(&algorithm, &set.rand, set.sqn), expected);
            assert_eq!(check_auts(&algorithm, &set.rand, &expected), Ok(set.sqn));
        }
    }

    #[test]
    fn a_card_accepts_the_vector_of_its_own_network_and_gets_the_same_keys() {
        for (algorithm, rand, sqn, amf) in known_answers::algorithms() {
            let vector = generate(&algorithm, rand, sqn, amf);
            let mut seen = None;
            let verified = verify(&algorithm, &rand, &vector.autn, |sqn| {
                seen = Some(sqn);
                Freshness::Accepted
            })
            .unwrap();
            assert_eq!((seen, verified.sqn, vector.autn.amf()), (Some(sqn), sqn, amf));
            assert_eq!((verified.res, verified.ck, verified.ik), (vector.xres, vector.ck, vector.ik));
        }
    }

    #[test]
    fn every_single_bit_error_in_autn_is_a_mac_failure_and_asks_nobody_about_freshness() {
        for (algorithm, rand, sqn, amf) in known_answers::algorithms() {
            let Autn(good) = generate(&algorithm, rand, sqn, amf).autn;
            for bit in 0..128 {
                let bad = Autn((u128::from_be_bytes(good) ^ 1 << bit).to_be_bytes());
                let outcome = verify(&algorithm, &rand, &bad, |_| unreachable!("bit {bit}"));
                assert_eq!(outcome.unwrap_err(), AutnError::MacFailure, "bit {bit}");
            }
        }
    }

    #[test]
    fn every_single_bit_error_in_auts_is_refused() {
        for (algorithm, rand, sqn_ms, _) in known_answers::algorithms() {
            let Auts(good) = auts(&algorithm, &rand, sqn_ms);
            assert_eq!(check_auts(&algorithm, &rand, &Auts(good)), Ok(sqn_ms));
            for bit in 0..112 {
                let mut bad = good;
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(check_auts(&algorithm, &rand, &Auts(bad)), Err(AutsError), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_token_belongs_to_its_rand() {
        for (algorithm, rand, sqn, amf) in known_answers::algorithms() {
            let autn = generate(&algorithm, rand, sqn, amf).autn;
            let auts = auts(&algorithm, &rand, sqn);
            for bit in 0..128 {
                let other = Rand((u128::from_be_bytes(rand.0) ^ 1 << bit).to_be_bytes());
                let outcome = verify(&algorithm, &other, &autn, accepted);
                assert_eq!(outcome.unwrap_err(), AutnError::MacFailure, "bit {bit}");
                assert_eq!(check_auts(&algorithm, &other, &auts), Err(AutsError), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_stale_number_is_answered_with_the_cards_own_and_the_mac_is_checked_before() {
        for (algorithm, rand, sqn, amf) in known_answers::algorithms() {
            let sqn_ms = Sqn::new(0x1234_5678_9abc).unwrap();
            let vector = generate(&algorithm, rand, sqn, amf);
            let outcome = verify(&algorithm, &rand, &vector.autn, |_| Freshness::Stale(sqn_ms));
            let Err(AutnError::SyncFailure(auts)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(check_auts(&algorithm, &rand, &auts), Ok(sqn_ms));
        }
    }

    #[test]
    fn a_gba_u_card_undoes_autn_star_and_a_plain_check_refuses_it() {
        for (algorithm, rand, sqn, amf) in known_answers::algorithms() {
            let vector = generate(&algorithm, rand, sqn, amf);
            let star = autn_star(vector.autn, &vector.ik);
            assert_eq!(verify(&algorithm, &rand, &star, accepted).unwrap_err(), AutnError::MacFailure);
            let derived = algorithm.f2345(&rand);
            let autn = autn_star(star, &derived.ik);
            let verified = verify_derived(&algorithm, &rand, &autn, derived, accepted).unwrap();
            assert_eq!((verified.sqn, verified.ck), (sqn, vector.ck));
        }
    }

    #[test]
    fn any_vector_verifies_and_any_auts_tells_its_number() {
        let algorithms = known_answers::algorithms();
        proptest!(|(rand: [u8; 16], sqn in 0..=Sqn::MAX, sqn_ms in 0..=Sqn::MAX, amf: [u8; 2])| {
            let (rand, sqn, sqn_ms) = (Rand(rand), Sqn::new(sqn).unwrap(), Sqn::new(sqn_ms).unwrap());
            for (algorithm, ..) in &algorithms {
                let vector = generate(algorithm, rand, sqn, Amf(amf));
                let verified = verify(algorithm, &rand, &vector.autn, accepted).unwrap();
                prop_assert_eq!(verified.sqn, sqn);
                let auts = auts(algorithm, &rand, sqn_ms);
                prop_assert_eq!(check_auts(algorithm, &rand, &auts), Ok(sqn_ms));
            }
        });
    }
}
