//! A host that refuses: whatever a host call answers, no VM ends, and requests go on.
//!
//! The emulator answers as Envoy does, which hardly ever refuses. So the module is rewritten: each import is called through
//! a function that, by a generator of its own, answers with some other status in place of the call.

use std::time::Duration;

use fairlead_emulator::{Answer, Emulator, Outcome, Response};
use fairlead_tests::modules;
use fairlead_tests::refusing::{Refusal, refusing};
use serde_json::{Value, json};

use crate::rig::{FILTER, cookie_of, drawn, release, send, start, user, with};

/// A config that makes every kind of host call.
fn full(weight: &str) -> Value {
    with(
        release("r", weight),
        json!({
            "force": {"header": "x-force", "cookie": "canary", "allow_from": [{"cidrs": ["10.0.0.0/8"], "trusted_hops": 1}]},
            "sticky": {"by": [{"header": "x-user"}, {"client_ip": {}}, {"random": true}], "cookie": {}},
            "ramp": {"start": "2026-01-01T00:00:00Z", "steps": [{"at": "0s", "weight": weight}]},
            "guard": {"window": "1s", "minimum_requests": 5, "error_rate": {"max": "10%"}, "latency": {"max": "1s"}, "on_trip": {"hold": "1s"}},
            "propagate": {"baggage": true, "trace": true},
        }),
    )
}

/// Traffic of all kinds over all workers, with ticks in between.
fn play(proxy: &mut Emulator) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut cookie = String::from("fairlead-release=v2");
    for round in 0..40 {
        let request = |n: usize| {
            let request = user(format!("user-{round}-{n}")).header("x-forwarded-for", "10.0.0.1, 192.0.2.1");
            let request = match n % 7 {
                0 => request.header("x-force", "always"),
                1 => request.header("cookie", &cookie),
                2 => request.header("x-canary", "v2").header("baggage", "a=1"),
                3 => request.header(
                    "traceparent",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                ),
                4 => fairlead_emulator::Request::get("/"),
                _ => request,
            };
            let grpc = Response::new(200)
                .header("grpc-status", "0")
                .body("x")
                .trailer("grpc-status", "14");
            request.upstream(if n.is_multiple_of(3) {
                grpc
            } else {
                Response::new(if n.is_multiple_of(2) { 503 } else { 200 })
            })
        };
        let report = send(proxy, (0..42).map(request));
        assert_eq!(report.faults, [], "{:?}", report.logs);
        if let Some(issued) = report.outcomes.iter().find_map(cookie_of) {
            cookie = issued;
        }
        outcomes.extend(report.outcomes);
        let report = proxy.advance(Duration::from_millis(300));
        assert_eq!(report.faults, [], "{:?}", report.logs);
    }
    outcomes
}

#[test]
fn calls_that_are_refused_at_random_end_no_vm_and_hold_up_no_request() {
    let Some(module) = refusing(
        FILTER,
        Refusal {
            after_calls: 400,
            in_blocks: true,
        },
    ) else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(3), &module, &full("50%"));
    let outcomes = play(&mut proxy);
    for outcome in &outcomes {
        assert_eq!(outcome.from, Answer::Upstream);
    }
    // Were nothing refused, all of these would be drawn at 100 %; some are.
    let is_in = outcomes.iter().filter(|outcome| {
        outcome
            .upstream_request
            .as_ref()
            .is_some_and(|request| request.get("x-canary").is_some())
    });
    assert!((1..outcomes.len()).contains(&is_in.count()));
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
        let mut proxy = start(
            Emulator::builder().workers(2).serve_refused(true),
            &module,
            &full("50%"),
        );
        let report = send(&mut proxy, (0..50).map(|n| user(format!("user-{n}"))));
        let traps: Vec<_> = report
            .faults
            .iter()
            .filter(|fault| fault.kind != fairlead_emulator::FaultKind::Refused)
            .collect();
        assert!(traps.is_empty(), "{traps:?}");
        started += usize::from(report.statuses().iter().all(|status| *status == 200));
        proxy.advance(Duration::from_secs(3));
    }
    assert!(started > 0, "no config was ever accepted");
}

#[test]
fn a_rewritten_module_that_refuses_nothing_does_what_the_other_does() {
    let Some(rewritten) = refusing(
        FILTER,
        Refusal {
            after_calls: i32::MAX,
            in_blocks: true,
        },
    ) else {
        return;
    };
    let original = modules::compiled(FILTER).expect("it was there a moment ago");
    let [first, second] = [original, rewritten].map(|module| {
        let mut proxy = start(Emulator::builder().workers(3), &module, &full("50%"));
        let report = send(&mut proxy, (0..200).map(|n| user(format!("user-{n}"))));
        (drawn(&report), proxy.metrics().counters)
    });
    assert_eq!(first, second);
}
