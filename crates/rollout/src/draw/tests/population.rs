//! What holds for many users at a time: the split, its fairness, its growth, and that releases draw independently.

use super::*;
use proptest::prelude::*;
use std::io::Write;
use std::sync::LazyLock;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The places of users under a salt.
fn places(hash: Hash, salt: &str, users: u32) -> Vec<Place> {
    let mut key = Vec::new();
    let mut place_of = |user: u32| {
        key.clear();
        write!(key, "{salt}user-{user}").unwrap();
        place(hash, &key)
    };
    (0..users).map(&mut place_of).collect()
}

/// How many places each variant gets, the default one last.
fn split(places: &[Place], weights: &[Share]) -> Vec<u32> {
    let mut counts = vec![0; weights.len() + 1];
    for place in places {
        counts[pick(*place, weights.iter().copied()).unwrap_or(weights.len())] += 1;
    }
    counts
}

/// The parts of the whole that [`split`] should find, the default's last.
fn expected(weights: &[Share]) -> Vec<f64> {
    let mut parts: Vec<f64> = weights.iter().map(|share| f64::from(share.ppm()) / 1e6).collect();
    parts.push((1.0 - parts.iter().sum::<f64>()).max(0.0));
    parts
}

fn assert_within_four_sigma(places: &[Place], weights: &str) {
    let users = places.len() as f64;
    let weights = shares(weights);
    for (count, part) in split(places, &weights).into_iter().zip(expected(&weights)) {
        let sigma = (users * part * (1.0 - part)).sqrt();
        let off = (f64::from(count) - users * part).abs();
        assert!(
            off <= 4.0 * sigma + 1e-6,
            "{weights:?}: {count} of {users} for {part}"
        );
    }
}

/// Pearson's chi-square of counts against what should be.
fn chi_square(counts: &[u32], parts: &[f64]) -> f64 {
    let all = f64::from(counts.iter().sum::<u32>());
    let terms = counts.iter().zip(parts).filter(|(_, part)| **part > 0.0);
    terms
        .map(|(count, part)| (f64::from(*count) - all * part).powi(2) / (all * part))
        .sum()
}

const WEIGHTS: [&str; 9] = [
    "50",
    "1",
    "0.01",
    "0.0001 99.9999",
    "10 20 30",
    "5 5",
    "33.3333 33.3333 33.3334",
    "12.5 12.5 12.5 12.5 12.5 12.5 12.5 12.5",
    "0 100",
];

#[test]
fn a_million_users_are_split_by_weight() {
    let places = places(Hash::Murmur3, "checkout-2026-11", 1_000_000);
    for weights in WEIGHTS {
        assert_within_four_sigma(&places, weights);
    }
}

#[test]
fn percents_of_sha256_are_split_by_weight() {
    let places = places(Hash::Sha256Percent, "", 20_000);
    for weights in ["1", "50", "10 20 30", "33 33 34", "0 100"] {
        assert_within_four_sigma(&places, weights);
    }
}

#[test]
fn draws_without_a_key_are_split_by_weight() {
    let now = Timestamp::from_unix_nanos(1_795_000_000_000_000_000);
    // In one instant, and one in each of many.
    let counted = (0..50_000).map(|count| random([7, 9], now, count));
    let instants = (0..50_000).map(|nanos| random([7, 9], Timestamp::from_unix_nanos(nanos), 0));
    for places in [counted.collect::<Vec<_>>(), instants.collect()] {
        for weights in WEIGHTS {
            assert_within_four_sigma(&places, weights);
        }
    }
}

#[test]
fn another_seed_draws_other_places() {
    let now = Timestamp::from_unix_nanos(1);
    let draws = |seed| (0..100).map(move |count| random(seed, now, count));
    let same = draws([1, 2])
        .zip(draws([1, 3]))
        .filter(|(one, other)| one == other);
    assert_eq!(same.count(), 0);
}

#[test]
fn the_split_passes_a_chi_square_test() {
    // Bounds that chance exceeds once in a thousand.
    for salt in ["", "checkout-2026-11", "checkout-2026-12", "b"] {
        let places = places(Hash::Murmur3, salt, 100_000);
        let weights = shares("10 20 30");
        let chi = chi_square(&split(&places, &weights), &expected(&weights));
        assert!(chi < 16.27, "{salt}: {chi} with 3 degrees of freedom");
        let percents = vec![share("1%"); 100];
        let chi = chi_square(&split(&places, &percents)[..100], &[0.01; 100]);
        assert!(chi < 148.23, "{salt}: {chi} with 99 degrees of freedom");
    }
}

#[test]
fn releases_draw_independently_of_one_another() {
    let releases = [
        "checkout-2026-11",
        "checkout-2026-12",
        "search-2026-11",
        "a",
        "b",
        "",
    ];
    let places = releases.map(|release| places(Hash::Murmur3, release, 100_000));
    let weight = shares("20");
    let drawn = |place: &Place| pick(*place, weight.iter().copied()).is_some();
    for (i, one) in places.iter().enumerate() {
        for other in &places[i + 1..] {
            let mut counts = [0; 4];
            for (one, other) in one.iter().zip(other) {
                counts[usize::from(drawn(one)) * 2 + usize::from(drawn(other))] += 1;
            }
            let chi = chi_square(&counts, &[0.64, 0.16, 0.16, 0.04]);
            assert!(chi < 16.27, "{counts:?}: {chi} with 3 degrees of freedom");
        }
    }
}

static USERS: LazyLock<Vec<Place>> = LazyLock::new(|| places(Hash::Murmur3, "checkout-2026-11", 100_000));

fn growing() -> impl Strategy<Value = Vec<Share>> {
    let ppm = prop_oneof![0..=Share::WHOLE_PPM, 0..50_000_u32];
    proptest::collection::vec(ppm, 2..6).prop_map(|mut steps| {
        steps.sort_unstable();
        steps
            .into_iter()
            .map(|ppm| Share::from_ppm(ppm).unwrap())
            .collect()
    })
}

proptest! {
    // Each case asks for 100,000 users.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn nobody_who_was_drawn_is_lost_as_a_ramp_grows(steps in growing()) {
        let ten = share("10%");
        let weights: Vec<_> = steps.iter().map(|total| portion(*total, ten, ten, 1)).collect();
        for place in USERS.iter() {
            let drawn = weights.iter().map(|weight| pick(*place, [*weight]).is_some());
            prop_assert!(drawn.is_sorted(), "{place:?} in {steps:?}");
        }
    }

    #[test]
    fn the_first_variant_keeps_its_users_whatever_the_others_weigh(
        steps in growing(), others in proptest::array::uniform6(0..=Share::WHOLE_PPM),
    ) {
        for place in USERS.iter() {
            let drawn = steps.iter().zip(others).map(|(first, other)| {
                pick(*place, [*first, Share::from_ppm(other).unwrap()]) == Some(0)
            });
            prop_assert!(drawn.is_sorted(), "{place:?} in {steps:?}");
        }
    }
}
