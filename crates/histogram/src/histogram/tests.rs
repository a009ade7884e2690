use super::*;
use crate::tests::{near, nearest_rank, scale, share};
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn of(scale: Scale, values: &[u64]) -> Histogram {
    let mut histogram = Histogram::new(scale);
    values.iter().for_each(|value| histogram.record(*value));
    histogram
}

/// Six buckets of 1 to 6 values, made coarser: OpenTelemetry's Go SDK, re-expressed.
#[test]
fn neighbours_are_joined_as_opentelemetry_joins_them() {
    for (start, by, new_start, joined) in [
        (0, 0, 0, vec![1, 2, 3, 4, 5, 6]),
        (0, 1, 0, vec![3, 7, 11]),
        (0, 2, 0, vec![10, 11]),
        (0, 3, 0, vec![21]),
        (5, 1, 2, vec![1, 5, 9, 6]),
        (5, 2, 1, vec![6, 15]),
        (7, 2, 1, vec![1, 14, 6]),
        (3, 3, 0, vec![15, 6]),
        (-3, 1, -2, vec![1, 5, 9, 6]),
        (-1, 1, -1, vec![1, 5, 9, 6]),
    ] {
        let mut histogram = Histogram::new(scale(8));
        for (index, count) in (start..).zip(1..=6) {
            histogram.add_at(index, count);
        }
        histogram.downscale(by);
        assert_eq!(histogram.scale(), scale(8 - by as i8));
        assert_eq!(
            histogram.dense(),
            (new_start, joined.as_slice()),
            "{start} by {by}"
        );
    }
}

#[test]
fn what_does_not_fit_makes_it_coarser_by_as_little_as_needed() {
    let mut histogram = Histogram::with_max_buckets(scale(3), 16);
    histogram.record(1000);
    histogram.record(3700);
    assert_eq!(histogram.scale(), scale(3));
    histogram.record(4400);
    assert_eq!(histogram.scale(), scale(2));
    histogram.record(u64::MAX);
    assert_eq!(histogram.scale(), scale(-2));
    histogram.record(1);
    assert_eq!((histogram.scale(), histogram.count()), (scale(-3), 5));
    let all: u64 = histogram.buckets().map(|(_, count)| count).sum();
    assert_eq!(all, 5);
}

#[test]
fn all_values_fit_into_five_buckets() {
    let mut histogram = Histogram::with_max_buckets(scale(8), 0);
    for exponent in 0..64 {
        histogram.record(1 << exponent);
    }
    histogram.record(u64::MAX);
    assert_eq!(histogram.scale(), Scale::MIN);
    assert_eq!(
        histogram.buckets().collect::<Vec<_>>(),
        [(-1, 1), (0, 16), (1, 16), (2, 16), (3, 16)]
    );
}

#[test]
fn one_millisecond_and_sixteen_minutes_fit_at_the_default_scale() {
    let histogram = of(Scale::DEFAULT, &[1_000, 960_000_000]);
    assert_eq!(histogram.scale(), Scale::DEFAULT);
    let histogram = of(Scale::DEFAULT, &[1_000, 1_000_000_000]);
    assert_eq!(histogram.scale(), scale(2));
}

#[test]
fn nothing_says_nothing() {
    let none = Histogram::new(Scale::DEFAULT);
    assert_eq!(none.quantile(share("50%")), None);
    assert_eq!((none.min(), none.max(), none.mean()), (None, None, None));
    assert_eq!((none.count(), none.sum(), none.count_above(0)), (0, 0, 0));
    let mut still = none.clone();
    still.record_n(5, 0);
    still.merge(&none);
    assert_eq!(still, none);
}

#[test]
fn zeros_are_counted_apart() {
    let histogram = of(scale(3), &[0, 0, 0, 8]);
    assert_eq!((histogram.zero_count(), histogram.count()), (3, 4));
    assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(23, 1)]);
    for (text, quantile) in [("0%", 0), ("75%", 0), ("75.0001%", 8), ("100%", 8)] {
        assert_eq!(histogram.quantile(share(text)), Some(quantile), "{text}");
    }
    assert_eq!((histogram.count_above(0), histogram.min()), (1, Some(0)));
}

#[test]
fn counts_and_sums_stay_at_their_ends() {
    let mut histogram = Histogram::new(scale(3));
    histogram.record_n(1000, u64::MAX);
    histogram.record_n(1000, u64::MAX);
    histogram.record_n(0, u64::MAX);
    assert_eq!((histogram.count(), histogram.sum()), (u64::MAX, u64::MAX));
    let mut twice = histogram.clone();
    twice.merge(&histogram);
    assert_eq!(twice, histogram);
    for text in ["0%", "50%", "99.9999%", "100%"] {
        assert!(histogram.quantile(share(text)).is_some());
    }
    histogram.downscale(u32::MAX);
    assert_eq!(histogram.buckets().next(), Some((0, u64::MAX)));
}

#[test]
fn ranks_are_exact_at_any_count() {
    for count in [1, 2, 3, 999_999, 1_000_000, 1_000_001, u64::MAX - 1, u64::MAX] {
        for ppm in [0, 1, 500_000, 950_000, 999_999, 1_000_000] {
            let exact = (u128::from(count) * ppm).div_ceil(1_000_000).max(1);
            let share = Share::from_ppm(ppm as u32).unwrap();
            assert_eq!(u128::from(rank(count, share)), exact, "{ppm} of {count}");
        }
    }
}

/// opossum takes the element `ceil(p * n) - 1` of all latencies, sorted, and the first one at 0. Below 369 each whole
/// number has a bucket of its own at scale 8, so that nothing may differ.
#[test]
fn quantiles_are_those_of_opossum() {
    for size in [1_u64, 2, 3, 7, 10, 99, 100, 101, 368] {
        let latencies: Vec<u64> = (1..=size).map(|n| (n * 7919) % 368 + 1).collect();
        let mut histogram = Histogram::with_max_buckets(scale(8), 4096);
        latencies.iter().for_each(|latency| histogram.record(*latency));
        let mut sorted = latencies;
        sorted.sort_unstable();
        for percent in [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 1.0] {
            let position = (percent * sorted.len() as f64).ceil() as usize;
            let exact = sorted[position.max(1) - 1];
            let share = Share::from_ppm((percent * 1e6) as u32).unwrap();
            assert_eq!(histogram.quantile(share), Some(exact), "{percent} of {size}");
        }
    }
}

#[test]
fn what_is_above_a_bound_is_certainly_above_it() {
    let histogram = of(scale(3), &[0, 500, 1000, 1001, 2000, 4000, 1_000_000]);
    for (bound, above) in [
        (0, 6),
        (1, 6),
        (1000, 3),
        (2000, 2),
        (1_000_000, 0),
        (u64::MAX, 0),
    ] {
        assert_eq!(histogram.count_above(bound), above, "{bound}");
    }
}

/// Values of all magnitudes, zeros among them.
fn values() -> impl Strategy<Value = Vec<u64>> {
    let value = (any::<u64>(), 0..=64_u32).prop_map(|(bits, shift)| bits.checked_shr(shift).unwrap_or(0));
    proptest::collection::vec(value, 0..60)
}

fn capped(number: i8, most: u32, values: &[u64]) -> Histogram {
    let mut histogram = Histogram::with_max_buckets(scale(number), most);
    values.iter().for_each(|value| histogram.record(*value));
    histogram
}

proptest! {
    #[test]
    fn quantiles_of_anything_are_as_near_as_promised(
        values in values(), number in -4..=8_i8, most in 0..200_u32, ppm in 0..=1_000_000_u32,
    ) {
        let histogram = capped(number, most, &values);
        let share = Share::from_ppm(ppm).unwrap();
        let mut sorted = values;
        sorted.sort_unstable();
        match histogram.quantile(share) {
            None => prop_assert!(sorted.is_empty()),
            Some(got) => {
                let exact = nearest_rank(&sorted, share);
                prop_assert!(near(got, exact, histogram.scale()), "{} is not {}", got, exact);
            }
        }
        prop_assert_eq!(histogram.min(), sorted.first().copied());
        prop_assert_eq!(histogram.max(), sorted.last().copied());
    }

    #[test]
    fn the_order_of_values_does_not_matter(values in values(), number in -4..=8_i8, most in 0..200_u32) {
        let mut turned = values.clone();
        turned.reverse();
        prop_assert_eq!(capped(number, most, &values), capped(number, most, &turned));
        turned.sort_unstable();
        prop_assert_eq!(capped(number, most, &values), capped(number, most, &turned));
    }

    #[test]
    fn merging_is_as_recording_all(
        one in values(), other in values(), number in -4..=8_i8, by in 0..4_i8, most in 0..200_u32,
    ) {
        let coarser = (number - by).max(-4);
        let mut merged = capped(number, most, &one);
        merged.merge(&capped(coarser, most, &other));
        let all = capped(coarser, most, &[one, other].concat());
        prop_assert_eq!(merged, all);
    }

    #[test]
    fn there_are_never_more_buckets_than_allowed(values in values(), number in -4..=8_i8, most in 5..200_u32) {
        let histogram = capped(number, most, &values);
        prop_assert!(histogram.dense().1.len() <= most as usize);
        let counted: u64 = histogram.buckets().map(|(_, count)| count).sum();
        prop_assert_eq!(counted + histogram.zero_count(), values.len() as u64);
        // Not coarser than needed.
        if histogram.scale() < scale(number) {
            let mut finer = Histogram::with_max_buckets(Scale::new(histogram.scale().get() + 1).unwrap(), 1 << 20);
            values.iter().for_each(|value| finer.record(*value));
            prop_assert!(finer.dense().1.len() > most as usize);
        }
    }
}
