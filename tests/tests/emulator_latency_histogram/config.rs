//! Configs that are refused, what a bad update leaves as it was, and modes.

use fairlead_emulator::{Emulator, LogLevel, StartError};
use fairlead_tests::{modules, names};
use serde_json::{Value, json};

use crate::rig::{
    FILTER, MICROS, NAME, PLUGIN, TICK, accepted, answered, ask, assert_grown, begin, counting, exact, full,
    logged, metrics, plugin, series, settle, slo, start, total, update, version, window, with,
};

/// Three mistakes, all of which must be told.
fn bad(on_invalid_config: &str) -> Value {
    with(
        counting(),
        json!({"on_invalid_config": on_invalid_config, "buckets": ["10ms", "1ms"], "lables": {}, "quantiles": {"of": ["101%"]}}),
    )
}

fn rejected(proxy: &Emulator) -> Option<u64> {
    proxy.gauge(&names::metric(NAME, PLUGIN, None, None, "config_rejected"))
}

#[test]
fn a_bad_config_at_start_is_refused_with_every_mistake_in_the_log() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let built = Emulator::builder()
        .plugin(plugin(&module, &bad("refuse")))
        .build();
    let Err(StartError::Refused { logs, .. }) = built else {
        panic!("the proxy started")
    };
    let said = logs.iter().find(|line| line.level == LogLevel::Error);
    let said = said.expect("an error in the log");
    for part in [
        "latency_histogram edge: configuration refused:",
        "buckets[1]",
        "lables",
        "quantiles.of[0]",
    ] {
        assert!(said.message.contains(part), "no `{part}` in {}", said.message);
    }
}

#[test]
fn too_many_label_sets_are_refused_before_one_is_made() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let config = json!({"labels": {"route": {"name": true, "max": 1000}, "cluster": {"max": 1000}}});
    let built = Emulator::builder().plugin(plugin(&module, &config)).build();
    let Err(StartError::Refused { reason, .. }) = built else {
        panic!("the proxy started")
    };
    assert!(reason.contains("1004004"), "{reason}");
}

#[test]
fn with_pass_requests_pass_until_the_first_good_config() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &bad("pass"));
    assert_eq!(rejected(&proxy), Some(1));
    assert_eq!(ask(&mut proxy, vec![answered(200); 5]).statuses(), [200; 5]);
    accepted(&mut proxy, &counting());
    assert_eq!(rejected(&proxy), Some(0));
    ask(&mut proxy, vec![answered(200); 7]);
    settle(&mut proxy);
    assert_eq!((total(&proxy, MICROS), exact(&proxy), window(&proxy)), (7, 7, 7));
}

#[test]
fn a_bad_update_changes_nothing_of_what_counts() {
    for on_invalid_config in ["refuse", "pass"] {
        let Some(mut proxy) = begin(2, &counting()) else {
            return;
        };
        for round in 1..=3 {
            ask(&mut proxy, vec![answered(200); 10]);
            let before = proxy.metrics();
            let report = update(&mut proxy, &bad(on_invalid_config));
            assert!(!report.updates[0].accepted);
            assert_grown(&before, &proxy);
            // A config that was refused once is not tried again.
            let told = logged(&report, "configuration refused:").len();
            assert_eq!(told, usize::from(round == 1), "{:?}", report.logs);
            assert_eq!(rejected(&proxy), Some(1));
            settle(&mut proxy);
            let found = (
                total(&proxy, MICROS),
                exact(&proxy),
                window(&proxy),
                slo(&proxy, "fast"),
            );
            let all = 10 * round;
            assert_eq!(found, (all, all, all, (all, all)), "{on_invalid_config}");
        }
    }
}

#[test]
fn a_filter_that_is_off_does_nothing_at_all() {
    let Some(mut proxy) = begin(2, &with(full(), json!({"mode": "off"}))) else {
        return;
    };
    let before = (proxy.shared_data(""), metrics(&proxy));
    let report = ask(&mut proxy, vec![version(answered(503), "v1"); 10]);
    for outcome in &report.outcomes {
        assert_eq!(outcome.upstream_request.as_ref(), Some(&outcome.request));
        assert_eq!(outcome.counted, []);
    }
    proxy.advance(60 * TICK);
    assert_eq!((proxy.shared_data(""), metrics(&proxy)), before);
}

#[test]
fn shadow_counts_as_enforce_does() {
    let [enforced, shadow] = ["enforce", "shadow"].map(|mode| {
        let config = with(counting(), json!({"mode": mode}));
        let mut proxy = begin(2, &config)?;
        ask(&mut proxy, (0..20).map(|n| answered(200 + 100 * (n % 4))));
        settle(&mut proxy);
        let metrics = proxy.metrics();
        Some((
            metrics.counters,
            metrics.histograms,
            series(&proxy, "window_requests", ""),
        ))
    });
    assert_eq!(enforced, shadow);
}
