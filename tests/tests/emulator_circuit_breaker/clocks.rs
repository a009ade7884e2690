//! Clocks that jump by an hour, either way and in every phase: a breaker is not stuck open, and does not forget that it is open
//! for more than one duration.

use std::time::Duration;

use fairlead_emulator::{Emulator, Request, Response};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{
    FILTER, MINIMUM, OPEN, PROBES, answered, ask, ask_many, by_tenant, gauge, jump, one, send, settle, start,
    tenant, with,
};

const HOUR: i64 = 3600;

/// One breaker by counters, one by a record, one by keys; and an hour either way.
fn cases() -> Vec<(Value, i64)> {
    let kinds = [
        json!({}),
        json!({"window": {"calls": 20}}),
        by_tenant(),
        json!({"open": {"duration": "10s", "backoff": 2, "max": "40s", "jitter": "10%"}}),
    ];
    let both = |kind: Value| [(kind.clone(), HOUR), (kind, -HOUR)];
    kinds.into_iter().flat_map(both).collect()
}

fn begin(fields: &Value) -> Option<Emulator> {
    let module = modules::compiled(FILTER)?;
    let mut proxy = start(Emulator::builder().workers(2), &module, &one(fields.clone()));
    settle(&mut proxy);
    Some(proxy)
}

fn good() -> Request {
    tenant(answered(200), "a")
}

fn bad() -> Request {
    tenant(answered(503), "a")
}

fn open(proxy: &mut Emulator) {
    let through = ask_many(proxy, &bad(), MINIMUM + 4);
    assert!((MINIMUM..MINIMUM + 4).contains(&through), "{through}");
}

/// It closes by its probes, and opens again when it must.
fn works(proxy: &mut Emulator, case: &dyn std::fmt::Debug) {
    assert_eq!(ask_many(proxy, &good(), 2 * PROBES), 2 * PROBES, "{case:?}");
    assert_eq!(gauge(proxy, "state"), 0, "{case:?}");
    // What was good leaves the window.
    proxy.advance(Duration::from_secs(11));
    let through = ask_many(proxy, &bad(), 4 * MINIMUM);
    assert!(through < 2 * MINIMUM, "{case:?}: {through} failures passed");
    assert_eq!(gauge(proxy, "state"), 2, "{case:?}");
}

#[test]
fn while_it_is_open() {
    for case in cases() {
        let Some(mut proxy) = begin(&case.0) else { return };
        open(&mut proxy);
        proxy.advance(OPEN / 2);
        jump(&mut proxy, case.1);
        if case.1 < 0 {
            // It still knows that it is open, and for no longer than one duration from here.
            assert_eq!(ask_many(&mut proxy, &good(), 2), 0, "{case:?}");
            // With jitter.
            proxy.advance(OPEN + OPEN / 8);
        }
        works(&mut proxy, &case);
    }
}

#[test]
fn while_it_is_half_open_with_a_probe_in_flight() {
    for case in cases() {
        let Some(mut proxy) = begin(&case.0) else { return };
        open(&mut proxy);
        proxy.advance(OPEN + OPEN / 8);
        let slow = Response::new(200).after(Duration::from_secs(5));
        let now = proxy.now();
        proxy.request(now, tenant(Request::get("/"), "a").upstream(slow));
        proxy.advance(Duration::from_secs(1));
        assert_eq!(
            gauge(&proxy, "state"),
            if case.0["per"].is_null() { 1 } else { 2 },
            "{case:?}"
        );
        jump(&mut proxy, case.1);
        proxy.advance(Duration::from_secs(5));
        // Forward: the wait is over, and it has opened. Back: the wait begins anew, and goes on.
        let mut passed = ask_many(&mut proxy, &good(), 2 * PROBES);
        if passed == 0 {
            proxy.advance(2 * OPEN + OPEN / 4);
            passed = ask_many(&mut proxy, &good(), 2 * PROBES);
        }
        assert_eq!(passed, 2 * PROBES, "{case:?}");
        works(&mut proxy, &case);
    }
}

#[test]
fn while_it_is_closed() {
    for case in cases() {
        let Some(mut proxy) = begin(&case.0) else { return };
        ask(&mut proxy, (0..MINIMUM / 2).map(|_| bad()));
        jump(&mut proxy, case.1);
        settle(&mut proxy);
        // Whether the earlier failures count or not: it opens, and not without enough failures.
        let through = ask_many(&mut proxy, &bad(), 3 * MINIMUM);
        assert!(
            (1..=MINIMUM).contains(&through),
            "{case:?}: {through} failures passed"
        );
        proxy.advance(OPEN + OPEN / 8);
        works(&mut proxy, &case);
    }
}

#[test]
fn while_its_ramp_runs() {
    for case in cases() {
        let fields = with(case.0.clone(), json!({"recovery_ramp": "20s"}));
        let Some(mut proxy) = begin(&fields) else { return };
        open(&mut proxy);
        proxy.advance(OPEN + OPEN / 8);
        assert_eq!(ask_many(&mut proxy, &good(), PROBES), PROBES, "{case:?}");
        proxy.advance(Duration::from_secs(5));
        jump(&mut proxy, case.1);
        // Over at once, or begun anew by the next request: after its length all pass.
        ask(&mut proxy, [good()]);
        proxy.advance(Duration::from_secs(20));
        assert_eq!(ask_many(&mut proxy, &good(), 50), 50, "{case:?}");
    }
}

#[test]
fn jumps_back_again_and_again_do_not_keep_it_open_when_time_passes() {
    for (fields, _) in cases() {
        let Some(mut proxy) = begin(&fields) else { return };
        open(&mut proxy);
        for _ in 0..5 {
            jump(&mut proxy, -HOUR);
            assert_eq!(send(&mut proxy, [good()]).statuses(), [503], "{fields}");
        }
        proxy.advance(OPEN + OPEN / 8);
        works(&mut proxy, &fields);
    }
}
