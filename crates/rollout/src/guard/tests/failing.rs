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

/// The guard with one of its two bounds.
fn only(max: bool) -> Guard {
    let bounds = ErrorRate {
        max: Some(share("5%")).filter(|_| max),
        above_stable: Some(share("2%")).filter(|_| !max),
    };
    Guard {
        error_rate: Some(bounds),
        ..guard()
    }
}

fn never_trips(guard: &Guard, volumes: &[(f64, f64)]) {
    for (canary, stable) in volumes {
        let trips = trips(guard, 1, 1000, Flow(*canary, 1.0), Flow(*stable, 1.0));
        assert_eq!(trips, 0, "{canary} and {stable} requests a second");
    }
}

#[test]
fn equal_variants_do_not_trip_in_a_thousand_hours() {
    never_trips(
        &guard(),
        &[(0.84, 7.56), (1.0, 9.0), (10.0, 90.0), (100.0, 900.0)],
    );
}

#[test]
fn equal_halves_do_not_trip_in_a_thousand_hours() {
    never_trips(&guard(), &[(0.84, 0.84), (1.0, 1.0), (10.0, 10.0)]);
}

#[test]
fn a_guard_of_five_requests_does_not_trip_for_equal_variants_either() {
    let five = Guard {
        minimum_requests: 5,
        ..guard()
    };
    never_trips(&five, &[(0.1, 0.9), (1.0, 9.0)]);
    assert!(caught(&five, Flow(0.1, 100.0), Flow(0.9, 1.0)) >= 960);
}

#[test]
fn one_in_five_against_one_in_a_hundred_trips_within_two_windows() {
    // Requests a second of the canary and the stable variant; caught of a thousand by both bounds, by `max` alone, and
    // by `or_above_stable_by` alone. The first are 50 requests a window.
    for (canary, stable, least) in [
        (0.84, 7.56, [950, 910, 950]),
        (0.84, 0.84, [740, 740, 80]),
        (1.0, 9.0, [990, 970, 990]),
        (1.0, 1.0, [870, 870, 200]),
        (3.0, 27.0, [1000, 1000, 1000]),
        (3.0, 3.0, [1000, 1000, 995]),
        (100.0, 900.0, [1000, 1000, 1000]),
    ] {
        let guards = [guard(), only(true), only(false)];
        let caught = guards.map(|guard| caught(&guard, Flow(canary, 20.0), Flow(stable, 1.0)));
        assert!(
            caught.iter().zip(least).all(|(caught, least)| *caught >= least),
            "{canary} and {stable} requests a second: {caught:?} of 1000"
        );
    }
}

#[test]
fn a_number_needs_no_stable_traffic() {
    assert!(caught(&only(true), Flow(1.0, 20.0), Flow(0.0, 1.0)) >= 870);
    assert_eq!(caught(&only(true), Flow(3.0, 20.0), Flow(0.0, 1.0)), 1000);
    // Nor is a bad stable variant an excuse.
    assert_eq!(caught(&only(true), Flow(3.0, 20.0), Flow(27.0, 20.0)), 1000);
}

#[test]
fn a_canary_a_little_better_than_its_bound_is_mostly_left_alone() {
    for (canary, percent, stable, most) in [
        // 4 % with `max: 5%`, a good stable variant.
        (1.0, 4.0, Flow(9.0, 1.0), 15),
        (10.0, 4.0, Flow(90.0, 1.0), 1),
        // The same with one that is as bad.
        (1.0, 4.0, Flow(9.0, 4.0), 2),
        // At the bound.
        (1.0, 5.0, Flow(9.0, 5.0), 7),
    ] {
        let trips = trips(&only(true), 1, 200, Flow(canary, percent), stable);
        assert!(
            trips <= most,
            "{percent} % at {canary} requests a second: {trips} in 200 hours"
        );
    }
}

#[test]
fn the_simulated_window_counts_what_stored_ones_count() {
    let mut traffic = Traffic::new(3, Flow(5.0, 10.0), Flow(20.0, 5.0));
    let windows = guard().windows();
    let mut stored: Option<Vec<u8>> = None;
    let mut random = Random(3);
    for second in 0..200 {
        traffic.tick();
        // The same draws, one request after the other.
        let [bad, good, ..] = [0, 1, 2, 3].map(|flow| traffic.flows[flow].draw(&mut random));
        let mut pending: Option<Vec<u8>> = None;
        for request in 0..bad + good {
            let outcome = Outcome {
                failed: request < bad,
                latency: None,
            };
            let mut new = Vec::new();
            windows.record(pending.as_deref(), outcome, &mut new);
            pending = Some(new);
        }
        let now = at(START + second * SECOND);
        let mut new = Vec::new();
        if let fairlead_stage::Step::Write(()) =
            windows.merge(stored.as_deref(), &pending.unwrap_or_default(), now, &mut new)
        {
            stored = Some(new);
        }
        let [failures, good, ..] = traffic.window.sum;
        let expected = counts(failures, failures + good);
        assert_eq!(
            windows.counts(stored.as_deref(), now, at(0)),
            expected,
            "at {second} s"
        );
    }
}
