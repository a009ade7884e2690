//! Latencies in simulated traffic, judged once a slice.

use super::super::latency::{BUCKETS, Histogram};
use super::traffic::{Mix, Random, Sliding, log_normal};
use super::*;

/// Windows of a minute in an hour, and slices in one.
const HOUR: u64 = 600;
const SLICE: f64 = 6.0;
fn median() -> f64 { std::env::var("MEDIAN").map_or(21300.0, |x| x.parse().unwrap()) }

/// One variant's traffic, and its last minute.
struct Variant {
    buckets: Mix,
    window: Sliding<BUCKETS>,
}

impl Variant {
    /// So many requests a second, so much slower than the median, and how wide their latencies are spread.
    fn new(a_second: f64, slower: f64, sigma: f64) -> Self {
        let means = log_normal(a_second * SLICE, median() * slower, sigma);
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

#[test]
fn measure_slow() {
    let var = |n: &str| std::env::var(n).ok();
    let hours: u64 = var("HOURS").map_or(1000, |h| h.parse().unwrap());
    let seed: u64 = var("SEED").map_or(1, |h| h.parse().unwrap());
    let g = latency_guard(None, Some(1500));
    for sigma in [0.3, 0.5, 1.0] {
        for c in [1.0, 3.0, 10.0, 30.0, 100.0] {
            let t = std::time::Instant::now();
            print!(
                "{sigma} {c}: caught {} 3x {}",
                caught(&g, c, 2.0, sigma),
                caught(&g, c, 3.0, sigma)
            );
            if c > 11.0 {
                println!();
                continue;
            }
            let h = if c > 11.0 { hours / 10 } else { hours };
            let tr = |slow: f64, s: f64| {
                trips(
                    &g,
                    seed,
                    h,
                    Variant::new(c, slow, sigma),
                    Variant::new(c * s, 1.0, sigma),
                )
            };
            println!(
                " | equal {} 1:1 {} 1.2x {} 1.4x {} {:?}",
                tr(1.0, 9.0),
                tr(1.0, 1.0),
                tr(1.2, 9.0),
                tr(1.4, 9.0),
                t.elapsed()
            );
        }
    }
}
