//! Latencies in simulated traffic, judged once a slice.

use super::super::latency::{BUCKETS, Histogram};
use super::traffic::{Mix, Random, Sliding, log_normal};
use super::*;

/// Windows of a minute in an hour, and slices in one.
const HOUR: u64 = 600;
const SLICE: f64 = 6.0;
const MEDIAN_MICROS: f64 = 21_300.0;

/// One variant's traffic, and its last minute.
struct Variant {
    buckets: Mix,
    window: Sliding<BUCKETS>,
}

impl Variant {
    /// So many requests a second, so much slower than the median, and how wide their latencies are spread.
    fn new(a_second: f64, slower: f64, sigma: f64) -> Self {
        let means = log_normal(a_second * SLICE, MEDIAN_MICROS * slower, sigma);
        Self {
            buckets: Mix::new(&means),
            window: Sliding::new(),
        }
    }

    fn slice(&mut self, random: &mut Random) {
        self.window.next();
        let window = &mut self.window;
        self.buckets
            .draw(random, |bucket, count| window.add(bucket, count));
    }

    fn counts(&self) -> Counts {
        Counts {
            requests: self.window.sum.iter().sum(),
            failures: 0,
            latency: Histogram::of(&self.window.sum),
        }
    }
}

fn judged(guard: &Guard, canary: &Variant, stable: &Variant) -> bool {
    guard.judge(&canary.counts(), &stable.counts()).is_some()
}

/// How often a guard trips in so many hours. After a trip it looks away for the hold.
fn trips(guard: &Guard, seed: u64, hours: u64, mut canary: Variant, mut stable: Variant) -> u64 {
    let mut random = Random(seed);
    let (mut trips, mut until) = (0, 0);
    for slice in 0..hours * HOUR {
        canary.slice(&mut random);
        stable.slice(&mut random);
        if slice >= until && judged(guard, &canary, &stable) {
            trips += 1;
            until = slice + 100;
        }
    }
    trips
}

/// In how many of a hundred runs a canary that becomes slower is caught within two windows.
fn caught(guard: &Guard, a_second: f64, slower: f64, sigma: f64) -> u32 {
    let mut caught = 0;
    for seed in 0..100 {
        let mut random = Random(seed);
        let mut canary = Variant::new(a_second, 1.0, sigma);
        let mut stable = Variant::new(9.0 * a_second, 1.0, sigma);
        for _ in 0..11 {
            canary.slice(&mut random);
            stable.slice(&mut random);
        }
        canary.buckets = Variant::new(a_second, slower, sigma).buckets;
        caught += u32::from((0..20).any(|_| {
            canary.slice(&mut random);
            stable.slice(&mut random);
            judged(guard, &canary, &stable)
        }));
    }
    caught
}

/// A ratio of 1.5, at so many requests a second of the canary and nine times as many of the stable variant.
fn trips_when(slower: f64, hours: u64, a_second: f64, sigma: f64) -> u64 {
    trips(
        &latency_guard(None, Some(1500)),
        1,
        hours,
        Variant::new(a_second, slower, sigma),
        Variant::new(9.0 * a_second, 1.0, sigma),
    )
}

#[test]
fn equally_fast_variants_do_not_trip_in_a_thousand_hours() {
    assert_eq!(trips_when(1.0, 1000, 1.0, 0.5), 0);
    assert_eq!(trips_when(1.0, 1000, 10.0, 1.0), 0);
}

#[test]
fn equally_fast_variants_do_not_trip_the_narrowest_ratio_and_the_highest_quantile() {
    let mut guard = latency_guard(Some(Duration::from_millis(150)), Some(1010));
    if let Some(latency) = &mut guard.latency {
        latency.quantile = share("99.9%");
    }
    let variant = |a_second| Variant::new(a_second, 1.0, 0.5);
    assert_eq!(trips(&guard, 1, 300, variant(1.0), variant(9.0)), 0);
}

#[test]
fn a_canary_twice_as_slow_trips_within_two_windows() {
    let guard = latency_guard(None, Some(1500));
    // A sigma of 0.5 is a p95 of 2.3 times the median, one of 1 of 5.2 times.
    for (sigma, a_second, least) in [
        (0.3, 1.0, 95),
        (0.5, 1.0, 70),
        (0.5, 3.0, 92),
        (0.5, 10.0, 100),
        (1.0, 10.0, 85),
        (1.0, 30.0, 100),
    ] {
        let caught = caught(&guard, a_second, 2.0, sigma);
        assert!(
            caught >= least,
            "{caught} of 100 at {a_second} requests a second, sigma {sigma}"
        );
    }
}

#[test]
fn a_number_bounds_latency_too() {
    // p95 of the good ones is 48 ms, that of the slow ones 97 ms.
    let guard = latency_guard(Some(Duration::from_millis(70)), None);
    assert_eq!(caught(&guard, 10.0, 2.0, 0.5), 100);
    let equal = || Variant::new(10.0, 1.0, 0.5);
    assert_eq!(trips(&guard, 1, 300, equal(), equal()), 0);
}

#[test]
fn a_canary_a_little_faster_than_its_bound_is_mostly_left_alone() {
    assert!(trips_when(1.2, 200, 1.0, 0.5) <= 1);
    assert!(trips_when(1.4, 100, 1.0, 0.5) <= 30);
    assert!(trips_when(1.4, 100, 10.0, 0.5) <= 1);
}
