use super::super::known_answers;
use super::super::{AutnError, Rand, vector};
use super::*;
use proptest::prelude::*;
use std::num::NonZeroU64;

fn format() -> SqnFormat {
    SqnFormat::default()
}

fn sqn(seq: u64, ind: u8) -> Sqn {
    format().join(seq, ind).unwrap()
}

fn array() -> SqnArray {
    SqnArray::new(SqnPolicy::default())
}

#[test]
fn a_number_is_seq_then_ind() {
    let number = Sqn::from_octets([0xff, 0x9b, 0xb4, 0xd0, 0xb6, 0x07]);
    assert_eq!((format().seq(number), format().ind(number)), (0xff9b_b4d0_b607 >> 5, 7));
    assert_eq!(sqn(0xff9b_b4d0_b607 >> 5, 7), number);
    assert_eq!(number.octets(), [0xff, 0x9b, 0xb4, 0xd0, 0xb6, 0x07]);
    assert_eq!((format().seq_max(), format().ind_max()), ((1 << 43) - 1, 31));
    assert_eq!(sqn(format().seq_max(), 31).value(), Sqn::MAX);
}

#[test]
fn what_does_not_fit_is_no_number() {
    assert_eq!(Sqn::new(Sqn::MAX + 1), None);
    assert_eq!(format().join(1 << 43, 0), None);
    assert_eq!(format().join(0, 32), None);
    assert_eq!(SqnFormat::new(9), None);
    let without_ind = SqnFormat::new(0).unwrap();
    assert_eq!((without_ind.ind_max(), without_ind.seq_max()), (0, Sqn::MAX));
    assert_eq!((SqnFormat::new(8).unwrap().ind_max(), SqnFormat::new(1).unwrap().ind_max()), (255, 1));
}

#[test]
fn the_network_steps_seq_and_says_its_own_ind() {
    let generator = SqnGenerator::new(format(), 3).unwrap();
    assert_eq!(generator.next_after(Sqn::default()), Ok(sqn(1, 3)));
    assert_eq!(generator.next_after(sqn(1, 3)), Ok(sqn(2, 3)));
    assert_eq!(generator.next_after(sqn(7, 31)), Ok(sqn(8, 3)));
    assert_eq!(SqnGenerator::for_gba(format()).next_after(sqn(7, 0)), Ok(sqn(8, 31)));
    assert_eq!(SqnGenerator::new(format(), 32), None);
}

#[test]
fn a_reserved_block_ends_where_single_steps_lead() {
    let generator = SqnGenerator::for_gba(format());
    let mut stepped = sqn(100, 0);
    for _ in 0..64 {
        stepped = generator.next_after(stepped).unwrap();
    }
    assert_eq!(generator.advance(sqn(100, 0), NonZeroU64::new(64).unwrap()), Ok(stepped));
}

#[test]
fn the_network_stops_at_the_last_number_and_never_wraps() {
    for bits in 0..=8 {
        let format = SqnFormat::new(bits).unwrap();
        let generator = SqnGenerator::for_gba(format);
        let last = format.join(format.seq_max(), 0).unwrap();
        let before = format.join(format.seq_max() - 1, 0).unwrap();
        let next = generator.next_after(before).unwrap();
        assert_eq!((format.seq(next), format.ind(next)), (format.seq_max(), format.ind_max()));
        assert_eq!(generator.next_after(last), Err(SqnExhausted));
        assert_eq!(generator.next_after(Sqn::new(Sqn::MAX).unwrap()), Err(SqnExhausted));
        assert_eq!(generator.advance(before, NonZeroU64::new(2).unwrap()), Err(SqnExhausted));
        assert_eq!(generator.advance(Sqn::default(), NonZeroU64::MAX), Err(SqnExhausted));
        assert_eq!(generator.advance(last, NonZeroU64::MAX), Err(SqnExhausted));
    }
}

#[test]
fn a_card_takes_each_number_once() {
    let mut card = array();
    assert_eq!(card.highest(), Sqn::default());
    assert_eq!(card.accept(sqn(1, 31)), Freshness::Accepted);
    assert_eq!(card.accept(sqn(1, 31)), Freshness::Stale(sqn(1, 31)));
    assert_eq!(card.accept(sqn(2, 31)), Freshness::Accepted);
    assert_eq!(card.accept(sqn(1, 31)), Freshness::Stale(sqn(2, 31)));
    assert_eq!(card.highest(), sqn(2, 31));
}

#[test]
fn a_fresh_card_refuses_seq_zero_whatever_the_ind() {
    for ind in 0..=31 {
        assert_eq!(array().accept(sqn(0, ind)), Freshness::Stale(Sqn::default()));
    }
}

#[test]
fn each_ind_has_its_own_window() {
    let mut card = array();
    assert_eq!(card.accept(sqn(10, 0)), Freshness::Accepted);
    // A vector made before, for another domain, arrives after.
    assert_eq!(card.accept(sqn(9, 1)), Freshness::Accepted);
    assert_eq!(card.accept(sqn(9, 0)), Freshness::Stale(sqn(10, 0)));
    assert_eq!(card.accept(sqn(9, 1)), Freshness::Stale(sqn(10, 0)));
    assert_eq!(card.accept(sqn(10, 1)), Freshness::Accepted);
    assert_eq!(card.highest(), sqn(10, 1));
}

#[test]
fn looking_changes_nothing_and_a_refusal_neither() {
    let mut card = SqnArray::having_accepted(SqnPolicy::default(), sqn(5, 2));
    let before = card.clone();
    assert_eq!(card.check(sqn(6, 2)), Freshness::Accepted);
    assert_eq!(card.accept(sqn(5, 2)), Freshness::Stale(sqn(5, 2)));
    assert_eq!(card.accept(sqn(6 + DELTA, 2)), Freshness::Stale(sqn(5, 2)));
    assert_eq!(card, before);
}

#[test]
fn a_step_beyond_delta_is_refused_from_the_highest_number_of_any_ind() {
    let mut card = array();
    assert_eq!(card.accept(sqn(DELTA + 1, 0)), Freshness::Stale(Sqn::default()));
    assert_eq!(card.accept(sqn(DELTA, 0)), Freshness::Accepted);
    // IND 1 has accepted nothing, yet reaches as far as the highest of all allows.
    assert_eq!(card.check(sqn(2 * DELTA + 1, 1)), Freshness::Stale(sqn(DELTA, 0)));
    assert_eq!(card.accept(sqn(2 * DELTA, 1)), Freshness::Accepted);

    let small = SqnPolicy::default().with_delta(Some(3));
    let mut card = SqnArray::having_accepted(small, sqn(100, 0));
    assert_eq!(card.accept(sqn(104, 0)), Freshness::Stale(sqn(100, 0)));
    assert_eq!(card.accept(sqn(103, 0)), Freshness::Accepted);

    let mut card = SqnArray::new(SqnPolicy::default().with_delta(None));
    assert_eq!(card.accept(Sqn::new(Sqn::MAX).unwrap()), Freshness::Accepted);
}

#[test]
fn the_age_limit_refuses_old_numbers_of_idle_inds() {
    let policy = SqnPolicy::default().with_age_limit(Some(10));
    let mut card = SqnArray::having_accepted(policy, sqn(100, 0));
    assert_eq!(card.accept(sqn(90, 1)), Freshness::Stale(sqn(100, 0)));
    assert_eq!(card.accept(sqn(91, 1)), Freshness::Accepted);
    assert_eq!(card.accept(sqn(100, 2)), Freshness::Accepted);
    let mut card = SqnArray::having_accepted(policy.with_age_limit(None), sqn(100, 0));
    assert_eq!(card.accept(sqn(1, 1)), Freshness::Accepted);
    let mut card = SqnArray::having_accepted(policy.with_age_limit(Some(0)), sqn(100, 0));
    assert_eq!(card.accept(sqn(100, 1)), Freshness::Stale(sqn(100, 0)));
    assert_eq!(card.accept(sqn(101, 1)), Freshness::Accepted);
}

#[test]
fn a_card_at_the_end_of_seq_refuses_all_and_the_network_says_so() {
    let policy = SqnPolicy::default();
    let last = sqn(format().seq_max(), 31);
    let mut card = SqnArray::having_accepted(policy, last);
    for number in [Sqn::default(), sqn(1, 31), sqn(DELTA, 31), last] {
        assert_eq!(card.accept(number), Freshness::Stale(last));
    }
    let generator = SqnGenerator::for_gba(format());
    let resumed = generator.resynchronise(sqn(5, 31), last);
    assert_eq!((resumed, generator.next_after(resumed)), (last, Err(SqnExhausted)));
}

#[test]
fn the_network_goes_on_from_the_card_when_it_is_behind_or_too_far_ahead() {
    let generator = SqnGenerator::for_gba(format());
    let sqn_ms = sqn(1000, 4);
    for (seq_he, expected) in [
        (0, sqn_ms),
        (999, sqn_ms),
        (1000, sqn(1000, 31)),
        (1001, sqn(1001, 31)),
        (999 + DELTA, sqn(999 + DELTA, 31)),
        (1000 + DELTA, sqn_ms),
        (format().seq_max(), sqn_ms),
    ] {
        assert_eq!(generator.resynchronise(sqn(seq_he, 31), sqn_ms), expected, "{seq_he}");
    }
    let always = generator.with_delta(0);
    assert_eq!(always.resynchronise(sqn(1001, 31), sqn_ms), sqn_ms);
}

#[test]
fn after_one_auts_both_sides_agree_again() {
    let generator = SqnGenerator::for_gba(format());
    let card_at = |numbers: &[Sqn]| {
        let mut card = array();
        assert!(numbers.iter().all(|number| card.accept(*number) == Freshness::Accepted));
        card
    };
    for (algorithm, rand, _, amf) in known_answers::algorithms() {
        for (sqn_he, mut card, sqn_ms) in [
            (Sqn::default(), card_at(&[sqn(1, 31)]), sqn(1, 31)),
            (sqn(5, 31), card_at(&[sqn(900, 31)]), sqn(900, 31)),
            // Another domain's number is the highest: GBA goes on from there.
            (sqn(5, 31), card_at(&[sqn(10, 31), sqn(900, 2)]), sqn(900, 2)),
            // The network is too far ahead, as after a mistake in a subscriber file.
            (sqn(DELTA + 77, 31), card_at(&[sqn(5, 31)]), sqn(5, 31)),
            (sqn(format().seq_max() - 1, 31), card_at(&[sqn(5, 31)]), sqn(5, 31)),
            (sqn(DELTA, 31), card_at(&[]), Sqn::default()),
        ] {
            let first = generator.next_after(sqn_he).unwrap();
            let challenge = vector::generate(&algorithm, rand, first, amf);
            let refused = vector::verify(&algorithm, &rand, &challenge.autn, |sqn| card.accept(sqn));
            let Err(AutnError::SyncFailure(auts)) = refused else { panic!("{refused:?}") };

            let told = vector::check_auts(&algorithm, &rand, &auts).unwrap();
            assert_eq!(told, sqn_ms);
            let second = generator.next_after(generator.resynchronise(first, told)).unwrap();
            let again = Rand(rand.0.map(|octet| !octet));
            let challenge = vector::generate(&algorithm, again, second, amf);
            let verified = vector::verify(&algorithm, &again, &challenge.autn, |sqn| card.accept(sqn));
            assert_eq!(verified.unwrap().sqn, second);
            assert_eq!(card.highest(), second);
        }
    }
}

#[test]
fn an_array_survives_a_file() {
    for bits in 0..=8 {
        let format = SqnFormat::new(bits).unwrap();
        let policies = [
            SqnPolicy::new(format),
            SqnPolicy::new(format).with_delta(None).with_age_limit(Some(7)),
            SqnPolicy::new(format).with_delta(Some(Sqn::MAX)).with_age_limit(Some(u64::MAX)),
            SqnPolicy::new(format).with_delta(Some(0)).with_age_limit(Some(Sqn::MAX - 1)),
        ];
        for policy in policies {
            for number in [Sqn::default(), Sqn::new(0x1234_5678_9abc).unwrap(), Sqn::new(Sqn::MAX).unwrap()] {
                let array = SqnArray::having_accepted(policy, number);
                let octets = array.encode();
                assert_eq!(octets.len(), 13 + 6 * (usize::from(format.ind_max()) + 1));
                assert_eq!(SqnArray::decode(&octets), Ok(array));
            }
        }
    }
}

#[test]
fn a_damaged_file_is_an_error() {
    let octets = SqnArray::having_accepted(SqnPolicy::default(), sqn(1000, 4)).encode();
    assert_eq!(octets.len(), 205);
    for end in 0..octets.len() {
        assert!(matches!(SqnArray::decode(&octets[..end]), Err(SqnArrayError::Truncated(_))), "{end}");
    }
    let mut longer = octets.clone();
    longer.push(0);
    assert_eq!(SqnArray::decode(&longer), Err(SqnArrayError::Trailing(1)));
    let mut bad = octets.clone();
    bad[0] = 9;
    assert_eq!(SqnArray::decode(&bad), Err(SqnArrayError::IndBits(9)));
    let mut bad = octets;
    bad[13 + 6 * 4] = 0x08;
    assert_eq!(SqnArray::decode(&bad), Err(SqnArrayError::Entry(4)));
}

proptest! {
    #[test]
    fn no_number_is_accepted_twice_and_the_highest_never_falls(
        bits in 0u8..=8,
        numbers in proptest::collection::vec(0u64..4096, 1..200),
        delta in proptest::option::of(0u64..64),
        age_limit in proptest::option::of(0u64..64),
    ) {
        let policy =
            SqnPolicy::new(SqnFormat::new(bits).unwrap()).with_delta(delta).with_age_limit(age_limit);
        let mut card = SqnArray::new(policy);
        let mut accepted = std::collections::BTreeSet::new();
        for number in numbers {
            let number = Sqn::new(number).unwrap();
            let before = card.highest();
            match card.accept(number) {
                Freshness::Accepted => {
                    prop_assert!(accepted.insert(number));
                    prop_assert!(card.highest() >= before);
                }
                Freshness::Stale(sqn_ms) => prop_assert_eq!((sqn_ms, card.highest()), (before, before)),
            }
            prop_assert_eq!(card.highest(), accepted.last().copied().unwrap_or_default());
            prop_assert_eq!(SqnArray::decode(&card.encode()), Ok(card.clone()));
        }
    }

    #[test]
    fn the_number_after_a_resynchronisation_is_always_accepted(
        bits in 0u8..=8, sqn_he in 0..=Sqn::MAX, sqn_ms in 0..=Sqn::MAX, delta in 1..=DELTA, near: bool,
    ) {
        let format = SqnFormat::new(bits).unwrap();
        let sqn_ms = Sqn::new(sqn_ms).unwrap();
        let sqn_he = if near { sqn_ms.value().saturating_sub(sqn_he % 100) } else { sqn_he };
        let generator = SqnGenerator::for_gba(format).with_delta(delta);
        let card_policy = SqnPolicy::new(format).with_delta(Some(delta)).with_age_limit(Some(1));
        let card = SqnArray::having_accepted(card_policy, sqn_ms);
        let told = card.highest();
        match generator.next_after(generator.resynchronise(Sqn::new(sqn_he).unwrap(), told)) {
            Ok(next) => prop_assert_eq!(card.check(next), Freshness::Accepted),
            Err(SqnExhausted) => prop_assert_eq!(format.seq(told), format.seq_max()),
        }
    }

    #[test]
    fn any_octets_decode_or_fail_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(array) = SqnArray::decode(&octets) {
            prop_assert_eq!(array.encode(), octets);
        }
    }
}
