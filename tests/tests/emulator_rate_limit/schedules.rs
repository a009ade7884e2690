//! The limit under a thousand different schedules of two and of three workers, which want the same keys at one instant.
//!
//! A store on which compare-and-swap does nothing must be caught by the same check; otherwise the check shows nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use fairlead_emulator::{CompiledModule, Emulator, RequestId};
use fairlead_tests::{modules, names};
use serde_json::json;

use crate::rig::{PLUGIN, counted, send, start, with_key};

/// What each key has.
const QUOTA: usize = 3;
/// What each worker asks of each key: more than one worker's share, so that all want the last unit.
const ASKED: usize = 3;
/// The key that is known before the race; the others are new.
const HOT: &str = "hot";
const KEYS: [&str; 4] = [HOT, "new-a", "new-b", "new-c"];

/// One schedule, in which the workers race for every key. `Err` says which key got what it should not.
fn race(module: &CompiledModule, seed: u64, workers: usize, broken: bool) -> Result<Emulator, String> {
    let rate = format!("{QUOTA}/h");
    // One set of eight slots: all keys are in one cell, and the losers of a race must not disturb other keys either.
    let config = json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": rate, "burst": QUOTA, "max_keys": 8},
    ]});
    let builder = Emulator::builder().workers(workers).interleave(seed);
    let mut proxy = start(
        builder.interleave_window(Duration::from_micros(10)),
        module,
        &config,
    );
    if broken {
        proxy.ignore_compare_and_swap();
    }
    let first = send(&mut proxy, [with_key(HOT).worker(0)]);
    let mut admitted = BTreeMap::from([(
        HOT,
        first.statuses().iter().filter(|status| **status == 200).count(),
    )]);
    let at = proxy.now() + Duration::from_millis(1);
    let mut asked: BTreeMap<RequestId, &str> = BTreeMap::new();
    for turn in 0..ASKED {
        for worker in 0..workers {
            for key in 0..KEYS.len() {
                // Each worker takes the keys in another order.
                let key = KEYS[(key + worker + turn) % KEYS.len()];
                asked.insert(proxy.request(at, with_key(key).worker(worker)), key);
            }
        }
    }
    let report = proxy.run();
    assert_eq!(report.faults, [], "seed {seed}: {:?}", report.logs);
    for outcome in &report.outcomes {
        let key = asked[&outcome.id];
        *admitted.entry(key).or_default() += usize::from(outcome.status == Some(200));
    }
    let exact = KEYS.iter().all(|key| admitted.get(key) == Some(&QUOTA));
    if exact {
        Ok(proxy)
    } else {
        Err(format!(
            "seed {seed}, {workers} workers: {admitted:?}, not {QUOTA} each"
        ))
    }
}

#[test]
fn no_schedule_admits_more_than_the_quota_and_each_uses_all_of_it() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    for workers in [2, 3] {
        let mut schedules = BTreeMap::new();
        let mut retries = 0;
        for seed in 0..1000 {
            let proxy = race(&module, seed, workers, false).unwrap_or_else(|wrong| panic!("{wrong}"));
            *schedules.entry(proxy.trace_hash()).or_insert(0) += 1;
            retries += proxy
                .counter(&names::faults("rate_limit", PLUGIN, "cas_retry"))
                .unwrap_or(0);
            let sent = 1 + ASKED * workers * KEYS.len();
            let told = counted(&proxy, "per-key", "admitted") + counted(&proxy, "per-key", "denied");
            assert_eq!(told, sent as u64, "seed {seed}");
            assert_eq!(
                proxy.counter(&names::faults("rate_limit", PLUGIN, "cas_exhausted")),
                Some(0),
                "seed {seed}"
            );
        }
        // The schedules differ, and workers do get in each other's way.
        assert!(schedules.len() > 900, "{} different schedules", schedules.len());
        assert!(retries > 1000, "{retries} lost races");
    }
}

#[test]
fn a_store_without_compare_and_swap_is_caught() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let caught = (0..1000)
        .filter(|seed| race(&module, *seed, 2, true).is_err())
        .count();
    assert!(
        caught > 500,
        "only {caught} of 1000 schedules showed that the store was broken"
    );
}
