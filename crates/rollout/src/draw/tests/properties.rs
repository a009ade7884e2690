//! What holds for every key, weight and seed.

use super::*;
use crate::ranges::{self, Range};
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn any_share() -> impl Strategy<Value = Share> {
    let ppm = prop_oneof![0..=Share::WHOLE_PPM, 0..20_u32, Just(Share::WHOLE_PPM)];
    ppm.prop_map(|ppm| Share::from_ppm(ppm).unwrap())
}

fn sum(shares: &[Share]) -> Option<Share> {
    Share::from_ppm(shares.iter().map(|share| share.ppm()).sum())
}

proptest! {
    #[test]
    fn no_input_panics_or_yields_a_place_outside_the_whole(
        key in proptest::collection::vec(any::<u8>(), 0..300), seed in any::<[u64; 2]>(), now in any::<u64>(),
        count in any::<u64>(), weights in proptest::collection::vec(any_share(), 0..10),
    ) {
        let places = [
            place(Hash::Murmur3, &key),
            place(Hash::Sha256Percent, &key),
            random(seed, Timestamp::from_unix_nanos(now), count),
        ];
        for place in places {
            prop_assert!(place.ppm() < Share::WHOLE_PPM);
            let picked = pick(place, weights.iter().copied());
            prop_assert!(picked.is_none_or(|variant| weights[variant] > Share::NONE));
        }
    }

    #[test]
    fn whole_percents_draw_the_same_line_as_flagd(hash in any::<u32>(), percent in 0..=100_u32) {
        let flagd = (u64::from(hash) * 100) >> 32 < u64::from(percent);
        let ours = pick(Place::of_bits(hash), [Share::from_ppm(percent * 10_000).unwrap()]).is_some();
        prop_assert_eq!(flagd, ours);
    }

    #[test]
    fn portions_never_add_up_to_more_than_the_total_and_never_shrink_as_it_grows(
        weights in proptest::collection::vec(any_share(), 1..9), totals in any::<[u32; 2]>(),
    ) {
        // Scaled down, so that together they are a whole at most.
        let eighth = Share::from_ppm(Share::WHOLE_PPM / 8).unwrap();
        let weights: Vec<_> = weights.iter().map(|weight| weight.of(eighth)).collect();
        let sum_of_weights = sum(&weights).unwrap();
        let mut totals = totals.map(|total| Share::from_ppm(total % (Share::WHOLE_PPM + 1)).unwrap());
        totals.sort_unstable();
        let parts = totals.map(|total| {
            let part = |weight| portion(total, weight, sum_of_weights, weights.len());
            weights.iter().copied().map(part).collect::<Vec<_>>()
        });
        for (parts, total) in parts.iter().zip(totals) {
            let sum = sum(parts).unwrap();
            prop_assert!(sum <= total);
            // Rounding loses less than one in a million for each variant.
            prop_assert!(total.ppm() - sum.ppm() < weights.len() as u32);
        }
        prop_assert!(parts[0].iter().zip(&parts[1]).all(|(less, more)| less <= more));
    }

    #[test]
    fn no_portion_exceeds_the_total_even_of_weights_that_cannot_be(
        total in any_share(), weight in any_share(), sum in any_share(), count in any::<usize>(),
    ) {
        prop_assert!(portion(total, weight, sum, count) <= total);
    }

    #[test]
    fn ranges_that_are_open_all_the_way_give_the_same_variants(
        ppm in 0..Share::WHOLE_PPM, weights in proptest::collection::vec(any_share(), 0..9),
    ) {
        let ranges: Vec<_> = weights.iter().map(|weight| Range { planned: *weight, open: *weight }).collect();
        prop_assert_eq!(pick(at(ppm), weights), ranges::pick(at(ppm), &ranges));
    }
}
