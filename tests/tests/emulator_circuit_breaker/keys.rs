//! What is kept in the proxy's shared store, by whom, and how much of it.

use std::collections::BTreeSet;
use std::time::Duration;

use fairlead_emulator::{Emulator, Plugin, Request};
use fairlead_tests::emulated::assert_named;
use fairlead_tests::modules;
use serde_json::json;

use crate::rig::{
    FILTER, MINIMUM, OPEN, answered, ask, ask_many, by_tenant, count, gauge, one, passed, send, settle,
    start, tenant, with,
};

/// A breaker that uses all there is.
fn full() -> serde_json::Value {
    one(with(
        by_tenant(),
        json!({"max_in_flight": 100, "fallback": {"stale": {"max_age": "60s"}}}),
    ))
}

#[test]
fn every_shared_key_and_every_metric_carries_the_plugins_name() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let named = |name: &str| Plugin::new(name, &module).configuration(full().to_string());
    let mut proxy = Emulator::builder()
        .workers(2)
        .plugin(named("one"))
        .plugin(named("two"))
        .build()
        .unwrap();
    send(
        &mut proxy,
        (0..100).map(|n| tenant(answered(503), format!("{n}"))),
    );
    proxy.advance(Duration::from_secs(2));
    // The seed, the mark of an accepted config, who lives, the only set of records, the only set in flight.
    assert_named(&proxy, "circuit_breaker", &["one", "two"], 5);
}

#[test]
fn plugins_with_different_names_do_not_open_each_others_breakers() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let on = |name: &str, path: &str| {
        let config = one(json!({"match": [{"path": {"prefix": path}}]}));
        Plugin::new(name, &module).configuration(config.to_string())
    };
    let mut proxy = Emulator::builder()
        .workers(2)
        .plugin(on("one", "/one"))
        .plugin(on("two", "/two"))
        .build()
        .unwrap();
    let get = |path: &str, status| Request::get(path).upstream(fairlead_emulator::Response::new(status));
    ask_many(&mut proxy, &get("/one", 503), MINIMUM + 2);
    assert_eq!(ask_many(&mut proxy, &get("/one", 200), 2), 0);
    assert_eq!(ask_many(&mut proxy, &get("/two", 200), 2), 2);
}

#[test]
fn a_filter_that_is_off_or_has_no_breakers_does_nothing_at_all() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for config in [with(full(), json!({"mode": "off"})), json!({"breakers": []})] {
        let mut proxy = start(Emulator::builder().workers(2), &module, &config);
        let before = proxy.shared_data("");
        let request = tenant(answered(503), "a");
        let report = send(&mut proxy, std::iter::repeat_n(request, 3 * MINIMUM));
        for outcome in &report.outcomes {
            assert_eq!(outcome.status, Some(503));
            assert_eq!(outcome.upstream_request.as_ref(), Some(&outcome.request));
            assert!(
                outcome.response_headers.is_empty(),
                "{:?}",
                outcome.response_headers
            );
            assert_eq!(outcome.counted, []);
        }
        proxy.advance(Duration::from_secs(60));
        assert_eq!(proxy.shared_data(""), before);
    }
}

#[test]
fn without_traffic_only_signs_of_life_and_marks_of_time_are_written() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for config in [one(json!({})), full()] {
        let mut proxy = start(Emulator::builder().workers(2), &module, &config);
        proxy.advance(Duration::from_secs(30));
        let before: BTreeSet<_> = proxy.shared_data("").into_iter().collect();
        proxy.advance(Duration::from_secs(300));
        let after: BTreeSet<_> = proxy.shared_data("").into_iter().collect();
        for (key, value, _) in after.difference(&before) {
            let key = String::from_utf8_lossy(key);
            let known = key.contains("/presence/") || key.contains("/snapshots/");
            assert!(known, "{key:?}");
            assert!(
                before.iter().any(|(_, old, _)| old.len() == value.len()),
                "{key:?} grows"
            );
        }
        assert_eq!(after.len(), before.len());
    }
}

#[test]
fn neither_calls_that_succeed_by_counters_nor_refusals_are_written() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let store = |proxy: &Emulator| proxy.shared_data("");
    let mut proxy = start(Emulator::builder(), &module, &one(json!({})));
    settle(&mut proxy);
    ask(&mut proxy, [answered(200)]);
    let before = store(&proxy);
    assert_eq!(
        send(&mut proxy, (0..20).map(|_| answered(200))).statuses(),
        [200; 20]
    );
    assert_eq!(store(&proxy), before);
    for fields in [json!({}), json!({"window": {"calls": 20}}), by_tenant()] {
        let mut proxy = start(Emulator::builder(), &module, &one(fields));
        settle(&mut proxy);
        let request = tenant(answered(503), "a");
        ask_many(&mut proxy, &request, MINIMUM + 1);
        let before = store(&proxy);
        let report = send(&mut proxy, std::iter::repeat_n(request, 20));
        assert!(!report.outcomes.iter().any(passed));
        assert_eq!(store(&proxy), before);
    }
}

#[test]
fn foreign_bytes_in_the_store_count_as_absent() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let machine = |fields| {
        one(with(
            fields,
            json!({"max_in_flight": 50, "fallback": {"stale": {}}}),
        ))
    };
    for fields in [json!({}), json!({"window": {"calls": 20}}), by_tenant()] {
        let mut proxy = start(Emulator::builder().workers(2), &module, &machine(fields.clone()));
        settle(&mut proxy);
        let fail = tenant(answered(503), "a");
        for garbage in [
            &b""[..],
            b"\x00",
            b"\x01",
            b"\xff\xff\xff",
            &[1; 46],
            &[2; 200],
            &[0xff; 177],
            &[7; 70_000],
        ] {
            // Over whatever there is: nothing yet, or an open breaker.
            for (key, ..) in proxy.shared_data("") {
                proxy.set_shared_data("", &key, garbage);
            }
            // A worker may know for as long as it is open what the record said.
            proxy.advance(OPEN);
            settle(&mut proxy);
            let through = ask_many(&mut proxy, &fail, MINIMUM + 4);
            assert!(
                (1..MINIMUM + 4).contains(&through),
                "{fields}: {} bytes: {through}",
                garbage.len()
            );
            assert_eq!(
                ask_many(&mut proxy, &fail, 4),
                0,
                "{fields}: {} bytes",
                garbage.len()
            );
            assert_eq!(gauge(&proxy, "state"), 2, "{fields}: {} bytes", garbage.len());
        }
        // And it closes again.
        proxy.advance(OPEN);
        let good = tenant(answered(200), "a");
        assert_eq!(ask_many(&mut proxy, &good, 10), 10, "{fields}");
    }
}

/// Sends a request for each of many tenants, so that every place of a table of a few is wanted.
fn crowd(proxy: &mut Emulator) {
    send(
        proxy,
        (0..400).map(|n| tenant(answered(200), format!("other-{n}"))),
    );
}

#[test]
fn breakers_that_were_forgotten_count_again() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let config = one(with(by_tenant(), json!({"max_keys": 256})));
    let mut proxy = start(Emulator::builder(), &module, &config);
    let all = |proxy: &mut Emulator, status, count| {
        let through = |n| ask_many(proxy, &tenant(answered(status), format!("{n}")), count);
        (0..16).map(through).collect::<Vec<usize>>()
    };
    all(&mut proxy, 503, MINIMUM + 2);
    proxy.advance(OPEN);
    assert_eq!(all(&mut proxy, 200, 10), [10; 16]);
    // Their windows are empty, and their places are given away.
    proxy.advance(Duration::from_secs(60));
    crowd(&mut proxy);
    let crowded = count(&proxy, "overflow_total", "");
    proxy.advance(Duration::from_secs(60));
    assert_eq!(count(&proxy, "overflow_total", ""), crowded, "all have a place");
    // A call that a worker let pass by what it had remembered may be lost.
    let through = all(&mut proxy, 503, 3 * MINIMUM);
    assert!(
        through.iter().all(|through| *through <= MINIMUM + 1),
        "{through:?}"
    );
}

#[test]
fn a_key_that_nobody_asks_for_again_is_not_shown_as_open_for_ever() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(Emulator::builder(), &module, &one(by_tenant()));
    assert_eq!(
        ask_many(&mut proxy, &tenant(answered(503), "a"), MINIMUM + 2),
        MINIMUM
    );
    assert_eq!((gauge(&proxy, "open_keys"), gauge(&proxy, "state")), (1, 2));
    // After ten minutes its place may be taken.
    proxy.advance(Duration::from_secs(660));
    crowd(&mut proxy);
    proxy.advance(Duration::from_secs(5));
    assert_eq!((gauge(&proxy, "open_keys"), gauge(&proxy, "state")), (0, 0));
}
