//! Failures in simulated traffic.

use super::super::latency::Histogram;
use super::traffic::{Poisson, Random, Sliding};
use super::*;

const HOUR: u64 = 3600;
/// Ticks of 1 s in a slice of 6 s.
const SLICE: u64 = 6;

/// A canary and the stable variant, and their last minute.
struct Traffic {
    random: Random,
    /// Failures and good requests a second, of the canary and of the stable variant.
    flows: [Poisson; 4],
    window: Sliding<4>,
    ticks: u64,
}

/// Requests a second, and how many of a hundred fail.
#[derive(Clone, Copy)]
struct Flow(f64, f64);

impl Flow {
    fn parts(self) -> [Poisson; 2] {
        let failing = self.0 * self.1 / 100.0;
        [Poisson::new(failing), Poisson::new(self.0 - failing)]
    }
}

impl Traffic {
    fn new(seed: u64, canary: Flow, stable: Flow) -> Self {
        let ([a, b], [c, d]) = (canary.parts(), stable.parts());
        Self {
            random: Random(seed),
            flows: [a, b, c, d],
            window: Sliding::new(),
            ticks: 0,
        }
    }

    fn tick(&mut self) {
        if self.ticks.is_multiple_of(SLICE) {
            self.window.next();
        }
        self.ticks += 1;
        for (kind, flow) in self.flows.iter().enumerate() {
            self.window.add(kind, flow.draw(&mut self.random));
        }
    }

    fn judged(&self, guard: &Guard) -> Option<Breach> {
        let [a, b, c, d] = self.window.sum;
        guard.judge(&counts(a, a + b), &counts(c, c + d))
    }
}

fn counts(failures: u64, requests: u64) -> Counts {
    Counts {
        requests,
        failures,
        latency: Histogram::EMPTY,
    }
}

/// How often a guard trips in so many hours, judging every second. After a trip it looks away for the hold.
fn trips(guard: &Guard, seed: u64, hours: u64, canary: Flow, stable: Flow) -> u64 {
    let mut traffic = Traffic::new(seed, canary, stable);
    let (mut trips, mut until) = (0, 0);
    while traffic.ticks < hours * HOUR {
        traffic.tick();
        if traffic.ticks >= until && traffic.judged(guard).is_some() {
            trips += 1;
            until = traffic.ticks + guard.on_trip.hold.as_secs();
        }
    }
    trips
}

/// In how many of a thousand runs a canary that was as good as the stable variant and turns bad is caught within two
/// windows.
fn caught(guard: &Guard, canary: Flow, stable: Flow) -> u32 {
    let window = guard.window.as_secs();
    let mut caught = 0;
    for seed in 0..1000 {
        let good = Flow(canary.0, stable.1);
        let mut traffic = Traffic::new(seed, good, stable);
        // It turns bad at any point of a slice.
        for _ in 0..window + SLICE + seed % SLICE {
            traffic.tick();
        }
        let [a, b] = canary.parts();
        traffic.flows[0] = a;
        traffic.flows[1] = b;
        caught += u32::from((0..2 * window).any(|_| {
            traffic.tick();
            traffic.judged(guard).is_some()
        }));
    }
    caught
}

#[test]
fn measure() {
    let var = |n: &str| std::env::var(n).ok();
    let hours: u64 = var("HOURS").map_or(1000, |h| h.parse().unwrap());
    let seed: u64 = var("SEED").map_or(1, |h| h.parse().unwrap());
    let both = guard();
    let max = Guard {
        error_rate: Some(ErrorRate {
            above_stable: None,
            ..both.error_rate.unwrap()
        }),
        ..both
    };
    let above = Guard {
        error_rate: Some(ErrorRate {
            max: None,
            ..both.error_rate.unwrap()
        }),
        ..both
    };
    for (c, s) in [
        (0.84, 7.56),
        (0.84, 0.84),
        (1.0, 9.0),
        (1.0, 1.0),
        (3.0, 27.0),
        (3.0, 3.0),
        (10.0, 90.0),
        (10.0, 10.0),
        (100.0, 900.0),
    ] {
        let t = std::time::Instant::now();
        print!("{c}:{s}");
        for (name, g) in [("both", &both), ("max", &max), ("above", &above)] {
            print!(" | {name} caught {}", caught(g, Flow(c, 20.0), Flow(s, 1.0)));
        }
        print!(
            " | both 1v1 {} 2v2 {} 3v3 {}",
            trips(&both, seed, hours, Flow(c, 1.0), Flow(s, 1.0)),
            trips(&both, seed, hours, Flow(c, 2.0), Flow(s, 2.0)),
            trips(&both, seed, hours, Flow(c, 3.0), Flow(s, 3.0))
        );
        print!(
            " | max 4v4 {} 5v5 {} 3v1 {} 4v1 {}",
            trips(&max, seed, hours, Flow(c, 4.0), Flow(s, 4.0)),
            trips(&max, seed, hours, Flow(c, 5.0), Flow(s, 5.0)),
            trips(&max, seed, hours, Flow(c, 3.0), Flow(s, 1.0)),
            trips(&max, seed, hours, Flow(c, 4.0), Flow(s, 1.0))
        );
        println!(
            " | above 20v20 {} 2v1 {} {:?}",
            trips(&above, seed, hours, Flow(c, 20.0), Flow(s, 20.0)),
            trips(&above, seed, hours, Flow(c, 2.0), Flow(s, 1.0)),
            t.elapsed()
        );
    }
}
