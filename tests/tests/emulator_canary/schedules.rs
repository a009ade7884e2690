//! The guard under hundreds of schedules of two and of three workers, which count, merge and judge at one instant: it trips
//! once, on the evidence of all, and no outcome is lost.
//!
//! A store on which compare-and-swap does nothing must be caught by the same check; otherwise the check shows nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use fairlead_emulator::{CompiledModule, Emulator, Response};
use fairlead_tests::modules;
use serde_json::json;

use crate::rig::{FILTER, count, drawn, faults, gauge, logged, release, send, start, user, with};

/// A user who is drawn at 50 % in release `r`, and one who is not.
const IN: &str = "bob";
const OUT: &str = "ann";
/// What each worker sends to the canary, and to the default variant, between two ticks.
const EACH: usize = 4;
/// After so many ticks, and not before, is there enough to judge, if none of it is lost.
const TICKS: usize = 5;
const TICK: Duration = Duration::from_secs(1);

/// One schedule. `Err` says what the workers did not agree on.
fn race(module: &CompiledModule, seed: u64, workers: usize, broken: bool) -> Result<Emulator, String> {
    let sent = workers * EACH * TICKS;
    let guard = json!({
        "window": "10s",
        "minimum_requests": sent,
        "error_rate": {"max": "10%"},
        "on_trip": {"hold": "1h"},
    });
    let config = with(release("r", "50%"), json!({"guard": guard}));
    let builder = Emulator::builder().workers(workers).interleave(seed);
    let mut proxy = start(
        builder.interleave_window(Duration::from_micros(10)),
        module,
        &config,
    );
    if broken {
        proxy.ignore_compare_and_swap();
    }
    let mut logs = Vec::new();
    for _ in 0..TICKS {
        let at = proxy.now() + TICK / 2;
        for n in 0..workers * EACH {
            let request = |id: &str, status| {
                let request = user(id).worker(n % workers);
                request.upstream(Response::new(status))
            };
            proxy.request(at, request(IN, if n % 4 == 3 { 200 } else { 503 }));
            proxy.request(at, request(OUT, 200));
        }
        // At the tick the workers merge at one instant, and judge.
        logs.extend(proxy.advance(TICK).logs);
    }
    logs.extend(proxy.advance(TICK).logs);
    let tripped = logs.iter().filter(|line| line.message.contains("guard_tripped"));
    let tripped = tripped.count();
    let report = send(&mut proxy, (0..workers).map(|worker| user(IN).worker(worker)));
    let still_in = drawn(&report).into_iter().filter(|is_in| *is_in).count();
    let told = |variant, outcome| count(&proxy, Some(variant), outcome, "outcomes_total") as usize;
    let found = (
        count(&proxy, Some("v2"), "error_rate", "guard_trips_total"),
        tripped,
        still_in,
        [
            told("v2", "failure"),
            told("v2", "success"),
            told("stable", "success"),
        ],
    );
    if found == (1, 1, 0, [sent * 3 / 4, sent / 4, sent]) {
        Ok(proxy)
    } else {
        Err(format!(
            "seed {seed}, {workers} workers: trips, lines, workers that go on, outcomes: {found:?}"
        ))
    }
}

#[test]
fn under_no_schedule_does_the_guard_trip_twice_or_too_late_or_lose_an_outcome() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for workers in [2, 3] {
        let mut schedules = BTreeSet::new();
        let mut retries = 0;
        for seed in 0..200 {
            let proxy = race(&module, seed, workers, false).unwrap_or_else(|wrong| panic!("{wrong}"));
            schedules.insert(proxy.trace_hash());
            retries += faults(&proxy, "cas_retry");
            assert_eq!(faults(&proxy, "cas_exhausted"), 0, "seed {seed}");
            assert_eq!(gauge(&proxy, "v2", "guard_state"), Some(1), "seed {seed}");
        }
        // The schedules differ, and workers do get in each other's way.
        assert!(schedules.len() > 150, "{} different schedules", schedules.len());
        assert!(retries > 200, "{retries} lost races");
    }
}

#[test]
fn a_store_without_compare_and_swap_is_caught() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let caught = (0..200)
        .filter(|seed| race(&module, *seed, 3, true).is_err())
        .count();
    assert!(
        caught > 100,
        "only {caught} of 200 schedules showed that the store was broken"
    );
}

#[test]
fn every_outcome_is_counted_once_whatever_worker_it_was_on() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    // Never trips: the counts alone matter.
    let guard = json!({"window": "10s", "minimum_requests": 1_000_000, "error_rate": {"max": "1%"}, "latency": {"max": "1s"}});
    let config = with(release("r", "50%"), json!({"guard": guard}));
    for seed in 0..20 {
        let builder = Emulator::builder().workers(3).interleave(seed);
        let mut proxy = start(
            builder.interleave_window(Duration::from_micros(500)),
            &module,
            &config,
        );
        let mut expected = std::collections::BTreeMap::new();
        for n in 0_u64..600 {
            let status = if (n * 7 + seed) % 5 == 0 { 500 } else { 200 };
            let after = Duration::from_millis(n % 40);
            let leaves = n % 11 == 0;
            let mut request = user(format!("user-{n}")).upstream(Response::new(status).after(after));
            if leaves {
                request = request.abort_after(after / 2);
            }
            // Ticks fall in between.
            proxy.request(Duration::from_millis(5 * n), request);
        }
        let report = proxy.run();
        for (outcome, is_in) in report.outcomes.iter().zip(drawn(&report)) {
            let key = (if is_in { "v2" } else { "stable" }, outcome.status);
            *expected.entry(key).or_insert(0) += 1;
        }
        proxy.advance(2 * TICK);
        for variant in ["v2", "stable"] {
            let of = |status| expected.get(&(variant, status)).copied().unwrap_or(0_u64);
            let told = |outcome, name| count(&proxy, Some(variant), outcome, name);
            assert_eq!(
                (
                    told("success", "outcomes_total"),
                    told("failure", "outcomes_total"),
                    told("sticky", "exposures_total")
                ),
                (
                    of(Some(200)),
                    of(Some(500)),
                    of(Some(200)) + of(Some(500)) + of(None)
                ),
                "seed {seed}, {variant}"
            );
            assert!(of(None) > 0 && of(Some(500)) > 0, "{expected:?}");
        }
        assert_eq!(logged(&report, "guard_"), []);
    }
}
