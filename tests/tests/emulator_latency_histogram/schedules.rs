//! Hundreds of schedules of two, three and four workers which see new values of a label at one instant, and merge their part of
//! the windows at one instant: a value has one number for all, no request is lost or counted twice, and a window holds what all
//! have counted.
//!
//! A store on which compare-and-swap does nothing must be caught by the same check; otherwise the check shows nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fairlead_emulator::{CompiledModule, Emulator, Request, Response};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{
    BUCKET, FILTER, MICROS, MS, QUANTILE, TICK, admitted, answered, counts, faults, metrics, one, racing,
    recorded, series, settle, slo, version, with,
};

/// How many values of the label there may be, and how many are sent.
const MAX: usize = 4;
const VALUES: usize = 7;
/// How often each worker sends each value.
const ROUNDS: usize = 4;

fn config() -> Value {
    json!({
        "labels": {"variant": {"header": "x-version", "max": MAX}},
        "unit": "us",
        "buckets": ["3ms", "100ms"],
        "slos": [{"name": "all", "threshold": "3ms", "objective": "90%"}],
        "quantiles": {"of": ["50%"], "window": "60s", "by": ["variant"]},
    })
}

/// The value takes so many milliseconds that it is known by its time as well.
fn valued(value: usize) -> Request {
    let after = MS * (value as u32 + 1);
    version(Request::get("/"), format!("v{value}")).upstream(Response::new(200).after(after))
}

/// One schedule. `Err` says what was not as it should be.
fn race(module: &CompiledModule, seed: u64, workers: usize, broken: bool) -> Result<Emulator, String> {
    let mut proxy = racing(module, seed, workers, &config());
    if broken {
        proxy.ignore_compare_and_swap();
    }
    for round in 0..ROUNDS {
        let at = proxy.now();
        for turn in 0..VALUES {
            for worker in 0..workers {
                // Each worker begins with another value.
                let value = (turn + 2 * worker + round) % VALUES;
                proxy.request(at, valued(value).worker(worker));
            }
        }
        // All merge at one instant.
        let report = proxy.advance(TICK);
        assert_eq!(report.faults, [], "{:?}", report.logs);
    }
    settle(&mut proxy);
    let mut wrong = Vec::new();
    let mut check = |right: bool, what: &str, found: &dyn std::fmt::Debug| {
        if !right {
            wrong.push(format!("{what}: {found:?}"));
        }
    };
    let each = (workers * ROUNDS) as u64;
    let known = admitted(&proxy, "variant/x-version");
    let distinct: BTreeSet<&String> = known.iter().collect();
    check(distinct.len() == MAX && known.len() == MAX, "admitted", &known);
    let others = (VALUES - MAX) as u64 * each;
    let mut expected: BTreeMap<String, u64> = known
        .iter()
        .map(|value| (format!("variant={value}"), each))
        .collect();
    expected.insert("variant=_other".to_owned(), others);
    let found = counts(&proxy, MICROS);
    check(found == expected, "recorded", &found);
    for (tag, values) in recorded(&proxy, MICROS) {
        if let Some(value) = tag.strip_prefix("variant=v") {
            let micros = (value.parse::<u64>().expect("a number") + 1) * 1000;
            check(values.iter().all(|one| *one == micros), &tag, &values);
            let median = one(&proxy, &tag, "p50", QUANTILE);
            check(median == micros, "median", &(tag, median));
        }
    }
    for (name, cache) in [
        (BUCKET, "+Inf"),
        ("request_exact_microseconds_count", ""),
        ("window_requests", ""),
    ] {
        let found = series(&proxy, name, cache);
        check(found == expected, name, &found);
    }
    let overflow = one(&proxy, "", "variant", "label_overflow_total");
    check(overflow == others, "overflow", &overflow);
    let all = VALUES as u64 * each;
    let found = slo(&proxy, "all");
    check(found == (all, 3 * each), "objective", &found);
    if wrong.is_empty() {
        Ok(proxy)
    } else {
        Err(format!("seed {seed}, {workers} workers: {}", wrong.join("; ")))
    }
}

#[test]
fn under_no_schedule_has_a_value_two_numbers_or_is_a_request_lost() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for (workers, seeds) in [(2, 200), (3, 100), (4, 50)] {
        let mut schedules = BTreeSet::new();
        let (mut retries, mut size) = (0, None);
        for seed in 0..seeds {
            let proxy = race(&module, seed, workers, false).unwrap_or_else(|wrong| panic!("{wrong}"));
            schedules.insert(proxy.trace_hash());
            retries += faults(&proxy, "cas_retry");
            assert_eq!(faults(&proxy, "cas_exhausted"), 0, "seed {seed}");
            let found = metrics(&proxy);
            assert_eq!(*size.get_or_insert(found), found, "seed {seed}");
        }
        // The schedules differ, and workers do get in each other's way.
        let different = schedules.len() as u64;
        assert!(
            different * 10 > seeds * 9,
            "{different} different schedules of {seeds}"
        );
        assert!(retries > seeds, "{retries} lost races");
    }
}

#[test]
fn a_store_without_compare_and_swap_is_caught() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let caught = (0..100).filter(|seed| race(&module, *seed, 3, true).is_err());
    let caught = caught.count();
    assert!(
        caught > 50,
        "only {caught} of 100 schedules showed that the store was broken"
    );
}

#[test]
fn every_request_is_counted_once_whatever_worker_it_was_on() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let config = with(
        config(),
        json!({"labels": {"status_class": true, "variant": {"header": "x-version", "max": 2}}}),
    );
    for seed in 0..20 {
        let mut proxy = racing(&module, seed, 3, &config);
        let mut versions = BTreeMap::new();
        for n in 0_u64..600 {
            let status = [200, 404, 500][(n * 7 + seed) as usize % 3];
            let after = Duration::from_millis(n % 40);
            let name = format!("v{}", (n / 7 + seed) % 4);
            let mut request = version(answered(status), &name).upstream(Response::new(status).after(after));
            if n % 11 == 0 {
                request = request.abort_after(after / 2);
            }
            // Ticks fall in between.
            let id = proxy.request(Duration::from_millis(5 * n), request);
            versions.insert(id, name);
        }
        let report = proxy.run();
        assert_eq!(report.faults, [], "{:?}", report.logs);
        settle(&mut proxy);
        let known = admitted(&proxy, "variant/x-version");
        let (mut expected, mut by_version) = (BTreeMap::new(), BTreeMap::new());
        for outcome in &report.outcomes {
            let class = outcome
                .status
                .map_or("none".to_owned(), |status| format!("{}xx", status / 100));
            let name = Some(&versions[&outcome.id]).filter(|name| known.contains(*name));
            let name = name.map_or("_other", String::as_str);
            *expected
                .entry(format!("status={class},variant={name}"))
                .or_insert(0) += 1;
            *by_version.entry(format!("variant={name}")).or_insert(0) += 1;
        }
        assert!(expected.len() == 12, "{expected:?}");
        assert_eq!(counts(&proxy, MICROS), expected, "seed {seed}");
        assert_eq!(series(&proxy, BUCKET, "+Inf"), expected, "seed {seed}");
        assert_eq!(series(&proxy, "window_requests", ""), by_version, "seed {seed}");
        assert_eq!(slo(&proxy, "all").0, 600, "seed {seed}");
    }
}
