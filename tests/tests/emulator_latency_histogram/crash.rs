//! What is left after a VM was lost: what was handed on stays, a tick of what was not is gone, values keep their numbers.

use std::collections::BTreeMap;

use fairlead_emulator::{Emulator, Event, FailurePolicy, FaultKind, Report, Request, Upstream};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{
    BUCKET, FILTER, MICROS, MS, PLUGIN, TICK, admitted, answered, assert_grown, counting, counts, one,
    plugin, send, series, settle, slo, sum, total, version, with,
};

fn begin(policy: FailurePolicy, workers: usize, config: &Value) -> Option<Emulator> {
    let module = modules::compiled(FILTER)?;
    let plugin = plugin(&module, config).failure_policy(policy);
    let proxy = Emulator::builder().workers(workers).plugin(plugin).build();
    let mut proxy = proxy.unwrap();
    // So that a reload is allowed at once.
    settle(&mut proxy);
    Some(proxy)
}

/// Ends the VM of a worker.
fn kill(proxy: &mut Emulator, worker: usize) {
    proxy.schedule(proxy.now(), Event::KillWorker { worker });
    proxy.run_until(proxy.now());
}

fn ask(proxy: &mut Emulator, worker: usize, count: usize) -> Report {
    let report = send(proxy, vec![answered(200).worker(worker); count]);
    assert!(report.faults.iter().all(|fault| fault.kind == FaultKind::Killed));
    report
}

#[test]
fn counters_do_not_fall_and_what_was_not_handed_on_is_all_that_is_lost() {
    let Some(mut proxy) = begin(FailurePolicy::FailReload, 2, &counting()) else {
        return;
    };
    ask(&mut proxy, 0, 10);
    ask(&mut proxy, 1, 5);
    settle(&mut proxy);
    // Of one worker, in one tick.
    ask(&mut proxy, 0, 3);
    ask(&mut proxy, 1, 4);
    let before = proxy.metrics();
    kill(&mut proxy, 0);
    let report = ask(&mut proxy, 0, 2);
    assert_eq!(report.statuses(), [200; 2]);
    assert_eq!(proxy.reloads(PLUGIN).success, 1);
    assert_grown(&before, &proxy);
    settle(&mut proxy);
    assert_grown(&before, &proxy);
    // The proxy's histogram and objectives are counted as requests end.
    assert_eq!(total(&proxy, MICROS), 24);
    assert_eq!(slo(&proxy, "fast"), (24, 24));
    assert_eq!(sum(&proxy, BUCKET, "+Inf"), 21);
    assert_eq!(
        one(&proxy, "status=2xx", "", "request_exact_microseconds_count"),
        21
    );
    assert_eq!(one(&proxy, "status=2xx", "", "window_requests"), 21);
}

#[test]
fn a_window_outlives_all_vms() {
    let Some(mut proxy) = begin(FailurePolicy::FailReload, 2, &counting()) else {
        return;
    };
    for worker in [0, 1] {
        ask(&mut proxy, worker, 10);
    }
    settle(&mut proxy);
    kill(&mut proxy, 0);
    kill(&mut proxy, 1);
    for worker in [0, 1] {
        ask(&mut proxy, worker, 1);
    }
    settle(&mut proxy);
    assert_eq!(one(&proxy, "status=2xx", "", "window_requests"), 22);
    assert_eq!(one(&proxy, "status=2xx", "p50", crate::rig::QUANTILE), 1000);
    assert_eq!(proxy.reloads(PLUGIN).success, 2);
}

#[test]
fn values_of_labels_keep_their_numbers_and_series_are_found_again() {
    let config = json!({
        "unit": "us",
        "labels": {"variant": {"header": "x-version", "max": 3}},
        "buckets": ["5ms"],
        "quantiles": {"of": ["50%"], "window": "60s", "by": ["variant"]},
    });
    let Some(mut proxy) = begin(FailurePolicy::FailReload, 2, &config) else {
        return;
    };
    for round in 1..=20_u64 {
        for worker in [0, 1] {
            // In another order each time.
            let start = round as usize * (worker + 1);
            let requests = (0..5).map(|n| {
                let value = format!("v{}", (start + n) % 5);
                version(answered(200), value).worker(worker)
            });
            let report = send(&mut proxy, requests);
            assert_eq!(report.statuses(), [200; 5]);
        }
        settle(&mut proxy);
        kill(&mut proxy, (round % 2) as usize);
    }
    let known = admitted(&proxy, "variant/x-version");
    assert_eq!(known, ["v1", "v2", "v3"]);
    let mut expected: BTreeMap<String, u64> = known
        .iter()
        .map(|value| (format!("variant={value}"), 40))
        .collect();
    expected.insert("variant=_other".to_owned(), 80);
    assert_eq!(counts(&proxy, MICROS), expected);
    assert_eq!(series(&proxy, BUCKET, "+Inf"), expected);
    assert_eq!(series(&proxy, "window_requests", "").len(), 4);
}

#[test]
fn streams_in_flight_on_a_lost_vm_are_lost_with_it_and_nothing_else() {
    let Some(mut proxy) = begin(FailurePolicy::FailReload, 2, &counting()) else {
        return;
    };
    let now = proxy.now();
    for worker in [0, 0, 0, 1] {
        let stuck = Request::get("/").worker(worker).upstream(Upstream::Never);
        proxy.request(now, stuck.abort_after(MS * 50));
    }
    proxy.run_until(now + MS);
    kill(&mut proxy, 0);
    proxy.run();
    ask(&mut proxy, 0, 2);
    settle(&mut proxy);
    assert_eq!(
        counts(&proxy, MICROS),
        BTreeMap::from([("status=2xx".to_owned(), 2), ("status=none".to_owned(), 1)])
    );
    assert_eq!(series(&proxy, "window_requests", ""), counts(&proxy, MICROS));
}

#[test]
fn a_trap_between_two_configs_loses_neither_ones_counters() {
    let Some(mut proxy) = begin(FailurePolicy::FailReload, 1, &counting()) else {
        return;
    };
    ask(&mut proxy, 0, 10);
    settle(&mut proxy);
    let other = with(
        counting(),
        json!({"labels": {"status_class": true, "method": true}}),
    );
    crate::rig::update(&mut proxy, &other);
    ask(&mut proxy, 0, 3);
    settle(&mut proxy);
    let before = proxy.metrics();
    kill(&mut proxy, 0);
    ask(&mut proxy, 0, 4);
    settle(&mut proxy);
    assert_grown(&before, &proxy);
    assert_eq!(
        series(&proxy, BUCKET, "+Inf"),
        BTreeMap::from([
            ("status=2xx".to_owned(), 10),
            ("method=GET,status=2xx".to_owned(), 7)
        ])
    );
}

#[test]
fn the_other_policies_answer_503_or_go_on_unmeasured() {
    for (policy, expected) in [
        (FailurePolicy::FailClosed, [503; 3]),
        (FailurePolicy::FailOpen, [200; 3]),
    ] {
        let Some(mut proxy) = begin(policy, 1, &counting()) else {
            return;
        };
        ask(&mut proxy, 0, 10);
        settle(&mut proxy);
        kill(&mut proxy, 0);
        assert_eq!(ask(&mut proxy, 0, 3).statuses(), expected, "{policy:?}");
        proxy.advance(2 * TICK);
        assert_eq!(total(&proxy, MICROS), 10, "{policy:?}");
        // Gauges of a window go on by those who live: the main thread.
        assert_eq!(one(&proxy, "status=2xx", "", "window_requests"), 10);
        proxy.advance(80 * TICK);
        assert_eq!(one(&proxy, "status=2xx", "", "window_requests"), 0, "{policy:?}");
    }
}
