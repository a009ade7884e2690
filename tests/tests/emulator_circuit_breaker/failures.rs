//! A host that refuses, and one whose metrics cannot be read back: no VM ends, requests go on, and breakers still work where
//! that is possible.

use std::time::Duration;

use fairlead_emulator::{Emulator, FaultKind, Request, Response, Upstream};
use fairlead_tests::modules;
use fairlead_tests::refusing::{Refusal, forgetting_metrics, refusing};
use serde_json::{Value, json};

use crate::rig::{
    FILTER, MINIMUM, OPEN, PROBES, answered, ask_many, by_tenant, count, one, passed, send, settle, start,
    tenant, with,
};

/// A config that makes every kind of host call.
fn full(name: &str) -> Value {
    let stale = json!({"stale": {"max_age": "10s", "max_entries": 4}});
    json!({"breakers": [
        {"name": "first", "per": {"key": [{"header": "x-tenant"}]}, "minimum_requests": 3, "open": {"duration": "1s"}, "max_in_flight": 5, "timeout": "1s"},
        {"name": name, "minimum_requests": 5, "open": {"duration": "1s", "jitter": "10%"}, "trip": {"error_rate": "50%", "slow": {"above": "2ms"}}, "fallback": stale, "recovery_ramp": "1s"},
        {"name": "third", "throttle": {"success_rate": "95%"}},
        {"name": "fourth", "per": "cluster", "window": {"calls": 10}, "fallback": {"reroute": {"header": "x-fallback", "value": "1"}}},
    ]})
}

/// Traffic of all kinds over all workers, with ticks in between; how many requests were answered by whom but the upstream.
fn play(proxy: &mut Emulator) -> usize {
    let mut refused = 0;
    for round in 0..40 {
        let request = |n: usize| {
            let request = tenant(Request::get(format!("/{}", n % 3)), format!("{}", n % 5));
            let status = if (n + round).is_multiple_of(3) { 503 } else { 200 };
            match n % 7 {
                0 => request.upstream(Upstream::Reset {
                    after: Duration::from_millis(1),
                }),
                1 => request
                    .upstream(Upstream::Never)
                    .abort_after(Duration::from_millis(2)),
                2 => request.header("te", "trailers").body("x").upstream(
                    Response::new(200)
                        .header("content-type", "application/grpc")
                        .body("x")
                        .trailer("grpc-status", "14"),
                ),
                _ => request.upstream(
                    Response::new(status)
                        .body("body")
                        .after(Duration::from_millis(n as u64 % 4)),
                ),
            }
        };
        let report = send(proxy, (0..42).map(request));
        assert_eq!(report.faults, [], "{:?}", report.logs);
        assert_eq!(report.outcomes.len(), 42);
        let by_filter = |outcome: &&fairlead_emulator::Outcome| {
            matches!(outcome.from, fairlead_emulator::Answer::Filter { .. })
        };
        refused += report.outcomes.iter().filter(by_filter).count();
        let report = proxy.advance(Duration::from_millis(300));
        assert_eq!(report.faults, [], "{:?}", report.logs);
    }
    refused
}

#[test]
fn calls_that_are_refused_at_random_end_no_vm_and_hold_up_no_request() {
    for in_blocks in [true, false] {
        let refusal = Refusal {
            after_calls: 400,
            in_blocks,
        };
        let Some(module) = refusing(FILTER, refusal) else {
            return;
        };
        let mut proxy = start(Emulator::builder().workers(3), &module, &full("second"));
        let refused = play(&mut proxy);
        assert!((1..40 * 42).contains(&refused), "{refused} requests refused");
    }
}

#[test]
fn calls_that_are_refused_from_the_very_first_refuse_a_config_at_the_worst() {
    let mut started = 0;
    // Each number is another course of calls.
    for after_calls in [0, 1, 2, 3, 5, 8, 13] {
        let refusal = Refusal {
            after_calls,
            in_blocks: false,
        };
        let Some(module) = refusing(FILTER, refusal) else {
            return;
        };
        let builder = Emulator::builder().workers(2).serve_refused(true);
        let mut proxy = start(builder, &module, &full("x"));
        let report = send(&mut proxy, (0..50).map(|n| tenant(answered(503), format!("{n}"))));
        let traps = report
            .faults
            .iter()
            .filter(|fault| fault.kind != FaultKind::Refused);
        assert_eq!(traps.count(), 0, "{:?}", report.faults);
        started += usize::from(report.statuses().iter().all(|status| *status == 503));
        proxy.advance(Duration::from_secs(3));
    }
    assert!(started > 0, "no config was ever accepted");
}

/// What requests meet from an outage to the end of it, over two workers.
fn outage(proxy: &mut Emulator, slow: bool) -> Vec<usize> {
    let response = |status, millis| Response::new(status).after(Duration::from_millis(millis));
    let ask = |proxy: &mut Emulator, response: Response, count| {
        ask_many(proxy, &tenant(Request::get("/").upstream(response), "a"), count)
    };
    settle(proxy);
    let bad = if slow {
        response(200, 300)
    } else {
        response(503, 1)
    };
    let mut seen = vec![
        ask(proxy, response(200, 1), MINIMUM / 2),
        ask(proxy, bad.clone(), 3 * MINIMUM),
        ask(proxy, response(200, 1), 5),
    ];
    proxy.advance(OPEN);
    seen.push(ask(proxy, bad, PROBES + 2));
    proxy.advance(OPEN);
    seen.push(ask(proxy, response(200, 1), 3 * PROBES));
    seen
}

#[test]
fn where_metrics_cannot_be_read_back_breakers_work_all_the_same() {
    let Some(forgetting) = forgetting_metrics(FILTER) else {
        return;
    };
    let keeping = modules::compiled(FILTER).expect("it was there a moment ago");
    let slow = json!({"trip": {"slow": {"above": "200ms", "rate": "50%"}}});
    for (fields, is_slow) in [
        (json!({}), false),
        (json!({"trip": {"consecutive_failures": 7}}), false),
        (slow, true),
        (json!({"window": {"calls": 20}}), false),
        (by_tenant(), false),
        (
            json!({"preset": "opossum", "minimum_requests": MINIMUM, "open": {"duration": "10s"}}),
            false,
        ),
    ] {
        let [expected, found] = [&keeping, &forgetting].map(|module| {
            let mut proxy = start(Emulator::builder().workers(2), module, &one(fields.clone()));
            let seen = outage(&mut proxy, is_slow);
            let told = ["open", "half_open", "closed"].map(|to| count(&proxy, "transitions_total", to));
            (seen, told)
        });
        assert_eq!(found, expected, "{fields}");
        assert_eq!(found.1, [2, 2, 1], "{fields}: {found:?}");
    }
}

#[test]
fn where_metrics_cannot_be_read_back_no_schedule_lets_more_through() {
    let Some(module) = forgetting_metrics(FILTER) else {
        return;
    };
    for seed in 0..200 {
        let builder = Emulator::builder().workers(3).interleave(seed);
        let mut proxy = start(
            builder.interleave_window(Duration::from_micros(10)),
            &module,
            &one(with(json!({}), json!({"max_in_flight": 6}))),
        );
        let mut wave = |status, turns: u32| {
            let begin = proxy.now() + Duration::from_millis(1);
            for n in 0..3 * turns {
                let at = begin + Duration::from_millis(1) * (n / 3);
                proxy.request(at, answered(status).worker(n as usize % 3));
            }
            let report = proxy.run();
            let through = report.outcomes.iter().filter(|outcome| passed(outcome)).count();
            proxy.advance(OPEN);
            through
        };
        let failed = wave(503, 15);
        assert!((MINIMUM..=MINIMUM + 6).contains(&failed), "seed {seed}: {failed}");
        assert_eq!(wave(500, 1), PROBES, "seed {seed}");
        assert_eq!(wave(200, 1), PROBES, "seed {seed}");
        assert_eq!(wave(200, 5), 15, "seed {seed}");
    }
}

#[test]
fn a_rewritten_module_that_refuses_nothing_does_what_the_other_does() {
    let refusal = Refusal {
        after_calls: i32::MAX,
        in_blocks: true,
    };
    let Some(rewritten) = refusing(FILTER, refusal) else {
        return;
    };
    let original = modules::compiled(FILTER).expect("it was there a moment ago");
    let [first, second] = [original, rewritten].map(|module| {
        let mut proxy = start(Emulator::builder().workers(3), &module, &full("second"));
        (play(&mut proxy), proxy.metrics().counters)
    });
    assert_eq!(first, second);
}
